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
 *     concurrency: 4
 *   }
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
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
 * Reliability of a tool.
 *
 * - `failures`: what each of the tool's own failures means, by tag.
 * - `timeout`: of one attempt, default 30 seconds; a number is milliseconds.
 * - `retry`: see `Retry`; only offered where a failure is transient.
 * - `concurrency`: how many calls of this tool run at the same time within a run, at least 1; default unbounded (the
 *   dispatch has a bound of its own).
 * - `serial`: `true` runs the calls of a turn one after another in call order; a function does so for the calls for
 *   which it gives the same key.
 *
 * @category models
 * @since 0.1.0
 */
export type Options<T extends Tool.Any, F> = FailuresOption<T, F> & {
  readonly timeout?: Duration.Input
  readonly retry?: RetryOf<T, NoInfer<F>>
  readonly concurrency?: number
  readonly serial?: boolean | ((parameters: Tool.Parameters<T>) => string)
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

const isTimeout = (timeout: Duration.Input): boolean => {
  const duration = Duration.fromInput(timeout)
  return Option.isSome(duration) && Duration.toMillis(duration.value) > 0
}

const annotated = <T extends Tool.Any>(tool: T, policy: object | undefined): T => {
  const merged: Policy = { ...Context.get(tool.annotations, Annotation), ...policy }
  if (merged.concurrency !== undefined && !(Number.isInteger(merged.concurrency) && merged.concurrency > 0)) {
    throw new RangeError(`Tool "${tool.name}": concurrency must be a whole number of at least 1`)
  }
  const times = merged.retry !== undefined && "times" in merged.retry ? merged.retry.times : 0
  if (!(Number.isInteger(times) && times >= 0)) {
    throw new RangeError(`Tool "${tool.name}": retry.times must be a whole number of at least 0`)
  }
  if (merged.timeout !== undefined && !isTimeout(merged.timeout)) {
    throw new RangeError(`Tool "${tool.name}": timeout must be a duration above zero`)
  }
  return tool.annotate(Annotation, merged) as Tool.Any as T
}

type Required<T extends Tool.Any, F> = [FailureTag<T>] extends [never] ? [options?: Options<T, F>]
  : [options: Options<T, F>]

/**
 * A tool that changes nothing: sets `Tool.Readonly` and the policy.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readonly = <T extends Tool.Any, const F extends Failures<T> = Failures<T>>(
  tool: T,
  ...[options]: Required<T, F>
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
 * @category constructors
 * @since 0.1.0
 */
export const idempotent = <T extends Tool.Any, const F extends Failures<T> = Failures<T>>(
  tool: T,
  ...[options]: Required<T, F>
): T => annotated(tool.annotate(Tool.Readonly, false).annotate(Tool.Idempotent, true) as Tool.Any & T, options)

/**
 * A tool of which each execution counts: clears `Tool.Readonly` and `Tool.Idempotent` and sets the policy.
 *
 * @category constructors
 * @since 0.1.0
 */
export const effectful = <T extends Tool.Any, const F extends Failures<T> = Failures<T>>(
  tool: T,
  ...[options]: Required<T, F>
): T => annotated(tool.annotate(Tool.Readonly, false).annotate(Tool.Idempotent, false) as Tool.Any & T, options)

/**
 * Adds policy to a tool and leaves its effect class as annotated.
 *
 * @category combinators
 * @since 0.1.0
 */
export const set = <T extends Tool.Any, const F extends Failures<T> = Failures<T>>(
  tool: T,
  options: Options<T, F>
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
