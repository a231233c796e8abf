/**
 * What a handler may know about the call that it answers.
 *
 * **Example** (Reading the idempotency key)
 *
 * ```ts
 * import { Agent, Dispatcher, ToolCall } from "@volley/core"
 * import { Effect } from "effect"
 *
 * const pay = Agent.tool("pay", {
 *   description: "Pays the bill",
 *   run: Effect.fnUntraced(function*() {
 *     const call = yield* ToolCall.current
 *     return call?.idempotencyKey ?? "called outside a run"
 *   })
 * })
 *
 * const { result } = await Effect.runPromise(Dispatcher.call(pay, {}, { runId: "run-1" }))
 * console.log(result)
 * ```
 *
 * ```text
 * 693d84d85f153e078ed9fb5e20c7d61136d2bd66738cc38486d088218a3e0cfc
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * A tool call as its handler sees it.
 *
 * - `callId`: the provider's id of the call; `turn` (from 1) and `index` (from 0) are its place in the run.
 * - `attempt`: from 1.
 * - `deadline`: milliseconds since the epoch, `Infinity` without one; the attempt ends there at the latest.
 * - `idempotencyKey`: SHA-256 (hexadecimal) of run, turn, index, tool and canonical arguments: the same for every
 *   attempt of the call.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolCall {
  readonly runId: string
  readonly callId: string
  readonly tool: string
  readonly turn: number
  readonly index: number
  readonly attempt: number
  readonly deadline: number
  readonly tenant: string | undefined
  readonly idempotencyKey: string
}

/**
 * The call that the present handler answers; `undefined` where no dispatcher is at work (plain `effect/ai`).
 *
 * **Details**
 *
 * A reference, so that no tool's requirements grow.
 *
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<ToolCall | undefined> = Context.Reference<ToolCall | undefined>(
  "@volley/core/ToolCall",
  { defaultValue: () => undefined }
)
