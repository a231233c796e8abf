/**
 * A run as the laws look at it: its journal by call, and what its handlers wrote.
 *
 * @internal
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Check from "../../../Check.ts"
import * as Limits from "../../../Limits.ts"
import type * as RunEvent from "../../../RunEvent.ts"
import * as RunState from "../../../RunState.ts"
import type { Member } from "./cast.ts"
import type * as Plan from "./plan.ts"
import type { Effected, Execution, World, WorldRun } from "./world.ts"

/** An event of a run and its place in the journal. @internal */
export interface Noted<Event extends RunEvent.RunEvent = RunEvent.RunEvent> {
  readonly event: Event
  readonly at: number
  readonly position: number
}

/** A call of a reply that was kept, with all that is known of it. @internal */
export interface CallView {
  readonly member: Member | undefined
  readonly planned: Plan.Call | undefined
  readonly name: string
  readonly turn: number
  readonly index: number
  readonly what: string
  readonly params: unknown
  /** What its arguments decode to, where they do. */
  readonly decoded: Option.Option<unknown>
  readonly answer: RunEvent.Of<"ToolCallAnswered">
  readonly answered: number
  /** When it could begin. */
  readonly intended: number
  /** When its time is over. */
  readonly deadline: number
  readonly events: ReadonlyArray<Noted>
  readonly executions: ReadonlyArray<Execution>
  readonly effects: ReadonlyArray<Effected>
}

/** @internal */
export interface View {
  readonly world: World
  readonly number: number
  readonly run: WorldRun
  readonly state: RunState.RunState
  readonly limits: Limits.Resolved
  readonly deadline: number
  readonly started: number
  readonly noted: ReadonlyArray<Noted>
  readonly executions: ReadonlyArray<Execution>
  readonly calls: ReadonlyArray<CallView>
  /** All calls that were asked for, those included whose reply was not kept. */
  readonly asked: ReadonlyArray<{ readonly name: string; readonly events: ReadonlyArray<Noted> }>
  /** Whether one process ran it from its beginning to its end. */
  readonly whole: boolean
  /** Whether it came to an end by itself. */
  readonly undisturbed: boolean
}

/** @internal */
export type Guarantee = Check.Violation["guarantee"] | "G9" | "G17" | "G19"

/** `at` is the place of the event that shows it. @internal */
export type Report = (guarantee: Guarantee, message: string, at: number) => void

/** @internal */
export const ofTag = <Tag extends RunEvent.RunEvent["_tag"]>(
  noted: ReadonlyArray<Noted>,
  tag: Tag
): ReadonlyArray<Noted<RunEvent.Of<Tag>>> =>
  noted.filter((one): one is Noted<RunEvent.Of<Tag>> => one.event._tag === tag)

/** @internal */
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

const decoders = new WeakMap<Member, (params: unknown) => Option.Option<unknown>>()

const decodedBy = (member: Member | undefined, params: unknown): Option.Option<unknown> => {
  if (member === undefined || typeof params !== "object") return Option.none()
  const known = decoders.get(member)
  const decode = known ?? Schema.decodeUnknownOption(member.tool.parametersSchema as Schema.Codec<unknown, unknown>)
  if (known === undefined) decoders.set(member, decode)
  return decode(params)
}

interface Known {
  readonly world: World
  readonly number: number
  readonly run: WorldRun
  readonly started: number
  readonly limits: Limits.Resolved
  readonly paused: ReadonlyArray<number>
}

