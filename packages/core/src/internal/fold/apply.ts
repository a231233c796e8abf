/**
 * The state after an event.
 *
 * @internal
 */
import * as Prompt from "effect/ai/Prompt"
import * as Limits from "../../Limits.ts"
import * as PartialFailure from "../../PartialFailure.ts"
import type * as RunEvent from "../../RunEvent.ts"
import type { Call, RunState } from "../../RunState.ts"
import { isOpen, outputCall, textOf, undecided } from "./calls.ts"
import * as Notes from "./notes.ts"
import * as Repetition from "./repetition.ts"
import { spend } from "./spend.ts"
import { callPart, extend, messagesOf, noteMessage } from "./transcript.ts"

const updateCall = (state: RunState, index: number, change: (call: Call) => Partial<Call>): RunState => {
  const call = state.calls[index]
  return call === undefined ? state : { ...state, calls: state.calls.with(index, { ...call, ...change(call) }) }
}

/** The clock of a run stands while it waits for approval and for nothing else. */
const keepTime = (state: RunState, at: number): RunState => {
  const waiting = undecided(state)
  const suspended = state.phase === "dispatching" && waiting.size > 0
    && state.calls.every((call) => !isOpen(call) || waiting.has(call))
  if (suspended) return state.suspendedAt === undefined ? { ...state, suspendedAt: at } : state
  if (state.suspendedAt === undefined) return state
  return { ...state, suspendedAt: undefined, paused: state.paused + at - state.suspendedAt }
}

const resume = (state: RunState, at: number): RunState => {
  const gap = state.suspendedAt === undefined ? at - state.lastAt : at - state.suspendedAt
  const later: RunState = {
    ...state,
    paused: state.paused + gap,
    suspendedAt: state.suspendedAt === undefined ? undefined : at
  }
  if (state.phase !== "requested") {
    const calls = state.calls.map((call) => ({ ...call, running: 0, resumed: true }))
    return { ...later, calls }
  }
  const { request, turn } = state
  const failed = { reason: "Resumed", message: "the process ended", restartable: true, wait: 0 } as const
  return {
    ...later,
    phase: "ready",
    blocks: [],
    calls: [],
    failed: { _tag: "ModelFailed", turn, request, at, ...failed }
  }
}

const isCut = (state: RunState): boolean => state.calls.length > 0 && state.response?.finishReason === "length"

/** Total also over events without a beginning. */
const unstarted: Pick<RunEvent.Of<"RunStarted">, "limits" | "partialFailure"> = { limits: Limits.resolve() }

/** What follows a turn that had tool calls. */
const afterCalls = (state: RunState): RunState => {
  const { limits, partialFailure = "continue" } = state.started ?? unstarted
  const { known, repeated } = Repetition.add(state.repetition, state.calls)
  const most = Math.max(0, ...repeated.map(({ times }) => times))
  const told = repeated.flatMap(({ name, times }) => times === limits.repetition ? [name] : [])
  const partial = PartialFailure.decide(
    partialFailure,
    PartialFailure.tally(state.calls.map(({ answered }) => ({ ok: answered?.ok === true })))
  )
  return {
    ...state,
    phase: outputCall(state) === undefined ? "ready" : "finished",
    pauses: 0,
    cuts: isCut(state) ? state.cuts + 1 : 0,
    repetition: known,
    repeated: most,
    partial,
    notes: [
      ...(told.length > 0 ? [Notes.repeated(told, limits.repetition)] : []),
      ...(partial === "note" && typeof partialFailure === "object" && "noteIf" in partialFailure
        ? [partialFailure.text]
        : [])
    ]
  }
}

/** What follows a reply without tool calls. */
const afterText = (state: RunState): RunState => {
  const wanted = state.started?.output
  const finish = state.response?.finishReason
  if (finish === "pause") return { ...state, phase: "ready", pauses: state.pauses + 1 }
  if (finish === "length" || state.limit !== undefined) return { ...state, phase: "finished" }
  const goOn = (note: string): RunState => ({ ...state, phase: "ready", notes: [note] })
  if (state.settings.gathering === true) return { ...goOn(Notes.gathered), gathered: true }
  if (state.settings.output === "tool" && wanted !== undefined) {
    const { message, refused } = state.output
    return refused > 0
      ? { ...state, phase: "finished", output: { ...state.output, refused: refused + 1 } }
      : {
        ...goOn(Notes.outputMissing(wanted)),
        output: { accepted: false, refused: 1, message: message || `the tool "${wanted}" was not called` }
      }
  }
  if (textOf(state.blocks) === "" && !state.nudged) return { ...goOn(Notes.emptyReply), nudged: true }
  return { ...state, phase: "finished" }
}

const closeTurn = (state: RunState): RunState => {
  const kept = { ...state, transcript: extend(state.transcript, messagesOf(state.blocks, state.calls)) }
  return state.calls.length > 0 ? afterCalls(kept) : afterText(kept)
}

const checkOutput = (state: RunState, { message = "", ok }: RunEvent.Of<"OutputChecked">): RunState => {
  const output = { accepted: ok, refused: state.output.refused + (ok ? 0 : 1), message }
  return ok || output.refused > 1 || state.limit !== undefined
    ? { ...state, output }
    : { ...state, output, phase: "ready", notes: [Notes.outputInvalid(message)] }
}

