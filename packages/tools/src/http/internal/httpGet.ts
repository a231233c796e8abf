/**
 * The tool `http_get` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Schema from "effect/Schema"
import { Failure, failures, send, type Web } from "./exchange.ts"
import { Headers, Url } from "./parameters.ts"
import { Reply, reply } from "./reply.ts"

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("http_get", {
    description: [
      "Sends a GET or HEAD request to a URL and returns status, chosen headers and the body as it is, if it is text.",
      "Use it for APIs, feeds and files of text; follow the Link header or the query of the API for more pages.",
      "Do not use it to read a web page (use fetch_page) or to change anything (use http_request)."
    ].join("\n"),
    parameters: Schema.Struct({
      url: Url,
      method: Schema.optionalKey(
        Schema.Literals(["GET", "HEAD"]).annotate({
          description: "HEAD asks for status and headers alone; default GET"
        })
      ),
      headers: Schema.optionalKey(Headers)
    }),
    success: Reply,
    failure: Failure
  }),
  { failures, timeout: "20 seconds", retry: { times: 2 }, concurrency: 4 }
)

/** @internal */
export const handler = (web: Web) => ({ headers = {}, method = "GET", url }: Tool.Parameters<typeof tool>) =>
  Effect.map(send(web, HttpClientRequest.make(method)(url, { headers })), (answer) => reply(web, answer))
