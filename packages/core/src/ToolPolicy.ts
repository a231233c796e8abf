/**
 * Declares on a tool what may be done with its calls: its effect class, what its failures mean, and its bounds.
 *
 * **Details**
 *
 * The effect class is the constructor:
 *
 * - `readonly`: changes nothing. Runs in parallel, may be repeated at will.
 * - `idempotent`: repeating a call with the same idempotency key changes nothing more. Retried.
 * - `effectful`: each execution counts. Retried only after a failure that states `executed: false`. A tool that says
 *   nothing is effectful.
 *
 * A plain `effect/ai` tool takes its class from `Tool.Readonly` and `Tool.Idempotent`; `set` adds policy and leaves the
 * class. Each function returns the tool with its type unchanged.
 *
 * **Example** (A read-only tool with failures of its own)
 *
 * ```ts
 * import { ToolPolicy } from "@volley/core"
 * import { Schema } from "effect"
 * import { Tool } from "effect/ai"
 * import { CircuitBreaker } from "effect/persistence"
 *
 * class ApiDown extends Schema.TaggedError<ApiDown>()("ApiDown", {}) {}
 * class NoSuchNamespace extends Schema.TaggedError<NoSuchNamespace>()("NoSuchNamespace", {}) {}
 *
 * const PodStatus = ToolPolicy.readonly(
 *   Tool.make("get_pod_status", {
 *     description: "Status of the pods of a namespace",
 *     parameters: Schema.Struct({ namespace: Schema.String }),
 *     success: Schema.Array(Schema.String),
 *     failure: Schema.Union([ApiDown, NoSuchNamespace])
 *   }),
 *   {
 *     failures: { ApiDown: "transient", NoSuchNamespace: "permanent" },
 *     timeout: "10 seconds",
 *     retry: { times: 2 },
 *     concurrency: 4,
 *     cache: { timeToLive: "30 seconds", staleIfError: "10 minutes" },
 *     breaker: { tripPolicy: CircuitBreaker.consecutive(5), openDuration: "30 seconds" },
 *     hedge: { after: "p95" },
 *     maxResultSize: "64 KiB"
 *   }
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import type * as Schedule from "effect/Schedule"
import type * as BoundTool from "./internal/boundTool.ts"
import { bytesOf } from "./internal/size.ts"
import type { ToolCall } from "./ToolCall.ts"
import type * as ToolFailure from "./ToolFailure.ts"

/**
 * What may be done with a call: see the module's documentation.
 *
 * @category models
 * @since 0.1.0
 */
export type EffectClass = "readonly" | "idempotent" | "effectful"

/**
 * When a failed attempt is repeated: so many times more with the default waits (200 ms × 2ⁿ with full jitter, at most
 * 5 s; base 1 s for throttling), or by a schedule of your own, which also bounds the number. `times` is 0 or more,
 * default 2; 0 turns retries off.
 *
 * @category models
 * @since 0.1.0
 */
export type Retry = { readonly times: number } | Schedule.Schedule<unknown>

/**
 * Explains in a compile error why an option is not available.
 *
 * @category models
 * @since 0.1.0
 */
export interface Invalid<Reason extends string> {
  readonly "~error": Reason
}

type Tagged<E> = E extends { readonly _tag: infer Tag extends string } ? Tag : never
type Unclassified<E> = E extends { readonly [ToolFailure.kind]: ToolFailure.Kind } ? never : E

/**
 * The tags of a tool's failures that its policy has to classify: all but those that state their kind themselves.
 *
 * @category models
 * @since 0.1.0
 */
export type FailureTag<T> = unknown extends Tool.Failure<T> ? never : Tagged<Unclassified<Tool.Failure<T>>>

/**
 * What each failure of a tool means, exhaustive over the tags of its failure schema.
 *
 * @category models
 * @since 0.1.0
 */
export type Failures<T> = { readonly [Tag in FailureTag<T>]: "transient" | "permanent" }

type Retryable<T, F> = unknown extends Tool.Failure<T> ? true
  : "transient" extends F[keyof F] ? true
  : [Extract<Tool.Failure<T>, { readonly [ToolFailure.kind]: "transient" | "unknown" }>] extends [never] ? false
  : true

type RetryOf<T, F> = Retryable<T, F> extends true ? Retry
  : Invalid<"retry needs a transient failure in the tool's failure schema">

type FailuresOption<T, F> = [FailureTag<T>] extends [never] ? { readonly failures?: Record<string, never> }
  : { readonly failures: F & { readonly [Tag in Exclude<keyof F, FailureTag<T>>]: never } }

