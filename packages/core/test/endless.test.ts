import { assert, describe, it } from "@effect/vitest"
import { Agent, Dispatcher, ToolFailure, ToolPolicy } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Exit, Fiber, Schema, SchemaGetter } from "effect"
import { TestClock } from "effect/testing"
import { answers, inTime, observe, ofTag } from "./support/observe.ts"

/** What never ends, whether it listens to its interruption or not. */
const endless = {
  "that listens": Effect.never,
  "that does not listen": Effect.uninterruptible(Effect.never)
}

const getter = (effect: Effect.Effect<never>) => SchemaGetter.transformEffect<string, string>(() => effect)

/** A text whose encoding or decoding does not end. */
const text = (way: "decode" | "encode", effect: Effect.Effect<never>) =>
  Schema.String.pipe(Schema.decodeTo(Schema.String, {
    decode: way === "decode" ? getter(effect) : SchemaGetter.passthrough<string>(),
    encode: way === "encode" ? getter(effect) : SchemaGetter.passthrough<string>()
  }))

const echo = Agent.tool("echo", {
  description: "Says it again",
  class: "readonly",
  parameters: { text: Schema.String },
  run: ({ text }) => text
})

const calls = (name: string) =>
  ModelScript.toolUse([{ name: "echo", input: { text: "a" } }, { name, input: { text: "b" } }])

describe("what does not end", () => {
  for (const [which, effect] of Object.entries(endless)) {
    const encoder = Agent.tool("encoder", {
      description: "Its result is never encoded",
      class: "readonly",
      parameters: { text: Schema.String },
      success: text("encode", effect),
      failure: ToolFailure.ToolFailure,
      run: ({ text }) => text
    })
    const decoder = Agent.tool("decoder", {
      description: "Its arguments are never decoded",
      class: "readonly",
      parameters: { text: text("decode", effect) },
      run: ({ text }) => text
    })
    const gated = Object.assign(
      Agent.tool("gated", {
        description: "Never says whether a call wants approval",
        parameters: { text: Schema.String },
        run: ({ text }) => text
      }),
      { needsApproval: () => effect }
    )

    it.effect(`G8 - an encoding ${which} is answered at the timeout of its attempt`, () =>
      Effect.gen(function*() {
        const tool = ToolPolicy.set(encoder, { timeout: 100, retry: { times: 0 } })
        const report = yield* inTime(Dispatcher.call(tool, { text: "b" }))
        assert.isAtMost(ofTag(report.events, "AttemptEnded")[0]!.at, 150)
        assert.deepInclude(report.failure, { reason: "Timeout", executed: true })
        assert.strictEqual(ofTag(report.events, "AttemptAbandoned").length, which === "that listens" ? 0 : 1)
      }))

    it.effect(`G8 - a decoding ${which} is answered at the deadline of its call, without an attempt`, () =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          Dispatcher.call(decoder, { text: "b" }, { limits: { toolTimeout: "3 seconds" } })
        )
        yield* TestClock.adjust(2999)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        const report = yield* Fiber.join(fiber)
        assert.deepInclude(report.failure, { reason: "Timeout", executed: false })
        assert.deepStrictEqual(report.events, [])
      }))

    for (const tool of [encoder, decoder, gated]) {
      it.effect(`G1, G8 - a run with ${tool.name} ${which} answers all calls and ends at its deadline`, () =>
        Effect.gen(function*() {
          const agent = Agent.make("patient", { tools: [echo, tool], limits: { deadline: "10 seconds" } })
          const { events, exit } = yield* inTime(observe(agent, [calls(tool.name), ModelScript.text("done")]), 100)
          assert.deepStrictEqual(answers(events).map(({ ok }) => ok), [true, false])
          assert.isTrue(Exit.isSuccess(exit))
          assert.isAtMost(ofTag(events, "RunEnded")[0]!.at, 10_000)
        }))

      it.effect(`G11 - a run with ${tool.name} ${which} can be cancelled`, () =>
        Effect.gen(function*() {
          const agent = Agent.make("patient", { tools: [echo, tool] })
          const fiber = yield* Effect.forkChild(observe(agent, [calls(tool.name), ModelScript.text("done")]))
          yield* TestClock.adjust(1000)
          yield* inTime(Fiber.interrupt(fiber))
          assert.isDefined(fiber.pollUnsafe())
        }))
    }

    it.effect(`a call ${which} to say whether it wants approval is not run without one`, () =>
      Effect.gen(function*() {
        const agent = Agent.make("patient", { tools: [gated], limits: { toolTimeout: "2 seconds" } })
        const script = [ModelScript.toolUse([{ name: "gated", input: { text: "b" } }]), ModelScript.text("done")]
        const { events } = yield* inTime(observe(agent, script), 100)
        assert.isTrue(ofTag(events, "DispatchIntended")[0]?.calls[0]?.approval)
        assert.deepStrictEqual(ofTag(events, "AttemptStarted"), [])
      }))
  }
})
