/**
 * One request of a tool and its answer, read and bounded; what went wrong as the failures of the family.
 *
 * @internal
 */
import type * as Redactor from "@volley/core/Redactor"
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Blocked, TooLarge, Undecodable } from "../GuardError.ts"
import { ConnectionFailed, RateLimited, Refused, Unavailable, Unreachable } from "../HttpError.ts"
import { type ContentType, cut, parseContentType, textOf } from "./text.ts"

/** What the tools ask with. @internal */
export interface Web {
  readonly client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, Scope.Scope>
  readonly redactor: Redactor.Redactor
}

/** @internal */
export const Failure = Schema.Union([
  Blocked,
  TooLarge,
  Undecodable,
  ConnectionFailed,
  Unreachable,
  Unavailable,
  RateLimited,
  Refused
])

/** @internal */
export const failures = {
  Blocked: "permanent",
  TooLarge: "permanent",
  Undecodable: "permanent",
  ConnectionFailed: "transient",
  Unreachable: "permanent",
  Unavailable: "transient",
  RateLimited: "transient",
  Refused: "permanent"
} as const

/** An answer that is no failure. @internal */
export interface Answer {
  readonly url: string
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  readonly type: ContentType
  readonly bytes: Uint8Array
}

const mostSaid = 500

const hostOf = (url: string): string => URL.parse(url)?.host ?? ""

const lost = (error: HttpClientError.HttpClientError): typeof Failure.Type => {
  const { cause } = error
  if (cause instanceof Blocked || cause instanceof TooLarge || cause instanceof Undecodable) return cause
  const host = hostOf(error.request.url)
  const failure = ToolFailure.fromUnknown(error)
  if (failure._tag === "Permanent") return new Unreachable({ host, detail: failure.message })
  const executed = failure._tag === "Transient" ? failure.executed : undefined
  return new ConnectionFailed({
    host,
    detail: failure._tag === "Transient" ? failure.message : "the request failed in transport",
    ...(executed === undefined ? {} : { executed })
  })
}

const bytesOf = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.mapBoth(response.arrayBuffer, { onFailure: lost, onSuccess: (buffer) => new Uint8Array(buffer) })

const isSaid = ({ essence }: ContentType): boolean => essence === "text/plain" || /[/+]json$/.test(essence)

const refused = Effect.fnUntraced(function*(
  { redactor }: Web,
  response: HttpClientResponse.HttpClientResponse
): Effect.fn.Return<never, typeof Failure.Type> {
  const { headers, status, url } = response
  const host = hostOf(url)
  const failure = ToolFailure.fromUnknown({ status, headers })
  const wait = failure._tag === "Transient" && failure.retryAfter !== undefined
    ? { retryAfter: failure.retryAfter }
    : {}
  if (failure._tag === "Transient" && failure.reason === "RateLimited") {
    return yield* new RateLimited({ host, ...wait })
  }
  if (failure._tag === "Transient") {
    const executed = failure.executed === undefined ? {} : { executed: failure.executed }
    return yield* new Unavailable({ host, status, detail: failure.message, ...wait, ...executed })
  }
  const type = parseContentType(headers["content-type"])
  const bytes = isSaid(type) ? yield* Effect.orElseSucceed(bytesOf(response), () => new Uint8Array()) : new Uint8Array()
  const said = redactor.redact(textOf(bytes, type) ?? "").replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim()
  return yield* new Refused({
    host,
    status,
    detail: failure.message,
    ...(said === "" ? {} : { said: cut(said, mostSaid) })
  })
})

/**
 * Sends a request and reads its answer; statuses from 400 on are failures. The connection is closed when this is
 * interrupted. The server is not told of the trace.
 *
 * @internal
 */
export const send = Effect.fnUntraced(
  function*(
    web: Web,
    request: HttpClientRequest.HttpClientRequest
  ): Effect.fn.Return<Answer, typeof Failure.Type, Scope.Scope> {
    const response = yield* Effect.mapError(web.client.execute(request), lost)
    if (response.status >= 400) return yield* refused(web, response)
    const bytes = yield* bytesOf(response)
    const { headers, status, url } = response
    return { url, status, headers, type: parseContentType(headers["content-type"]), bytes }
  },
  Effect.scoped,
  Effect.provideService(HttpClient.TracerPropagationEnabled, false)
)
