/**
 * What should be in flight in a state.
 *
 * @internal
 */
import type * as RunEvent from "../../RunEvent.ts"
import type { Bounds, Call, Command, RunState, Withheld } from "../../RunState.ts"
import { elapsed, isOpen, undecided } from "./calls.ts"
import * as Notes from "./notes.ts"
import * as Reached from "./reached.ts"

/** Finish reasons after which complete tool calls are meant to be run. */
const dispatchable = new Set(["tool-calls", "stop"])

/** Requests of one turn: a reply that breaks off is asked for twice more. */
const requestsPerTurn = 3

/** A provider's own loop may pause so often in a row. */
const pausesInARow = 5

/** A reply that was cut is asked for with so many times more room, once. */
const moreRoom = 2

const stop = (outcome: "completed" | "limited" | "refused" | "failed", reason?: string): Command => ({
  _tag: "Stop",
  outcome,
  ...(reason === undefined ? {} : { reason })
})

const restart = (state: RunState, { reason, request, restartable, turn, wait }: RunEvent.Of<"ModelFailed">): Command =>
  restartable && (request < requestsPerTurn || reason === "Resumed")
    ? {
      _tag: "CallModel",
      turn,
      request: request + 1,
      limit: state.limit,
      note: undefined,
      maxTokens: undefined,
      demand: false,
      wait
    }
    : stop("failed", reason)

/** To ask again would need more room than the model has. */
const isFull = ({ response }: RunState): boolean => response?.stopReason === "model_context_window_exceeded"

/** Room for the call that was cut, where the limits allow it. */
const roomFor = ({ cuts, response, spent, started }: RunState): number | undefined => {
  if (cuts !== 1 || response === undefined) return undefined
  const wanted = response.usage.outputTokens * moreRoom
  const { output, total } = started!.limits.tokens
  const left = Math.min(
    (output ?? Number.POSITIVE_INFINITY) - spent.usage.outputTokens,
    (total ?? Number.POSITIVE_INFINITY) - spent.usage.inputTokens - spent.usage.outputTokens
  )
  return wanted > 0 && wanted < left ? wanted : undefined
}

const callModel = (state: RunState, now: number, bounds: Bounds): Command => {
  if (state.failed !== undefined) return restart(state, state.failed)
  const { limits, output } = state.started!
  const mayAnswer = limits.onLimit === "answer"
  if (state.partial === "fail") return stop("failed", "PartialFailure")
  if (state.output.refused > 1) return stop("failed", "OutputInvalid")
  if (state.limit !== undefined) return stop("limited", state.limit)
  if (state.pauses > pausesInARow) return stop("limited", "pauses")
  if (state.cuts > 1) return stop("limited", "maxTokens")
  if (isFull(state)) return stop("limited", "context")
  const over = Reached.over(state) ?? bounds.over
  if (over !== undefined) return stop("limited", over)
  // a run that is to fail at a limit keeps no turn back
  if (!mayAnswer && Reached.exceeded(state) !== undefined) return stop("limited", Reached.exceeded(state))
  const limit = mayAnswer ? Reached.last(state, elapsed(state, now)) ?? bounds.last : undefined
  const notes = limit === undefined ? state.notes : [...state.notes, Notes.lastTurn(limit)]
  return {
    _tag: "CallModel",
    turn: state.turn + 1,
    request: 1,
    limit,
    note: notes.length === 0 ? undefined : notes.join("\n\n"),
    maxTokens: roomFor(state),
    demand: output !== undefined && (limit !== undefined || state.output.refused > 0),
    wait: 0
  }
}

const toolCallsLeft = ({ calls, spent, started }: RunState, bounds: Bounds): number => {
  const { toolCalls } = started!.limits
  const ofTurn = calls.filter(({ key }) => key !== undefined).length
  const own = toolCalls === null ? Number.POSITIVE_INFINITY : toolCalls - spent.toolCalls + ofTurn
  return Math.min(own, (bounds.toolCalls ?? Number.POSITIVE_INFINITY) + ofTurn)
}

/** Why a call of the present turn is not to be run. */
const withheld = (state: RunState, { requested: { index, name } }: Call, bounds: Bounds): Withheld | undefined => {
  const { limits, output } = state.started!
  if (state.settings.output === "tool" && name === output) return undefined
  if (state.limit !== undefined) return "noToolsLeft"
  if (state.settings.activeTools?.includes(name) === false) return "inactive"
  if (index >= limits.toolCallsPerTurn) return "tooManyInTurn"
  return index >= toolCallsLeft(state, bounds) ? "tooManyInRun" : undefined
}

