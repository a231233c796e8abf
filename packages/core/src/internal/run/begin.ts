/**
 * How a run begins: with an input, from its own journal, or from a turn of another run.
 *
 * @internal
 */
import * as Prompt from "effect/ai/Prompt"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Journal from "../../Journal.ts"
import type * as RunEvent from "../../RunEvent.ts"
import * as RunState from "../../RunState.ts"
import * as Threads from "../../Threads.ts"
import type { Definition, Start } from "./definition.ts"
import { outcomeOf } from "./outcome.ts"
import * as Runner from "./runner.ts"

/**
 * What a single run may be given.
 *
 * - `runId`: default a random id.
 * - `tenant`: on whose behalf the run is; handlers read it from `ToolCall.current`.
 * - `thread`: the conversation that this run is part of. Its runs share a retry budget; where `Threads` keeps it, the run goes on
 *   from it and adds to it, however the run ends.
 * - `history`: the transcript of earlier runs, after that of the thread.
 * - `metadata`: kept in the journal.
 * - `onEvent`: called with every event and delta in order, before the next one; the run waits for it, one that is cancelled for at most
 *   a second. A defect of it ends the run. A run that it starts is one of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions {
  readonly runId?: string
  readonly tenant?: string
  readonly thread?: string
  readonly history?: Prompt.Prompt
  readonly metadata?: Readonly<Record<string, string>>
  readonly onEvent?: (item: RunEvent.RunEvent | RunEvent.Delta) => Effect.Effect<void>
}

/** A prompt with the parts of replies and of answers that are kept; a message that has none left is dropped. */
const keeping = (prompt: Prompt.Prompt, isKept: (part: Prompt.Part, message: number) => boolean): Prompt.Prompt =>
  Prompt.fromMessages(prompt.content.flatMap((message, i): ReadonlyArray<Prompt.Message> => {
    if (message.role !== "assistant" && message.role !== "tool") return [message]
    const content = (message.content as ReadonlyArray<Prompt.Part>).filter((part) => isKept(part, i))
    const { options, role } = message
    return content.length === 0 ? [] : [Prompt.makeMessage(role, { content: content as never, options })]
  }))

/** Approvals in a prompt would make effect run the tool by itself; the journal keeps Volley's. */
const withoutApprovals = (prompt: Prompt.Prompt): Prompt.Prompt =>
  keeping(prompt, ({ type }) => type !== "tool-approval-request" && type !== "tool-approval-response")

const randomId = Effect.map(
  Effect.all([Random.nextInt, Random.nextInt]),
  (parts) => `run_${parts.map((part) => Math.abs(part).toString(36).padStart(11, "0")).join("")}`
)

const nothing = () => Effect.void

/** The thread of a run: its messages so far, and what adds those of the run. */
const threadOf = Effect.fnUntraced(function*(thread: string | undefined) {
  const threads = yield* Threads.current
  if (thread === undefined) return { history: Prompt.empty, keep: nothing }
  const stored = yield* threads.read(thread)
  const history = withoutApprovals(stored)
  const known = history.content.length
  return {
    history,
    keep: (transcript: Prompt.Prompt) => threads.append(thread, stored.content.length, transcript.content.slice(known))
  }
})

/**
 * Begins a run of a definition.
 *
 * @internal
 */
export const begin = Effect.fnUntraced(function*(
  definition: Definition,
  input: Prompt.RawInput,
  options: RunOptions,
  forkedFrom?: Start["forkedFrom"]
) {
  const runId = options.runId ?? (yield* randomId)
  const { history, keep } = yield* threadOf(options.thread)
  const writer = yield* (yield* Journal.current).open(runId)
  const start: Start = {
    runId,
    input: withoutApprovals(Prompt.make(input)),
    history: Prompt.concat(history, withoutApprovals(options.history ?? Prompt.empty)),
    tenant: options.tenant,
    thread: options.thread,
    metadata: options.metadata,
    forkedFrom
  }
  return yield* Runner.run(definition, start, { writer, publish: options.onEvent ?? nothing, keep })
})

const stateOf = (events: ReadonlyArray<RunEvent.RunEvent>): RunState.RunState =>
  events.reduce(RunState.apply, RunState.initial)

const unreadable = (runId: string, message: string) => new Journal.JournalFailure({ runId, operation: "read", message })

/**
 * Goes on with a run from its journal.
 *
 * @internal
 */
export const goOn = Effect.fnUntraced(function*(
  definition: Definition,
  runId: string,
  onEvent: RunOptions["onEvent"] = nothing
) {
  const { events, writer } = yield* (yield* Journal.current).reopen(runId)
  const state = stateOf(events)
  if (state.started === undefined) return yield* unreadable(runId, `Run "${runId}" has not begun`)
  if (state.started.agent !== definition.name) {
    return yield* unreadable(runId, `Run "${runId}" is of agent "${state.started.agent}", not of "${definition.name}"`)
  }
  if (state.ended?.outcome === "failed" || state.ended?.outcome === "cancelled") {
    return yield* unreadable(
      runId,
      `Run "${runId}" has ended (${state.ended.outcome}); begin a new run with its transcript as history, or fork it`
    )
  }
  if (state.ended !== undefined) return yield* outcomeOf(state, definition.output, undefined)
  const { history, keep } = yield* threadOf(state.started.thread)
  return yield* Runner.run(definition, state, {
    writer,
    publish: onEvent,
    // the thread had the messages of the run's history when the run began
    keep: history.content.length > state.started.history.content.length ? nothing : keep
  })
})

/** The transcript before a turn of a run; after a reply without calls, with what the run itself said then. */
const before = (
  events: ReadonlyArray<RunEvent.RunEvent>,
  turn: number,
  hasInput: boolean
): Prompt.Prompt | undefined => {
  const position = events.findIndex((event) => event._tag === "ModelRequested" && event.turn === turn)
  if (position === -1) return undefined
  const { transcript } = stateOf(events.slice(0, position))
  return !hasInput && transcript.content.at(-1)?.role === "assistant"
    ? stateOf(events.slice(0, position + 1)).transcript
    : transcript
}

/** Thinking is bound to exactly what came before it, so that after a change there can be none. */
const unbound = (edited: Prompt.Prompt, original: Prompt.Prompt): Prompt.Prompt => {
  const changed = edited.content.findIndex((message, i) => message !== original.content[i])
  return changed === -1 ? edited : keeping(edited, ({ type }, i) => i < changed || type !== "reasoning")
}

/**
 * What a run that is forked from another begins with: what that knew before one of its turns.
 *
 * @internal
 */
export const forked = (
  events: ReadonlyArray<RunEvent.RunEvent>,
  { edit, input, turn }: {
    readonly turn: number
    readonly edit?: (transcript: Prompt.Prompt) => Prompt.Prompt
    readonly input?: Prompt.RawInput
  }
): Effect.Effect<Pick<Start, "forkedFrom" | "history">, Journal.JournalFailure> =>
  Effect.suspend(() => {
    const { started } = stateOf(events)
    const original = before(events, turn, input !== undefined)
    if (started === undefined || original === undefined) {
      return Effect.fail(unreadable(started?.runId ?? "", `The run has no turn ${turn}`))
    }
    const history = edit === undefined ? original : unbound(edit(original), original)
    return Effect.succeed({ history, forkedFrom: { runId: started.runId, turn } })
  })
