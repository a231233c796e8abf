/**
 * Where the whole of a result is kept that was too large for the model, so that it can be read on.
 *
 * **Details**
 *
 * A result above its size is cut in the middle (`ToolPolicy`, option `maxResultSize`). The whole is kept under a handle, for
 * the tenant of the run. An agent that has `readResult` among its tools can page through it:
 *
 * ```ts
 * import { Agent, ResultStore } from "@volley/core"
 *
 * const agent = Agent.make("reader", { tools: [ResultStore.readResult] })
 * ```
 *
 * By default results are kept in the memory of the process, `layerPersistence` keeps them wherever `effect/persistence` can.
 *
 * @since 0.1.0
 */
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Persistence from "effect/persistence/Persistence"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as BoundTool from "./internal/boundTool.ts"
import * as ByteStore from "./internal/store/byteStore.ts"
import * as ToolCall from "./ToolCall.ts"
import * as ToolFailure from "./ToolFailure.ts"

/**
 * Keeps texts for a while.
 *
 * - `keep`: false for a text that is too large to be kept.
 * - `read`: `undefined` for a text that is not there, or no longer.
 *
 * Both may fail, and take their time: a result whose whole cannot be kept within 500 ms has no handle.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResultStore {
  readonly keep: (key: string, text: string) => Effect.Effect<boolean, unknown>
  readonly read: (key: string) => Effect.Effect<string | undefined, unknown>
}

/**
 * The key of a result: no tenant can name that of another.
 *
 * @category combinators
 * @since 0.1.0
 */
export const key = (tenant: string | undefined, handle: string): string => JSON.stringify([tenant ?? null, handle])

/** 32 MiB, counted as two bytes a UTF-16 unit. */
const defaultBytes = 32 * 1024 * 1024

const makeMemory = (maximumBytes: number): ResultStore => {
  const store = ByteStore.make(maximumBytes)
  return {
    keep: (key, text) =>
      Effect.sync(() => {
        store.set(key, text, Number.POSITIVE_INFINITY)
        return ByteStore.sizeOf(key, text) <= maximumBytes
      }),
    read: (key) => Effect.map(Clock.currentTimeMillis, (now) => store.get(key, now))
  }
}

/**
 * The store of whole results; in the memory of the process, at most 32 MiB, where nothing else is provided.
 *
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<ResultStore> = Context.Reference<ResultStore>("@volley/core/ResultStore", {
  defaultValue: () => makeMemory(defaultBytes)
})

/**
 * A store in memory of its own, from which the least recently read results go first.
 *
 * @param options.maximumBytes - of keys and results, counted as two bytes a UTF-16 unit; default 32 MiB
 * @category layers
 * @since 0.1.0
 */
export const layerMemory = (options: { readonly maximumBytes?: number } = {}): Layer.Layer<never> =>
  Layer.effect(current, Effect.sync(() => makeMemory(options.maximumBytes ?? defaultBytes)))

const storeId = "volley-results"
const timeToLive = Duration.days(1)

/**
 * A store that other processes may share, in any store of `effect/persistence`. Results are kept for a day.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerPersistence: Layer.Layer<never, never, Persistence.BackingPersistence> = Layer.effect(
  current,
  Effect.gen(function*() {
    const store = yield* (yield* Persistence.BackingPersistence).make(storeId)
    return {
      keep: (key, text) => Effect.as(store.set(key, { text }, timeToLive), true),
      read: (key) =>
        Effect.map(
          store.get(key),
          (found) => Predicate.hasProperty(found, "text") && typeof found.text === "string" ? found.text : undefined
        )
    }
  })
)

/** A page is never cut itself: a UTF-16 unit takes at most three bytes. */
const longestPage = 10_000
const defaultPage = 8_000

const Parameters = Schema.Struct({
  handle: Schema.String.annotate({ description: "The handle that the cut result names" }),
  offset: Schema.optionalKey(
    Schema.Int.annotate({ description: "The first character to read, from 0; default 0" })
      .check(Schema.isGreaterThanOrEqualTo(0))
  ),
  length: Schema.optionalKey(
    Schema.Int.annotate({ description: `How many characters to read, at most ${longestPage}; default ${defaultPage}` })
      .check(Schema.isBetween({ minimum: 1, maximum: longestPage }))
  )
})

/** A boundary does not fall between the two halves of a surrogate pair. */
const boundary = (text: string, at: number): number => {
  const unit = text.charCodeAt(at)
  return unit >= 0xdc00 && unit <= 0xdfff && at > 0 ? at - 1 : at
}

const page = (text: string, offset: number, length: number): string => {
  const from = boundary(text, Math.min(offset, text.length))
  const to = boundary(text, Math.min(from + length, text.length))
  // at least one whole character, so that reading on comes to an end
  const end = to > from ? to : Math.min(from + String.fromCodePoint(text.codePointAt(from) ?? 0).length, text.length)
  const next = end < text.length ? `; the next offset is ${end}` : "; this is the end"
  return `characters ${from} to ${end} of ${text.length}${next}\n\n${text.slice(from, end)}`
}

const unavailable = () =>
  ToolFailure.transient({ reason: "Unavailable", message: "the store of whole results did not answer" })

const gone = () =>
  ToolFailure.permanent({
    reason: "NotFound",
    message: "no result is kept under this handle; results are kept for a while only"
  })

const read = Effect.fnUntraced(function*({ handle, length = defaultPage, offset = 0 }: typeof Parameters.Type) {
  const store = yield* current
  const call = yield* ToolCall.current
  const text = yield* store.read(key(call?.tenant, handle)).pipe(
    Effect.tapError((error) => Effect.logWarning("A whole result could not be read", error)),
    Effect.mapError(unavailable)
  )
  return text === undefined ? yield* Effect.fail(gone()) : page(text, offset, length)
})

const definition = Tool.make("read_result", {
  description: "Reads on in a result that was too large and was cut: page by page, by its handle.",
  parameters: Parameters,
  success: Schema.String,
  failure: Schema.Union([ToolFailure.Transient, ToolFailure.Permanent])
}).annotate(Tool.Readonly, true).annotate(Tool.Idempotent, true).annotate(Tool.Destructive, false)

type Definition = typeof definition

/**
 * The type of `readResult`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadResult extends Definition, BoundTool.Bound<never> {}

/**
 * The tool with which the model pages through a result that was cut. It reads for the tenant of its run alone.
 *
 * @category tools
 * @since 0.1.0
 */
export const readResult: ReadResult = Object.assign(definition, {
  [BoundTool.TypeId]: {
    services: undefined as never,
    handler: (parameters: typeof Parameters.Type, _context: Toolkit.HandlerContext<Tool.Any>) => read(parameters)
  }
}) as never

/**
 * Whether a tool is `readResult`, with whatever policy.
 *
 * @internal
 */
export const isReadResult = (tool: Tool.Any): boolean =>
  BoundTool.isBound(tool) && tool[BoundTool.TypeId].handler === readResult[BoundTool.TypeId].handler
