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
 * - `G6`: the handlers that run at the same time stay within the bounds of the dispatch and of each tool; those of a process
 *   that is gone do not count.
 * - `G7`: an attempt waits as long as was planned (to the millisecond), and as long as the failure before it asked for.
 * - `G8`: nothing is begun after the run's deadline, and every call is answered by then (within a second, since the clock
 *   of a busy process may be late). Time that does not count for the run does not count here.
 * - `G10`: an answered call is not begun again, and a run that is resumed executes an effectful call again only where it is
 *   known not to have been executed by the process that is gone.
 * - `G11`: the transcript is one that the API accepts: calls and answers are paired and nothing is empty.
 * - `G12`: a reply that is not kept leaves nothing behind: a turn is asked for again only where its reply failed, only calls
 *   that do no harm begin before their reply is complete, and those of a reply that is not kept are ended unanswered.
 * - `G15`: the run asks, intends, checks and ends as `RunState.next` decides in the state that the events before lead to. What
 *   the runs above a sub-agent left to it is not known here.
 * - `G16`: what is counted as used is never negative, and a run that a tool started is counted once.
 * - `T13`: a call that wants approval is begun only once exactly it was approved, and no later than the approval holds (within
 *   a second; where the call waits for its place, it had to hold when it was given).
 * - `order`: the events come in an order that a run can produce. An event out of order is not checked any further.
 *
 * A journal that ends early (a killed process) is checked as far as it goes.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import { canonicalArguments } from "./internal/canonicalJson.ts"
import type * as RunEvent from "./RunEvent.ts"
import * as RunState from "./RunState.ts"

/**
 * A broken guarantee: which one, at which event (from 0), and how.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  readonly guarantee:
    | "G1"
    | "G2"
    | "G3"
    | "G4"
    | "G5"
    | "G6"
    | "G7"
    | "G8"
    | "G10"
    | "G11"
    | "G12"
    | "G15"
    | "G16"
    | "T13"
    | "order"
  readonly event: number
  readonly message: string
}

type Report = (guarantee: Violation["guarantee"], message: string) => void

/** What is wrong with an event, given the state before it. */
type Rule = (state: RunState.RunState, event: RunEvent.RunEvent, report: Report) => void

const keyOf = (event: { readonly turn: number; readonly request: number; readonly index: number }): string =>
  `${event.turn}.${event.request}.${event.index}`

const name = (state: RunState.RunState, index: number): string => state.calls[index]?.requested.name ?? `#${index}`

const nameOf = (state: RunState.RunState, index: number): string => `call ${index} (${name(state, index)})`

// ---- order

/** Calls that do no harm may run before their reply is complete. */
const running: ReadonlyArray<RunState.Phase> = ["requested", "responded", "dispatching"]

const begun: ReadonlyArray<RunState.Phase> = [...running, "ready", "finished"]

const anyTime: ReadonlyArray<RunState.Phase> = [...begun, "ended"]

const allowed: { readonly [tag in RunEvent.RunEvent["_tag"]]: ReadonlyArray<RunState.Phase> } = {
  RunStarted: ["new"],
  RunResumed: begun,
  ModelRequested: ["ready"],
  BlockReceived: ["requested"],
  ToolCallRequested: ["requested"],
  ModelResponded: ["requested"],
  ModelFailed: ["requested"],
  DispatchIntended: ["requested", "responded"],
  CallDiscarded: ["requested", "responded"],
  ApprovalRequested: ["dispatching"],
  ApprovalDecided: ["dispatching"],
  AttemptStarted: running,
  AttemptEnded: running,
  CallQueued: running,
  CallJoined: running,
  CacheHit: running,
  HedgeStarted: running,
  RateLimited: running,
  CircuitOpened: running,
  RetryScheduled: running,
  RetryRefused: running,
  CallReconciled: running,
  FallbackStarted: running,
  AttemptAbandoned: anyTime,
  AttemptReleased: anyTime,
  ToolCallAnswered: running,
  SubRunEnded: anyTime,
  OutputChecked: ["finished"],
  TurnClosed: ["responded", "dispatching"],
  RunEnded: ["ready", "requested", "responded", "finished"]
}

