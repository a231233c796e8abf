import { type RunEvent, RunState } from "@volley/core"
import type { Fate, PlannedRun } from "./plan.ts"
import type { Execution } from "./tools.ts"
import type { Seen, SeenRun } from "./world.ts"

/** An event of a run and its place in the journal. */
export interface Noted<Event extends RunEvent.RunEvent = RunEvent.RunEvent> {
  readonly event: Event
  readonly at: number
  readonly position: number
}

/** A call of a reply that was kept, with all that is known of it. */
export interface CallView {
  readonly name: string
  readonly turn: number
  readonly index: number
  readonly what: string
  readonly params: { readonly item: number; readonly n: number } | undefined
  readonly answer: RunEvent.Of<"ToolCallAnswered">
  readonly answered: number
  /** When its time is over. */
  readonly deadline: number
  readonly events: ReadonlyArray<Noted>
  readonly executions: ReadonlyArray<Execution>
}

/** A run as the checks look at it: its journal by call, and what its handlers wrote. */
export interface View {
  readonly plan: PlannedRun
  readonly run: SeenRun
  readonly state: RunState.RunState
  readonly started: number
  readonly noted: ReadonlyArray<Noted>
  readonly executions: ReadonlyArray<Execution>
  readonly calls: ReadonlyArray<CallView>
  /** All calls that were asked for, those included whose reply was not kept. */
  readonly asked: ReadonlyArray<{ readonly name: string; readonly events: ReadonlyArray<Noted> }>
  /** Whether it came to an end by itself. */
  readonly undisturbed: boolean
}

export type Report = (message: string) => void

/** Share of the deadline that tools have. */
const toolsUntil = 0.9

export const ofTag = <Tag extends RunEvent.RunEvent["_tag"]>(
  noted: ReadonlyArray<Noted>,
  tag: Tag
): ReadonlyArray<Noted<RunEvent.Of<Tag>>> =>
  noted.filter((one): one is Noted<RunEvent.Of<Tag>> => one.event._tag === tag)

export const has = (noted: ReadonlyArray<Noted>, tag: RunEvent.RunEvent["_tag"]): boolean =>
  noted.some(({ event }) => event._tag === tag)

const keyOf = ({ index, request, turn }: { readonly turn: number; readonly request: number; readonly index: number }) =>
  `${turn}.${request}.${index}`

const eventsByCall = (noted: ReadonlyArray<Noted>): ReadonlyArray<ReadonlyArray<Noted>> => {
  const byCall = new Map<string, Array<Noted>>()
  for (const one of noted) {
    if (!("index" in one.event)) continue
    const key = keyOf(one.event)
    const known = byCall.get(key)
    if (known === undefined) byCall.set(key, [one])
    else known.push(one)
  }
  return Array.from(byCall.values())
}

const callsOf = (
  plan: PlannedRun,
  started: number,
  noted: ReadonlyArray<Noted>,
  executions: ReadonlyArray<Execution>
): ReadonlyArray<CallView> => {
  const intended = new Map(
    ofTag(noted, "DispatchIntended").flatMap(({ at, event }) =>
      event.calls.map(({ index }) => [keyOf({ ...event, index }), at] as const)
    )
  )
  return eventsByCall(noted).flatMap((events): ReadonlyArray<CallView> => {
    const asked = ofTag(events, "ToolCallRequested")[0]
    const requested = asked?.event
    const answer = ofTag(events, "ToolCallAnswered")[0]
    if (asked === undefined || requested === undefined || answer === undefined) return []
    if (has(events, "CallDiscarded")) return []
    const { index, name, params, turn } = requested
    return [{
      name,
      turn,
      index,
      what: `${name} ${turn}.${index}`,
      params: typeof params === "object" ? params as CallView["params"] : undefined,
      answer: answer.event,
      answered: answer.position,
      deadline: Math.min(
        started + plan.limits.deadline * toolsUntil,
        (intended.get(keyOf(requested)) ?? answer.at) + plan.limits.toolTimeout
      ),
      events,
      // those of a reply that was not kept have the same place
      executions: executions.filter((one) => one.turn === turn && one.call === index && one.from > asked.position)
    }]
  })
}

export const viewOf = (run: SeenRun, { executions }: Seen): View => {
  const own = executions.filter(({ tenant }) => tenant === run.plan.tenant)
  let at = 0
  const noted = run.events.map((event, position): Noted => {
    if ("at" in event) at = event.at
    return { event, at, position }
  })
  const started = noted[0]?.at ?? 0
  const calls = callsOf(run.plan, started, noted, own)
  const ended = noted.at(-1)?.event
  return {
    plan: run.plan,
    run,
    state: run.events.reduce(RunState.apply, RunState.initial),
    started,
    noted,
    executions: own,
    calls,
    asked: eventsByCall(noted).map((events) => ({
      name: ofTag(events, "ToolCallRequested")[0]?.event.name ?? "",
      events
    })),
    undisturbed: ended?._tag === "RunEnded" && ended.outcome === "completed"
  }
}

export const nameOf = ({ call, tool, turn }: Execution): string => `${tool} ${turn}.${call}`

/** It does not end when it is interrupted. */
export const isDeaf = ({ fate }: Execution): boolean => fate === "deaf"

/** Where the journal stood when it ended. */
export const toOf = ({ to }: Execution): number => to ?? Number.POSITIVE_INFINITY

export const endOf = ({ end }: Execution): number => end ?? Number.POSITIVE_INFINITY

/** Whether the handler itself said how it went. */
export const ended = (fates: ReadonlySet<Fate>) => ({ fate, finished }: Execution): boolean =>
  finished && fates.has(fate)

/** It states that nothing happened. */
export const saysNothingHappened = ended(new Set(["refused", "throttled", "distant"]))

/** The most that were under way at one place of the journal. */
export const peak = (executions: ReadonlyArray<Execution>): number =>
  Math.max(
    0,
    ...executions.map(({ from }) => executions.filter((other) => other.from <= from && toOf(other) >= from).length)
  )
