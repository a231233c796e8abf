/**
 * Where the results of read-only tools are kept between runs.
 *
 * **Details**
 *
 * A tool asks for it in its policy (`ToolPolicy`, option `cache`). By default results are kept in the memory of the process,
 * `layerPersistence` keeps them wherever `effect/persistence` can: Redis, SQL, a key-value store. A store that fails is no
 * failure of a call: it only means that the tool is asked.
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
 * What is kept for a tool, a tenant and arguments: the encoded result or a permanent failure, and since when, in
 * milliseconds since the epoch.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Entry = Schema.Struct({
  at: Schema.Finite,
  outcome: Schema.Union([Schema.Struct({ value: Schema.Unknown }), Schema.Struct({ failure: RunEvent.Failure })])
})

/**
 * What is kept for a tool, a tenant and arguments.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = typeof Entry.Type

/**
 * Keeps entries for at least nothing and at most `timeToLive`, in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolCache {
  readonly get: (key: string) => Effect.Effect<Entry | undefined>
  readonly set: (key: string, entry: Entry, timeToLive: number) => Effect.Effect<void>
}

const decode = Schema.decodeUnknownOption(Entry)

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

const missed = (cause: unknown): Effect.Effect<undefined> =>
  Effect.as(Effect.logWarning("The cache of tool results failed; the tool is asked", cause), undefined)

/**
 * A cache that other processes may share, in any store of `effect/persistence`. What is found there and is no entry is
 * not used.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerPersistence: Layer.Layer<never, never, Persistence.BackingPersistence> = Layer.effect(
  current,
  Effect.gen(function*() {
    const store = yield* (yield* Persistence.BackingPersistence).make(storeId)
    return {
      get: (key) =>
        store.get(key).pipe(
          Effect.map((found) => Option.getOrUndefined(decode(found))),
          Effect.catchCause(missed)
        ),
      set: (key, entry, timeToLive) =>
        Effect.asVoid(Effect.catchCause(store.set(key, entry, Duration.millis(timeToLive)), missed))
    }
  })
)
