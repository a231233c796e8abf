import * as NodeRedis from "@effect/platform-node/NodeRedis"
import { assert, describe, it } from "@effect/vitest"
import { ToolCache } from "@volley/core"
import { Effect, Layer, Schema } from "effect"
import { Persistence, Redis } from "effect/persistence"
import { randomUUID } from "node:crypto"
import { inProcess, isSkipped, url } from "./support/redis.ts"

const Report = Schema.Struct({
  process: Schema.Int,
  calls: Schema.Array(Schema.Struct({
    hit: Schema.Boolean,
    attempts: Schema.Int,
    result: Schema.Unknown,
    failure: Schema.optionalKey(
      Schema.Struct({ executed: Schema.Boolean, message: Schema.String, reason: Schema.String })
    )
  }))
})

/** Calls the tool for these ids in a process of its own. */
const called = (tenant: string, ...ids: ReadonlyArray<string>) => inProcess("cachedCalls.ts", Report, tenant, ...ids)

const layerRedis = NodeRedis.layer({ url })

const layerCache = Layer.provide(ToolCache.layerPersistence, Persistence.layerBackingRedis)

const keys = Effect.flatMap(Redis.Redis, ({ send }) => send<Array<string>>("KEYS", "volley-tool-cache:*"))

/** Removes the keys that the effect adds. */
const cleaned = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    keys,
    () => effect,
    (before) =>
      Effect.gen(function*() {
        const { send } = yield* Redis.Redis
        const added = (yield* keys).filter((key) => !before.includes(key))
        if (added.length > 0) yield* send("DEL", ...added)
      }).pipe(Effect.orDie)
  )

// the clock of Redis is the real one
describe.skipIf(isSkipped)("ToolCache.layerPersistence in Redis", () => {
  it.live("two processes share results and permanent failures, tenant by tenant", () =>
    Effect.gen(function*() {
      const [acme, other] = [`acme ${randomUUID()}`, `other ${randomUUID()}`]
      const first = yield* called(acme, "a", "missing", "a")
      const second = yield* called(acme, "a", "missing", "b")
      const third = yield* called(other, "a", "missing")
      const fourth = yield* called(acme.toUpperCase(), "a")
      assert.lengthOf(new Set([first, second, third, fourth].map((report) => report.process)), 4)

      const ran = (report: typeof first) => report.calls.map(({ hit }) => hit)
      assert.deepStrictEqual(ran(first), [false, false, true])
      assert.deepStrictEqual(ran(second), [true, true, false])
      assert.deepStrictEqual(ran(third), [false, false])
      assert.deepStrictEqual(ran(fourth), [false])

      assert.deepStrictEqual(second.calls[0]?.result, { process: first.process, id: "a" })
      assert.deepStrictEqual(third.calls[0]?.result, { process: third.process, id: "a" })
      const { attempts, failure } = second.calls[1]!
      assert.strictEqual(attempts, 0)
      assert.deepInclude(failure, { reason: "NotFound", executed: false })
      assert.include(failure?.message, `not found by ${first.process} (remembered for`)
    }).pipe(cleaned, Effect.provide(layerRedis)), 60_000)

  it.live("the store forgets an entry by itself, and what it holds and is no entry is not used", () =>
    Effect.gen(function*() {
      const { send } = yield* Redis.Redis
      const cache = yield* Effect.provide(ToolCache.current, layerCache)
      const key = randomUUID()
      const stored = `volley-tool-cache:${key}`
      const entry = { at: 1, outcome: { value: { text: "😀" } } }
      yield* cache.set(key, entry, 60_000)
      assert.deepStrictEqual(yield* cache.get(key), entry)
      const left = yield* send<number>("PTTL", stored)
      assert.isAtMost(left, 60_000)
      assert.isAbove(left, 30_000)
      yield* send("SET", stored, "{\"at\":1,\"outcome\":{\"failure\":true}}")
      assert.isUndefined(yield* cache.get(key))
    }).pipe(cleaned, Effect.provide(layerRedis)))
})
