/**
 * The rules of the Messages API that a client can break, as one pure function over a request body.
 *
 * **Details**
 *
 * It knows the shape of requests, messages, blocks and tools, the pairing of calls and results, and the thinking blocks a
 * server has issued. It does not know what differs from model to model (thinking modes, forced tool choice), size limits,
 * or the limits of strict tools, and it passes server tools and media blocks unread.
 *
 * @since 0.1.0
 */
import * as blockRules from "./internal/blockRules.ts"
import * as fields from "./internal/fields.ts"
import * as requestRules from "./internal/requestRules.ts"
import * as turnRules from "./internal/turnRules.ts"

/**
 * Why the API would refuse a request: the HTTP status, the error type and the message of its answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  readonly status: number
  readonly type: string
  readonly message: string
}

/**
 * A reply that a server has sent, with its blocks in the form of the API.
 *
 * @category models
 * @since 0.1.0
 */
export type IssuedReply = turnRules.IssuedReply

/**
 * Lists all that is wrong with the body of a `POST /v1/messages`, in the order the API looks: an empty list means that it
 * is acceptable.
 *
 * **Details**
 *
 * With `issued`, all replies of the server so far, a thinking block that is not one of theirs, is altered, out of order,
 * or left out while the calls of its turn are answered, is a violation too. Without it only the form of thinking blocks
 * is checked. Never throws, whatever the body is.
 *
 * **Example** (A call without a result)
 *
 * ```ts
 * import { Validator } from "@volley/core/testing"
 *
 * export const violations = Validator.validate({
 *   model: "claude-sonnet-5-5",
 *   max_tokens: 1000,
 *   messages: [
 *     { role: "user", content: "Weather in Oslo?" },
 *     { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "get_weather", input: {} }] },
 *     { role: "user", content: "Well?" }
 *   ]
 * })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const validate = (
  body: unknown,
  options?: { readonly issued?: ReadonlyArray<IssuedReply> | undefined }
): ReadonlyArray<Violation> =>
  Array.from(rules(body, options?.issued), (message) => ({ status: 400, type: "invalid_request_error", message }))

const rules = function*(body: unknown, issued: ReadonlyArray<IssuedReply> | undefined): fields.Violations {
  if (!fields.isFields(body)) return yield "Input should be a valid dictionary"
  yield* fields.wellFormed(body)
  yield* requestRules.request(body)
  if (Array.isArray(body["messages"])) {
    const messages = blockRules.messages(body)
    for (const [index, message] of body["messages"].entries()) yield* blockRules.message(index, message)
    yield* turnRules.roles(messages, issued ?? [])
    yield* turnRules.uniqueCalls(messages)
    yield* turnRules.answers(messages)
    yield* turnRules.results(messages)
    if (issued !== undefined) yield* turnRules.thinking(messages, issued)
  }
  yield* requestRules.tools(body)
}
