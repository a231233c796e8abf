/**
 * What stays the same when a run is executed again: its events without what comes of the clock and of the order in which
 * fibers run.
 *
 * @internal
 */
import type * as Schema from "effect/Schema"
import { isMasked } from "../../../internal/masked.ts"
import type * as RunEvent from "../../../RunEvent.ts"

/** Times and what is computed from them. */
const ofClock = new Set(["at", "wait", "age", "expires", "left", "openFor"])

/** Only how long things took makes these happen. */
const ofOrder = new Set<RunEvent.RunEvent["_tag"]>([
  "CallQueued",
  "HedgeStarted",
  "AttemptAbandoned",
  "AttemptReleased",
  "RateLimited"
])

type Fact = { readonly [key: string]: Schema.Json }

/** Calls are intended together or one by one, depending on how fast their reply comes. */
const intended = (event: RunEvent.Of<"DispatchIntended">, masked: ReadonlySet<string>): ReadonlyArray<Fact> =>
  event.calls.map(({ key, ...call }) => {
    const place = { turn: event.turn, request: event.request, index: call.index }
    const known = masked.has(placeOf(place)) ? {} : { key }
    return { _tag: "CallIntended", ...place, ...call, ...known }
  })

const placeOf = (event: object): string => {
  const { index = "", request = "", turn = "" } = event as { index?: number; request?: number; turn?: number }
  return `${turn}.${request}.${index}`
}

/** The facts of a run by what they are about: the run, a request, a call. @internal */
export const of = (
  events: ReadonlyArray<RunEvent.RunEvent>,
  encode: (event: RunEvent.RunEvent) => Schema.Json
): ReadonlyMap<string, ReadonlyArray<Fact>> => {
  // the key of a call is of its arguments, which are not all known
  const masked = new Set(
    events.flatMap((event) => event._tag === "ToolCallRequested" && isMasked(event.params) ? [placeOf(event)] : [])
  )
  const facts = events.filter(({ _tag }) => !ofOrder.has(_tag)).flatMap((event): ReadonlyArray<Fact> => {
    if (event._tag === "DispatchIntended") return intended(event, masked)
    const json = encode(event) as Fact
    return [Object.fromEntries(Object.entries(json).filter(([key]) => !ofClock.has(key)))]
  })
  return Map.groupBy(facts, placeOf)
}
