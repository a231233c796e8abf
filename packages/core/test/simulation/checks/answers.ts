import { policies } from "../plan.ts"
import { type Execution, resultOf } from "../tools.ts"
import {
  type CallView,
  ended,
  has,
  isDeaf,
  nameOf,
  ofTag,
  type Report,
  saysNothingHappened,
  toOf,
  type View
} from "../view.ts"

const gaveResult = ended(new Set(["ok", "slow"]))
const gavePermanent = ended(new Set(["permanent"]))

/** Equal reads share one execution, and what is fresh in the cache is not read again. */
export const checkReads = ({ calls, executions, noted }: View, report: Report): void => {
  const reads = executions.filter(({ tool }) => tool === "read")
  const told = ofTag(noted, "AttemptEnded")
  for (const read of reads) {
    const end = told.find(({ event }) =>
      event.turn === read.turn && event.index === read.call && event.attempt === read.attempt
    )
    const lasts = gaveResult(read) && end?.event.failure === undefined
      ? policies.read.timeToLive
      : gavePermanent(read)
      ? policies.read.failures
      : 0
    for (const later of reads) {
      if (later.from <= read.from || later.item !== read.item || later.call === read.call && later.turn === read.turn) {
        continue
      }
      if (later.turn === read.turn && !isDeaf(read) && later.from <= toOf(read)) {
        report(`${nameOf(later)} ran beside ${nameOf(read)}, which is equal`)
      }
      const age = later.start - (end?.at ?? Number.NEGATIVE_INFINITY)
      if (age >= 0 && age < lasts) report(`${nameOf(later)} was read again, ${age} ms after ${nameOf(read)}`)
    }
  }
  for (const call of calls) {
    for (const { event: { age, stale } } of ofTag(call.events, "CacheHit")) {
      const limit = stale
        ? policies.read.timeToLive + policies.read.staleIfError
        : call.answer.ok
        ? policies.read.timeToLive
        : policies.read.failures
      if (stale && call.executions.some(gavePermanent)) report(`${call.what} failed for good and is given what is old`)
      if (age >= limit) report(`${call.what} was given what is ${age} ms old, limit ${limit}`)
      if (!stale && !call.answer.ok && call.answer.failure?.kind !== "permanent") {
        report(`${call.what} is answered with a ${call.answer.failure?.kind} failure from the cache`)
      }
      if (stale && !String(call.answer.result).includes("from the cache")) {
        report(`${call.what} does not say that it is old`)
      }
    }
  }
}

