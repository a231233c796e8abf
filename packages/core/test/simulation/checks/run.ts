import { Cause, Exit } from "effect"
import { policies } from "../plan.ts"
import { endOf, isDeaf, nameOf, type Noted, ofTag, peak, type Report, toOf, type View } from "../view.ts"

const grace = 50

/** Deadlines are sums of fractions, in milliseconds. */
const rounding = 1e-6

/** How the run ended, and that nothing is left of it. */
export const checkEnd = ({ calls, executions, plan, run, started, state }: View, report: Report): void => {
  if (state.phase !== "ended") report("the run did not end in its journal")
  if (Exit.isFailure(run.exit)) {
    const fatal = executions.some(({ fate, finished }) => fate === "fatal" && finished)
    const interrupted = Cause.hasInterruptsOnly(run.exit.cause)
    if (interrupted && plan.cancelAt === undefined) report("the run was interrupted by nobody")
    if (!interrupted && !fatal) report(`the run failed: ${Cause.pretty(run.exit.cause)}`)
  }
  if (calls.some(({ answer }) => answer.failure?.kind === "fatal") && Exit.isSuccess(run.exit)) {
    report("a fatal failure did not end the run")
  }
  const late = (state.ended?.at ?? 0) - started - plan.limits.deadline
  if (late > grace) report(`G8: the run ended ${late} ms after its deadline`)
  for (const execution of executions) {
    if (execution.end === undefined) report(`G9: ${nameOf(execution)} is still running`)
  }
}

/** Whatever is done for a call is done in its time, and not after its answer. */
export const checkTimes = ({ calls, noted, undisturbed }: View, report: Report): void => {
  for (const { answer, answered, deadline, executions, name, what } of calls) {
    if (answer.at > deadline + grace) report(`G8: ${what} was answered ${answer.at - deadline} ms after its deadline`)
    for (const execution of executions) {
      const { attempt, start } = execution
      const announced = noted.slice(0, execution.from).some(({ event }) =>
        event._tag === "AttemptStarted" && event.turn === execution.turn && event.index === execution.call
        && event.attempt === attempt
      )
      if (!announced) report(`order: ${what} began before its attempt was in the journal`)
      const until = Math.min(deadline, start + policies.timeout)
      if (start >= deadline) report(`G8: ${what} began ${start - deadline} ms after its deadline`)
      if (Math.abs(execution.deadline - until) > rounding) {
        report(`G8: ${what} was given until ${execution.deadline}, not ${until}`)
      }
      if (isDeaf(execution)) continue
      if (endOf(execution) > until + rounding) report(`G8: ${what} ran ${endOf(execution) - until} ms too long`)
      if (toOf(execution) > answered) report(`G9: ${what} went on after it was answered`)
      if (execution.fate === "hang" && undisturbed && name !== "slow" && endOf(execution) < until - rounding) {
        report(`G8: ${what} was stopped ${until - endOf(execution)} ms too early`)
      }
    }
  }
}

/** What was started early has ended when its reply is not kept. */
export const checkDiscarded = ({ executions, noted }: View, report: Report): void => {
  for (const { event: { index, turn }, position } of ofTag(noted, "CallDiscarded")) {
    const late = executions.filter((one) =>
      one.turn === turn && one.call === index && one.from < position && toOf(one) > position && !isDeaf(one)
    )
    for (const one of late) report(`G9: ${nameOf(one)} went on after its reply was discarded`)
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

/** Never more than the bound; and no place is empty, or held by one that waits, while a call waits for it. */
export const checkBounds = (view: View, report: Report): void => {
  const turns = Map.groupBy(view.executions, ({ turn }) => turn)
  const { concurrency } = view.plan.limits
  const reads = peak(view.executions.filter(({ tool }) => tool === "read"))
  if (reads > policies.read.concurrency) report(`G6: ${reads} handlers of read ran, limit ${policies.read.concurrency}`)
  for (const { event: { turn } } of ofTag(view.noted, "DispatchIntended")) {
    // an abandoned handler of an earlier turn holds a place of that turn
    const executions = turns.get(turn) ?? []
    const all = peak(executions)
    if (all > concurrency) report(`G6: ${all} handlers ran, limit ${concurrency}`)
    const forPlace = queued(view, turn, "dispatch")
    const forRead = queued(view, turn, "tool")
    const times = executions.flatMap((one) => [one.start, endOf(one)])
    const at = (instant: number) =>
      executions.filter(({ start }) => start < instant).filter((one) => endOf(one) > instant)
    for (const { call, from, known, to } of forPlace) {
      if (!known) continue
      for (const instant of instants(from, to, times)) {
        const running = at(instant).length
        if (running < concurrency) {
          report(`G19: ${call.what} waits for a place at ${instant} while ${running} of ${concurrency} are taken`)
        }
      }
    }
    const reading = view.executions.filter(({ tool }) => tool === "read")
    const waitsAt = (instant: number, waits: Waits): number =>
      waits.filter(({ call, from, to }) => call.name === "read" && from < instant && to > instant).length
    for (const { call, from, known, to } of forRead) {
      if (!known) continue
      for (const instant of instants(from, to, [...times, ...forPlace.flatMap((one) => [one.from, one.to])])) {
        const running = reading.filter((one) => one.start < instant && endOf(one) > instant).length
        if (running + waitsAt(instant, forPlace) < policies.read.concurrency) {
          report(`G19: ${call.what} waits for a place of its tool at ${instant} while ${running} run`)
        }
      }
    }
  }
}