/**
 * A size in bytes: a whole number, or with its unit.
 *
 * @category models
 * @since 0.1.0
 */
export type Size = number | `${number} B` | `${number} KiB` | `${number} MiB`

/**
 * Keeps results for equal arguments of the same tenant.
 *
 * - `timeToLive`: how long a result is given again without asking the tool.
 * - `staleIfError`: how much longer it may stand in when the tool fails for now; the model is told its age. Default: not.
 * - `failures`: how long a permanent failure is given again; default: not at all. Other failures are never kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cache {
  readonly timeToLive: Duration.Input
  readonly staleIfError?: Duration.Input
  readonly failures?: Duration.Input
}

/**
 * Stops calling a system that fails: see `effect/persistence/CircuitBreaker`, whose options these are. Transient and
 * unknown failures and defects count against it, permanent ones do not.
 *
 * - `key`: what the circuit belongs to, such as the host in the arguments; default the name of the tool. Tools that give
 *   the same key share a circuit and a retry budget.
 *
 * @category models
 * @since 0.1.0
 */
export interface Breaker<Parameters> {
  readonly tripPolicy: CircuitBreaker.TripPolicy
  readonly openDuration: Duration.Input | Schedule.Schedule<unknown, number>
  readonly maxOpenDuration?: Duration.Input
  readonly onStoreError?: "allow" | "fail"
  readonly key?: (parameters: Parameters) => string
}

/**
 * At most `limit` attempts (at least 1) in each `window`. A call above it waits for its turn, holding no place, as long as
 * its deadline allows. An attempt counts when it may go on; one that then waits for a place begins later.
 *
 * - `algorithm`: default `"fixed-window"`.
 * - `key`: what the rate belongs to, such as the host in the arguments; default the name of the tool.
 *
 * @category models
 * @since 0.1.0
 */
export interface RateLimit<Parameters> {
  readonly limit: number
  readonly window: Duration.Input
  readonly algorithm?: "fixed-window" | "token-bucket"
  readonly key?: (parameters: Parameters) => string
}

/**
 * Sends a second attempt after a wait and takes the result that comes first: after a fixed time, or after a tenth more than
 * what 95 % of the tool's last 100 calls did not exceed (not before 20 are known). At most 5 % of the calls are hedged, none
 * while more than half of the retries are spent, and none that still waits for its place or its rate.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hedge {
  readonly after: Duration.Input | "p95"
}

/**
 * Finds out whether a call whose outcome is unknown took effect: `Some` with its result when it did, `None` when it did
 * not, a failure when that cannot be told. The call's idempotency key is that which its handler had: a promise that ignores
 * its signal may still act, so what it asks for has to be refused from then on by that key.
 *
 * @category models
 * @since 0.1.0
 */
export type Reconcile<T extends Tool.Any> = (
  parameters: Tool.Parameters<T>,
  call: ToolCall
) => Effect.Effect<Option.Option<Tool.Success<T>>, unknown, Tool.HandlerServices<T>>

/**
 * Reliability of a tool, of any effect class.
 *
 * - `failures`: what each of the tool's own failures means, by tag.
 * - `timeout`: of one attempt, default 30 seconds; a number is milliseconds.
 * - `retry`: see `Retry`; only offered where a failure is transient.
 * - `concurrency`: how many calls of this tool run at the same time within a run, at least 1; default unbounded (the
 *   dispatch has a bound of its own).
 * - `serial`: `true` runs the calls of a turn one after another in call order; a function does so for the calls for
 *   which it gives the same key.
 * - `breaker`, `rateLimit`: see `Breaker` and `RateLimit`; default off.
 * - `fallback`: a tool with the same parameters and the same success, which is run when this one fails for now and
 *   retries are over, or while its circuit is open; the model is told. Only where this tool is known not to have been
 *   executed, or is read-only. It has a handler of its own (`Agent.tool`) or is one of the agent's tools.
 * - `after`: names of tools whose calls in the same turn are waited for; where one of them failed, this call is not run.
 * - `maxResultSize`: of a result as the model reads it, at least 1 KiB, default 32 KiB. What is larger is cut in the
 *   middle.
 *
 * @category models
 * @since 0.1.0
 */
export type Options<T extends Tool.Any, F> = FailuresOption<T, F> & {
  readonly timeout?: Duration.Input
  readonly retry?: RetryOf<T, NoInfer<F>>
  readonly concurrency?: number
  readonly serial?: boolean | ((parameters: Tool.Parameters<T>) => string)
  readonly breaker?: Breaker<Tool.Parameters<T>>
  readonly rateLimit?: RateLimit<Tool.Parameters<T>>
  readonly after?: ReadonlyArray<string>
  readonly maxResultSize?: Size
}

