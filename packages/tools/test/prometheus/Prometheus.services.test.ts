import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Dispatcher, ResultStore } from "@volley/core"
import { Loopback } from "@volley/core/testing"
import { Effect, FileSystem, Layer, Schedule, Schema } from "effect"
import type { Tool } from "effect/ai"
import { FetchHttpClient, HttpClient, HttpClientResponse } from "effect/http"
import { spawn, spawnSync } from "node:child_process"
import { createServer } from "node:net"
import { Prometheus } from "../../src/prometheus/index.ts"

const program = "prometheus"
const isInstalled = spawnSync(program, ["--version"]).status === 0
const isSkipped = !isInstalled && process.env["CI"] !== "true"
if (isSkipped) {
  process.stderr.write("prometheus is not installed: sudo apt-get install --no-install-recommends prometheus\n")
}

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

/**
 * A delimited MetricFamily in protobuf: `native_seconds` with schema 0, 2 observations about zero and 1, 3 and 6 in the
 * buckets up to 1, 2 and 4, their sum 18. Prometheus itself has no native histogram to scrape.
 */
const nativeHistogram = Buffer.from(
  "4f0a0e6e61746976655f7365636f6e6473121341206e617469766520686973746f6772616d2e1804" +
    "22263a24080c110000000000003240280031fca9f1d24d62503f3802620408001003680268046806",
  "hex"
)

const protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

/** A Prometheus that scrapes itself and the histogram each second; gives its URL once it has done so. */
const started = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  const port = yield* freePort
  const target = yield* Loopback.serve((_, response) =>
    void response.writeHead(200, { "content-type": protobuf }).end(nativeHistogram)
  )
  const jobs = [
    { job_name: "self", static_configs: [{ targets: [`127.0.0.1:${port}`] }] },
    { job_name: "native", static_configs: [{ targets: [new URL(target).host] }] }
  ]
  yield* fs.writeFileString(
    `${directory}/config.yml`,
    JSON.stringify({ global: { scrape_interval: "1s" }, scrape_configs: jobs })
  )
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(program, [
        "--enable-feature=native-histograms",
        `--config.file=${directory}/config.yml`,
        `--storage.tsdb.path=${directory}/data`,
        `--web.listen-address=127.0.0.1:${port}`
      ], { stdio: "ignore" })
    ),
    (child) =>
      Effect.callback<void>((resume) => {
        child.once("exit", () => resume(Effect.void))
        if (child.exitCode !== null || !child.kill()) resume(Effect.void)
      })
  )
  const url = `http://127.0.0.1:${port}`
  const Scraped = Schema.Struct({ data: Schema.Struct({ result: Schema.NonEmptyArray(Schema.Unknown) }) })
  yield* HttpClient.get(`${url}/api/v1/query?query=count(up%3D%3D1)%3D%3D2`).pipe(
    Effect.flatMap(HttpClientResponse.schemaBodyJson(Scraped)),
    Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 150 })
  )
  return url
})

type Names = typeof Prometheus.SearchNames.successSchema.Type
type Result = typeof Prometheus.QueryPrometheus.successSchema.Type

const call = (query: string, range?: string, step?: string) =>
  Dispatcher.call(Prometheus.QueryPrometheus, {
    query,
    ...(range === undefined ? {} : { range }),
    ...(step === undefined ? {} : { step })
  })

const live = Layer.unwrap(Effect.map(started, (url) => Prometheus.layer({ url }))).pipe(
  Layer.provide([FetchHttpClient.layer, NodeServices.layer])
)