/** A call of the output tool whose arguments are not the output. */
const countRefusal = (state: RunState, event: RunEvent.Of<"ToolCallAnswered">): RunState => {
  const isOutput = state.settings.output === "tool" && state.started?.output !== undefined
    && state.calls[event.index]?.requested.name === state.started.output
  if (!isOutput) return state
  const { refused } = state.output
  return event.ok
    ? { ...state, output: { ...state.output, accepted: true } }
    : { ...state, output: { accepted: false, refused: refused + 1, message: event.failure?.message ?? "" } }
}

const step = (state: RunState, event: RunEvent.RunEvent): RunState => {
  switch (event._tag) {
    case "RunStarted":
      return { ...state, phase: "ready", started: event, transcript: Prompt.concat(event.history, event.input) }
    case "RunResumed":
      return resume(state, event.at)
    case "ModelRequested": {
      const { limit, note, request, settings = {}, turn } = event
      return {
        ...state,
        phase: "requested",
        turn,
        request,
        settings,
        blocks: [],
        calls: [],
        limit,
        response: undefined,
        notes: [],
        spent: request > 1 ? state.spent : { ...state.spent, turns: state.spent.turns + 1 },
        transcript: note === undefined || request > 1
          ? state.transcript
          : extend(state.transcript, [noteMessage(note)])
      }
    }
    case "BlockReceived":
      return { ...state, blocks: [...state.blocks, event.part] }
    case "ToolCallRequested": {
      const call: Call = {
        requested: event,
        key: undefined,
        class: undefined,
        attempts: 0,
        running: 0,
        acted: 0,
        failure: undefined,
        approval: undefined,
        resumed: false,
        answered: undefined
      }
      return { ...state, blocks: [...state.blocks, callPart(event)], calls: [...state.calls, call] }
    }
    case "ModelResponded":
      return {
        ...state,
        phase: "responded",
        response: event,
        responseId: event.responseId ?? state.responseId,
        failed: undefined,
        spent: spend(state.spent, event)
      }
    case "ModelFailed":
      return {
        ...state,
        phase: "ready",
        blocks: [],
        calls: [],
        failed: event,
        spent: event.usage === undefined ? state.spent : spend(state.spent, { ...event, usage: event.usage })
      }
    case "DispatchIntended": {
      const intended = new Map(event.calls.map((call) => [call.index, call]))
      return {
        ...state,
        phase: state.phase === "requested" ? "requested" : "dispatching",
        spent: { ...state.spent, toolCalls: state.spent.toolCalls + countsOf(state, event) },
        calls: state.calls.map((call) => {
          const found = intended.get(call.requested.index)
          return found === undefined
            ? call
            : { ...call, key: found.key, class: found.class, approval: found.approval === true ? "wanted" : undefined }
        })
      }
    }
    case "ApprovalDecided":
      return updateCall(state, event.index, () => ({ approval: event }))
    case "AttemptStarted":
      return updateCall(state, event.index, ({ acted, running }) => ({
        attempts: event.attempt,
        running: running + 1,
        acted: acted + 1,
        failure: undefined
      }))
    case "AttemptEnded":
      return updateCall(state, event.index, ({ acted, running }) => ({
        running: running - 1,
        acted: event.failure?.executed === false ? acted - 1 : acted,
        failure: event.failure
      }))
    case "CallReconciled":
      return event.executed ? state : updateCall(state, event.index, () => ({ acted: 0 }))
    case "RetryScheduled":
      return { ...state, spent: { ...state.spent, retries: state.spent.retries + 1 } }
    case "SubRunEnded":
      return { ...state, spent: spend(state.spent, { ...event, subRuns: 1 }) }
    case "CallQueued":
    case "CallJoined":
    case "CacheHit":
    case "HedgeStarted":
    case "RateLimited":
    case "CircuitOpened":
    case "RetryRefused":
    case "FallbackStarted":
    case "AttemptAbandoned":
    case "AttemptReleased":
    case "CallDiscarded":
    case "ApprovalRequested":
      return state
    case "ToolCallAnswered":
      return countRefusal(updateCall(state, event.index, () => ({ answered: event, running: 0 })), event)
    case "OutputChecked":
      return checkOutput(state, event)
    case "TurnClosed":
      return closeTurn(state)
    case "RunEnded":
      return { ...state, phase: "ended", ended: event }
  }
}

/** The call that gives the output is none of the run's tools. */
const countsOf = (
  { calls, settings, started }: RunState,
  { calls: intended }: RunEvent.Of<"DispatchIntended">
): number =>
  settings.output === "tool"
    ? intended.filter(({ index }) => calls[index]?.requested.name !== started?.output).length
    : intended.length

const gated = (state: RunState): boolean =>
  state.suspendedAt !== undefined || state.calls.some((call) => call.approval === "wanted")

/** @internal */
export const apply = (state: RunState, event: RunEvent.RunEvent): RunState => {
  const next = step(state, event)
  if (!("at" in event)) return next
  const timed = { ...next, lastAt: event.at }
  return gated(timed) ? keepTime(timed, event.at) : timed
}
