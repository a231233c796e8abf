/**
 * Ends the wait for a reply that has gone silent; the SDK waits without a limit.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Failure from "./failure.ts"

/**
 * - `first`: longest wait for the first sign of life, from the request on. Default 10 minutes.
 * - `idle`: longest wait for each one after it. Default 60 seconds.
 *
 * @internal
 */
export interface Limits {
  readonly first?: Duration.Input | undefined
  readonly idle?: Duration.Input | undefined
}

/**
 * Watches over the waits of one request.
 *
 * - `request`: waits for the headers.
 * - `next`: waits for the next sign of life of the reply, an event or a ping. The first one has what the headers left of
 *   `first`. The time between two waits, when the consumer is busy, does not count.
 *
 * @internal
 */
export interface Watchdog {
  readonly request: Wait
  readonly next: Wait
}

/** Runs a promise, which is not cancelled when it takes too long; `onError` reads what it was rejected with. */
type Wait = <A>(
  evaluate: () => PromiseLike<A>,
  onError: (cause: unknown, now: number) => Failure.Failure
) => Effect.Effect<A, Failure.Failure>

interface Waiting {
  readonly deadline: number
  readonly expire: () => void
}

/**
 * A watchdog for one request, for as long as its scope is open. One fiber looks after all waits, so that a wait costs
 * nothing but its entry.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(
  limits: Limits = {}
): Effect.fn.Return<Watchdog, never, Scope.Scope> {
  const first = Duration.toMillis(limits.first ?? "10 minutes")
  const idle = Duration.toMillis(limits.idle ?? "60 seconds")
  const clock = yield* Clock.Clock
  const firstDeadline = clock.currentTimeMillisUnsafe() + first
  let alive = false
  let waiting: Waiting | undefined

  // A wait that begins during a sleep is due no earlier than the end of the sleep.
  const watch = Effect.gen(function*() {
    while (true) {
      const now = clock.currentTimeMillisUnsafe()
      if (waiting !== undefined && now >= waiting.deadline) waiting.expire()
      const due = (waiting?.deadline ?? Number.POSITIVE_INFINITY) - now
      yield* Effect.sleep(Math.max(1, Math.min(due, idle, alive ? idle : first)))
    }
  })

  const silence = (begun: boolean): Failure.Failure =>
    Failure.connection(
      begun
        ? `The reply was silent for ${Duration.format(Duration.millis(idle))}`
        : `No reply began within ${Duration.format(Duration.millis(first))}`
    )

  const wait = (isLife: boolean): Wait => (evaluate, onError) =>
    Effect.callback((resume) => {
      const begun = alive
      const entry: Waiting = {
        deadline: begun ? clock.currentTimeMillisUnsafe() + idle : firstDeadline,
        expire: () => settle(Effect.fail(silence(begun)))
      }
      const settle: typeof resume = (effect) => {
        if (waiting === entry) waiting = undefined
        resume(effect)
      }
      const fail = (cause: unknown): void => settle(Effect.fail(onError(cause, clock.currentTimeMillisUnsafe())))
      waiting = entry
      try {
        evaluate().then((value) => {
          alive = alive || isLife
          settle(Effect.succeed(value))
        }, fail)
      } catch (cause) {
        fail(cause)
      }
      return Effect.sync(() => {
        if (waiting === entry) waiting = undefined
      })
    })

  yield* Effect.forkScoped(watch)
  return { request: wait(false), next: wait(true) }
})
