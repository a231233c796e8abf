import { assert, it } from "@effect/vitest"
import { Dispatcher } from "@volley/core"
import { Effect, type Layer } from "effect"
import type { Tool } from "effect/ai"
import { Kubernetes } from "../../src/kubernetes/index.ts"
import { failureOf, resultOf } from "./support.ts"

/** A namespace that every cluster has, with a deployment that runs. */
const namespace = "kube-system"

const pods = (selector?: string, of = namespace) =>
  Dispatcher.call(Kubernetes.GetPodStatus, {
    namespace: of,
    ...(selector === undefined ? {} : { label_selector: selector })
  })

const logs = (over: Omit<Tool.ParametersEncoded<typeof Kubernetes.GetPodLogs>, "namespace">) =>
  Dispatcher.call(Kubernetes.GetPodLogs, { namespace, ...over })

const deployments = Effect.map(
  Dispatcher.call(Kubernetes.GetDeployments, { namespace }),
  (report) => resultOf(Kubernetes.GetDeployments, report)
)

/** A deployment that is complete, and a pod of it. */
const running = Effect.gen(function*() {
  const found = (yield* deployments).deployments.find(({ pods, ready, wanted }) =>
    ready > 0 && ready === wanted && pods
  )
  assert.isDefined(found)
  const report = resultOf(Kubernetes.GetPodStatus, yield* pods(found.pods))
  const pod = report.pods.find(({ status }) => status === "Running")
  assert.isDefined(pod)
  return { deployment: found, pod }
})

/** What holds of every cluster: nothing is changed, and only `kube-system` is read. */
export const reading = <E>(
  layer: Layer.Layer<Tool.HandlersFor<typeof Kubernetes.toolkit.tools>, E>,
  timeout = 30_000
) => {
  // Real time: a server answers.
  it.live("deployments, pods - the selector of a deployment gives its pods", () =>
    Effect.gen(function*() {
      const { deployment, pod } = yield* running
      assert.isTrue(pod.name.startsWith(`${deployment.name}-`))
      assert.match(pod.ready, /^(\d+)\/\1$/)
      assert.isNotEmpty(deployment.images)
      assert.include(deployment.conditions.map(({ type }) => type), "Available")
    }).pipe(Effect.provide(layer)), timeout)

  it.live(
    "logs - the last lines of a running pod; another container and another pod are told as such",
    () =>
      Effect.gen(function*() {
        const { pod } = yield* running
        const result = resultOf(Kubernetes.GetPodLogs, yield* logs({ pod: pod.name, tail: 2 }))
        assert.isAtMost(result.lines, 2)
        assert.strictEqual(result.log === "" ? 0 : result.log.split("\n").length, result.lines)
        const none = yield* logs({ pod: pod.name, container: "no-such-container" })
        assert.deepStrictEqual(failureOf(none), ["LogUnavailable", "permanent", 1])
        assert.deepStrictEqual(failureOf(yield* logs({ pod: "no-such-pod" })), ["PodNotFound", "permanent", 1])
      }).pipe(Effect.provide(layer)),
    timeout
  )

  it.live("events - newest first, of what was asked for alone", () =>
    Effect.gen(function*() {
      const report = yield* Dispatcher.call(Kubernetes.GetEvents, { namespace, kind: "Pod", limit: 50 })
      const { events } = resultOf(Kubernetes.GetEvents, report)
      assert.isTrue(events.every(({ object }) => object.startsWith("Pod/")))
      const times = events.map(({ last_seen }) => Date.parse(last_seen ?? ""))
      assert.deepStrictEqual(times, times.toSorted((a, b) => b - a))
    }).pipe(Effect.provide(layer)), timeout)

  it.live("failures - a selector that is none, a namespace that is none", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(failureOf(yield* pods("app in a")), ["SelectorInvalid", "permanent", 1])
      const report = yield* pods(undefined, "no-such-namespace")
      assert.deepStrictEqual(failureOf(report), ["NamespaceNotFound", "permanent", 1])
    }).pipe(Effect.provide(layer)), timeout)
}
