import * as NodeRedis from "@effect/platform-node/NodeRedis"
import { assert, describe, it } from "@effect/vitest"
import { Agent, Dependencies, Dispatcher, ToolPolicy } from "@volley/core"
import { Effect, Layer, Schema } from "effect"
import { CircuitBreaker, RateLimiter, Redis } from "effect/persistence"
import { randomUUID } from "node:crypto"
import { inProcess, isSkipped, url } from "./support/redis.ts"

const Report = Schema.Struct({
  starts: Schema.Array(Schema.Int),
  calls: Schema.Array(Schema.Struct({
    opened: Schema.Boolean,
    waited: Schema.Boolean,
    failure: Schema.optionalKey(
      Schema.Struct({
        executed: Schema.Boolean,
        message: Schema.String,
        reason: Schema.String,
        retryAfter: Schema.optionalKey(Schema.Int)
      })
    )
  }))
})

/** Calls the tool so many times in a process of its own, which waits until so many processes are there. */
const called = (prefix: string, does: "ok" | "down", count: number, together = 1) =>
  inProcess("sharedDependencies.ts", Report, prefix, does, `${count}`, `${together}`)

/** Runs with a prefix of its own, whose keys are removed. */
const prefixed = <A, E>(use: (prefix: string) => Effect.Effect<A, E, Redis.Redis>) =>
  Effect.acquireUseRelease(Effect.sync(() => `volley-test:${randomUUID()}:`), use, (prefix) =>
    Effect.gen(function*() {
      const { send } = yield* Redis.Redis
      const keys = yield* send<Array<string>>("KEYS", `${prefix}*`)
      if (keys.length > 0) yield* send("DEL", ...keys)
    }).pipe(Effect.orDie)).pipe(Effect.provide(NodeRedis.layer({ url })))

// the clock of Redis is the real one
describe.skipIf(isSkipped)("Dependencies.layerShared in Redis", () => {
  it.live("a circuit that one process opens is open to the other", () =>
    prefixed((prefix) =>
      Effect.gen(function*() {
        const first = yield* called(prefix, "down", 3)
        assert.deepStrictEqual(first.calls.map(({ failure }) => failure?.reason), Array(3).fill("Unavailable"))
        assert.lengthOf(first.calls.filter(({ opened }) => opened), 1)

        const second = yield* called(prefix, "ok", 2)
        assert.deepStrictEqual(second.starts, [])
        for (const { failure, opened } of second.calls) {
          assert.isFalse(opened)
          assert.deepInclude(failure, { reason: "CircuitOpen", executed: false })
          assert.include(failure?.message, "\"api\"")
          assert.isAtMost(failure?.retryAfter ?? Infinity, 60_000)
          assert.isAbove(failure?.retryAfter ?? 0, 0)
        }
      })
    ), 60_000)

  it.live(
    "two processes together keep within the rate, and both get their turn",
    () =>
      prefixed((prefix) =>
        Effect.gen(function*() {
          const reports = yield* Effect.replicateEffect(called(prefix, "ok", 9, 2), 2, { concurrency: 2 })
          for (const { calls } of reports) {
            assert.isTrue(calls.every(({ failure }) => failure === undefined))
            assert.isTrue(calls.some(({ waited }) => waited))
          }
          const starts = reports.flatMap(({ starts }) => starts).toSorted((left, right) => left - right)
          assert.lengthOf(starts, 18)
          // a process may note a start late, never early
          const late = 250
          for (const [i, at] of starts.entries()) {
            assert.isAtLeast(at - starts[0]!, Math.floor(i / 3) * 500 - late, `call ${i} of ${starts.join()}`)
          }
        })
      ),
    60_000
  )

  it.live("a rate is not mixed up with one of the other algorithm and the same key", () =>
    prefixed((prefix) =>
      Effect.gen(function*() {
        const limited = (algorithm: "fixed-window" | "token-bucket") =>
          ToolPolicy.readonly(
            Agent.tool("limited", { description: "Is limited", run: () => "ok" }),
            { rateLimit: { limit: 2, window: "1 hour", algorithm } }
          )
        const reasons = yield* Effect.forEach(
          ["fixed-window", "token-bucket", "token-bucket", "token-bucket", "fixed-window", "fixed-window"] as const,
          (algorithm) => Effect.map(Dispatcher.call(limited(algorithm), {}), ({ failure }) => failure?.reason)
        ).pipe(Effect.provide(Layer.provide(Dependencies.layerShared, [
          CircuitBreaker.layerStoreRedis({ prefix }),
          RateLimiter.layerStoreRedis({ prefix })
        ])))
        assert.deepStrictEqual(reasons, [undefined, undefined, undefined, "RateLimited", undefined, "RateLimited"])
      })
    ))
})
