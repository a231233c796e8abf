import { Check, type RunEvent, RunState } from "@volley/core"
import { Cause, Exit } from "effect"
import { policies } from "./plan.ts"
import { type Execution, resultOf, type Seen, type SeenRun } from "./world.ts"

type Report = (message: string) => void

const grace = 50

const ofTag = <Tag extends RunEvent.RunEvent["_tag"]>(run: SeenRun, tag: Tag): ReadonlyArray<RunEvent.Of<Tag>> =>
  run.events.filter((event): event is RunEvent.Of<Tag> => event._tag === tag)

const endOf = ({ end }: Execution): number => end ?? Number.POSITIVE_INFINITY

/** Two executions that are under way at one time, for longer than an instant. */
const overlap = (one: Execution, other: Execution): boolean => one.start < endOf(other) && other.start < endOf(one)

const name = ({ call, tool, turn }: Execution): string => `${tool} ${turn}.${call}`

const sameCall = (one: Execution, other: Execution): boolean => one.turn === other.turn && one.call === other.call

const byCall = (executions: ReadonlyArray<Execution>) =>
  Map.groupBy(executions, ({ call, tenant, turn }) => `${tenant} ${turn}.${call}`)

/** The most that were under way at one time. */
const peak = (executions: ReadonlyArray<Execution>): number =>
  Math.max(
    0,
    ...executions.map(({ start }) => executions.filter((other) => other.start <= start && endOf(other) > start).length)
  )

/** The requested calls of a run's kept replies with their answers. */
const callsOf = (run: SeenRun) => {
  const answers = ofTag(run, "ToolCallAnswered")
  return ofTag(run, "ToolCallRequested").flatMap((requested) => {
    const { index, params, request, turn } = requested
    const answer = answers.find((one) => one.turn === turn && one.request === request && one.index === index)
    return answer === undefined
      ? []
      : [{ requested, answer, params: params as { readonly item: number; readonly n: number } }]
  })
}

const checkEnd = (run: SeenRun, executions: ReadonlyArray<Execution>, report: Report): void => {
  const state = run.events.reduce(RunState.apply, RunState.initial)
  const { exit, plan } = run
  if (state.phase !== "ended") report("the run did not end in its journal")
  if (Exit.isFailure(exit)) {
    const fatal = executions.some(({ fate, finished }) => fate === "fatal" && finished)
    const interrupted = Cause.hasInterruptsOnly(exit.cause)
    if (interrupted && plan.cancelAt === undefined) report("the run was interrupted by nobody")
    if (!interrupted && !fatal) report(`the run failed: ${Cause.pretty(exit.cause)}`)
  }
  const told = ofTag(run, "ToolCallAnswered").some(({ failure }) => failure?.kind === "fatal")
  if (told && Exit.isSuccess(exit)) report("a fatal failure did not end the run")
  const started = ofTag(run, "RunStarted")[0]?.at ?? 0
  const ended = ofTag(run, "RunEnded")[0]?.at ?? 0
  if (ended > started + plan.limits.deadline + grace) {
    report(`G8: the run ended ${ended - started - plan.limits.deadline} ms after its deadline`)
  }
  for (const execution of executions) {
    if (execution.end === undefined) report(`G9: ${name(execution)} is still running`)
    if (execution.start >= started + plan.limits.deadline) report(`G8: ${name(execution)} began after the deadline`)
    if (execution.deadline > started + plan.limits.deadline) {
      report(`G8: ${name(execution)} was given more time than the run has`)
    }
    if (execution.fate !== "deaf" && endOf(execution) - execution.start > policies.timeout) {
      report(`G8: ${name(execution)} ran ${endOf(execution) - execution.start} ms, timeout ${policies.timeout}`)
    }
    if (!execution.journaled) report(`order: ${name(execution)} began before its attempt was in the journal`)
  }
}

const checkBounds = ({ plan }: SeenRun, executions: ReadonlyArray<Execution>, report: Report): void => {
  // the bound is that of a dispatch; an abandoned handler of an earlier turn holds a place of that turn
  for (const ofTurn of Map.groupBy(executions, ({ turn }) => turn).values()) {
    const all = peak(ofTurn)
    if (all > plan.limits.concurrency) report(`G6: ${all} handlers ran, limit ${plan.limits.concurrency}`)
  }
  const reads = peak(executions.filter(({ tool }) => tool === "read"))
  if (reads > policies.read.concurrency) report(`G6: ${reads} handlers of read ran, limit ${policies.read.concurrency}`)
}

