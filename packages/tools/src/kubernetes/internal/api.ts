/**
 * The little of the Kubernetes API that the tools need: requests within a namespace, lists, failures.
 *
 * @internal
 */
import type * as Redactor from "@volley/core/Redactor"
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { boundedText, oneLine } from "../../internal/boundedText.ts"
import {
  AccessDenied,
  AnswerTooLarge,
  AnswerUnreadable,
  ApiUnavailable,
  ApiUnreachable,
  BadCredentials,
  NamespaceNotAllowed,
  NamespaceNotFound,
  RateLimited,
  type Resource,
  SelectorInvalid
} from "../KubernetesError.ts"

/** How to reach a cluster; the token is read for each request, since that of a service account changes. @internal */
export interface Access {
  readonly url: string
  readonly token: Effect.Effect<Option.Option<Redacted.Redacted>, BadCredentials>
  readonly client: HttpClient.HttpClient
  readonly redactor: Redactor.Redactor
  /** The namespaces that may be asked about; `undefined` for all. */
  readonly namespaces: ReadonlyArray<string> | undefined
}

const mostMebibytes = 8
const mostOfRefusal = 64 * 1024
const longestDetail = 400
const mostNamespaces = 50

/** The failures that every tool of the family has. @internal */
export const commonFailure = [
  ApiUnavailable,
  RateLimited,
  ApiUnreachable,
  NamespaceNotAllowed,
  NamespaceNotFound,
  AccessDenied,
  AnswerUnreadable,
  AnswerTooLarge,
  BadCredentials
] as const

/** What they mean; `BadCredentials` says of itself that it is fatal. @internal */
export const commonFailures = {
  ApiUnavailable: "transient",
  RateLimited: "transient",
  ApiUnreachable: "permanent",
  NamespaceNotAllowed: "permanent",
  NamespaceNotFound: "permanent",
  AccessDenied: "permanent",
  AnswerUnreadable: "permanent",
  AnswerTooLarge: "permanent"
} as const

/** The API said no: with which status, and with which words of its own. @internal */
export interface Refused {
  readonly _tag: "Refused"
  readonly status: number
  readonly detail: string
}

type Trouble = ApiUnavailable | ApiUnreachable | RateLimited

/** What an error of the client, or a status that is no answer, means. @internal */
export const failed = (error: unknown): Trouble => {
  const failure = ToolFailure.fromUnknown(error)
  if (failure._tag === "Permanent") return new ApiUnreachable({ detail: failure.message })
  if (failure._tag === "Unknown") return new ApiUnavailable({ detail: failure.message })
  const wait = failure.retryAfter === undefined ? {} : { retryAfter: failure.retryAfter }
  return failure.reason === "RateLimited"
    ? new RateLimited(wait)
    : new ApiUnavailable({ detail: failure.message, ...wait })
}

const decodeStatus = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ message: Schema.String })))

const refusal = Effect.fnUntraced(function*(
  { redactor }: Access,
  response: HttpClientResponse.HttpClientResponse
): Effect.fn.Return<never, BadCredentials | Trouble | Refused> {
  const { status } = response
  if (status === 401) return yield* new BadCredentials()
  if (status === 408 || status === 429 || status >= 500) return yield* failed(response)
  const body = yield* Effect.option(boundedText(response, mostOfRefusal, () => undefined))
  const said = Option.flatMap(body, decodeStatus)
  const detail = Option.match(said, { onNone: () => `HTTP ${status}`, onSome: ({ message }) => message })
  return yield* Effect.fail<Refused>({
    _tag: "Refused",
    status,
    detail: oneLine(redactor.redact(detail), longestDetail)
  })
})

type Parameters = Readonly<Record<string, string>>

