/**
 * Tells the call that changed the state of a circuit.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as CircuitBreaker from "effect/persistence/CircuitBreaker"

/** Told of the transitions that the present fiber causes. @internal */
export const onTransition: Context.Reference<(transition: CircuitBreaker.Transition) => void> = Context.Reference<
  (transition: CircuitBreaker.Transition) => void
>("@volley/core/internal/onTransition", { defaultValue: () => () => {} })

type Store = CircuitBreaker.CircuitBreakerStore["Service"]

/** A store that tells of the transitions that its records cause. @internal */
export const observed = (store: Store): Store => ({
  ...store,
  record: (options) =>
    Effect.tap(
      store.record(options),
      (transition) => transition === undefined ? Effect.void : Effect.map(onTransition, (tell) => tell(transition))
    )
})
