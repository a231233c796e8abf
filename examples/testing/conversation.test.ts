// A whole run against a scripted model, and what is expected of its events.
import { describe, it } from "@effect/vitest"
import { Agent, Journal, ToolPolicy } from "@volley/core"
import { FakeTool, ModelScript, ScriptedModel } from "@volley/core/testing"
import { expectRun } from "@volley/core/testing/vitest"
import { Effect, Fiber, Random, Schema } from "effect"
import { TestClock } from "effect/testing"

describe("support agent", () => {
  it.effect("finds both orders, one of them at the second try, and answers", () =>
    Effect.gen(function*() {
      const orders = yield* FakeTool.make("find_order", ["transient", { ok: "shipped" }, { ok: "lost" }], {
        class: "readonly",
        parameters: { id: Schema.String }
      })
      const agent = Agent.make("support", { tools: [ToolPolicy.set(orders.tool, { serial: true })] })
      const model = yield* ScriptedModel.make([
        ModelScript.toolUse([
          { name: "find_order", input: { id: "1" } },
          { name: "find_order", input: { id: "2" } }
        ]),
        ModelScript.text("Order 1 is shipped, order 2 is lost.")
      ])

      const run = yield* Agent.run(agent, "Where are orders 1 and 2?", { runId: "support" }).pipe(
        Effect.provide(model.layer),
        Random.withSeed("jitter"),
        Effect.forkChild
      )
      for (let step = 0; step < 20; step++) yield* TestClock.adjust("100 millis")
      yield* Fiber.join(run)

      const events = yield* (yield* Journal.current).read("support")
      expectRun(events).toComplete()
      expectRun(events).toHaveNoViolations()
      expectRun(events).toHaveAnswered("find_order", "ok")
      expectRun(events).toHaveAttempts({ turn: 1, index: 0 }, 2)
      expectRun(events).toHaveAnswerText("order 2 is lost")
    }).pipe(Effect.provide(Journal.layerMemory)))
})