/** Of a handler that was abandoned, which may end when the run has gone on. */
const isBelated = ({ _tag }: RunEvent.RunEvent): boolean => _tag === "AttemptAbandoned" || _tag === "AttemptReleased"

/** The events that belong to the present reply, and those that may only follow its end. */
const checkOrder: Rule = (state, event, report) => {
  if (!allowed[event._tag].includes(state.phase)) {
    return report("order", `${event._tag} while the run is ${state.phase}`)
  }
  if (event._tag === "RunEnded") {
    if (state.phase === "responded" && state.response?.finishReason !== "content-filter") {
      return report("order", "RunEnded before the turn of a kept reply is closed")
    }
    if (event.outcome === "completed" && state.phase !== "finished") {
      return report("order", `the run completed while it was ${state.phase}`)
    }
  }
  if (!("turn" in event) || event._tag === "ModelRequested" || isBelated(event) || state.phase === "ended") return
  if (event.turn !== state.turn || event.request !== state.request) {
    return report("order", `${event._tag} of request ${event.turn}.${event.request} in ${state.turn}.${state.request}`)
  }
  if (event._tag === "AttemptStarted" && state.calls[event.index]?.key === undefined) {
    return report("order", `call ${event.index} started before it was intended`)
  }
}

// ---- answers, requests, what is counted

const checkAnswers: Rule = (state, event, report) => {
  if (event._tag === "ToolCallRequested" && event.index !== state.calls.length) {
    report("G2", `call ${event.index} was requested in place ${state.calls.length}`)
  }
  if (event._tag === "ToolCallAnswered") {
    const call = state.calls[event.index]
    if (call === undefined) report("G1", `an answer to call ${event.index}, which was never requested`)
    else if (call.answered !== undefined) report("G1", `${nameOf(state, event.index)} is answered twice`)
    else if (event.ok && call.key === undefined) {
      report("order", `call ${event.index} has a result before it was intended`)
    }
  }
  if (event._tag === "TurnClosed") {
    for (const call of state.calls) {
      if (call.answered === undefined) {
        report("G1", `${nameOf(state, call.requested.index)} is not answered when its turn closes`)
      }
    }
  }
}

/** What was to be done between the event before and this one. */
const decisions = (state: RunState.RunState, at: number): ReadonlyArray<RunState.Command> => [
  ...RunState.next(state, state.lastAt),
  ...RunState.next(state, at)
]

/** What the run itself decides follows from the events before; of a sub-agent but for what the runs above left to it. */
const checkDecisions: Rule = (state, event, report) => {
  const bounded = state.started?.parent !== undefined
  const isDecided = (at: number, holds: (command: RunState.Command) => boolean) => decisions(state, at).some(holds)
  if (event._tag === "ModelRequested") {
    const { at, limit, request, turn } = event
    if (request > 1 && state.failed === undefined) {
      return report("G12", `request ${turn}.${request} is sent although the reply before it was kept`)
    }
    const asked = isDecided(
      at,
      (command) =>
        command._tag === "CallModel" && command.turn === turn && command.request === request
        && (bounded || command.limit === limit)
    )
    if (!asked) report("G15", `request ${turn}.${request} is sent, which was not to be`)
  }
  if (event._tag === "DispatchIntended") {
    const indices = event.calls.map(({ index }) => index)
    if (state.phase === "requested" && event.calls.some((call) => call.class !== "readonly")) {
      return report("G12", `calls ${indices.join()} begin before their reply is complete, and may do harm`)
    }
    // the reply may become complete while an early intention is on its way
    const receiving: RunState.RunState = { ...state, phase: "requested" }
    const intended = [...decisions(state, event.at), ...decisions(receiving, event.at)].some((command) =>
      command._tag === "IntendDispatch" && indices.every((index) => command.indices.includes(index))
    )
    if (!intended) {
      report(
        "G15",
        `${indices.length === 0 ? "no calls" : `calls ${indices.join()}`} are intended, which were not to be`
      )
    }
  }
  if (event._tag === "OutputChecked" && !isDecided(event.at, ({ _tag }) => _tag === "CheckOutput")) {
    report("G15", "the output is checked, which was not to be")
  }
  if (event._tag === "RunEnded" && event.outcome !== "failed" && event.outcome !== "cancelled") {
    const { outcome, reason } = event
    const ends = isDecided(
      event.at,
      (command) => command._tag === "Stop" && command.outcome === outcome && command.reason === reason
    )
    if (!ends && !(bounded && outcome === "limited")) {
      report("G15", `the run ends ${outcome}${reason === undefined ? "" : ` (${reason})`}, which it was not to`)
    }
  }
}

