import { assert, describe, it } from "@effect/vitest"
import { Dispatcher, Redactor } from "@volley/core"
import { ConfigProvider, Effect, Fiber, Layer, Redacted, Schema } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { Prometheus } from "../../src/prometheus/index.ts"
import { Range, windowOf } from "../../src/prometheus/internal/window.ts"
import type { Cluster } from "../../src/testing/index.ts"
import { layer, planOf, requests, untilRequests } from "../testing/support/ops.ts"

type Result = typeof Prometheus.QueryPrometheus.successSchema.Type

const call = (query: string, range?: string, step?: string) =>
  Dispatcher.call(Prometheus.QueryPrometheus, {
    query,
    ...(range === undefined ? {} : { range }),
    ...(step === undefined ? {} : { step })
  })

const resultOf = (report: Dispatcher.CallReport): Result => {
  assert.isTrue(report.ok, JSON.stringify(report.result))
  return report.result as Result
}

const series: ReadonlyArray<Cluster.Series> = [
  { name: "up", labels: { job: "a", zone: "x" }, type: "gauge", level: 1, swing: 0 },
  { name: "up", labels: { job: "b", zone: "x" }, type: "gauge", level: 0, swing: 0 },
  { name: "seconds_total", labels: { job: "a" }, type: "counter", level: 0.5, swing: 0 },
  ...Array.from({ length: 25 }, (_, i): Cluster.Series => ({
    name: "many",
    labels: { i: String(i) },
    type: "gauge",
    level: i,
    swing: 0
  }))
]

const cluster = (faults: ReadonlyArray<Cluster.Fault> = []) => layer(planOf([], { series, faults }))

type Kind = Cluster.Fault extends infer F ? F extends Cluster.Fault ? Omit<F, "server" | "matching"> : never : never
const fault = (kind: Kind): Cluster.Fault => ({ server: "prometheus", matching: "query=up", ...kind })

/** A server without sockets, so that only the test's clock counts. */
const answering = (reply: (url: URL) => Response, options: { readonly token?: Redacted.Redacted } = {}) =>
  Prometheus.layer({ url: "http://h/prom", ...options }).pipe(
    Layer.provide(
      Layer.succeed(HttpClient.HttpClient)(
        HttpClient.make((request, url) => Effect.sync(() => HttpClientResponse.fromWeb(request, reply(url))))
      )
    )
  )

