/**
 * Stage: sends a second attempt after a wait and takes the result that comes first. The second attempt waits for nothing:
 * where there is no place for it, or no rate, it would only make the others wait longer.
 *
 * The other attempt is interrupted, and the result waits until it has ended or was abandoned: nothing of a call is left
 * behind its answer.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { attemptOf, type Call, type Execute, type Failed, keyOf, type Plan, type Result, type Stage } from "./stage.ts"

/**
 * How long a call has to take, in percent of what 95 % of the calls do not exceed. At 100, calls that are about to end use
 * the hedges up that the stragglers need (measured: `bench/hedge.bench.ts`).
 */
const percent = 110

/** After how long a call is slow, in whole milliseconds as the clock counts them; `undefined` while it is not known. */
const slowAfter = (p95: number | undefined): number | undefined =>
  p95 === undefined ? undefined : Math.max(1, Math.ceil((p95 * percent) / 100))

/** A failure that may go away leaves the other attempt its chance. */
const mayPass = ({ kind }: Failed): boolean => kind === "transient" || kind === "unknown"

/** Of two attempts that failed the later stands, with the longer of the waits that were asked for. */
const ofBoth = (earlier: Failed, later: Failed): Failed => {
  const retryAfter = Math.max(earlier.retryAfter ?? 0, later.retryAfter ?? 0)
  return { ...later, executed: earlier.executed || later.executed, ...(retryAfter > 0 ? { retryAfter } : {}) }
}

/** One that waits for its place or its rate is not slow itself: a second would be refused both. */
const isSlow = (first: Call): boolean => first.handler !== undefined

const allowed = (plan: Plan, call: Call, now: number): boolean =>
  call.shared.retries.plenty(plan.dependency(call), now) && call.shared.dependencies.latencies(plan.name).takeHedge()

/** @param wait - in milliseconds; `undefined` where it is not known yet */
const hedged = (
  plan: Plan,
  next: Execute,
  call: Call,
  wait: () => number | undefined
): Effect.Effect<Result, Failed> => {
  const [first, second] = [attemptOf(call), attemptOf(call, true)]
  const failures: Array<Failed> = []
  let begun = false

  /** Fails where the other attempt may still decide. */
  const arm = (attempt: Effect.Effect<Result, Failed>, of: Call): Effect.Effect<Exit.Exit<Result, Failed>, void> =>
    Effect.matchCauseEffect(attempt, {
      onFailure: (cause) => {
        const failed = Option.getOrUndefined(Cause.findErrorOption(cause))
        if (!begun || failed === undefined || !mayPass(failed)) return Effect.succeed(Exit.failCause(cause))
        // one that was refused says nothing of the tool
        if (of.handler !== undefined) failures.push(failed)
        return Effect.fail(undefined)
      },
      onSuccess: (result) => Effect.succeed(Exit.succeed(result))
    })

  const join = (after: number) =>
    Effect.clockWith((clock) => {
      if (!isSlow(first) || !allowed(plan, call, clock.currentTimeMillisUnsafe())) return Effect.never
      begun = true
      return Effect.andThen(
        call.shared.emit((at) => ({ _tag: "HedgeStarted", ...keyOf(call), at, after })),
        Effect.suspend(() => next(second))
      )
    })
  const late = Effect.suspend(() => {
    const after = wait()
    return after === undefined ? Effect.never : Effect.andThen(Effect.sleep(after), join(after))
  })

  return Effect.race(arm(next(first), first), arm(late, second)).pipe(
    Effect.catch(() => Exit.fail(failures.reduce(ofBoth))),
    Effect.flatten
  )
}

/** @internal */
export const hedge: Stage = (plan) => {
  const { hedge: options } = plan.policy
  if (options === undefined || plan.effectClass !== "readonly") return undefined
  const fixed = options.after === "p95" ? undefined : Duration.toMillis(Duration.fromInputUnsafe(options.after))
  return (next) => (call) =>
    Effect.clockWith((clock) => {
      const latencies = call.shared.dependencies.latencies(plan.name)
      const begun = clock.currentTimeMillisUnsafe()
      if (call.history.begun !== plan.name) latencies.call()
      // Since the first attempt began, for the second as well: a hedged call takes longer than the wait, so hedging
      // leaves as many calls above the wait as there were, and the percentile where it is.
      const timed: Execute = (attempt) =>
        Effect.tap(next(attempt), () => Effect.sync(() => latencies.record(clock.currentTimeMillisUnsafe() - begun)))
      return hedged(plan, timed, call, () => fixed ?? slowAfter(latencies.p95()))
    })
}
