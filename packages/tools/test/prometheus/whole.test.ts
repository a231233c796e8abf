import { assert, describe, it } from "@effect/vitest"
import { Agent, Dispatcher, Redactor, ResultStore, ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { Prometheus } from "../../src/prometheus/index.ts"
import { failures } from "../../src/prometheus/internal/api.ts"
import type { Cluster } from "../../src/testing/index.ts"
import { layer, planOf } from "../testing/support/ops.ts"

const series = (count: number): ReadonlyArray<Cluster.Series> =>
  Array.from({ length: count }, (_, i) => ({
    name: "many",
    labels: { i: String(i) },
    type: "gauge",
    level: i,
    swing: 0
  }))

type Result = typeof Prometheus.QueryPrometheus.successSchema.Type

const cluster = layer(planOf([], { series: series(300) }))

/** All that is kept under a handle, read page by page as a model does. */
const readAll = Effect.fnUntraced(function*(handle: string) {
  let [text, offset] = ["", 0]
  for (;;) {
    const { ok, result } = yield* Dispatcher.call(ResultStore.readResult, { handle, offset, length: 10_000 })
    assert.isTrue(ok, JSON.stringify(result))
    const [head = "", ...body] = String(result).split("\n\n")
    text += body.join("\n\n")
    const next = /the next offset is (\d+)/.exec(head)?.[1]
    if (next === undefined) return text
    offset = Number(next)
  }
})

const linesOf = (
  text: string
): ReadonlyArray<{ readonly metric: Record<string, string>; readonly values: ReadonlyArray<unknown> }> =>
  text.split("\n").map((line) => JSON.parse(line))

/** A server without sockets. */
const answering = (reply: (url: URL) => unknown, token?: string) =>
  Prometheus.layer({ url: "http://h", ...(token === undefined ? {} : { token: Redacted.make(token) }) }).pipe(
    Layer.provide(
      Layer.succeed(HttpClient.HttpClient)(
        HttpClient.make((request, url) =>
          Effect.sync(() => {
            const replied = reply(url)
            return HttpClientResponse.fromWeb(request, replied instanceof Response ? replied : Response.json(replied))
          })
        )
      )
    )
  )

describe("the whole of a result", () => {
  it.live("series that are not listed, samples that are not told - all of them are read by the handle", () =>
    Effect.gen(function*() {
      const query = (range?: string) =>
        Effect.map(
          Dispatcher.call(Prometheus.QueryPrometheus, { query: "many", ...(range === undefined ? {} : { range }) }),
          ({ result }) => result as Result
        )
      const now = yield* query()
      assert.deepStrictEqual([now.series.length, now.not_listed], [20, 280])
      const text = yield* readAll(now.whole!.handle)
      assert.strictEqual(text.length, now.whole!.characters)
      assert.deepStrictEqual(
        linesOf(text).map(({ metric }) => Number(metric["i"])),
        Array.from({ length: 300 }, (_, i) => i)
      )

      const range = yield* query("1h")
      const lines = linesOf(yield* readAll(range.whole!.handle))
      assert.deepStrictEqual([lines.length, new Set(lines.map(({ values }) => values.length))], [300, new Set([61])])
    }).pipe(Effect.provide(cluster)))

  it.live("a summary that is cut itself is kept beside the whole, not in its place", () =>
    Effect.gen(function*() {
      const kept = new Map<string, string>()
      const store: ResultStore.ResultStore = {
        keep: (key, text) => Effect.sync(() => (kept.set(key, text), true)),
        read: () => Effect.undefined
      }
      const small = ToolPolicy.set(Prometheus.QueryPrometheus, { failures, maxResultSize: "1 KiB" })
      const report = yield* Dispatcher.call(small, { query: "many", range: "1h" }).pipe(
        Effect.provideService(ResultStore.current, store)
      )
      assert.isTrue(report.ok)
      assert.deepStrictEqual(Array.from(kept.values(), (text) => text.split("\n").length), [300, 1])
    }).pipe(Effect.provide(cluster)))

  it.live("a result that is told in full has no handle", () =>
    Effect.gen(function*() {
      const { result } = yield* Dispatcher.call(Prometheus.QueryPrometheus, { query: "many{i=\"7\"}", range: "2m" })
      assert.isUndefined((result as Result).whole)
    }).pipe(Effect.provide(cluster)))

  it.effect("a store that fails or hangs, a text that is too large - the summary is given without a handle", () =>
    Effect.gen(function*() {
      const call = Dispatcher.call(Prometheus.QueryPrometheus, { query: "x" })
      const result = (size: number) => ({
        status: "success",
        data: {
          resultType: "vector",
          result: Array.from(
            { length: 30 },
            (_, i) => ({ metric: { i: `${i}`, x: "y".repeat(size) }, value: [0, "1"] })
          )
        }
      })
      const stores: ReadonlyArray<ResultStore.ResultStore> = [
        { keep: () => Effect.never, read: () => Effect.undefined },
        { keep: () => Effect.fail("full"), read: () => Effect.undefined },
        { keep: () => Effect.succeed(false), read: () => Effect.undefined }
      ]
      for (const store of stores) {
        const fiber = yield* Effect.forkChild(call.pipe(
          Effect.provide(answering(() => result(1))),
          Effect.provideService(ResultStore.current, store)
        ))
        yield* TestClock.adjust("500 millis")
        const report = yield* Fiber.join(fiber)
        assert.deepStrictEqual([report.ok, (report.result as Result).whole], [true, undefined])
      }
      const large = yield* Effect.provide(call, answering(() => result(200_000)))
      assert.deepStrictEqual([(large.result as Result).not_listed, (large.result as Result).whole], [10, undefined])
    }))

  it.live("of another tenant it cannot be read", () =>
    Effect.gen(function*() {
      const agent = Agent.make("reader", { tools: [Prometheus.toolkit, ResultStore.readResult] })
      const store = yield* ResultStore.current
      const keys: Array<string> = []
      const recording: ResultStore.ResultStore = {
        ...store,
        keep: (key, text) => (keys.push(key), store.keep(key, text))
      }
      yield* Agent.run(agent, "many?", { tenant: "a" }).pipe(
        Effect.provideService(ResultStore.current, recording),
        Effect.provide(ScriptedModel.layer([
          ModelScript.toolUse([{ name: "query_prometheus", input: { query: "many" } }]),
          ModelScript.text("done")
        ]))
      )
      assert.lengthOf(keys, 1)
      const [tenant, handle] = JSON.parse(keys[0]!) as [string, string]
      assert.strictEqual(tenant, "a")
      const { failure } = yield* Dispatcher.call(ResultStore.readResult, { handle })
      assert.strictEqual(failure?.reason, "NotFound")
    }).pipe(Effect.provide(cluster)))
})

describe("secrets", () => {
  const canary = "canary-token-0123456789"
  const echoed = `Bearer ${canary} ${btoa(`x${canary}`)} ${"z".repeat(560)}${canary}`

  const calls = [
    Dispatcher.call(Prometheus.QueryPrometheus, { query: "up" }),
    Dispatcher.call(Prometheus.QueryPrometheus, { query: "up", range: "1h" }),
    Dispatcher.call(Prometheus.SearchNames, { pattern: "up" }),
    Dispatcher.call(Prometheus.ListLabels, {}),
    Dispatcher.call(Prometheus.ListLabels, { label: "job" }),
    Dispatcher.call(Prometheus.ListSeries, { selector: "up" })
  ] as const

  const data = (path: string): unknown => {
    if (path.endsWith("/series")) {
      return Array.from({ length: 60 }, (_, i) => ({ __name__: canary, a: `${i}${echoed}` }))
    }
    if (path.endsWith("/metadata")) return { [echoed]: [{ type: canary, help: echoed, unit: canary }] }
    if (path.endsWith("/labels") || path.endsWith("/values")) {
      return Array.from({ length: 300 }, (_, i) => `${i}${echoed}`)
    }
    const values = Array.from({ length: 30 }, (_, i) => [i, "1"])
    const result = Array.from({ length: 30 }, (_, i) => ({ metric: { __name__: canary, a: `${i}${echoed}` }, values }))
    return { resultType: "matrix", result }
  }

  const replies: ReadonlyArray<(url: URL) => unknown> = [
    ({ pathname }) => ({ status: "success", data: data(pathname), warnings: [echoed] }),
    ...[400, 403, 422].map((status) => () =>
      Response.json({ status: "error", errorType: "bad_data", error: `${"w".repeat(380)}${canary}` }, { status })
    )
  ]

  it.effect("a token that the server says back is in no result, no failure and nothing that is kept", () =>
    Effect.gen(function*() {
      const kept: Array<string> = []
      const store: ResultStore.ResultStore = {
        keep: (_, text) => Effect.sync(() => (kept.push(text), true)),
        read: () => Effect.undefined
      }
      for (const reply of replies) {
        const served = answering(reply, canary)
        for (const call of calls) {
          const report = yield* (call as Effect.Effect<Dispatcher.CallReport>).pipe(
            Effect.provide(served),
            Effect.provideService(ResultStore.current, store),
            Effect.provideService(Redactor.current, Redactor.make())
          )
          kept.push(JSON.stringify(report))
        }
      }
      assert.isAtLeast(kept.length, calls.length * replies.length)
      for (const text of kept) {
        assert.notInclude(text, canary.slice(0, 10))
        assert.notInclude(text, btoa(`x${canary}`).slice(4, 20))
      }
    }))
})
