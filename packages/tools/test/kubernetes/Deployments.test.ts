import { assert, describe, it } from "@effect/vitest"
import { Dispatcher } from "@volley/core"
import { Effect } from "effect"
import { Kubernetes } from "../../src/kubernetes/index.ts"
import type { Cluster } from "../../src/testing/index.ts"
import { layer, planOf, requests } from "../testing/support/ops.ts"
import { answering, failureOf, fault, resultOf } from "./support.ts"

const call = (namespace = "shop", label_selector?: string) =>
  Dispatcher.call(Kubernetes.GetDeployments, {
    namespace,
    ...(label_selector === undefined ? {} : { label_selector })
  })

const deployment = (name: string, ready: number, replicas = 2): Cluster.Deployment => ({
  namespace: "shop",
  name,
  replicas,
  ready,
  image: `registry.example/${name}:1`,
  labels: { app: name }
})

const cluster = (deployments: ReadonlyArray<Cluster.Deployment>, faults: ReadonlyArray<Cluster.Fault> = []) =>
  layer(planOf([], { deployments, faults }))

const many = (count: number) => Array.from({ length: count }, (_, i) => deployment(`d${i}`, 2))

/** A deployment as the API gives it, complete unless told. */
const given = (status: object, spec: object = {}) => () =>
  Response.json({
    metadata: {},
    items: [{
      metadata: { name: "web", generation: 2 },
      spec: { replicas: 3, selector: { matchLabels: { app: "web" } }, template: { spec: { containers: [] } }, ...spec },
      status: {
        observedGeneration: 2,
        replicas: 3,
        updatedReplicas: 3,
        readyReplicas: 3,
        availableReplicas: 3,
        conditions: [{ type: "Available", status: "True" }],
        ...status
      }
    }]
  })

const summaryOf = (status: object, spec: object = {}) =>
  Effect.map(
    Effect.provide(call(), answering(given(status, spec))),
    (report) => resultOf(Kubernetes.GetDeployments, report).summary
  )

