import { assert, describe, it } from "@effect/vitest"
import { Agent, Dependencies, Dispatcher, ToolCache, ToolPolicy } from "@volley/core"
import { Effect, Layer, Schema } from "effect"
import { KeyValueStore, Persistence } from "effect/persistence"
import { suite } from "./suites/toolCache.ts"
import { ofTag } from "./support/observe.ts"

suite("ToolCache.layerMemory", ToolCache.layerMemory())
suite(
  "ToolCache.layerPersistence in memory",
  Layer.provide(ToolCache.layerPersistence, Persistence.layerBackingMemory)
)
suite(
  "ToolCache.layerPersistence in a key-value store",
  ToolCache.layerPersistence.pipe(
    Layer.provide(Persistence.layerBackingKvs),
    Layer.provide(KeyValueStore.layerMemory)
  )
)

const entry = (value: unknown): ToolCache.Entry => ({ at: 0, outcome: { value } })

const answer = ToolPolicy.readonly(
  Agent.tool("answer", {
    description: "Answers",
    parameters: { id: Schema.String },
    success: Schema.String,
    run: ({ id }) => Effect.succeed(`the answer to ${id}`)
  }),
  { cache: { timeToLive: "1 minute" } }
)

/** Whether a call was answered from the cache. */
const isHit = (id: string) =>
  Effect.map(Dispatcher.call(answer, { id }), ({ events }) => ofTag(events, "CacheHit").length === 1)

describe("ToolCache.current", () => {
  it.effect("is shared by everything in the process that provides none", () =>
    Effect.gen(function*() {
      const id = "only this test asks this"
      assert.isFalse(yield* isHit(id))
      assert.isTrue(yield* isHit(id))
      assert.isFalse(yield* Effect.provide(isHit(id), ToolCache.layerMemory()))
    }).pipe(Effect.provide(Dependencies.layerMemory)))

  it.effect("keeps no result beyond 16 MiB", () =>
    Effect.gen(function*() {
      const cache = yield* Effect.provide(ToolCache.current, ToolCache.layerMemory())
      const mebi = 1024 * 1024
      yield* cache.set("a", entry("x".repeat(8 * mebi - 100)), 1000)
      assert.isDefined(yield* cache.get("a"))
      yield* cache.set("b", entry("x".repeat(8 * mebi)), 1000)
      assert.isUndefined(yield* cache.get("b"))
      assert.isDefined(yield* cache.get("a"))
    }))
})

describe("ToolCache.layerMemory", () => {
  /** Of these keys and entries, in bytes. */
  const size = 2 * ("a".length + JSON.stringify(entry(1)).length)

  it.effect("maximumBytes - the least recently used results go first", () =>
    Effect.gen(function*() {
      const cache = yield* ToolCache.current
      for (const key of ["a", "b"]) yield* cache.set(key, entry(1), 1000)
      yield* cache.get("a")
      yield* cache.set("c", entry(1), 1000)
      const found = yield* Effect.forEach(["a", "b", "c"], cache.get)
      assert.deepStrictEqual(found.map((one) => one !== undefined), [true, false, true])
    }).pipe(Effect.provide(ToolCache.layerMemory({ maximumBytes: 2 * size }))))

  it.effect("each is a cache of its own", () =>
    Effect.gen(function*() {
      const first = yield* Effect.provide(ToolCache.current, ToolCache.layerMemory())
      const second = yield* Effect.provide(ToolCache.current, ToolCache.layerMemory())
      yield* first.set("key", entry(1), 1000)
      assert.isUndefined(yield* second.get("key"))
    }))
})

/** A store that another program has written to, or that is broken. */
const storing = (get: Persistence.BackingPersistenceStore["get"]) => {
  const lost = Effect.fail(new Persistence.PersistenceError({ message: "lost" }))
  const store: Persistence.BackingPersistenceStore = {
    get,
    getMany: () => lost,
    set: () => lost,
    setMany: () => lost,
    remove: () => lost,
    clear: lost
  }
  return Layer.provide(
    ToolCache.layerPersistence,
    Layer.succeed(Persistence.BackingPersistence, { make: () => Effect.succeed(store) })
  )
}

describe("ToolCache.layerPersistence", () => {
  const foreign: { readonly [name: string]: object } = {
    "an empty object": {},
    "an array": [1],
    "no time": { outcome: { value: 1 } },
    "a time that is none": { at: "today", outcome: { value: 1 } },
    "no outcome": { at: 1 },
    "an outcome that is none": { at: 1, outcome: 1 },
    "a failure that is none": { at: 1, outcome: { failure: { kind: "permanent" } } },
    "an unknown kind of failure": {
      at: 1,
      outcome: { failure: { kind: "odd", reason: "a", message: "b", executed: true } }
    },
    "both a value and a failure": { at: 1, outcome: { value: 1, failure: {} } },
    "an unknown outcome": { at: 1, outcome: { other: 1 } }
  }
  it.effect.each(Object.keys(foreign).map((name) => [name]))(
    "what is no entry is not used: %s",
    ([name = ""]) =>
      Effect.gen(function*() {
        const cache = yield* ToolCache.current
        assert.isUndefined(yield* cache.get("key"))
        assert.isFalse(yield* isHit("foreign"))
      }).pipe(
        Effect.provide([storing(() => Effect.succeed(foreign[name])), Dependencies.layerMemory])
      )
  )

  it.effect("a store that fails only means that the tool is asked", () =>
    Effect.gen(function*() {
      const report = yield* Dispatcher.call(answer, { id: "1" })
      assert.strictEqual(report.result, "the answer to 1")
    }).pipe(
      Effect.provide([
        storing(() => Effect.fail(new Persistence.PersistenceError({ message: "lost" }))),
        Dependencies.layerMemory
      ])
    ))
})
