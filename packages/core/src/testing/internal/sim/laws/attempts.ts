/**
 * Which attempts a call has, and when.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import type { Member } from "../cast.ts"
import {
  type CallView,
  endOf,
  has,
  isDeaf,
  ofTag,
  peak,
  type Report,
  saysNothingHappened,
  toOf,
  type View
} from "../view.ts"
import type { Execution } from "../world.ts"

/** Kinds after which a call is not executed again. */
const final: ReadonlySet<unknown> = new Set(["permanent", "defect", "fatal"])

const isFinal = ({ failure, finished }: Execution): boolean => finished && final.has(failure?.kind)

const isUnknown = ({ failure, finished }: Execution): boolean => finished && failure?.kind === "unknown"

/** What is known of an execution of an effectful tool before the next begins: that it had no effect. */
const isSettled = (call: CallView, execution: Execution, next: Execution | undefined): boolean =>
  saysNothingHappened(execution) ||
  call.events.some(({ event, position }) =>
    event._tag === "CallReconciled" && !event.executed && position >= (execution.to ?? 0)
    && position < (next?.from ?? Number.POSITIVE_INFINITY)
  )

const defaultRetries = 2

/** How often a call is tried again at the most; `undefined` where a schedule of the user's says it. */
const retriesOf = ({ policy: { retry } }: Member): number | undefined =>
  retry === undefined ? defaultRetries : "times" in retry ? retry.times : undefined

const checkRepeats = (view: View, call: CallView, member: Member, report: Report): void => {
  const { answered, executions, name, what } = call
  const own = executions.filter(({ tool }) => tool === name)
  const hedges = ofTag(call.events, "HedgeStarted")
  /** It was decided on while the first was under way. */
  const isHedged = (execution: Execution): boolean => hedges.some(({ event: { at } }) => at <= endOf(execution))
  for (const [i, execution] of own.entries()) {
    const later = own.find(({ from, process }) => process === execution.process && from > toOf(execution))
    if (later === undefined) continue
    if (isFinal(execution) && !isHedged(execution)) {
      report("G3", `${what} was executed again after a ${execution.failure?.kind} failure`, answered)
    }
    const isFirst = i === 0 || own[i - 1]!.process < execution.process
    if (isUnknown(execution) && !isFirst && hedges.length === 0 && retriesOf(member) !== undefined) {
      report("G5", `${what} was executed again although unknown twice`, answered)
    }
  }
  if (member.effectClass === "effectful") {
    for (const [i, execution] of own.slice(0, -1).entries()) {
      if (!isSettled(call, execution, own[i + 1])) {
        report(
          own[i + 1]?.process === execution.process ? "G4" : "G10",
          `${what} was executed again after an outcome that is open`,
          answered
        )
      }
    }
  }
  const most = retriesOf(member) ?? Number.POSITIVE_INFINITY
  if (own.length > (1 + most + hedges.length) * (view.run.resumed.length + 1)) {
    report("G5", `${what} was executed ${own.length} times`, answered)
  }
  const together = peak(executions.filter((one) => !isDeaf(one)))
  if (together > (member.policy.hedge === undefined ? 1 : 2)) {
    report("G5", `${what} has ${together} attempts at one time`, answered)
  }
}

/** The same effect of a call takes place once: also of a call that is repeated, which its idempotency key tells. */
const checkEffects = ({ answered, effects, name, what }: CallView, { effectClass }: Member, report: Report): void => {
  const counts = Map.groupBy(effects, (one) => one.what)
  for (const [effect, times] of counts) {
    if (times.length < 2) continue
    const why = effectClass === "idempotent"
      ? `${name} is declared idempotent, and its handler acts again for the same idempotency key`
      : "an effectful call takes effect once at the most"
    report("G4", `"${effect}" took place ${times.length} times for ${what}: ${why}`, answered)
  }
  if (effectClass === "readonly" && counts.size > 0) {
    report("G4", `${what} took effect, and ${name} is declared readonly`, answered)
  }
}

