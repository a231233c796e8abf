/**
 * A run as a fold over its events: `apply` is the state after an event, `next` is what should be in flight in a state.
 *
 * Both are pure and total. The Runner executes the commands and appends what comes of them; a journal read back gives
 * the same state.
 *
 * @since 0.1.0
 */
import * as Prompt from "effect/ai/Prompt"
import * as Limits from "./Limits.ts"
import type * as RunEvent from "./RunEvent.ts"

/**
 * A tool call of the present turn; `key` is its idempotency key once the call is intended, `running` the number of its
 * attempts under way.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly requested: RunEvent.Of<"ToolCallRequested">
  readonly key: string | undefined
  readonly attempts: number
  readonly running: number
  readonly answered: RunEvent.Of<"ToolCallAnswered"> | undefined
}

/**
 * Where a run stands: `new` (no event yet), `ready` (the model may be asked), `requested` (its reply is being
 * received), `responded` (it is complete), `dispatching` (its calls run), `finished` (nothing is left to ask) or `ended`.
 *
 * @category models
 * @since 0.1.0
 */
export type Phase = "new" | "ready" | "requested" | "responded" | "dispatching" | "finished" | "ended"

/**
 * The state of a run.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunState {
  readonly phase: Phase
  readonly started: RunEvent.Of<"RunStarted"> | undefined
  readonly transcript: Prompt.Prompt
  readonly turn: number
  readonly request: number
  readonly blocks: ReadonlyArray<Prompt.Part>
  readonly calls: ReadonlyArray<Call>
  readonly toolCalls: number
  readonly limit: Limits.Reached | undefined
  readonly response: RunEvent.Of<"ModelResponded"> | undefined
  readonly failed: RunEvent.Of<"ModelFailed"> | undefined
  readonly usage: RunEvent.Usage
  readonly ended: RunEvent.Of<"RunEnded"> | undefined
}

/**
 * The state before the first event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial: RunState = {
  phase: "new",
  started: undefined,
  transcript: Prompt.empty,
  turn: 0,
  request: 0,
  blocks: [],
  calls: [],
  toolCalls: 0,
  limit: undefined,
  response: undefined,
  failed: undefined,
  usage: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 },
  ended: undefined
}

/**
 * The text of the last complete reply; empty while a reply is being received, and of a reply that is not kept.
 *
 * @category combinators
 * @since 0.1.0
 */
export const text = (state: RunState): string =>
  state.response === undefined || state.response.finishReason === "content-filter"
    ? ""
    : state.blocks.map((block) => block.type === "text" ? block.text : "").join("")

/**
 * What the model is sent: the instructions, then the transcript.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prompt = (state: RunState): Prompt.Prompt => {
  const instructions = state.started?.instructions
  return instructions === undefined
    ? state.transcript
    : Prompt.fromMessages([Prompt.systemMessage({ content: instructions }), ...state.transcript.content])
}

const updateCall = (state: RunState, index: number, change: (call: Call) => Partial<Call>): RunState => ({
  ...state,
  calls: state.calls.map((call) => call.requested.index === index ? { ...call, ...change(call) } : call)
})

const asPart = (call: Call): Prompt.ToolCallPart =>
  Prompt.toolCallPart({
    id: call.requested.id,
    name: call.requested.name,
    params: call.requested.params,
    providerExecuted: false,
    ...(call.requested.options === undefined ? {} : { options: call.requested.options })
  })

const asResult = (call: Call): ReadonlyArray<Prompt.ToolResultPart> =>
  call.answered === undefined ? [] : [
    Prompt.toolResultPart({
      id: call.requested.id,
      name: call.requested.name,
      isFailure: !call.answered.ok,
      result: call.answered.result,
      providerExecuted: false
    })
  ]

/** The reply and its answers as messages; an empty reply is not kept, since the API refuses empty messages. */
const messagesOf = (state: RunState): ReadonlyArray<Prompt.Message> => {
  const content = state.blocks as ReadonlyArray<Prompt.AssistantMessagePart>
  if (content.length === 0) return []
  const assistant = Prompt.assistantMessage({ content })
  return state.calls.length === 0
    ? [assistant]
    : [assistant, Prompt.toolMessage({ content: state.calls.flatMap(asResult) })]
}

