/**
 * Waiting for a fiber with a limit, and ending one that may not want to end.
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

/** How long an interrupted fiber may take to end, in milliseconds. */
const grace = 50

/** Interrupts a fiber and waits for its end, for a short grace; whether it ended. @internal */
export const halt = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    fiber.interruptUnsafe()
    return fiber.pollUnsafe() === undefined
      ? Effect.map(endOf(fiber, grace), (exit) => exit !== undefined)
      : Effect.succeed(true)
  })

/**
 * Runs an effect in a fiber of its own for at most so many milliseconds: its end, or `undefined` where it did not come. What is late
 * is interrupted and left to itself, so that also one that cannot be interrupted holds nobody up.
 *
 * @internal
 */
export const runFor = <A, E>(effect: Effect.Effect<A, E>, millis: number): Effect.Effect<Exit.Exit<A, E> | undefined> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiber((fiber) => {
      const running = Effect.runForkWith(fiber.context)(effect)
      const ended = running.pollUnsafe()
      if (ended !== undefined) return Effect.succeed(ended)
      return restore(endOf(running, millis)).pipe(
        Effect.onInterrupt(() => halt(running)),
        Effect.tap((exit) => Effect.sync(() => exit === undefined && running.interruptUnsafe()))
      )
    })
  )
