/**
 * The durable facts of a run, and the live fragments between them.
 *
 * **Details**
 *
 * The events of a run, in order, are its journal. What acts on the world is written before it acts: `DispatchIntended`
 * before the calls of a turn, `AttemptStarted` before a handler runs. Times (`at`) are milliseconds since the epoch. A
 * tool call is keyed by `turn` (from 1), `request` (the model request of that turn, from 1) and `index` (its place in the
 * reply, from 0), since a provider's ids may repeat; a new request of a turn voids the calls of the one before.
 *
 * @since 0.1.0
 */
import * as Prompt from "effect/ai/Prompt"
import * as Schema from "effect/Schema"
import * as Limits from "./Limits.ts"
import * as PartialFailure from "./PartialFailure.ts"

/**
 * Version of the event format, kept in `RunStarted`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const version = 1

/**
 * Tokens used. `inputTokens` is the whole input, that read from and written to the cache included; `cacheWriteLongTokens`
 * of those written are kept for an hour instead of minutes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Usage = Schema.Struct({
  inputTokens: Schema.Int,
  outputTokens: Schema.Int,
  cacheReadTokens: Schema.Int,
  cacheWriteTokens: Schema.Int,
  cacheWriteLongTokens: Schema.optionalKey(Schema.Int)
})

/**
 * Tokens used.
 *
 * @category models
 * @since 0.1.0
 */
export type Usage = typeof Usage.Type

/**
 * What a journal keeps of a failed attempt or call: `executed` is `false` where nothing happened for certain,
 * `retryAfter` is in milliseconds.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Failure = Schema.Struct({
  kind: Schema.Literals(["transient", "permanent", "unknown", "fatal", "defect"]),
  reason: Schema.String,
  message: Schema.String,
  executed: Schema.Boolean,
  retryAfter: Schema.optionalKey(Schema.Finite)
})

/**
 * What a journal keeps of a failed attempt or call.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure = typeof Failure.Type

/**
 * A message that the run itself adds to the transcript.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Note = Schema.Struct({ role: Schema.Literals(["system", "user"]), text: Schema.String })

/**
 * A message that the run itself adds to the transcript.
 *
 * @category models
 * @since 0.1.0
 */
export type Note = typeof Note.Type

/**
 * What one turn asks of the model beyond the transcript; what is absent is as usual.
 *
 * - `model`, `effort`, `maxTokens`, `parallelToolCalls`: see `ModelSettings`.
 * - `toolChoice`: `"auto"` (the default), `"none"`, `"required"` or the one tool to be called.
 * - `activeTools`: the names of the tools that the model is shown.
 * - `gathering`: a reply without tool calls does not end the run; on the next turn the model is asked to answer.
 * - `output`: how the structured output of the run is asked for: as the `format` of the text, or as the call of a `tool`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TurnSettings = Schema.Struct({
  model: Schema.optionalKey(Schema.String),
  effort: Schema.optionalKey(Schema.String),
  maxTokens: Schema.optionalKey(Schema.Int),
  parallelToolCalls: Schema.optionalKey(Schema.Boolean),
  toolChoice: Schema.optionalKey(
    Schema.Union([Schema.Literals(["auto", "none", "required"]), Schema.Struct({ tool: Schema.String })])
  ),
  activeTools: Schema.optionalKey(Schema.Array(Schema.String)),
  gathering: Schema.optionalKey(Schema.Boolean),
  output: Schema.optionalKey(Schema.Literals(["format", "tool"]))
})

/**
 * What one turn asks of the model beyond the transcript.
 *
 * @category models
 * @since 0.1.0
 */
export type TurnSettings = typeof TurnSettings.Type

