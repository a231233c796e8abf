/**
 * Checks the events of a run against the guarantees that a journal can show: one pure function, for tests, simulations
 * and `volley check`.
 *
 * **Details**
 *
 * - `G1`: every tool call of a kept reply is answered exactly once before the next model request.
 * - `G2`: the answers stand in call order in the transcript.
 * - `G3`: a call that failed for good is not tried again.
 * - `G4`: an effectful call is executed again only where it is known not to have been executed before.
 * - `G5`: the calls are not repeated more often than the run's limit of retries allows.
 * - `G6`: the handlers that run at the same time stay within the bounds of the dispatch and of each tool.
 * - `G7`: an attempt waits as long as was planned (to the millisecond), and as long as the failure before it asked for.
 * - `G8`: nothing is begun after the run's deadline, and every call is answered by then (within a second, since the clock
 *   of a busy process may be late).
 * - `G11`: the transcript is one that the API accepts: calls and answers are paired and nothing is empty.
 * - `order`: the events come in an order that a run can produce.
 *
 * A journal that ends early (a killed process) is checked as far as it goes.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import type * as RunEvent from "./RunEvent.ts"
import * as RunState from "./RunState.ts"

/**
 * A broken guarantee: which one, at which event (from 0; the number of events for the end of the run), and how.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  readonly guarantee: "G1" | "G2" | "G3" | "G4" | "G5" | "G6" | "G7" | "G8" | "G11" | "order"
  readonly event: number
  readonly message: string
}

type Report = (guarantee: Violation["guarantee"], message: string) => void

const keyOf = (event: { readonly turn: number; readonly request: number; readonly index: number }): string =>
  `${event.turn}.${event.request}.${event.index}`

const name = (state: RunState.RunState, index: number): string => state.calls[index]?.requested.name ?? `#${index}`

/** The events that belong to the present reply, and those that may only follow its end. */
const checkOrder = (state: RunState.RunState, event: RunEvent.RunEvent, report: Report): void => {
  const allowed: { readonly [tag in RunEvent.RunEvent["_tag"]]: ReadonlyArray<RunState.Phase> } = {
    RunStarted: ["new"],
    ModelRequested: ["ready"],
    BlockReceived: ["requested"],
    ToolCallRequested: ["requested"],
    ModelResponded: ["requested"],
    ModelFailed: ["requested"],
    DispatchIntended: ["responded"],
    AttemptStarted: ["dispatching"],
    AttemptEnded: ["dispatching"],
    CallQueued: ["dispatching"],
    CallJoined: ["dispatching"],
    CacheHit: ["dispatching"],
    HedgeStarted: ["dispatching"],
    RateLimited: ["dispatching"],
    CircuitOpened: ["dispatching"],
    RetryScheduled: ["dispatching"],
    RetryRefused: ["dispatching"],
    CallReconciled: ["dispatching"],
    FallbackStarted: ["dispatching"],
    AttemptAbandoned: ["dispatching", "ready", "requested", "responded", "finished", "ended"],
    AttemptReleased: ["dispatching", "ready", "requested", "responded", "finished", "ended"],
    ToolCallAnswered: ["responded", "dispatching"],
    TurnClosed: ["responded", "dispatching"],
    RunEnded: ["ready", "requested", "responded", "finished"]
  }
  if (!allowed[event._tag].includes(state.phase)) report("order", `${event._tag} while the run is ${state.phase}`)
  if (event._tag === "RunEnded" && state.phase === "responded" && state.response?.finishReason !== "content-filter") {
    report("order", "RunEnded before the turn of a kept reply is closed")
  }
  if (event._tag === "RunEnded" && event.outcome === "completed" && state.phase !== "finished") {
    report("order", `the run completed while it was ${state.phase}`)
  }
  if (
    "turn" in event && event._tag !== "ModelRequested" && state.phase !== "ended" && !event._tag.startsWith("Attempt")
  ) {
    if (event.turn !== state.turn || event.request !== state.request) {
      report("order", `${event._tag} of request ${event.turn}.${event.request} in ${state.turn}.${state.request}`)
    }
  }
}

