/**
 * The events of a run as text for snapshots: a line for each model request, attempt, wait and answer, with its time.
 *
 * **Details**
 *
 * Times are milliseconds since the run began. A line stands where its event stands in the journal; one that lasts says how long.
 * Ids and token counts are left out, so that under virtual time the same run gives the same text.
 *
 * @since 0.1.0
 */
import { canonicalJson } from "../internal/canonicalJson.ts"
import type * as RunEvent from "../RunEvent.ts"

type Event = RunEvent.RunEvent

type CallEvent = Extract<Event, { readonly index: number }>

/** What a line needs to know of the events around its own. */
interface Around {
  readonly events: ReadonlyArray<Event>
  readonly position: number
  readonly names: ReadonlyMap<string, string>
}

const requestOf = ({ request, turn }: { readonly turn: number; readonly request: number }): string =>
  request === 1 ? `turn ${turn}` : `turn ${turn}, request ${request}`

const keyOf = ({ index, request, turn }: CallEvent | RunEvent.Of<"ToolCallRequested">): string =>
  `${turn}.${request}.${index}`

const callOf = (event: CallEvent, { names }: Around): string =>
  `call ${event.index} (${names.get(keyOf(event)) ?? "?"})`

const failureOf = ({ kind, message, reason, retryAfter }: RunEvent.Failure): string =>
  `${kind} ${reason}: ${message}${retryAfter === undefined ? "" : `, retry after ${retryAfter} ms`}`

const shortened = (value: unknown): string => {
  const text = typeof value === "string" ? JSON.stringify(value) : canonicalJson(value)
  return text.length <= 100 ? text : `${text.slice(0, 97)}...`
}

/** The first event of a tag after this one, of the same request. */
const later = <Tag extends Event["_tag"]>(
  { events, position }: Around,
  tag: Tag,
  holds: (event: RunEvent.Of<Tag>) => boolean
): RunEvent.Of<Tag> | undefined =>
  events.slice(position + 1).find((event): event is RunEvent.Of<Tag> =>
    event._tag === tag && holds(event as RunEvent.Of<Tag>)
  )

const lasting = (from: number, to: number | undefined): string => to === undefined ? "" : ` after ${to - from} ms`

const attemptLine = (event: RunEvent.Of<"AttemptStarted">, around: Around): string => {
  const isSame = (other: { readonly attempt: number } & CallEvent): boolean =>
    keyOf(other) === keyOf(event) && other.attempt === event.attempt
  const what = `${callOf(event, around)} attempt ${event.attempt}`
  const ended = later(around, "AttemptEnded", isSame)
  if (ended !== undefined) {
    const how = ended.failure === undefined ? "succeeds" : "fails"
    return `${what} ${how}${lasting(event.at, ended.at)}${
      ended.failure === undefined ? "" : `: ${failureOf(ended.failure)}`
    }`
  }
  const abandoned = later(around, "AttemptAbandoned", isSame)
  return abandoned === undefined ? `${what} has no end` : `${what} is abandoned${lasting(event.at, abandoned.at)}`
}

const waits = {
  dependency: "the calls before it",
  serial: "its serial key",
  tool: "a place of its tool",
  dispatch: "a place"
}

const settingsOf = ({ limit, note }: RunEvent.Of<"ModelRequested">): string =>
  [
    ...(limit === undefined ? [] : [`last turn, limit ${limit}`]),
    ...(note === undefined ? [] : [`note ${shortened(note.text)}`])
  ].map((part) => `, ${part}`).join("")

