/**
 * How a run ends, and that what it does is in time and within its bounds.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import type * as RunEvent from "../../../../RunEvent.ts"
import * as RunState from "../../../../RunState.ts"
import { endOf, isDeaf, nameOf, type Noted, ofTag, peak, type Report, toOf, type View } from "../view.ts"

/** A handler that is interrupted has so long to end, in milliseconds. */
const grace = 50

/** Deadlines are sums of fractions, in milliseconds. */
const rounding = 1e-6

/** What a run may fail with, beside the fatal failures of its tools. */
const expected: ReadonlySet<string> = new Set(["AiError", "Refused", "LimitReached", "OutputInvalid", "TooManyFailed"])

const checkExit = ({ executions, noted, run }: View, report: Report): void => {
  const { exit } = run
  if (exit === undefined || Exit.isSuccess(exit)) return
  const last = noted.length - 1
  const isFatal = executions.some(({ failure, finished }) => failure?.kind === "fatal" && finished)
  if (Cause.hasDies(exit.cause)) return report("G17", `the run died: ${Cause.pretty(exit.cause)}`, last)
  if (Cause.hasInterruptsOnly(exit.cause)) {
    if (run.cancelled === undefined) report("G17", "the run was interrupted by nobody", last)
    return
  }
  const error = Cause.squash(exit.cause)
  const tag = Predicate.hasProperty(error, "_tag") ? String(error._tag) : ""
  const isLost = tag === "JournalFailure" && run.lost
  if (!isFatal && !isLost && !expected.has(tag)) report("G17", `the run failed: ${Cause.pretty(exit.cause)}`, last)
}

/** How the run ended, and that nothing is left of it. @internal */
export const checkEnd = (view: View, report: Report): void => {
  const { calls, deadline, executions, noted, run, state, whole, world } = view
  const last = noted.length - 1
  if (state.phase !== "ended" && !run.lost) report("G19", "the run did not end in its journal", last)
  checkExit(view, report)
  // a process that resumes the run does not know the error
  if (
    whole && calls.some(({ answer }) => answer.failure?.kind === "fatal") && run.exit !== undefined &&
    Exit.isSuccess(run.exit)
  ) {
    report("G17", "a fatal failure did not end the run", last)
  }
  const late = state.ended === undefined || !whole ? 0 : RunState.elapsed(state, state.ended.at) - deadline
  if (late > grace) report("G8", `the run ended ${late} ms after its deadline`, last)
  for (const execution of executions) {
    const { strike, struck } = world.processes[execution.process]!
    const isGone = strike?.does === "crash" && struck !== undefined
    if (execution.end === undefined && !isGone) {
      report("G9", `${nameOf(execution)} is still running`, last)
    }
  }
  if (run.unkept > 0) report("G10", `${run.unkept} events were shown before they were in the journal`, last)
}

/** Whatever is done for a call is done in its time, and not after its answer. @internal */
export const checkTimes = ({ calls, noted, undisturbed, whole }: View, report: Report): void => {
  for (const { answer, answered, deadline, executions, intended, member, what } of calls) {
    const late = answer.at - Math.max(deadline, intended)
    if (whole && late > grace) report("G8", `${what} was answered ${late} ms after its deadline`, answered)
    for (const execution of executions) {
      const { attempt, from, start } = execution
      const isIts = (event: RunEvent.Of<"AttemptStarted" | "AttemptEnded">): boolean =>
        event.turn === execution.turn && event.index === execution.index && event.attempt === attempt
      const announced = noted.slice(0, from).some(({ event }) => event._tag === "AttemptStarted" && isIts(event))
      if (!announced) report("order", `${what} began before its attempt was in the journal`, answered)
      if (!whole) continue
      const timeout = execution.tool === member?.name ? member.timeout : Number.POSITIVE_INFINITY
      const until = Math.min(deadline, start + timeout)
      if (start >= deadline) report("G8", `${what} began ${start - deadline} ms after its deadline`, answered)
      if (timeout < Number.POSITIVE_INFINITY && Math.abs(execution.deadline - until) > rounding) {
        report("G8", `${what} was given until ${execution.deadline}, not ${until}`, answered)
      }
      if (isDeaf(execution)) continue
      if (endOf(execution) > until + rounding) {
        report("G8", `${what} ran ${endOf(execution) - until} ms too long`, answered)
      }
      if (toOf(execution) > answered) report("G9", `${what} went on after it was answered`, answered)
      // a struck effect ends a handler by itself
      const died = noted.some(({ event }) =>
        event._tag === "AttemptEnded" && isIts(event) && event.failure?.kind === "defect"
      )
      const isCutShort = execution.fate.does === "hang" && undisturbed && !died && member?.policy.hedge === undefined
        && timeout < Number.POSITIVE_INFINITY && endOf(execution) < until - rounding
      if (isCutShort) report("G8", `${what} was stopped ${until - endOf(execution)} ms too early`, answered)
    }
  }
}

