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

interface Places {
  free: number
  granting: boolean
  readonly queue: Set<Asked>
}

/**
 * Places go to those who wait, in the order in which they asked. Whoever gets one goes on at once, inside of this function, and may
 * leave it before it returns: the next is then granted here too, not in a call inside of a call for everybody who waits.
 */
const grantNext = (places: Places): void => {
  if (places.granting) return
  places.granting = true
  try {
    for (const next of places.queue) {
      if (places.free === 0) return
      places.queue.delete(next)
      places.free--
      next.tell("granted")
    }
  } finally {
    places.granting = false
  }
}

class Asked implements Place {
  readonly #places: Places
  #state: "waiting" | "granted" | "expired" | "left"
  #wake: ((granted: boolean) => void) | undefined

  constructor(places: Places) {
    this.#places = places
    if (places.free > 0 && places.queue.size === 0) {
      places.free--
      this.#state = "granted"
    } else {
      places.queue.add(this)
      this.#state = "waiting"
    }
  }

  tell(state: "granted" | "expired"): void {
    this.#state = state
    this.#wake?.(state === "granted")
  }

  granted(): boolean {
    return this.#state === "granted"
  }

  readonly leave = (): void => {
    const before = this.#state
    this.#state = "left"
    if (before === "waiting") this.#places.queue.delete(this)
    if (before !== "granted") return
    this.#places.free++
    grantNext(this.#places)
  }

  wait(millis: number, restore: Restore): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      if (this.#state !== "waiting") return Effect.succeed(this.granted())
      if (millis <= 0) return Effect.succeed(false)
      const woken = Effect.callback<boolean>((resume) => {
        if (this.#state !== "waiting") return resume(Effect.succeed(this.granted()))
        this.#wake = (granted) => resume(Effect.succeed(granted))
      })
      if (millis === Number.POSITIVE_INFINITY) return restore(woken)
      const expire = Effect.sync(() => {
        if (this.#state !== "waiting") return
        this.#places.queue.delete(this)
        this.tell("expired")
      })
      return Effect.flatMap(
        Effect.forkDetach(Effect.andThen(Effect.sleep(millis), expire)),
        (timer) => Effect.onExit(restore(woken), () => Fiber.interrupt(timer))
      )
    })
  }
}

/** @internal */
export const make = (size: number): Permits => {
  const places: Places = { free: size, granting: false, queue: new Set() }
  return { ask: () => new Asked(places) }
}
