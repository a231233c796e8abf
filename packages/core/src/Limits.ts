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
 * Tokens that a run may use, each at least 1 and unbounded by default.
 *
 * - `input`, `output`, `total`: of all requests of the run together.
 * - `context`: of one request with its reply; default the window of the model where `PriceTable` knows it. At nine tenths of
 *   it the run takes its last turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tokens {
  readonly input?: number
  readonly output?: number
  readonly total?: number
  readonly context?: number
}

/**
 * Bounds of a run, all optional.
 *
 * - `turns`: model turns, at least 1; default 10.
 * - `toolCalls`: tool calls of the whole run, at least 0; default unbounded.
 * - `toolCallsPerTurn`: at least 1; default 8. The calls above it are answered with that fact, not dropped.
 * - `concurrency`: tool calls that run at the same time, at least 1; default 5.
 * - `retries`: repeated attempts of all tool calls of the run, at least 0; default 10.
 * - `deadline`: of the run, default 5 minutes; a number is milliseconds. The time that a run waits for an approval, and for
 *   nothing else, does not count.
 * - `toolTimeout`: of a tool call from when it may start, waits and retries included; default the run's deadline.
 * - `tokens`: a number is `total`; default unbounded.
 * - `cost`: in USD, above 0; default unbounded. It may be exceeded by one model response, and `PriceTable` has to know the
 *   model.
 * - `repetition`: how often the same call may give the same result, at least 2; default 3. Then the model is told; if it
 *   asks once more, the run takes its last turn. A call whose result changes may be repeated.
 * - `depth`: how deep runs may start runs, at least 0; default 3.
 * - `subRuns`: runs that the tools of the run may start, at least 0; default 20.
 *
 * `turns`, `toolCalls`, `retries`, `tokens`, `cost` and the deadline also bound the runs that its tools start.
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
  readonly tokens?: number | Tokens
  readonly cost?: { readonly usd: number }
  readonly repetition?: number
  readonly depth?: number
  readonly subRuns?: number
}

const bound = Schema.NullOr(Schema.Int)

/**
 * Limits with every default filled in, as a journal keeps them. Durations are milliseconds, `cost` is USD; `null` is
 * unbounded.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Resolved = Schema.Struct({
  turns: Schema.Int,
  toolCalls: bound,
  toolCallsPerTurn: Schema.Int,
  concurrency: Schema.Int,
  retries: Schema.Int,
  deadline: Schema.NullOr(Schema.Finite),
  toolTimeout: Schema.NullOr(Schema.Finite),
  tokens: Schema.Struct({ input: bound, output: bound, total: bound, context: bound }),
  cost: Schema.NullOr(Schema.Finite),
  repetition: Schema.Int,
  depth: Schema.Int,
  subRuns: Schema.Int,
  onLimit: Schema.Literals(["answer", "fail"])
})

/**
 * Limits with every default filled in.
 *
 * @category models
 * @since 0.1.0
 */
export type Resolved = typeof Resolved.Type

/**
 * The limits that can end a run: those of `Limits`, `maxTokens` (a reply was cut at its greatest length) and `pauses` (the
 * provider paused its reply too often).
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reached = Schema.Literals([
  "turns",
  "toolCalls",
  "deadline",
  "inputTokens",
  "outputTokens",
  "totalTokens",
  "context",
  "cost",
  "repetition",
  "maxTokens",
  "pauses",
  "depth",
  "subRuns"
])

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

const optional = (name: string, value: number | undefined, least: number): number | null =>
  value === undefined ? null : count(name, value, least, least)

const usd = (cost: { readonly usd: number } | undefined): number | null => {
  if (cost === undefined) return null
  if (Number.isFinite(cost.usd) && cost.usd > 0) return cost.usd
  throw new RangeError("limits.cost.usd must be above zero")
}

const tokensOf = (tokens: number | Tokens | undefined): Resolved["tokens"] => {
  const { context, input, output, total } = typeof tokens === "number" ? { total: tokens } as Tokens : tokens ?? {}
  return {
    input: optional("tokens.input", input, 1),
    output: optional("tokens.output", output, 1),
    total: optional("tokens.total", total, 1),
    context: optional("tokens.context", context, 1)
  }
}

/**
 * Fills in the defaults.
 *
 * @param onLimit - whether a run that reaches a limit answers with what it has (the default) or fails
 * @throws `RangeError` naming the limit that is out of its range
 * @internal
 */
export const resolve = (limits: Limits = {}, onLimit: Resolved["onLimit"] = "answer"): Resolved => ({
  turns: count("turns", limits.turns, 1, 10),
  toolCalls: optional("toolCalls", limits.toolCalls, 0),
  toolCallsPerTurn: count("toolCallsPerTurn", limits.toolCallsPerTurn, 1, 8),
  concurrency: count("concurrency", limits.concurrency, 1, 5),
  retries: count("retries", limits.retries, 0, 10),
  deadline: millis("deadline", limits.deadline, 300_000),
  toolTimeout: millis("toolTimeout", limits.toolTimeout, null),
  tokens: tokensOf(limits.tokens),
  cost: usd(limits.cost),
  repetition: count("repetition", limits.repetition, 2, 3),
  depth: count("depth", limits.depth, 0, 3),
  subRuns: count("subRuns", limits.subRuns, 0, 20),
  onLimit
})

/** Share of the deadline after which only the answer is left to be given. */
const answerAfter = 0.9

/**
 * When tools have to be done, in milliseconds after the run's start: nine tenths of the deadline; `Infinity` without one.
 *
 * @internal
 */
export const toolsUntil = (limits: Resolved): number =>
  limits.deadline === null ? Number.POSITIVE_INFINITY : limits.deadline * answerAfter