/** What was started early has ended when its reply is not kept. @internal */
export const checkDiscarded = ({ executions, noted }: View, report: Report): void => {
  for (const { event: { index, turn }, position } of ofTag(noted, "CallDiscarded")) {
    const late = executions.filter((one) =>
      one.turn === turn && one.index === index && one.from < position && toOf(one) > position && !isDeaf(one)
      && one.end !== undefined
    )
    for (const one of late) report("G9", `${nameOf(one)} went on after its reply was discarded`, position)
  }
}

const isCancelled = ({ event }: Noted): boolean =>
  event._tag === "ToolCallAnswered" && event.failure?.reason === "Cancelled"

/** Calls that wait behind something: from when to when at most, since one that is cancelled does not say when it left. */
const queued = ({ calls }: View, turn: number, behind: string) =>
  calls.filter((call) => call.turn === turn).flatMap((call) =>
    call.events.flatMap(({ at, event }, i) => {
      const next: Noted | undefined = call.events[i + 1]
      return event._tag === "CallQueued" && event.behind === behind && next !== undefined
        ? [{ call, from: at, to: next.at, known: !isCancelled(next) }]
        : []
    })
  )

type Waits = ReturnType<typeof queued>

/** In the middle of each span in which nothing changes. */
const instants = (from: number, to: number, times: ReadonlyArray<number>): ReadonlyArray<number> => {
  const all = [from, ...times.filter((time) => time > from && time < to), to].toSorted((left, right) => left - right)
  return all.slice(1).flatMap((time, i) => time > all[i]! ? [(time + all[i]!) / 2] : [])
}

/** Never more than the bounds; of executions of a process that is gone nothing runs. */
const checkPeaks = ({ executions, limits, noted, world }: View, report: Report): void => {
  const last = noted.length - 1
  // an abandoned handler of an earlier request holds a place of that one
  for (const [request, ofRequest] of Map.groupBy(executions, (one) => `${one.turn}.${one.request}`)) {
    const all = peak(ofRequest)
    if (all > limits.concurrency) {
      report("G6", `${all} handlers of request ${request} ran, limit ${limits.concurrency}`, last)
    }
  }
  for (const [tool, ofTool] of Map.groupBy(executions, (one) => one.tool)) {
    const bound = world.cast.all.get(tool)?.policy.concurrency ?? Number.POSITIVE_INFINITY
    const all = peak(ofTool)
    if (all > bound) report("G6", `${all} handlers of ${tool} ran, limit ${bound}`, last)
  }
}

/** No place is empty, or held by one that waits, while a call waits for it. @internal */
export const checkBounds = (view: View, report: Report): void => {
  checkPeaks(view, report)
  if (!view.whole) return
  const { executions, limits: { concurrency }, noted, world } = view
  const requests = new Map(ofTag(noted, "DispatchIntended").map(({ event }) => [event.turn, event.request]))
  for (const [turn, request] of requests) {
    const ofTurn = executions.filter((one) => one.turn === turn && one.request === request)
    const forPlace = queued(view, turn, "dispatch")
    const forTool = queued(view, turn, "tool")
    if (forPlace.length === 0 && forTool.length === 0) continue
    const times = executions.flatMap((one) => [one.start, endOf(one)])
    const runningAt = (ones: View["executions"], instant: number): number =>
      ones.filter((one) => one.start < instant && endOf(one) > instant).length
    for (const { call, from, known, to } of forPlace) {
      if (!known) continue
      for (const instant of instants(from, to, times)) {
        const running = runningAt(ofTurn, instant)
        if (running < concurrency) {
          const taken = `${running} of ${concurrency} are taken`
          report("G19", `${call.what} waits for a place at ${instant} while ${taken}`, call.answered)
        }
      }
    }
    const waitsAt = (tool: string, instant: number, waits: Waits): number =>
      waits.filter(({ call, from, to }) => call.name === tool && from < instant && to > instant).length
    for (const { call, from, known, to } of forTool) {
      const bound = world.cast.all.get(call.name)?.policy.concurrency
      if (!known || bound === undefined) continue
      const ofTool = executions.filter(({ tool }) => tool === call.name)
      for (const instant of instants(from, to, [...times, ...forPlace.flatMap((one) => [one.from, one.to])])) {
        const running = runningAt(ofTool, instant)
        if (running + waitsAt(call.name, instant, forPlace) < bound) {
          report("G19", `${call.what} waits for a place of its tool at ${instant} while ${running} run`, call.answered)
        }
      }
    }
  }
}
