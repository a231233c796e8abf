/**
 * The ways in which a tool call can fail, and what each means for the run.
 *
 * **Details**
 *
 * A failure is *transient* (the same call may succeed later), *permanent* (it will fail again), *unknown* (nobody
 * classified it) or *fatal* (it must not reach the model: the run fails with it). A tool may fail with the classes of
 * this module, or with errors of its own whose tags its policy classifies (`ToolPolicy`, option `failures`).
 *
 * This module does not retry anything: that is declared in `ToolPolicy` and done by `Dispatcher`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as internal from "./internal/classify.ts"

/**
 * Key under which an error instance states its kind.
 *
 * **Details**
 *
 * An instance property, since only the instance type is visible in a tool's failure type. It is not encoded, and
 * decoding an error through its schema brings it back.
 *
 * **Example** (An error that ends the run)
 *
 * ```ts
 * import { ToolFailure } from "@volley/core"
 * import { Schema } from "effect"
 *
 * class BadCredentials extends Schema.TaggedError<BadCredentials>()("BadCredentials", { system: Schema.String }) {
 *   readonly [ToolFailure.kind] = "fatal" as const
 * }
 * ```
 *
 * @category type IDs
 * @since 0.1.0
 */
export const kind: typeof internal.kind = internal.kind

/**
 * What a failure means: see the module's documentation.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = "transient" | "permanent" | "unknown" | "fatal"

/**
 * Every reason of a transient failure.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TransientReason = Schema.Literals([
  "Timeout",
  "RateLimited",
  "Unavailable",
  "ConnectionLost",
  "Conflict",
  "Overloaded",
  "CircuitOpen"
])

/**
 * A reason of a transient failure.
 *
 * @category models
 * @since 0.1.0
 */
export type TransientReason = typeof TransientReason.Type

/**
 * Every reason of a permanent failure.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PermanentReason = Schema.Literals([
  "InvalidArguments",
  "NotFound",
  "PermissionDenied",
  "Unauthenticated",
  "Unsupported",
  "TooLarge",
  "AlreadyExists",
  "FailedPrecondition",
  "Cancelled",
  "DependencyFailed"
])

/**
 * A reason of a permanent failure.
 *
 * @category models
 * @since 0.1.0
 */
export type PermanentReason = typeof PermanentReason.Type

/**
 * The same call may succeed later. The dispatcher retries it within policy, limits and deadline, then tells the model.
 *
 * **Details**
 *
 * `retryAfter` is the least wait before the next attempt. `executed: false` states that nothing happened (connection
 * refused, 429, open circuit), which makes a retry safe even for an effectful tool.
 *
 * @category errors
 * @since 0.1.0
 */
export class Transient extends Schema.TaggedError<Transient>("@volley/core/ToolFailure/Transient")("Transient", {
  reason: TransientReason,
  message: Schema.String,
  retryAfter: Schema.optionalKey(Schema.DurationFromMillis),
  executed: Schema.optionalKey(Schema.Boolean)
}) {
  /** @since 0.1.0 */
  readonly [kind] = "transient" as const
}

/**
 * The same call will fail again. It is told to the model at once and never retried.
 *
 * @category errors
 * @since 0.1.0
 */
export class Permanent extends Schema.TaggedError<Permanent>("@volley/core/ToolFailure/Permanent")("Permanent", {
  reason: PermanentReason,
  message: Schema.String
}) {
  /** @since 0.1.0 */
  readonly [kind] = "permanent" as const
}

/**
 * Nobody classified this failure. A call that is safe to repeat is tried once more, then the model is told.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unknown extends Schema.TaggedError<Unknown>("@volley/core/ToolFailure/Unknown")("Unknown", {
  message: Schema.String
}) {
  /** @since 0.1.0 */
  readonly [kind] = "unknown" as const
}

/**
 * Schema of the failures of this module: use it as a tool's `failure`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ToolFailure = Schema.Union([Transient, Permanent, Unknown])

/**
 * A failure of this module.
 *
 * @category models
 * @since 0.1.0
 */
export type ToolFailure = typeof ToolFailure.Type

/**
 * The members of `E` that state that they are fatal.
 *
 * @category models
 * @since 0.1.0
 */
export type Fatal<E> = E extends { readonly [kind]: "fatal" } ? E : never

/**
 * Makes a transient failure.
 *
 * @param options.retryAfter - the least wait before the next attempt; a number is milliseconds
 * @param options.executed - `false` states that nothing happened
 * @category constructors
 * @since 0.1.0
 */
export const transient = (options: {
  readonly reason: TransientReason
  readonly message: string
  readonly retryAfter?: Duration.Input
  readonly executed?: boolean
}): Transient =>
  new Transient({
    reason: options.reason,
    message: options.message,
    ...(options.retryAfter === undefined ? {} : { retryAfter: Duration.fromInputUnsafe(options.retryAfter) }),
    ...(options.executed === undefined ? {} : { executed: options.executed })
  })

/**
 * Makes a permanent failure.
 *
 * @category constructors
 * @since 0.1.0
 */
export const permanent = (options: { readonly reason: PermanentReason; readonly message: string }): Permanent =>
  new Permanent(options)

/**
 * Whether an error states that it is fatal.
 *
 * @category guards
 * @since 0.1.0
 */
export const isFatal = (error: unknown): error is { readonly [kind]: "fatal" } =>
  internal.guarded(() => Predicate.hasProperty(error, kind) && error[kind] === "fatal") ?? false

const isToolFailure = (error: unknown): error is ToolFailure =>
  internal.guarded(() => error instanceof Transient || error instanceof Permanent || error instanceof Unknown) ?? false

/**
 * Classifies an error of somebody else: errors of `effect` (HTTP client, SQL, platform, `AiError`, `TimeoutError`,
 * circuit breaker, rate limiter), HTTP statuses 400-599 and Node and undici codes, looked for in the error and in its
 * causes. Messages are never read for a pattern; what the table does not know is `Unknown`.
 *
 * **Details**
 *
 * A `Retry-After` that is a date becomes a wait from the response's own `Date`; where that is missing it is left out, since
 * this function has no clock. (An error that reaches the dispatcher as it is gets one.)
 *
 * **Example** (In a handler)
 *
 * ```ts
 * import { Agent, Dispatcher, ToolFailure } from "@volley/core"
 * import { Effect } from "effect"
 * import { readFile } from "node:fs/promises"
 *
 * const readPage = Agent.tool("read_page", {
 *   description: "Reads the page",
 *   class: "readonly",
 *   failure: ToolFailure.ToolFailure,
 *   run: () =>
 *     Effect.tryPromise((signal) => readFile("no-such-page.md", { encoding: "utf8", signal })).pipe(
 *       Effect.mapError(ToolFailure.fromUnknown)
 *     )
 * })
 *
 * const { failure } = await Effect.runPromise(Dispatcher.call(readPage, {}))
 * console.log(failure?.kind, failure?.reason)
 * ```
 *
 * ```text
 * permanent NotFound
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromUnknown = (error: unknown): ToolFailure => {
  if (isToolFailure(error)) return error
  const row = internal.lookUp(error)
  if (row === undefined) return new Unknown({ message: internal.safeMessage(error) })
  if (row.kind === "permanent") {
    return new Permanent({ reason: row.reason as PermanentReason, message: row.message })
  }
  return transient({
    reason: row.reason as TransientReason,
    message: row.message,
    ...(row.retryAfter === undefined ? {} : { retryAfter: row.retryAfter }),
    ...(row.executed === undefined ? {} : { executed: row.executed })
  })
}
