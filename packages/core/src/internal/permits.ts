/**
 * Places that are taken in the order in which they were asked for.
 *
 * Not effect's semaphore: asking is synchronous, so that the order is that of the calls, and a place is freed by a plain
 * function, so that the observer of an abandoned handler can do it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/** A place asked for. @internal */
export interface Place {
  readonly granted: () => boolean
  /**
   * Waits for at most so many milliseconds; `false` when the place did not come in time. The caller must run this
   * uninterruptibly except for the wait itself (`restore`), and `leave` whatever comes of it.
   */
  readonly wait: (millis: number, restore: Restore) => Effect.Effect<boolean>
  /** Gives the place, or the wish for it, up. May be called more than once. */
  readonly leave: () => void
}

/** @internal */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** @internal */
export interface Permits {
  readonly ask: () => Place
}

interface Waiter {
  state: "waiting" | "granted" | "expired" | "left"
  wake: ((granted: boolean) => void) | undefined
}

/** @internal */
export const make = (size: number): Permits => {
  let free = size
  const queue = new Set<Waiter>()

  const grantNext = (): void => {
    for (const waiter of queue) {
      if (free === 0) return
      queue.delete(waiter)
      free--
      waiter.state = "granted"
      waiter.wake?.(true)
    }
  }

  const ask = (): Place => {
    const waiter: Waiter = { state: "waiting", wake: undefined }
    queue.add(waiter)
    grantNext()

    const leave = (): void => {
      const before = waiter.state
      waiter.state = "left"
      queue.delete(waiter)
      if (before !== "granted") return
      free++
      grantNext()
    }

    const woken = Effect.callback<boolean>((resume) => {
      if (waiter.state !== "waiting") return resume(Effect.succeed(waiter.state === "granted"))
      waiter.wake = (granted) => resume(Effect.succeed(granted))
    })

    const wait: Place["wait"] = (millis, restore) =>
      Effect.suspend(() => {
        if (waiter.state !== "waiting") return Effect.succeed(waiter.state === "granted")
        if (millis <= 0) return Effect.succeed(false)
        if (millis === Number.POSITIVE_INFINITY) return restore(woken)
        const expire = Effect.sync(() => {
          if (waiter.state !== "waiting") return
          waiter.state = "expired"
          queue.delete(waiter)
          waiter.wake?.(false)
        })
        return Effect.flatMap(
          Effect.forkDetach(Effect.andThen(Effect.sleep(millis), expire)),
          (timer) => Effect.onExit(restore(woken), () => Fiber.interrupt(timer))
        )
      })

    return { granted: () => waiter.state === "granted", wait, leave }
  }

  return { ask }
}