/** The answer to a GET, with its body still to be read; the connection is let go when the scope ends. */
const request = Effect.fnUntraced(function*(
  access: Access,
  path: string,
  parameters: Parameters
): Effect.fn.Return<HttpClientResponse.HttpClientResponse, BadCredentials | Trouble | Refused, Scope.Scope> {
  const token = yield* access.token
  const get = HttpClientRequest.get(new URL(path, access.url), { urlParams: parameters }).pipe(
    HttpClientRequest.accept("application/json, */*"),
    Option.isSome(token) ? HttpClientRequest.bearerToken(token.value) : (it) => it
  )
  const response = yield* Effect.mapError(HttpClient.withScope(access.client).execute(get), failed)
  return response.status === 200 ? response : yield* refusal(access, response)
})

const body = Effect.fnUntraced(function*(access: Access, path: string, parameters: Parameters) {
  const response = yield* request(access, path, parameters)
  const tooLarge = () => new AnswerTooLarge({ mebibytes: mostMebibytes })
  return yield* Effect.mapError(
    boundedText(response, mostMebibytes * 1024 * 1024, tooLarge),
    (error) => error._tag === "HttpClientError" ? failed(error) : error
  )
}, Effect.scoped)

const decoded = <A>(text: string, schema: Schema.ConstraintCodec<A, unknown>): Effect.Effect<A, AnswerUnreadable> => {
  const read = Schema.decodeResult(Schema.fromJsonString(schema))(text)
  return Result.isSuccess(read)
    ? Effect.succeed(read.success)
    : Effect.fail(new AnswerUnreadable({ detail: "its form is another" }))
}

const pathIn = (root: string, namespace: string): string => `${root}/namespaces/${encodeURIComponent(namespace)}`

/** Fails, before anything is sent, for a namespace that may not be asked about. */
const permitted = ({ namespaces }: Access, namespace: string): Effect.Effect<void, NamespaceNotAllowed> =>
  namespaces === undefined || namespaces.includes(namespace)
    ? Effect.void
    : Effect.fail(new NamespaceNotAllowed({ namespace, allowed: namespaces }))

/** The log of a pod, with its body still to be read. @internal */
export const getLog = Effect.fnUntraced(function*(
  access: Access,
  { namespace, pod }: { readonly namespace: string; readonly pod: string },
  parameters: Parameters
) {
  yield* permitted(access, namespace)
  const path = `${pathIn("api/v1", namespace)}/pods/${encodeURIComponent(pod)}/log`
  return yield* request(access, path, parameters)
})

/** A kind of resource: where its lists are, what is read of its items, and how many at most. @internal */
export interface Kind<A> {
  readonly resource: Resource
  readonly root: "api/v1" | "apis/apps/v1"
  readonly item: Schema.ConstraintCodec<A, unknown>
  readonly pageSize: number
  readonly most: number
}

/** @internal */
export interface Listed<A> {
  readonly items: ReadonlyArray<A>
  /** Whether there are more than were read. */
  readonly more: boolean
}

const Continued = Schema.Struct({
  metadata: Schema.Struct({ continue: Schema.optionalKey(Schema.NullOr(Schema.String)) })
})

/** The items of a page, and the token of the next one, which is not to be redacted. */
const page = Effect.fnUntraced(function*<A>(
  access: Access,
  { item, resource, root }: Kind<A>,
  namespace: string,
  parameters: Parameters
) {
  const text = yield* body(access, `${pathIn(root, namespace)}/${resource}`, parameters)
  const { metadata } = yield* decoded(text, Continued)
  const { items } = yield* decoded(
    access.redactor.redact(text),
    Schema.Struct({ items: Schema.NullOr(Schema.Array(item)) })
  )
  return { items: items ?? [], next: metadata.continue || undefined }
})

const pages = Effect.fnUntraced(function*<A>(access: Access, kind: Kind<A>, namespace: string, parameters: Parameters) {
  const items: Array<A> = []
  let next: string | undefined
  do {
    const read = yield* page(access, kind, namespace, {
      limit: String(kind.pageSize),
      ...parameters,
      ...(next === undefined ? {} : { continue: next })
    })
    items.push(...read.items)
    next = read.next
  } while (next !== undefined && items.length < kind.most)
  return { items: items.slice(0, kind.most), more: next !== undefined || items.length > kind.most } satisfies Listed<A>
})

