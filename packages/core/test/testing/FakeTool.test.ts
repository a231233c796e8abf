import { assert, describe, it } from "@effect/vitest"
import { Agent, Dispatcher, ToolFailure, ToolPolicy } from "@volley/core"
import { FakeTool, Ledger, ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"

/** The report of one call, once so much time has passed. */
const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>, seconds = 60) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    for (let second = 0; second < seconds; second++) yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  })

const readonly = { class: "readonly" } as const

describe("FakeTool", () => {
  it.effect("make - does each step in turn, and the ledger has every execution with its call", () =>
    Effect.gen(function*() {
      const fake = yield* FakeTool.make("look", [...FakeTool.times(2, "transient"), { ok: { found: 3 } }], {
        ...readonly,
        parameters: { id: Schema.String }
      })
      const report = yield* inTime(Dispatcher.call(fake.tool, { id: "a" }, { tenant: "acme" }))
      assert.deepStrictEqual(report.result, { found: 3 })
      assert.strictEqual(report.attempts, 3)
      const executions = (yield* fake.ledger.entries).map(({ detail, key }) => ({
        ...detail as FakeTool.Execution,
        key
      }))
      assert.deepStrictEqual(
        executions.map(({ call, key, params, step }) => [key, params, step, call?.attempt, call?.tenant]),
        [
          ["look", { id: "a" }, "transient", 1, "acme"],
          ["look", { id: "a" }, "transient", 2, "acme"],
          ["look", { id: "a" }, { ok: { found: 3 } }, 3, "acme"]
        ]
      )
      assert.lengthOf(yield* fake.unconsumed, 0)
      assert.strictEqual(yield* fake.unexpected, 0)
    }))

  it.effect("make - every word means what it says", () =>
    Effect.gen(function*() {
      const failing = Effect.fnUntraced(function*(step: FakeTool.Step, ...more: ReadonlyArray<FakeTool.Step>) {
        const fake = yield* FakeTool.make("one", [step, ...more], readonly)
        const tool = ToolPolicy.set(fake.tool, { timeout: "1 second", retry: { times: 0 } })
        const { events } = yield* inTime(Dispatcher.call(tool, {}), 5)
        const ended = events.find((event) => event._tag === "AttemptEnded")
        const failure = ended?.failure
        return failure === undefined ? "ok" : `${failure.kind} ${failure.reason}`
      })
      assert.strictEqual(yield* failing("ok"), "ok")
      assert.strictEqual(yield* failing("transient"), "transient Unavailable")
      assert.strictEqual(yield* failing("permanent"), "permanent NotFound")
      assert.strictEqual(yield* failing("unknown"), "unknown Unknown")
      assert.strictEqual(yield* failing("die"), "defect Defect")
      assert.strictEqual(yield* failing("hang"), "transient Timeout")
      assert.strictEqual(yield* failing({ after: "2 seconds", result: "ok" }), "transient Timeout")
      assert.strictEqual(yield* failing({ after: "500 millis", result: "permanent" }), "permanent NotFound")
      const throttled = ToolFailure.transient({ reason: "RateLimited", message: "slow down", retryAfter: "3 seconds" })
      assert.strictEqual(yield* failing(throttled), "transient RateLimited")
    }))

  it.effect("make - the deaf are abandoned, hear nothing for a minute and end then", () =>
    Effect.gen(function*() {
      const fake = yield* FakeTool.make("deaf", ["deaf"], readonly)
      const tool = ToolPolicy.set(fake.tool, { timeout: "1 second", retry: { times: 0 } })
      const { events } = yield* inTime(Dispatcher.call(tool, {}), 5)
      assert.include(events.map(({ _tag }) => _tag), "AttemptAbandoned")
      assert.strictEqual((yield* fake.ledger.inFlight("deaf")).current, 1)
      for (let second = 0; second < 60; second++) yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* fake.ledger.inFlight("deaf")).current, 0)
    }))

  it.effect("make - what the programme has no step for dies and is counted, what is left over is known", () =>
    Effect.gen(function*() {
      const fake = yield* FakeTool.make("look", ["ok"], readonly)
      assert.deepStrictEqual(yield* fake.unconsumed, ["ok"])
      assert.strictEqual((yield* Dispatcher.call(fake.tool, {})).ok, true)
      const { events, ok } = yield* Dispatcher.call(fake.tool, {})
      assert.strictEqual(ok, false)
      assert.include(JSON.stringify(events), "\"kind\":\"defect\"")
      assert.strictEqual(yield* fake.unexpected, 1)
    }))

  it.effect("make - two tools may share a ledger, and an agent has them like any other", () =>
    Effect.gen(function*() {
      const ledger = yield* Ledger.make
      const one = yield* FakeTool.make("one", ["ok"], { ledger })
      const two = yield* FakeTool.make("two", ["ok"], { ledger, class: "idempotent" })
      const outcome = yield* Agent.run(Agent.make("a", { tools: [one.tool, two.tool] }), "go").pipe(
        Effect.provide(
          ScriptedModel.layer([ModelScript.toolUse([{ name: "one" }, { name: "two" }]), ModelScript.text("done")])
        )
      )
      assert.strictEqual(outcome.text, "done")
      assert.deepStrictEqual(yield* ledger.counts, { one: 1, two: 1 })
      assert.deepStrictEqual([one.tool, two.tool].map(ToolPolicy.effectClass), ["effectful", "idempotent"])
    }))
})