const checkExecutions = (executions: ReadonlyArray<Execution>, report: Report): void => {
  const keys = new Map<string, string>()
  for (const [call, all] of byCall(executions)) {
    for (const execution of all) {
      const owner = keys.get(execution.key) ?? call
      if (owner !== call) report(`G4: ${call} has the idempotency key of ${owner}`)
      keys.set(execution.key, call)
      if (execution.key !== all[0]!.key) report(`G4: ${name(execution)} has two idempotency keys`)
    }
    const ended = all.find(({ fate, finished, tool }) => fate === "permanent" && finished && tool !== "spare")
    if (ended !== undefined && all.some((later) => later.start > endOf(ended))) {
      report(`G3: ${name(ended)} failed for good and was executed again`)
    }
    const taken = all.filter(({ committed, tool }) => tool === "pay" && committed !== undefined)
    if (taken.length > 1) report(`G4: ${name(taken[0]!)} took effect ${taken.length} times`)
    const together = peak(all.filter(({ fate }) => fate !== "deaf"))
    const allowed = all[0]!.tool === "slow" ? 2 : 1
    if (together > allowed) report(`${name(all[0]!)} has ${together} attempts at one time`)
  }
}

/** Calls of one serial key: one after another, in call order. */
const checkSerial = (executions: ReadonlyArray<Execution>, report: Report): void => {
  const lanes = Map.groupBy(
    executions.filter(({ tool }) => tool === "put" || tool === "pay"),
    ({ item, tool, turn }) => `${tool} ${item} ${turn}`
  )
  for (const lane of lanes.values()) {
    for (const [i, execution] of lane.entries()) {
      for (const later of lane.slice(i + 1)) {
        if (sameCall(execution, later)) continue
        if (overlap(execution, later)) {
          report(`order: ${name(later)} ran while ${name(execution)} did, with the same key`)
        }
        if (later.call < execution.call) report(`order: ${name(later)} ran after ${name(execution)}, with the same key`)
      }
    }
  }
}

const checkAfter = (run: SeenRun, executions: ReadonlyArray<Execution>, report: Report): void => {
  for (const { answer, requested } of callsOf(run)) {
    if (requested.name !== "later") continue
    const own = executions.filter(({ call, turn }) => call === requested.index && turn === requested.turn)
    const pays = callsOf(run).filter((one) => one.requested.name === "pay" && one.requested.turn === requested.turn)
    const failed = pays.some((pay) => !pay.answer.ok)
    if (own.length > 0 && failed) report(`${name(own[0]!)} ran although a call that it comes after failed`)
    if (answer.failure?.reason === "DependencyFailed" && !failed) {
      report("a call says that its dependency failed; none did")
    }
    const last = Math.max(
      0,
      ...executions.filter(({ tool, turn }) => tool === "pay" && turn === requested.turn).map(({ start }) => start)
    )
    if (own.some(({ start }) => start < last)) report(`${name(own[0]!)} began before a call that it comes after`)
  }
}

/** Equal reads share one execution, what is fresh in the cache is not read again. */
const checkReads = (run: SeenRun, executions: ReadonlyArray<Execution>, report: Report): void => {
  const reads = executions.filter(({ tool }) => tool === "read")
  const given = ofTag(run, "AttemptEnded").filter(({ failure }) => failure === undefined)
  for (const [i, read] of reads.entries()) {
    for (const later of reads.slice(i + 1)) {
      if (later.item !== read.item) continue
      const joinable = later.turn === read.turn && later.call !== read.call && read.fate !== "deaf"
      if (joinable && overlap(read, later)) report(`${name(later)} ran beside ${name(read)}, which is equal`)
      const known = given.find((event) =>
        event.turn === read.turn && event.index === read.call && event.attempt === read.attempt
      )
      const age = known === undefined ? Number.POSITIVE_INFINITY : later.start - known.at
      if (later.call !== read.call && age >= 0 && age < policies.read.timeToLive) {
        report(`${name(later)} was read again, ${age} ms after ${name(read)}`)
      }
    }
  }
  for (const { age, stale } of ofTag(run, "CacheHit")) {
    const limit = stale ? policies.read.timeToLive + policies.read.staleIfError : policies.read.timeToLive
    if (age >= limit) report(`a result ${age} ms old was given from the cache, limit ${limit}`)
  }
}