const amountsOf = ({ cost = 0, toolCalls = 0, turns = 0, usage }: {
  readonly usage?: RunEvent.Usage
  readonly cost?: number
  readonly turns?: number
  readonly toolCalls?: number
}): ReadonlyArray<number> => [cost, turns, toolCalls, ...(usage === undefined ? [] : Object.values(usage))]

const makeCounts = (): Rule => {
  const counted = new Set<string>()
  return (_, event, report) => {
    if (event._tag !== "ModelResponded" && event._tag !== "ModelFailed" && event._tag !== "SubRunEnded") return
    const what = event._tag === "SubRunEnded" ? `run ${event.runId}` : `request ${event.turn}.${event.request}`
    if (amountsOf(event).some((amount) => amount < 0)) report("G16", `${what} has used less than nothing`)
    if (event._tag !== "SubRunEnded") return
    const key = `${keyOf(event)} ${event.runId}`
    if (counted.has(key)) report("G16", `${what} is counted twice`)
    counted.add(key)
  }
}

// ---- calls of replies that are not kept, and those that want approval

/** The calls that were started before their reply was complete, which is not kept. */
const makeDiscards = (): Rule => {
  const discarded = new Set<string>()
  const isDiscarded = (state: RunState.RunState, { requested }: RunState.Call): boolean =>
    discarded.has(keyOf({ turn: state.turn, request: state.request, index: requested.index }))
  return (state, event, report) => {
    if (event._tag === "CallDiscarded") {
      if (state.calls[event.index]?.key === undefined) report("order", `call ${event.index} is discarded unbegun`)
      discarded.add(keyOf(event))
    }
    if ((event._tag === "ToolCallAnswered" || event._tag === "AttemptStarted") && discarded.has(keyOf(event))) {
      const what = event._tag === "AttemptStarted" ? "begun" : "answered"
      report("G12", `${nameOf(state, event.index)} is ${what} after it was discarded`)
    }
    const isLost = event._tag === "ModelFailed"
      || (event._tag === "RunEnded" && (state.phase === "requested" || state.phase === "responded"))
    for (const call of isLost || event._tag === "TurnClosed" ? state.calls : []) {
      const what = nameOf(state, call.requested.index)
      if (isLost && call.key !== undefined && !isDiscarded(state, call)) {
        report("G12", `${what} goes on although its reply is not kept`)
      }
      if (!isLost && isDiscarded(state, call)) report("G12", `${what} was discarded although its reply is kept`)
    }
  }
}

/** How late an answer may be, in milliseconds. */
const tolerance = 1000

