/**
 * What happened in a run, as a fold over its events: the one picture that the live view, the report and `volley show`
 * are drawn from. Unlike `RunState` it keeps every turn, and the times.
 *
 * @internal
 */
import type * as RunEvent from "@volley/core/RunEvent"

/** @internal */
export interface Attempt {
  readonly started: RunEvent.Of<"AttemptStarted">
  readonly ended: RunEvent.Of<"AttemptEnded"> | undefined
  readonly abandoned: boolean
  /** Set where another attempt follows. */
  readonly retry: RunEvent.Of<"RetryScheduled"> | undefined
}

/** @internal */
export interface Call {
  readonly requested: RunEvent.Of<"ToolCallRequested">
  readonly attempts: ReadonlyArray<Attempt>
  /** How it came to its result other than by its own attempts. */
  readonly detours: ReadonlyArray<Detour>
  readonly answered: RunEvent.Of<"ToolCallAnswered"> | undefined
}

/** @internal */
export type Detour = RunEvent.Of<"CallJoined" | "CacheHit" | "HedgeStarted" | "FallbackStarted">

/** A model request with the reply to it. @internal */
export interface Request {
  readonly requested: RunEvent.Of<"ModelRequested">
  readonly text: string
  readonly calls: ReadonlyArray<Call>
  readonly responded: RunEvent.Of<"ModelResponded"> | undefined
  readonly failed: RunEvent.Of<"ModelFailed"> | undefined
  readonly closed: RunEvent.Of<"TurnClosed"> | undefined
}

/** @internal */
export interface Timeline {
  readonly started: RunEvent.Of<"RunStarted"> | undefined
  readonly requests: ReadonlyArray<Request>
  /** The runs that handlers of this run executed. */
  readonly subRuns: ReadonlyArray<RunEvent.Of<"SubRunEnded">>
  readonly ended: RunEvent.Of<"RunEnded"> | undefined
}

/** @internal */
export const empty: Timeline = { started: undefined, requests: [], subRuns: [], ended: undefined }

type CallEvent = Extract<RunEvent.RunEvent, { readonly index: number }>

const updateRequest = (
  timeline: Timeline,
  { request, turn }: { readonly turn: number; readonly request: number },
  change: (request: Request) => Partial<Request>
): Timeline => ({
  ...timeline,
  requests: timeline.requests.map((one) =>
    one.requested.turn === turn && one.requested.request === request ? { ...one, ...change(one) } : one
  )
})

const updateCall = (timeline: Timeline, event: CallEvent, change: (call: Call) => Partial<Call>): Timeline =>
  updateRequest(timeline, event, ({ calls }) => ({
    calls: calls.map((call) => call.requested.index === event.index ? { ...call, ...change(call) } : call)
  }))

const updateAttempt = (
  timeline: Timeline,
  event: CallEvent & { readonly attempt: number },
  change: Partial<Attempt>
): Timeline =>
  updateCall(timeline, event, ({ attempts }) => ({
    attempts: attempts.map((attempt) => attempt.started.attempt === event.attempt ? { ...attempt, ...change } : attempt)
  }))

/** A reply that was being received when its process ended is not kept. */
const resume = (timeline: Timeline, { at }: RunEvent.Of<"RunResumed">): Timeline => {
  const last = timeline.requests.at(-1)
  if (last === undefined || last.responded !== undefined || last.failed !== undefined) return timeline
  const { request, turn } = last.requested
  const failed = {
    _tag: "ModelFailed",
    turn,
    request,
    at,
    reason: "Resumed",
    message: "the process ended",
    restartable: true,
    wait: 0
  } as const
  return updateRequest(timeline, last.requested, () => ({ failed }))
}

