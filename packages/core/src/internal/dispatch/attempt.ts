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
import type { ToolCall } from "../../ToolCall.ts"
import { abandoned } from "../telemetry.ts"
import { emit } from "./emit.ts"
import { type Call, type Execute, type Failed, keyOf, notExecuted, type Plan, recorded } from "./stage.ts"

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

const deadlinePassed = notExecuted(
  "transient",
  "Timeout",
  "the deadline passed before the attempt began; nothing was executed"
)

const cancelled = (message: string): Failed => ({ kind: "permanent", reason: "Cancelled", message, executed: true })

const fromCause = (plan: Plan, cause: Cause.Cause<unknown>): Failed => {
  if (Cause.hasDies(cause)) return defect("the tool failed because of an internal error", true, cause)
  return Option.match(Cause.findErrorOption(cause), {
    onNone: () => cancelled("the tool interrupted itself"),
    onSome: plan.classify
  })
}

/** Interrupts a handler and waits for the grace; one that has not ended then is abandoned. */
const stop = (call: Call, attempt: number, handler: Fiber.Fiber<unknown, unknown>): Effect.Effect<void, Failed> =>
  Effect.suspend(() => {
    handler.interruptUnsafe()
    if (handler.pollUnsafe() !== undefined) return Effect.void
    const wait = Effect.forkDetach(Effect.timeoutOption(Fiber.await(handler), grace), { startImmediately: true })
    const key = { ...keyOf(call), attempt }
    const released = Effect.andThen(Fiber.await(handler), emit(call, (at) => ({ _tag: "AttemptReleased", ...key, at })))
    const abandon = abandoned(call.name).pipe(
      Effect.andThen(emit(call, (at) => ({ _tag: "AttemptAbandoned", ...key, at }))),
      Effect.andThen(Effect.forkDetach(Effect.ignore(released))),
      // its place is free once the journal knows that it ended
      Effect.map((watcher) => runs(call, watcher))
    )
    return Effect.flatMap(
      Effect.flatMap(wait, Fiber.join),
      (ended) => Option.isSome(ended) ? Effect.void : abandon
    )
  })

const runs = (call: Call, fiber: Fiber.Fiber<unknown, unknown>): void => {
  call.handler = fiber
  call.history.handlers.push(fiber)
}

const runHandler = (plan: Plan, call: Call, current: ToolCall, millis: number): Effect.Effect<unknown, Failed> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDetach(plan.handle(call, current), { startImmediately: true }), (handler) => {
      runs(call, handler)
      const settle = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<unknown, Failed> =>
        Exit.isSuccess(exit) ? Effect.succeed(exit.value) : Effect.fail(fromCause(plan, exit.cause))
      const ended = handler.pollUnsafe()
      if (ended !== undefined) return settle(ended)
      const halt = stop(call, current.attempt, handler)
      return restore(Effect.timeoutOption(Fiber.await(handler), millis)).pipe(
        Effect.onInterrupt(() => Effect.ignore(halt)),
        Effect.flatMap(Option.match({
          onSome: settle,
          onNone: () => Effect.andThen(halt, Effect.fail(timedOut(plan, millis)))
        }))
      )
    })
  )

const encoded = (plan: Plan, value: unknown): Effect.Effect<unknown, Failed> =>
  Effect.catchCause(
    plan.encode(value),
    (cause) => Effect.fail(defect("the tool's result does not have its declared form", true, cause))
  )

/** What the handler of an attempt may know about its call. @internal */
export const currentCall = (plan: Plan, call: Call, attempt: number, deadline: number): ToolCall => ({
  runId: call.shared.runId,
  callId: call.id,
  tool: plan.name,
  turn: call.turn,
  index: call.index,
  attempt,
  deadline,
  tenant: call.shared.tenant,
  idempotencyKey: call.key
})

/** @internal */
export const attempt = (plan: Plan): Execute =>
  Effect.fnUntraced(function*(call) {
    const now = yield* Clock.currentTimeMillis
    const millis = Math.min(plan.timeout, call.deadline - now)
    if (millis <= 0) return yield* Effect.fail(deadlinePassed)
    const current = currentCall(plan, call, ++call.history.attempts, now + millis)
    if (current.attempt === 1) call.shared.retries.called(plan.dependency(call), now)
    const key = { ...keyOf(call), attempt: current.attempt }
    yield* emit(call, (at) => ({ _tag: "AttemptStarted", ...key, at }))
    const ended = (failed: Failed | undefined) =>
      emit(call, (at) => ({
        _tag: "AttemptEnded",
        ...key,
        at,
        ...(failed === undefined ? {} : { failure: recorded(failed) })
      }))
    const running = Effect.flatMap(runHandler(plan, call, current, millis), (value) => encoded(plan, value))
    const exit = yield* running.pipe(
      Effect.onInterrupt(() => Effect.ignore(ended(cancelled("the call was interrupted")))),
      Effect.exit
    )
    if (Exit.isSuccess(exit)) {
      yield* ended(undefined)
      return { value: exit.value }
    }
    const failed = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
    if (failed === undefined) return yield* Effect.failCause(exit.cause)
    if (failed.kind === "defect") {
      yield* Effect.logError(`Tool "${plan.name}" failed: ${failed.message}`, failed.error)
    }
    yield* ended(failed)
    return yield* Effect.fail(failed)
  })
