/**
 * An HTTP client over undici that asks only what its rules allow.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import type * as Undici from "undici"
import { Blocked, TooLarge } from "../GuardError.ts"
import { connector, Network, undici } from "./connect.ts"
import { decoded, encodings } from "./decoded.ts"
import * as redirect from "./redirect.ts"
import { bare, refusal, type Rules } from "./rules.ts"

const mostHeaders = 16 * 1024

/** Headers that belong to the connection, or that say where a request goes. @internal */
export const reserved: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

type Request = HttpClientRequest.HttpClientRequest
type Answer = Undici.Dispatcher.ResponseData
type Sent = Exclude<Undici.Dispatcher.DispatchOptions["body"], undefined>

const failed = (request: Request, cause: unknown) => {
  const isGuards = cause instanceof Blocked || cause instanceof TooLarge
  return new HttpClientError.HttpClientError({
    reason: new HttpClientError.TransportError({
      request,
      cause,
      ...(isGuards ? { description: cause.message } : {})
    })
  })
}

const formOf = (form: FormData, { FormData }: typeof Undici): Undici.FormData => {
  const converted = new FormData()
  for (const [name, value] of form) converted.append(name, value)
  return converted
}

const bodyOf = ({ body }: Request, library: typeof Undici): Sent => {
  switch (body._tag) {
    case "Empty":
      return null
    case "Uint8Array":
      return body.body
    case "Raw":
      return body.body as string
    case "FormData":
      return formOf(body.formData, library)
    case "Stream":
      return Readable.from(Stream.toAsyncIterable(body.stream))
  }
}

const headersOf = ({ body, headers }: Request): Record<string, string> => {
  const sent = Headers.removeMany(headers, [...reserved, ...(body._tag === "FormData" ? ["content-type"] : [])])
  return { "user-agent": "volley", ...sent, "accept-encoding": encodings }
}

const headerIn = (headers: Answer["headers"], name: string): string | undefined => {
  const value = headers[name]
  return Array.isArray(value) ? value.join(", ") : value
}

/** Servers write UTF-8 into it, which the parser reads as Latin-1. */
const locationOf = ({ headers }: Answer): string | undefined => {
  const location = headerIn(headers, "location")
  return location === undefined ? undefined : Buffer.from(location, "latin1").toString("utf8")
}

const hasNoBody = (request: Request, status: number): boolean =>
  request.method === "HEAD" || status === 204 || status === 205 || status === 304

/** Without the headers that tell of the encoded body, where there is one. */
const responseOf = (request: Request, { body, headers, statusCode: status }: Answer, maximum: number) => {
  const encoding = headerIn(headers, "content-encoding") ?? ""
  const isEmpty = hasNoBody(request, status)
  const told = Object.entries(headers).filter(([name]) =>
    isEmpty || encoding === "" || (name !== "content-encoding" && name !== "content-length")
  )
  return HttpClientResponse.fromWeb(
    request,
    new Response(isEmpty ? null : ReadableStream.from(decoded(body, encoding, maximum)), {
      status,
      headers: told.flatMap(([name, value]) => [value ?? []].flat().map((it): [string, string] => [name, it]))
    })
  )
}

/** @internal */
export const make = Effect.fnUntraced(function*(rules: Rules, maximum: number) {
  const library = yield* undici
  const network = yield* yield* Network
  const agent = yield* Effect.acquireRelease(
    Effect.sync(() => new library.Agent({ connect: connector(rules, network), maxHeaderSize: mostHeaders })),
    (agent) => Effect.promise(() => agent.destroy())
  )

  const ask = (request: Request, url: URL, signal: AbortSignal) => {
    const blocked = refusal(rules, url)
    if (blocked !== undefined) return Effect.fail(failed(request, blocked))
    return Effect.tryPromise({
      try: () =>
        agent.request({
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method: request.method,
          headers: headersOf(request),
          body: bodyOf(request, library),
          signal
        }),
      catch: (cause) =>
        failed(
          request,
          cause instanceof library.errors.HeadersOverflowError
            ? new TooLarge({ part: "head", limit: mostHeaders })
            : cause
        )
    })
  }

  const follow = (
    request: Request,
    url: URL,
    signal: AbortSignal,
    redirects: number
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> =>
    Effect.flatMap(ask(request, url, signal), (answer) => {
      // An answer that is not read to its end may fail later, when nobody listens.
      answer.body.on("error", () => {})
      const location = redirect.isRedirect(answer.statusCode) ? locationOf(answer) : undefined
      if (location === undefined) {
        return Effect.try({
          try: () => responseOf(request, answer, maximum),
          catch: (cause) => failed(request, cause)
        })
      }
      answer.body.destroy()
      const next = redirects === redirect.most
        ? new Blocked({ reason: "TooManyRedirects", host: bare(url.hostname) })
        : redirect.follow(request, url, { status: answer.statusCode, location })
      return next instanceof Blocked
        ? Effect.fail(failed(request, next))
        : follow(next, new URL(next.url), signal, redirects + 1)
    })

  return HttpClient.make((request, url, signal) => follow(request, url, signal, 0))
})
