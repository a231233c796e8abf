// A unit test: one tool with its policy, no model. The fake tool does what its programme says; time is the test clock.
import { assert, describe, it } from "@effect/vitest"
import { Dispatcher, ToolPolicy } from "@volley/core"
import { FakeTool } from "@volley/core/testing"
import { Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"

/** Calls `find_order` once; its handler goes through the programme. */
const callOnce = Effect.fnUntraced(function*(programme: ReadonlyArray<FakeTool.Step>) {
  const fake = yield* FakeTool.make("find_order", programme, { class: "readonly", parameters: { id: Schema.String } })
  const tool = ToolPolicy.set(fake.tool, { retry: { times: 2 }, timeout: "1 second" })
  const call = yield* Effect.forkChild(Dispatcher.call(tool, { id: "4711" }))
  for (let second = 0; second < 20; second++) yield* TestClock.adjust("1 second")
  return { report: yield* Fiber.join(call), executions: yield* fake.ledger.count("find_order") }
})

describe("find_order", () => {
  it.effect("heals two failures", () =>
    Effect.gen(function*() {
      const { executions, report } = yield* callOnce([...FakeTool.times(2, "transient"), { ok: { status: "shipped" } }])
      assert.deepStrictEqual(report.result, { status: "shipped" })
      assert.strictEqual(executions, 3)
    }))

  it.effect("is not tried again where that cannot help", () =>
    Effect.gen(function*() {
      const { executions, report } = yield* callOnce(["permanent"])
      assert.isFalse(report.ok)
      assert.strictEqual(executions, 1)
    }))

  it.effect("is given up where it hangs", () =>
    Effect.gen(function*() {
      const { report } = yield* callOnce(["hang", "hang", "hang"])
      assert.strictEqual(report.failure?.reason, "Timeout")
      assert.strictEqual(report.attempts, 3)
    }))
})