describe("query_prometheus", () => {
  it.live("instant - each series with its value; what all share is told once", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(resultOf(yield* call("up")), {
        shared: "zone=\"x\"",
        series: [{ name: "up", labels: "job=\"a\"", last: 1 }, { name: "up", labels: "job=\"b\"", last: 0 }]
      })
      assert.deepStrictEqual(resultOf(yield* call("sum(up)")), { series: [{ last: 1 }] })
      assert.deepStrictEqual(resultOf(yield* call("2")), { series: [{ last: 2 }] })
    }).pipe(Effect.provide(cluster())))

  it.effect("range - least, greatest and last, the samples where they are few", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(3_600_000)
      const { series: [only], whole, ...rest } = resultOf(yield* call("seconds_total", "5m"))
      assert.isDefined(whole)
      assert.deepStrictEqual(rest, { range: "5m", step: 15, shared: "job=\"a\"" })
      assert.deepStrictEqual(only, {
        name: "seconds_total",
        first: 1650,
        last: 1800,
        min: 1650,
        max: 1800,
        mean: 1725,
        p50: 1725,
        p90: 1785,
        p99: 1798.5,
        count: 21
      })
      const few = resultOf(yield* call("seconds_total", "1m")).series[0]
      assert.deepStrictEqual(few?.values, [1770, 1777.5, 1785, 1792.5, 1800])
    }).pipe(Effect.provide(cluster())))

  it.live("bound - 20 series, the others counted; none is said", () =>
    Effect.gen(function*() {
      const many = resultOf(yield* call("many"))
      assert.deepStrictEqual([many.series.length, many.not_listed], [20, 5])
      assert.deepStrictEqual(resultOf(yield* call("none")), { series: [], note: "no series matches the query" })
    }).pipe(Effect.provide(cluster())))

  it.live("QueryInvalid - with the message of Prometheus, asked once", () =>
    Effect.gen(function*() {
      const { attempts, failure } = yield* call("sum by (")
      assert.deepStrictEqual([failure?.reason, failure?.kind, attempts], ["QueryInvalid", "permanent", 1])
      assert.include(failure?.message, "parse error: unexpected end of input")
    }).pipe(Effect.provide(cluster())))

  it.live("503 - once is healed by a retry", () =>
    Effect.gen(function*() {
      const { attempts, ok } = yield* call("up")
      assert.deepStrictEqual([ok, attempts], [true, 2])
    }).pipe(Effect.provide(cluster([fault({ kind: "unavailable", times: 1 })]))))

  it.live("404 - is SeriesNotFound, asked once", () =>
    Effect.gen(function*() {
      const { attempts, failure } = yield* call("up")
      assert.deepStrictEqual([failure?.reason, failure?.kind, attempts], ["SeriesNotFound", "permanent", 1])
    }).pipe(Effect.provide(cluster([fault({ kind: "notFound" })]))))

  it.effect("hang - ends after 2 seconds and is tried twice more", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(call("up"))
      for (const count of [1, 2, 3]) {
        yield* untilRequests(count)
        yield* TestClock.adjust("2 seconds")
        yield* TestClock.adjust("1 second")
      }
      const { attempts, failure } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([failure?.reason, failure?.kind, attempts], ["Timeout", "transient", 3])
      assert.lengthOf(yield* requests, 3)
    }).pipe(Effect.provide(cluster([fault({ kind: "hang" })]))))

  it.effect("429 - waits as long as the server asks", () =>
    Effect.gen(function*() {
      let asked = 0
      const limited = () => new Response("{}", { status: 429, headers: { "retry-after": "7" } })
      const reply = () => ++asked === 1 ? limited() : vector([])
      const fiber = yield* Effect.forkChild(Effect.provide(call("up"), answering(reply)))
      yield* TestClock.adjust("6999 millis")
      assert.strictEqual(asked, 1)
      yield* TestClock.adjust("1 milli")
      const { attempts, ok } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([ok, attempts], [true, 2])
    }))

  it.effect.each(
    [
      [422, "execution", "QueryInvalid", "permanent"],
      [503, "timeout", "TimedOut", "transient"],
      [503, "canceled", "TimedOut", "transient"],
      [504, "", "TimedOut", "transient"],
      [500, "internal", "Unavailable", "transient"],
      [403, "", "AnswerUnreadable", "permanent"],
      [200, "", "AnswerUnreadable", "permanent"]
    ] as const
  )("HTTP %s %s - is %s", ([status, errorType, reason, kind]) =>
    Effect.gen(function*() {
      const reply = () => Response.json({ status: "error", errorType, error: "why" }, { status })
      const fiber = yield* Effect.forkChild(Effect.provide(call("up"), answering(reply)))
      yield* TestClock.adjust("1 minute")
      const { attempts, failure } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([failure?.reason, failure?.kind, attempts], [reason, kind, kind === "transient" ? 3 : 1])
    }))

  it.effect("401 - is fatal", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(call("up")).pipe(
        Effect.provide(answering(() => new Response("", { status: 401 })))
      )
      assert.strictEqual(error._tag, "BadCredentials")
    }))

  it.effect("ResultTooLarge - more than 16 MiB are not read", () =>
    Effect.gen(function*() {
      let sent = 0
      const endless = () =>
        new Response(
          new ReadableStream({
            pull: (controller) => {
              sent += 1
              controller.enqueue(new Uint8Array(1024 * 1024))
            }
          })
        )
      const { failure } = yield* Effect.provide(call("up"), answering(endless))
      assert.strictEqual(failure?.reason, "ResultTooLarge")
      assert.isAtMost(sent, 20)
    }))

  it.effect("NaN and infinite values, native histograms, warnings - are told", () =>
    Effect.gen(function*() {
      const sample = (i: string, value: string) => ({ metric: { i }, value: [0, value] })
      const histogram = { metric: { i: "h" }, histogram: [0, { count: "1", sum: "1" }] }
      const reply = () =>
        vector([sample("a", "NaN"), sample("b", "+Inf"), sample("c", "-Inf"), histogram], ["partial data"])
      const result = resultOf(yield* Effect.provide(call("up"), answering(reply)))
      assert.deepStrictEqual(result.series.map(({ last }) => last), ["NaN", "+Inf", "-Inf", undefined])
      assert.strictEqual(result.note, "partial data")
    }))

  it.effect("range - what is none is refused before any request", () =>
    Effect.gen(function*() {
      const never = answering(() => assert.fail("asked"))
      for (const range of ["", "5", "m", "0m", "-5m", "5 m", "1h30m", "9999w"]) {
        assert.strictEqual((yield* Effect.provide(call("up", range), never)).failure?.reason, "InvalidArguments")
      }
    }))
})

