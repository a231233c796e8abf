/**
 * Stage: finds out whether a call took effect, where an attempt left that open, so that it can be answered or repeated.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { currentCall } from "./attempt.ts"
import { endOf, halt } from "./endOf.ts"
import { type Call, type Execute, type Failed, keyOf, type Plan, type Result, type Stage } from "./stage.ts"

const isOpen = ({ executed, kind }: Failed): boolean => executed && (kind === "transient" || kind === "unknown")

const isRunning = ({ handler }: Call): boolean => handler !== undefined && handler.pollUnsafe() === undefined

/**
 * What the tool found out, within the timeout of an attempt and the call's deadline; `undefined` when it could not. It is
 * asked in a fiber of its own, which is abandoned where it does not end when it is interrupted.
 */
const ask = (plan: Plan, call: Call, reconcile: NonNullable<Plan["reconcile"]>) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
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
      const asking = yield* Effect.forkDetach(asked, { startImmediately: true })
      // the next call of a serial key waits for it
      call.history.handlers.push(asking)
      const exit = yield* Effect.onInterrupt(restore(endOf(asking, millis)), () => halt(asking))
      if (exit === undefined) yield* halt(asking)
      else if (Exit.isSuccess(exit)) return exit.value
      yield* Effect.logWarning(
        `Tool "${plan.name}" could not find out whether a call took effect`,
        exit?.cause ?? `no answer within ${Math.round(millis)} ms`
      )
      return undefined
    })
  )

/** @internal */
export const reconcile: Stage = (plan) => {
  const { reconcile } = plan
  if (reconcile === undefined) return undefined
  const settle = Effect.fnUntraced(function*(call: Call, failed: Failed): Effect.fn.Return<Result, Failed> {
    const mayStillAct = isRunning(call)
    const found = yield* ask(plan, call, reconcile)
    if (found === undefined) return yield* Effect.fail(failed)
    const executed = Option.isSome(found)
    if (!executed && mayStillAct) return yield* Effect.fail(failed)
    const attempt = call.history.attempts
    call.history.acted = executed
    yield* call.shared.emit((at) => ({ _tag: "CallReconciled", ...keyOf(call), at, attempt, executed }))
    return executed ? { value: found.value } : yield* Effect.fail({ ...failed, executed: false })
  })
  const attempt = (next: Execute, call: Call): ReturnType<Execute> => {
    const { lost } = call.history
    call.history.lost = undefined
    return lost === undefined ? next(call) : Effect.fail(lost)
  }
  return (next): Execute => (call) =>
    Effect.catch(
      Effect.suspend(() => attempt(next, call)),
      (failed) => isOpen(failed) ? settle(call, failed) : Effect.fail(failed)
    )
}
