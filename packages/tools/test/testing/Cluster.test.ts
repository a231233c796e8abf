import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Pod } from "../../src/kubernetes/internal/pod.ts"
import { report } from "../../src/kubernetes/internal/podStatus.ts"
import { Cluster } from "../../src/testing/index.ts"
import { answer } from "../../src/testing/internal/kubernetesApi.ts"
import { parse } from "../../src/testing/internal/promql.ts"
import { planOf, pod } from "./support/ops.ts"

const Seeds = { seed: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 })) }

const PodPage = Schema.Struct({ items: Schema.Array(Pod) })

/** What the tool makes of the pods of a plan, without HTTP. */
const reported = (plan: Cluster.Plan, namespace: string) => {
  const path = `/api/v1/namespaces/${namespace}/pods`
  const reply = answer(plan, { method: "GET", path, parameters: {}, authorization: "Bearer t" }, { token: "t", now: 0 })
  const { items } = Schema.decodeUnknownSync(PodPage)(JSON.parse(JSON.stringify(reply.body)))
  return report(namespace, { items, more: false })
}

describe("plan", () => {
  it.prop("seed - the same gives the same plan, another other names and faults", Seeds, ({ seed }) => {
    const plan = Cluster.plan(seed)
    assert.deepStrictEqual(Cluster.plan(seed), plan)
    const other = Cluster.plan(seed + 1)
    const names = new Set(plan.pods.map(({ name }) => name))
    assert.isFalse(other.pods.some(({ name, owner }) => owner.kind !== "StatefulSet" && names.has(name)))
    assert.notDeepEqual(other.faults, plan.faults)
  })

  it.prop("production - 5 or 6 sick pods, each with a query that names it, among healthy ones", Seeds, ({ seed }) => {
    const plan = Cluster.plan(seed)
    const production = plan.pods.filter(({ namespace }) => namespace === "production")
    const sick = production.filter(Cluster.isSick)
    assert.include([5, 6], sick.length)
    assert.isAtLeast(production.length - sick.length, 5)
    const { pods } = reported(plan, "production")
    const queried = pods.flatMap(({ name, query }) => query === undefined ? [] : [{ name, query }])
    assert.sameMembers(queried.map(({ name }) => name), sick.map(({ name }) => name))
    for (const { name, query } of queried) {
      assert.isTrue(query.startsWith(`{pod="${name}",namespace="production"`))
      assert.strictEqual(parse(query)._tag, "Selector")
    }
  })

  it.prop("faults - one 503 once, one hang, one 404, the others slow, each for one sick pod", Seeds, ({ seed }) => {
    const { faults, pods } = Cluster.plan(seed)
    const sick = pods.filter((it) => it.namespace === "production" && Cluster.isSick(it)).map(({ name }) => name)
    assert.sameMembers(faults.map(({ matching }) => matching), sick)
    assert.deepStrictEqual(
      faults.map(({ kind }) => kind),
      ["unavailable", "hang", "notFound", ...sick.slice(3).map(() => "slow" as const)]
    )
    assert.isFalse(sick.some((name) => sick.some((other) => other !== name && other.includes(name))))
  })

  it.prop("deployments, events, logs - are those of the pods, and every sick pod has an event", Seeds, ({ seed }) => {
    const { deployments, events, logs, pods } = Cluster.plan(seed)
    const keys = new Set(pods.map(({ name, namespace }) => `${namespace}/${name}`))
    assert.isTrue(events.every(({ namespace, object }) => keys.has(`${namespace}/${object.name}`)))
    assert.isTrue(logs.every(({ namespace, pod }) => keys.has(`${namespace}/${pod}`)))
    for (const { name } of pods.filter(Cluster.isSick)) assert.isTrue(events.some(({ object }) => object.name === name))
    const replicas = deployments.reduce((sum, it) => sum + it.replicas, 0)
    assert.strictEqual(replicas, pods.filter(({ owner }) => owner.kind === "ReplicaSet").length)
    const ready = deployments.reduce((sum, it) => sum + it.ready, 0)
    assert.strictEqual(
      replicas - ready,
      pods.filter((pod) => pod.owner.kind === "ReplicaSet" && pod.state !== "Healthy" && pod.state !== "Terminating")
        .length
    )
  })

  it.prop("names - are unique in a namespace and are DNS labels; series belong to pods", Seeds, ({ seed }) => {
    const { namespaces, pods, series } = Cluster.plan(seed)
    assert.lengthOf(new Set(namespaces), 4)
    const keys = new Set(pods.map(({ name, namespace }) => `${namespace}/${name}`))
    assert.lengthOf(keys, pods.length)
    for (const { name } of pods) assert.match(name, /^[a-z][a-z0-9-]{0,61}[a-z0-9]$/)
    for (const { labels } of series.filter(({ name }) => name !== "up")) {
      assert.isTrue(keys.has(`${labels.namespace}/${labels.pod}`))
    }
  })
})

