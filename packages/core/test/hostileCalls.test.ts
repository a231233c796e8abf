import { assert, describe, it } from "@effect/vitest"
import { Agent } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Exit, Schema } from "effect"
import { type Prompt, Tool, Toolkit } from "effect/ai"
import { json, utf16 } from "./support/arbitraries.ts"
import { answers, inTime, observe } from "./support/observe.ts"
import { type Asked, dispatchTurn } from "./support/turn.ts"

/** What the handlers got. */
const world = () => {
  const got: Array<Readonly<Record<string, unknown>>> = []
  const run = (params: Readonly<Record<string, unknown>>): string => {
    got.push(params)
    return "fine"
  }
  const echo = Agent.tool("echo", {
    description: "Says it again",
    class: "readonly",
    parameters: { text: Schema.optionalKey(Schema.String), any: Schema.optionalKey(Schema.Json) },
    run
  })
  const labels = Agent.tool("labels", {
    description: "Takes labels",
    class: "readonly",
    parameters: { labels: Schema.Record(Schema.String, Schema.Json) },
    run: (params) => run(params)
  })
  const named = Agent.tool("constructor", { description: "Is named after a property", class: "readonly", run })
  const Dynamic = Tool.dynamic("dynamic", { parameters: { type: "object" } })
  const layer = Toolkit.make(Dynamic).toLayer({ dynamic: (params) => Effect.sync(() => run(params as never)) })
  return { got, tools: [echo, labels, named, Dynamic], layer }
}

