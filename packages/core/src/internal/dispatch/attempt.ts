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
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as ToolCall from "../../ToolCall.ts"
import type { Restore } from "../permits.ts"
import { abandoned } from "../telemetry.ts"
import { endOf, halt } from "./endOf.ts"
import { type Call, type Execute, type Failed, keyOf, notExecuted, type Plan, recorded, type Result } from "./stage.ts"

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
  "the deadline passed before the attempt began"
)

const cancelled = (message: string): Failed => ({ kind: "permanent", reason: "Cancelled", message, executed: true })

const fromCause = (plan: Plan, cause: Cause.Cause<unknown>): Failed => {
  if (Cause.hasDies(cause)) return defect("the tool failed because of an internal error", true, cause)
  return Option.match(Cause.findErrorOption(cause), {
    onNone: () => cancelled("the tool interrupted itself"),
    onSome: plan.classify
  })
}

type Handler = Fiber.Fiber<unknown, unknown>

const runs = (call: Call, fiber: Handler): void => {
  call.handler = fiber
  call.history.handlers.push(fiber)
}

/** The call goes on; its place is free once the journal knows that the handler ended. */
const abandon = (call: Call, attempt: number, handler: Handler): Effect.Effect<void, Failed> => {
  const key = { ...keyOf(call), attempt }
  const released = call.shared.emit((at) => ({ _tag: "AttemptReleased", ...key, at }))
  const watch = Effect.callback((resume) => void handler.addObserver(() => resume(Effect.ignore(released))))
  return abandoned(call.name).pipe(
    Effect.andThen(call.shared.emit((at) => ({ _tag: "AttemptAbandoned", ...key, at }))),
    Effect.andThen(Effect.forkDetach(watch)),
    Effect.map((watcher) => runs(call, watcher))
  )
}

/** Interrupts a handler; one that has not ended after the grace is abandoned. */
const stop = (call: Call, attempt: number, handler: Handler): Effect.Effect<void, Failed> =>
  Effect.flatMap(halt(handler), (ended) => ended ? Effect.void : abandon(call, attempt, handler))

/**
 * Runs the handler and encodes its result, to the end, the timeout or the interruption of the call. Must be run
 * uninterruptibly; a handler that does not wait for anything has ended when this returns.
 */
const runHandler = (
  plan: Plan,
  call: Call,
  current: ToolCall.ToolCall,
  millis: number,
  context: Context.Context<never>,
  restore: Restore
): Effect.Effect<unknown, Failed> => {
  const services = Context.add(plan.services(context), ToolCall.current, current)
  let returned = false
  const running = Effect.flatMap(plan.handle(call), (value) => {
    returned = true
    return plan.encode(value)
  })
  const handler = Effect.runForkWith(services)(running)
  runs(call, handler)
  const settle = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, Failed> =>
    Exit.isSuccess(exit)
      ? Exit.succeed(exit.value)
      : Exit.fail(
        returned
          ? defect("the tool's result does not have its declared form", true, exit.cause)
          : fromCause(plan, exit.cause)
      )
  const ended = handler.pollUnsafe()
  if (ended !== undefined) return settle(ended)
  const stopped = stop(call, current.attempt, handler)
  return restore(endOf(handler, millis)).pipe(
    Effect.onInterrupt(() => Effect.ignore(stopped)),
    Effect.flatMap((exit) =>
      exit === undefined ? Effect.andThen(stopped, Effect.fail(timedOut(plan, millis))) : settle(exit)
    )
  )
}

/** What the handler of an attempt may know about its call. @internal */
export const currentCall = (plan: Plan, call: Call, attempt: number, deadline: number): ToolCall.ToolCall => ({
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

const failedOf = (cause: Cause.Cause<Failed>): Failed =>
  Option.getOrElse(Cause.findErrorOption(cause), () => cancelled("the call was interrupted"))

/** @internal */
export const attempt = (plan: Plan): Execute => (call) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiber((fiber): Effect.Effect<Result, Failed> => {
      const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      const millis = Math.min(plan.timeout, call.deadline - now)
      if (millis <= 0) return Effect.fail(deadlinePassed)
      const current = currentCall(plan, call, ++call.history.attempts, now + millis)
      if (call.history.begun !== plan.name) {
        call.history.begun = plan.name
        call.shared.retries.called(plan.dependency(call), now)
      }
      const key = { ...keyOf(call), attempt: current.attempt }
      const failed = (cause: Cause.Cause<Failed>): Effect.Effect<never, Failed> => {
        const failure = failedOf(cause)
        const ended = call.shared.emit((at) => ({ _tag: "AttemptEnded", ...key, at, failure: recorded(failure) }))
        const logged = failure.kind === "defect"
          ? Effect.andThen(Effect.logError(`Tool "${plan.name}" failed: ${failure.message}`, failure.error), ended)
          : ended
        return Effect.andThen(logged, Effect.failCause(cause))
      }
      const done = (value: unknown): Effect.Effect<Result, Failed> =>
        Effect.as(call.shared.emit((at) => ({ _tag: "AttemptEnded", ...key, at })), { value })
      const started = call.shared.emit((at) => ({ _tag: "AttemptStarted", ...key, at }))
      return Effect.flatMap(started, () => {
        const running = runHandler(plan, call, current, millis, fiber.context, restore)
        return Exit.isExit(running) && Exit.isSuccess(running)
          ? done(running.value)
          : Effect.matchCauseEffect(running, { onFailure: failed, onSuccess: done })
      })
    })
  )
