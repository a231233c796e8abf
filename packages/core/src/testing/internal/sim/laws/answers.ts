/**
 * What the model is told.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { canonicalArguments, canonicalJson } from "../../../../internal/canonicalJson.ts"
import { bytesOf } from "../../../../internal/size.ts"
import * as ResultStore from "../../../../ResultStore.ts"
import { marks, type Member } from "../cast.ts"
import { resultOf } from "../handlers.ts"
import {
  type CallView,
  has,
  isDeaf,
  nameOf,
  ofTag,
  type Report,
  saysNothingHappened,
  toOf,
  type View
} from "../view.ts"
import type { Execution } from "../world.ts"

const millis = (input: Duration.Input | undefined): number => input === undefined ? 0 : Duration.toMillis(input)

const gaveResult = ({ failure, finished }: Execution): boolean => finished && failure === undefined

const final: ReadonlySet<unknown> = new Set(["permanent", "defect", "fatal"])

const gavePermanent = ({ failure, finished }: Execution): boolean => finished && failure?.kind === "permanent"

/** Equal reads share one execution, and what is fresh in the cache is not read again. @internal */
export const checkReads = ({ calls, noted, whole, world }: View, report: Report): void => {
  if (!whole) return
  const told = ofTag(noted, "AttemptEnded")
  const equal = Map.groupBy(
    calls.filter(({ member }) => member?.effectClass === "readonly"),
    ({ name, params }) => `${name} ${canonicalArguments(params)}`
  )
  const isStruck = world.processes.some(({ strike }) => strike?.at === "cache")
  for (const same of equal.values()) {
    const [{ member, name } = { member: undefined, name: "" }] = same
    const { cache } = member!.policy
    const reads = same.flatMap(({ executions }) => executions).filter(({ tool }) => tool === name)
    for (const read of reads) {
      const end = told.find(({ event }) =>
        event.turn === read.turn && event.index === read.index && event.attempt === read.attempt
      )
      const lasts = gaveResult(read) && end !== undefined && end.event.failure === undefined
        ? millis(cache?.timeToLive)
        : gavePermanent(read) && end?.event.failure?.kind === "permanent"
        ? millis(cache?.failures)
        : 0
      for (const later of reads) {
        if (later.from <= read.from || (later.index === read.index && later.turn === read.turn)) continue
        if (later.turn === read.turn && !isDeaf(read) && later.from <= toOf(read)) {
          report("G5", `${nameOf(later)} ran beside ${nameOf(read)}, which is equal`, later.from)
        }
        const age = later.start - (end?.at ?? Number.NEGATIVE_INFINITY)
        if (age >= 0 && age < lasts && !isStruck) {
          report("G5", `${nameOf(later)} was read again, ${age} ms after ${nameOf(read)}`, later.from)
        }
      }
    }
  }
}

const checkHits = (call: CallView, { policy: { cache } }: Member, report: Report): void => {
  const { answer, events, executions, what } = call
  for (const { event: { age, stale }, position } of ofTag(events, "CacheHit")) {
    const fresh = millis(cache?.timeToLive)
    const limit = stale ? fresh + millis(cache?.staleIfError) : answer.ok ? fresh : millis(cache?.failures)
    if (stale && executions.some(({ failure, finished }) => finished && final.has(failure?.kind))) {
      report("G3", `${what} failed for good and is given what is old`, position)
    }
    if (age >= limit) report("G2", `${what} was given what is ${age} ms old, limit ${limit}`, position)
    if (!stale && !answer.ok && answer.failure?.kind !== "permanent") {
      report("G3", `${what} is answered with a ${answer.failure?.kind} failure from the cache`, position)
    }
    if (stale && answer.ok && !String(answer.result).includes("from the cache")) {
      report("G2", `${what} does not say that it is old`, position)
    }
  }
}

const textOf = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value) ?? ""

const markIn = (text: string): string | undefined => text.match(marks)?.[0]