const request = (url: string, token: string | undefined, signal: AbortSignal) =>
  fetch(url, { signal, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })

const get = (url: string, token?: string) => Effect.promise((signal) => request(url, token, signal))

const fetched = Effect.fnUntraced(function*(url: string, token?: string) {
  const response = yield* get(url, token)
  const text = yield* Effect.promise(() => response.text())
  return { status: response.status, headers: response.headers, body: text.startsWith("{") ? JSON.parse(text) : text }
})

const pods = ["a", "b", "c", "d", "e"].map((name) => pod(name, "Healthy"))

const kubernetes = Effect.fnUntraced(function*(plan: Cluster.Plan) {
  const cluster = yield* Cluster.make(plan)
  return (path: string) => fetched(`${cluster.kubernetesUrl}${path}`, Redacted.value(cluster.token))
})

const list = "/api/v1/namespaces/shop/pods"

describe("Kubernetes API", () => {
  it.live("401 - without the token, and with another", () =>
    Effect.gen(function*() {
      const cluster = yield* Cluster.make(planOf(pods))
      for (const token of [undefined, "other"]) {
        const { body, status } = yield* fetched(`${cluster.kubernetesUrl}${list}`, token)
        assert.deepStrictEqual([status, body.kind, body.reason], [401, "Status", "Unauthorized"])
      }
    }))

  it.live("404 - unknown paths and namespaces; the pods of an unknown namespace are an empty list", () =>
    Effect.gen(function*() {
      const ask = yield* kubernetes(planOf(pods))
      for (
        const path of ["/api/v2", "/api/v1/namespaces/none", `${list}/none/log`, "/api/v1/namespaces/shop/secrets"]
      ) {
        const { body, status } = yield* ask(path)
        assert.deepStrictEqual([path, status, body.kind, body.reason], [path, 404, "Status", "NotFound"])
      }
      assert.strictEqual((yield* ask("/api/v1/namespaces/shop")).body.metadata.name, "shop")
      assert.deepStrictEqual((yield* ask("/api/v1/namespaces/none/pods")).body.items, [])
      assert.lengthOf((yield* ask("/api/v1/pods")).body.items, 5)
      assert.lengthOf((yield* ask("/api/v1/namespaces")).body.items, 2)
    }))

  it.live("limit, continue - give every pod once; another token is 410", () =>
    Effect.gen(function*() {
      const ask = yield* kubernetes(planOf(pods))
      const first = (yield* ask(`${list}?limit=2`)).body
      assert.strictEqual(first.metadata.remainingItemCount, 3)
      const second = (yield* ask(`${list}?limit=2&continue=${encodeURIComponent(first.metadata.continue)}`)).body
      const third = (yield* ask(`${list}?limit=2&continue=${encodeURIComponent(second.metadata.continue)}`)).body
      assert.isUndefined(third.metadata.continue)
      const names = [first, second, third].flatMap(({ items }) => items.map((it: Pod) => it.metadata.name))
      assert.deepStrictEqual(names, ["a", "b", "c", "d", "e"])
      for (const token of ["MTox", "x y"]) {
        assert.strictEqual((yield* ask(`${list}?continue=${encodeURIComponent(token)}`)).body.reason, "Expired")
      }
      assert.strictEqual((yield* ask(`${list}?limit=many`)).status, 400)
    }))

  it.live("fieldSelector - selects events; another field is 400", () =>
    Effect.gen(function*() {
      const ask = yield* kubernetes(Cluster.plan(1))
      const path = "/api/v1/namespaces/production/events"
      const warnings = (yield* ask(`${path}?fieldSelector=type%3DWarning`)).body
      assert.strictEqual(warnings.kind, "EventList")
      assert.isNotEmpty(warnings.items)
      assert.isTrue(warnings.items.every((it: { readonly type: string }) => it.type === "Warning"))
      assert.strictEqual((yield* ask(`${path}?fieldSelector=spec.x%3D1`)).body.reason, "BadRequest")
    }))

  it.live("log - text, its last lines, those of so long back, so many bytes", () =>
    Effect.gen(function*() {
      const lines = ["one", "two", "three"].map((text, i) => ({ age: 30 - 10 * i, text }))
      const log = { namespace: "shop", pod: "a", container: "a", previous: false, lines }
      const ask = yield* kubernetes(planOf(pods, { logs: [log] }))
      const bodyOf = (query: string) => Effect.map(ask(`${list}/a/log${query}`), ({ body }) => body)
      assert.strictEqual(yield* bodyOf(""), "one\ntwo\nthree\n")
      assert.strictEqual(yield* bodyOf("?tailLines=1"), "three\n")
      assert.strictEqual(yield* bodyOf("?sinceSeconds=20"), "two\nthree\n")
      assert.strictEqual(yield* bodyOf("?limitBytes=5"), "one\nt")
    }))

  it.live("watch - says what is there and stays open until the scope ends", () =>
    Effect.gen(function*() {
      const reader = yield* Effect.scoped(Effect.gen(function*() {
        const cluster = yield* Cluster.make(planOf(pods.slice(0, 2)))
        const response = yield* get(`${cluster.kubernetesUrl}${list}?watch=true`, Redacted.value(cluster.token))
        const reader = response.body!.getReader()
        const { done, value } = yield* Effect.promise(() => reader.read())
        const events = new TextDecoder().decode(value).trim().split("\n").map((line) => JSON.parse(line))
        assert.deepStrictEqual([done, events.map(({ type }) => type)], [false, ["ADDED", "ADDED"]])
        return reader
      }))
      const end = yield* Effect.promise(() => reader.read().then(() => "closed", () => "destroyed"))
      assert.strictEqual(end, "destroyed")
    }))
})