const checkAnswers = (state: RunState.RunState, event: RunEvent.RunEvent, report: Report): void => {
  if (event._tag === "ToolCallRequested" && event.index !== state.calls.length) {
    report("G2", `call ${event.index} was requested in place ${state.calls.length}`)
  }
  if (event._tag === "ToolCallAnswered") {
    const call = state.calls[event.index]
    if (call === undefined) report("G1", `an answer to call ${event.index}, which was never requested`)
    else if (call.answered !== undefined) {
      report("G1", `call ${event.index} (${name(state, event.index)}) is answered twice`)
    }
  }
  const call = event._tag === "AttemptStarted" ? state.calls[event.index] : undefined
  if (call !== undefined && call.key === undefined) {
    report("order", `call ${call.requested.index} started before it was intended`)
  }
  if (event._tag === "TurnClosed") {
    for (const call of state.calls) {
      if (call.answered === undefined) {
        report("G1", `call ${call.requested.index} (${call.requested.name}) is not answered when its turn closes`)
      }
    }
  }
}

/** Counts running handlers: an abandoned one keeps its place until it is released. */
const makeGauge = () => {
  const running = new Map<string, string>()
  const abandoned = new Set<string>()
  const fallbacks = new Map<string, string>()
  return (state: RunState.RunState, event: RunEvent.RunEvent, report: Report): void => {
    if (!("index" in event)) return
    const call = keyOf(event)
    if (event._tag === "FallbackStarted") fallbacks.set(call, event.tool)
    if (!("attempt" in event)) return
    const key = `${call}.${event.attempt}`
    if (event._tag === "AttemptAbandoned") abandoned.add(key)
    if (event._tag === "AttemptEnded" && !abandoned.has(key)) running.delete(key)
    if (event._tag === "AttemptReleased") {
      abandoned.delete(key)
      running.delete(key)
    }
    if (event._tag !== "AttemptStarted" || state.started === undefined) return
    const tool = fallbacks.get(call) ?? name(state, event.index)
    running.set(key, tool)
    const { limits, tools } = state.started
    const ofTurn = Array.from(running.keys()).filter((other) => other.startsWith(`${event.turn}.${event.request}.`))
    if (ofTurn.length > limits.concurrency) {
      report("G6", `${ofTurn.length} handlers run, limit ${limits.concurrency}`)
    }
    const bound = tools.find((candidate) => candidate.name === tool)?.concurrency ?? Number.POSITIVE_INFINITY
    const ofTool = Array.from(running.values()).filter((other) => other === tool).length
    if (ofTool > bound) report("G6", `${ofTool} handlers of ${tool} run, limit ${bound}`)
  }
}

/** A timer of Node may fire a millisecond before the clock says so. */
const timerError = 1

interface Tried {
  readonly effectful: boolean
  /** Attempts that may have taken effect. */
  readonly executed: Set<number>
  failure: RunEvent.Failure | undefined
  retryAt: number
  /** A hedge that has not begun yet may begin while the attempt beside it fails. */
  hedged: boolean
}

/** Whether each attempt may follow those before it. */
const makeAttempts = () => {
  const calls = new Map<string, Tried>()
  let retries = 0

  const begin = (call: Tried, event: RunEvent.Of<"AttemptStarted">, what: string, report: Report): void => {
    if (call.failure?.kind === "permanent" && !call.hedged) report("G3", `${what} failed for good and is tried again`)
    call.hedged = false
    if (call.effectful && call.executed.size > 0) report("G4", `${what} may be executed twice`)
    const early = call.retryAt - event.at
    if (early > timerError) report("G7", `${what} is tried again ${early} ms too early`)
    call.executed.add(event.attempt)
  }

  const end = (call: Tried, { attempt, failure }: RunEvent.Of<"AttemptEnded">): void => {
    call.failure = failure
    if (failure?.executed === false) call.executed.delete(attempt)
  }

  const schedule = (call: Tried, event: RunEvent.Of<"RetryScheduled">, what: string, report: Report): void => {
    call.hedged = false
    const asked = call.failure?.retryAfter ?? 0
    if (event.wait < asked) report("G7", `${what} is to be tried again after ${event.wait} ms, asked were ${asked}`)
    call.retryAt = event.at + event.wait
    retries++
  }

  return (state: RunState.RunState, event: RunEvent.RunEvent, report: Report): void => {
    if (event._tag === "DispatchIntended") {
      for (const { class: effectClass, index } of event.calls) {
        calls.set(keyOf({ ...event, index }), {
          effectful: effectClass === "effectful",
          executed: new Set(),
          failure: undefined,
          retryAt: 0,
          hedged: false
        })
      }
    }
    const call = "index" in event ? calls.get(keyOf(event)) : undefined
    if (call === undefined || !("index" in event)) return
    const what = `call ${event.index} (${name(state, event.index)})`
    if (event._tag === "AttemptStarted") begin(call, event, what, report)
    if (event._tag === "AttemptEnded") end(call, event)
    if (event._tag === "HedgeStarted") call.hedged = true
    if (event._tag === "CallReconciled" && !event.executed) call.executed.clear()
    if (event._tag === "RetryScheduled") schedule(call, event, what, report)
    const allowed = state.started?.limits.retries ?? 0
    if (event._tag === "RetryScheduled" && retries > allowed) report("G5", `${retries} retries, limit ${allowed}`)
  }
}