/** The result is one that the call may have: of this run, tool and arguments. */
const checkSource = (view: View, call: CallView, member: Member, report: Report): void => {
  const { answer, answered, events, name, params, turn, what } = call
  const text = textOf(answer.result)
  const found = Array.from(text.matchAll(marks), ([, run, turn, index]) => [run, turn, index].map(Number))
  for (const [ofRun, ofTurn = 0, index] of found) {
    const source = view.calls.find((one) => one.turn === ofTurn && one.index === index)
    const isSame = source !== undefined && canonicalArguments(source.params) === canonicalArguments(params)
    if (ofRun !== view.number || (source !== undefined && (source.name !== name || !isSame))) {
      report("G2", `${what} is answered "${text.slice(0, 40)}", which is the result of another call`, answered)
    } else if (ofTurn !== turn || index !== call.index) {
      const joined = ofTag(events, "CallJoined").at(-1)
      const leader = view.calls.find((one) => one.turn === turn && one.index === joined?.event.leader)
      const isShared = leader !== undefined && textOf(leader.answer.result).includes(markIn(text) ?? "")
      if (!has(events, "CacheHit") && !isShared) {
        report("G2", `${what} is answered with the result of call ${ofTurn}.${index}`, answered)
      }
    }
  }
  const last = call.executions.at(-1)
  if (last !== undefined && last.tool !== name && gaveResult(last) && !has(events, "CacheHit")) {
    if (!text.includes(`from "${last.tool}"`)) {
      report("G2", `${what} does not say that its result is from ${last.tool}`, answered)
    }
  }
  if (answer.attempts === 0 && member.effectClass !== "readonly") {
    report("G1", `${what} was answered without an attempt`, answered)
  }
  const acted = call.effects.length > 0 || member.effectClass === "readonly"
  const isReconciled = ofTag(events, "CallReconciled").some(({ event }) => event.executed)
  const byAnother = call.executions.some(({ tool }) => tool !== name)
  if (!view.world.own && !acted && !isReconciled && !byAnother) {
    report("G4", `${what} is answered well and has not taken effect`, answered)
  }
}

const saysOpen = /unknown|verify|may have taken effect/i
const saysNothing = /not executed|nothing was executed/i

/** What is told of a failure is true. */
const checkFailure = (view: View, call: CallView, member: Member, report: Report): void => {
  const { answer: { attempts, failure, result }, answered, effects, events, executions, what } = call
  if (failure === undefined) return report("G1", `${what} has failed and does not say why`, answered)
  const text = String(result)
  const reconciled = (one: Execution): boolean =>
    one.acted === undefined
    && events.some(({ event, position }) =>
      event._tag === "CallReconciled" && !event.executed && position >= (one.to ?? 0)
    )
  const open = executions.filter((one) => !saysNothingHappened(one) && !reconciled(one))
  if (!failure.executed && open.length > 0) {
    report("G4", `${what} was executed and is said not to have been`, answered)
  }
  if (saysNothing.test(text) && open.length > 0) {
    report("G4", `${what} was executed and the model reads that it was not`, answered)
  }
  const isDefect = executions.length > 0 && executions.every((one) => one.finished && one.failure?.kind !== "defect")
  if (failure.kind === "defect" && isDefect && !view.world.own && !has(events, "CallJoined")) {
    report("G17", `${what} has an internal error: ${failure.message}`, answered)
  }
  const isEffectful = member.effectClass === "effectful"
  const unclear = open.some((one) => !gavePermanent(one) && one.failure?.kind !== "fatal")
  // of a system that knows its keys the last word counts
  const isSettled = member.effectClass === "idempotent" && executions.at(-1)?.failure?.kind === "permanent"
  if (((isEffectful && unclear) || (effects.length > 0 && !isSettled)) && !saysOpen.test(text)) {
    const happened = effects.length > 0 ? "took effect" : "may have taken effect"
    report("G4", `${what} ${happened}, the model reads "${text}"`, answered)
  }
  if (attempts === 0 && executions.length === 0 && saysOpen.test(text) && isEffectful) {
    report("G4", `${what} was not executed, the model reads "${text}"`, answered)
  }
}

