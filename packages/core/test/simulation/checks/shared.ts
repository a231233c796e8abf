import type { RunEvent } from "@volley/core"
import { policies } from "../plan.ts"
import { type CallView, type Noted, ofTag, type Report, type View } from "../view.ts"

/** Of the tool itself, before another stood in. */
const ownEvents = ({ events }: Pick<CallView, "events">): ReadonlyArray<Noted> => {
  const at = events.findIndex(({ event }) => event._tag === "FallbackStarted")
  return at < 0 ? events : events.slice(0, at)
}

/** Attempts that were let through and begun at once: others may have waited for a place. */
const begun = (views: ReadonlyArray<View>, tool: string): ReadonlyArray<number> =>
  views.flatMap(({ asked }) =>
    asked.flatMap((call) => {
      const waited = call.events.some(({ event }) => event._tag === "CallQueued" && event.behind !== "dependency")
      return call.name === tool && !waited ? ofTag(ownEvents(call), "AttemptStarted").map(({ at }) => at) : []
    })
  )

const counts = ({ failure }: RunEvent.Of<"AttemptEnded">): boolean =>
  failure !== undefined && failure.kind !== "permanent" && failure.kind !== "fatal"

/** The circuit opens after so many failures in a row, not without them, and lets one call at a time through to close again. */
export const checkCircuit = (views: ReadonlyArray<View>, report: Report): void => {
  const fragile = views.flatMap(({ asked }) => asked.filter(({ name }) => name === "fragile"))
  const openings = fragile.flatMap(({ events }) => ofTag(events, "CircuitOpened")).toSorted((left, right) =>
    left.at - right.at
  )
  for (const { at, event: { openFor } } of openings) {
    const through = begun(views, "fragile").filter((start) => start > at && start < at + openFor)
    if (through.length > 0) report(`${through.length} calls went through a circuit that was open since ${at}`)
    if (openFor < policies.fragile.openFor) report(`the circuit is open for ${openFor} ms`)
  }
  const ended = fragile
    .flatMap((call) => ofTag(ownEvents(call), "AttemptEnded"))
    .filter(({ event: { failure } }) => failure?.reason !== "Cancelled")
    .toSorted((left, right) => left.at - right.at)
  const opened = openings[0]?.at ?? Number.POSITIVE_INFINITY
  const before = ended.filter(({ at, event }) => at <= opened && counts(event)).length
  if (openings.length > 0 && before < policies.fragile.failures) report(`the circuit opened after ${before} failures`)
  // what is interrupted says nothing to the circuit
  const isDiscarded = fragile.some(({ events }) => ofTag(events, "CallDiscarded").length > 0)
  if (isDiscarded || !views.every(({ undisturbed }) => undisturbed)) return
  for (const [i, one] of ended.entries()) {
    const next = ended[i + 1]
    // what the circuit heard first at one instant is not known
    const unclear = [ended[i - 1]?.at === one.at, one.at === next?.at, next?.at === ended[i + 2]?.at].includes(true)
    if (next === undefined || unclear) continue
    if (counts(one.event) && counts(next.event) && opened > next.at) report(`the circuit did not open at ${next.at}`)
  }
}

/** In no window are there more than the rate allows. */
export const checkRate = (views: ReadonlyArray<View>, report: Report): void => {
  const { limit, window } = policies.limited
  const starts = begun(views, "limited")
  const limited = views.flatMap(({ asked }) => asked.flatMap(({ events }) => ofTag(events, "RateLimited")))
  for (const { at, event: { wait } } of limited) {
    const within = starts.filter((start) => start >= at + wait - window && start < at + wait)
    if (within.length > limit) report(`${within.length} calls began in a window that allows ${limit}`)
    if (wait > window) report(`a call is to wait ${wait} ms for a window of ${window}`)
  }
  const first = Math.min(...starts)
  const soon = starts.filter((start) => start < first + 1)
  if (soon.length > limit) report(`${soon.length} calls began at once, the rate allows ${limit}`)
  for (const start of starts) {
    // a window may begin anywhere between them
    const near = starts.filter((other) => other >= start && other < start + window)
    if (near.length > 2 * limit) report(`${near.length} calls began within ${window} ms from ${start}`)
  }
}

/** At most 5 % of the calls, and one that is given beforehand. */
export const checkHedges = (views: ReadonlyArray<View>, report: Report): void => {
  const slow = views.flatMap(({ asked }) => asked.filter(({ name }) => name === "slow"))
  const hedges = slow.flatMap(({ events }) => ofTag(events, "HedgeStarted")).length
  // one that is interrupted before its first attempt is in the journal has begun all the same
  if (hedges > 1 + 0.05 * slow.length) report(`${hedges} of ${slow.length} calls were hedged`)
}