/** How late an answer may be, in milliseconds. */
const tolerance = 1000

const checkDeadline = ({ started }: RunState.RunState, event: RunEvent.RunEvent, report: Report): void => {
  const deadline = started === undefined || started.limits.deadline === null
    ? Number.POSITIVE_INFINITY
    : started.at + started.limits.deadline
  if (event._tag === "AttemptStarted" && event.at >= deadline) {
    report("G8", `call ${event.index} is begun ${event.at - deadline} ms after the deadline`)
  }
  if (event._tag === "ToolCallAnswered" && event.at > deadline + tolerance) {
    report("G8", `call ${event.index} is answered ${event.at - deadline} ms after the deadline`)
  }
}

const isBlank = (part: Prompt.Part): boolean => part.type === "text" && part.text === ""

/**
 * What makes a transcript one that the API would refuse.
 *
 * @category combinators
 * @since 0.1.0
 */
export const transcript = (prompt: Prompt.Prompt): ReadonlyArray<Omit<Violation, "event">> => {
  const found: Array<Omit<Violation, "event">> = []
  const seen = new Set<string>()
  const messages = prompt.content.filter((message) => message.role !== "system")
  if (messages.length > 0 && messages[0]?.role !== "user") {
    found.push({ guarantee: "G11", message: "the first message is not the user's" })
  }
  for (const [i, message] of messages.entries()) {
    const parts = message.content as ReadonlyArray<Prompt.Part>
    if (parts.length === 0 || parts.some(isBlank)) {
      found.push({ guarantee: "G11", message: `message ${i} (${message.role}) has empty content` })
    }
    const calls = parts.flatMap((part) => part.type === "tool-call" && !part.providerExecuted ? [part.id] : [])
    const next = message.role === "assistant" ? messages[i + 1] : undefined
    const answers = next?.role === "tool"
      ? next.content.flatMap((part) => part.type === "tool-result" ? [part.id] : [])
      : []
    for (const id of calls) {
      if (seen.has(id)) found.push({ guarantee: "G11", message: `two calls have the id "${id}"` })
      seen.add(id)
    }
    if (message.role === "assistant" && calls.join("\n") !== answers.join("\n")) {
      const same = calls.toSorted().join("\n") === answers.toSorted().join("\n")
      found.push(
        same
          ? { guarantee: "G2", message: `the answers of message ${i} are not in call order` }
          : { guarantee: "G11", message: `the calls and answers of message ${i} are not paired` }
      )
    }
    if (message.role === "tool" && messages[i - 1]?.role !== "assistant") {
      found.push({ guarantee: "G11", message: `the answers of message ${i} follow no call` })
    }
  }
  return found
}

/**
 * Every violation in the events of one run, in order; empty when all guarantees hold.
 *
 * @category combinators
 * @since 0.1.0
 */
export const all = (events: ReadonlyArray<RunEvent.RunEvent>): ReadonlyArray<Violation> => {
  const violations: Array<Violation> = []
  const gauge = makeGauge()
  const attempts = makeAttempts()
  let state = RunState.initial
  for (const [i, event] of events.entries()) {
    const report: Report = (guarantee, message) => violations.push({ guarantee, event: i, message })
    checkOrder(state, event, report)
    checkAnswers(state, event, report)
    gauge(state, event, report)
    attempts(state, event, report)
    checkDeadline(state, event, report)
    state = RunState.apply(state, event)
    if (event._tag === "TurnClosed" || event._tag === "RunEnded") {
      for (const { guarantee, message } of transcript(state.transcript)) report(guarantee, message)
    }
  }
  return violations
}