/** What cannot be run is answered with the reason, and not run. */
const checkRefused = (view: View, call: CallView, report: Report): void => {
  const { answer: { failure }, answered, decoded, events, executions, index, member, name, params, what } = call
  const expected = index >= view.limits.toolCallsPerTurn
    ? "FailedPrecondition"
    // the tool of the structured output is not in the cast
    : member === undefined
    ? name === call.planned?.tool ? "NotFound" : undefined
    : Option.isNone(decoded)
    ? "InvalidArguments"
    : undefined
  if (expected !== undefined) {
    if (executions.length > 0) report("G1", `${what} was run with ${JSON.stringify(params)}`, answered)
    // unless nothing at all is run any more
    if (![expected, "FailedPrecondition", "Cancelled"].includes(failure?.reason ?? "")) {
      report("G1", `${what} should be refused (${expected}) and is answered ${failure?.reason}`, answered)
    }
  }
  const [decided] = ofTag(events, "ApprovalDecided")
  if (decided?.event.approved === false && executions.length > 0) {
    report("T13", `${what} was run although it was not approved`, answered)
  }
}

const mostOfTurn = 128 * 1024
const mostOfResult = 32 * 1024

/** Held back for calls that may still come. */
const mostReserve = 32 * 1024

/** What the handlers of a call gave, as the model would read it where it is not cut. */
const wholes = (
  { number }: View,
  { executions, index, planned, turn }: CallView,
  member: Member
): ReadonlyArray<string> =>
  executions.filter(gaveResult).flatMap(({ fate }) => {
    const given = resultOf(member, planned, fate, number, turn, index)
    return given === undefined ? [] : [textOf(given)]
  })

const isSame = (left: string, right: string): boolean => {
  if (left === right) return true
  try {
    return canonicalJson(JSON.parse(left)) === canonicalJson(JSON.parse(right))
  } catch {
    return false
  }
}

/** Results are bounded, and what was cut is kept as a whole. */
const checkSize = (view: View, call: CallView, member: Member, ofTurn: number, report: Report): void => {
  const { answer, answered, what } = call
  const text = textOf(answer.result)
  const size = Buffer.byteLength(text)
  const { maxResultSize } = member.policy
  const limit = maxResultSize === undefined ? mostOfResult : bytesOf(maxResultSize)
  if (size > limit) report("G11", `${what} is answered in ${size} bytes, limit ${limit}`, answered)
  const hasOwnText = member.tool.toModelOutput !== undefined
  const [whole] = wholes(view, call, member)
  if (!answer.ok || view.world.own || whole === undefined || hasOwnText || has(call.events, "CacheHit")) return
  const isCut = text.includes("bytes left out")
  const kept = answer.handle === undefined
    ? undefined
    : view.world.results.get(ResultStore.key(view.run.plan.tenant, answer.handle))
  const isStruck = view.world.processes.some(({ strike }) => strike?.at === "store")
  if (isCut && !isStruck && (kept === undefined || !isSame(kept, whole))) {
    report("G11", `${what} was cut and the whole is not kept`, answered)
  }
  if (isCut && size < limit / 2 && limit * ofTurn + mostReserve <= mostOfTurn) {
    report("G11", `${what} was cut to ${size} bytes, limit ${limit}`, answered)
  }
}

/** @internal */
export const checkAnswers = (view: View, report: Report): void => {
  const turns = Map.groupBy(view.calls, ({ turn }) => turn)
  for (const call of view.calls) {
    const { answer, answered, events, member, turn, what } = call
    checkRefused(view, call, report)
    if (member === undefined) continue
    checkHits(call, member, report)
    if (answer.ok) checkSource(view, call, member, report)
    else checkFailure(view, call, member, report)
    checkSize(view, call, member, turns.get(turn)?.length ?? 0, report)
    if (!has(events, "CallJoined") && view.whole && answer.attempts !== ofTag(events, "AttemptStarted").length) {
      report("G1", `${what} says that it was tried ${answer.attempts} times`, answered)
    }
  }
  for (const [turn, calls] of turns) {
    const size = calls.filter(({ answer }) => answer.ok).reduce(
      (sum, { answer }) => sum + Buffer.byteLength(textOf(answer.result)),
      0
    )
    // what another process answered has a room of its own
    if (view.whole && size > mostOfTurn) {
      report("G11", `turn ${turn} is answered in ${size} bytes`, calls.at(-1)!.answered)
    }
  }
}
