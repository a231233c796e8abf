/**
 * What each law asks of a world, judged by what the handlers saw and by the journals.
 *
 * @internal
 */
import type * as Tool from "effect/ai/Tool"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Check from "../../../Check.ts"
import { canonicalArguments } from "../../../internal/canonicalJson.ts"
import * as Limits from "../../../Limits.ts"
import type * as RunEvent from "../../../RunEvent.ts"
import * as RunState from "../../../RunState.ts"
import * as ToolPolicy from "../../../ToolPolicy.ts"
import type { Execution } from "./subject.ts"
import type { Seen, SeenRun } from "./world.ts"

/** What is wrong in a run; the whole world is there to compare with. @internal */
export type Oracle = (run: SeenRun, seen: Seen) => ReadonlyArray<string>

const nameOf = ({ call, tool }: Execution): string => `call ${call.index} of turn ${call.turn} (${tool})`

/** The executions of each call by each tool: a fallback is another tool. */
const byCall = (executions: ReadonlyArray<Execution>): ReadonlyArray<ReadonlyArray<Execution>> =>
  Array.from(Map.groupBy(executions, ({ args, call, tool }) => `${call.turn}.${call.index} ${tool} ${args}`).values())

const policies = (tools: ReadonlyArray<Tool.Any>): ReadonlyMap<string, ToolPolicy.Policy> => {
  const all = new Map<string, ToolPolicy.Policy>()
  const add = (tool: Tool.Any): void => {
    const policy = ToolPolicy.get(tool)
    if (policy.fallback !== undefined) add(policy.fallback)
    all.set(tool.name, policy)
  }
  for (const tool of tools) add(tool)
  return all
}

const policyOf = (seen: Seen, tool: string): ToolPolicy.Policy => policies(seen.tools).get(tool) ?? {}

const ofTag = <Tag extends RunEvent.RunEvent["_tag"]>(
  events: ReadonlyArray<RunEvent.RunEvent>,
  tag: Tag
): ReadonlyArray<RunEvent.Of<Tag>> => events.filter((event): event is RunEvent.Of<Tag> => event._tag === tag)

/** The violations of some guarantees that the journal shows. @internal */
export const guarantees = (...wanted: ReadonlyArray<Check.Violation["guarantee"]>): Oracle => ({ events }) =>
  Check.all(events)
    .filter(({ guarantee }) => wanted.length === 0 || wanted.includes(guarantee))
    .map(({ event, guarantee, message }) => `${guarantee}, event ${event}: ${message}`)

/** @internal */
export const permanentNotRetried: Oracle = ({ executions }, seen) =>
  byCall(executions).flatMap((all) => {
    const gone = all.find(({ failed }) => failed?.kind === "permanent")
    if (gone === undefined) return []
    const after = all.filter(({ from }) => from > gone.to!)
    // a hedge may have been on its way
    const spared = policyOf(seen, gone.tool).hedge === undefined ? 0 : 1
    return after.length <= spared ? [] : [`${nameOf(gone)} failed for good and is executed ${after.length} times more`]
  })

const defaultRetries = 2

/** Executions of a call by its policy; a schedule of the user's has no number. */
const mostOf = ({ hedge, retry }: ToolPolicy.Policy): number => {
  const times = retry === undefined ? defaultRetries : "times" in retry ? retry.times : Number.POSITIVE_INFINITY
  return (1 + times) * (hedge === undefined ? 1 : 2)
}

/** What nobody classified is tried once more. */
const mostUnknown = 2

/** @internal */
export const attemptsBounded: Oracle = ({ events, executions }, seen) => {
  const allowed = ofTag(events, "RunStarted")[0]?.limits.retries ?? 0
  const retried = ofTag(events, "RetryScheduled").length
  return [
    ...byCall(executions).flatMap((all) => {
      const most = mostOf(policyOf(seen, all[0]!.tool))
      return all.length <= most ? [] : [`${nameOf(all[0]!)} is executed ${all.length} times, its policy allows ${most}`]
    }),
    ...byCall(executions).flatMap((all) => {
      const unknown = all.filter(({ failed }) => failed?.kind === "unknown")
      const more = all.filter(({ from }) => from > (unknown.at(mostUnknown - 1)?.to ?? Number.POSITIVE_INFINITY))
      return more.length === 0 || policyOf(seen, all[0]!.tool).hedge !== undefined
        ? []
        : [`${nameOf(all[0]!)} is executed again after it failed ${unknown.length} times for reasons unknown`]
    }),
    ...(retried <= allowed ? [] : [`the calls are retried ${retried} times, the run allows ${allowed}`])
  ]
}

