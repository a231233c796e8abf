/**
 * Scripts that say what a model answers: plain data, one step for each model request.
 *
 * **Details**
 *
 * The same script drives the HTTP `Emulator` and the in-process `ScriptedModel`. A step is a reply (content blocks, stop
 * reason, pace, optionally a fault in the middle of the stream) or an HTTP status in place of a reply. A script does not
 * describe what the client does: that is recorded by whoever plays it.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const Unit = Schema.Literals(["nanos", "micros", "millis", "second", "seconds", "minute", "minutes", "hour", "hours"])

/**
 * A pause: milliseconds, or a text such as `"250 millis"` or `"2 seconds"`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Pause = Schema.Union([
  Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
  Schema.TemplateLiteral([Schema.Finite, " ", Unit])
])

/**
 * A pause: milliseconds, or a text such as `"250 millis"` or `"2 seconds"`.
 *
 * @category models
 * @since 0.1.0
 */
export type Pause = typeof Pause.Type

/**
 * One content block of a reply.
 *
 * **Details**
 *
 * - `text`
 * - `thinking` with its `signature`
 * - `redacted_thinking` with its opaque `data`
 * - `tool_use`: `id` defaults to `toolu_<step>_<index>`, both counted from 0 (see {@link callId}). The arguments are
 *   `input` (default `{}`), or `partialJson`, the raw text as streamed, which need not be complete or valid JSON
 *
 * @category schemas
 * @since 0.1.0
 */
export const Block = Schema.Union([
  Schema.Struct({ type: Schema.Literal("text"), text: Schema.String }),
  Schema.Struct({ type: Schema.Literal("thinking"), thinking: Schema.String, signature: Schema.String }),
  Schema.Struct({ type: Schema.Literal("redacted_thinking"), data: Schema.String }),
  Schema.Struct({
    type: Schema.Literal("tool_use"),
    id: Schema.optionalKey(Schema.String),
    name: Schema.String,
    input: Schema.optionalKey(Schema.Json),
    partialJson: Schema.optionalKey(Schema.String)
  })
])

/**
 * One content block of a reply.
 *
 * @category models
 * @since 0.1.0
 */
export type Block = typeof Block.Type

/**
 * Where in the stream a fault strikes.
 *
 * **Details**
 *
 * `afterEvents` counts the events sent before it, `message_start` and `ping` included. `insideBlock` is the index of a
 * content block, which is left open with half of its deltas sent. Without either the fault takes the place of
 * `message_stop`. No position lets the reply complete.
 *
 * @category models
 * @since 0.1.0
 */
export interface Position {
  readonly afterEvents?: number
  readonly insideBlock?: number
}

const position = { afterEvents: Schema.optionalKey(Count), insideBlock: Schema.optionalKey(Count) }

/**
 * A fault in the middle of a streamed reply.
 *
 * **Details**
 *
 * - `cut`: the socket is destroyed
 * - `eof`: the body ends in good order, without `message_stop`
 * - `error`: an `error` event, `errorType` is `overloaded_error` by default
 * - `stall`: nothing more is sent until the client goes away
 *
 * @category schemas
 * @since 0.1.0
 */
export const Fault = Schema.Union([
  Schema.Struct({ type: Schema.Literal("cut"), ...position }),
  Schema.Struct({ type: Schema.Literal("eof"), ...position }),
  Schema.Struct({ type: Schema.Literal("stall"), ...position }),
  Schema.Struct({
    type: Schema.Literal("error"),
    errorType: Schema.optionalKey(Schema.NonEmptyString),
    message: Schema.optionalKey(Schema.String),
    ...position
  })
])

/**
 * A fault in the middle of a streamed reply.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = typeof Fault.Type

/**
 * Tokens of a reply. `inputTokens` (default 10) are the uncached ones, the cache counts (default 0) come on top of them.
 * `outputTokens` (default: a quarter of the characters of the content, at least 1) include `thinkingTokens` (default 0).
 *
 * @category schemas
 * @since 0.1.0
 */
export const Usage = Schema.Struct({
  inputTokens: Schema.optionalKey(Count),
  outputTokens: Schema.optionalKey(Count),
  cacheReadTokens: Schema.optionalKey(Count),
  cacheWriteTokens: Schema.optionalKey(Count),
  thinkingTokens: Schema.optionalKey(Count)
})

/**
 * A reply of the model.
 *
 * **Details**
 *
 * - `stopReason`: raw stop reason, default `tool_use` if the content has a `tool_use`, else `end_turn`
 * - `stopDetails`: category and explanation of a refusal
 * - `chunkSize`: UTF-16 code units in a delta, default 20
 * - `delay`: pause before the first event, default none
 * - `interval`: pause between two events, default none
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reply = Schema.Struct({
  content: Schema.Array(Block),
  stopReason: Schema.optionalKey(Schema.String),
  stopDetails: Schema.optionalKey(Schema.Struct({
    category: Schema.NullOr(Schema.String),
    explanation: Schema.NullOr(Schema.String)
  })),
  usage: Schema.optionalKey(Usage),
  chunkSize: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  delay: Schema.optionalKey(Pause),
  interval: Schema.optionalKey(Pause),
  fault: Schema.optionalKey(Fault)
})

/**
 * A reply of the model.
 *
 * @category models
 * @since 0.1.0
 */