const series: ReadonlyArray<Cluster.Series> = [
  { name: "up", labels: { job: "a" }, type: "gauge", level: 1, swing: 0 },
  { name: "up", labels: { job: "b" }, type: "gauge", level: 0, swing: 0 },
  { name: "seconds_total", labels: { job: "a", cpu: "0" }, type: "counter", level: 0.5, swing: 0 },
  { name: "seconds_total", labels: { job: "a", cpu: "1" }, type: "counter", level: 0.25, swing: 0 }
]

describe("Prometheus API", () => {
  const ask = Effect.fnUntraced(function*(path: string, parameters: Record<string, string>) {
    const cluster = yield* Cluster.make(planOf([], { series }))
    return yield* fetched(`${cluster.prometheusUrl}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`)
  })

  const valuesOf = (
    body: { readonly data: { readonly result: ReadonlyArray<{ readonly value: [number, string] }> } }
  ) => body.data.result.map(({ value }) => value[1])

  it.live.each(
    [
      ["up", ["1", "0"]],
      ["up{job=\"a\"}", ["1"]],
      ["up{job!=\"a\"}", ["0"]],
      ["{__name__=~\"up|none\",job=~\"a|b\"}", ["1", "0"]],
      ["up{job!~\"a.*\"}", ["0"]],
      ["up == 0", ["0"]],
      ["up unless up{job=\"a\"}", ["0"]],
      ["rate(seconds_total[5m])", ["0.5", "0.25"]],
      ["sum by (job) (rate(seconds_total[5m]))", ["0.75"]],
      ["sum(rate(seconds_total[5m])) by (job) * 100", ["75"]],
      ["count(up)", ["2"]],
      ["1 - up{job=\"b\"} / 2", ["1"]],
      ["up{job=\"b\"} / 0", ["NaN"]],
      ["1 / up{job=\"b\"}", ["+Inf"]],
      ["none", []]
    ] as const
  )("query - %s", ([query, expected]) =>
    Effect.gen(function*() {
      const { body, status } = yield* ask("query", { query, time: "1000" })
      assert.deepStrictEqual([status, valuesOf(body)], [200, [...expected]])
    }))

  it.live.each(["", "up{", "up{job=}", "sum by (job)", "up +", "up }", "nonsense(up)", "{}", "up{job=~\"(\"}", "up $"])(
    "query - %s is bad_data",
    (query) =>
      Effect.gen(function*() {
        const { body, status } = yield* ask("query", { query })
        assert.deepStrictEqual([status, body.status, body.errorType], [400, "error", "bad_data"])
        assert.match(body.error, /^invalid parameter "query": /)
      })
  )

  it.live("query_range - a value for each step, both ends included; too many are refused", () =>
    Effect.gen(function*() {
      const { body } = yield* ask("query_range", {
        query: "seconds_total{cpu=\"0\"}",
        start: "0",
        end: "60",
        step: "30s"
      })
      assert.deepStrictEqual(body.data.resultType, "matrix")
      assert.deepStrictEqual(body.data.result[0].values, [[0, "0"], [30, "15"], [60, "30"]])
      const refused = yield* ask("query_range", { query: "up", start: "0", end: "100000", step: "1" })
      assert.strictEqual(refused.status, 400)
      assert.strictEqual((yield* ask("query_range", { query: "up", start: "9", end: "0", step: "1" })).status, 400)
    }))

  it.live("labels, values, series, metadata - of the series that are selected", () =>
    Effect.gen(function*() {
      const dataOf = (path: string, parameters: Record<string, string> = {}) =>
        Effect.map(ask(path, parameters), ({ body }) => body.data)
      assert.deepStrictEqual(yield* dataOf("labels"), ["__name__", "cpu", "job"])
      assert.deepStrictEqual(yield* dataOf("labels", { "match[]": "up" }), ["__name__", "job"])
      assert.deepStrictEqual(yield* dataOf("label/job/values", { "match[]": "up{job!=\"a\"}" }), ["b"])
      assert.deepStrictEqual(yield* dataOf("series", { "match[]": "{cpu=\"0\"}" }), [
        { __name__: "seconds_total", job: "a", cpu: "0" }
      ])
      assert.strictEqual((yield* dataOf("metadata")).seconds_total[0].type, "counter")
      for (const [path, match] of [["series", "sum(up)"], ["labels", "up{"], ["label/job/values", "1"]] as const) {
        assert.strictEqual((yield* ask(path, { "match[]": match })).body.errorType, "bad_data")
      }
      assert.strictEqual((yield* ask("series", {})).status, 400)
    }))

  it.live("healthy - says so; other paths are none", () =>
    Effect.gen(function*() {
      const cluster = yield* Cluster.make(planOf([]))
      assert.match((yield* fetched(`${cluster.prometheusUrl}/-/healthy`)).body, /Healthy/)
      assert.strictEqual((yield* fetched(`${cluster.prometheusUrl}/metrics`)).status, 404)
    }))
})

