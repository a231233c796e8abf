/**
 * What flows through the stages of a tool call.
 *
 * A stage is compiled once per tool and left out (`undefined`) where the tool does not use it. An `Execute` is called in
 * call order; what it does before it returns its effect happens in that order, what the effect does may interleave.
 *
 * @internal
 */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type { Dependencies } from "../../Dependencies.ts"
import type * as RunEvent from "../../RunEvent.ts"
import type { ToolCache } from "../../ToolCache.ts"
import type { ToolCall } from "../../ToolCall.ts"
import type * as ToolPolicy from "../../ToolPolicy.ts"
import type { Permits } from "../permits.ts"
import type { Submitted } from "./after.ts"
import type { Flight } from "./singleFlight.ts"

/** A classified failure: the only error in the pipeline. `error` is what a fatal failure ends the run with. @internal */
export interface Failed extends RunEvent.Failure {
  readonly error?: unknown
}

/**
 * What a call came to: `value` is encoded. `note` tells the model where the value is from when the tool itself did not
 * give it now; such a result is never cached.
 *
 * @internal
 */
export interface Result {
  readonly value: unknown
  readonly note?: string
}

/** What the calls of one dispatch share. @internal */
export interface Shared {
  readonly runId: string
  readonly tenant: string | undefined
  readonly permits: Permits
  /** One place a serial key. */
  readonly lanes: Map<string, Permits>
  /** Executions that equal calls may join. */
  readonly flights: Map<string, Flight>
  readonly submitted: Submitted
  readonly dependencies: Dependencies
  readonly cache: ToolCache
  readonly retries: Retries
  /** Appends an event, made of its time; a journal that cannot be written is a fatal failure. */
  readonly emit: (event: (at: number) => RunEvent.RunEvent) => Effect.Effect<void, Failed>
  readonly publish: (delta: RunEvent.Delta) => Effect.Effect<void>
}

/** The retries that are left: to the run, to its thread, and to a dependency over all runs. @internal */
export interface Retries {
  /** Counts a call of a dependency. */
  readonly called: (dependency: string, now: number) => void
  /** Takes one; names the budget that has none left. */
  readonly take: (dependency: string, now: number) => Extract<Refusal, "run" | "thread" | "dependency"> | undefined
  /** Of the run. */
  readonly left: () => number
  /** Whether half of them or more are left, to the run and those above it, to its thread and to the dependency. */
  readonly plenty: (dependency: string, now: number) => boolean
}

/** Why a failed attempt that could be repeated is not. @internal */
export type Refusal = RunEvent.Of<"RetryRefused">["why"]

/** A call as the model asked for it, with its idempotency key. @internal */
export interface Asked {
  readonly turn: number
  readonly request: number
  readonly index: number
  readonly id: string
  readonly name: string
  readonly params: unknown
  readonly key: string
  /** Of a call that was asked for in a process that is gone. */
  readonly before?: Before | undefined
}

/**
 * What is known of a call that was asked for before: the class that its tool had, how many attempts were begun, whether one
 * of them may have taken effect, and what the last failed with.
 *
 * @internal
 */
export interface Before {
  readonly class: ToolPolicy.EffectClass
  readonly attempts: number
  readonly acted: boolean
  readonly failure: RunEvent.Failure | undefined
}

/**
 * One tool call on its way. `params` is what the model sent, `decoded` what the handler gets; `deadline` is in
 * milliseconds since the epoch.
 *
 * Each attempt of a call but the first gets a copy of its own (`attemptOf`), since attempts may overlap.
 *
 * @internal
 */
export interface Call extends Asked {
  readonly decoded: unknown
  readonly deadline: number
  readonly shared: Shared
  /** Over all attempts of the call, shared by its copies. */
  readonly history: History
  /** Whether this copy is for a second attempt beside another: it waits for nothing. */
  readonly hedge: boolean
  /** The fiber of this copy's attempt. */
  handler: Fiber.Fiber<unknown, unknown> | undefined
}

/**
 * The attempts of a call begun so far, and their handlers' fibers; `lost` is what the attempts of a process that is gone
 * come to, where they may have taken effect.
 *
 * @internal
 */
export interface History {
  attempts: number
  /** The tool whose first attempt was begun last: the call's own, then the one that stands in. */
  begun?: string | undefined
  readonly handlers: Array<Fiber.Fiber<unknown, unknown>>
  lost?: Failed | undefined
  /** Whether an attempt of a process that is gone may have taken effect. */
  acted?: boolean
}

/** A copy of a call for one more attempt. @internal */
export const attemptOf = (call: Call, hedge = false): Call => ({ ...call, hedge, handler: undefined })

/** @internal */
export type Execute = (call: Call) => Effect.Effect<Result, Failed>

/**
 * What a tool's stages are compiled from; its handler's services are captured. Durations are milliseconds, sizes bytes.
 *
 * @internal
 */
export interface Plan {
  readonly name: string
  readonly effectClass: ToolPolicy.EffectClass
  readonly policy: ToolPolicy.Policy
  readonly timeout: number
  readonly schedule: Schedule.Schedule<unknown, Failed> | undefined
  readonly permits: Permits | undefined
  readonly maxResultSize: number
  /** What the retry budget and the circuit breaker of a call belong to. */
  readonly dependency: (call: Call) => string
  readonly handle: (call: Call) => Effect.Effect<unknown, unknown>
  readonly encode: (value: unknown) => Effect.Effect<unknown, unknown>
  readonly reconcile: ((call: Call, current: ToolCall) => Effect.Effect<Option.Option<unknown>, unknown>) | undefined
  readonly classify: (error: unknown) => Failed
  /** The stages of the tool that stands in, from its own fallback inwards. */
  readonly fallback: { readonly name: string; readonly execute: Execute } | undefined
  /** What the handler sees: the services of the call before those that it was built with. */
  readonly services: (context: Context.Context<never>) => Context.Context<never>
}

/** @internal */
export type Stage = (plan: Plan) => ((next: Execute) => Execute) | undefined

/** @internal */
export type CallKey = Pick<Call, "turn" | "request" | "index">

/** @internal */
export const keyOf = ({ index, request, turn }: Call): CallKey => ({ turn, request, index })

/** The part of a failure that a journal keeps. @internal */
export const recorded = ({ executed, kind, message, reason, retryAfter }: Failed): RunEvent.Failure => ({
  kind,
  reason,
  message,
  executed,
  ...(retryAfter === undefined ? {} : { retryAfter })
})

/** A failure of a call that is not the tool's: nothing was executed. @internal */
export const notExecuted = (
  kind: "transient" | "permanent" | "defect",
  reason: string,
  message: string,
  more: { readonly retryAfter?: number; readonly error?: unknown } = {}
): Failed => ({ kind, reason, message, executed: false, ...more })
