import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Dispatcher, Redactor } from "@volley/core"
import { ConfigProvider, Effect, Fiber, FileSystem, Layer, Redacted } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { Kubernetes } from "../../src/kubernetes/index.ts"
import { Cluster } from "../../src/testing/index.ts"
import { layer, planOf, pod, requests, untilRequests } from "../testing/support/ops.ts"
import { answering, fault } from "./support.ts"

type Report = typeof Kubernetes.GetPodStatus.successSchema.Type

const call = (namespace: string, label_selector?: string) =>
  Dispatcher.call(Kubernetes.GetPodStatus, {
    namespace,
    ...(label_selector === undefined ? {} : { label_selector })
  })

const reportOf = (report: Dispatcher.CallReport): Report => {
  assert.isTrue(report.ok, JSON.stringify(report.result))
  return report.result as Report
}

const namesOf = (report: Dispatcher.CallReport) => reportOf(report).pods.map(({ name }) => name)

const states: ReadonlyArray<readonly [Cluster.PodState, status: string, ready: string, reason: RegExp | undefined]> = [
  ["CrashLoopBackOff", "CrashLoopBackOff", "0/1", /^last ended with Error, exit code 1; back-off/],
  ["ImagePullBackOff", "ImagePullBackOff", "0/1", /^Back-off pulling image/],
  ["CreateContainerConfigError", "CreateContainerConfigError", "0/1", /^secret .* not found$/],
  ["OOMKilled", "OOMKilled", "0/1", /^ended with OOMKilled, exit code 137$/],
  ["Unschedulable", "Pending: Unschedulable", "0/1", /^0\/6 nodes are available/],
  ["NotReady", "Running", "0/1", /^containers with unready status/],
  ["Terminating", "Terminating", "1/1", /deletion/],
  ["Completed", "Completed", "0/1", /^ended with Completed/],
  ["Healthy", "Running", "1/1", undefined]
]

