/**
 * Decides a run again from its journal, without calling anything.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Dispatcher from "../../Dispatcher.ts"
import * as Redactor from "../../Redactor.ts"
import type * as RunEvent from "../../RunEvent.ts"
import * as RunState from "../../RunState.ts"
import { canonicalJson } from "../canonicalJson.ts"
import { isMasked } from "../masked.ts"
import { type Definition, started } from "./definition.ts"
import { cancelled, withheld } from "./texts.ts"

/**
 * The events of a run as the present code decides them, up to the first that it would not have written: which one (from 0),
 * and why.
 *
 * @internal
 */
export interface Replayed {
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly divergence: { readonly event: number; readonly message: string } | undefined
}

/** What the present code writes in place of an event, or why it would not write one. */
type Decided = RunEvent.RunEvent | string

interface Present {
  readonly definition: Definition
  readonly dispatcher: Dispatcher.Dispatcher
  readonly state: RunState.RunState
}

type Command<Tag extends RunState.Command["_tag"]> = Extract<RunState.Command, { readonly _tag: Tag }>

/** The commands of the state, at the time it came about or at the time of the event: the one was carried out between. */
const commandsAt = (state: RunState.RunState, at: number): ReadonlyArray<RunState.Command> => [
  ...RunState.next(state, state.lastAt),
  ...RunState.next(state, at)
]

const find = <Tag extends RunState.Command["_tag"]>(
  { state }: Present,
  at: number,
  tag: Tag,
  holds: (command: Command<Tag>) => boolean = () => true
): Command<Tag> | undefined =>
  commandsAt(state, at).find((command): command is Command<Tag> =>
    command._tag === tag && holds(command as Command<Tag>)
  )

const present = (commands: ReadonlyArray<RunState.Command>): string =>
  commands.length === 0 ? "nothing is to be done" : commands.map((command) => canonicalJson(command)).join(", ")

const begin = ({ definition, dispatcher }: Present, event: RunEvent.Of<"RunStarted">): Decided => {
  const { forkedFrom, history, input, limits, metadata, parent, runId, tenant, thread } = event
  const start = { runId, input, history, tenant, thread, metadata, forkedFrom }
  // a sub-agent has what was left of the time above it
  const ownLimits = parent === undefined ? definition.limits : { ...definition.limits, deadline: limits.deadline }
  return started(definition, dispatcher, start, parent, ownLimits, event.at)
}

/** What the provider was, is not in question: how it takes a note, how it gives structured output. */
const request = (now: Present, event: RunEvent.Of<"ModelRequested">): Decided => {
  const { definition, state } = now
  const bounded = state.started?.parent !== undefined
  const command = find(
    now,
    event.at,
    "CallModel",
    ({ limit, request, turn }) =>
      turn === event.turn && request === event.request && (limit === event.limit || (bounded && limit === undefined))
  )
  if (command === undefined) return `request ${event.turn}.${event.request} would not be sent`
  if (event.request > 1) return event
  if (event.note !== undefined && command.note !== event.note.text && !bounded) {
    return { ...event, note: { role: event.note.role, text: command.note ?? "" } }
  }
  const { output, toolChoice, ...recorded } = event.settings ?? {}
  void output
  const { toolChoice: choice, ...prepared } = definition.prepareTurn?.(state) ?? {}
  const wanted = command.maxTokens === undefined ? prepared : { ...prepared, maxTokens: command.maxTokens }
  const free = output === undefined && event.limit === undefined
  return canonicalJson(recorded) === canonicalJson(wanted) &&
      (!free || canonicalJson(toolChoice) === canonicalJson(choice))
    ? event
    : { ...event, settings: { ...definition.prepareTurn?.(state), ...wanted } }
}

const intend = Effect.fnUntraced(function*(now: Present, event: RunEvent.Of<"DispatchIntended">) {
  const { dispatcher, state } = now
  const recorded = event.calls.map(({ index }) => index)
  const command = find(now, event.at, "IntendDispatch", ({ indices }) =>
    // a reply that is still being received may have asked for more meanwhile
    (state.phase === "requested" ? indices.slice(0, Math.max(1, recorded.length)) : indices).join() === recorded.join())
  if (command === undefined) return `these calls would not be run: ${present(commandsAt(state, event.at))}`
  const calls = yield* Effect.forEach(recorded, (index) => {
    const { id, name, params } = state.calls[index]!.requested
    const asked = { turn: event.turn, request: event.request, index, id, name, params }
    const known = event.calls.find((call) => call.index === index)!
    // what the arguments were is not known any more
    if (isMasked(params)) return Effect.succeed({ ...known, class: Dispatcher.effectClass(dispatcher, name) })
    const key = Dispatcher.idempotencyKey(state.started!.runId, asked)
    return Effect.map(
      Dispatcher.wantsApproval(dispatcher, { ...asked, key }, state.transcript.content),
      (approval) => ({
        index,
        class: Dispatcher.effectClass(dispatcher, name),
        key,
        ...(approval ? { approval } : {})
      })
    )
  })
  return { ...event, calls } satisfies RunEvent.RunEvent
})

