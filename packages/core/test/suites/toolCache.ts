import { assert, describe, it } from "@effect/vitest"
import { ToolCache } from "@volley/core"
import { Effect, type Layer } from "effect"
import { TestClock } from "effect/testing"

const failure = { kind: "permanent", reason: "NotFound", message: "none", executed: true } as const

const outcomes: { readonly [name: string]: ToolCache.Entry["outcome"] } = {
  "a value": { value: { list: [1, "zwei", null, { deep: "😀" }] } },
  "null": { value: null },
  "no value": {},
  "a value that looks like a failure": { value: { failure } },
  "a failure": { failure },
  "a failure with a wait": { failure: { ...failure, retryAfter: 1.5 } }
}

/** What every cache of tool results does. `layer` gives a new, empty one each time it is built. */
export const suite = (name: string, layer: Layer.Layer<never>): void => {
  const withCache = <A, E>(use: (cache: ToolCache.ToolCache) => Effect.Effect<A, E>) =>
    Effect.flatMap(ToolCache.current, use).pipe(Effect.provide(layer))

  describe(name, () => {
    it.effect.each(Object.keys(outcomes).map((key) => [key]))(
      "get - gives what was set: %s",
      ([key = ""]) =>
        withCache((cache) =>
          Effect.gen(function*() {
            const entry: ToolCache.Entry = { at: 1000, outcome: outcomes[key] ?? {} }
            assert.isUndefined(yield* cache.get("key"))
            yield* cache.set("key", entry, 1000)
            assert.deepStrictEqual(yield* cache.get("key"), entry)
            assert.isUndefined(yield* cache.get("other"))
          })
        )
    )

    it.effect("get - gives nothing from the moment on that the time to live is over", () =>
      withCache((cache) =>
        Effect.gen(function*() {
          const entry = { at: 0, outcome: { value: 1 } }
          yield* cache.set("key", entry, 1000)
          yield* TestClock.adjust(999)
          assert.deepStrictEqual(yield* cache.get("key"), entry)
          yield* TestClock.adjust(1)
          assert.isUndefined(yield* cache.get("key"))
        })
      ))

    it.effect("set - replaces what was there, its time to live too", () =>
      withCache((cache) =>
        Effect.gen(function*() {
          yield* cache.set("key", { at: 0, outcome: { value: 1 } }, 10_000)
          yield* cache.set("key", { at: 1, outcome: { value: 2 } }, 10)
          assert.deepStrictEqual(yield* cache.get("key"), { at: 1, outcome: { value: 2 } })
          yield* TestClock.adjust(10)
          assert.isUndefined(yield* cache.get("key"))
        })
      ))
  })
}