describe("get_kubernetes_pod_status", () => {
  it.live.each(states)("status - of a pod that is %s", ([state, status, ready, reason]) =>
    Effect.gen(function*() {
      const { pods: [only] } = reportOf(yield* call("shop"))
      assert.deepStrictEqual([only?.name, only?.status, only?.ready], ["one", status, ready])
      if (reason === undefined) assert.isUndefined(only?.reason)
      else assert.match(only?.reason ?? "", reason)
      assert.strictEqual(only?.query?.includes("pod=\"one\""), Cluster.isSick(pod("one", state)) ? true : undefined)
    }).pipe(Effect.provide(layer(planOf([pod("one", state)])))))

  it.live("order - pods with an issue first, by restarts, then the healthy ones", () =>
    Effect.gen(function*() {
      const report = yield* call("shop")
      assert.deepStrictEqual(namesOf(report), ["d", "b", "a", "c"])
      assert.strictEqual(reportOf(report).summary, "2 of 4 pods have an issue")
    }).pipe(Effect.provide(layer(planOf([
      pod("a", "Healthy"),
      pod("b", "NotReady"),
      pod("c", "Completed"),
      pod("d", "CrashLoopBackOff", { restarts: 9 })
    ])))))

  it.live("label_selector - is applied by the API", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(namesOf(yield* call("shop", "app=a")), ["a"])
      assert.deepStrictEqual(namesOf(yield* call("shop", "app in (a, c)")), ["a", "c"])
      assert.deepStrictEqual(namesOf(yield* call("shop", "app notin (a),app!=c")), ["b"])
      assert.strictEqual(reportOf(yield* call("shop", "app=none")).summary, "no pods")
    }).pipe(Effect.provide(layer(planOf(["a", "b", "c"].map((name) => pod(name, "Healthy")))))))

  it.live("label_selector - what is none is SelectorInvalid, asked once", () =>
    Effect.gen(function*() {
      const report = yield* call("shop", "app in a")
      assert.deepStrictEqual([report.failure?.reason, report.attempts], ["SelectorInvalid", 1])
    }).pipe(Effect.provide(layer(planOf([])))))

  it.live("pages - are followed; more than 20 healthy pods are counted", () =>
    Effect.gen(function*() {
      const report = reportOf(yield* call("shop"))
      assert.deepStrictEqual([report.pods.length, report.healthy_not_listed, report.more], [1, 249, undefined])
      assert.strictEqual(report.summary, "1 of 250 pods has an issue")
      assert.lengthOf(yield* requests, 3)
    }).pipe(Effect.provide(layer(planOf([...many(249), pod("sick", "NotReady")])))))

  it.live("pages - end at 500 pods, and the result says so", () =>
    Effect.gen(function*() {
      const report = reportOf(yield* call("shop"))
      assert.deepStrictEqual([report.healthy_not_listed, report.more], [500, true])
      assert.strictEqual(report.summary, "none of the first 500 pods has an issue")
      assert.lengthOf(yield* requests, 5)
    }).pipe(Effect.provide(layer(planOf(many(730))))))

  it.live("pages - 60 sick pods are listed, the others counted", () =>
    Effect.gen(function*() {
      const report = reportOf(yield* call("shop"))
      assert.deepStrictEqual([report.pods.length, report.sick_not_listed], [60, 15])
    }).pipe(Effect.provide(layer(planOf(many(75, "NotReady"))))))

  it.live("410 - the list is begun again once, from its start", () =>
    Effect.gen(function*() {
      const report = yield* call("shop")
      assert.strictEqual(report.attempts, 1)
      assert.strictEqual(reportOf(report).healthy_not_listed, 150)
      assert.deepStrictEqual((yield* requests).map(({ status }) => status), [200, 410, 200, 200])
    }).pipe(Effect.provide(layer(planOf(many(150), { faults: [fault({ kind: "expired", times: 1 }, "continue=")] })))))

  it.effect("410 - again is a transient failure", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const fiber = yield* Effect.forkChild(
        Effect.provide(call("shop"), answering(() => new Response("{}", { status: 410 }), seen))
      )
      yield* TestClock.adjust("1 minute")
      const { attempts, failure } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([failure?.kind, failure?.reason, attempts], ["transient", "ApiUnavailable", 3])
      assert.lengthOf(seen, 6)
    }))

  it.live("503 - once is healed by a retry", () =>
    Effect.gen(function*() {
      const report = yield* call("shop")
      assert.deepStrictEqual([report.ok, report.attempts], [true, 2])
    }).pipe(
      Effect.provide(layer(planOf([], { faults: [fault({ kind: "unavailable", times: 1 })], namespaces: ["shop"] })))
    ))

  it.effect("429 - waits as long as the API asks", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const limited = () => new Response("{}", { status: 429, headers: { "retry-after": "7" } })
      const replies = answering(() => seen.length === 1 ? limited() : Response.json(noPods), seen)
      const fiber = yield* Effect.forkChild(Effect.provide(call("shop"), replies))
      yield* TestClock.adjust("6999 millis")
      assert.lengthOf(seen, 1)
      yield* TestClock.adjust("1 milli")
      const report = yield* Fiber.join(fiber)
      assert.deepStrictEqual([report.ok, report.attempts], [true, 2])
    }))

  it.effect("hang - ends after 5 seconds and is tried twice more", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(call("shop"))
      for (const count of [1, 2, 3]) {
        yield* untilRequests(count)
        yield* TestClock.adjust("5 seconds")
        yield* TestClock.adjust("1 second")
      }
      const report = yield* Fiber.join(fiber)
      assert.deepStrictEqual([report.failure?.reason, report.attempts], ["Timeout", 3])
    }).pipe(Effect.provide(layer(planOf([], { faults: [fault({ kind: "hang" })] })))))

  it.live("namespace - an empty one has no pods, one that is none is not found and the others are named", () =>
    Effect.gen(function*() {
      assert.strictEqual(reportOf(yield* call("empty")).summary, "no pods")
      const report = yield* call("shopp")
      assert.deepStrictEqual([report.failure?.reason, report.attempts], ["NamespaceNotFound", 1])
      assert.include(report.failure?.message, "\"shop\", \"empty\"")
    }).pipe(Effect.provide(layer(planOf([])))))

  it.live("namespace - what is no name of one is refused before any request", () =>
    Effect.gen(function*() {
      for (const name of ["", "../secrets", "Shop", "a b", "x".repeat(64), "shop/pods"]) {
        assert.strictEqual((yield* call(name)).failure?.reason, "InvalidArguments")
      }
      assert.lengthOf(yield* requests, 0)
    }).pipe(Effect.provide(layer(planOf([])))))

  it.live("401 - is fatal", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(call("shop"))
      assert.strictEqual(error._tag, "BadCredentials")
      assert.lengthOf(yield* requests, 1)
    }).pipe(Effect.provide(layer(planOf([]), { token: "not the token" }))))

  it.effect.each(
    [
      [403, { message: "pods is forbidden" }, "AccessDenied"],
      [404, "404 page not found", "AnswerUnreadable"],
      [200, { items: [{}] }, "AnswerUnreadable"],
      [200, "<html>", "AnswerUnreadable"]
    ] as const
  )("HTTP %s %j - is %s", ([status, body, reason]) =>
    Effect.gen(function*() {
      const text = typeof body === "string" ? body : JSON.stringify(body)
      const report = yield* Effect.provide(call("shop"), answering(() => new Response(text, { status })))
      assert.deepStrictEqual([report.failure?.reason, report.failure?.kind, report.attempts], [reason, "permanent", 1])
    }))

  it.live("connection refused - is transient", () =>
    Effect.gen(function*() {
      const gone = yield* Effect.scoped(Effect.map(Cluster.make(planOf([])), ({ kubernetesUrl }) => kubernetesUrl))
      const report = yield* Effect.provide(
        call("shop"),
        Layer.provide(Kubernetes.layer({ url: gone }), NodeHttpClient.layerNodeHttp)
      )
      assert.deepStrictEqual([report.failure?.reason, report.failure?.kind], ["ApiUnavailable", "transient"])
      assert.notInclude(report.failure?.message, gone)
    }))
})

