/**
 * What flows through the stages of a tool call.
 *
 * A stage is compiled once per tool and left out (`undefined`) where the tool does not use it. An `Execute` is called in
 * call order; what it does before it returns its effect happens in that order, what the effect does may interleave.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Schedule from "effect/Schedule"
import type * as RunEvent from "../../RunEvent.ts"
import type * as ToolPolicy from "../../ToolPolicy.ts"
import type { Permits } from "./permits.ts"

/** A classified failure: the only error in the pipeline. `error` is what a fatal failure ends the run with. @internal */
export interface Failed extends RunEvent.Failure {
  readonly error?: unknown
}

/** What the calls of one dispatch share. @internal */
export interface Shared {
  readonly runId: string
  readonly tenant: string | undefined
  readonly permits: Permits
  readonly lanes: Map<string, Permits>
  /** Takes one of the run's retries; `false` when none is left. */
  readonly takeRetry: () => boolean
  /** Appends an event; a journal that cannot be written is a fatal failure. */
  readonly emit: (event: RunEvent.RunEvent) => Effect.Effect<void, Failed>
  readonly publish: (delta: RunEvent.Delta) => Effect.Effect<void>
}

/** A call as the model asked for it, with its idempotency key. @internal */
export interface Asked {
  readonly turn: number
  readonly request: number
  readonly index: number
  readonly id: string
  readonly name: string
  readonly params: unknown
  readonly key: string
}

/** One tool call on its way. `deadline` is in milliseconds since the epoch. @internal */
export interface Call extends Asked {
  readonly deadline: number
  readonly shared: Shared
  /** Attempts begun so far. */
  attempt: number
  /** The fiber of the present attempt's handler. */
  handler: Fiber.Fiber<unknown, unknown> | undefined
}

/** @internal */
export type Execute = (call: Call) => Effect.Effect<unknown, Failed>

/** What a tool's stages are compiled from; its handler's services are captured. @internal */
export interface Plan {
  readonly name: string
  readonly effectClass: ToolPolicy.EffectClass
  readonly timeout: number
  readonly schedule: Schedule.Schedule<unknown, Failed> | undefined
  readonly permits: Permits | undefined
  readonly serial: ((params: never) => string) | undefined
  readonly handle: (params: unknown, call: Call) => Effect.Effect<unknown, unknown>
  readonly encode: (value: unknown) => Effect.Effect<unknown, unknown>
  readonly classify: (error: unknown) => Failed
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