/**
 * What only a tool that changes nothing may have: see `Cache` and `Hedge`; default off.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadonlyOptions {
  readonly cache?: Cache
  readonly hedge?: Hedge
}

/**
 * What only a tool of which each execution counts needs: see `Reconcile`; default none.
 *
 * @category models
 * @since 0.1.0
 */
export interface EffectfulOptions<T extends Tool.Any> {
  readonly reconcile?: Reconcile<T>
}

type Same<Left, Right, Reason extends string> = [Left] extends [Right] ? unknown : Invalid<Reason>

type FallbackOf<T extends Tool.Any, B extends Tool.Any> =
  & B
  & Same<Tool.Parameters<T>, Tool.Parameters<B>, "the fallback must take the parameters of the tool">
  & Same<Tool.Success<B>, Tool.Success<T>, "the fallback must return what the tool returns">
  & Same<
    ToolFailure.Fatal<Tool.Failure<B>>,
    ToolFailure.Fatal<Tool.Failure<T>>,
    "a fatal failure of the fallback must be one of the tool's"
  >
  & (B extends BoundTool.Bound<infer R> ? Same<R, never, "a fallback with a handler of its own must need no services">
    : unknown)

/**
 * What a tool of any effect class may have: a tool that stands in for it, see `fallback` of `Options`; default none.
 *
 * @category models
 * @since 0.1.0
 */
export interface FallbackOption<T extends Tool.Any, B extends Tool.Any> {
  readonly fallback?: FallbackOf<T, B>
}

/**
 * A tool's policy as the dispatcher reads it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  readonly failures?: { readonly [tag: string]: "transient" | "permanent" }
  readonly timeout?: Duration.Input
  readonly retry?: Retry
  readonly concurrency?: number
  readonly serial?: boolean | ((parameters: never) => string)
  readonly cache?: Cache
  readonly breaker?: Breaker<never>
  readonly rateLimit?: RateLimit<never>
  readonly hedge?: Hedge
  readonly fallback?: Tool.Any
  readonly after?: ReadonlyArray<string>
  readonly maxResultSize?: Size
  readonly reconcile?: (
    parameters: never,
    call: ToolCall
  ) => Effect.Effect<Option.Option<unknown>, unknown, unknown>
}

/**
 * Annotation that carries a tool's policy.
 *
 * @category references
 * @since 0.1.0
 */
export const Annotation: Context.Reference<Policy> = Context.Reference<Policy>("@volley/core/ToolPolicy", {
  defaultValue: () => ({})
})

const isWait = (input: Duration.Input): boolean => {
  const duration = Duration.fromInput(input)
  return Option.isSome(duration) && Duration.toMillis(duration.value) > 0
}

const isCount = (value: number, least: number): boolean => Number.isInteger(value) && value >= least

const leastResultSize = 1024

/** The options that are out of their range, each with what it must be. */
const outOfRange = (policy: Policy): ReadonlyArray<string> => {
  const { after, cache, concurrency, hedge, maxResultSize, rateLimit, retry, timeout } = policy
  const found: Array<string> = []
  const check = (valid: boolean, name: string, must: string) => valid || found.push(`${name} must be ${must}`)
  const wait = (input: Duration.Input | undefined, name: string) =>
    input === undefined || check(isWait(input), name, "a duration above zero")
  const count = (value: number | undefined, name: string, least: number) =>
    value === undefined || check(isCount(value, least), name, `a whole number of at least ${least}`)
  count(concurrency, "concurrency", 1)
  count(retry !== undefined && "times" in retry ? retry.times : undefined, "retry.times", 0)
  count(rateLimit?.limit, "rateLimit.limit", 1)
  wait(timeout, "timeout")
  wait(cache?.timeToLive, "cache.timeToLive")
  wait(cache?.staleIfError, "cache.staleIfError")
  wait(cache?.failures, "cache.failures")
  wait(rateLimit?.window, "rateLimit.window")
  if (hedge !== undefined && hedge.after !== "p95") wait(hedge.after, "hedge.after")
  if (maxResultSize !== undefined) {
    check(bytesOf(maxResultSize) >= leastResultSize, "maxResultSize", `a size of at least ${leastResultSize} bytes`)
  }
  if (after !== undefined) check(after.every((name) => name !== ""), "after", "names of tools")
  return found
}

const annotated = <T extends Tool.Any>(tool: T, policy: object | undefined): T => {
  const merged: Policy = { ...Context.get(tool.annotations, Annotation), ...policy }
  const found = outOfRange(merged)
  if (found.length > 0) throw new RangeError(`Tool "${tool.name}": ${found.join("; ")}`)
  return tool.annotate(Annotation, merged) as Tool.Any as T
}

