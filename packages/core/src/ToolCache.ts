/**
 * Where the results of read-only tools are kept between runs.
 *
 * **Details**
 *
 * A tool asks for it in its policy (`ToolPolicy`, option `cache`). By default results are kept in the memory of the process,
 * `layerPersistence` keeps them wherever `effect/persistence` can: Redis, SQL, a key-value store. A store that fails or hangs is
 * no failure of a call: it only means that the tool is asked.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Persistence from "effect/persistence/Persistence"
import * as Schema from "effect/Schema"
import * as ByteStore from "./internal/store/byteStore.ts"
import * as RunEvent from "./RunEvent.ts"

/**
 * What is kept for a tool, a tenant and arguments: the encoded result (no `value` where the tool gives none) or a permanent
 * failure, and since when, in milliseconds since the epoch.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Entry = Schema.Struct({
  at: Schema.Finite,
  outcome: Schema.Union([
    Schema.Struct({ failure: RunEvent.Failure }),
    Schema.Struct({ value: Schema.optionalKey(Schema.Unknown) })
  ])
})

/**
 * What is kept for a tool, a tenant and arguments.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = typeof Entry.Type

/**
 * Keeps entries for at most `timeToLive` milliseconds; it may lose them sooner. A key is 64 hexadecimal digits, of which the
 * tenant, the tool and the arguments are a part.
 *
 * It may fail, and take its time: a call goes on without it after 500 ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolCache {
  readonly get: (key: string) => Effect.Effect<Entry | undefined, unknown>
  readonly set: (key: string, entry: Entry, timeToLive: number) => Effect.Effect<void, unknown>
}

const decode = Schema.decodeUnknownOption(Entry, { onExcessProperty: "error" })

/** 16 MiB, counted as two bytes a UTF-16 unit. */
const defaultBytes = 16 * 1024 * 1024

/** Entries are kept as text, so that nobody can change one through a reference to it. */
const makeMemory = (maximumBytes: number): ToolCache => {
  const store = ByteStore.make(maximumBytes)
  return {
    get: (key) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const text = store.get(key, now)
        return text === undefined ? undefined : JSON.parse(text) as Entry
      }),
    set: (key, entry, timeToLive) =>
      Effect.map(Clock.currentTimeMillis, (now) => store.set(key, JSON.stringify(entry), now + timeToLive))
  }
}

/**
 * The cache of tool results; in the memory of the process, at most 16 MiB, where nothing else is provided.
 *
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<ToolCache> = Context.Reference<ToolCache>("@volley/core/ToolCache", {
  defaultValue: () => makeMemory(defaultBytes)
})

/**
 * A cache in memory of its own, from which the least recently used results go first.
 *
 * @param options.maximumBytes - of keys and results, counted as two bytes a UTF-16 unit; default 16 MiB
 * @category layers
 * @since 0.1.0
 */
export const layerMemory = (options: { readonly maximumBytes?: number } = {}): Layer.Layer<never> =>
  Layer.effect(current, Effect.sync(() => makeMemory(options.maximumBytes ?? defaultBytes)))

const storeId = "volley-tool-cache"

/**
 * A cache that other processes may share, in any store of `effect/persistence`. What is found there and is no entry is
 * not used.
 *
 * **Example** (A cache that all processes share, in Redis)
 *
 * ```ts
 * import { NodeRedis } from "@effect/platform-node"
 * import { Agent, Dispatcher, ToolCache, ToolPolicy } from "@volley/core"
 * import { Effect, Layer } from "effect"
 * import { Persistence } from "effect/persistence"
 *
 * const cache = ToolCache.layerPersistence.pipe(
 *   Layer.provide(Persistence.layerBackingRedis),
 *   Layer.provide(NodeRedis.layer({ url: "redis://127.0.0.1:6379" }))
 * )
 *
 * const weather = ToolPolicy.readonly(
 *   Agent.tool("get_weather", { description: "Weather of Oslo", run: () => "7 °C" }),
 *   { cache: { timeToLive: "1 minute" } }
 * )
 *
 * const program = Dispatcher.call(weather, {}).pipe(Effect.provide(cache))
 * console.log((await Effect.runPromise(program)).result)
 * ```
 *
 * ```text
 * 7 °C
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerPersistence: Layer.Layer<never, never, Persistence.BackingPersistence> = Layer.effect(
  current,
  Effect.gen(function*() {
    const store = yield* (yield* Persistence.BackingPersistence).make(storeId)
    return {
      get: (key) => Effect.map(store.get(key), (found) => Option.getOrUndefined(decode(found))),
      set: (key, entry, timeToLive) => store.set(key, entry, Duration.millis(timeToLive))
    }
  })
)
