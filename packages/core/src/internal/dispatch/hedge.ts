/**
 * Stage: sends a second attempt after a wait and takes the result that comes first. The second attempt waits for nothing:
 * where there is no place for it, or no rate, it would only make the others wait longer.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { emit } from "./emit.ts"
import { endOf } from "./endOf.ts"
import { attemptOf, type Call, type Execute, type Failed, keyOf, type Plan, type Result, type Stage } from "./stage.ts"

type Arm = Fiber.Fiber<Result, Failed>
type End = Exit.Exit<Result, Failed>

/** Of two failures that may go away, that which asks for the longer wait. */
const longer = (left: End, right: End): End => {
  const waitOf = (exit: End): number =>
    Exit.isSuccess(exit) ? 0 : Option.getOrUndefined(Cause.findErrorOption(exit.cause))?.retryAfter ?? 0
  return waitOf(right) > waitOf(left) ? right : left
}

/** A failure that may go away leaves the other attempt its chance. */
const decides = (exit: End): boolean => {
  if (Exit.isSuccess(exit)) return true
  const failed = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  return failed?.kind !== "transient" && failed?.kind !== "unknown"
}

/** The end that decides of two attempts; the other is interrupted. */
const better = Effect.fnUntraced(function*(first: Arm, second: Arm) {
  const [end, other] = yield* Effect.raceFirst(
    Effect.map(Fiber.await(first), (exit) => [exit, second] as const),
    Effect.map(Fiber.await(second), (exit) => [exit, first] as const)
  )
  if (decides(end)) {
    yield* Fiber.interrupt(other)
    return end
  }
  const last = yield* Fiber.await(other)
  return decides(last) ? last : longer(end, last)
})

const allowed = (plan: Plan, call: Call, now: number): boolean =>
  call.shared.retries.plenty(plan.dependency(call), now) && call.shared.dependencies.latencies(plan.name).takeHedge()

const hedged = (plan: Plan, next: Execute, call: Call, after: number): Effect.Effect<Result, Failed> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkChild(next(attemptOf(call)), { startImmediately: true }), (first) => {
      const ended = first.pollUnsafe()
      if (ended !== undefined) return ended
      const arms = [first]
      const second = Effect.clockWith((clock) => {
        if (!allowed(plan, call, clock.currentTimeMillisUnsafe())) return Fiber.await(first)
        return emit(call, (at) => ({ _tag: "HedgeStarted", ...keyOf(call), at, after })).pipe(
          Effect.andThen(Effect.uninterruptible(Effect.map(Effect.forkChild(next(attemptOf(call, true))), (arm) => {
            arms.push(arm)
            return arm
          }))),
          Effect.flatMap((arm) => better(first, arm))
        )
      })
      const decided = Effect.flatMap(
        endOf(first, after),
        (end): Effect.Effect<End, Failed> => end === undefined ? second : Effect.succeed(end)
      )
      return restore(decided).pipe(
        Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Fiber.interruptAll(arms)),
        Effect.flatten
      )
    })
  )

/** @internal */
export const hedge: Stage = (plan) => {
  const { hedge: options } = plan.policy
  if (options === undefined || plan.effectClass !== "readonly") return undefined
  const fixed = options.after === "p95" ? undefined : Duration.toMillis(Duration.fromInputUnsafe(options.after))
  return (next) => (call) =>
    Effect.clockWith((clock) => {
      const latencies = call.shared.dependencies.latencies(plan.name)
      const begun = clock.currentTimeMillisUnsafe()
      latencies.call()
      const after = fixed ?? latencies.p95()
      // what a hedge saved counts as what it took: the 95 % that were not hedged decide where the tail begins
      return Effect.tap(
        after === undefined ? next(call) : hedged(plan, next, call, after),
        () => Effect.sync(() => latencies.record(clock.currentTimeMillisUnsafe() - begun))
      )
    })
}
