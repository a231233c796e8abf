/**
 * Tools that read the metrics of a Prometheus server: `query_prometheus`, `search_prometheus_names`,
 * `list_prometheus_labels`, `list_prometheus_series`.
 *
 * **Details**
 *
 * They speak to the HTTP API of Prometheus, or of any server with that API, through the HTTP client that is provided.
 * Results are bounded: at most 20 series, each with its last sample and, over a range, with its first, least and greatest
 * sample, mean and percentiles; a native histogram with its count, sum, mean and estimated percentiles. What is told in
 * part is kept whole, up to 4 Mi characters, for an agent that has `ResultStore.readResult` among its tools. Answers above
 * 16 MiB are not read; what comes back goes through the redactor of the context.
 *
 * What there is, is that of the last 24 hours.
 *
 * **Example** (The handlers of the family, for one server)
 *
 * ```ts
 * import { Dispatcher } from "@volley/core"
 * import { Prometheus } from "@volley/tools"
 * import { Cluster } from "@volley/tools/testing"
 * import { Effect, Layer } from "effect"
 * import { FetchHttpClient } from "effect/http"
 *
 * const program = Effect.gen(function*() {
 *   // stands for the server
 *   const { prometheusUrl: url } = yield* Cluster.make({ ...Cluster.plan(7), faults: [] })
 *   const PrometheusLive = Prometheus.layer({ url }).pipe(Layer.provide(FetchHttpClient.layer))
 *   const { result } = yield* Dispatcher.call(Prometheus.QueryPrometheus, { query: "count(up)" }).pipe(
 *     Effect.provide(PrometheusLive)
 *   )
 *   console.log(result)
 * }).pipe(Effect.scoped)
 * await Effect.runPromise(program)
 * ```
 *
 * ```text
 * { series: [ { last: 2 } ] }
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
import { direct } from "../internal/direct.ts"
import { baseUrl } from "../internal/webUrl.ts"
import { layerWithoutSecrets } from "../internal/withoutSecrets.ts"
import type { Server } from "./internal/api.ts"
import * as discover from "./internal/discover.ts"
import * as queryPrometheus from "./internal/queryPrometheus.ts"
import { UrlUnusable } from "./PrometheusError.ts"

export * from "./PrometheusError.ts"

/**
 * Evaluates PromQL now, or over a range of up to 366 days: at most 20 series. A series has at most 120 points, or 1,000
 * where the step is asked for.
 *
 * @category tools
 * @since 0.1.0
 */
export const QueryPrometheus = queryPrometheus.tool

/**
 * Finds the names of metrics by a pattern, with type and help: at most 100.
 *
 * @category tools
 * @since 0.1.0
 */
export const SearchNames = discover.searchNames

/**
 * Lists labels, or the values of one: at most 200.
 *
 * @category tools
 * @since 0.1.0
 */
export const ListLabels = discover.listLabels

/**
 * Lists the labels of the series that a selector selects: at most 50 series.
 *
 * @category tools
 * @since 0.1.0
 */
export const ListSeries = discover.listSeries

/**
 * The tools of the family.
 *
 * @category tools
 * @since 0.1.0
 */
export const toolkit = Toolkit.make(QueryPrometheus, SearchNames, ListLabels, ListSeries)

const make = Effect.fnUntraced(function*(options: { readonly url: string; readonly token?: Redacted.Redacted }) {
  const url = baseUrl(options.url)
  if (url === undefined) return yield* new UrlUnusable()
  const redactor = yield* Redactor.current
  if (options.token !== undefined) redactor.add(options.token)
  const client = direct(yield* HttpClient.HttpClient)
  const server: Server = { url, token: options.token, client, redactor }
  return {
    query_prometheus: queryPrometheus.handler(server),
    search_prometheus_names: discover.searchNamesHandler(server),
    list_prometheus_labels: discover.listLabelsHandler(server),
    list_prometheus_series: discover.listSeriesHandler(server)
  }
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
  layerWithoutSecrets(toolkit, make(options))

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
> = layerWithoutSecrets(
  toolkit,
  Effect.flatMap(
    environment,
    ({ token, url }) => make({ url, ...(Option.isSome(token) ? { token: token.value } : {}) })
  )
)