describe("get_kubernetes_deployments", () => {
  it.live("a deployment - replicas, image, conditions, and the selector of its pods; incomplete ones first", () =>
    Effect.gen(function*() {
      const result = resultOf(Kubernetes.GetDeployments, yield* call())
      assert.strictEqual(result.summary, "1 of 2 deployments is not complete")
      assert.deepStrictEqual(result.deployments.map(({ name }) => name), ["web", "api"])
      assert.deepStrictEqual(result.deployments[0], {
        name: "web",
        wanted: 2,
        ready: 1,
        updated: 2,
        available: 1,
        images: ["web: registry.example/web:1"],
        conditions: [
          {
            type: "Available",
            status: "False",
            reason: "MinimumReplicasUnavailable",
            message: "Deployment does not have minimum availability."
          },
          {
            type: "Progressing",
            status: "True",
            reason: "NewReplicaSetAvailable",
            message: "ReplicaSet has progressed."
          }
        ],
        pods: "app=web"
      })
      assert.strictEqual((yield* requests)[0]?.path, "/apis/apps/v1/namespaces/shop/deployments")
    }).pipe(Effect.provide(cluster([deployment("api", 2), deployment("web", 1)]))))

  it.effect("complete - as a rollout is: newest spec seen, all replicas updated and available, no old ones", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* summaryOf({}), "1 deployment, complete")
      assert.strictEqual(
        yield* summaryOf({ replicas: 0, updatedReplicas: 0, readyReplicas: 0 }, { replicas: 0 }),
        "1 deployment, complete"
      )
      const incomplete = [
        { observedGeneration: 1 },
        { updatedReplicas: 2 },
        { readyReplicas: 2 },
        { availableReplicas: null },
        { replicas: 4 },
        { conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }] },
        { conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate" }] }
      ]
      for (const status of incomplete) {
        assert.strictEqual(yield* summaryOf(status), "1 of 1 deployment is not complete", JSON.stringify(status))
      }
    }))

  it.effect("pods - every form of selector as get_kubernetes_pod_status takes it", () =>
    Effect.gen(function*() {
      const matchExpressions = [
        { key: "tier", operator: "In", values: ["web", "api"] },
        { key: "zone", operator: "NotIn", values: ["b"] },
        { key: "blue", operator: "Exists" },
        { key: "green", operator: "DoesNotExist", values: null }
      ]
      const selector = { matchLabels: { app: "web", "a.example/x": "1" }, matchExpressions }
      const reply = given({}, { selector, paused: true })
      const [only] = resultOf(Kubernetes.GetDeployments, yield* Effect.provide(call(), answering(reply))).deployments
      assert.strictEqual(only?.pods, "app=web,a.example/x=1,tier in (web,api),zone notin (b),blue,!green")
      assert.strictEqual(only?.paused, true)
    }))

  it.live("label_selector - is applied by the API; what is none is SelectorInvalid", () =>
    Effect.gen(function*() {
      const names = resultOf(Kubernetes.GetDeployments, yield* call("shop", "app=web")).deployments.map(({ name }) =>
        name
      )
      assert.deepStrictEqual(names, ["web"])
      assert.deepStrictEqual(failureOf(yield* call("shop", "app in web")), ["SelectorInvalid", "permanent", 1])
    }).pipe(Effect.provide(cluster([deployment("api", 2), deployment("web", 1)]))))

  it.live("bounds - 500 are read in pages, 40 are listed, the others counted", () =>
    Effect.gen(function*() {
      const result = resultOf(Kubernetes.GetDeployments, yield* call())
      assert.deepStrictEqual([result.deployments.length, result.not_listed, result.more], [40, 460, true])
      assert.strictEqual(result.summary, "the first 500 deployments, complete")
      assert.lengthOf(yield* requests, 5)
    }).pipe(Effect.provide(cluster(many(560)))))

  it.live("410 - the list is begun again once", () =>
    Effect.gen(function*() {
      assert.strictEqual(resultOf(Kubernetes.GetDeployments, yield* call()).not_listed, 110)
      assert.deepStrictEqual((yield* requests).map(({ status }) => status), [200, 410, 200, 200])
    }).pipe(Effect.provide(cluster(many(150), [fault({ kind: "expired", times: 1 }, "continue=")]))))

  it.live("none - is no failure; 403 is AccessDenied", () =>
    Effect.gen(function*() {
      assert.strictEqual(resultOf(Kubernetes.GetDeployments, yield* call("empty")).summary, "no deployments")
      const report = yield* call()
      assert.deepStrictEqual(failureOf(report), ["AccessDenied", "permanent", 1])
      assert.include(report.failure?.message, "deployments in namespace \"shop\"")
    }).pipe(Effect.provide(cluster([], [fault({ kind: "forbidden" }, "shop/deployments")]))))

  it.effect("bytes - many long texts still fit", () =>
    Effect.gen(function*() {
      const text = "é".repeat(1000)
      const container = { name: "c", image: text }
      const item = {
        metadata: { name: "web" },
        spec: {
          selector: { matchLabels: { app: text } },
          template: { spec: { containers: Array.from({ length: 20 }, () => container) } }
        },
        status: {
          conditions: Array.from({ length: 20 }, () => ({ type: text, status: text, reason: text, message: text }))
        }
      }
      const reply = () => Response.json({ metadata: {}, items: Array.from({ length: 40 }, () => item) })
      const result = resultOf(Kubernetes.GetDeployments, yield* Effect.provide(call(), answering(reply)))
      assert.isAtMost(Buffer.byteLength(JSON.stringify(result)), 25 * 1024)
      assert.strictEqual(result.deployments[0]?.images.at(-1), "and 12 more")
      assert.strictEqual(result.deployments.length + (result.not_listed ?? 0), 40)
    }))
})
