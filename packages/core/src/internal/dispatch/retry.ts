/**
 * Stage: repeats an attempt that may succeed later, where repeating is safe, worth it and in time.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import {
  attemptOf,
  type Call,
  type Execute,
  type Failed,
  keyOf,
  type Plan,
  type Refusal,
  type Result,
  type Stage
} from "./stage.ts"

/** Waits before a repeated attempt, in milliseconds; throttling has a base of its own (AWS SDKs, 2026). */
const base = 200
const throttledBase = 1000
const cap = 5000

/** The longest Retry-After that is waited for, in milliseconds. */
const longestRetryAfter = 30_000

const throttled = new Set(["RateLimited", "Overloaded"])

/**
 * The default schedule: so many times more, after a wait drawn evenly from zero to 200 ms × 2ⁿ (1 s × 2ⁿ when throttled),
 * at most 5 s.
 *
 * @internal
 */
export const backoff = (times: number): Schedule.Schedule<number, Failed> =>
  Schedule.fromStep(Effect.sync(() => {
    let attempt = 0
    return (_now: number, failed: Failed) =>
      attempt >= times ? Cause.done(attempt) : Effect.map(Random.next, (share): [number, Duration.Duration] => {
        const longest = Math.min(cap, (throttled.has(failed.reason) ? throttledBase : base) * 2 ** attempt)
        attempt++
        return [attempt, Duration.millis(Math.round(share * longest))]
      })
  }))

/** An open circuit refuses at once: waiting for it would hold the call up for what it is there to spare. */
const repeatable = (plan: Plan, failed: Failed, retried: number): boolean => {
  const safe = plan.effectClass !== "effectful" || !failed.executed
  return failed.kind === "transient"
    ? safe && failed.reason !== "CircuitOpen"
    : failed.kind === "unknown" && safe && retried === 0
}

const refusals: { readonly [why in Refusal]: string } = {
  run: "the run's retries are spent",
  thread: "the thread's retries are spent for now",
  dependency: "too many calls of this kind are being retried",
  deadline: "no time is left to retry",
  retryAfter: "the wait asked for is too long to retry now"
}

const refuse = (call: Call, failed: Failed, why: Refusal): Effect.Effect<never, Failed> =>
  Effect.andThen(
    call.shared.emit((at) => ({ _tag: "RetryRefused", ...keyOf(call), at, attempt: call.history.attempts + 1, why })),
    Effect.fail({ ...failed, message: `${failed.message.replace(/\.$/, "")} (${refusals[why]})` })
  )

type Step = (now: number, failed: Failed) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

/** How long to wait before the next attempt, or the failure that stands. */
const waitBefore = Effect.fnUntraced(function*(
  call: Call,
  step: Step,
  failed: Failed,
  now: number
): Effect.fn.Return<number, Failed> {
  const planned = yield* step(now, failed).pipe(
    Effect.map(([, delay]) => Duration.toMillis(delay)),
    Pull.catchDone(() => Effect.fail(failed))
  )
  const asked = failed.retryAfter ?? 0
  if (asked > longestRetryAfter) return yield* refuse(call, failed, "retryAfter")
  const wait = Math.max(planned, asked)
  return now + wait < call.deadline ? wait : yield* refuse(call, failed, "deadline")
})

/** Takes the next attempt from the budgets and says so: an interruption comes before both or after both. */
const take = (plan: Plan, call: Call, failed: Failed, wait: number, now: number): Effect.Effect<void, Failed> =>
  Effect.uninterruptible(Effect.suspend(() => {
    const { retries } = call.shared
    const spent = retries.take(plan.dependency(call), now)
    if (spent !== undefined) return refuse(call, failed, spent)
    const left = retries.left()
    const attempt = call.history.attempts + 1
    return call.shared.emit((at) => ({ _tag: "RetryScheduled", ...keyOf(call), at, attempt, wait, left }))
  }))

/** @internal */
export const retry: Stage = (plan) => {
  const { schedule } = plan
  if (schedule === undefined) return undefined
  return (next) => (call) => {
    const afterFailure = (step: Step | undefined, retried: number) => (failed: Failed): ReturnType<Execute> =>
      repeatable(plan, failed, retried) ? again(step, failed, retried) : Effect.fail(failed)

    const again = Effect.fnUntraced(function*(
      begun: Step | undefined,
      failed: Failed,
      retried: number
    ): Effect.fn.Return<Result, Failed> {
      const step = begun ?? (yield* Schedule.toStep(schedule))
      const now = yield* Clock.currentTimeMillis
      const wait = yield* waitBefore(call, step, failed, now)
      yield* take(plan, call, failed, wait, now)
      yield* Effect.sleep(wait)
      return yield* Effect.catch(
        next(attemptOf(call)),
        // what an earlier attempt did stays done
        (later) => afterFailure(step, retried + 1)({ ...later, executed: failed.executed || later.executed })
      )
    })

    return Effect.catch(next(call), afterFailure(undefined, 0))
  }
}