/**
 * An effect class, as a journal keeps it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const EffectClass = Schema.Literals(["readonly", "idempotent", "effectful"])

const reply = { turn: Schema.Int, request: Schema.Int }
const call = { ...reply, index: Schema.Int }
const at = Schema.Finite

/**
 * A durable fact of a run.
 *
 * - `RunStarted`: the run's definition and input; `tenant`, `thread` and `metadata` as given by the caller. Of a tool,
 *   `approval` says that calls of it may want approval, `after` what it comes after. `output` names the structured output,
 *   `parent` the run whose tool call this run answers (`depth` 1 below a run that has none), `forkedFrom` the run and turn
 *   whose transcript this run went on from.
 * - `RunResumed`: the run goes on in another process; the time in between does not count.
 * - `ModelRequested`: a model request is about to be sent. `limit` names the limit for which the tools are withheld and
 *   the model is asked to answer; `note` joins the transcript.
 * - `BlockReceived`: a finished block of the reply other than a tool call (text, reasoning, …).
 * - `ToolCallRequested`: a finished tool call of the reply; `params` is text where the model's JSON was not complete.
 * - `ModelResponded`: the reply is complete and kept. `cost` is in USD, absent where no price is known; `window` is the
 *   model's context window in tokens, where it is known; `cacheMiss` is why the provider's prompt cache did not have what the
 *   request before had, and how many tokens that were, where the provider says it.
 * - `ModelFailed`: the reply is discarded as a whole; `restartable` after `wait` milliseconds. It may have cost something.
 * - `DispatchIntended`: these calls of the turn are about to be run, with their effect class and idempotency key; those with
 *   `approval` once that is given. Calls that start while the reply is still being received are intended before the others.
 * - `CallDiscarded`: the call was started early, and its reply is not kept.
 * - `ApprovalRequested`, `ApprovalDecided`: the call waits for approval, and what was decided, `by` whom, until when
 *   (`expires`, milliseconds since the epoch).
 * - `CallQueued`: the call waits: for the calls that it comes `after` (`dependency`), for the calls of its serial key, for a
 *   place of its tool or for one of the dispatch.
 * - `CallJoined`: the call is equal to `leader` (an index), which is under way, and shares what comes of it.
 * - `CacheHit`: the result is from the cache, `age` milliseconds old; `stale` where it is past its time and stands in for a
 *   failure.
 * - `AttemptStarted`, `AttemptEnded`: one execution of a call's handler, `attempt` from 1 over all of the call.
 * - `HedgeStarted`: there was no result after `after` milliseconds, so a second attempt joins the first if there is a place
 *   for it.
 * - `RateLimited`: the rate of `key` is reached; the call waits `wait` milliseconds and asks again.
 * - `CircuitOpened`: a failure of this call opened the circuit of `key` for `openFor` milliseconds.
 * - `RetryScheduled`: another attempt follows after `wait` milliseconds; `left` retries are left to the run.
 * - `RetryRefused`: another attempt would have followed, but for the budget or the time that `why` names.
 * - `CallReconciled`: after an attempt with an unknown outcome the tool found out whether it took effect.
 * - `FallbackStarted`: the tool has failed for good, the attempts that follow are those of `tool`.
 * - `AttemptAbandoned`: the handler did not end when it was interrupted; it keeps its place until `AttemptReleased`.
 * - `ToolCallAnswered`: the one answer of a call; `result` is what the model reads, `handle` names the whole in the
 *   `ResultStore` where it was cut.
 * - `SubRunEnded`: a run that a handler of this call executed has ended; what it used counts for this run too.
 * - `OutputChecked`: whether the final text is the structured output that was asked for, and what is wrong with it.
 * - `TurnClosed`: every call of the turn is answered, the reply and the answers joined the transcript.
 * - `RunEnded`: how the run ended, with the reason where it did not complete.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RunEvent = Schema.TaggedUnion({
  RunStarted: {
    version: Schema.Literal(version),
    at,
    runId: Schema.String,
    agent: Schema.String,
    instructions: Schema.optionalKey(Schema.String),
    history: Prompt.Prompt,
    input: Prompt.Prompt,
    tools: Schema.Array(Schema.Struct({
      name: Schema.String,
      class: EffectClass,
      concurrency: Schema.optionalKey(Schema.Int),
      approval: Schema.optionalKey(Schema.Boolean),
      after: Schema.optionalKey(Schema.Array(Schema.String))
    })),
    limits: Limits.Resolved,
    partialFailure: Schema.optionalKey(PartialFailure.Schema),
    output: Schema.optionalKey(Schema.String),
    parent: Schema.optionalKey(Schema.Struct({ runId: Schema.String, depth: Schema.Int })),
    forkedFrom: Schema.optionalKey(Schema.Struct({ runId: Schema.String, turn: Schema.Int })),
    tenant: Schema.optionalKey(Schema.String),
    thread: Schema.optionalKey(Schema.String),
    metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
  },
  RunResumed: { at },
  ModelRequested: {
    ...reply,
    at,
    limit: Schema.optionalKey(Limits.Reached),
    note: Schema.optionalKey(Note),
    settings: Schema.optionalKey(TurnSettings)
  },
  BlockReceived: { ...reply, part: Prompt.Part },
  ToolCallRequested: {
    ...call,
    at,
    id: Schema.String,
    name: Schema.String,
    params: Schema.Unknown,
    options: Schema.optionalKey(Prompt.ProviderOptions)
  },
  ModelResponded: {
    ...reply,
    at,
    finishReason: Schema.String,
    stopReason: Schema.String,
    refusal: Schema.optionalKey(Schema.Struct({ category: Schema.String, explanation: Schema.String })),
    usage: Usage,
    cost: Schema.optionalKey(Schema.Finite),
    window: Schema.optionalKey(Schema.Int),
    model: Schema.optionalKey(Schema.String),
    tier: Schema.optionalKey(Schema.String),
    responseId: Schema.optionalKey(Schema.String),
    cacheMiss: Schema.optionalKey(
      Schema.Struct({ reason: Schema.String, tokens: Schema.optionalKey(Schema.Int) })
    )
  },
  ModelFailed: {
    ...reply,
    at,
    reason: Schema.String,
    message: Schema.String,
    restartable: Schema.Boolean,
    wait: Schema.Finite,
    usage: Schema.optionalKey(Usage),
    cost: Schema.optionalKey(Schema.Finite)
  },
  DispatchIntended: {
    ...reply,
    at,
    calls: Schema.Array(Schema.Struct({
      index: Schema.Int,
      class: EffectClass,
      key: Schema.String,
      approval: Schema.optionalKey(Schema.Boolean)
    }))
  },
  CallDiscarded: { ...call, at },
  ApprovalRequested: { ...call, at },
  ApprovalDecided: {
    ...call,
    at,
    approved: Schema.Boolean,
    by: Schema.optionalKey(Schema.String),
    reason: Schema.optionalKey(Schema.String),
    expires: Schema.optionalKey(Schema.Finite)
  },
  AttemptStarted: { ...call, at, attempt: Schema.Int },
  AttemptEnded: { ...call, at, attempt: Schema.Int, failure: Schema.optionalKey(Failure) },
  CallQueued: { ...call, at, behind: Schema.Literals(["dependency", "serial", "tool", "dispatch"]) },
  CallJoined: { ...call, at, leader: Schema.Int },
  CacheHit: { ...call, at, age: Schema.Finite, stale: Schema.Boolean },
  HedgeStarted: { ...call, at, after: Schema.Finite },
  RateLimited: { ...call, at, key: Schema.String, wait: Schema.Finite },
  CircuitOpened: { ...call, at, key: Schema.String, openFor: Schema.Finite },
  RetryScheduled: { ...call, at, attempt: Schema.Int, wait: Schema.Finite, left: Schema.Int },
  RetryRefused: {
    ...call,
    at,
    attempt: Schema.Int,
    why: Schema.Literals(["run", "thread", "dependency", "deadline", "retryAfter"])
  },
  CallReconciled: { ...call, at, attempt: Schema.Int, executed: Schema.Boolean },
  FallbackStarted: { ...call, at, tool: Schema.String, failure: Failure },
  AttemptAbandoned: { ...call, at, attempt: Schema.Int },
  AttemptReleased: { ...call, at, attempt: Schema.Int },
  ToolCallAnswered: {
    ...call,
    at,
    ok: Schema.Boolean,
    result: Schema.Unknown,
    attempts: Schema.Int,
    failure: Schema.optionalKey(Failure),
    handle: Schema.optionalKey(Schema.String)
  },
  SubRunEnded: {
    ...call,
    at,
    runId: Schema.String,
    turns: Schema.Int,
    toolCalls: Schema.Int,
    usage: Usage,
    cost: Schema.optionalKey(Schema.Finite)
  },
  OutputChecked: { ...reply, at, ok: Schema.Boolean, message: Schema.optionalKey(Schema.String) },
  TurnClosed: { ...reply, at },
  RunEnded: {
    at,
    outcome: Schema.Literals(["completed", "limited", "refused", "failed", "cancelled"]),
    reason: Schema.optionalKey(Schema.String),
    text: Schema.String
  }
})

/**
 * A durable fact of a run.
 *
 * @category models
 * @since 0.1.0
 */
export type RunEvent = typeof RunEvent.Type

/**
 * The event of one tag.
 *
 * @category models
 * @since 0.1.0
 */
export type Of<Tag extends RunEvent["_tag"]> = Extract<RunEvent, { readonly _tag: Tag }>

/**
 * A live fragment: published, never folded, never written.
 *
 * - `TextDelta`, `ThinkingDelta`: a piece of the reply that is being received. A later `ModelFailed` of the same request
 *   takes it back.
 * - `Progress`: a preliminary result of a handler.
 *
 * @category models
 * @since 0.1.0
 */
export type Delta =
  | { readonly _tag: "TextDelta"; readonly turn: number; readonly request: number; readonly text: string }
  | { readonly _tag: "ThinkingDelta"; readonly turn: number; readonly request: number; readonly text: string }
  | {
    readonly _tag: "Progress"
    readonly turn: number
    readonly request: number
    readonly index: number
    readonly value: unknown
  }

/**
 * Codec between an event and its JSON form, as journals write it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Json = Schema.toCodecJson(RunEvent)