export type Reply = typeof Reply.Type

/**
 * An HTTP status (400 to 599) in place of a reply.
 *
 * **Details**
 *
 * - `retryAfter`: the `retry-after` header, seconds as a number or an HTTP date as a string
 * - `type`: error type, default the API's own for this status
 * - `errorCode`: the API's `details.error_code`
 * - `headers`: further response headers
 * - `delay`: pause before the answer, default none
 *
 * @category schemas
 * @since 0.1.0
 */
export const Status = Schema.Struct({
  status: Schema.Int.check(Schema.isBetween({ minimum: 400, maximum: 599 })),
  retryAfter: Schema.optionalKey(Schema.Union([Schema.Finite, Schema.String])),
  type: Schema.optionalKey(Schema.NonEmptyString),
  errorCode: Schema.optionalKey(Schema.String),
  message: Schema.optionalKey(Schema.String),
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  delay: Schema.optionalKey(Pause)
})

/**
 * An HTTP status in place of a reply.
 *
 * @category models
 * @since 0.1.0
 */
export type Status = typeof Status.Type

/**
 * The answer to one model request.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Step = Schema.Union([Reply, Status])

/**
 * The answer to one model request.
 *
 * @category models
 * @since 0.1.0
 */
export type Step = typeof Step.Type

/**
 * The answers to a sequence of model requests, the first for the first.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Script = Schema.Array(Step)

/**
 * The answers to a sequence of model requests, the first for the first.
 *
 * @category models
 * @since 0.1.0
 */
export type Script = typeof Script.Type

/**
 * A script, or a function that answers each request: `n` counts the requests from 0, `undefined` says that there is no
 * answer. As an `Effect` it may wait, so a test can hold a request back and answer it by hand.
 *
 * @category models
 * @since 0.1.0
 */
export type Source<Request> =
  | Script
  | ((request: Request, n: number) => Step | undefined | Effect.Effect<Step | undefined>)

/**
 * Tells a reply from a status.
 *
 * @category guards
 * @since 0.1.0
 */
export const isReply = (step: Step): step is Reply => "content" in step

/**
 * The id a call has when the script gives it none: `step` and `index` (among the calls of that step) count from 0.
 *
 * @category getters
 * @since 0.1.0
 */
export const callId = (step: number, index: number): string => `toolu_${step}_${index}`

/**
 * Everything about a reply but its content.
 *
 * @category models
 * @since 0.1.0
 */
export type ReplyOptions = Omit<Reply, "content">

/**
 * A call in a {@link toolUse} reply.
 *
 * @category models
 * @since 0.1.0
 */
export type Call = Omit<Extract<Block, { readonly type: "tool_use" }>, "type">

/**
 * A reply from its parts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reply = (options: Reply): Reply => options

/**
 * A reply of one text block.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = (text: string, options?: ReplyOptions): Reply => ({ ...options, content: [{ type: "text", text }] })

/**
 * A reply of tool calls only.
 *
 * **Example** (Two calls, then the answer)
 *
 * ```ts
 * import { ModelScript } from "@volley/core/testing"
 *
 * export const script = [
 *   ModelScript.toolUse([
 *     { name: "get_weather", input: { city: "Oslo" } },
 *     { name: "get_weather", input: { city: "Bergen" } }
 *   ]),
 *   ModelScript.text("Oslo 7 °C, Bergen 9 °C")
 * ]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const toolUse = (calls: ReadonlyArray<Call>, options?: ReplyOptions): Reply => ({
  ...options,
  content: calls.map((call) => ({ ...call, type: "tool_use" }))
})

/**
 * A refusal: empty content, stop reason `refusal`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refusal = (
  category: string | null,
  explanation: string | null = null,
  options?: ReplyOptions
): Reply => ({ ...options, content: [], stopReason: "refusal", stopDetails: { category, explanation } })

/**
 * An HTTP status (400 to 599) in place of a reply.
 *
 * @category constructors
 * @since 0.1.0
 */
export const status = (status: number, options?: Omit<Status, "status">): Status => ({ ...options, status })

/**
 * The reply with its socket destroyed at the position.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cut = (reply: Reply, position?: Position): Reply => ({ ...reply, fault: { ...position, type: "cut" } })

/**
 * The reply with its body ended at the position, in good order but without `message_stop`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const eof = (reply: Reply, position?: Position): Reply => ({ ...reply, fault: { ...position, type: "eof" } })

/**
 * The reply with an `error` event at the position, by default of type `overloaded_error`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const error = (
  reply: Reply,
  options?: Position & { readonly errorType?: string; readonly message?: string }
): Reply => ({ ...reply, fault: { ...options, type: "error" } })

/**
 * The reply with nothing more sent from the position on.
 *
 * @category combinators
 * @since 0.1.0
 */
export const stall = (reply: Reply, position?: Position): Reply => ({ ...reply, fault: { ...position, type: "stall" } })
