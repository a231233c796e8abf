/**
 * Scripts that say what a model answers: plain data, one step for each model request.
 *
 * **Details**
 *
 * The same script drives the HTTP `Emulator` and the in-process `ScriptedModel`. A step is a reply (content blocks, stop
 * reason, usage, pace, and by name what goes wrong with it) or an HTTP status in place of a reply. A script does not
 * describe what the client does: that is recorded by whoever plays it.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as schemas from "./internal/schemas.ts"

/**
 * A pause: milliseconds, or a text such as `"250 millis"` or `"2 seconds"`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Pause = schemas.Pause

/**
 * A pause: milliseconds, or a text such as `"250 millis"` or `"2 seconds"`.
 *
 * @category models
 * @since 0.1.0
 */
export type Pause = typeof Pause.Type

/**
 * One content block of a reply. Fields have the names and the form of the API.
 *
 * **Details**
 *
 * - `text` with `citations` (default none)
 * - `thinking` with its `signature`
 * - `redacted_thinking` with its opaque `data`
 * - `tool_use`: `id` defaults to `toolu_<step>_<index>`, both counted from 0 (see {@link callId}). The arguments are
 *   `input` (default `{}`), or `partialJson`, the raw text as streamed, which need not be complete or valid JSON. `caller`
 *   defaults to `{ type: "direct" }`; `toolset_name` is for members of a toolset
 * - `server_tool_use` and `mcp_tool_use`: calls that the server runs itself, and the blocks of their results: `content` as
 *   the API would say it
 * - `container_upload`, `compaction`, `fallback`, `mcp_tool_listing`
 *
 * @category schemas
 * @since 0.1.0
 */
export const Block = schemas.Block

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
 * content block, which is left open with half of its deltas sent. `afterBytes` counts the bytes of the body sent before
 * it, so that it can strike inside an event, or a character. The first that is given counts; without any the fault takes
 * the place of `message_stop`. No position lets the reply complete.
 *
 * @category models
 * @since 0.1.0
 */
export interface Position {
  readonly afterBytes?: number
  readonly afterEvents?: number
  readonly insideBlock?: number
}