const extend = (transcript: Prompt.Prompt, messages: ReadonlyArray<Prompt.Message>): Prompt.Prompt =>
  messages.length === 0 ? transcript : Prompt.fromMessages([...transcript.content, ...messages])

const asMessage = ({ role, text }: RunEvent.Note): Prompt.Message =>
  role === "system"
    ? Prompt.systemMessage({ content: text })
    : Prompt.userMessage({ content: [Prompt.textPart({ text })] })

const add = (left: RunEvent.Usage, right: RunEvent.Usage): RunEvent.Usage => ({
  inputTokens: left.inputTokens + right.inputTokens,
  outputTokens: left.outputTokens + right.outputTokens,
  cacheReadTokens: left.cacheReadTokens + right.cacheReadTokens,
  cacheWriteTokens: left.cacheWriteTokens + right.cacheWriteTokens
})

/** A reply that is to be continued: with tool results, or as it is after a pause of the provider. */
const continues = (state: RunState): boolean => state.calls.length > 0 || state.response?.finishReason === "pause"

/**
 * The state after an event.
 *
 * @category combinators
 * @since 0.1.0
 */
export const apply = (state: RunState, event: RunEvent.RunEvent): RunState => {
  switch (event._tag) {
    case "RunStarted":
      return { ...state, phase: "ready", started: event, transcript: Prompt.concat(event.history, event.input) }
    case "ModelRequested":
      return {
        ...state,
        phase: "requested",
        turn: event.turn,
        request: event.request,
        blocks: [],
        calls: [],
        limit: event.limit,
        response: undefined,
        transcript: event.note === undefined || event.request > 1
          ? state.transcript
          : extend(state.transcript, [asMessage(event.note)])
      }
    case "BlockReceived":
      return { ...state, blocks: [...state.blocks, event.part] }
    case "ToolCallRequested": {
      const call: Call = { requested: event, key: undefined, attempts: 0, running: 0, answered: undefined }
      return { ...state, blocks: [...state.blocks, asPart(call)], calls: [...state.calls, call] }
    }
    case "ModelResponded":
      return { ...state, phase: "responded", response: event, failed: undefined, usage: add(state.usage, event.usage) }
    case "ModelFailed":
      return { ...state, phase: "ready", blocks: [], calls: [], failed: event }
    case "DispatchIntended": {
      const keys = new Map(event.calls.map(({ index, key }) => [index, key]))
      return {
        ...state,
        phase: "dispatching",
        toolCalls: state.toolCalls + keys.size,
        calls: state.calls.map((call) => ({ ...call, key: keys.get(call.requested.index) ?? call.key }))
      }
    }
    case "AttemptStarted":
      return updateCall(state, event.index, ({ running }) => ({ attempts: event.attempt, running: running + 1 }))
    case "AttemptEnded":
      return updateCall(state, event.index, ({ running }) => ({ running: running - 1 }))
    case "CallQueued":
    case "CallJoined":
    case "CacheHit":
    case "HedgeStarted":
    case "RateLimited":
    case "CircuitOpened":
    case "RetryScheduled":
    case "RetryRefused":
    case "CallReconciled":
    case "FallbackStarted":
    case "AttemptAbandoned":
    case "AttemptReleased":
      return state
    case "ToolCallAnswered":
      return updateCall(state, event.index, () => ({ answered: event, running: 0 }))
    case "TurnClosed":
      return {
        ...state,
        phase: continues(state) ? "ready" : "finished",
        transcript: extend(state.transcript, messagesOf(state))
      }
    case "RunEnded":
      return { ...state, phase: "ended", ended: event }
  }
}

/**
 * Why a call is answered without being run.
 *
 * @category models
 * @since 0.1.0
 */
export type Withheld = "cut" | "tooManyInTurn" | "tooManyInRun" | "noToolsLeft" | "deadline"

/**
 * What should be in flight.
 *
 * @category models
 * @since 0.1.0
 */
export type Command =
  | {
    readonly _tag: "CallModel"
    readonly turn: number
    readonly request: number
    readonly limit: Limits.Reached | undefined
    readonly wait: number
  }
  | { readonly _tag: "IntendDispatch"; readonly indices: ReadonlyArray<number> }
  | { readonly _tag: "StartCall"; readonly index: number }
  | { readonly _tag: "AnswerCall"; readonly index: number; readonly why: Withheld }
  | { readonly _tag: "CloseTurn" }
  | {
    readonly _tag: "Stop"
    readonly outcome: "completed" | "limited" | "refused" | "failed"
    readonly reason?: string
  }

