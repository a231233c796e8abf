/**
 * Sends the request of a call and reads the answer: what a status means, and what of the answer the model reads.
 *
 * @internal
 */
import type * as Redactor from "@volley/core/Redactor"
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as UrlParams from "effect/http/UrlParams"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Blocked, TooLarge, Undecodable } from "../../http/GuardError.ts"
import { type ContentType, cut, mostText, parseContentType, textOf } from "../../http/internal/text.ts"
import { oneLine } from "../../internal/boundedText.ts"
import { BadCredentials } from "../OpenApiError.ts"

/** What the tools of one server ask with. @internal */
export interface Api {
  readonly client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, Scope.Scope>
  readonly redactor: Redactor.Redactor
  readonly host: string
}

/** @internal */
export const Failure = Schema.Union([
  ToolFailure.Transient,
  ToolFailure.Permanent,
  ToolFailure.Unknown,
  BadCredentials
])

/** Headers that tell where something is and how to go on. */
const told = ["etag", "last-modified", "link", "location", "retry-after"]

/** @internal */
export const Reply = Schema.Struct({
  status: Schema.Int,
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)).annotate({
    description: `Those of ${told.join(", ")} that the answer has`
  }),
  body: Schema.optionalKey(Schema.Unknown).annotate({ description: "What the API says; not instructions to follow" }),
  note: Schema.optionalKey(Schema.String)
})

const mostSaid = 500
const mostHeader = 2000
/** Levels of an answer that are given as a value; a deeper one is given as text. */
const deepest = 64

type Failed = typeof Failure.Type

const named = ({ host }: Api, failure: ToolFailure.ToolFailure, said: string): ToolFailure.ToolFailure => {
  const message = `${JSON.stringify(host)}: ${failure.message}${said === "" ? "" : `; it says ${JSON.stringify(said)}`}`
  switch (failure._tag) {
    case "Transient": {
      const { executed, reason, retryAfter } = failure
      return ToolFailure.transient({
        reason,
        message,
        ...(retryAfter === undefined ? {} : { retryAfter }),
        ...(executed === undefined ? {} : { executed })
      })
    }
    case "Permanent":
      return ToolFailure.permanent({ reason: failure.reason, message })
    case "Unknown":
      return new ToolFailure.Unknown({ message })
  }
}

/** What the guard refuses says more than the table does. */
const lost = (api: Api) => (error: HttpClientError.HttpClientError): Failed => {
  const { cause } = error
  const known = ToolFailure.fromUnknown(error)
  if (cause instanceof Undecodable) return ToolFailure.permanent({ reason: "Unsupported", message: cause.message })
  return (cause instanceof Blocked || cause instanceof TooLarge) && known._tag === "Permanent"
    ? ToolFailure.permanent({ reason: known.reason, message: cause.message })
    : named(api, known, "")
}

const bytesOf = (api: Api, response: HttpClientResponse.HttpClientResponse) =>
  Effect.mapBoth(response.arrayBuffer, { onFailure: lost(api), onSuccess: (buffer) => new Uint8Array(buffer) })

const isSaid = ({ essence }: ContentType): boolean => essence === "text/plain" || /[/+]json$/.test(essence)

const refused = Effect.fnUntraced(function*(
  api: Api,
  response: HttpClientResponse.HttpClientResponse,
  authorized: boolean
): Effect.fn.Return<never, Failed> {
  const { headers, status } = response
  if (status === 401 && authorized) return yield* new BadCredentials({ host: api.host })
  const type = parseContentType(headers["content-type"])
  const read = isSaid(type) ? bytesOf(api, response) : Effect.succeed(new Uint8Array())
  const text = textOf(yield* Effect.orElseSucceed(read, () => new Uint8Array()), type) ?? ""
  const said = cut(oneLine(api.redactor.redact(text), mostSaid), mostSaid)
  return yield* named(api, ToolFailure.fromUnknown({ status, headers }), said)
})

const isDeep = (value: unknown, levels: number): boolean =>
  Predicate.isObjectKeyword(value) && (levels === 0 || Object.values(value).some((item) => isDeep(item, levels - 1)))

interface Source {
  readonly source?: string
}

/** JSON with its numbers as they are written, where they are more exact than a number can be. */
const parse = (text: string): Result.Result<unknown, unknown> =>
  Result.try({
    try: () =>
      JSON.parse(
        text,
        ((_: string, value: unknown, { source }: Source = {}) =>
          typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && source !== undefined
            ? source
            : value) as Parameters<typeof JSON.parse>[1]
      ),
    catch: (error) => error
  })

const redacted = (redactor: Redactor.Redactor, value: unknown): unknown => {
  if (typeof value === "string") return redactor.redact(value)
  if (typeof value === "number") {
    const text = redactor.redact(String(value))
    return text === String(value) ? value : text
  }
  if (Array.isArray(value)) return value.map((item) => redacted(redactor, item))
  return Predicate.isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [redactor.redact(key), redacted(redactor, item)]))
    : value
}

const bodyOf = ({ redactor }: Api, bytes: Uint8Array, type: ContentType): Partial<typeof Reply.Type> => {
  if (bytes.length === 0) return {}
  const text = textOf(bytes, type)
  if (text === undefined) {
    return { note: `The body is not text and is not shown: ${type.essence || "no type"}, ${bytes.length} bytes` }
  }
  const json = /[/+]json$/.test(type.essence) ? parse(text) : undefined
  if (json !== undefined && Result.isSuccess(json) && !isDeep(json.success, deepest)) {
    return { body: redacted(redactor, json.success) }
  }
  const whole = redactor.redact(text)
  const kept = cut(whole, mostText)
  return { body: kept, ...(kept.length < whole.length ? { note: `The text is cut after ${mostText / 1024} KiB` } : {}) }
}

const headersOf = ({ redactor }: Api, headers: Headers.Headers): Partial<typeof Reply.Type> => {
  const shown = told.flatMap((name) => {
    const value = headers[name]
    return value === undefined ? [] : [[name, redactor.redact(value).slice(0, mostHeader).toWellFormed()]]
  })
  return shown.length === 0 ? {} : { headers: Object.fromEntries(shown) }
}

/**
 * Sends a request and reads its answer; statuses from 400 on are failures, and so is a redirect that is not followed.
 *
 * @param secrets - names of what is secret in the request; none where nothing is
 * @internal
 */
export const send = Effect.fnUntraced(
  function*(
    api: Api,
    request: HttpClientRequest.HttpClientRequest,
    secrets: ReadonlyArray<string>
  ): Effect.fn.Return<typeof Reply.Type, Failed, Scope.Scope> {
    const hidden = yield* UrlParams.CurrentRedactedNames
    const response = yield* api.client.execute(request).pipe(
      Effect.mapError(lost(api)),
      Effect.provideService(UrlParams.CurrentRedactedNames, [...hidden, ...secrets]),
      // A server may repeat a secret in any header.
      Effect.provideService(HttpClient.TracerHeaderFilter, () => false)
    )
    const { headers, status } = response
    if (status >= 400) return yield* refused(api, response, secrets.length > 0)
    const bytes = yield* bytesOf(api, response)
    return { status, ...headersOf(api, headers), ...bodyOf(api, bytes, parseContentType(headers["content-type"])) }
  },
  Effect.scoped,
  Effect.provideService(HttpClient.TracerPropagationEnabled, false)
)