const callsOf = (
  { limits, number, paused, run, started, world }: Known,
  noted: ReadonlyArray<Noted>,
  executions: ReadonlyArray<Execution>
): ReadonlyArray<CallView> => {
  const intended = new Map(
    ofTag(noted, "DispatchIntended").flatMap((one) =>
      one.event.calls.map(({ index }) => [keyOf({ ...one.event, index }), one] as const)
    )
  )
  const kept = new Set(
    ofTag(noted, "ModelResponded").flatMap(({ event: { finishReason, request, turn } }) =>
      finishReason === "content-filter" ? [] : [`${turn}.${request}`]
    )
  )
  return eventsByCall(noted).flatMap((events): ReadonlyArray<CallView> => {
    const asked = ofTag(events, "ToolCallRequested")[0]
    const answer = ofTag(events, "ToolCallAnswered")[0]
    if (asked === undefined || answer === undefined) return []
    const { index, name, params, request, turn } = asked.event
    if (!kept.has(`${turn}.${request}`)) return []
    const planned = run.plan.turns[turn - 1]?.calls[index]
    const own = executions.filter((one) => one.turn === turn && one.request === request && one.index === index)
    const begun = ofTag(events, "ApprovalDecided").at(-1) ?? intended.get(keyOf(asked.event)) ?? answer
    const member = world.cast.all.get(name)
    const places = new Set(own.map(({ id }) => id))
    return [{
      member,
      planned: planned?.tool === name ? planned : undefined,
      name,
      turn,
      index,
      what: `call ${turn}.${index} (${name}) of run ${number}`,
      params,
      decoded: decodedBy(member, params),
      answer: answer.event,
      answered: answer.position,
      intended: begun.at,
      deadline: Math.min(
        started + paused[begun.position]! + Limits.toolsUntil(limits),
        begun.at + (limits.toolTimeout ?? Number.POSITIVE_INFINITY)
      ),
      events,
      // those of a reply that was not kept have the same place
      executions: own,
      effects: world.effects.filter(({ execution }) => places.has(execution.id))
    }]
  })
}

/** @internal */
export const viewOf = (world: World, number: number): View | undefined => {
  const run = world.runs[number]!
  const [first] = run.events
  if (first?._tag !== "RunStarted") return undefined
  let at = 0
  const noted = run.events.map((event, position): Noted => {
    if ("at" in event) at = event.at
    return { event, at, position }
  })
  const paused: Array<number> = []
  let state = RunState.initial
  for (const event of run.events) {
    state = RunState.apply(state, event)
    paused.push(state.paused)
  }
  const executions = world.executions.filter((one) => one.run === number)
  const known = { world, number, run, started: first.at, limits: first.limits, paused }
  return {
    world,
    number,
    run,
    state,
    limits: first.limits,
    deadline: first.limits.deadline ?? Number.POSITIVE_INFINITY,
    started: first.at,
    noted,
    executions,
    calls: callsOf(known, noted, executions),
    asked: eventsByCall(noted).map((events) => ({
      name: ofTag(events, "ToolCallRequested")[0]?.event.name ?? "",
      events
    })),
    whole: run.resumed.length === 0 && executions.every(({ process }) => process === 0) && !run.lost,
    undisturbed: state.ended?.outcome === "completed" && run.resumed.length === 0 && !run.lost
  }
}

/** @internal */
export const nameOf = ({ index, tool, turn }: Execution): string => `${tool} ${turn}.${index}`

/** It does not end when it is interrupted. @internal */
export const isDeaf = ({ fate }: Execution): boolean => fate.does === "deaf"

/** Where the journal stood when it ended. @internal */
export const toOf = ({ to }: Execution): number => to ?? Number.POSITIVE_INFINITY

/** @internal */
export const endOf = ({ end }: Execution): number => end ?? Number.POSITIVE_INFINITY

/** It states that nothing happened. @internal */
export const saysNothingHappened = ({ failure, finished }: Execution): boolean =>
  finished && failure !== undefined && !failure.executed

/** The most that were under way at one place of the journal. @internal */
export const peak = (executions: ReadonlyArray<Execution>): number =>
  Math.max(
    0,
    ...executions.map(({ from, process }) =>
      executions.filter((other) => other.process === process && other.from <= from && toOf(other) >= from).length
    )
  )
