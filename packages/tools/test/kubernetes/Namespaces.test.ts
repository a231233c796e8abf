import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Dispatcher, Redactor } from "@volley/core"
import { Loopback } from "@volley/core/testing"
import { ConfigProvider, Deferred, Effect, Layer, Redacted } from "effect"
import type { Tool } from "effect/ai"
import { FetchHttpClient, HttpClient } from "effect/http"
import { Kubernetes } from "../../src/kubernetes/index.ts"
import { layer, planOf, pod, requests } from "../testing/support/ops.ts"
import { answering, failureOf } from "./support.ts"

type Call = Effect.Effect<
  Dispatcher.CallReport,
  Kubernetes.BadCredentials,
  Tool.HandlersFor<typeof Kubernetes.toolkit.tools>
>

/** Every tool of the family, called for a namespace. */
const calls = (namespace: string): readonly [Call, Call, Call, Call] => [
  Dispatcher.call(Kubernetes.GetPodStatus, { namespace }),
  Dispatcher.call(Kubernetes.GetPodLogs, { namespace, pod: "one" }),
  Dispatcher.call(Kubernetes.GetEvents, { namespace }),
  Dispatcher.call(Kubernetes.GetDeployments, { namespace })
]

const plan = planOf([pod("one", "Healthy")], {
  namespaces: ["shop", "empty", "other"],
  logs: [{ namespace: "shop", pod: "one", container: "one", previous: false, lines: [{ age: 1, text: "well" }] }]
})

describe("namespaces", () => {
  it("every tool of the family is in the list of calls", () => {
    assert.lengthOf(calls("shop"), Object.keys(Kubernetes.toolkit.tools).length)
  })

  it.live("a call outside of the list is NamespaceNotAllowed and is never sent", () =>
    Effect.gen(function*() {
      for (const call of [...calls("other"), ...calls("none")]) {
        const report = yield* call
        assert.deepStrictEqual(failureOf(report), ["NamespaceNotAllowed", "permanent", 1])
        assert.include(report.failure?.message, "allowed are \"shop\", \"empty\"")
      }
      assert.lengthOf(yield* requests, 0)
      for (const call of calls("shop")) assert.isTrue((yield* call).ok)
    }).pipe(Effect.provide(layer(plan, { namespaces: ["shop", "empty"] }))))

  it.live("of a namespace that is allowed and does not exist only those allowed are named, without asking", () =>
    Effect.gen(function*() {
      const report = yield* Dispatcher.call(Kubernetes.GetPodStatus, { namespace: "gone" })
      assert.strictEqual(report.failure?.message, "No namespace \"gone\"; there are \"shop\"")
      assert.notInclude((yield* requests).map(({ path }) => path), "/api/v1/namespaces")
    }).pipe(Effect.provide(layer(plan, { namespaces: ["gone", "shop"] }))))

  const env = (variables: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables))

  const fromEnv = (variables: Record<string, string>) =>
    Kubernetes.layerFromEnv.pipe(
      Layer.provide([
        Layer.succeed(HttpClient.HttpClient)(HttpClient.make(() => Effect.die("asked"))),
        NodeServices.layer,
        env({ KUBERNETES_URL: "http://h", ...variables })
      ])
    )

  it.effect("KUBERNETES_NAMESPACES - names with commas between them", () =>
    Effect.gen(function*() {
      const report = yield* Dispatcher.call(Kubernetes.GetEvents, { namespace: "c" })
      assert.include(report.failure?.message, "allowed are \"a\", \"b\"")
    }).pipe(Effect.provide(fromEnv({ KUBERNETES_NAMESPACES: "a, b" }))))

  it.effect("a list that is empty or has something else than names fails the layer, and allows nothing", () =>
    Effect.gen(function*() {
      for (const names of [" ", ",", "a,,b", "A", "a/b", "*"]) {
        const error = yield* Effect.flip(Layer.build(fromEnv({ KUBERNETES_NAMESPACES: names })))
        assert.match(error.message, /^Access to a cluster by KUBERNETES_NAMESPACES: /)
      }
      const empty = answering(() => assert.fail("asked"), [], { namespaces: [] })
      assert.strictEqual((yield* Effect.flip(Layer.build(empty)))._tag, "AccessUnusable")
    }))
})

