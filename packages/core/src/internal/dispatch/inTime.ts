/**
 * Access to a store that must not hold up a call.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { runFor } from "./endOf.ts"
import type { Call } from "./stage.ts"

/** How long a call waits for a store, in milliseconds. */
const patience = 500

/**
 * Goes on with the end of an access, or with what is said of one that does not end in time.
 *
 * @param deadline - in milliseconds since the epoch
 * @param least - milliseconds that the access has whatever the deadline
 */
const bounded = <A, E, B, F>(
  access: () => Effect.Effect<A, E>,
  deadline: number,
  least: number,
  then: (end: Exit.Exit<A, E> | string) => Effect.Effect<B, F>
): Effect.Effect<B, F> =>
  Effect.clockWith((clock) => {
    const left = Math.max(least, Math.min(patience, deadline - clock.currentTimeMillisUnsafe()))
    return Effect.flatMap(runFor(Effect.suspend(access), left), (exit) => then(exit ?? `no answer within ${left} ms`))
  })

/**
 * What a store gives in time; `undefined`, and a line in the log, where it fails or hangs.
 *
 * @internal
 */
export const inTime = <A>(
  call: Call,
  access: () => Effect.Effect<A, unknown>,
  failed: string
): Effect.Effect<A | undefined> =>
  bounded(access, call.deadline, 0, (end) => {
    if (typeof end !== "string" && Exit.isSuccess(end)) return Effect.succeed(end.value)
    return Effect.as(Effect.logWarning(failed, typeof end === "string" ? end : end.cause), undefined)
  })

/**
 * What a store gives in time; one that hangs fails with what `late` makes of that.
 *
 * @param least - milliseconds that the access has whatever the deadline, default none
 * @internal
 */
export const orLate = <A, E>(
  call: Call,
  access: () => Effect.Effect<A, E>,
  late: (message: string) => E,
  least: number = 0
): Effect.Effect<A, E> =>
  bounded(access, call.deadline, least, (end) => typeof end === "string" ? Effect.fail(late(end)) : end)