/** @internal */
export const apply = (timeline: Timeline, event: RunEvent.RunEvent): Timeline => {
  switch (event._tag) {
    case "RunStarted":
      return { ...timeline, started: event }
    case "RunResumed":
      return resume(timeline, event)
    case "ModelRequested": {
      const request: Request = {
        requested: event,
        text: "",
        calls: [],
        responded: undefined,
        failed: undefined,
        closed: undefined
      }
      return { ...timeline, requests: [...timeline.requests, request] }
    }
    case "BlockReceived": {
      const { part } = event
      return part.type === "text"
        ? updateRequest(timeline, event, ({ text }) => ({ text: text + part.text }))
        : timeline
    }
    case "ToolCallRequested":
      return updateRequest(timeline, event, ({ calls }) => ({
        calls: [...calls, { requested: event, attempts: [], detours: [], answered: undefined }]
      }))
    case "ModelResponded":
      return updateRequest(timeline, event, () => ({ responded: event }))
    case "ModelFailed":
      return updateRequest(timeline, event, () => ({ failed: event }))
    case "DispatchIntended":
    case "CallQueued":
    case "RateLimited":
    case "CircuitOpened":
    case "RetryRefused":
    case "CallReconciled":
    case "AttemptReleased":
    case "CallDiscarded":
    case "ApprovalRequested":
    case "ApprovalDecided":
    case "OutputChecked":
      return timeline
    case "SubRunEnded":
      return { ...timeline, subRuns: [...timeline.subRuns, event] }
    case "CallJoined":
    case "CacheHit":
    case "HedgeStarted":
    case "FallbackStarted":
      return updateCall(timeline, event, ({ detours }) => ({ detours: [...detours, event] }))
    case "AttemptStarted":
      return updateCall(timeline, event, ({ attempts }) => ({
        attempts: [...attempts, { started: event, ended: undefined, abandoned: false, retry: undefined }]
      }))
    case "AttemptEnded":
      return updateAttempt(timeline, event, { ended: event })
    case "AttemptAbandoned":
      return updateAttempt(timeline, event, { abandoned: true })
    case "RetryScheduled":
      return updateCall(timeline, event, ({ attempts }) => ({
        attempts: attempts.map((attempt, i) => i === attempts.length - 1 ? { ...attempt, retry: event } : attempt)
      }))
    case "ToolCallAnswered":
      return updateCall(timeline, event, () => ({ answered: event }))
    case "TurnClosed":
      return updateRequest(timeline, event, () => ({ closed: event }))
    case "RunEnded":
      return { ...timeline, ended: event }
  }
}

/** @internal */
export const fromEvents = (events: Iterable<RunEvent.RunEvent>): Timeline => {
  let timeline = empty
  for (const event of events) timeline = apply(timeline, event)
  return timeline
}

/** The tool calls of the replies that were kept: those of a broken or refused reply never count. @internal */
export const calls = (timeline: Timeline): ReadonlyArray<Call> =>
  timeline.requests.flatMap(({ calls, responded }) =>
    responded === undefined || responded.refusal !== undefined ? [] : calls
  )

/** Milliseconds from a call's first attempt to its answer; 0 for a call that was not run. @internal */
export const callDuration = ({ answered, attempts }: Call): number =>
  answered === undefined || attempts[0] === undefined ? 0 : Math.max(0, answered.at - attempts[0].started.at)

/** How a call came to its result other than by its own attempts, in a word or two each. @internal */
export const detours = (call: Call): ReadonlyArray<string> =>
  Array.from(
    new Set(call.detours.map((event) => {
      switch (event._tag) {
        case "CallJoined":
          return "joined"
        case "CacheHit":
          return event.stale ? "stale" : "cached"
        case "HedgeStarted":
          return "hedged"
        case "FallbackStarted":
          return `by ${event.tool}`
      }
    }))
  )

/** What the run used, failed requests and the runs of its tools included. @internal */
export const usage = ({ requests, subRuns }: Timeline): RunEvent.Usage => {
  const total = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
  const replies = requests.flatMap(({ failed, responded }) => [failed, responded])
  for (const spent of [...replies, ...subRuns]) {
    if (spent?.usage === undefined) continue
    total.inputTokens += spent.usage.inputTokens
    total.outputTokens += spent.usage.outputTokens
    total.cacheReadTokens += spent.usage.cacheReadTokens
    total.cacheWriteTokens += spent.usage.cacheWriteTokens
  }
  return total
}

/** @internal */
export const turns = (timeline: Timeline): number => timeline.requests.at(-1)?.requested.turn ?? 0

/** Milliseconds from the start to the end of the run; 0 while one of them is missing. @internal */
export const runDuration = ({ ended, started }: Timeline): number =>
  started === undefined || ended === undefined ? 0 : Math.max(0, ended.at - started.at)
