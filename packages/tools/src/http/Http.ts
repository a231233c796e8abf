/**
 * Tools that ask servers of the web: `http_get`, `http_request`, `fetch_page`.
 *
 * **Details**
 *
 * They ask through `Guard`, which is a part of the family: public hosts only, unless an option names others. Each answer is
 * bounded: 5 MiB are read, 256 KiB of UTF-8 are given of a text, and what is binary is described. Statuses from 400 on are
 * failures. Secrets that the redactor of the context knows, and values of query parameters that are named as secrets are, do
 * not appear in results.
 *
 * The family holds no credentials and keeps no cookies. What a page says is the word of a stranger.
 *
 * **Example** (The handlers of the family)
 *
 * ```ts
 * import { Dispatcher } from "@volley/core"
 * import { Http } from "@volley/tools/http"
 * import { Effect } from "effect"
 *
 * const HttpLive = Http.layer({ allowHosts: ["*.example.com"], allowPrivate: ["localhost:8080"] })
 *
 * const program = Dispatcher.call(Http.HttpGet, { url: "https://elsewhere.org" }).pipe(Effect.provide(HttpLive))
 * console.log((await Effect.runPromise(program)).failure?.message)
 * ```
 *
 * ```text
 * "elsewhere.org" is not on the list of allowed hosts: ask for one that is
 * ```
 *
 * @since 0.1.0
 */
import * as Redactor from "@volley/core/Redactor"
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as ByteSize from "effect/ByteSize"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { layerWithoutSecrets } from "../internal/withoutSecrets.ts"
import * as Guard from "./Guard.ts"
import type { Web } from "./internal/exchange.ts"
import * as fetchPage from "./internal/fetchPage.ts"
import * as httpGet from "./internal/httpGet.ts"
import * as httpRequest from "./internal/httpRequest.ts"

export type { Options } from "./Guard.ts"
export * from "./GuardError.ts"
export * from "./HttpError.ts"

/**
 * Sends a GET or HEAD request.
 *
 * @category tools
 * @since 0.1.0
 */
export const HttpGet = httpGet.tool

/**
 * Sends a POST, PUT, PATCH or DELETE request; each call wants approval. It carries the call's idempotency key in the header
 * `Idempotency-Key`, unless the call gives one.
 *
 * @category tools
 * @since 0.1.0
 */
export const HttpRequest = httpRequest.tool

/**
 * Reads a web page as Markdown.
 *
 * @category tools
 * @since 0.1.0
 */
export const FetchPage = fetchPage.tool

/**
 * The tools of the family.
 *
 * @category tools
 * @since 0.1.0
 */
export const toolkit = Toolkit.make(HttpGet, HttpRequest, FetchPage)

type Handlers = Tool.HandlersFor<typeof toolkit.tools>

const make = Effect.fnUntraced(function*(options: Guard.Options) {
  const client = yield* Guard.make(options)
  const web: Web = { client: HttpClient.withScope(client), redactor: yield* Redactor.current }
  return {
    http_get: httpGet.handler(web),
    http_request: httpRequest.handler(web),
    fetch_page: fetchPage.handler(web)
  }
})

/**
 * Handlers of the family. Building it fails with `OptionUnusable` where an option is not as `Guard.Options` says.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Guard.Options = {}): Layer.Layer<Handlers, Guard.OptionUnusable> =>
  layerWithoutSecrets(toolkit, make(options))

const variables: ReadonlyMap<string, string> = new Map([
  ["allowHosts", "HTTP_ALLOW_HOSTS"],
  ["allowPrivate", "HTTP_ALLOW_PRIVATE"],
  ["ports", "HTTP_PORTS"],
  ["maxSize", "HTTP_MAX_SIZE"]
])

const environment = Config.all({
  allowHosts: Config.option(Config.Array(Schema.String, "HTTP_ALLOW_HOSTS")),
  allowPrivate: Config.option(Config.Array(Schema.String, "HTTP_ALLOW_PRIVATE")),
  ports: Config.option(Config.map(Config.Array(Schema.String, "HTTP_PORTS"), (ports) => ports.map(Number))),
  maxSize: Config.option(Config.map(Config.ByteSize("HTTP_MAX_SIZE"), ByteSize.toNumberUnsafe))
})

const given = <const K extends string, A>(key: K, value: Option.Option<A>): { readonly [P in K]?: A } =>
  (Option.isSome(value) ? { [key]: value.value } : {}) as { readonly [P in K]?: A }

const fromEnvironment = Effect.flatMap(environment, ({ allowHosts, allowPrivate, maxSize, ports }) =>
  Effect.mapError(
    make({
      ...given("allowHosts", allowHosts),
      ...given("allowPrivate", allowPrivate),
      ...given("ports", ports),
      ...given("maxSize", maxSize)
    }),
    ({ expected, name }) => new Guard.OptionUnusable({ name: variables.get(name) ?? name, expected })
  ))

/**
 * Handlers of the family with the options of the environment, where these are set: `HTTP_ALLOW_HOSTS`,
 * `HTTP_ALLOW_PRIVATE` and `HTTP_PORTS`, each separated by commas, and `HTTP_MAX_SIZE`, such as `5 MiB`. See `Guard.Options`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv: Layer.Layer<Handlers, Guard.OptionUnusable | Config.ConfigError> = layerWithoutSecrets(
  toolkit,
  fromEnvironment
)
