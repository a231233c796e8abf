/**
 * Something to do at the end of an effect, whatever the end.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

/** Calls a function that neither waits nor fails: cheaper than a finalizer that is an effect. @internal */
export const atEnd = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  then: (exit: Exit.Exit<A, E>) => void
): Effect.Effect<A, E, R> =>
  Effect.onExitPrimitive(effect, (exit) => {
    then(exit)
    return undefined
  })
