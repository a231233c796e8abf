/**
 * Bounds of a run.
 *
 * **Details**
 *
 * A limit ends a run with an answer where it can: the last turn (and a tenth of the deadline) is kept back; on it the
 * tools are withheld and the model is asked to answer with what it has.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * Bounds of a run, all optional.
 *
 * - `turns`: model turns, at least 1; default 10.
 * - `toolCalls`: tool calls of the whole run, at least 0; default unbounded.
 * - `toolCallsPerTurn`: at least 1; default 8. The calls above it are answered with that fact, not dropped.
 * - `concurrency`: tool calls that run at the same time, at least 1; default 5.
 * - `retries`: repeated attempts of all tool calls of the run, at least 0; default 10.
 * - `deadline`: of the run, default 5 minutes; a number is milliseconds.
 * - `toolTimeout`: of the tool calls of one turn together, waits and retries included; default the run's deadline.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  readonly turns?: number
  readonly toolCalls?: number
  readonly toolCallsPerTurn?: number
  readonly concurrency?: number
  readonly retries?: number
  readonly deadline?: Duration.Input
  readonly toolTimeout?: Duration.Input
}

/**
 * Limits with every default filled in, as a journal keeps them. Durations are milliseconds; `null` is unbounded.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Resolved = Schema.Struct({
  turns: Schema.Int,
  toolCalls: Schema.NullOr(Schema.Int),
  toolCallsPerTurn: Schema.Int,
  concurrency: Schema.Int,
  retries: Schema.Int,
  deadline: Schema.NullOr(Schema.Finite),
  toolTimeout: Schema.NullOr(Schema.Finite)
})

/**
 * Limits with every default filled in.
 *
 * @category models
 * @since 0.1.0
 */
export type Resolved = typeof Resolved.Type

/**
 * The limits that can end a run.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reached = Schema.Literals(["turns", "toolCalls", "deadline", "outputTokens"])

/**
 * A limit that can end a run.
 *
 * @category models
 * @since 0.1.0
 */
export type Reached = typeof Reached.Type

const count = (name: string, value: number | undefined, least: number, fallback: number): number => {
  if (value === undefined) return fallback
  if (Number.isInteger(value) && value >= least) return value
  throw new RangeError(`limits.${name} must be a whole number of at least ${least}`)
}

const millis = (name: string, value: Duration.Input | undefined, fallback: number | null): number | null => {
  if (value === undefined) return fallback
  const duration = Option.match(Duration.fromInput(value), { onNone: () => Number.NaN, onSome: Duration.toMillis })
  if (duration === Number.POSITIVE_INFINITY) return null
  if (Number.isFinite(duration) && duration > 0) return duration
  throw new RangeError(`limits.${name} must be a duration above zero`)
}

/**
 * Fills in the defaults.
 *
 * @throws `RangeError` naming the limit that is out of its range
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (limits: Limits = {}): Resolved => ({
  turns: count("turns", limits.turns, 1, 10),
  toolCalls: limits.toolCalls === undefined ? null : count("toolCalls", limits.toolCalls, 0, 0),
  toolCallsPerTurn: count("toolCallsPerTurn", limits.toolCallsPerTurn, 1, 8),
  concurrency: count("concurrency", limits.concurrency, 1, 5),
  retries: count("retries", limits.retries, 0, 10),
  deadline: millis("deadline", limits.deadline, 300_000),
  toolTimeout: millis("toolTimeout", limits.toolTimeout, null)
})

/** Share of the deadline after which only the answer is left to be given. */
const answerAfter = 0.9

/**
 * When tools have to be done, in milliseconds after the run's start: nine tenths of the deadline; `Infinity` without one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toolsUntil = (limits: Resolved): number =>
  limits.deadline === null ? Number.POSITIVE_INFINITY : limits.deadline * answerAfter
