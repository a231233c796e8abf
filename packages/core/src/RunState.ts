/**
 * A run as a fold over its events: `apply` is the state after an event, `next` is what should be in flight in a state.
 *
 * Both are pure and total. The Runner executes the commands and appends what comes of them; a journal read back gives
 * the same state.
 *
 * @since 0.1.0
 */
import * as Prompt from "effect/ai/Prompt"
import * as Apply from "./internal/fold/apply.ts"
import * as Calls from "./internal/fold/calls.ts"
import * as Next from "./internal/fold/next.ts"
import * as Repetition from "./internal/fold/repetition.ts"
import type * as Limits from "./Limits.ts"
import type * as RunEvent from "./RunEvent.ts"

/**
 * A tool call of the present turn.
 *
 * - `key`, `class`: its idempotency key and effect class, once it is intended.
 * - `running`: attempts under way; `acted`: attempts that may have taken effect.
 * - `failure`: what the last attempt failed with.
 * - `approval`: whether it waits for approval, and what was decided.
 * - `resumed`: it was asked for in a process that is gone.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly requested: RunEvent.Of<"ToolCallRequested">
  readonly key: string | undefined
  readonly class: typeof RunEvent.EffectClass.Type | undefined
  readonly attempts: number
  readonly running: number
  readonly acted: number
  readonly failure: RunEvent.Failure | undefined
  readonly approval: "wanted" | RunEvent.Of<"ApprovalDecided"> | undefined
  readonly resumed: boolean
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
 * What a run has used, its sub-agents included; `cost` is in USD, `undefined` where a price is not known.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spent {
  readonly turns: number
  readonly toolCalls: number
  readonly retries: number
  readonly subRuns: number
  readonly usage: RunEvent.Usage
  readonly cost: number | undefined
}

/**
 * The structured output of a run so far: whether it was accepted, how often it was refused and why at last.
 *
 * @category models
 * @since 0.1.0
 */
export interface Output {
  readonly accepted: boolean
  readonly refused: number
  readonly message: string
}

/**
 * The state of a run.
 *
 * - `notes`: what the next request tells the model.
 * - `settings`: of the present turn's request; `responseId`: of the last reply that was kept, as its provider names it.
 * - `pauses`, `cuts`: replies in a row that were paused, or cut in a tool call.
 * - `nudged`: an empty reply was pointed out; `gathered`: a gathering turn ended without tool calls.
 * - `repetition`, `repeated`: equal calls, and how often the most repeated one of the last turn was.
 * - `partial`: what the partial-failure policy says of the last turn.
 * - `paused`: milliseconds that do not count; `suspendedAt`: since when nothing is awaited but approval.
 * - `lastAt`: the time of the last event.
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
  readonly settings: RunEvent.TurnSettings
  readonly responseId: string | undefined
  readonly blocks: ReadonlyArray<Prompt.Part>
  readonly calls: ReadonlyArray<Call>
  readonly limit: Limits.Reached | undefined
  readonly response: RunEvent.Of<"ModelResponded"> | undefined
  readonly failed: RunEvent.Of<"ModelFailed"> | undefined
  readonly notes: ReadonlyArray<string>
  readonly spent: Spent
  readonly pauses: number
  readonly cuts: number
  readonly nudged: boolean
  readonly gathered: boolean
  readonly repetition: Repetition.Repetition
  readonly repeated: number
  readonly partial: "continue" | "fail" | "note"
  readonly output: Output
  readonly paused: number
  readonly suspendedAt: number | undefined
  readonly lastAt: number
  readonly ended: RunEvent.Of<"RunEnded"> | undefined
}

const noUsage: RunEvent.Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

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
  settings: {},
  responseId: undefined,
  blocks: [],
  calls: [],
  limit: undefined,
  response: undefined,
  failed: undefined,
  notes: [],
  spent: { turns: 0, toolCalls: 0, retries: 0, subRuns: 0, usage: noUsage, cost: 0 },
  pauses: 0,
  cuts: 0,
  nudged: false,
  gathered: false,
  repetition: Repetition.none,
  repeated: 0,
  partial: "continue",
  output: { accepted: false, refused: 0, message: "" },
  paused: 0,
  suspendedAt: undefined,
  lastAt: 0,
  ended: undefined
}

/**
 * The text of the last complete reply; empty while a reply is being received, and of a reply that is not kept.
 *
 * @category combinators
 * @since 0.1.0
 */
export const text = (state: RunState): string =>
  state.response === undefined || state.response.finishReason === "content-filter" ? "" : Calls.textOf(state.blocks)

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

/**
 * How much of its time a run has used, in milliseconds.
 *
 * @param now - milliseconds since the epoch
 * @category combinators
 * @since 0.1.0
 */
export const elapsed: (state: RunState, now: number) => number = Calls.elapsed

/**
 * The arguments of the call that gave the structured output, where it was given by a call.
 *
 * @internal
 */
export const outputCall: (state: RunState) => Call | undefined = Calls.outputCall

/**
 * The state after an event.
 *
 * @category combinators
 * @since 0.1.0
 */
export const apply: (state: RunState, event: RunEvent.RunEvent) => RunState = Apply.apply

/**
 * Why a call is answered without being run.
 *
 * @category models
 * @since 0.1.0
 */
export type Withheld =
  | "cut"
  | "tooManyInTurn"
  | "tooManyInRun"
  | "noToolsLeft"
  | "inactive"
  | "denied"
  | "deadline"

/**
 * What should be in flight.
 *
 * - `CallModel`: `note` is what the request tells the model, `maxTokens` asks for a longer reply than the one that was cut,
 *   `demand` for the structured output.
 * - `IntendDispatch`, `StartCall`: calls start while their reply is still being received where that is safe.
 * - `CheckOutput`: the final text is to be checked against the structured output.
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
    readonly note: string | undefined
    readonly maxTokens: number | undefined
    readonly demand: boolean
    readonly wait: number
  }
  | { readonly _tag: "IntendDispatch"; readonly indices: ReadonlyArray<number> }
  | { readonly _tag: "AwaitApproval"; readonly index: number }
  | { readonly _tag: "StartCall"; readonly index: number }
  | { readonly _tag: "AnswerCall"; readonly index: number; readonly why: Withheld }
  | { readonly _tag: "CloseTurn" }
  | { readonly _tag: "CheckOutput" }
  | {
    readonly _tag: "Stop"
    readonly outcome: "completed" | "limited" | "refused" | "failed"
    readonly reason?: string
  }

/**
 * What the runs above a sub-agent leave to it: the limit that allows one request more, the limit that allows none, and
 * tool calls.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bounds {
  readonly last?: Limits.Reached | undefined
  readonly over?: Limits.Reached | undefined
  readonly toolCalls?: number
}

/**
 * Everything that should be in flight in a state. Asked after every event; what is in flight already is not started
 * again.
 *
 * @param now - milliseconds since the epoch
 * @param bounds - what the runs above leave, default everything
 * @category combinators
 * @since 0.1.0
 */
export const next = (state: RunState, now: number, bounds: Bounds = {}): ReadonlyArray<Command> =>
  Next.next(state, now, bounds)