/** What is told of an event; nothing of those that another line tells, or that take no time. */
const lineOf = (event: Event, around: Around): string | undefined => {
  switch (event._tag) {
    case "RunStarted":
      return `run of agent "${event.agent}"`
    case "RunResumed":
      return "run resumed"
    case "ModelRequested": {
      const isSame = (other: { readonly turn: number; readonly request: number }): boolean =>
        other.turn === event.turn && other.request === event.request
      const what = `model ${requestOf(event)}${settingsOf(event)}`
      const responded = later(around, "ModelResponded", isSame)
      if (responded !== undefined) return `${what}: ${responded.stopReason}${lasting(event.at, responded.at)}`
      const failed = later(around, "ModelFailed", isSame)
      if (failed === undefined) return `${what} has no end`
      const again = failed.restartable ? `, asked again in ${failed.wait} ms` : ""
      return `${what} fails${lasting(event.at, failed.at)}: ${failed.reason}${again}`
    }
    case "ToolCallRequested":
      return `${callOf(event, around)} requested ${shortened(event.params)}`
    case "CallDiscarded":
      return `${callOf(event, around)} discarded`
    case "ApprovalRequested":
      return `${callOf(event, around)} waits for approval`
    case "ApprovalDecided":
      return `${callOf(event, around)} ${event.approved ? "approved" : "refused"}`
    case "CallQueued":
      return `${callOf(event, around)} waits for ${waits[event.behind]}`
    case "CallJoined":
      return `${callOf(event, around)} joins call ${event.leader}`
    case "CacheHit":
      return `${callOf(event, around)} from the cache, ${event.age} ms old${event.stale ? ", stale" : ""}`
    case "AttemptStarted":
      return attemptLine(event, around)
    case "HedgeStarted":
      return `${callOf(event, around)} hedged after ${event.after} ms`
    case "RateLimited":
      return `${callOf(event, around)} waits ${event.wait} ms for its rate`
    case "CircuitOpened":
      return `${callOf(event, around)} opens the circuit "${event.key}" for ${event.openFor} ms`
    case "RetryScheduled":
      return `${callOf(event, around)} waits ${event.wait} ms for attempt ${event.attempt}`
    case "RetryRefused":
      return `${callOf(event, around)} has no attempt ${event.attempt}: ${event.why}`
    case "CallReconciled":
      return `${callOf(event, around)} ${event.executed ? "took" : "did not take"} effect`
    case "FallbackStarted":
      return `${callOf(event, around)} falls back to ${event.tool}`
    case "ToolCallAnswered":
      return `${callOf(event, around)} answered ${event.ok ? "ok" : "failed"} ${shortened(event.result)}`
    case "OutputChecked":
      return event.ok ? "output accepted" : `output refused: ${event.message ?? ""}`
    case "RunEnded":
      return `run ${event.outcome}${event.reason === undefined ? "" : ` (${event.reason})`}`
    case "BlockReceived":
    case "ModelResponded":
    case "ModelFailed":
    case "DispatchIntended":
    case "AttemptEnded":
    case "AttemptAbandoned":
    case "AttemptReleased":
    case "SubRunEnded":
    case "TurnClosed":
      return undefined
  }
}

const columns = 8

/**
 * The timeline of one run.
 *
 * **Example** (A run of one turn)
 *
 * ```ts
 * import { Agent, Journal } from "@volley/core"
 * import { ModelScript, ScriptedModel, Timeline } from "@volley/core/testing"
 * import { Effect, Layer } from "effect"
 * import { TestClock } from "effect/testing"
 *
 * const program = Effect.gen(function*() {
 *   yield* Agent.run(Agent.make("greeter"), "Hello", { runId: "greeting" })
 *   console.log(Timeline.text(yield* (yield* Journal.current).read("greeting")))
 * })
 * const world = Layer.mergeAll(ScriptedModel.layer([ModelScript.text("Hello!")]), Journal.layerMemory, TestClock.layer())
 * await Effect.runPromise(Effect.provide(program, world))
 * ```
 *
 * ```text
 *        0  run of agent "greeter"
 *        0  model turn 1: end_turn after 0 ms
 *        0  run completed
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const text = (events: ReadonlyArray<RunEvent.RunEvent>): string => {
  const names = new Map(
    events.flatMap((event) => event._tag === "ToolCallRequested" ? [[keyOf(event), event.name] as const] : [])
  )
  const started = events.find((event) => "at" in event)
  const zero = started !== undefined && "at" in started ? started.at : 0
  let at = zero
  return events.flatMap((event, position) => {
    if ("at" in event) at = event.at
    const line = lineOf(event, { events, position, names })
    return line === undefined ? [] : [`${`${at - zero}`.padStart(columns)}  ${line}`]
  }).join("\n")
}