const checkAnswers = (run: SeenRun, executions: ReadonlyArray<Execution>, report: Report): void => {
  const { tenant } = run.plan
  for (const { answer, params, requested } of callsOf(run)) {
    const what = `${requested.name} ${requested.turn}.${requested.index}`
    const own = executions.filter(({ call, turn }) => call === requested.index && turn === requested.turn)
    const text = String(answer.result)
    if (answer.ok) {
      const expected = [requested.name, "spare"].map((tool) => resultOf(tenant, tool, params.item, params.n))
      if (!expected.some((start) => text.startsWith(start))) report(`G2: ${what} is answered "${text.slice(0, 40)}"`)
      if (text.startsWith(expected[1]!) && !text.includes("from \"spare\"")) {
        report(`${what} does not say where it is from`)
      }
      if (answer.attempts === 0 && !["read"].includes(requested.name)) report(`${what} was answered without an attempt`)
    }
    if (answer.failure?.message.includes("was not free") === true) {
      const busy = executions.some(({ end, start }) => start < answer.at && (end ?? answer.at) >= answer.at)
      const waited = ofTag(run, "DispatchIntended").some(({ at, turn }) => turn === requested.turn && at < answer.at)
      if (waited && !busy) report(`G19: ${what} found no place although nothing ran`)
    }
    const remembered = ofTag(run, "CacheHit").some(({ index, stale, turn }) =>
      !stale && turn === requested.turn && index === requested.index
    )
    if (remembered && !answer.ok && answer.failure?.kind !== "permanent") {
      report(`${what} is answered with a ${answer.failure?.kind} failure from the cache`)
    }
    const size = Buffer.byteLength(text)
    if (requested.name === "big" && size > policies.big.maxResultSize) report(`${what} is answered in ${size} bytes`)
    const taken = own.some(({ committed, tool }) => tool === "pay" && committed !== undefined)
    if (taken && !answer.ok && (answer.failure?.executed === false || /not executed|nothing was/.test(text))) {
      report(`${what} took effect and is said not to have been executed`)
    }
    if (taken && !answer.ok && answer.failure?.kind === "permanent" && answer.failure.reason !== "Cancelled") {
      report(`${what} took effect and is said to have failed for good`)
    }
    if (own.length > 0 && own.every(({ tool }) => tool === requested.name) && answer.attempts < own.length) {
      report(`${what} was executed ${own.length} times and says ${answer.attempts}`)
    }
  }
}

/** Share of the deadline that tools have. */
const toolsUntil = 0.9

const bases = { throttled: 1000, other: 200 }

/** Waits are within their bounds, and what was to begin then began. */
const checkWaits = (run: SeenRun, report: Report): void => {
  const retries = ofTag(run, "RetryScheduled")
  const ended = ofTag(run, "AttemptEnded")
  const perCall = new Map<string, number>()
  for (const [nth, retry] of retries.entries()) {
    const key = `${retry.turn}.${retry.request}.${retry.index}`
    const times = perCall.get(key) ?? 0
    perCall.set(key, times + 1)
    const { requested } = callsOf(run).find((one) =>
      one.requested.turn === retry.turn && one.requested.index === retry.index
    )
      ?? {}
    const allowed = requested?.name === "fragile" ? policies.fragile.retries : policies.retries
    if (requested !== undefined && requested.name !== "vault" && times >= allowed) {
      report(`G5: ${requested.name} ${key} is retried ${times + 1} times`)
    }
    // hedged attempts may fail one after the other; where none was begun the failure is not in the journal
    const since = retries.findLast((one) =>
      one.turn === retry.turn && one.index === retry.index && one.attempt < retry.attempt
    )
    const failures = ended.flatMap((event) =>
      event.turn === retry.turn && event.index === retry.index && event.at <= retry.at && event.at >= (since?.at ?? 0)
        ? [event.failure]
        : []
    )
    const last = ended.findLast((event) =>
      event.turn === retry.turn && event.index === retry.index && event.at <= retry.at
    )
    if (times > 0 && last?.at === retry.at && last.failure?.kind === "unknown") {
      report(
        `G5: ${key} is retried again although unknown`
      )
    }
    const until = (ofTag(run, "RunStarted")[0]?.at ?? 0) + run.plan.limits.deadline * toolsUntil
    if (retry.at + retry.wait >= until) report(`G8: ${key} is to be retried when no time is left`)
    const asked = Math.max(0, ...failures.map((failure) => failure?.retryAfter ?? 0))
    const base = failures.some((failure) => failure?.reason === "RateLimited") ? bases.throttled : bases.other
    const most = Math.max(asked, base * 2 ** times)
    if (last?.at === retry.at && retry.wait > most) report(`G7: ${key} waits ${retry.wait} ms, at most ${most}`)
    if (retry.left !== run.plan.limits.retries - nth - 1) report(`G5: ${retry.left} retries are said to be left`)
  }
}

