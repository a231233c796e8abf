import type { Fate } from "../plan.ts"
import { policies, retryAfter } from "../plan.ts"
import type { Execution } from "../tools.ts"
import {
  type CallView,
  ended,
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

const isFinal = ended(new Set(["permanent", "die", "fatal"]))
const isUnknown = ended(new Set(["unknown"]))

/** What is known of an execution of an effectful tool before the next begins: that it had no effect. */
const isSettled = (call: CallView, execution: Execution, next: Execution | undefined): boolean =>
  saysNothingHappened(execution) ||
  call.events.some(({ event, position }) =>
    event._tag === "CallReconciled" && !event.executed && position >= toOf(execution)
    && position < (next?.from ?? Number.POSITIVE_INFINITY)
  )

const retriesOf = (name: string): number => name === "fragile" ? policies.fragile.retries : policies.retries

const checkRepeats = (call: CallView, report: Report): void => {
  const { executions, name, what } = call
  const own = executions.filter(({ tool }) => tool === name)
  const hedges = ofTag(call.events, "HedgeStarted")
  /** It was decided on while the first was under way. */
  const isHedged = (execution: Execution): boolean => hedges.some(({ event: { at } }) => at <= endOf(execution))
  for (const [i, execution] of own.entries()) {
    const later = own.find(({ from }) => from > toOf(execution))
    if (later === undefined) continue
    if (isFinal(execution) && !isHedged(execution)) report(`G3: ${what} was executed again after "${execution.fate}"`)
    if (isUnknown(execution) && i > 0 && hedges.length === 0) {
      report(`G5: ${what} was executed again although unknown twice`)
    }
  }
  for (const [i, execution] of own.slice(0, -1).entries()) {
    if (name === "pay" && !isSettled(call, execution, own[i + 1])) {
      report(`G4: ${what} was executed again after "${execution.fate}"`)
    }
  }
  if (own.length > 1 + retriesOf(name) + hedges.length) report(`G5: ${what} was executed ${own.length} times`)
  const together = peak(executions.filter((one) => !isDeaf(one)))
  if (together > (name === "slow" ? 2 : 1)) report(`${what} has ${together} attempts at one time`)
  const effects = own.filter(({ committed }) => committed !== undefined)
  if (name === "pay" && effects.length > 1) report(`G4: ${what} took effect ${effects.length} times`)
}

const kinds: { readonly [fate in Fate]?: string } = {
  transient: "transient",
  refused: "transient",
  throttled: "transient",
  distant: "transient",
  committed: "transient",
  permanent: "permanent",
  unknown: "unknown",
  die: "defect",
  fatal: "fatal"
}

/** The journal says of each attempt what its handler said. */
const checkReported = ({ events, executions, what }: CallView, report: Report): void => {
  for (const { event: { attempt, failure } } of ofTag(events, "AttemptEnded")) {
    const execution = executions.find((one) => one.attempt === attempt)
    if (
      execution === undefined || !execution.finished || failure?.reason === "Timeout" || failure?.reason === "Cancelled"
    ) {
      continue
    }
    const expected = kinds[execution.fate]
    if (failure?.kind !== expected) report(`${what} failed ${expected}, its journal says ${failure?.kind}`)
    if (failure !== undefined && failure.executed === saysNothingHappened(execution)) {
      report(`${what} is said ${failure.executed ? "" : "not "}to have been executed after "${execution.fate}"`)
    }
  }
  const numbers = executions.map(({ attempt }) => attempt)
  if (new Set(numbers).size < numbers.length) report(`${what} has two attempts of one number`)
}

/** One key a call, the same as in the journal; no two calls have the same. */
export const checkKeys = (views: ReadonlyArray<View>, report: Report): void => {
  const owners = new Map<string, string>()
  for (const { calls, noted, plan } of views) {
    const intended = new Map(
      ofTag(noted, "DispatchIntended").flatMap(({ event }) =>
        event.calls.map(({ index, key }) => [`${event.turn}.${index}`, key] as const)
      )
    )
    for (const { executions, index, turn, what } of calls) {
      const owner = `${plan.tenant} ${what}`
      for (const { key } of executions) {
        const first = owners.get(key) ?? owner
        if (first !== owner) report(`G4: ${owner} has the idempotency key of ${first}`)
        if (key !== intended.get(`${turn}.${index}`)) {
          report(`G4: ${owner} has another idempotency key than was intended`)
        }
        owners.set(key, owner)
      }
    }
  }
}

export const checkAttempts = ({ calls }: View, report: Report): void => {
  for (const call of calls) {
    checkRepeats(call, report)
    checkReported(call, report)
  }
}

const bases = { throttled: 1000, other: 200 }
const longestRetryAfter = 30_000

/** Tags of events after which a call is not begun at the time that was planned. */
const delays = new Set(["CallQueued"])

const checkWait = (call: CallView, times: number, i: number, report: Report): void => {
  const { deadline, events, name, what } = call
  const retry = events[i]!
  if (retry.event._tag !== "RetryScheduled") return
  const { event: { attempt, wait } } = retry
  if (ofTag(events.slice(0, i), "AttemptEnded").length <= times) report(`${what} is to be retried and was not tried`)
  if (times >= retriesOf(name)) report(`G5: ${what} is retried ${times + 1} times`)
  if (retry.at + wait >= deadline) report(`G8: ${what} is to be retried when no time is left`)
  // where an open circuit refused, the failure is no attempt's; hedged attempts fail one after the other
  const last = events.slice(0, i).findLast(({ event }) =>
    event._tag !== "CircuitOpened" && event._tag !== "CallReconciled"
  )
  if (last?.event._tag === "AttemptEnded" && name !== "slow") {
    const asked = last.event.failure?.retryAfter ?? 0
    const most = Math.max(
      asked,
      (last.event.failure?.reason === "RateLimited" ? bases.throttled : bases.other) * 2 ** times
    )
    if (wait < asked) report(`G7: ${what} waits ${wait} ms, asked were ${asked}`)
    if (wait > most) report(`G7: ${what} waits ${wait} ms, at most ${most}`)
  }
  const next = events.slice(i + 1).find(({ event }) => event._tag === "AttemptStarted" || delays.has(event._tag))
  const begun = next?.event._tag === "AttemptStarted" && next.event.attempt === attempt ? next.at : undefined
  // a rate is asked for in turn, which is no event
  if (begun !== undefined && begun !== retry.at + wait && name !== "limited") {
    report(`G7: ${what} is tried again at ${begun}, planned was ${retry.at + wait}`)
  }
}

/** A failure that may go away is retried where that is safe, in time and within the budgets. */
const checkGivenUp = (call: CallView, report: Report): void => {
  const { events, name, what } = call
  if (name === "slow") return
  const retries = ofTag(events, "RetryScheduled").length
  const [last, next] = events.slice(-2)
  if (last?.event._tag !== "AttemptEnded" || next?.event._tag !== "ToolCallAnswered") return
  const { failure } = last.event
  if (failure === undefined || has(events, "FallbackStarted") || next.event.failure?.reason === "Cancelled") return
  const repeatable = failure.kind === "transient" || (failure.kind === "unknown" && retries === 0)
  const safe = name !== "pay" || !failure.executed
  if (repeatable && safe && retries < retriesOf(name)) report(`${what} was given up after "${failure.message}"`)
}

/** What the last failure asked for is told, where it is that of the answer. */
const checkTold = ({ answer: { failure }, executions, name, what }: CallView, report: Report): void => {
  const last = executions.at(-1)
  if (last?.finished !== true || last.tool !== name || failure?.reason !== "RateLimited" || name === "limited") return
  // of two attempts that overlap, the one that began last need not be the one that failed last
  if (name === "slow") return
  if (last.fate !== "throttled" && last.fate !== "distant") return
  const asked = retryAfter[last.fate]
  if (failure.retryAfter !== asked) report(`${what} asked for ${asked} ms, the answer says ${failure.retryAfter}`)
}

/** Waits are within their bounds, what was to begin then began, and what could be tried again was. */
export const checkWaits = ({ calls, noted, plan, undisturbed }: View, report: Report): void => {
  for (const { event: { left } } of ofTag(noted, "RetryScheduled")) {
    if (left < 0 || left >= plan.limits.retries) {
      report(`G5: ${left} of ${plan.limits.retries} retries are said to be left`)
    }
  }
  for (const { event: { why }, position } of ofTag(noted, "RetryRefused")) {
    const spent = ofTag(noted.slice(0, position), "RetryScheduled").length
    if (why === "run" && spent < plan.limits.retries) report(`G5: a retry is refused, ${spent} are spent`)
  }
  for (const call of calls) {
    let times = 0
    for (const [i, { event }] of call.events.entries()) {
      if (event._tag === "RetryScheduled") checkWait(call, times++, i, report)
      const before = call.events[i - 1]?.event
      if (event._tag !== "RetryRefused" || before?._tag !== "AttemptEnded" || call.name === "slow") continue
      const isLong = (before.failure?.retryAfter ?? 0) > longestRetryAfter
      if (isLong !== (event.why === "retryAfter")) report(`G7: ${call.what} is not retried, because of "${event.why}"`)
    }
    if (undisturbed) checkGivenUp(call, report)
    checkTold(call, report)
  }
}

/** Only slow ones, while retries are left, and without waiting; a stand-in only where a failure may go away. */
export const checkExtras = ({ calls, noted, plan: { limits: { retries } } }: View, report: Report): void => {
  for (const { at } of ofTag(noted, "HedgeStarted")) {
    // at one instant they may have been decided in any order
    const left = retries - ofTag(noted, "RetryScheduled").filter((one) => one.at < at).length
    if (left < retries / 2) report(`a call was hedged with ${left} of ${retries} retries left`)
  }
  for (const { events, name, what } of calls) {
    for (const [i, { event }] of events.entries()) {
      if (event._tag === "HedgeStarted") {
        if (name !== "slow") report(`${what} was hedged`)
        if (events[i + 1]?.event._tag === "CallQueued") report(`${what} waits with its second attempt`)
      }
      if (event._tag === "FallbackStarted" && event.failure.kind !== "transient") {
        report(`${event.tool} stands in for ${what}, which failed: ${event.failure.kind}`)
      }
    }
  }
}
