/**
 * One effect after the other, in the order in which they were asked for.
 *
 * Not effect's semaphore of one permit: an effect that has ended by the time that it is made, as nearly all of a run have, takes no
 * step more, and whoever waits goes on at once.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { atEnd } from "./atEnd.ts"
import { begun } from "./begun.ts"
import * as Permits from "./permits.ts"

/** Makes an effect when its turn has come, and runs it uninterruptibly but for what it restores. @internal */
export type Mutex = <A, E, R>(act: (restore: Permits.Restore) => Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** @internal */
export const make = (): Mutex => {
  const permits = Permits.make(1)
  return (act) =>
    Effect.uninterruptibleMask((restore) => {
      const begin = () => begun(() => act(restore))
      const place = permits.ask()
      const acted = place.granted() ? begin() : Effect.flatMap(place.wait(Number.POSITIVE_INFINITY, restore), begin)
      if (!Exit.isExit(acted)) return atEnd(acted, place.leave)
      place.leave()
      return acted
    })
}
