/**
 * A `LanguageModel` that calls the tools of its requests at random: one seed is one model.
 *
 * **Details**
 *
 * It reads the tools of each request, so that it fits any toolkit. Over one to four turns it asks for up to ten calls at
 * once, most with arguments that the tool's schema allows, some with arguments that it does not allow, that break off, that
 * an earlier call had, or for a tool that there is not; then it answers. It follows the tool choice, and a request for structured
 * output by a tool. The same requests get the same replies from the same seed.
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Tool from "effect/ai/Tool"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ModelSettings from "../ModelSettings.ts"
import * as Arguments from "./internal/sim/arguments.ts"
import { randomNumbers } from "./internal/simulate.ts"
import * as ModelScript from "./ModelScript.ts"
import * as ScriptedModel from "./ScriptedModel.ts"

const mostTurns = 4
const mostCalls = 10

/** The name of a tool that nobody has. */
const missing = "no_such_tool"

/** Likelihoods of what is wrong with a call, and of one that was made before. */
const odds = { broken: 0.12, missing: 0.03, sameId: 0.03, again: 0.15 }

const drawn = (arbitrary: Arbitrary.Arbitrary<Arguments.Arguments>, seed: string) =>
  Effect.orDie(Effect.map(Arbitrary.sampleEffect(arbitrary, { count: 1, size: 4, seed }), ([value]) => value ?? {}))

/** The tools that the request lets the model call, and how many calls it wants at least and at most. */
const allowed = (
  { toolChoice, tools }: Pick<LanguageModel.ProviderOptions, "toolChoice" | "tools">,
  parallel: boolean
): { readonly tools: ReadonlyArray<Tool.Any>; readonly least: number; readonly most: number } => {
  const most = parallel ? mostCalls : 1
  if (toolChoice === "none" || tools.length === 0) return { tools: [], least: 0, most: 0 }
  if (toolChoice === "auto") return { tools, least: 0, most }
  if (toolChoice === "required") return { tools, least: 1, most }
  if ("tool" in toolChoice) return { tools: tools.filter(({ name }) => name === toolChoice.tool), least: 1, most: 1 }
  return {
    tools: tools.filter(({ name }) => toolChoice.oneOf.includes(name)),
    least: toolChoice.mode === "required" ? 1 : 0,
    most
  }
}

/** The calls that the prompt has, which may be made again. */
const made = ({ content }: LanguageModel.ProviderOptions["prompt"]): ReadonlyArray<ModelScript.Call> =>
  content.flatMap((message) =>
    message.role === "assistant"
      ? message.content.flatMap((part) =>
        part.type === "tool-call"
          ? [{ name: part.name, input: part.params as NonNullable<ModelScript.Call["input"]> }]
          : []
      )
      : []
  )

const reply = Effect.fnUntraced(function*(
  seed: number,
  request: LanguageModel.ProviderOptions,
  n: number
): Effect.fn.Return<ModelScript.Reply> {
  const { parallelToolCalls = true } = yield* ModelSettings.current
  const turns = 1 + Math.floor(randomNumbers(seed)() * mostTurns)
  const random = randomNumbers(Math.imul(seed, 0x9e3779b1) ^ n)
  // the first numbers of neighbouring seeds are alike
  for (let i = 0; i < 4; i++) random()
  const chance = (share: number): boolean => random() < share
  const upTo = (most: number): number => Math.floor(random() * (most + 1))

  const { least, most, tools } = allowed(request, parallelToolCalls)
  const count = n >= turns ? least : Math.max(least, Math.min(most, chance(0.1) ? most : upTo(4) + 1))
  const before = made(request.prompt)
  const calls: Array<ModelScript.Call> = []
  for (let i = 0; i < count && tools.length > 0; i++) {
    const tool = tools[upTo(tools.length - 1)]!
    const known = [...before, ...calls].filter(({ name }) => name === tool.name)
    const strange = least === 0 && chance(odds.missing)
    const again = least === 0 && chance(odds.again) ? known[upTo(known.length - 1)] : undefined
    const wrong = least === 0 && chance(odds.broken)
    const from = `${seed}.${n}.${i}`
    const args = again ?? (yield* drawn(wrong ? Arguments.broken(tool) : Arguments.valid(tool), from))
    calls.push({
      ...args,
      name: strange ? missing : tool.name,
      ...(chance(odds.sameId) ? { id: "toolu_same" } : {})
    })
  }
  return ModelScript.reply({
    content: [
      ...(calls.length === 0 || chance(0.3)
        ? [{ type: "text", text: calls.length === 0 ? "Done." : "Let me see." } as const]
        : []),
      ...calls.map((call) => ({ ...call, type: "tool_use" } as const))
    ]
  })
})

/**
 * Creates the model of a seed.
 *
 * **Example** (An agent against a model that calls anything)
 *
 * ```ts
 * import { Agent } from "@volley/core"
 * import { ModelFuzz } from "@volley/core/testing"
 * import { Effect, Schema } from "effect"
 *
 * const search = Agent.tool("search", { description: "Searches", parameters: { text: Schema.String }, run: () => "nothing" })
 *
 * const program = Effect.gen(function*() {
 *   const model = yield* ModelFuzz.make(7)
 *   return yield* Effect.provide(Agent.run(Agent.make("any", { tools: [search] }), "go"), model.layer)
 * })
 * const { _tag, turns } = await Effect.runPromise(program)
 * console.log(_tag, turns)
 * ```
 *
 * ```text
 * Completed 2
 * ```
 *
 * @param seed - a whole number, decides everything
 * @category constructors
 * @since 0.1.0
 */
export const make = (seed: number): Effect.Effect<ScriptedModel.ScriptedModel> =>
  ScriptedModel.make((request, n) => reply(seed, request, n), { modelName: `fuzz-${seed}` })

/**
 * Provides the model of a seed; see `make`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (seed: number): Layer.Layer<LanguageModel.LanguageModel> =>
  Layer.unwrap(Effect.map(make(seed), (model) => model.layer))
