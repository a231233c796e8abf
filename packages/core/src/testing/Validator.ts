/**
 * The rules of the Messages API that a client can break, as one pure function over a request body.
 *
 * **Details**
 *
 * It knows requests, messages, blocks, media and tools down to each key, the pairing of calls and results, the thinking
 * blocks a server has issued and what they are bound to, marks for the cache, limits of strict schemas, and what models
 * refuse. The wording is the API's where that is known. Of tools that the API defines, and of what a beta header allows,
 * it reads no further than the type and the name.
 *
 * @since 0.1.0
 */
import * as betas from "./internal/betas.ts"
import * as blockRules from "./internal/blockRules.ts"
import * as cacheRules from "./internal/cacheRules.ts"
import * as fields from "./internal/fields.ts"
import * as models from "./internal/models.ts"
import * as requestRules from "./internal/requestRules.ts"
import * as thinkingRules from "./internal/thinkingRules.ts"
import * as toolRules from "./internal/toolRules.ts"
import * as turnRules from "./internal/turnRules.ts"

/**
 * Why the API would refuse a request: the HTTP status, the error type and the message of its answer, and its error code
 * where it has one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  readonly status: number
  readonly type: string
  readonly message: string
  readonly errorCode?: string
}

/**
 * A reply that a server has sent, with its blocks in the form of the API, and the body of the request that it answered: the
 * thinking of some models may come back only after that conversation.
 *
 * @category models
 * @since 0.1.0
 */
export type IssuedReply = turnRules.IssuedReply

/**
 * What a model can do, as the Models API says it: tokens in and out at most (default 1,000,000 and 128,000), the words for
 * `effort` and the types of `thinking` it takes (default: all, or those of that model as far as known).
 *
 * @category models
 * @since 0.1.0
 */
export type Model = models.Model

/**
 * What a request is held against.
 *
 * **Details**
 *
 * - `issued`: all replies of the server so far; without them only the form of thinking blocks is checked
 * - `endpoint`: default `messages`
 * - `betas`: values of the `anthropic-beta` header, default none
 * - `version`: value of the `anthropic-version` header, default `2026-10-21`; `2023-06-01` had sampling parameters
 * - `models`: what is known of models, default Claude's; of others than these little is checked
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly issued?: ReadonlyArray<IssuedReply> | undefined
  readonly endpoint?: "messages" | "count_tokens" | undefined
  readonly betas?: ReadonlyArray<string> | undefined
  readonly version?: string | undefined
  readonly models?: ReadonlyArray<Model> | undefined
}

/**
 * Lists all that is wrong with the body of a request, in the order the API looks: an empty list means that it is acceptable.
 * Never throws, whatever the body is.
 *
 * **Details**
 *
 * A thinking block that is not one of those issued, is altered, out of order, or left out while the calls of its turn are
 * answered, is a violation.
 *
 * **Example** (A call without a result)
 *
 * ```ts
 * import { Validator } from "@volley/core/testing"
 *
 * const [violation] = Validator.validate({
 *   model: "claude-sonnet-5-5",
 *   max_tokens: 1000,
 *   messages: [
 *     { role: "user", content: "Weather in Oslo?" },
 *     { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "get_weather", input: {} }] },
 *     { role: "user", content: "Well?" }
 *   ]
 * })
 * console.log(violation?.message)
 * ```
 *
 * ```text
 * messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. Each `tool_use` block must have a corresponding `tool_result` block in the next message.
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const validate = (body: unknown, options: Options = {}): ReadonlyArray<Violation> => {
  if (!fields.isFields(body)) return [invalid("Input should be a valid dictionary")]
  const rules: requestRules.Rules = {
    endpoint: options.endpoint ?? "messages",
    sampling: options.version === "2023-06-01",
    betas: betas.allowed(options.betas ?? []),
    models: options.models ?? models.known
  }
  return [
    ...Array.from(bodyRules(body, rules, options.issued), invalid),
    ...(rules.betas.parameters.has("thread") && body["thread"] !== undefined ? [threads] : []),
    ...toolCount(body)
  ]
}

const invalid = (message: string): Violation => ({ status: 400, type: "invalid_request_error", message })

/** The code tells a client to send the whole conversation instead. */
const threads: Violation = {
  ...invalid("thread: Message threads are not supported here. Send the whole conversation without `thread`."),
  errorCode: "thread_unsupported_request"
}

/** The API does not say how many tools are too many; this is the limit of its managed agents. */
const mostTools = 256

const toolCount = ({ tools }: fields.Fields): ReadonlyArray<Violation> => {
  const { length } = fields.list(tools)
  if (length <= mostTools) return []
  const message = `tools: List should have at most ${mostTools} items after validation, not ${length}`
  return [{ ...invalid(message), errorCode: "available_tools_limit_exceeded" }]
}

const bodyRules = function*(
  body: fields.Fields,
  rules: requestRules.Rules,
  issued: ReadonlyArray<IssuedReply> | undefined
): fields.Violations {
  yield* fields.wellFormed(body)
  yield* requestRules.request(body, rules)
  if (Array.isArray(body["messages"])) {
    const messages = blockRules.messages(body)
    for (const [index, message] of body["messages"].entries()) {
      yield* blockRules.message(index, message, rules.betas.blocks)
    }
    yield* turnRules.roles(messages, issued ?? [])
    yield* turnRules.systemSupport(messages, body["model"])
    yield* turnRules.uniqueCalls(messages)
    yield* turnRules.answers(messages)
    yield* turnRules.results(messages)
    yield* turnRules.serverResults(messages)
    yield* turnRules.container(messages, body["container"])
    if (issued !== undefined) yield* thinkingRules.thinking(body, messages, issued)
  }
  yield* toolRules.tools(body)
  yield* cacheRules.request(body)
}