const checkFallbacks = (run: SeenRun, report: Report): void => {
  for (const { failure, index, tool, turn } of ofTag(run, "FallbackStarted")) {
    if (failure.kind !== "transient") {
      report(`${tool} stands in for call ${turn}.${index}, which failed: ${failure.kind}`)
    }
  }
}

const checkHedges = (run: SeenRun, report: Report): void => {
  const { retries } = run.plan.limits
  let left = retries
  for (const event of run.events) {
    if (event._tag === "RetryScheduled") left--
    if (event._tag !== "HedgeStarted") continue
    if (left < retries / 2) report(`a call was hedged with ${left} of ${retries} retries left`)
    const requested = ofTag(run, "ToolCallRequested").findLast(({ index, turn }) =>
      turn === event.turn && index === event.index
    )
    if (requested?.name !== "slow") report(`${requested?.name} was hedged`)
  }
}

/** Attempts that waited for a place after they were let through may begin late. */
const waitedForPlace = (run: SeenRun, { index, turn }: RunEvent.Of<"AttemptStarted">): boolean =>
  ofTag(run, "CallQueued").some((event) =>
    event.turn === turn && event.index === index && event.behind !== "dependency"
  )

/** Whether another tool had taken over when the event happened. */
const isStandIn = (run: SeenRun, event: RunEvent.Of<"AttemptStarted" | "AttemptEnded">): boolean => {
  const at = run.events.findIndex((one) =>
    one._tag === "FallbackStarted" && one.turn === event.turn && one.index === event.index
  )
  return at >= 0 && at < run.events.indexOf(event)
}

const startsOf = ({ runs }: Seen, tool: string): ReadonlyArray<number> =>
  runs.flatMap((run) =>
    ofTag(run, "AttemptStarted").flatMap((event) => {
      const requested = ofTag(run, "ToolCallRequested").findLast((one) =>
        one.turn === event.turn && one.request === event.request && one.index === event.index
      )
      return requested?.name === tool && !isStandIn(run, event) && !waitedForPlace(run, event) ? [event.at] : []
    })
  )

/** The circuit opens after so many failures in a row, and not without them. */
const checkCircuit = (seen: Seen, report: Report): void => {
  const ended = seen.runs
    .flatMap((run) =>
      ofTag(run, "AttemptEnded").flatMap((event) => {
        const requested = ofTag(run, "ToolCallRequested").findLast((one) =>
          one.turn === event.turn && one.request === event.request && one.index === event.index
        )
        const other = event.failure?.reason === "Cancelled" || isStandIn(run, event)
        return requested?.name !== "fragile" || other ? [] : [event]
      })
    )
    .toSorted((left, right) => left.at - right.at)
  const counts = ({ failure }: RunEvent.Of<"AttemptEnded">): boolean =>
    failure !== undefined && failure.kind !== "permanent" && failure.kind !== "fatal"
  const opened = Math.min(
    Number.POSITIVE_INFINITY,
    ...seen.runs.flatMap((run) => ofTag(run, "CircuitOpened")).map(({ at }) => at)
  )
  const before = ended.filter(({ at }) => at <= opened)
  if (opened < Number.POSITIVE_INFINITY && before.filter(counts).length < policies.fragile.failures) {
    report(`the circuit opened after ${before.filter(counts).length} failures`)
  }
  // what is interrupted says nothing to the circuit
  if (seen.runs.some((run) => ofTag(run, "RunEnded")[0]?.outcome !== "completed")) return
  for (const [i, event] of ended.entries()) {
    const next = ended[i + 1]
    const after = ended[i + 2]
    if (next === undefined || event.at === next.at || next.at === after?.at) continue
    if (counts(event) && counts(next) && opened > next.at) report(`the circuit did not open at ${next.at}`)
  }
}

