/**
 * Holds a place for as long as a call's handler needs it.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Place } from "./permits.ts"
import type { Call, Failed } from "./stage.ts"

const noPlace = (what: string): Failed => ({
  kind: "transient",
  reason: "Unavailable",
  message: `${what} was not free before the deadline; nothing was executed`,
  executed: false
})

/** The place belongs to the handler's fiber: an abandoned handler keeps it until it ends. */
const leaveAfterHandler = (call: Call, place: Place): void => {
  const { handler } = call
  if (handler === undefined || handler.pollUnsafe() !== undefined) return place.leave()
  handler.addObserver(() => place.leave())
}

/**
 * Asks for a place, waits for it until the call's deadline, runs the effect in it, and frees it when the handler has ended.
 *
 * @internal
 */
export const occupy = <A>(
  call: Call,
  ask: () => Place,
  what: string,
  effect: Effect.Effect<A, Failed>
): Effect.Effect<A, Failed> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const place = ask()
      return place.wait(call.deadline - now, restore).pipe(
        Effect.flatMap((granted) => granted ? restore(effect) : Effect.fail(noPlace(what))),
        Effect.onExit(() => Effect.sync(() => leaveAfterHandler(call, place)))
      )
    })
  )
