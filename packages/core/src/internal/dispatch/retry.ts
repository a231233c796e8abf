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
import { emit } from "./emit.ts"
import { type Call, type Execute, type Failed, keyOf, type Plan, type Stage } from "./stage.ts"

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

const repeatable = (plan: Plan, call: Call, failed: Failed): boolean => {
  const safe = plan.effectClass !== "effectful" || !failed.executed
  return failed.kind === "transient" ? safe : failed.kind === "unknown" && safe && call.attempt < 2
}

const noted = (failed: Failed, note: string): Failed => ({ ...failed, message: `${failed.message} (${note})` })

type Step = (now: number, failed: Failed) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

/** How long to wait before the next attempt, or the failure that stands. */
const waitBefore = Effect.fnUntraced(function*(
  plan: Plan,
  call: Call,
  step: Step,
  failed: Failed
): Effect.fn.Return<number, Failed> {
  if (!repeatable(plan, call, failed)) return yield* Effect.fail(failed)
  const now = yield* Clock.currentTimeMillis
  const planned = yield* step(now, failed).pipe(
    Effect.map(([, delay]) => Duration.toMillis(delay)),
    Pull.catchDone(() => Effect.fail(failed))
  )
  if ((failed.retryAfter ?? 0) > longestRetryAfter) {
    return yield* Effect.fail(noted(failed, "the wait asked for is too long to retry now"))
  }
  const wait = Math.max(planned, failed.retryAfter ?? 0)
  if (now + wait >= call.deadline) return yield* Effect.fail(noted(failed, "no time is left to retry"))
  if (!call.shared.takeRetry()) return yield* Effect.fail(noted(failed, "the run's retries are spent"))
  return wait
})

/** @internal */
export const retry: Stage = (plan) => {
  const { schedule } = plan
  if (schedule === undefined) return undefined
  return (next) => (call) => {
    const again = (step: Step): ReturnType<Execute> =>
      Effect.catch(
        next(call),
        (failed) =>
          Effect.flatMap(waitBefore(plan, call, step, failed), (wait) =>
            emit(call, (at) => ({ _tag: "RetryScheduled", ...keyOf(call), at, attempt: call.attempt + 1, wait })).pipe(
              Effect.andThen(Effect.sleep(wait)),
              Effect.andThen(Effect.suspend(() =>
                again(step)
              ))
            ))
      )
    return Effect.flatMap(Schedule.toStep(schedule), again)
  }
}