/** Requests of one turn: a reply that breaks off is asked for twice more. */
const requestsPerTurn = 3

/** Finish reasons after which complete tool calls are meant to be run. */
const dispatchable = new Set(["tool-calls", "stop"])

const callModel = (state: RunState, limits: Limits.Resolved, elapsed: number): Command => {
  if (state.failed !== undefined) {
    const { failed } = state
    return failed.restartable && failed.request < requestsPerTurn
      ? { _tag: "CallModel", turn: failed.turn, request: failed.request + 1, limit: state.limit, wait: failed.wait }
      : { _tag: "Stop", outcome: "failed", reason: failed.reason }
  }
  if (state.limit !== undefined) return { _tag: "Stop", outcome: "limited", reason: state.limit }
  const turn = state.turn + 1
  const limit = state.started?.tools.length === 0 && turn <= limits.turns
    ? undefined
    : turn >= limits.turns
    ? "turns"
    : limits.toolCalls !== null && state.toolCalls >= limits.toolCalls
    ? "toolCalls"
    : elapsed >= Limits.toolsUntil(limits)
    ? "deadline"
    : undefined
  return turn > limits.turns
    ? { _tag: "Stop", outcome: "limited", reason: "turns" }
    : { _tag: "CallModel", turn, request: 1, limit, wait: 0 }
}

const settleReply = (state: RunState, limits: Limits.Resolved): ReadonlyArray<Command> => {
  const finish = state.response?.finishReason ?? "unknown"
  if (finish === "content-filter") return [{ _tag: "Stop", outcome: "refused" }]
  const open = state.calls.filter((call) => call.answered === undefined)
  if (open.length === 0) return [{ _tag: "CloseTurn" }]
  const left = limits.toolCalls === null ? Number.POSITIVE_INFINITY : limits.toolCalls - state.toolCalls
  const withheld = (index: number): Withheld | undefined =>
    !dispatchable.has(finish)
      ? "cut"
      : state.limit !== undefined
      ? "noToolsLeft"
      : index >= limits.toolCallsPerTurn
      ? "tooManyInTurn"
      : index >= left
      ? "tooManyInRun"
      : undefined
  const answers = open.flatMap(({ requested: { index } }): ReadonlyArray<Command> => {
    const why = withheld(index)
    return why === undefined ? [] : [{ _tag: "AnswerCall", index, why }]
  })
  return answers.length > 0
    ? answers
    : [{ _tag: "IntendDispatch", indices: open.map((call) => call.requested.index) }]
}

/**
 * Everything that should be in flight in a state. Asked after every event; what is in flight already is not started
 * again.
 *
 * @param now - milliseconds since the epoch
 * @category combinators
 * @since 0.1.0
 */
export const next = (state: RunState, now: number): ReadonlyArray<Command> => {
  if (state.started === undefined) return []
  const { limits } = state.started
  const elapsed = now - state.started.at
  const late = limits.deadline !== null && elapsed >= limits.deadline
  switch (state.phase) {
    case "new":
    case "ended":
      return []
    case "ready":
      return late ? [{ _tag: "Stop", outcome: "limited", reason: "deadline" }] : [callModel(state, limits, elapsed)]
    case "requested":
      return late ? [{ _tag: "Stop", outcome: "limited", reason: "deadline" }] : []
    case "responded":
      return settleReply(state, limits)
    case "dispatching": {
      const open = state.calls.filter((call) => call.answered === undefined)
      if (open.length === 0) return [{ _tag: "CloseTurn" }]
      return open.map(({ requested: { index } }): Command =>
        late ? { _tag: "AnswerCall", index, why: "deadline" } : { _tag: "StartCall", index }
      )
    }
    case "finished":
      return [
        state.limit !== undefined
          ? { _tag: "Stop", outcome: "limited", reason: state.limit }
          : state.response?.finishReason === "length"
          ? { _tag: "Stop", outcome: "limited", reason: "outputTokens" }
          : { _tag: "Stop", outcome: "completed" }
      ]
  }
}