type Required<T extends Tool.Any, F, Option> = [FailureTag<T>] extends [never] ? [options?: Options<T, F> & Option]
  : [options: Options<T, F> & Option]

/**
 * A tool that changes nothing: sets `Tool.Readonly` and the policy.
 *
 * @throws `RangeError` naming the options that are out of their range
 * @category constructors
 * @since 0.1.0
 */
export const readonly = <
  T extends Tool.Any,
  const F extends Failures<T> = Failures<T>,
  B extends Tool.Any = never
>(
  tool: T,
  ...[options]: Required<T, F, ReadonlyOptions & FallbackOption<T, B>>
): T =>
  annotated(
    tool.annotate(Tool.Readonly, true).annotate(Tool.Idempotent, true).annotate(Tool.Destructive, false) as
      & Tool.Any
      & T,
    options
  )

/**
 * A tool whose repeated call with the same idempotency key changes nothing more: sets `Tool.Idempotent` and the policy.
 *
 * @throws `RangeError` naming the options that are out of their range
 * @category constructors
 * @since 0.1.0
 */
export const idempotent = <
  T extends Tool.Any,
  const F extends Failures<T> = Failures<T>,
  B extends Tool.Any = never
>(
  tool: T,
  ...[options]: Required<T, F, FallbackOption<T, B>>
): T => annotated(tool.annotate(Tool.Readonly, false).annotate(Tool.Idempotent, true) as Tool.Any & T, options)

/**
 * A tool of which each execution counts: clears `Tool.Readonly` and `Tool.Idempotent` and sets the policy.
 *
 * **Example** (Finding out what came of a payment that was not answered)
 *
 * ```ts
 * import { Agent, Dispatcher, ToolCall, ToolPolicy } from "@volley/core"
 * import { Effect, Option, Schema } from "effect"
 *
 * const paid = new Map<string, string>()
 * const bank = {
 *   pay: (id: string, amount: number) => Effect.sync(() => (paid.set(id, `paid ${amount}`), `paid ${amount}`)),
 *   find: (id: string) => Effect.sync(() => Option.fromNullishOr(paid.get(id)))
 * }
 *
 * const pay = Agent.tool("pay", {
 *   description: "Pays an amount in euros",
 *   parameters: { amount: Schema.Finite },
 *   success: Schema.String,
 *   run: Effect.fnUntraced(function*({ amount }) {
 *     const call = yield* ToolCall.current
 *     return yield* bank.pay(call?.idempotencyKey ?? "by hand", amount)
 *   })
 * })
 *
 * // what was paid is the result; what was not may be paid again
 * const payOnce = ToolPolicy.effectful(pay, { reconcile: (_, { idempotencyKey }) => bank.find(idempotencyKey) })
 *
 * const { result } = await Effect.runPromise(Dispatcher.call(payOnce, { amount: 20 }))
 * console.log(result)
 * ```
 *
 * ```text
 * paid 20
 * ```
 *
 * @throws `RangeError` naming the options that are out of their range
 * @category constructors
 * @since 0.1.0
 */
export const effectful = <
  T extends Tool.Any,
  const F extends Failures<T> = Failures<T>,
  B extends Tool.Any = never
>(
  tool: T,
  ...[options]: Required<T, F, EffectfulOptions<T> & FallbackOption<T, B>>
): T => annotated(tool.annotate(Tool.Readonly, false).annotate(Tool.Idempotent, false) as Tool.Any & T, options)

/**
 * Adds policy to a tool and leaves its effect class as annotated.
 *
 * @throws `RangeError` naming the options that are out of their range
 * @category combinators
 * @since 0.1.0
 */
export const set = <
  T extends Tool.Any,
  const F extends Failures<T> = Failures<T>,
  B extends Tool.Any = never
>(
  tool: T,
  options: Options<T, F> & FallbackOption<T, B>
): T => annotated(tool, options)

/**
 * The policy of a tool; empty where nothing was declared.
 *
 * @category combinators
 * @since 0.1.0
 */
export const get = (tool: Tool.Any): Policy => Context.get(tool.annotations, Annotation)

/**
 * The effect class of a tool, by its standard annotations.
 *
 * @category combinators
 * @since 0.1.0
 */
export const effectClass = (tool: Tool.Any): EffectClass =>
  Context.get(tool.annotations, Tool.Readonly)
    ? "readonly"
    : Context.get(tool.annotations, Tool.Idempotent)
    ? "idempotent"
    : "effectful"