/**
 * What goes wrong with a reply, by name.
 *
 * **Details**
 *
 * | `type` | what the client gets | fields |
 * | --- | --- | --- |
 * | `rateLimit` | 429 in place of the reply | `retryAfter` (default none), `retryAfterIn` |
 * | `spendLimit` | 429 that no waiting ends: `enforced_spend_limit_reached`, no `retry-after` | |
 * | `serverError` | 500 | |
 * | `overloaded` | 529 | |
 * | `slowStart` | the headers at once, the body after `pause` (default 1 minute) | `pause` |
 * | `stall` | nothing more until the client goes away, or a ping every `pings` | a position, `pings` (default none) |
 * | `cut` | a connection that breaks | a position |
 * | `eof` | a body that ends in good order, without `message_stop` | a position |
 * | `error` | an `error` event, then the end | a position in events, `errorType` (`overloaded_error`), `message` |
 * | `malformed` | an event whose data is not JSON, at the position; the others as they are | a position in events |
 * | `unknownEvent` | an event of a type nobody knows, at the position | a position in events |
 * | `unknownDelta` | a delta of a type nobody knows, at the end of a block | `insideBlock` (default 0) |
 * | `wrongIndex` | events of a block under the index of the next one | `insideBlock` (default 0) |
 * | `unknownBlock` | a block of a type nobody knows, before the others | |
 * | `duplicateId` | calls that all have the id of the first | |
 * | `empty` | texts without a character, or calls without arguments | `of` |
 * | `truncated` | the first half of each text, or of the JSON text of each call's arguments | `of` |
 * | `swapped` | each text, or each call's arguments, in the place of another; those of a single call change fields | `of` |
 * | `corrupted` | texts with every other character replaced, or arguments with values of another type | `of` |
 * | `missingCall` | the reply without its last call, its stop reason unchanged | |
 * | `repeatedCall` | the last call twice, each with an id of its own | |
 *
 * `of` is `"text"` or `"arguments"`. `retryAfterIn` is `"seconds"` (default), `"date"` or `"milliseconds"`, the last in the
 * header `retry-after-ms`. Those with a status have `shouldRetry` (default none), the header `x-should-retry`. A value
 * fault leaves a reply as it is that has nothing of its kind.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Fault = Schema.Union([
  ...schemas.StatusFault.members,
  ...schemas.WireFault.members,
  ...schemas.ValueFault.members
]).annotate({ expected: "a fault of a known type" })

/**
 * What goes wrong with a reply, by name.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = typeof Fault.Type

/**
 * Tokens of a reply, and what else the API says about its price.
 *
 * **Details**
 *
 * `inputTokens` (default 10) are the uncached ones, the cache counts (default 0) come on top of them; of
 * `cacheWriteTokens`, `cacheWriteLongTokens` live an hour. `outputTokens` (default: a quarter of the characters of the
 * content, at least 1) include `thinkingTokens` (default 0). `serviceTier` defaults to `standard`. `webSearches` and
 * `webFetches` (default none) are requests of the server's tools; `iterations` (default none) is what the API says of a
 * reply with a compaction or a fallback, in its form.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Usage = Schema.Struct({
  inputTokens: Schema.optionalKey(schemas.Count),
  outputTokens: Schema.optionalKey(schemas.Count),
  cacheReadTokens: Schema.optionalKey(schemas.Count),
  cacheWriteTokens: Schema.optionalKey(schemas.Count),
  cacheWriteLongTokens: Schema.optionalKey(schemas.Count),
  thinkingTokens: Schema.optionalKey(schemas.Count),
  serviceTier: Schema.optionalKey(Schema.Literals(["standard", "priority", "batch"])),
  webSearches: Schema.optionalKey(schemas.Count),
  webFetches: Schema.optionalKey(schemas.Count),
  iterations: Schema.optionalKey(Schema.Array(Schema.Record(Schema.String, Schema.Json)))
})

/**
 * A reply of the model.
 *
 * **Details**
 *
 * - `stopReason`: raw stop reason, default `stop_sequence` if there is one, `tool_use` if the content has a `tool_use`,
 *   else `end_turn`
 * - `stopSequence`: the sequence that ended it, default none
 * - `stopDetails`: category and explanation of a refusal
 * - `container`: where the server's tools ran, default none
 * - `cacheMissReason`: why the prompt cache was missed, in the form of the API, default none
 * - `chunkSize`: UTF-16 code units in a delta, default 20
 * - `delay`: pause before the answer, default none
 * - `interval`: pause between events, default none
 * - `fault`: what goes wrong with it, default nothing
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reply = Schema.Struct({
  content: Schema.Array(Block),
  stopReason: Schema.optionalKey(Schema.NonEmptyString),
  stopSequence: Schema.optionalKey(Schema.NonEmptyString),
  stopDetails: Schema.optionalKey(Schema.Struct({
    category: Schema.NullOr(Schema.String),
    explanation: Schema.NullOr(Schema.String)
  })),
  container: Schema.optionalKey(Schema.Struct({ id: Schema.String, expiresAt: Schema.String })),
  cacheMissReason: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
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
 * import { Agent } from "@volley/core"
 * import { ModelScript, ScriptedModel } from "@volley/core/testing"
 * import { Schema } from "effect"
 *
 * const script = [
 *   ModelScript.toolUse([
 *     { name: "get_weather", input: { city: "Oslo" } },
 *     { name: "get_weather", input: { city: "Bergen" } }
 *   ]),
 *   ModelScript.text("Both have 7 °C.")
 * ]
 *
 * const weather = Agent.tool("get_weather", {
 *   description: "Current weather of a city",
 *   parameters: { city: Schema.String },
 *   run: () => "7 °C"
 * })
 * const { text, toolCalls } = await Agent.runPromise(Agent.make("hello", { tools: [weather] }), "Oslo and Bergen?", {
 *   model: ScriptedModel.layer(script)
 * })
 * console.log(toolCalls, text)
 * ```
 *
 * ```text
 * 2 Both have 7 °C.
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
 * The reply with something wrong with it, an empty one by default: for the faults in whose place there is no reply.
 *
 * **Example** (A rate limit, half an answer, the answer)
 *
 * ```ts
 * import { Agent } from "@volley/core"
 * import { Anthropic } from "@volley/core/anthropic"
 * import { Emulator, ModelScript } from "@volley/core/testing"
 * import { Effect } from "effect"
 *
 * const script = [
 *   ModelScript.faulty({ type: "rateLimit", retryAfter: "20 millis" }),
 *   ModelScript.faulty({ type: "cut", afterBytes: 700 }, ModelScript.text("Hello world")),
 *   ModelScript.text("Hello world")
 * ]
 *
 * const program = Effect.gen(function*() {
 *   const emulator = yield* Emulator.make(script)
 *   const { text } = yield* Agent.run(Agent.make("greeter"), "Hello").pipe(
 *     Effect.provide(Anthropic.model("claude-sonnet-5-5")),
 *     Effect.provide(Anthropic.layer({ baseUrl: emulator.url }))
 *   )
 *   console.log(text)
 * }).pipe(Effect.scoped)
 * await Effect.runPromise(program)
 * ```
 *
 * ```text
 * Hello world
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const faulty = (fault: Fault, reply: Reply = { content: [] }): Reply => ({ ...reply, fault })

/**
 * The reply with its socket destroyed at the position.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cut = (reply: Reply, position?: Position): Reply => faulty({ ...position, type: "cut" }, reply)

/**
 * The reply with its body ended at the position, in good order but without `message_stop`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const eof = (reply: Reply, position?: Position): Reply => faulty({ ...position, type: "eof" }, reply)

/**
 * The reply with an `error` event at the position, by default of type `overloaded_error`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const error = (
  reply: Reply,
  options?: Omit<Position, "afterBytes"> & { readonly errorType?: string; readonly message?: string }
): Reply => faulty({ ...options, type: "error" }, reply)

/**
 * The reply with nothing more sent from the position on.
 *
 * @category combinators
 * @since 0.1.0
 */
export const stall = (reply: Reply, position?: Position): Reply => faulty({ ...position, type: "stall" }, reply)
