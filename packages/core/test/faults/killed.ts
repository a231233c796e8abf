import * as Agent from "@volley/core/Agent"
import * as ModelScript from "@volley/core/testing/ModelScript"
import * as ScriptedModel from "@volley/core/testing/ScriptedModel"
import * as ToolCall from "@volley/core/ToolCall"
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as fs from "node:fs"

/** A run whose effects are lines of a file, which outlives every process. */
export const runId = "killed"

/** What the file has: the key of a call, which effect it is, and of which process. */
export interface Line {
  readonly key: string
  readonly n: number
  readonly pid: number
}

export const linesOf = (ledger: string): ReadonlyArray<Line> =>
  fs.existsSync(ledger)
    ? fs.readFileSync(ledger, "utf8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Line)
    : []

const turns = [
  [["look", 1], ["pay", 2], ["put", 3], ["book", 4]],
  [["pay", 5], ["pay", 6], ["book", 7]],
  [["look", 8], ["put", 9], ["pay", 10]]
] as const

export const replies: ReadonlyArray<ModelScript.Reply> = [
  ...turns.map((calls) => ModelScript.toolUse(calls.map(([name, n]) => ({ name, input: { n } })), { chunkSize: 4 })),
  ModelScript.text("done", { chunkSize: 1 })
]

/** Answers by what the conversation has reached, in whatever process. */
export const model = ScriptedModel.make(({ prompt }) =>
  replies[prompt.content.filter(({ role }) => role === "assistant").length]
)

export const agent = (ledger: string) => {
  const isWritten = (key: string): boolean => linesOf(ledger).some((line) => line.key === key)
  const write = (key: string, n: number): void => {
    fs.writeFileSync(ledger, `${JSON.stringify({ key, n, pid: process.pid } satisfies Line)}\n`, { flag: "a" })
  }
  const act = (effectClass: ToolPolicy.EffectClass, key: string, n: number): void => {
    if (effectClass === "readonly" || (effectClass === "idempotent" && isWritten(key))) return
    write(key, n)
  }
  const tool = (name: string, effectClass: ToolPolicy.EffectClass) =>
    Agent.tool(name, {
      description: name,
      class: effectClass,
      parameters: { n: Schema.Int },
      success: Schema.String,
      run: Effect.fnUntraced(function*({ n }: { readonly n: number }) {
        const { idempotencyKey } = (yield* ToolCall.current)!
        yield* Effect.sleep(n % 3)
        act(effectClass, idempotencyKey, n)
        yield* Effect.sleep(n % 4)
        return `result ${n}`
      })
    })
  const reconcile = ({ n }: { readonly n: number }, { idempotencyKey }: ToolCall.ToolCall) =>
    Effect.sync(() => isWritten(idempotencyKey) ? Option.some(`result ${n}`) : Option.none())
  return Agent.make("killed", {
    tools: [
      tool("look", "readonly"),
      tool("put", "idempotent"),
      tool("pay", "effectful"),
      ToolPolicy.effectful(tool("book", "effectful"), { reconcile })
    ]
  })
}