/** The journal says of each attempt what its handler said. */
const checkReported = ({ answered, events, executions, what }: CallView, report: Report): void => {
  for (const { event: { attempt, failure }, position } of ofTag(events, "AttemptEnded")) {
    const execution = executions.find((one) => one.attempt === attempt)
    const isOver = failure?.reason === "Timeout" || failure?.reason === "Cancelled"
    if (execution === undefined || !execution.finished || isOver) continue
    const { failure: said } = execution
    if (said !== undefined && said.kind === undefined) continue
    // a result that does not have its declared form is a defect of the handler
    if (said === undefined && failure?.kind === "defect") continue
    if (failure?.kind !== said?.kind) {
      report("G3", `${what} failed ${said?.kind}, its journal says ${failure?.kind}`, position)
    }
    if (failure !== undefined && failure.executed === saysNothingHappened(execution)) {
      report("G4", `${what} is said ${failure.executed ? "" : "not "}to have been executed`, position)
    }
  }
  const numbers = executions.map(({ attempt }) => attempt)
  if (new Set(numbers).size < numbers.length) report("G5", `${what} has two attempts of one number`, answered)
}

/** @internal */
export const checkAttempts = (view: View, report: Report): void => {
  for (const call of view.calls) {
    if (call.member === undefined) continue
    checkRepeats(view, call, call.member, report)
    checkEffects(call, call.member, report)
    checkReported(call, report)
  }
}

/** One key a call, the same as in the journal; no two calls have the same. @internal */
export const checkKeys = (views: ReadonlyArray<View>, report: Report): void => {
  const owners = new Map<string, string>()
  for (const { calls, noted } of views) {
    const intended = new Map(
      ofTag(noted, "DispatchIntended").flatMap(({ event }) =>
        event.calls.map(({ index, key }) => [`${event.turn}.${index}`, key] as const)
      )
    )
    for (const { answered, executions, index, turn, what } of calls) {
      for (const { key } of executions) {
        const first = owners.get(key) ?? what
        if (first !== what) report("G4", `${what} has the idempotency key of ${first}`, answered)
        if (key !== intended.get(`${turn}.${index}`)) {
          report("G4", `${what} has another idempotency key than was intended`, answered)
        }
        owners.set(key, what)
      }
    }
  }
}

const bases = { throttled: 1000, other: 200 }
const throttled: ReadonlySet<unknown> = new Set(["RateLimited", "Overloaded"])
const longestWait = 5000
const longestRetryAfter = 30_000

const checkWait = (call: CallView, member: Member, times: number, i: number, report: Report): void => {
  const { deadline, events, what } = call
  const retry = events[i]!
  if (retry.event._tag !== "RetryScheduled") return
  const { event: { attempt, wait }, position } = retry
  const most = retriesOf(member) ?? Number.POSITIVE_INFINITY
  const own = retriesOf(member) !== undefined
  const isHedged = member.policy.hedge !== undefined
  if (ofTag(events.slice(0, i), "AttemptEnded").length <= times) {
    report("G5", `${what} is to be retried and was not tried`, position)
  }
  if (times >= most) report("G5", `${what} is retried ${times + 1} times`, position)
  if (retry.at + wait >= deadline) report("G8", `${what} is to be retried when no time is left`, position)
  // where an open circuit refused, the failure is no attempt's; hedged attempts fail one after the other
  const last = events.slice(0, i).findLast(({ event }) =>
    event._tag !== "CircuitOpened" && event._tag !== "CallReconciled"
  )
  if (last?.event._tag === "AttemptEnded" && !isHedged) {
    const asked = last.event.failure?.retryAfter ?? 0
    const base = throttled.has(last.event.failure?.reason) ? bases.throttled : bases.other
    const longest = Math.max(asked, Math.min(longestWait, base * 2 ** times))
    if (wait < asked) report("G7", `${what} waits ${wait} ms, asked were ${asked}`, position)
    if (own && wait > longest) report("G7", `${what} waits ${wait} ms, at most ${longest}`, position)
  }
  const next = events.slice(i + 1).find(({ event }) => event._tag === "AttemptStarted" || event._tag === "CallQueued")
  const begun = next?.event._tag === "AttemptStarted" && next.event.attempt === attempt ? next.at : undefined
  // a rate is asked for in turn, which is no event
  if (begun !== undefined && begun !== retry.at + wait && member.policy.rateLimit === undefined) {
    report("G7", `${what} is tried again at ${begun}, planned was ${retry.at + wait}`, position)
  }
}

