// A property of one tool's retries, without a model: however often the service fails at first, the policy holds.
import { assert, describe, it } from "@effect/vitest"
import { Dispatcher, ToolFailure, ToolPolicy } from "@volley/core"
import { Context, Effect, Fiber, Layer, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"

const Lookup = ToolPolicy.readonly(
  Tool.make("lookup", {
    description: "Looks a name up",
    parameters: Schema.Struct({ name: Schema.String }),
    success: Schema.String,
    failure: ToolFailure.ToolFailure
  }),
  { retry: { times: 3 }, timeout: "1 second" }
)

/** The service behind the tool: fails so many times, then answers. */
class Registry extends Context.Service<Registry, {
  readonly find: (name: string) => Effect.Effect<string, ToolFailure.Transient>
}>()("example/Registry") {
  static readonly flaky = (failures: number) =>
    Layer.sync(Registry, () => {
      let requests = 0
      return {
        find: (name: string) =>
          Effect.suspend(() =>
            requests++ < failures
              ? Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "busy" }))
              : Effect.succeed(`${name} is here`)
          )
      }
    })
}

const LookupLive = Toolkit.make(Lookup).toLayer(
  Effect.map(Registry, (registry) => ({ lookup: ({ name }) => registry.find(name) }))
)

describe("lookup", () => {
  it.effect.prop("heals up to three failures, and never makes more than four attempts", [
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8 }))
  ], ([failures]) =>
    Effect.gen(function*() {
      const call = yield* Effect.forkChild(Dispatcher.call(Lookup, { name: "ada" }))
      for (let second = 0; second < 20; second++) yield* TestClock.adjust("1 second")
      const report = yield* Fiber.join(call)
      assert.strictEqual(report.ok, failures <= 3)
      assert.strictEqual(report.attempts, Math.min(failures, 3) + 1)
      const waits = report.events.flatMap((event) => event._tag === "RetryScheduled" ? [event.wait] : [])
      for (const [n, wait] of waits.entries()) assert.isAtMost(wait, 200 * 2 ** n)
    }).pipe(Effect.provide(LookupLive.pipe(Layer.provide(Registry.flaky(failures))))), { arbitrary: { runs: 25 } })
})