/** What runs share: circuits, rates, hedges. */
const checkShared = (seen: Seen, report: Report): void => {
  for (const { at, openFor } of seen.runs.flatMap((run) => ofTag(run, "CircuitOpened"))) {
    const through = startsOf(seen, "fragile").filter((start) => start > at && start < at + openFor)
    if (through.length > 0) report(`${through.length} calls went through a circuit that was open since ${at}`)
  }
  const { limit, window } = policies.limited
  const starts = startsOf(seen, "limited")
  for (const { at, wait } of seen.runs.flatMap((run) => ofTag(run, "RateLimited"))) {
    const within = starts.filter((start) => start >= at + wait - window && start < at + wait)
    if (within.length > limit) report(`${within.length} calls began in a window that allows ${limit}`)
  }
  const first = Math.min(...starts)
  const soon = starts.filter((start) => start < first + 1)
  if (soon.length > limit) report(`${soon.length} calls began at once, the rate allows ${limit}`)
  const hedges = seen.runs.flatMap((run) => ofTag(run, "HedgeStarted")).length
  const slow = seen.runs.flatMap((run) => ofTag(run, "ToolCallRequested")).filter(({ name }) => name === "slow").length
  const attempts = seen.executions.filter(({ tool }) => tool === "slow").length
  if (hedges > 1 + 0.05 * Math.max(slow, attempts)) report(`${hedges} of ${slow} calls were hedged`)
}

/** Everything that is wrong with what was seen of a plan; empty when all guarantees hold. */
export const violations = (seen: Seen): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const run of seen.runs) {
    const report: Report = (message) => found.push(`${run.plan.tenant}: ${message}`)
    for (const { event, guarantee, message } of Check.all(run.events)) report(`${guarantee} at ${event}: ${message}`)
    const executions = seen.executions.filter(({ tenant }) => tenant === run.plan.tenant)
    checkEnd(run, executions, report)
    checkBounds(run, executions, report)
    checkExecutions(executions, report)
    checkSerial(executions, report)
    checkAfter(run, executions, report)
    checkReads(run, executions, report)
    checkAnswers(run, executions, report)
    checkWaits(run, report)
    checkHedges(run, report)
    checkFallbacks(run, report)
  }
  checkShared(seen, (message) => found.push(message))
  checkCircuit(seen, (message) => found.push(message))
  return found
}

/** What a seed has reached: over many seeds no cell may stay empty. */
export const cells = [
  "CallQueued dependency",
  "CallQueued serial",
  "CallQueued tool",
  "CallQueued dispatch",
  "CallJoined",
  "CacheHit fresh",
  "CacheHit stale",
  "HedgeStarted",
  "RateLimited",
  "CircuitOpened",
  "RetryScheduled",
  "RetryRefused run",
  "RetryRefused deadline",
  "CallReconciled true",
  "CallReconciled false",
  "FallbackStarted",
  "AttemptAbandoned",
  "AttemptReleased",
  "ModelFailed",
  "ended completed",
  "ended limited",
  "ended failed",
  "ended cancelled",
  "failed transient",
  "failed permanent",
  "failed unknown",
  "failed defect",
  "failed fatal"
] as const

const cellOf = (event: RunEvent.RunEvent): string => {
  switch (event._tag) {
    case "CallQueued":
      return `CallQueued ${event.behind}`
    case "CacheHit":
      return `CacheHit ${event.stale ? "stale" : "fresh"}`
    case "RetryRefused":
      return `RetryRefused ${event.why}`
    case "CallReconciled":
      return `CallReconciled ${event.executed}`
    case "RunEnded":
      return `ended ${event.outcome}`
    case "AttemptEnded":
      return event.failure === undefined ? "ok" : `failed ${event.failure.kind}`
    default:
      return event._tag
  }
}

export const reached = ({ runs }: Seen): ReadonlySet<string> =>
  new Set(runs.flatMap(({ events }) => events.map(cellOf)))

/** The journals of a world and what its handlers did, one line each. */
export const show = ({ executions, runs }: Seen): string =>
  [
    ...runs.flatMap(({ events, plan }) => [
      `run of tenant ${plan.tenant}: ${JSON.stringify({ ...plan.limits, cancelAt: plan.cancelAt })}`,
      ...events.map((event) => {
        const { _tag, ...fields } = event
        const at = "at" in fields ? `${fields.at}`.padStart(6) : "      "
        return `${at} ${_tag.padEnd(18)} ${JSON.stringify(fields).slice(0, 140)}`
      })
    ]),
    "handlers",
    ...executions.map((one) =>
      `${`${one.start}`.padStart(6)} ${one.tenant} ${name(one)} attempt ${one.attempt}: ${one.fate}, until ${one.end}`
    )
  ].join("\n")
