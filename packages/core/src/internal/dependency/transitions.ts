/**
 * What passes between a call and the store of its circuit, which effect's breaker asks: the store must not hold the call up,
 * and tells it of the changes that it caused.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Scope from "effect/Scope"

/** A call that asks the store. @internal */
export interface Asking {
  /** Ends an access that takes too long for the call; it has `least` milliseconds, default none, whatever the deadline. */
  readonly inTime: <A>(
    access: () => Effect.Effect<A, CircuitBreaker.CircuitBreakerError>,
    least?: number
  ) => Effect.Effect<A, CircuitBreaker.CircuitBreakerError>
  /** Told of the transitions that the call causes. */
  readonly onTransition: (transition: CircuitBreaker.Transition) => void
}

/** The one that the present fiber belongs to. @internal */
export const asking: Context.Reference<Asking> = Context.Reference<Asking>("@volley/core/internal/asking", {
  defaultValue: () => ({ inTime: (access) => access(), onTransition: () => {} })
})

type Store = CircuitBreaker.CircuitBreakerStore["Service"]

/** That a call took until its deadline is what the circuit has to know: it is recorded though no time is left. */
const leastToRecord = 50

/**
 * A store that is bounded, and tells of the transitions that its records cause. It is bounded here since the breaker waits for
 * it uninterruptibly, and must be told what came of a call even then.
 *
 * @internal
 */
export const observed = (store: Store): Store => ({
  ...store,
  admit: (key) =>
    Effect.flatMap(
      Effect.scope,
      (scope) => Effect.flatMap(asking, ({ inTime }) => inTime(() => Scope.provide(store.admit(key), scope)))
    ),
  record: (options) =>
    Effect.flatMap(
      asking,
      ({ inTime, onTransition }) =>
        Effect.map(inTime(() => store.record(options), leastToRecord), (transition) => {
          if (transition !== undefined) onTransition(transition)
          return transition
        })
    )
})
