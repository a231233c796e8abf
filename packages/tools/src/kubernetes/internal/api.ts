/**
 * The little of the Kubernetes API that the tools need.
 *
 * @internal
 */
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import {
  AccessDenied,
  AnswerUnreadable,
  ApiUnavailable,
  ApiUnreachable,
  BadCredentials,
  NamespaceNotFound,
  RateLimited,
  SelectorInvalid
} from "../KubernetesError.ts"
import { Pod } from "./pod.ts"

/** How to reach a cluster; the token is read for each request, since that of a service account changes. @internal */
export interface Access {
  readonly url: string
  readonly token: Effect.Effect<Option.Option<Redacted.Redacted>, BadCredentials>
  readonly client: HttpClient.HttpClient
}

const pageSize = 100
const mostPods = 500
const mostNamespaces = 50

const PodPage = Schema.Struct({
  metadata: Schema.Struct({ continue: Schema.optionalKey(Schema.NullOr(Schema.String)) }),
  items: Schema.Array(Pod)
})

const NamespacePage = Schema.Struct({
  items: Schema.Array(Schema.Struct({ metadata: Schema.Struct({ name: Schema.String }) }))
})

const Status = Schema.Struct({ message: Schema.String })

/** The API said no: with which status, and with which words of its own. */
interface Refused {
  readonly _tag: "Refused"
  readonly status: number
  readonly detail: string
}

const failed = (error: unknown): ApiUnavailable | ApiUnreachable | RateLimited => {
  const failure = ToolFailure.fromUnknown(error)
  if (failure._tag === "Permanent") return new ApiUnreachable({ detail: failure.message })
  if (failure._tag === "Unknown" || failure.reason !== "RateLimited") {
    return new ApiUnavailable({ detail: failure.message })
  }
  return new RateLimited(failure.retryAfter === undefined ? {} : { retryAfter: failure.retryAfter })
}

const refusal = Effect.fnUntraced(function*(response: HttpClientResponse.HttpClientResponse) {
  if (response.status === 401) return yield* new BadCredentials()
  const isTransient = response.status === 408 || response.status === 429 || response.status >= 500
  if (isTransient) return yield* failed(response)
  const said = yield* Effect.option(HttpClientResponse.schemaBodyJson(Status)(response))
  const detail = Option.match(said, { onNone: () => `HTTP ${response.status}`, onSome: ({ message }) => message })
  return yield* Effect.fail<Refused>({ _tag: "Refused", status: response.status, detail: detail.slice(0, 300) })
})

const get = Effect.fnUntraced(function*<S extends Schema.Constraint>(
  access: Access,
  path: string,
  parameters: Readonly<Record<string, string>>,
  schema: S
) {
  const token = yield* access.token
  const request = HttpClientRequest.get(new URL(path.slice(1), access.url), { urlParams: parameters }).pipe(
    HttpClientRequest.acceptJson,
    Option.isSome(token) ? HttpClientRequest.bearerToken(token.value) : (it) => it
  )
  const response = yield* Effect.mapError(access.client.execute(request), failed)
  if (response.status !== 200) return yield* refusal(response)
  return yield* Effect.mapError(
    HttpClientResponse.schemaBodyJson(schema)(response),
    (error) =>
      error._tag === "SchemaError" || error.reason._tag === "DecodeError"
        ? new AnswerUnreadable({ detail: "its form is another" })
        : failed(error)
  )
})

const unexpected = ({ detail }: Refused) => new AnswerUnreadable({ detail })

/** @internal */
export interface Listed {
  readonly pods: ReadonlyArray<Pod>
  /** Whether there are more pods than were read. */
  readonly more: boolean
}

const pages = Effect.fnUntraced(function*(access: Access, namespace: string, selector: string | undefined) {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`
  const pods: Array<Pod> = []
  let next: string | undefined
  do {
    const page = yield* get(access, path, {
      limit: String(pageSize),
      ...(selector === undefined ? {} : { labelSelector: selector }),
      ...(next === undefined ? {} : { continue: next })
    }, PodPage)
    pods.push(...page.items)
    next = page.metadata.continue || undefined
  } while (next !== undefined && pods.length < mostPods)
  return { pods: pods.slice(0, mostPods), more: next !== undefined || pods.length > mostPods } satisfies Listed
})

const listRefused = (refused: Refused, namespace: string, selector: string | undefined) => {
  if (refused.status === 403) return new AccessDenied({ namespace })
  if (refused.status === 410) return new ApiUnavailable({ detail: "the list expired while it was read" })
  return selector !== undefined && (refused.status === 400 || refused.status === 422)
    ? new SelectorInvalid({ selector, detail: refused.detail })
    : unexpected(refused)
}

const isExpired = (error: { readonly _tag: string }): boolean =>
  error._tag === "Refused" && (error as Refused).status === 410

/**
 * The pods of a namespace, page by page, at most 500. A list that expires on the way is begun once more.
 *
 * @internal
 */
export const listPods = (access: Access, namespace: string, selector: string | undefined) =>
  pages(access, namespace, selector).pipe(
    Effect.retry({ times: 1, while: isExpired }),
    Effect.mapError((error) => error._tag === "Refused" ? listRefused(error, namespace, selector) : error)
  )

const namespaces = (access: Access) =>
  get(access, "/api/v1/namespaces", { limit: String(mostNamespaces) }, NamespacePage).pipe(
    Effect.map(({ items }) => items.map(({ metadata }) => metadata.name)),
    Effect.orElseSucceed((): ReadonlyArray<string> => [])
  )

/**
 * Fails where a namespace does not exist. Credentials that may not look it up say nothing about it.
 *
 * @internal
 */
export const checkNamespace = (access: Access, namespace: string) =>
  get(access, `/api/v1/namespaces/${encodeURIComponent(namespace)}`, {}, Schema.Unknown).pipe(
    Effect.asVoid,
    Effect.catchTag(
      "Refused",
      Effect.fnUntraced(function*(refused) {
        if (refused.status === 403) return
        if (refused.status !== 404) return yield* unexpected(refused)
        return yield* new NamespaceNotFound({ namespace, known: yield* namespaces(access) })
      })
    )
  )