/** Waits of the default schedule, in milliseconds. */
const backoff = { base: 200, throttled: 1000, cap: 5000 }

/** The longest wait that is kept where a failure asks for it, in milliseconds. */
const longestAsked = 30_000

const throttled = new Set(["RateLimited", "Overloaded"])

const isOfCall = (one: { readonly turn: number; readonly index: number }, other: typeof one): boolean =>
  one.turn === other.turn && one.index === other.index

/** The most that the default schedule waits before an attempt, after the retries before it. */
const longestBackoff = (events: ReadonlyArray<RunEvent.RunEvent>, retry: RunEvent.Of<"RetryScheduled">): number => {
  const before = events.slice(0, events.indexOf(retry))
  const { failure } = ofTag(before, "AttemptEnded").findLast((ended) => isOfCall(ended, retry)) ?? {}
  const retried = ofTag(before, "RetryScheduled").filter((other) => isOfCall(other, retry)).length
  const base = throttled.has(failure?.reason ?? "") ? backoff.throttled : backoff.base
  return Math.min(backoff.cap, base * 2 ** retried)
}

/** @internal */
export const waitsBounded: Oracle = ({ events, executions }, seen) => {
  const lastOf = (one: { readonly turn: number; readonly index: number; readonly at: number }): Execution | undefined =>
    executions.findLast(({ call, end }) => isOfCall(call, one) && end !== undefined && end <= one.at)
  const planned = ofTag(events, "RetryScheduled").flatMap((retry) => {
    const before = lastOf(retry)
    if (before === undefined) return []
    const { hedge, retry: schedule } = policyOf(seen, before.tool)
    // of two attempts at once it is not known here which failure was waited for
    if (hedge !== undefined || (schedule !== undefined && !("times" in schedule))) return []
    const asked = before.failed?.retryAfter ?? 0
    const longest = Math.max(longestBackoff(events, retry), asked)
    return retry.wait <= longest ? [] : [`${nameOf(before)} waits ${retry.wait} ms, at most were to be ${longest}`]
  })
  const given = ofTag(events, "RetryRefused").flatMap((refused) => {
    const before = lastOf(refused)
    return refused.why !== "retryAfter" || before?.failed === undefined || before.failed.retryAfter > longestAsked
      ? []
      : [`${nameOf(before)} is not tried again although it asked for ${before.failed.retryAfter} ms only`]
  })
  const early = byCall(executions).flatMap((all) =>
    all.slice(1).flatMap((next, i) => {
      const before = all[i]!
      if (
        before.failed === undefined || before.to! > next.from || policyOf(seen, next.tool).hedge !== undefined
      ) return []
      const waited = next.start - before.end!
      const asked = before.failed.retryAfter
      return waited >= asked ? [] : [`${nameOf(next)} is executed again after ${waited} ms, asked were ${asked}`]
    })
  )
  return [...planned, ...given, ...early]
}

/** Whether an execution may have changed something. */
const mayHaveActed = ({ failed }: Execution): boolean => failed === undefined || failed.executed

/** @internal */
export const effectfulOnce: Oracle = ({ executions }, seen) => {
  const classes = new Map(seen.tools.map((tool) => [tool.name, ToolPolicy.effectClass(tool)]))
  return byCall(executions).flatMap((all) => {
    const { tool } = all[0]!
    if (classes.get(tool) !== "effectful" || policyOf(seen, tool).reconcile !== undefined) return []
    const again = all.find((next, i) => all.slice(0, i).some(mayHaveActed) && next !== all[0])
    return again === undefined ? [] : [`${nameOf(again)} is executed again although it may have taken effect`]
  })
}

/** @internal */
export const answeredOnceInOrder: Oracle = ({ events }) => {
  const kept = new Set(ofTag(events, "TurnClosed").map(({ request, turn }) => `${turn}.${request}`))
  const isKept = ({ request, turn }: { readonly turn: number; readonly request: number }) =>
    kept.has(`${turn}.${request}`)
  const answers = Map.groupBy(
    ofTag(events, "ToolCallAnswered").filter(isKept),
    ({ index, request, turn }) => `${turn}.${request}.${index}`
  )
  return ofTag(events, "ToolCallRequested").filter(isKept).flatMap(({ index, name, request, turn }) => {
    const count = answers.get(`${turn}.${request}.${index}`)?.length ?? 0
    return count === 1 ? [] : [`call ${index} of turn ${turn} (${name}) is answered ${count} times`]
  })
}