const deep = (levels: number): unknown => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`)

const polluted = "{\"__proto__\":{\"admin\":true},\"constructor\":{\"prototype\":{\"admin\":true}}}"

interface Hostile extends Asked {
  readonly why: string
  /** The failure's reason; none where the call is a good one after all. */
  readonly reason?: string
}

const hostile: ReadonlyArray<Hostile> = [
  { why: "an unknown tool", name: "nothing", reason: "NotFound" },
  { why: "an empty name", name: "", reason: "NotFound" },
  { why: "a name of Object.prototype", name: "toString", reason: "NotFound" },
  { why: "__proto__ as a name", name: "__proto__", reason: "NotFound" },
  { why: "a name of a megabyte", name: "echo".repeat(250_000), reason: "NotFound" },
  { why: "a name with half a character", name: "echo\ud83d", reason: "NotFound" },
  { why: "a tool that is named constructor", name: "constructor" },
  { why: "null", name: "echo", params: null, reason: "InvalidArguments" },
  { why: "a list", name: "echo", params: [{ text: "a" }], reason: "InvalidArguments" },
  { why: "a text", name: "echo", params: "{\"text\":", reason: "InvalidArguments" },
  { why: "a number", name: "echo", params: 7, reason: "InvalidArguments" },
  { why: "a truth value", name: "echo", params: true, reason: "InvalidArguments" },
  { why: "null for a dynamic tool", name: "dynamic", params: null, reason: "InvalidArguments" },
  { why: "a text for a dynamic tool", name: "dynamic", params: "x", reason: "InvalidArguments" },
  { why: "__proto__ as an argument", name: "echo", params: JSON.parse(polluted) },
  { why: "__proto__ within an argument", name: "echo", params: { any: JSON.parse(polluted) } },
  { why: "__proto__ as a key", name: "labels", params: { labels: JSON.parse(polluted) } },
  { why: "__proto__ for a dynamic tool", name: "dynamic", params: JSON.parse(polluted) },
  { why: "deep arguments", name: "echo", params: { any: deep(1000) }, reason: "InvalidArguments" },
  {
    why: "deep arguments of a dynamic tool",
    name: "dynamic",
    params: { any: deep(1000) },
    reason: "InvalidArguments"
  },
  { why: "half a character", name: "echo", params: { text: "\ud83d", any: { "\ude00": "\ud83d" } } },
  { why: "half a character for a dynamic tool", name: "dynamic", params: { "\ude00": "\ud83d" } }
]

const properties = Object.getOwnPropertyNames(Object.prototype)

/** Neither `Object.prototype` nor what a handler got has taken anything from `__proto__`. */
const unpolluted = (got: ReadonlyArray<unknown>): void => {
  assert.deepStrictEqual(Object.getOwnPropertyNames(Object.prototype), properties)
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return
    assert.include([Object.prototype, Array.prototype], Object.getPrototypeOf(value))
    Object.values(value).forEach(visit)
  }
  got.forEach(visit)
}

const sibling = { name: "echo", params: { text: "sibling" } }

describe("Dispatcher", () => {
  it.effect.each(hostile)("T6, G17 - $why is answered, its siblings are run", (call) =>
    Effect.gen(function*() {
      const { got, layer, tools } = world()
      const { answers } = yield* dispatchTurn(tools, [sibling, call, sibling]).pipe(Effect.provide(layer))
      assert.deepStrictEqual(answers.map(({ failure }) => failure?.reason), [undefined, call.reason, undefined])
      for (const { result } of answers) {
        assert.isTrue(typeof result === "string" && result !== "" && result.isWellFormed() && result.length < 1000)
      }
      assert.deepInclude(got, { text: "sibling" })
      unpolluted(got)
    }))

  it.effect("G1, G2 - calls of one id are each answered at their place", () =>
    Effect.gen(function*() {
      const { layer, tools } = world()
      const calls = ["echo", "nothing", "echo", "dynamic"].map((name) => ({ name, id: "same" }))
      const { answers } = yield* dispatchTurn(tools, calls).pipe(Effect.provide(layer))
      assert.deepStrictEqual(answers.map(({ ok }) => ok), [true, false, true, true])
    }))

  it.effect("T18 - arguments of a hundred thousand levels are refused", () =>
    Effect.gen(function*() {
      const { layer, tools } = world()
      const calls = ["echo", "dynamic", "nothing"].map((name) => ({ name, params: { any: deep(100_000) } }))
      const { answers } = yield* dispatchTurn(tools, [...calls, sibling]).pipe(Effect.provide(layer))
      assert.deepStrictEqual(answers.map(({ ok }) => ok), [false, false, false, true])
    }))

  it.effect("T18 - arguments of 10 MB are answered in time", () =>
    Effect.gen(function*() {
      const { got, layer, tools } = world()
      const text = "0123456789".repeat(1_000_000)
      const begun = performance.now()
      const { answers } = yield* dispatchTurn(tools, [
        { name: "echo", params: { text } },
        { name: "dynamic", params: { text } },
        { name: "nothing", params: { text } },
        { name: "echo", params: text },
        sibling
      ]).pipe(Effect.provide(layer))
      assert.isBelow(performance.now() - begun, 5 * 2000)
      assert.deepStrictEqual(answers.map(({ ok }) => ok), [true, true, false, false, true])
      assert.strictEqual(got.length, 3)
    }), 20_000)

  it.effect.prop("G17 - any name with any arguments is answered with a text", [
    utf16(),
    json(4),
    json(4)
  ], ([name, params, any]) =>
    Effect.gen(function*() {
      const { got, layer, tools } = world()
      const calls = [{ name, params }, ...tools.flatMap(({ name }) => [{ name, params }, { name, params: { any } }])]
      const { answers } = yield* dispatchTurn(tools, [...calls, sibling], { concurrency: 64 }).pipe(
        Effect.provide(layer)
      )
      assert.strictEqual(answers.length, calls.length + 1)
      for (const { failure, result } of answers) {
        assert.isTrue(typeof result === "string" && result !== "" && result.isWellFormed())
        assert.include([undefined, "InvalidArguments", "NotFound"], failure?.reason)
      }
      assert.isTrue(answers.at(-1)?.ok)
      unpolluted(got)
    }), { arbitrary: { runs: 60 } })
})

describe("Agent.run", () => {
  /** The results that the model is given in its second request. */
  const given = (prompt: Prompt.Prompt | undefined): ReadonlyArray<Prompt.ToolResultPart> =>
    (prompt?.content ?? []).flatMap((message) =>
      message.role === "tool" ? message.content.filter((part) => part.type === "tool-result") : []
    )

  const runs = Effect.fnUntraced(function*(calls: ReadonlyArray<ModelScript.Call>) {
    const { got, layer, tools } = world()
    const agent = Agent.make("attacked", { tools, layer, limits: { toolCallsPerTurn: 64 } }) as Agent.Agent<unknown>
    const script = [ModelScript.toolUse(calls, { chunkSize: 100_000 }), ModelScript.text("done")]
    const { events, exit, prompts } = yield* inTime(observe(agent, script))
    assert.isTrue(Exit.isSuccess(exit))
    unpolluted(got)
    return { got, answered: answers(events), results: given(prompts[1]) }
  })

  it.effect("T6, G17 - hostile calls of one turn are all answered, in order, and the run goes on", () =>
    Effect.gen(function*() {
      const calls = hostile.map(({ name, params = {} }) => ({ name, partialJson: JSON.stringify(params) }))
      // a provider does not even parse them
      const reasons = hostile.map(({ reason, why }) =>
        why.startsWith("__proto__ ") ? reason ?? "InvalidArguments" : reason
      )
      const { answered, results } = yield* runs(calls)
      assert.deepStrictEqual(answered.map(({ failure }) => failure?.reason), reasons)
      assert.deepStrictEqual(results.map(({ isFailure }) => isFailure), reasons.map((reason) => reason !== undefined))
    }))

  it.effect("G1, G2 - calls of one id in one turn are each answered at their place", () =>
    Effect.gen(function*() {
      const { answered, results } = yield* runs(
        ["echo", "nothing", "labels", "echo"].map((name) => ({ name, id: "same" }))
      )
      assert.deepStrictEqual(answered.map(({ index, ok }) => [index, ok]), [[0, true], [1, false], [2, false], [
        3,
        true
      ]])
      assert.deepStrictEqual(results.map(({ name }) => name), ["echo", "nothing", "labels", "echo"])
      assert.strictEqual(new Set(results.map(({ id }) => id)).size, 4)
    }))

  it.effect("G1, G2 - 64 calls are answered in order", () =>
    Effect.gen(function*() {
      const calls = Array.from({ length: 64 }, (_, i) => ({ name: "dynamic", input: { i } }))
      const { got, answered, results } = yield* runs(calls)
      assert.deepStrictEqual(answered.map(({ index, ok }) => [index, ok]), calls.map((_, i) => [i, true]))
      assert.deepStrictEqual(got, calls.map(({ input }) => input))
      assert.strictEqual(results.length, 64)
    }))

  it.effect("T18 - arguments of 10 MB are answered in time", () =>
    Effect.gen(function*() {
      const text = "0123456789".repeat(1_000_000)
      const begun = performance.now()
      const { answered } = yield* runs([{ name: "echo", input: { text } }, { name: "nothing", input: { text } }])
      assert.isBelow(performance.now() - begun, 5 * 2000)
      assert.deepStrictEqual(answered.map(({ ok }) => ok), [true, false])
    }), 30_000)
})