/** A failure that may go away is retried where that is safe, in time and within the budgets. */
const checkGivenUp = (call: CallView, member: Member, report: Report): void => {
  const { answered, events, what } = call
  const most = retriesOf(member)
  if (member.policy.hedge !== undefined || most === undefined) return
  const retries = ofTag(events, "RetryScheduled").length
  const [last, next] = events.slice(-2)
  if (last?.event._tag !== "AttemptEnded" || next?.event._tag !== "ToolCallAnswered") return
  const { failure } = last.event
  if (failure === undefined || has(events, "FallbackStarted") || next.event.failure?.reason === "Cancelled") return
  const repeatable = failure.kind === "transient" || (failure.kind === "unknown" && retries === 0)
  const safe = member.effectClass !== "effectful" || !call.executions.some((one) => !saysNothingHappened(one))
  if (repeatable && safe && retries < most) report("G19", `${what} was given up after "${failure.message}"`, answered)
}

/** What the last failure asked for is told, where it is that of the answer. */
const checkTold = (
  { answer: { failure }, answered, executions, name, what }: CallView,
  { policy }: Member,
  report: Report
): void => {
  const last = executions.at(-1)
  // of two attempts that overlap, the one that began last need not be the one that failed last
  if (policy.hedge !== undefined || policy.rateLimit !== undefined) return
  if (last?.finished !== true || last.tool !== name || failure?.reason !== "RateLimited") return
  const asked = last.failure?.retryAfter
  if (asked !== undefined && failure.retryAfter !== asked) {
    report("G7", `${what} asked for ${asked} ms, the answer says ${failure.retryAfter}`, answered)
  }
}

/** Waits are within their bounds, what was to begin then began, and what could be tried again was. @internal */
export const checkWaits = ({ calls, limits, noted, undisturbed, whole }: View, report: Report): void => {
  if (!whole) return
  for (const { event: { left }, position } of ofTag(noted, "RetryScheduled")) {
    if (left < 0 || left >= limits.retries) {
      report("G5", `${left} of ${limits.retries} retries are said to be left`, position)
    }
  }
  for (const { at, event: { why }, position } of ofTag(noted, "RetryRefused")) {
    // at one instant one may be taken that is not in the journal yet
    const spent = ofTag(noted, "RetryScheduled").filter((one) => one.at <= at).length
    if (why === "run" && spent < limits.retries) report("G5", `a retry is refused, ${spent} are spent`, position)
  }
  for (const call of calls) {
    const { member } = call
    if (member === undefined) continue
    let times = 0
    for (const [i, { event, position }] of call.events.entries()) {
      // from here on the attempts are those of the tool that stands in
      if (event._tag === "FallbackStarted") break
      if (event._tag === "RetryScheduled") checkWait(call, member, times++, i, report)
      const before = call.events[i - 1]?.event
      if (event._tag !== "RetryRefused" || before?._tag !== "AttemptEnded" || member.policy.hedge !== undefined) {
        continue
      }
      const isLong = (before.failure?.retryAfter ?? 0) > longestRetryAfter
      if (isLong !== (event.why === "retryAfter")) {
        report("G7", `${call.what} is not retried, because of "${event.why}"`, position)
      }
    }
    if (undisturbed) checkGivenUp(call, member, report)
    checkTold(call, member, report)
  }
}

/** Hedged as the policy says, while retries are left, without waiting; a stand-in only where a failure may go away. @internal */
export const checkExtras = ({ calls, limits: { retries }, noted, whole }: View, report: Report): void => {
  for (const { at, position } of whole ? ofTag(noted, "HedgeStarted") : []) {
    // at one instant they may have been decided in any order
    const left = retries - ofTag(noted, "RetryScheduled").filter((one) => one.at < at).length
    if (left < retries / 2) report("G5", `a call was hedged with ${left} of ${retries} retries left`, position)
  }
  for (const { events, member, what } of calls) {
    for (const [i, { event, position }] of events.entries()) {
      if (event._tag === "HedgeStarted") {
        const after = member?.policy.hedge?.after
        if (after === undefined) report("G4", `${what} was hedged`, position)
        else if (after !== "p95" && event.after !== Duration.toMillis(after)) {
          report("G7", `${what} was hedged after ${event.after} ms`, position)
        }
        if (whole && events[i + 1]?.event._tag === "CallQueued") {
          report("G6", `${what} waits with its second attempt`, position)
        }
      }
      if (event._tag === "FallbackStarted" && event.failure.kind !== "transient") {
        report("G3", `${event.tool} stands in for ${what}, which failed: ${event.failure.kind}`, position)
      }
    }
  }
}