describe("layers", () => {
  it.effect("layerFromEnv - PROMETHEUS_URL keeps its path, PROMETHEUS_TOKEN is sent", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const client = HttpClient.make((request, url) => {
        seen.push(`${url.href} ${request.headers.authorization ?? "no token"}`)
        return Effect.succeed(HttpClientResponse.fromWeb(request, vector([])))
      })
      const env = (variables: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables))
      const ask = (variables: Record<string, string>) =>
        call("up{a=\"b c&d\"}").pipe(
          Effect.provide(Prometheus.layerFromEnv),
          Effect.provide([env(variables), Layer.succeed(HttpClient.HttpClient)(client)])
        )
      yield* ask({ PROMETHEUS_URL: "http://h:1/p" })
      yield* ask({ PROMETHEUS_URL: "http://h:1/", PROMETHEUS_TOKEN: "token-from-env" })
      const query = "query=up%7Ba%3D%22b+c%26d%22%7D"
      assert.deepStrictEqual(seen, [
        `http://h:1/p/api/v1/query?${query} no token`,
        `http://h:1/api/v1/query?${query} Bearer token-from-env`
      ])
      assert.strictEqual((yield* Effect.flip(ask({})))._tag, "ConfigError")
      for (const url of ["file:///x", "no url", "http://me:secret@h"]) {
        assert.strictEqual((yield* Effect.flip(ask({ PROMETHEUS_URL: url })))._tag, "UrlUnusable")
      }
    }))

  it.effect("secrets - the redactor of the context learns the token", () =>
    Effect.gen(function*() {
      const redactor = Redactor.make()
      yield* Layer.build(answering(() => vector([]), { token: Redacted.make("a-secret-token") })).pipe(
        Effect.provide(Layer.succeed(Redactor.current)(redactor))
      )
      assert.strictEqual(redactor.redact("a-secret-token"), Redactor.mask)
    }))
})

describe("window", () => {
  const units = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const
  const Ranges = {
    count: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40_000 })),
    unit: Schema.Literals(["s", "m", "h", "d", "w"])
  }

  it.prop("step - gives at most 120 points over the whole range", Ranges, ({ count, unit }) => {
    const range = `${count}${unit}`
    const length = count * units[unit]
    assert.strictEqual(Schema.is(Range)(range), length <= 366 * 86_400)
    const { end, start, step } = windowOf(range, undefined, 1_000_000_000)
    assert.strictEqual(end, 1_000_000_000)
    assert.isTrue((end - start) % step === 0 && end - start <= length && end - start > length - step)
    assert.isTrue(Number.isInteger(step) && step >= 15 && Math.floor(length / step) + 1 <= 120)
  })

  it.prop("step - that is asked for is taken, unless it gives more than 1,000 points", {
    ...Ranges,
    own: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))
  }, ({ count, own, unit }) => {
    const length = count * units[unit]
    const { end, start, step } = windowOf(`${count}${unit}`, `${own}s`, 1_000_000_000)
    const fits = Math.floor(length / own) + 1 <= 1000
    assert.isTrue(fits ? step === own : step > own)
    assert.isTrue(Math.floor((end - start) / step) + 1 <= 1000 && (end - start) % step === 0)
  })

  it.effect("step - that is raised is said so; one that is none is refused before any request", () =>
    Effect.gen(function*() {
      const own = resultOf(yield* call("up", "1h", "30s"))
      assert.deepStrictEqual([own.step, own.note, own.series[0]?.count], [30, undefined, 121])
      const raised = resultOf(yield* call("up", "1d", "1s"))
      assert.deepStrictEqual([raised.step, raised.series[0]?.count], [120, 721])
      assert.strictEqual(raised.note, "the step is 120 s instead of 1s: a series has at most 1000 points")
      for (const step of ["", "0s", "1", "1ms", "500d"]) {
        assert.strictEqual((yield* call("up", "1h", step)).failure?.reason, "InvalidArguments")
      }
      assert.lengthOf(yield* requests, 2)
    }).pipe(Effect.provide(cluster())))

  it("step - of the ranges people ask for", () => {
    assert.deepStrictEqual(["5m", "1h", "24h", "7d"].map((range) => windowOf(range, undefined, 0).step), [
      15,
      60,
      900,
      7200
    ])
  })
})

const vector = (result: ReadonlyArray<object>, warnings?: ReadonlyArray<string>) =>
  Response.json({ status: "success", data: { resultType: "vector", result }, ...(warnings && { warnings }) })
