/**
 * A tool that evaluates PromQL: `query_prometheus`.
 *
 * **Details**
 *
 * It speaks to the query API of Prometheus, or of any server with that API, through the HTTP client that is provided.
 * Results are bounded: at most 20 series, each with its last sample and, over a range, the least and the greatest.
 * Answers above 16 MiB are not read. Native histograms are counted and left out.
 *
 * **Example** (The handlers of the family, for one server)
 *
 * ```ts
 * import { Prometheus } from "@volley/tools"
 * import { Layer } from "effect"
 * import { FetchHttpClient } from "effect/http"
 *
 * export const PrometheusLive = Prometheus.layer({ url: "http://127.0.0.1:9090" }).pipe(
 *   Layer.provide(FetchHttpClient.layer)
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Redactor from "@volley/core/Redactor"
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as queryPrometheus from "./internal/queryPrometheus.ts"
import { UrlUnusable } from "./PrometheusError.ts"

export * from "./PrometheusError.ts"

/**
 * Evaluates PromQL now, or over a range of up to 366 days with at most 120 points a series: at most 20 series.
 *
 * @category tools
 * @since 0.1.0
 */
export const QueryPrometheus = queryPrometheus.tool

/**
 * The tools of the family.
 *
 * @category tools
 * @since 0.1.0
 */
export const toolkit = Toolkit.make(QueryPrometheus)

/** With a slash at its end, so that paths are below it. */
const baseUrl = (text: string): string | undefined => {
  const url = URL.parse(text)
  const isWeb = url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === ""
  return isWeb ? `${url.origin}${url.pathname.replace(/\/*$/, "/")}` : undefined
}

const make = Effect.fnUntraced(function*(options: { readonly url: string; readonly token?: Redacted.Redacted }) {
  const url = baseUrl(options.url)
  if (url === undefined) return yield* new UrlUnusable()
  const redactor = yield* Redactor.current
  if (options.token !== undefined) redactor.add(options.token)
  const client = yield* HttpClient.HttpClient
  return { query_prometheus: queryPrometheus.handler({ url, token: options.token, client }) }
})

/**
 * Handlers of the family for one server. Building it fails with `UrlUnusable` where the URL is not one of http or https
 * without credentials. The redactor of the context learns the token.
 *
 * @param options.url - the server, such as `http://localhost:9090`, with the path it is served below
 * @param options.token - a bearer token; default none
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: {
  readonly url: string
  readonly token?: Redacted.Redacted
}): Layer.Layer<Tool.HandlersFor<typeof toolkit.tools>, UrlUnusable, HttpClient.HttpClient> =>
  toolkit.toLayer(make(options))

const environment = Config.all({
  url: Config.NonEmptyString("PROMETHEUS_URL"),
  token: Config.option(Redactor.redacted("PROMETHEUS_TOKEN"))
})

/**
 * Handlers of the family for the server `PROMETHEUS_URL`, with the bearer token `PROMETHEUS_TOKEN` if there is one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv: Layer.Layer<
  Tool.HandlersFor<typeof toolkit.tools>,
  UrlUnusable | Config.ConfigError,
  HttpClient.HttpClient
> = toolkit.toLayer(
  Effect.flatMap(
    environment,
    ({ token, url }) => make({ url, ...(Option.isSome(token) ? { token: token.value } : {}) })
  )
)