describe.skipIf(isSkipped)("a real Prometheus", () => {
  // Real time: a server is started and waited for.
  it.live(
    "query_prometheus - what it says of itself, over a range too; what it refuses and does not have",
    () =>
      Effect.gen(function*() {
        const up = yield* call("up{job=\"self\"}")
        assert.isTrue(up.ok, JSON.stringify(up.result))
        const { series: [only], shared } = up.result as Result
        assert.deepStrictEqual(only, { name: "up", last: 1 })
        assert.match(shared ?? "", /instance="127\.0\.0\.1:\d+", job="self"/)

        const range = (yield* call("prometheus_build_info", "5m")).result as Result
        assert.deepStrictEqual([range.range, range.step, range.series.length], ["5m", 15, 1])
        assert.deepStrictEqual([range.series[0]?.min, range.series[0]?.max, range.series[0]?.last], [1, 1, 1])

        const refused = yield* call("sum by (")
        assert.deepStrictEqual([refused.failure?.reason, refused.attempts], ["QueryInvalid", 1])
        assert.include(refused.failure?.message, "parse error")

        const nothing = (yield* call("no_such_metric")).result as Result
        assert.strictEqual(nothing.note, "no series matches the query")

        const many = (yield* call("{job=\"self\"}")).result as Result
        assert.strictEqual(many.series.length, 20)
        assert.isAbove(many.not_listed ?? 0, 100)

        // the step that is asked for, percentiles, and all samples by the handle
        const own = (yield* call("prometheus_build_info", "10m", "1s")).result as Result
        const [info] = own.series
        assert.deepStrictEqual([own.step, info?.first, info?.p50, info?.p99, info?.mean], [1, 1, 1, 1, 1])
        const all = (yield* call("{job=\"self\"}")).result as Result
        const page = yield* Dispatcher.call(ResultStore.readResult, { handle: all.whole!.handle })
        assert.include(String(page.result), `of ${all.whole!.characters}`)
        assert.include(String(page.result), "\"__name__\"")

        const scalar = (yield* call("1/0")).result as Result
        assert.deepStrictEqual(scalar.series, [{ last: "+Inf" }])
      }).pipe(Effect.provide(live)),
    30_000
  )

  it.live(
    "native histograms - count, sum, mean and percentiles of the last sample, now and over a range",
    () =>
      Effect.gen(function*() {
        for (const range of [undefined, "1m"]) {
          const { series: [only], whole } = (yield* call("native_seconds", range)).result as Result
          const { p50, p90, p99, ...exact } = only!.histogram!
          assert.deepStrictEqual([only?.name, exact], ["native_seconds", { count: 12, sum: 18, mean: 1.5 }])
          // The sixth of twelve ends the bucket from 1 to 2, the others are in that from 2 to 4.
          assert.strictEqual(p50, 2)
          assert.isTrue(2 < Number(p90) && Number(p90) < Number(p99) && Number(p99) <= 4)
          const page = yield* Dispatcher.call(ResultStore.readResult, { handle: whole!.handle })
          assert.include(String(page.result), "\"buckets\"")
        }
      }).pipe(Effect.provide(live)),
    30_000
  )

  it.live(
    "discovery - names with type and help, labels and their values, series; what it refuses",
    () =>
      Effect.gen(function*() {
        const search = (parameters: Tool.ParametersEncoded<typeof Prometheus.SearchNames>) =>
          Dispatcher.call(Prometheus.SearchNames, parameters)
        const names = (yield* search({ pattern: "^prometheus_tsdb_head_(series|chunks)$" })).result as Names
        assert.deepStrictEqual(names.names.map(({ name, type }) => [name, type]), [
          ["prometheus_tsdb_head_chunks", "gauge"],
          ["prometheus_tsdb_head_series", "gauge"]
        ])
        assert.match(names.names[1]?.help ?? "", /Total number of series in the head block/)
        const bucket = (yield* search({ pattern: "request_duration_seconds_bucket$" })).result as Names
        assert.strictEqual(bucket.names[0]?.type, "histogram")
        const many = (yield* search({ pattern: ".*", selector: "{job=\"self\"}" })).result as Names
        assert.strictEqual(many.names.length, 100)
        assert.isAbove(many.found, 100)
        assert.isDefined(many.whole)
        assert.strictEqual((yield* search({ pattern: "(" })).failure?.reason, "QueryInvalid")
        assert.strictEqual((yield* search({ pattern: "(?:" })).failure?.reason, "QueryInvalid")

        const labels = yield* Dispatcher.call(Prometheus.ListLabels, { selector: "up" })
        assert.deepStrictEqual(labels.result, { labels: ["__name__", "instance", "job"], found: 3 })
        const values = yield* Dispatcher.call(Prometheus.ListLabels, { label: "job" })
        assert.deepStrictEqual(values.result, { values: ["native", "self"], found: 2 })

        const series = yield* Dispatcher.call(Prometheus.ListSeries, { selector: "{__name__=~\"go_gc_duration.*\"}" })
        assert.isTrue(series.ok)
        assert.match(JSON.stringify(series.result), /quantile=/)
        const refused = yield* Dispatcher.call(Prometheus.ListSeries, { selector: "sum(up)" })
        assert.deepStrictEqual([refused.failure?.reason, refused.attempts], ["QueryInvalid", 1])
      }).pipe(Effect.provide(live)),
    30_000
  )
})