const makeApprovals = (): Rule => {
  const asked = new Set<string>()
  /** Calls that waited for something else once they were approved. */
  const waited = new Set<string>()

  const refusal = (
    { approval, attempts }: RunState.Call,
    event: RunEvent.Of<"AttemptStarted" | "ToolCallAnswered">
  ): string | undefined => {
    if (approval === undefined || attempts > 0 || (event._tag === "ToolCallAnswered" && !event.ok)) return undefined
    if (approval === "wanted") return "without an approval"
    if (!approval.approved) return "although it was refused"
    const { at, expires = Number.POSITIVE_INFINITY } = approval
    const isLate = !waited.has(keyOf(event)) && event.at > expires + tolerance
    return at >= expires || isLate ? "after its approval expired" : undefined
  }

  return (state, event, report) => {
    if (!("index" in event)) return
    const call = state.calls[event.index]
    const what = nameOf(state, event.index)
    switch (event._tag) {
      case "ApprovalRequested":
        if (call?.approval !== "wanted") report("T13", `${what} is asked for, which wants no approval`)
        asked.add(keyOf(event))
        return
      case "ApprovalDecided":
        if (!asked.has(keyOf(event))) report("T13", `${what} is decided about unasked`)
        else if (call?.approval !== "wanted") report("T13", `${what} is decided about twice`)
        return
      case "CallQueued":
      case "RateLimited":
        waited.add(keyOf(event))
        return
      case "AttemptStarted":
      case "ToolCallAnswered": {
        const why = call === undefined ? undefined : refusal(call, event)
        if (why !== undefined) report("T13", `${what} is ${event._tag === "AttemptStarted" ? "begun" : "done"} ${why}`)
      }
    }
  }
}

// ---- attempts