describe("faults", () => {
  const up = "/api/v1/query?query=up"
  const faulty = (kind: object) => ({ server: "prometheus", matching: "query=up", ...kind }) as Cluster.Fault

  it.live("unavailable, rateLimited - the first requests that match, then the next fault, then none", () =>
    Effect.gen(function*() {
      const cluster = yield* Cluster.make(planOf([], {
        series,
        faults: [
          faulty({ kind: "unavailable", times: 2 }),
          faulty({ kind: "rateLimited", times: 1, retryAfter: 3 })
        ]
      }))
      const statuses = yield* Effect.replicateEffect(fetched(`${cluster.prometheusUrl}${up}`), 4)
      assert.deepStrictEqual(statuses.map(({ status }) => status), [503, 503, 429, 200])
      assert.strictEqual(statuses[2]?.headers.get("retry-after"), "3")
      const recorded = yield* cluster.requests
      assert.deepStrictEqual(recorded.map(({ fault }) => fault), [
        "unavailable",
        "unavailable",
        "rateLimited",
        undefined
      ])
      assert.deepStrictEqual(recorded[3], {
        server: "prometheus",
        method: "GET",
        path: "/api/v1/query",
        parameters: { query: "up" },
        status: 200
      })
    }))

  it.live("notFound - always, and only for what matches and that server", () =>
    Effect.gen(function*() {
      const cluster = yield* Cluster.make(planOf([], { faults: [faulty({ kind: "notFound" })] }))
      for (const status of [404, 404]) {
        assert.strictEqual((yield* fetched(`${cluster.prometheusUrl}${up}`)).status, status)
      }
      assert.strictEqual((yield* fetched(`${cluster.prometheusUrl}/api/v1/query?query=down`)).status, 200)
      assert.strictEqual((yield* fetched(`${cluster.kubernetesUrl}${up}`)).status, 401)
    }))

  it.live("forbidden - always; cut - the connection ends in the middle, then all is well", () =>
    Effect.gen(function*() {
      const forbidden = yield* Cluster.make(planOf([], { faults: [faulty({ kind: "forbidden" })] }))
      assert.strictEqual((yield* fetched(`${forbidden.prometheusUrl}${up}`)).status, 403)
      const cluster = yield* Cluster.make(planOf([], { series, faults: [faulty({ kind: "cut", times: 1 })] }))
      const response = yield* get(`${cluster.prometheusUrl}${up}`)
      assert.strictEqual(response.status, 200)
      assert.strictEqual(yield* Effect.promise(() => response.text().then(() => "whole", () => "broken")), "broken")
      assert.strictEqual((yield* fetched(`${cluster.prometheusUrl}${up}`)).status, 200)
    }))

  it.live("flood - does not end until the reader goes", () =>
    Effect.gen(function*() {
      const cluster = yield* Cluster.make(planOf([], { faults: [faulty({ kind: "flood" })] }))
      const reader = (yield* get(`${cluster.prometheusUrl}${up}`)).body!.getReader()
      let size = 0
      while (size < 4 * 1024 * 1024) {
        const { done, value } = yield* Effect.promise(() => reader.read())
        assert.isFalse(done)
        size += value!.length
      }
      yield* Effect.promise(() => reader.cancel())
    }))

  it.effect("slow - answers after its time; hang - never, and the end of the scope ends it", () =>
    Effect.gen(function*() {
      const hanging = yield* Effect.scoped(Effect.gen(function*() {
        const cluster = yield* Cluster.make(planOf([], {
          faults: [{ ...faulty({ kind: "slow", millis: 500 }), matching: "slow" }, faulty({ kind: "hang" })]
        }))
        const hanging = yield* Effect.forkDetach(Effect.exit(fetched(`${cluster.prometheusUrl}${up}`)))
        const slow = yield* Effect.forkChild(fetched(`${cluster.prometheusUrl}/api/v1/query?query=slow`))
        while ((yield* cluster.requests).length < 2) {
          yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
        }
        yield* TestClock.adjust("499 millis")
        assert.isTrue((yield* cluster.requests).every(({ status }) => status === undefined))
        yield* TestClock.adjust("1 milli")
        assert.strictEqual((yield* Fiber.join(slow)).status, 200)
        return hanging
      }))
      assert.isTrue((yield* Fiber.join(hanging))._tag === "Failure")
    }))
})
