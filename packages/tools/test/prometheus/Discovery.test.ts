import { assert, describe, it } from "@effect/vitest"
import { Dispatcher } from "@volley/core"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Prometheus } from "../../src/prometheus/index.ts"
import { selectorOf } from "../../src/prometheus/internal/discover.ts"
import type { Cluster } from "../../src/testing/index.ts"
import { layer, planOf, requests } from "../testing/support/ops.ts"

type Names = typeof Prometheus.SearchNames.successSchema.Type
type Labels = typeof Prometheus.ListLabels.successSchema.Type
type Found = typeof Prometheus.ListSeries.successSchema.Type

const gauge = (name: string, labels: Record<string, string>): Cluster.Series => ({
  name,
  labels,
  type: "gauge",
  level: 1,
  swing: 0
})

const series: ReadonlyArray<Cluster.Series> = [
  gauge("up", { job: "a", zone: "x" }),
  gauge("up", { job: "b", zone: "x" }),
  { ...gauge("http_requests_total", { job: "a", code: "200" }), type: "counter" },
  gauge("http_duration_seconds_sum", { job: "b" }),
  gauge("http_duration_seconds_bucket", { job: "b", le: "1" }),
  ...Array.from({ length: 260 }, (_, i) => gauge(`many_${String(i).padStart(3, "0")}`, { i: String(i) }))
]

const cluster = (faults: ReadonlyArray<Cluster.Fault> = []) => layer(planOf([], { series, faults }))

const namesIn = ({ ok, result }: Dispatcher.CallReport): Names => {
  assert.isTrue(ok, JSON.stringify(result))
  return result as Names
}

const names = (pattern: string, selector?: string) =>
  Dispatcher.call(Prometheus.SearchNames, { pattern, ...(selector === undefined ? {} : { selector }) })

const labels = (parameters: { readonly selector?: string; readonly label?: string } = {}) =>
  Effect.map(Dispatcher.call(Prometheus.ListLabels, parameters), ({ result }) => result as Labels)

const found = (selector: string) =>
  Effect.map(Dispatcher.call(Prometheus.ListSeries, { selector }), ({ result }) => result as Found)

describe("search_prometheus_names", () => {
  it.live("pattern - is found anywhere in the name; each has its type and help", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(namesIn(yield* names("requests")), {
        names: [{ name: "http_requests_total", type: "counter", help: "Planned as http_requests_total." }],
        found: 1
      })
      assert.deepStrictEqual(namesIn(yield* names("_bucket$")).names, [
        { name: "http_duration_seconds_bucket", type: "histogram", help: "Planned as http_duration_seconds." }
      ])
      const nameOf = (report: Dispatcher.CallReport) => namesIn(report).names.map(({ name }) => name)
      assert.deepStrictEqual(nameOf(yield* names("^http.*duration")), [
        "http_duration_seconds_bucket",
        "http_duration_seconds_sum"
      ])
      assert.deepStrictEqual(nameOf(yield* names("u*p$|seconds_sum$")), ["http_duration_seconds_sum", "up"])
      assert.deepStrictEqual(nameOf(yield* names(".*", "{job=\"a\",}")), ["http_requests_total", "up"])
      assert.deepStrictEqual(namesIn(yield* names("none")), {
        names: [],
        found: 0,
        note: "nothing in the last 24 hours"
      })
    }).pipe(Effect.provide(cluster())))

  it.live("bound - 100 names, all of them by a handle", () =>
    Effect.gen(function*() {
      const result = namesIn(yield* names("many"))
      assert.deepStrictEqual([result.names.length, result.found], [100, 260])
      assert.isAbove(result.whole?.characters ?? 0, 260 * 8)
    }).pipe(Effect.provide(cluster())))

  it.live("metadata - that the server does not have is left out", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(namesIn(yield* names("^up$")).names, [{ name: "up" }])
    }).pipe(Effect.provide(cluster([{ server: "prometheus", matching: "/metadata", kind: "notFound" }]))))

  it.live("QueryInvalid - a pattern that is none, asked once", () =>
    Effect.gen(function*() {
      const { attempts, failure } = yield* names("(")
      assert.deepStrictEqual([failure?.reason, attempts], ["QueryInvalid", 1])
      assert.strictEqual((yield* names("x", "job=\"a\"")).failure?.reason, "InvalidArguments")
      assert.lengthOf(yield* requests, 1)
    }).pipe(Effect.provide(cluster())))

  it("selector - what is in a pattern stays in it", () => {
    assert.strictEqual(selectorOf("a\"}b\\d"), "{__name__!=\"\",__name__=~\".*(?:a\\\"}b\\\\d).*\"}")
    assert.strictEqual(selectorOf("a", " { job=\"b\" } "), "{__name__!=\"\",__name__=~\".*(?:a).*\",job=\"b\"}")
  })
})

describe("list_prometheus_labels", () => {
  it.live("labels - of all series or of those selected; values of one label", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* labels({ selector: "up" }), { labels: ["__name__", "job", "zone"], found: 3 })
      assert.deepStrictEqual((yield* labels()).labels, ["__name__", "code", "i", "job", "le", "zone"])
      assert.deepStrictEqual(yield* labels({ label: "job" }), { values: ["a", "b"], found: 2 })
      assert.deepStrictEqual((yield* labels({ label: "job", selector: "http_requests_total" })).values, ["a"])
      const many = yield* labels({ label: "i" })
      assert.deepStrictEqual([many.values?.length, many.found], [200, 260])
      assert.isDefined(many.whole)
    }).pipe(Effect.provide(cluster())))

  it.live("label - what is no name of one is refused before any request", () =>
    Effect.gen(function*() {
      for (const label of ["", "../query", "a-b", "1a"]) {
        const { failure } = yield* Dispatcher.call(Prometheus.ListLabels, { label })
        assert.strictEqual(failure?.reason, "InvalidArguments")
      }
      assert.lengthOf(yield* requests, 0)
    }).pipe(Effect.provide(cluster())))
})

describe("list_prometheus_series", () => {
  it.live("series - what all share is told once, the others with each", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* found("up"), {
        shared: "zone=\"x\"",
        series: [{ name: "up", labels: "job=\"a\"" }, { name: "up", labels: "job=\"b\"" }],
        found: 2
      })
      const many = yield* found("{i=~\".+\"}")
      assert.deepStrictEqual([many.series.length, many.found], [50, 260])
      assert.isDefined(many.whole)
    }).pipe(Effect.provide(cluster())))

  it.effect("time - what had a sample in the last 24 hours", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_000_000_000)
      yield* found("up")
      assert.deepStrictEqual((yield* requests).map(({ path, parameters }) => [path, parameters]), [
        ["/api/v1/series", { start: "913600", end: "1000000", "match[]": "up" }]
      ])
    }).pipe(Effect.provide(cluster())))

  it.live("503 - once is healed by a retry", () =>
    Effect.gen(function*() {
      const { attempts, ok } = yield* Dispatcher.call(Prometheus.ListSeries, { selector: "up" })
      assert.deepStrictEqual([ok, attempts], [true, 2])
    }).pipe(Effect.provide(cluster([{ server: "prometheus", matching: "/series", kind: "unavailable", times: 1 }]))))
})
