/**
 * What calls of all runs of a process share: circuits, rates, the budget of hedges.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import type * as RunEvent from "../../../../RunEvent.ts"
import type { Member } from "../cast.ts"
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
const checkCircuit = (views: ReadonlyArray<View>, { name, policy }: Member, report: Report): void => {
  const { breaker } = policy
  // of several circuits of a tool it is not known which call belongs to which
  if (breaker === undefined || breaker.key !== undefined || breaker.tripPolicy._tag !== "Consecutive") return
  const { failures } = breaker.tripPolicy
  const calls = views.flatMap(({ asked }) => asked.filter((call) => call.name === name))
  const openings = calls.flatMap(({ events }) => ofTag(events, "CircuitOpened")).toSorted((left, right) =>
    left.at - right.at
  )
  for (const { at, event: { openFor }, position } of openings) {
    const through = begun(views, name).filter((start) => start > at && start < at + openFor)
    if (through.length > 0) {
      report("G5", `${through.length} calls of ${name} went through a circuit that was open since ${at}`, position)
    }
    const input = breaker.openDuration
    const least = Duration.isDuration(input) || typeof input === "number" || typeof input === "string"
      ? Duration.toMillis(input)
      : 0
    if (openFor < least) report("G5", `the circuit of ${name} is open for ${openFor} ms, not ${least}`, position)
  }
  const ended = calls
    .flatMap((call) => ofTag(ownEvents(call), "AttemptEnded"))
    .filter(({ event: { failure } }) => failure?.reason !== "Cancelled")
    .toSorted((left, right) => left.at - right.at)
  const [first] = openings
  const opened = first?.at ?? Number.POSITIVE_INFINITY
  const before = ended.filter(({ at, event }) => at <= opened && counts(event)).length
  if (first !== undefined && before < failures) {
    report("G5", `the circuit of ${name} opened after ${before} failures`, first.position)
  }
  // what is interrupted says nothing to the circuit
  const isDiscarded = calls.some(({ events }) => ofTag(events, "CallDiscarded").length > 0)
  if (isDiscarded || policy.hedge !== undefined || !views.every(({ undisturbed }) => undisturbed)) return
  for (let i = 0; i + failures <= ended.length; i++) {
    const row = ended.slice(i, i + failures)
    const around = ended.slice(Math.max(0, i - 1), i + failures + 1).map(({ at }) => at)
    // what the circuit heard first at one instant is not known
    const unclear = new Set(around).size < around.length
    const last = row.at(-1)!
    if (!unclear && row.every(({ event }) => counts(event)) && opened > last.at) {
      report("G5", `the circuit of ${name} did not open at ${last.at}`, last.position)
    }
  }
}

/** In no window are there more than the rate allows. */
const checkRate = (views: ReadonlyArray<View>, member: Member, report: Report): void => {
  const { name, policy } = member
  if (policy.rateLimit === undefined || policy.rateLimit.key !== undefined) return
  const { algorithm = "fixed-window", limit } = policy.rateLimit
  const window = Duration.toMillis(policy.rateLimit.window)
  const starts = begun(views, name)
  const limited = views.flatMap(({ asked }) =>
    asked.filter((call) => call.name === name).flatMap(({ events }) => ofTag(events, "RateLimited"))
  )
  const last = Math.max(0, ...views.map(({ noted }) => noted.length - 1))
  for (const { at, event: { wait }, position } of algorithm === "fixed-window" ? limited : []) {
    const within = starts.filter((start) => start >= at + wait - window && start < at + wait)
    if (within.length > limit) {
      report("G7", `${within.length} calls of ${name} began in a window that allows ${limit}`, position)
    }
    if (wait > window) report("G7", `a call of ${name} is to wait ${wait} ms for a window of ${window}`, position)
  }
  const first = Math.min(...starts)
  const soon = starts.filter((start) => start < first + 1)
  if (soon.length > limit) report("G7", `${soon.length} calls of ${name} began at once, the rate allows ${limit}`, last)
  for (const start of starts) {
    // a window may begin anywhere between them
    const near = starts.filter((other) => other >= start && other < start + window)
    if (near.length > 2 * limit) {
      report("G7", `${near.length} calls of ${name} began within ${window} ms from ${start}`, last)
    }
  }
}

/** At most 5 % of the calls, and one that is given beforehand. */
const checkHedges = (views: ReadonlyArray<View>, { name, policy }: Member, report: Report): void => {
  if (policy.hedge === undefined) return
  const calls = views.flatMap(({ asked }) => asked.filter((call) => call.name === name))
  const hedges = calls.flatMap(({ events }) => ofTag(events, "HedgeStarted"))
  // one that is interrupted before its first attempt is in the journal has begun all the same
  if (hedges.length > 1 + 0.05 * calls.length) {
    report("G5", `${hedges.length} of ${calls.length} calls of ${name} were hedged`, hedges.at(-1)!.position)
  }
}

/** @internal */
export const checkShared = (views: ReadonlyArray<View>, report: Report): void => {
  const [first] = views
  // what a process remembers dies with it
  if (first === undefined || !views.every(({ whole }) => whole)) return
  for (const member of first.world.cast.all.values()) {
    checkCircuit(views, member, report)
    checkRate(views, member, report)
    checkHedges(views, member, report)
  }
}
