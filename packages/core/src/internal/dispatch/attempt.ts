/**
 * The innermost step: runs the handler once, within its timeout and the call's deadline, and encodes what it returns.
 *
 * The handler runs in a fiber of its own. At its deadline it is interrupted and given a short grace; one that still does
 * not end is abandoned: the call goes on without it.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { emit } from "./emit.ts"
import { type Call, type Execute, type Failed, keyOf, type Plan, recorded } from "./stage.ts"

/** How long an interrupted handler may take to end, in milliseconds. */
const grace = 50

const defect = (message: string, executed: boolean, error: unknown): Failed => ({
  kind: "defect",
  reason: "Defect",
  message,
  executed,
  error
})

const timedOut = (plan: Plan, millis: number): Failed => ({
  kind: "transient",
  reason: "Timeout",
  message: millis < plan.timeout ? "no result before the deadline" : `no result within ${Math.round(millis)} ms`,
  executed: true
})

const deadlinePassed: Failed = {
  kind: "transient",
  reason: "Timeout",
  message: "the deadline passed before the attempt began; nothing was executed",
  executed: false
}

const cancelled = (message: string): Failed => ({ kind: "permanent", reason: "Cancelled", message, executed: true })

const fromCause = (plan: Plan, cause: Cause.Cause<unknown>): Failed => {
  if (Cause.hasDies(cause)) return defect("the tool failed because of an internal error", true, cause)
  return Option.match(Cause.findErrorOption(cause), {
    onNone: () => cancelled("the tool interrupted itself"),
    onSome: plan.classify
  })
}

/** Interrupts a handler and waits for the grace; `true` when it has ended. */
const stop = (call: Call, handler: Fiber.Fiber<unknown, unknown>): Effect.Effect<boolean, Failed> =>
  Effect.suspend(() => {
    handler.interruptUnsafe()
    if (handler.pollUnsafe() !== undefined) return Effect.succeed(true)
    const wait = Effect.forkDetach(Effect.timeoutOption(Fiber.await(handler), grace), { startImmediately: true })
    const key = { ...keyOf(call), attempt: call.attempt }
    const released = Effect.andThen(Fiber.await(handler), emit(call, (at) => ({ _tag: "AttemptReleased", ...key, at })))
    return Effect.flatMap(wait, Fiber.join).pipe(
      Effect.flatMap(Option.match({
        onSome: () => Effect.succeed(true),
        onNone: () =>
          Effect.logWarning(`Tool "${call.name}" did not stop when it was interrupted; its handler was abandoned`).pipe(
            Effect.andThen(emit(call, (at) => ({ _tag: "AttemptAbandoned", ...key, at }))),
            Effect.andThen(Effect.forkDetach(Effect.ignore(released))),
            // its place is free once the journal knows that it ended
            Effect.map((watcher) => {
              call.handler = watcher
              return false
            })
          )
      }))
    )
  })

const runHandler = (plan: Plan, call: Call, millis: number): Effect.Effect<unknown, Failed> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDetach(plan.handle(call.params, call), { startImmediately: true }), (handler) => {
      call.handler = handler
      const settle = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<unknown, Failed> =>
        Exit.isSuccess(exit) ? Effect.succeed(exit.value) : Effect.fail(fromCause(plan, exit.cause))
      const ended = handler.pollUnsafe()
      if (ended !== undefined) return settle(ended)
      return restore(Effect.timeoutOption(Fiber.await(handler), millis)).pipe(
        Effect.onInterrupt(() => Effect.ignore(stop(call, handler))),
        Effect.flatMap(Option.match({
          onSome: settle,
          onNone: () => Effect.andThen(stop(call, handler), Effect.fail(timedOut(plan, millis)))
        }))
      )
    })
  )

const encoded = (plan: Plan, value: unknown): Effect.Effect<unknown, Failed> =>
  Effect.catchCause(
    plan.encode(value),
    (cause) => Effect.fail(defect("the tool's result does not have its declared form", true, cause))
  )

/** @internal */
export const attempt = (plan: Plan): Execute =>
  Effect.fnUntraced(function*(call) {
    const now = yield* Clock.currentTimeMillis
    const millis = Math.min(plan.timeout, call.deadline - now)
    if (millis <= 0) return yield* Effect.fail(deadlinePassed)
    call.attempt++
    const key = { ...keyOf(call), attempt: call.attempt }
    yield* emit(call, (at) => ({ _tag: "AttemptStarted", ...key, at }))
    const ended = (failed: Failed | undefined) =>
      emit(call, (at) => ({
        _tag: "AttemptEnded",
        ...key,
        at,
        ...(failed === undefined ? {} : { failure: recorded(failed) })
      }))
    const exit = yield* Effect.flatMap(runHandler(plan, call, millis), (value) => encoded(plan, value)).pipe(
      Effect.onInterrupt(() => Effect.ignore(ended(cancelled("the call was interrupted")))),
      Effect.exit
    )
    const failed = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
    if (Exit.isFailure(exit) && failed === undefined) return yield* exit
    if (failed?.kind === "defect") {
      yield* Effect.logError(`Tool "${call.name}" failed: ${failed.message}`, failed.error)
    }
    yield* ended(failed)
    return yield* exit
  })
