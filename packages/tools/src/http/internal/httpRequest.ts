/**
 * The tool `http_request` and its handler.
 *
 * @internal
 */
import * as ToolCall from "@volley/core/ToolCall"
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Schema from "effect/Schema"
import { Failure, failures, send, type Web } from "./exchange.ts"
import { Headers, Url } from "./parameters.ts"
import { Reply, reply } from "./reply.ts"

const mostBody = 256 * 1024

/** @internal */
export const tool = ToolPolicy.effectful(
  Tool.make("http_request", {
    description: [
      "Sends a request that changes something: POST, PUT, PATCH or DELETE, with an optional body; each call wants approval.",
      "Use it for one action of an API that the task asks for; the result has status, chosen headers and the body if it is text.",
      "Do not use it to read (use http_get), nor again after an unknown outcome before you looked what happened."
    ].join("\n"),
    parameters: Schema.Struct({
      method: Schema.Literals(["POST", "PUT", "PATCH", "DELETE"]).annotate({ description: "What to do there" }),
      url: Url,
      headers: Schema.optionalKey(Headers),
      body: Schema.optionalKey(
        Schema.String.annotate({ description: "The body as it is sent" }).check(Schema.isMaxLength(mostBody))
      ),
      contentType: Schema.optionalKey(
        Schema.String.annotate({
          description: "Media type of the body; default application/json",
          examples: ["application/x-www-form-urlencoded"]
        }).check(
          Schema.isPattern(/^[\w.+-]+\/[\w.+-]+(?:;[\x20-\x7e]*)?$/, { expected: "a media type" }),
          Schema.isMaxLength(200)
        )
      )
    }),
    success: Reply,
    failure: Failure,
    needsApproval: true
  }),
  { failures, timeout: "30 seconds", retry: { times: 2 }, concurrency: 4 }
)

/** https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ */
const idempotencyKey = "idempotency-key"

/** @internal */
export const handler = (web: Web) =>
  Effect.fnUntraced(function*(
    { body, contentType = "application/json", headers = {}, method, url }: Tool.Parameters<typeof tool>
  ) {
    const call = yield* ToolCall.current
    const key = call === undefined ? {} : { [idempotencyKey]: call.idempotencyKey }
    const request = HttpClientRequest.make(method)(url, {
      headers: { ...key, ...Object.fromEntries(Object.entries(headers).map(([name, it]) => [name.toLowerCase(), it])) },
      ...(body === undefined ? {} : { body: HttpBody.text(body, contentType) })
    })
    return reply(web, yield* send(web, request))
  })
