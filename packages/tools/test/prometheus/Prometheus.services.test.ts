import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Dispatcher } from "@volley/core"
import { Effect, FileSystem, Layer, Schedule, Schema } from "effect"
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

/** A Prometheus that scrapes itself each second; gives its URL once it has done so. */
const started = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  const port = yield* freePort
  const jobs = [{ job_name: "self", static_configs: [{ targets: [`127.0.0.1:${port}`] }] }]
  yield* fs.writeFileString(
    `${directory}/config.yml`,
    JSON.stringify({ global: { scrape_interval: "1s" }, scrape_configs: jobs })
  )
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(program, [
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
  yield* HttpClient.get(`${url}/api/v1/query?query=up%3D%3D1`).pipe(
    Effect.flatMap(HttpClientResponse.schemaBodyJson(Scraped)),
    Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 150 })
  )
  return url
})

type Result = typeof Prometheus.QueryPrometheus.successSchema.Type

const call = (query: string, range?: string) =>
  Dispatcher.call(Prometheus.QueryPrometheus, { query, ...(range === undefined ? {} : { range }) })

const live = Layer.unwrap(Effect.map(started, (url) => Prometheus.layer({ url }))).pipe(
  Layer.provide([FetchHttpClient.layer, NodeServices.layer])
)

describe.skipIf(isSkipped)("a real Prometheus", () => {
  // Real time: a server is started and waited for.
  it.live(
    "query_prometheus - what it says of itself, over a range too; what it refuses and does not have",
    () =>
      Effect.gen(function*() {
        const up = yield* call("up")
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

        const scalar = (yield* call("1/0")).result as Result
        assert.deepStrictEqual(scalar.series, [{ last: "+Inf" }])
      }).pipe(Effect.provide(live)),
    30_000
  )
})
