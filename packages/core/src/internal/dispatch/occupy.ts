/**
 * Holds a place for as long as a call's handler needs it.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as RunEvent from "../../RunEvent.ts"
import { atEnd } from "../atEnd.ts"
import type { Place, Restore } from "../permits.ts"
import { type Call, type Failed, keyOf, notExecuted } from "./stage.ts"

/** A place that a call may have to wait for. @internal */
export interface Wanted {
  readonly ask: () => Place
  readonly behind: RunEvent.Of<"CallQueued">["behind"]
  /** Whose handlers keep the place. */
  readonly until: (call: Call) => ReadonlyArray<Fiber.Fiber<unknown, unknown>>
  /** Names the place where it did not come in time. */
  readonly what: string
}

/** The place belongs to the handlers' fibers: an abandoned handler keeps it until it ends. */
const leaveAfter = (place: Place, handlers: ReadonlyArray<Fiber.Fiber<unknown, unknown>>): void => {
  const handler = handlers.find((fiber) => fiber.pollUnsafe() === undefined)
  if (handler === undefined) return place.leave()
  handler.addObserver(() => leaveAfter(place, handlers))
}

const notFree = (what: string): Failed =>
  notExecuted("transient", "Unavailable", `${what} was not free before the deadline`)

/** Waits for the place until the call's deadline. */
const wait = (call: Call, place: Place, { behind, what }: Wanted, restore: Restore): Effect.Effect<void, Failed> => {
  if (call.hedge) return Effect.fail(notFree(what))
  const come = Effect.flatMap(Clock.currentTimeMillis, (now) => place.wait(call.deadline - now, restore))
  return Effect.andThen(
    call.shared.emit((at) => ({ _tag: "CallQueued", ...keyOf(call), at, behind })),
    Effect.flatMap(come, (granted) => granted ? Effect.void : Effect.fail(notFree(what)))
  )
}

/**
 * Asks for a place, waits for it until the call's deadline, runs the effect in it, and frees it when the handlers have ended.
 *
 * @internal
 */
export const occupy = <A>(call: Call, wanted: Wanted, effect: Effect.Effect<A, Failed>): Effect.Effect<A, Failed> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      const place = wanted.ask()
      const run = place.granted()
        ? restore(effect)
        : Effect.andThen(wait(call, place, wanted, restore), restore(effect))
      return atEnd(run, () => leaveAfter(place, wanted.until(call)))
    })
  )