/** Answers that the run itself gives are decided again; those of tools are taken as they are. */
const answer = (now: Present, event: RunEvent.Of<"ToolCallAnswered">): Decided => {
  const { dispatcher, state } = now
  const command = find(now, event.at, "AnswerCall", ({ index }) => index === event.index)
  const call = state.calls[event.index]
  if (command === undefined || call === undefined) return event
  const effectClass = call.class ?? Dispatcher.effectClass(dispatcher, call.requested.name)
  // a run that is cancelled or fails answers its open calls so, whatever was to be done with them
  const ends = [cancelled(call, "cancelled", effectClass), cancelled(call, "failed", effectClass)]
  if (ends.some(({ result }) => result === event.result)) return event
  const { attempts, failure, ok, result } = withheld(command.why, state.started!.limits, call, effectClass)
  return { ...event, ok, result, attempts, ...(failure === undefined ? {} : { failure }) }
}

const check = Effect.fnUntraced(function*({ definition, state }: Present, event: RunEvent.Of<"OutputChecked">) {
  if (definition.output === undefined) return "the agent has no structured output"
  if (isMasked(RunState.text(state))) return event
  const checked = yield* Effect.result(definition.output.parse(RunState.text(state)))
  return {
    _tag: "OutputChecked",
    turn: event.turn,
    request: event.request,
    at: event.at,
    ok: checked._tag === "Success",
    ...(checked._tag === "Success" ? {} : { message: checked.failure })
  } satisfies RunEvent.RunEvent
})

const start = Effect.fnUntraced(function*(now: Present, event: RunEvent.Of<"AttemptStarted">) {
  const call = now.state.calls[event.index]
  if (call === undefined || call.attempts > 0) return event
  if (find(now, event.at, "StartCall", ({ index }) => index === event.index) === undefined) {
    return `call ${event.index} would not be started`
  }
  const { name, params } = call.requested
  if (isMasked(params)) return event
  const decoded = yield* Effect.result(now.dispatcher.tools.get(name)?.decode(params) ?? Effect.void)
  return decoded._tag === "Success" ? event : `call ${event.index} (${name}) would be refused: ${decoded.failure}`
})

/** A run may be cancelled, and fail, at any time. */
const end = (now: Present, event: RunEvent.Of<"RunEnded">): Decided => {
  if (event.outcome === "cancelled" || event.outcome === "failed") return event
  const bounded = now.state.started?.parent !== undefined
  const command = find(now, event.at, "Stop", ({ outcome }) => outcome === event.outcome)
  if (command === undefined) {
    return bounded && event.outcome === "limited"
      ? event
      : `the run would not end ${event.outcome}: ${present(commandsAt(now.state, event.at))}`
  }
  return {
    _tag: "RunEnded",
    at: event.at,
    outcome: command.outcome,
    text: RunState.text(now.state),
    ...(command.reason === undefined ? {} : { reason: command.reason })
  }
}

const decide = (now: Present, event: RunEvent.RunEvent): Effect.Effect<Decided> => {
  switch (event._tag) {
    case "RunStarted":
      return Effect.succeed(begin(now, event))
    case "ModelRequested":
      return Effect.succeed(request(now, event))
    case "DispatchIntended":
      return intend(now, event)
    case "AttemptStarted":
      return start(now, event)
    case "ToolCallAnswered":
      return Effect.succeed(answer(now, event))
    case "OutputChecked":
      return check(now, event)
    case "TurnClosed": {
      const closes = find(now, event.at, "CloseTurn") !== undefined
        || now.state.calls.every(({ answered }) => answered !== undefined)
      return Effect.succeed(closes ? event : "the turn would not be closed yet")
    }
    case "RunEnded":
      return Effect.succeed(end(now, event))
    default:
      return Effect.succeed(event)
  }
}

const isObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null

type Redact = (text: string) => string

/** The first place in which two JSON values differ, other than in a secret that the recorded one does not hold. */
const difference = (recorded: unknown, decided: unknown, redact: Redact, path = ""): string | undefined => {
  if (canonicalJson(recorded) === canonicalJson(decided)) return undefined
  if (typeof decided === "string" && redact(decided) === recorded) return undefined
  if (!isObject(recorded) || !isObject(decided)) {
    return `${path} was ${canonicalJson(recorded)} and would be ${canonicalJson(decided)}`
  }
  for (const key of new Set([...Object.keys(recorded), ...Object.keys(decided)])) {
    const found = difference(recorded[key], decided[key], redact, path === "" ? key : `${path}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** @internal */
export const replay = Effect.fnUntraced(function*(
  definition: Definition,
  events: ReadonlyArray<RunEvent.RunEvent>
): Effect.fn.Return<Replayed> {
  const { output, toolkit } = definition
  const tools = Object.values(toolkit.tools)
  const dispatcher = yield* Dispatcher.make(output === undefined ? tools : [...tools, output.tool])
  const { redact } = yield* Redactor.current
  const decided: Array<RunEvent.RunEvent> = []
  let state = RunState.initial
  for (const [i, event] of events.entries()) {
    const made = yield* decide({ definition, dispatcher, state }, event)
    const message = typeof made === "string" ? made : difference(event, made, redact)
    if (message !== undefined) {
      return { events: decided, divergence: { event: i, message: `${event._tag}: ${message}` } }
    }
    decided.push(event)
    state = RunState.apply(state, event)
  }
  return { events: decided, divergence: undefined }
})