/** Calls that may start before their reply is complete: those from the first on that can do no harm. */
const early = (state: RunState, bounds: Bounds): ReadonlyArray<Call> => {
  const tools = new Map(state.started!.tools.map((tool) => [tool.name, tool]))
  const isHarmless = (call: Call): boolean => {
    const tool = tools.get(call.requested.name)
    return tool?.class === "readonly" && tool.approval !== true && tool.after === undefined
      && typeof call.requested.params === "object" && withheld(state, call, bounds) === undefined
  }
  const end = state.calls.findIndex((call) => !isHarmless(call))
  return end === -1 ? state.calls : state.calls.slice(0, end)
}

const startOf = (calls: ReadonlyArray<Call>): ReadonlyArray<Command> =>
  calls.flatMap(({ key, requested: { index } }) => key === undefined ? [] : [{ _tag: "StartCall", index }])

const intendOf = (calls: ReadonlyArray<Call>): ReadonlyArray<Command> =>
  calls.length === 0 ? [] : [{ _tag: "IntendDispatch", indices: calls.map(({ requested }) => requested.index) }]

const isFresh = ({ key }: Call): boolean => key === undefined

const startEarly = (state: RunState, bounds: Bounds): ReadonlyArray<Command> => {
  if (state.calls.length === 0) return []
  const calls = early(state, bounds).filter(isOpen)
  return [...startOf(calls), ...intendOf(calls.filter(isFresh))]
}

const settleReply = (state: RunState, late: boolean, bounds: Bounds): ReadonlyArray<Command> => {
  const finish = state.response?.finishReason ?? "unknown"
  if (finish === "content-filter") return [stop("refused")]
  const open = state.calls.filter(isOpen)
  const fresh = open.filter(isFresh)
  if (fresh.length === 0) return dispatchCalls(state, late)
  const answers = fresh.flatMap((call): ReadonlyArray<Command> => {
    const why = dispatchable.has(finish) ? withheld(state, call, bounds) : "cut"
    return why === undefined ? [] : [{ _tag: "AnswerCall", index: call.requested.index, why }]
  })
  return [...startOf(open), ...(answers.length > 0 ? answers : intendOf(fresh))]
}

const dispatchCalls = (state: RunState, late: boolean): ReadonlyArray<Command> => {
  const open = state.calls.filter(isOpen)
  if (open.length === 0) return [{ _tag: "CloseTurn" }]
  const waiting = undecided(state)
  return open.flatMap((call): ReadonlyArray<Command> => {
    const { index } = call.requested
    if (late) return [{ _tag: "AnswerCall", index, why: "deadline" }]
    if (call.approval === "wanted") return [{ _tag: "AwaitApproval", index }]
    if (waiting.has(call)) return []
    return call.approval?.approved === false
      ? [{ _tag: "AnswerCall", index, why: "denied" }]
      : [{ _tag: "StartCall", index }]
  })
}

const finish = (state: RunState): Command => {
  const { limit, output, response, settings, started } = state
  const wanted = started?.output !== undefined
  if (limit !== undefined) {
    const unchecked = wanted && settings.output === "format" && !output.accepted && output.message === ""
    return unchecked ? { _tag: "CheckOutput" } : stop("limited", limit)
  }
  if (response?.finishReason === "length") {
    return stop("limited", isFull(state) ? "context" : "maxTokens")
  }
  if (!wanted || output.accepted) return stop("completed")
  return output.refused > 1 ? stop("failed", "OutputInvalid") : { _tag: "CheckOutput" }
}

/** @internal */
export const next = (state: RunState, now: number, bounds: Bounds): ReadonlyArray<Command> => {
  if (state.started === undefined) return []
  const { deadline } = state.started.limits
  const late = deadline !== null && elapsed(state, now) >= deadline
  switch (state.phase) {
    case "new":
    case "ended":
      return []
    case "ready":
      return [late ? stop("limited", "deadline") : callModel(state, now, bounds)]
    case "requested":
      return late ? [stop("limited", "deadline")] : startEarly(state, bounds)
    case "responded":
      return settleReply(state, late, bounds)
    case "dispatching":
      return dispatchCalls(state, late)
    case "finished":
      return [finish(state)]
  }
}