/** Counts running handlers: an abandoned one keeps its place until it is released. */
const makeGauge = (): Rule => {
  const running = new Map<string, string>()
  const abandoned = new Set<string>()
  const fallbacks = new Map<string, string>()
  return (state, event, report) => {
    if (event._tag === "RunResumed") {
      running.clear()
      abandoned.clear()
    }
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
  /** The process that began it is gone. */
  resumed: boolean
}

/** Whether each attempt may follow those before it. */
const makeAttempts = (): Rule => {
  const calls = new Map<string, Tried>()
  let retries = 0

  const begin = (call: Tried, event: RunEvent.Of<"AttemptStarted">, what: string, report: Report): void => {
    if (call.failure?.kind === "permanent" && !call.hedged) report("G3", `${what} failed for good and is tried again`)
    call.hedged = false
    if (call.effectful && call.executed.size > 0) {
      report(call.resumed ? "G10" : "G4", `${what} may be executed twice${call.resumed ? ", by two processes" : ""}`)
    }
    const early = call.retryAt - event.at
    if (early > timerError) report("G7", `${what} is tried again ${early} ms too early`)
    call.executed.add(event.attempt)
    call.failure = undefined
    call.resumed = false
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

  return (state, event, report) => {
    if (event._tag === "RunResumed") {
      for (const call of calls.values()) {
        call.resumed = true
        call.hedged = false
      }
    }
    if (event._tag === "DispatchIntended") {
      for (const { class: effectClass, index } of event.calls) {
        calls.set(keyOf({ ...event, index }), {
          effectful: effectClass === "effectful",
          executed: new Set(),
          failure: undefined,
          retryAt: 0,
          hedged: false,
          resumed: false
        })
      }
    }
    const call = "index" in event ? calls.get(keyOf(event)) : undefined
    if (call === undefined || !("index" in event)) return
    const what = nameOf(state, event.index)
    if (event._tag === "AttemptStarted") {
      if (state.calls[event.index]?.answered === undefined) begin(call, event, what, report)
      else report("G10", `${what} is begun again after it was answered`)
    }
    if (event._tag === "AttemptEnded") end(call, event)
    if (event._tag === "HedgeStarted") call.hedged = true
    if (event._tag === "CallReconciled" && !event.executed) call.executed.clear()
    if (event._tag === "RetryScheduled") schedule(call, event, what, report)
    const allowed = state.started?.limits.retries ?? 0
    if (event._tag === "RetryScheduled" && retries > allowed) report("G5", `${retries} retries, limit ${allowed}`)
  }
}

const checkDeadline: Rule = (state, event, report) => {
  if (event._tag !== "AttemptStarted" && event._tag !== "ToolCallAnswered") return
  const late = RunState.elapsed(state, event.at) - (state.started?.limits.deadline ?? Number.POSITIVE_INFINITY)
  if (event._tag === "AttemptStarted" && late >= 0) {
    report("G8", `call ${event.index} is begun ${late} ms after the deadline`)
  }
  if (event._tag === "ToolCallAnswered" && late > tolerance) {
    report("G8", `call ${event.index} is answered ${late} ms after the deadline`)
  }
}

// ---- the transcript

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

/** A transcript only grows: what is wrong with it is reported once. */
const makeTranscript = () => {
  const known = new Set<string>()
  return (state: RunState.RunState, report: Report): void => {
    for (const { guarantee, message } of transcript(state.transcript)) {
      if (!known.has(message)) report(guarantee, message)
      known.add(message)
    }
  }
}

/**
 * Every violation in the events of one run, in order; empty when all guarantees hold.
 *
 * **Example** (A run that is checked after it ended)
 *
 * ```ts
 * import { Agent, Check, Journal } from "@volley/core"
 * import { ModelScript, ScriptedModel } from "@volley/core/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const { runId } = yield* Agent.run(Agent.make("greeter"), "Hello")
 *   const found = Check.all(yield* (yield* Journal.current).read(runId))
 *   return found.map(({ guarantee, message }) => `${guarantee}: ${message}`)
 * }).pipe(Effect.provide([Journal.layerMemory, ScriptedModel.layer([ModelScript.text("Hello!")])]))
 *
 * console.log(await Effect.runPromise(program))
 * ```
 *
 * ```text
 * []
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const all = (events: ReadonlyArray<RunEvent.RunEvent>): ReadonlyArray<Violation> => {
  const violations: Array<Violation> = []
  const rules: ReadonlyArray<Rule> = [
    checkAnswers,
    checkDecisions,
    checkDeadline,
    makeCounts(),
    makeDiscards(),
    makeApprovals(),
    makeGauge(),
    makeAttempts()
  ]
  const checkTranscript = makeTranscript()
  let state = RunState.initial
  for (const [i, event] of events.entries()) {
    const report: Report = (guarantee, message) => violations.push({ guarantee, event: i, message })
    const before = violations.length
    checkOrder(state, event, report)
    if (violations.length === before) { for (const rule of rules) rule(state, event, report) }
    state = RunState.apply(state, event)
    if (event._tag === "TurnClosed" || event._tag === "RunEnded") checkTranscript(state, report)
  }
  return violations
}

/**
 * How the failures of a run were made good: `failed` counts the calls of kept replies of which an attempt failed, `healed`
 * those of them that were answered well in the end, themselves or by a later call of the same tool with the same arguments;
 * `ratio` is the share that was healed, from 0 to 1, and 1 where none failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recovery {
  readonly failed: number
  readonly healed: number
  readonly ratio: number
}

interface Outcome {
  readonly signature: string
  failed: boolean
  ok: boolean
}

/**
 * How far a run recovered from the failures of its tools. A call that was refused without being tried has not failed, and one
 * that is open where the journal ends early is not healed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const recovery = (events: ReadonlyArray<RunEvent.RunEvent>): Recovery => {
  const kept = new Set(
    events.flatMap((event) =>
      event._tag === "ModelResponded" && event.finishReason !== "content-filter"
        ? [`${event.turn}.${event.request}`]
        : []
    )
  )
  const calls = new Map<string, Outcome>()
  for (const event of events) {
    if (!("index" in event) || !kept.has(`${event.turn}.${event.request}`)) continue
    if (event._tag === "ToolCallRequested") {
      const signature = `${event.name} ${canonicalArguments(event.params)}`
      calls.set(keyOf(event), { signature, failed: false, ok: false })
    }
    const call = calls.get(keyOf(event))
    if (call === undefined) continue
    if (event._tag === "AttemptEnded" && event.failure !== undefined) call.failed = true
    if (event._tag === "ToolCallAnswered") call.ok = event.ok
  }
  const inOrder = Array.from(calls.values())
  const lastOk = new Map(inOrder.flatMap(({ ok, signature }, i) => ok ? [[signature, i] as const] : []))
  const failed = inOrder.flatMap((call, i) => call.failed ? [{ i, signature: call.signature }] : [])
  const healed = failed.filter(({ i, signature }) => (lastOk.get(signature) ?? -1) >= i).length
  return { failed: failed.length, healed, ratio: failed.length === 0 ? 1 : healed / failed.length }
}
