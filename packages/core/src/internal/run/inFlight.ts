/**
 * What a run has in flight: a fiber for each command that takes its time.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"

/** A failure that the run ends with. @internal */
export interface Failure {
  readonly error: unknown
}

/** @internal */
export interface InFlight {
  readonly has: (key: string) => boolean
  /** Runs an effect in a fiber of its own, which is in flight until it has ended; its failure is one of the run. */
  readonly launch: <R>(key: string, effect: Effect.Effect<void, unknown, R>) => Effect.Effect<void, never, R>
  /** Interrupts what has a key that holds, and waits for its end. */
  readonly interrupt: (holds: (key: string) => boolean) => Effect.Effect<void>
  /** The first failure of what was launched. */
  readonly failure: () => Failure | undefined
  readonly wake: () => void
  /** Waits until something has ended, or was woken for. */
  readonly sleep: Effect.Effect<void>
}

/** @internal */
export const make: Effect.Effect<InFlight> = Effect.map(Queue.sliding<void>(1), (wakeUps) => {
  const fibers = new Map<string, Fiber.Fiber<unknown, unknown>>()
  let failure: Failure | undefined
  const wake = () => void Queue.offerUnsafe(wakeUps, undefined)

  const launch: InFlight["launch"] = (key, effect) => {
    const launched = Effect.map(Effect.forkChild(effect), (fiber) => {
      fibers.set(key, fiber)
      // a fiber that is interrupted before its first step runs no finalizer
      fiber.addObserver((exit) => {
        fibers.delete(key)
        if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
          failure ??= { error: Option.getOrElse(Cause.findErrorOption(exit.cause), () => exit.cause) }
        }
        wake()
      })
    })
    // a run that is interrupted here must know the fiber
    return Effect.uninterruptible(launched)
  }

  return {
    has: (key) => fibers.has(key),
    launch,
    interrupt: (holds) =>
      Effect.suspend(() => Fiber.interruptAll(Array.from(fibers).flatMap(([key, fiber]) => holds(key) ? [fiber] : []))),
    failure: () => failure,
    wake,
    sleep: Queue.take(wakeUps)
  }
})