describe("bounds and secrets of every tool", () => {
  it.effect("AnswerTooLarge - more than 8 MiB of a list are not read, and the stream is cancelled", () =>
    Effect.gen(function*() {
      const [status, , events, deployments] = calls("shop")
      for (const call of [status, events, deployments]) {
        let [sent, cancelled] = [0, 0]
        const endless = () =>
          new Response(
            new ReadableStream({
              pull: (controller) => {
                sent += 1
                controller.enqueue(new Uint8Array(1024 * 1024).fill(32))
              },
              cancel: () => void (cancelled += 1)
            })
          )
        const report = yield* Effect.provide(call, answering(endless))
        assert.deepStrictEqual(failureOf(report), ["AnswerTooLarge", "permanent", 1])
        assert.isAtMost(sent, 12)
        assert.strictEqual(cancelled, 1)
      }
    }))

  it.live("a refusal that is not read to its end is let go", () =>
    Effect.gen(function*() {
      const closed = yield* Deferred.make<void>()
      const url = yield* Loopback.serve((_, response) => {
        response.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
        response.writeHead(401).write("and so on")
      })
      const served = Layer.provide(Kubernetes.layer({ url }), FetchHttpClient.layer)
      assert.strictEqual((yield* Effect.flip(Effect.provide(calls("shop")[0], served)))._tag, "BadCredentials")
      yield* Deferred.await(closed)
    }))

  const canary = "canary-token-0123456789"

  /** Says back what it was sent wherever a tool may repeat it. */
  const echo = (url: URL): Response => {
    const echoed = `authorization: Bearer ${canary} ${btoa(`x${canary}`)} ${encodeURIComponent(canary)}`
    if (url.pathname.endsWith("/log")) return new Response(`first\n${echoed}\n${"y".repeat(1990)}${canary}\n`)
    const conditions = [{ type: "Ready", status: "False", reason: echoed, message: echoed }]
    return Response.json({
      metadata: {},
      items: [{
        metadata: { name: canary, creationTimestamp: null },
        involvedObject: { kind: "Pod", name: canary },
        message: `${"z".repeat(290)}${canary}`,
        reason: echoed,
        spec: {
          selector: { matchLabels: { app: canary } },
          template: { spec: { containers: [{ name: "c", image: echoed }] } }
        },
        status: { phase: echoed, message: echoed, conditions }
      }]
    })
  }

  const refusing = (status: number) => () =>
    Response.json({ message: `sent: ${canary} ${"w".repeat(355)}${canary}` }, { status })

  it.effect("a token that the cluster says back is in no result and in no failure, cut or whole", () =>
    Effect.gen(function*() {
      const redactor = Redactor.make()
      for (const reply of [echo, refusing(400), refusing(403), refusing(404), refusing(422)]) {
        const served = answering(reply, [], { token: Redacted.make(canary) })
        for (const call of calls("shop")) {
          const report = yield* call.pipe(
            Effect.provide(served),
            Effect.provideService(Redactor.current, redactor)
          )
          const text = JSON.stringify(report)
          assert.notInclude(text, canary.slice(0, 10))
          assert.notInclude(text, btoa(`x${canary}`).slice(4, 20))
        }
      }
    }))

  it.effect("a continue token that looks like a key is sent as it was given", () =>
    Effect.gen(function*() {
      const next = `sk-${"a".repeat(40)}`
      const asked: Array<string | null> = []
      const reply = (url: URL) => {
        asked.push(url.searchParams.get("continue"))
        const isFirst = asked.length === 1
        const metadata = { name: isFirst ? next : "b" }
        return Response.json({ metadata: isFirst ? { continue: next } : {}, items: [{ metadata }] })
      }
      const report = yield* Effect.provide(calls("shop")[0], answering(reply))
      assert.deepStrictEqual([report.ok, asked], [true, [null, next]])
      assert.notInclude(JSON.stringify(report.result), next)
    }))

  it.effect("503 - waits as long as the API asks", () =>
    Effect.gen(function*() {
      const reply = () => new Response("{}", { status: 503, headers: { "retry-after": "99" } })
      const report = yield* Effect.provide(calls("shop")[2], answering(reply))
      assert.deepStrictEqual([report.failure?.reason, report.attempts], ["ApiUnavailable", 1])
      assert.strictEqual(report.failure?.retryAfter, 99_000)
    }))
})
