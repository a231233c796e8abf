import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, type RunEvent } from "@volley/core"
import { ModelFuzz, Simulation } from "@volley/core/testing"
import { Effect, Exit, References, Schema, Stream } from "effect"
import { type LanguageModel, Tool, Toolkit } from "effect/ai"

const Parameters = Schema.Struct({
  id: Schema.String.check(Schema.isPattern(/^[a-c]{2}$/)),
  count: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
  note: Schema.optionalKey(Schema.String)
})

const search = Agent.tool("search", {
  description: "S",
  class: "readonly",
  parameters: Parameters.fields,
  run: () => "found"
})
const send = Agent.tool("send", {
  description: "S",
  parameters: { to: Schema.String.check(Schema.isMinLength(12)) },
  run: () => "sent"
})

const isEvent = (item: { readonly _tag: string }): item is RunEvent.RunEvent =>
  !["TextDelta", "ThinkingDelta", "Progress"].includes(item._tag)

/** The events of one run against the model of a seed. */
const eventsOf = (seed: number): ReadonlyArray<RunEvent.RunEvent> => {
  const events: Array<RunEvent.RunEvent> = []
  const { stop } = Simulation.simulate(
    Agent.run(Agent.make("any", { tools: [search, send] }), "go", {
      runId: "run",
      onEvent: (item) => Effect.sync(() => void (isEvent(item) && events.push(item)))
    }).pipe(Effect.provide(ModelFuzz.layer(seed))),
    { seed }
  )
  assert.isTrue(stop._tag === "Done" && Exit.isSuccess(stop.exit), `seed ${seed}`)
  return events
}

const seeds = Array.from({ length: 60 }, (_, seed) => eventsOf(seed))
const calls = seeds.flatMap((events) => events.filter((event) => event._tag === "ToolCallRequested"))

const share = (holds: (call: RunEvent.Of<"ToolCallRequested">) => boolean): number =>
  calls.filter(holds).length / calls.length

describe("ModelFuzz", () => {
  it("make - most calls are valid, some are not: wrong, cut off, unknown, repeated, with one id", () => {
    const isValid = Schema.is(Parameters)
    const searches = share(({ name }) => name === "search")
    assert.isAbove(share(({ name, params }) => name === "search" && isValid(params)) / searches, 0.7)
    assert.isAbove(share(({ name, params }) => name === "search" && !isValid(params)) / searches, 0.03)
    assert.isAbove(share(({ params }) => typeof params === "string"), 0)
    assert.isAbove(share(({ name }) => name !== "search" && name !== "send"), 0.005)
    assert.isAbove(share(({ id }) => id.startsWith("toolu_same")), 0.005)
    // a long text comes twice only where the call is made again
    const sent = calls.filter(({ name, params }) => name === "send" && JSON.stringify(params).length > 20)
    const again = sent.length - new Set(sent.map(({ params }) => JSON.stringify(params))).size
    assert.isAbove(again / sent.length, 0.05)
    assert.isBelow(again / sent.length, 0.4)
  })

  it("make - calls in parallel, over one to four turns, and answers in the end", () => {
    const turns = seeds.map((events) => events.filter(({ _tag }) => _tag === "ModelResponded").length)
    assert.deepStrictEqual([...new Set(turns)].toSorted((left, right) => left - right), [2, 3, 4, 5])
    const sizes = new Set(
      seeds.flatMap((events) => events.filter((event) => event._tag === "ToolCallRequested").map(({ index }) => index))
    )
    assert.isTrue([0, 1, 4, 7].every((index) => sizes.has(index)))
    for (const events of seeds) {
      const ended = events.at(-1)
      assert.strictEqual(ended?._tag === "RunEnded" ? ended.outcome : undefined, "completed")
    }
  })

  it("make - whatever it does, the run keeps its guarantees", () => {
    for (const [seed, events] of seeds.entries()) assert.deepStrictEqual(Check.all(events), [], `seed ${seed}`)
  })

  it("make - the same seed is the same model, another seed another", () => {
    const texts = [3, 3, 4].map((seed) => JSON.stringify(eventsOf(seed)))
    assert.strictEqual(texts[0], texts[1])
    assert.notStrictEqual(texts[0], texts[2])
  })

  it.effect("make - keeps to the tool choice, with arguments that are valid where a call is wanted", () =>
    Effect.gen(function*() {
      const toolkit = { tools: Toolkit.make(search, send).tools, handle: () => Effect.die("handled") } as never
      const ask = (seed: number, toolChoice: LanguageModel.ToolChoice<string>) =>
        Effect.gen(function*() {
          const model = yield* ModelFuzz.make(seed)
          const options = {
            prompt: "go",
            toolkit,
            toolChoice,
            disableToolCallResolution: true,
            toolCallValidation: "deferred"
          }
          const parts = yield* Stream.runCollect(model.model.streamText(options as never))
          return (parts as ReadonlyArray<any>).filter(({ type }) => type === "tool-call")
        })
      for (let seed = 0; seed < 20; seed++) {
        assert.lengthOf(yield* ask(seed, "none"), 0)
        assert.isAbove((yield* ask(seed, "required")).length, 0)
        assert.isTrue(
          (yield* ask(seed, { oneOf: ["send"] })).every(({ name }) => name === "send" || name === "no_such_tool")
        )
        const forced = yield* ask(seed, { tool: "search" })
        assert.deepStrictEqual(forced.map(({ name }) => name), ["search"])
        assert.isTrue(Schema.is(Parameters)(forced[0].params), `seed ${seed}`)
      }
    }))

  it.effect("make - gives structured output where it is asked for by a tool", () =>
    Effect.gen(function*() {
      const Verdict = Schema.Struct({ healthy: Schema.Boolean, pods: Schema.Array(Schema.String) })
      const ends = new Map<string, number>()
      for (let seed = 0; seed < 20; seed++) {
        const agent = Agent.make("judge", { tools: [search], output: Verdict })
        const end = yield* Agent.run(agent, "go").pipe(
          Effect.provide(ModelFuzz.layer(seed)),
          Effect.provideService(References.MinimumLogLevel, "None"),
          Effect.map(({ _tag, output }) => Schema.is(Verdict)(output) ? "given" : _tag),
          // two answers that do not fit
          Effect.catch((error) => Effect.succeed(error._tag))
        )
        ends.set(end, (ends.get(end) ?? 0) + 1)
      }
      assert.isAbove(ends.get("given") ?? 0, 12)
      assert.isTrue(Array.from(ends.keys()).every((end) => end === "given" || end === "OutputInvalid"))
    }))

  it("make - a schema that no values can be made of is named", () => {
    const impossible = Tool.make("impossible", {
      parameters: Schema.Struct({ never: Schema.Never }),
      success: Schema.String
    })
    const agent = Agent.make("a", { tools: [impossible] })
    const { stop } = Simulation.simulate(
      Agent.run(agent, "go").pipe(
        Effect.provide([ModelFuzz.layer(1), Toolkit.make(impossible).toLayer({ impossible: () => Effect.succeed("") })])
      ),
      { seed: 1 }
    )
    assert.include(
      stop._tag === "Done" ? String(Exit.isFailure(stop.exit) && stop.exit.cause) : stop._tag,
      "impossible"
    )
  })
})
