/**
 * Whoever watches a run: told one item after the other, in the context in which the run was started.
 *
 * @internal
 */
import type * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as RunEvent from "../../RunEvent.ts"
import { begun } from "../begun.ts"
import type { Restore } from "../permits.ts"

/** @internal */
export type Publish = (item: RunEvent.RunEvent | RunEvent.Delta) => Effect.Effect<void>

/** @internal */
export interface Observer {
  /** Waits until an item was taken; only the wait can be interrupted. */
  readonly tell: (item: RunEvent.RunEvent | RunEvent.Delta, restore?: Restore) => Effect.Effect<void>
  /** Nobody is told anything from here on: whoever waits goes on, and what still takes an item is interrupted. */
  readonly leave: () => void
}

/**
 * What takes an item runs in a fiber of its own: a run that is cancelled must not wait for it for ever, and a run that it starts
 * is not a part of this one.
 *
 * @param broken - called with the first defect of `publish`, after which nobody is told anything
 * @internal
 */
export const make = (
  publish: Publish,
  context: Context.Context<never>,
  broken: (cause: Cause.Cause<never>) => void
): Observer => {
  const taking = new Set<Fiber.Fiber<void>>()
  const waiting = new Set<() => void>()
  let left = false

  const leave = (): void => {
    left = true
    for (const goOn of Array.from(waiting)) goOn()
    for (const fiber of Array.from(taking)) fiber.interruptUnsafe()
  }

  const taken = (exit: Exit.Exit<void>): Exit.Exit<void> => {
    if (Exit.isFailure(exit) && !left) {
      leave()
      broken(exit.cause)
    }
    return Exit.void
  }

  const end = (fiber: Fiber.Fiber<void>): Effect.Effect<void> =>
    Effect.callback((resume) => {
      const goOn = () => {
        waiting.delete(goOn)
        resume(Effect.void)
      }
      waiting.add(goOn)
      const forget = fiber.addObserver(goOn)
      return Effect.sync(() => {
        waiting.delete(goOn)
        forget()
      })
    })

  const tell: Observer["tell"] = (item, restore = (wait) => wait) => {
    if (left) return Effect.void
    const published = begun(() => publish(item))
    if (taking.size === 0 && Exit.isExit(published)) return taken(published as Exit.Exit<void>)
    return Effect.suspend(() => {
      const before = Array.from(taking)
      const fiber = Effect.runForkWith(context)(
        before.length === 0 ? published : Effect.andThen(Fiber.awaitAll(before), published)
      )
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return taken(exit)
      taking.add(fiber)
      fiber.addObserver((exit) => {
        taking.delete(fiber)
        taken(exit)
      })
      return restore(end(fiber))
    })
  }

  return { tell, leave }
}