const unexpected = ({ detail }: Refused) => new AnswerUnreadable({ detail })

/** What a refusal means for what was asked of a namespace, as far as that is common. @internal */
export const refused = (refusal: Refused, namespace: string, resource: Resource) => {
  if (refusal.status === 403) return new AccessDenied({ namespace, resource })
  return refusal.status === 410
    ? new ApiUnavailable({ detail: "the list expired while it was read" })
    : unexpected(refusal)
}

const isExpired = (error: { readonly _tag: string }): boolean =>
  error._tag === "Refused" && (error as Refused).status === 410

const namespaces = (access: Access): Effect.Effect<ReadonlyArray<string>> =>
  access.namespaces === undefined
    ? body(access, "api/v1/namespaces", { limit: String(mostNamespaces) }).pipe(
      Effect.flatMap((text) => decoded(access.redactor.redact(text), NamespacePage)),
      Effect.map(({ items }) => items.slice(0, mostNamespaces).map(({ metadata }) => oneLine(metadata.name, 63))),
      Effect.orElseSucceed(() => [])
    )
    : Effect.succeed(access.namespaces.slice(0, mostNamespaces))

const NamespacePage = Schema.Struct({
  items: Schema.Array(Schema.Struct({ metadata: Schema.Struct({ name: Schema.String }) }))
})

/**
 * Fails where a namespace does not exist. Credentials that may not look it up say nothing about it.
 *
 * @internal
 */
export const checkNamespace = (access: Access, namespace: string) =>
  body(access, pathIn("api/v1", namespace), {}).pipe(
    Effect.asVoid,
    Effect.catchTag(
      "Refused",
      Effect.fnUntraced(function*(refusal) {
        if (refusal.status === 403) return
        if (refusal.status !== 404) return yield* unexpected(refusal)
        const known = (yield* namespaces(access)).filter((name) => name !== namespace)
        return yield* new NamespaceNotFound({ namespace, known })
      })
    )
  )

/** A list that expires on the way is begun once more. */
const listed = Effect.fnUntraced(function*<A>(
  access: Access,
  kind: Kind<A>,
  namespace: string,
  parameters: Parameters
) {
  yield* permitted(access, namespace)
  const found = yield* Effect.retry(pages(access, kind, namespace, parameters), { times: 1, while: isExpired })
  if (found.items.length === 0) yield* checkNamespace(access, namespace)
  return found
})

type Fields = Readonly<Record<string, string | undefined>>

/**
 * The items of a kind in a namespace whose fields have these values, page by page.
 *
 * @internal
 */
export const list = <A>(access: Access, kind: Kind<A>, namespace: string, fields: Fields) => {
  const equal = Object.entries(fields).flatMap(([name, value]) => value === undefined ? [] : [`${name}=${value}`])
  return listed(access, kind, namespace, equal.length === 0 ? {} : { fieldSelector: equal.join(",") }).pipe(
    Effect.mapError((error) => error._tag === "Refused" ? refused(error, namespace, kind.resource) : error)
  )
}

/**
 * The items of a kind in a namespace that a label selector selects, page by page.
 *
 * @internal
 */
export const select = <A>(access: Access, kind: Kind<A>, namespace: string, selector: string | undefined) =>
  listed(access, kind, namespace, selector === undefined ? {} : { labelSelector: selector }).pipe(
    Effect.mapError((error) => {
      if (error._tag !== "Refused") return error
      return selector !== undefined && (error.status === 400 || error.status === 422)
        ? new SelectorInvalid({ selector, detail: error.detail })
        : refused(error, namespace, kind.resource)
    })
  )
