/**
 * Effects that functions make which may throw.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** As `Effect.suspend`, but now: what ends at once has ended when this returns. What the function throws is a defect. @internal */
export const begun = <A, E, R>(make: () => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  try {
    return make()
  } catch (defect) {
    return Exit.die(defect)
  }
}
