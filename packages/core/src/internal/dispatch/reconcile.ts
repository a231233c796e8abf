/**
 * Stage: finds out whether a call took effect, where an attempt left that open, so that it can be answered or repeated.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { currentCall } from "./attempt.ts"
import { emit } from "./emit.ts"
import { type Call, type Execute, type Failed, keyOf, type Plan, type Result, type Stage } from "./stage.ts"

const isOpen = ({ executed, kind }: Failed): boolean => executed && (kind === "transient" || kind === "unknown")

/** What the tool found out, within the timeout of an attempt; `undefined` when it could not. */
const ask = Effect.fnUntraced(function*(plan: Plan, call: Call, reconcile: NonNullable<Plan["reconcile"]>) {
  const now = yield* Clock.currentTimeMillis
  const millis = Math.min(plan.timeout, call.deadline - now)
  if (millis <= 0) return undefined
  const current = currentCall(plan, call, call.history.attempts, now + millis)
  const asked = Effect.flatMap(
    reconcile(call, current),
    Option.match({
      onNone: () => Effect.succeedNone,
      onSome: (value) => Effect.asSome(plan.encode(value))
    })
  )
  const exit = yield* Effect.exit(Effect.timeout(asked, millis))
  if (Exit.isSuccess(exit)) return exit.value
  if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
  yield* Effect.logWarning(`Tool "${call.name}" could not find out whether a call took effect`, exit.cause)
  return undefined
})

/** @internal */
export const reconcile: Stage = (plan) => {
  const { reconcile } = plan
  if (reconcile === undefined) return undefined
  const settle = Effect.fnUntraced(function*(call: Call, failed: Failed): Effect.fn.Return<Result, Failed> {
    const found = yield* ask(plan, call, reconcile)
    if (found === undefined) return yield* Effect.fail(failed)
    const attempt = call.history.attempts
    const executed = Option.isSome(found)
    yield* emit(call, (at) => ({ _tag: "CallReconciled", ...keyOf(call), at, attempt, executed }))
    return executed ? { value: found.value } : yield* Effect.fail({ ...failed, executed: false })
  })
  return (next): Execute => (call) =>
    Effect.catch(next(call), (failed) => isOpen(failed) ? settle(call, failed) : Effect.fail(failed))
}
