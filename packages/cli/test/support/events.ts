/** The events of runs, as the runner makes them, under a test clock. */
import { Agent, type Limits, type RunEvent, ToolFailure } from "@volley/core"
import { type ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"

const tools = [
  Agent.tool("echo", {
    description: "Says it again after a second",
    class: "readonly",
    parameters: { text: Schema.String },
    run: ({ text }) => Effect.as(Effect.sleep("1 second"), text)
  }),
  Agent.tool("busy", {
    description: "Is always busy",
    class: "readonly",
    run: () => Effect.fail(ToolFailure.transient({ reason: "RateLimited", message: "busy", retryAfter: "2 seconds" }))
  })
]

/** Runs a script to its end, whatever that is. */
export const eventsOf = Effect.fnUntraced(function*(script: ModelScript.Script, limits: Limits.Limits = {}) {
  const events: Array<RunEvent.RunEvent> = []
  const model = yield* ScriptedModel.make(script)
  const fiber = yield* Agent.run(Agent.make("volley", { tools, limits }), "What is it?", {
    runId: "run_1",
    onEvent: (item) =>
      Effect.sync(() => {
        if (item._tag !== "TextDelta" && item._tag !== "ThinkingDelta" && item._tag !== "Progress") events.push(item)
      })
  }).pipe(Effect.provide(model.layer), Effect.exit, Effect.forkChild)
  while (fiber.pollUnsafe() === undefined) {
    yield* Effect.repeat(Effect.yieldNow, { times: 100 })
    yield* TestClock.adjust("100 millis")
  }
  yield* Fiber.join(fiber)
  return events
})
