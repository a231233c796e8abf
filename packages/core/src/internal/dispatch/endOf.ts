/**
 * Waiting for a fiber with a limit.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"

/** The end of a fiber; `undefined` when it did not come within so many milliseconds. @internal */
export const endOf = <A, E>(fiber: Fiber.Fiber<A, E>, millis: number): Effect.Effect<Exit.Exit<A, E> | undefined> =>
  Effect.withFiber((waiting) =>
    Effect.callback((resume) => {
      const expired = Effect.andThen(Effect.sleep(millis), Effect.sync(() => resume(Effect.undefined)))
      const timer = Effect.runForkWith(waiting.context)(expired)
      const removeObserver = fiber.addObserver((exit) => {
        timer.interruptUnsafe()
        resume(Effect.succeed(exit))
      })
      return Effect.sync(() => {
        removeObserver()
        timer.interruptUnsafe()
      })
    })
  )