/** Executions of one call have one key, of two calls two. @internal */
export const oneKeyPerCall: Oracle = ({ executions }) => {
  const places = Map.groupBy(executions, ({ call }) => `${call.turn}.${call.index}`)
  const split = Array.from(places.values()).flatMap((all) => {
    const other = all.find(({ args, call }) =>
      args === all[0]!.args && call.idempotencyKey !== all[0]!.call.idempotencyKey
    )
    return other === undefined ? [] : [`${nameOf(other)} has another idempotency key at attempt ${other.call.attempt}`]
  })
  const keys = Map.groupBy(executions, ({ call }) => call.idempotencyKey)
  const shared = Array.from(keys.values()).flatMap((all) => {
    const other = all.find(({ call }) => !isOfCall(call, all[0]!.call))
    return other === undefined ? [] : [`${nameOf(other)} has the idempotency key of ${nameOf(all[0]!)}`]
  })
  return [...split, ...shared]
}

/** What a handler that does not end is given when it is interrupted, in milliseconds. */
const grace = 50

/** Of an attempt, in milliseconds. */
const defaultTimeout = 30_000

/** @internal */
export const deadlineKept: Oracle = ({ events, executions, took }, seen) => {
  const { at: started = 0, limits } = ofTag(events, "RunStarted")[0] ?? {}
  const deadline = limits?.deadline ?? Number.POSITIVE_INFINITY
  const suspended = ofTag(events, "ApprovalRequested").length > 0
  const toolsUntil = started + (limits === undefined ? Number.POSITIVE_INFINITY : Limits.toolsUntil(limits))
  const idle = suspended ? [] : ofTag(events, "RetryScheduled").filter(({ at, wait }) => at + wait >= toolsUntil)
  const late = suspended ? [] : executions.filter(({ start }) => start >= started + deadline)
  const abandoned = ofTag(events, "AttemptAbandoned")
  const long = executions.filter(({ call, end = Number.POSITIVE_INFINITY, start, tool }) => {
    const { timeout = defaultTimeout } = policyOf(seen, tool)
    return end > Math.min(call.deadline, start + Duration.toMillis(Duration.fromInputUnsafe(timeout)))
      && !abandoned.some((one) => isOfCall(one, call) && one.attempt === call.attempt)
  })
  const generous = suspended ? [] : executions.filter(({ call }) => call.deadline > toolsUntil)
  return [
    ...long.map((execution) => `${nameOf(execution)} is still executed when its time is over`),
    ...generous.map((execution) => `${nameOf(execution)} is given more time than the run has`),
    ...(suspended || took <= deadline + grace ? [] : [`the run takes ${took} ms, its deadline is ${deadline} ms`]),
    ...idle.map(({ index, turn }) => `call ${index} of turn ${turn} waits for an attempt that has no time left`),
    ...late.map((execution) => `${nameOf(execution)} is begun ${execution.start - started} ms after the start`)
  ]
}

/** @internal */
export const cancelLeavesTranscript: Oracle = ({ events, executions }) => {
  const { phase, transcript } = events.reduce(RunState.apply, RunState.initial)
  if (events.length === 0) return []
  return [
    ...(phase === "ended" ? [] : [`the journal ends while the run is ${phase}`]),
    ...Check.transcript(transcript).map(({ guarantee, message }) => `${guarantee}: ${message}`),
    ...executions.filter(({ end }) => end === undefined).map((one) => `${nameOf(one)} still runs`)
  ]
}

/** What a cache may keep of an execution: its result, or that it failed for good. */
const isKept = ({ done, failed }: Execution): boolean => done || failed?.kind === "permanent"

/** @internal */
export const cacheKeepsTenants: Oracle = ({ events, executions }) => {
  const asked = ofTag(events, "ToolCallRequested")
  const argsOf = (turn: number, index: number): ReadonlyArray<string> =>
    asked.filter((call) => call.turn === turn && call.index === index).map(({ params }) => canonicalArguments(params))
  return ofTag(events, "CacheHit").flatMap(({ at, index, request, turn }) => {
    const call = asked.find((one) => one.turn === turn && one.request === request && one.index === index)
    const own = executions.some((one) =>
      one.tool === call?.name && isKept(one) && one.end !== undefined && one.end <= at
      && argsOf(one.call.turn, one.call.index).includes(canonicalArguments(call.params))
    )
    return own
      ? []
      : [`call ${index} of turn ${turn} (${call?.name}) has a result from the cache that its tenant never asked for`]
  })
}

/** A run fails in the ways that its type says; it has no bugs. @internal */
export const neverDies: Oracle = ({ exit }) => {
  if (!Exit.hasDies(exit)) return []
  const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return [`the run dies: ${Predicate.isError(defect) ? defect.message : String(defect)}`]
}