describe("layerFromEnv", () => {
  const env = (variables: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables))

  /** Answers every list with no pods and keeps what it was asked. */
  const recording = (asked: Array<string>) =>
    Layer.succeed(HttpClient.HttpClient)(HttpClient.make((request, url) => {
      asked.push(`${url.origin}${url.pathname} ${request.headers.authorization ?? "no token"}`)
      return Effect.succeed(HttpClientResponse.fromWeb(request, Response.json({ metadata: {}, items: [] })))
    }))

  const asked = Effect.fnUntraced(function*(variables: Record<string, string>) {
    const seen: Array<string> = []
    yield* call("shop").pipe(
      Effect.provide(Kubernetes.layerFromEnv),
      Effect.provide([recording(seen), NodeServices.layer, env(variables)])
    )
    return seen[0]
  })

  const kubeconfig = (user: object, cluster: object = {}) =>
    JSON.stringify({
      "current-context": "here",
      contexts: [{ name: "here", context: { cluster: "c", user: "u" } }],
      clusters: [{ name: "c", cluster: { server: "http://10.1.1.1:6443", ...cluster } }],
      users: [{ name: "u", user }]
    })

  const written = Effect.fnUntraced(function*(files: Record<string, string>) {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    yield* Effect.forEach(Object.entries(files), ([name, text]) => fs.writeFileString(`${directory}/${name}`, text))
    return `${directory}/config`
  })

  it.effect("KUBERNETES_URL - comes first, with or without a token, and keeps its path", () =>
    Effect.gen(function*() {
      const url = { KUBERNETES_URL: "http://h:1/k8s/", KUBECONFIG: "/none", KUBERNETES_SERVICE_HOST: "10.0.0.1" }
      assert.strictEqual(yield* asked(url), "http://h:1/k8s/api/v1/namespaces/shop/pods no token")
      assert.strictEqual(
        yield* asked({ ...url, KUBERNETES_TOKEN: "token-from-env" }),
        "http://h:1/k8s/api/v1/namespaces/shop/pods Bearer token-from-env"
      )
    }))

  it.effect("KUBECONFIG - a token in it, and one in a file beside it, which is read for each request", () =>
    Effect.gen(function*() {
      const within = yield* written({ config: kubeconfig({ token: "token-within" }) })
      assert.strictEqual(
        yield* asked({ KUBECONFIG: within, KUBERNETES_SERVICE_HOST: "10.0.0.1" }),
        "http://10.1.1.1:6443/api/v1/namespaces/shop/pods Bearer token-within"
      )
      const beside = yield* written({ config: kubeconfig({ tokenFile: "token" }), token: "token-beside\n" })
      assert.include(yield* asked({ KUBECONFIG: beside }), "Bearer token-beside")
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("KUBECONFIG - a client certificate goes to the TLS client; without one the layer fails and says why", () =>
    Effect.gen(function*() {
      const text = kubeconfig({ "client-certificate-data": btoa("CERT"), "client-key": "key" }, {
        server: "https://10.1.1.1:6443",
        "certificate-authority-data": btoa("CA")
      })
      const file = yield* written({ config: text, key: "KEY-OF-THE-CLIENT" })
      const build = Layer.build(Kubernetes.layerFromEnv).pipe(
        Effect.provide([recording([]), env({ KUBECONFIG: file })])
      )
      const error = yield* Effect.flip(build)
      assert.strictEqual(error._tag, "AccessUnusable")
      assert.include(error.message, "a client certificate needs")
      let told: Kubernetes.Tls | undefined
      const client = Layer.succeed(Kubernetes.tlsClient)((tls) => (told = tls, recording([])))
      yield* Effect.provide(build, client)
      assert.deepStrictEqual([told?.authority, told?.certificate], ["CA", "CERT"])
      assert.strictEqual(told?.key && Redacted.value(told.key), "KEY-OF-THE-CLIENT")
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("AccessUnusable - says what is missing or not supported, without contents or paths", () =>
    Effect.gen(function*() {
      const refused: ReadonlyArray<readonly [Record<string, string>, RegExp]> = [
        [{}, /KUBECONFIG.*not set/],
        [{ KUBERNETES_URL: "ftp://h" }, /http or https/],
        [{ KUBERNETES_URL: "http://me:password@h" }, /http or https/],
        [{ KUBECONFIG: "/nowhere/secret-place/config" }, /cannot be read \(config\)$/],
        [{ KUBECONFIG: yield* written({ config: "a: [" }) }, /not YAML/],
        [{ KUBECONFIG: yield* written({ config: "a: 1" }) }, /form of a kubeconfig/],
        [
          { KUBECONFIG: yield* written({ config: kubeconfig({ exec: { command: "aws" } }) }) },
          /"exec" is not supported/
        ],
        [{ KUBERNETES_SERVICE_HOST: "10.0.0.1" }, /service account: a file of it/]
      ]
      for (const [variables, message] of refused) {
        const error = yield* Layer.build(Kubernetes.layerFromEnv).pipe(
          Effect.provide([recording([]), env(variables)]),
          Effect.flip
        )
        assert.match(error.message, message)
        assert.notMatch(error.message, /password|secret-place|nowhere/)
      }
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("secrets - the redactor of the context learns the token", () =>
    Effect.gen(function*() {
      const redactor = Redactor.make()
      yield* Layer.build(Kubernetes.layer({ url: "http://h", token: Redacted.make("a-secret-token") })).pipe(
        Effect.provide([recording([]), Layer.succeed(Redactor.current)(redactor)])
      )
      assert.strictEqual(redactor.redact("x a-secret-token"), `x ${Redactor.mask}`)
    }))
})

const many = (count: number, state: Cluster.PodState = "Healthy") =>
  Array.from({ length: count }, (_, i) => pod(`pod-${i}`, state))

const noPods = { metadata: {}, items: [] }