const sourceOf = (result: string): number => Number(/^[^#]*#(\d+);/.exec(result)?.[1] ?? "-1")

/** The execution that a result is of is one that the call may have it from. */
const checkSource = (
  { calls, executions, plan }: View,
  call: CallView,
  report: Report
): void => {
  const { answer, events, name, params, what } = call
  const text = String(answer.result)
  const source = executions.find(({ id }) => id === sourceOf(text))
  const expected = source === undefined ? "" : resultOf(source).slice(0, 100)
  if (source === undefined || !text.startsWith(expected) || source.item !== params?.item || source.n !== params.n) {
    return report(`G2: ${what} of ${plan.tenant} is answered "${text.slice(0, 40)}"`)
  }
  if (source.tool !== name && (source.tool !== "spare" || !text.includes("from \"spare\""))) {
    report(`${what} does not say that its result is from ${source.tool}`)
  }
  const hit = ofTag(events, "CacheHit").at(-1)
  const joined = ofTag(events, "CallJoined").at(-1)
  if (hit !== undefined) {
    const age = hit.at - endAt(source)
    if (age !== hit.event.age) report(`${what} was given what is ${age} ms old, said to be ${hit.event.age}`)
  } else if (joined === undefined ? source.call !== call.index : false) {
    report(`G2: ${what} is answered with the result of ${nameOf(source)}`)
  } else if (source.turn !== call.turn && !leads(calls, call, joined?.event.leader, source)) {
    report(`G2: ${what} is answered with the result of ${nameOf(source)}`)
  }
}

const endAt = ({ committed, end }: Execution): number => end ?? committed ?? Number.NaN

/** Whether the call that was joined had the result from the cache. */
const leads = (calls: View["calls"], call: CallView, leader: number | undefined, source: Execution): boolean =>
  calls.some((one) =>
    one.turn === call.turn && one.index === leader && String(one.answer.result).includes(`#${source.id};`)
  )

/** What is told of a failure is true. */
const checkFailure = (call: CallView, report: Report): void => {
  const { answer: { failure, result }, events, executions, name, what } = call
  if (failure === undefined) return report(`${what} has failed and does not say why`)
  const text = String(result)
  const reconciled = (one: Execution): boolean =>
    one.committed === undefined
    && events.some(({ event, position }) => event._tag === "CallReconciled" && !event.executed && position >= toOf(one))
  const open = executions.filter((one) => !saysNothingHappened(one) && !reconciled(one))
  if (!failure.executed && open.length > 0) report(`${what} was executed and is said not to have been`)
  const saysSo = /not executed|nothing was executed/.test(text)
  if (saysSo && open.length > 0) report(`${what} was executed and the model reads that it was not`)
  if (failure.kind === "defect" && !executions.some(({ fate }) => fate === "die") && name !== "read") {
    report(`${what} has an internal error: ${failure.message}`)
  }
  if (
    name === "pay" && open.some((one) => !gavePermanent(one) && one.fate !== "fatal") && !/unknown|verify/i.test(text)
  ) {
    report(`${what} may have taken effect, the model reads "${text}"`)
  }
}

/** What cannot be run is answered with the reason, and not run. */
const checkRefused = (
  { answer, executions, index, name, params, turn, what }: CallView,
  view: View,
  report: Report
): void => {
  const planned = view.plan.turns[turn - 1]?.[index]
  const { failure } = answer
  const expected = index >= 8
    ? "FailedPrecondition"
    : name === "missing"
    ? "NotFound"
    : planned?.broken !== undefined
    ? "InvalidArguments"
    : undefined
  if (expected === undefined) return
  if (executions.length > 0) report(`${what} was run with ${JSON.stringify(params)}`)
  // unless nothing at all is run any more
  if (![expected, "FailedPrecondition", "Cancelled"].includes(failure?.reason ?? "")) {
    report(`${what} should be refused (${expected}) and is answered ${failure?.reason}`)
  }
}

const mostOfTurn = 128 * 1024
const mostOfResult = 32 * 1024

export const checkAnswers = (view: View, report: Report): void => {
  const sizes = new Map<number, number>()
  for (const call of view.calls) {
    const { answer, events, executions, name, what } = call
    if (answer.ok) checkSource(view, call, report)
    else checkFailure(call, report)
    checkRefused(call, view, report)
    if (answer.ok && answer.attempts === 0 && name !== "read") report(`${what} was answered without an attempt`)
    if (!has(events, "CallJoined") && answer.attempts !== ofTag(events, "AttemptStarted").length) {
      report(`${what} was tried ${executions.length} times and says ${answer.attempts}`)
    }
    const text = String(answer.result)
    const size = Buffer.byteLength(text)
    if (answer.ok) sizes.set(call.turn, (sizes.get(call.turn) ?? 0) + size)
    const limit = name === "big" ? policies.big.maxResultSize : mostOfResult
    if (size > limit) report(`${what} is answered in ${size} bytes, limit ${limit}`)
    const source = view.executions.find(({ id }) => id === sourceOf(text))
    if (source === undefined || !answer.ok || (name !== "big" && name !== "huge")) continue
    const whole = resultOf(source)
    const isCut = !text.startsWith(whole)
    const kept = answer.handle === undefined ? undefined : view.run.kept.get(answer.handle)
    if (isCut && kept !== whole) report(`${what} was cut and the whole is not kept`)
    if (isCut && size < limit / 2 && name === "big") report(`${what} was cut to ${size} bytes, limit ${limit}`)
  }
  for (const [turn, size] of sizes) {
    if (size > mostOfTurn) report(`turn ${turn} is answered in ${size} bytes`)
  }
}
