/**
 * The tool `get_kubernetes_pod_status` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { boundedItems, oneLine } from "../../internal/boundedText.ts"
import { SelectorInvalid } from "../KubernetesError.ts"
import * as Api from "./api.ts"
import { LabelSelector, Namespace } from "./parameters.ts"
import { describe, Pod, type PodStatus } from "./pod.ts"

const kind: Api.Kind<Pod> = { resource: "pods", root: "api/v1", item: Pod, pageSize: 100, most: 500 }

const mostHealthy = 20
const mostSick = 60
const mostBytes = 28 * 1024

const metrics = [
  "container_cpu_usage_seconds_total",
  "container_memory_working_set_bytes",
  "kube_pod_container_resource_limits",
  "kube_pod_container_resource_requests",
  "kube_pod_container_status_restarts_total"
].join("|")

/** PromQL for what tells most about a pod that has an issue; the names are those of cAdvisor and kube-state-metrics. */
const queryFor = (namespace: string, pod: string): string =>
  `{pod=${JSON.stringify(pod)},namespace=${JSON.stringify(namespace)},__name__=~"${metrics}"}`

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("get_kubernetes_pod_status", {
    description: [
      "Lists the pods of a Kubernetes namespace with status, readiness, restarts and the reasons of issues.",
      "Use it to find out which pods are unhealthy or have issues; pods with an issue come first.",
      "Do not use it for metrics of a pod: give the `query` of the pod to query_prometheus."
    ].join("\n"),
    parameters: Schema.Struct({ namespace: Namespace, label_selector: LabelSelector }),
    success: Schema.Struct({
      namespace: Schema.String.annotate({ description: "Namespace that was asked about" }),
      summary: Schema.String.annotate({ description: "How many pods there are and how many have an issue" }),
      pods: Schema.Array(
        Schema.Struct({
          name: Schema.String.annotate({ description: "Name of the pod" }),
          status: Schema.String.annotate({ description: "As kubectl shows it, e.g. CrashLoopBackOff" }),
          ready: Schema.String.annotate({ description: "Ready containers of all, e.g. 0/1" }),
          restarts: Schema.Int.annotate({ description: "Restarts of its containers together" }),
          query: Schema.optionalKey(
            Schema.String.annotate({ description: "Only with an issue: PromQL for its metrics, for query_prometheus" })
          ),
          reason: Schema.optionalKey(Schema.String.annotate({ description: "What the cluster says about it" }))
        })
      ).annotate({
        description: `Those with an issue first, at most ${mostSick}; then up to ${mostHealthy} healthy ones`
      }),
      healthy_not_listed: Schema.optionalKey(
        Schema.Int.annotate({ description: `Healthy pods that are not listed: more than ${mostHealthy}, or no room` })
      ),
      sick_not_listed: Schema.optionalKey(
        Schema.Int.annotate({ description: "Pods with an issue that are not listed: use a label selector" })
      ),
      more: Schema.optionalKey(
        Schema.Boolean.annotate({
          description: "true: there are pods beyond the 500 that were read; use a label selector"
        })
      )
    }),
    failure: Schema.Union([...Api.commonFailure, SelectorInvalid])
  }),
  {
    failures: { ...Api.commonFailures, SelectorInvalid: "permanent" },
    timeout: "5 seconds",
    retry: { times: 2 },
    concurrency: 4
  }
)

const shown = (namespace: string, { hasIssue, name, ready, reason, restarts, status }: PodStatus) => ({
  name: oneLine(name, 253),
  status: oneLine(status, 100),
  ready,
  restarts,
  ...(hasIssue ? { query: queryFor(namespace, name) } : {}),
  ...(reason === undefined ? {} : { reason })
})

const summary = (all: number, sick: number, { more }: Api.Listed<Pod>): string => {
  const pods = `${more ? "the first " : ""}${all} ${all === 1 ? "pod" : "pods"}`
  if (all === 0) return "no pods"
  return sick === 0 ? `none of ${pods} has an issue` : `${sick} of ${pods} ${sick === 1 ? "has" : "have"} an issue`
}

/** @internal */
export const report = (namespace: string, listed: Api.Listed<Pod>): typeof tool.successSchema.Type => {
  const all = listed.items.map(describe)
  const sick = all.filter(({ hasIssue }) => hasIssue).toSorted((a, b) => b.restarts - a.restarts)
  const healthy = all.filter(({ hasIssue }) => !hasIssue)
  const ordered = [...sick.slice(0, mostSick), ...(healthy.length > mostHealthy ? [] : healthy)]
  const pods = boundedItems(ordered.map((pod) => shown(namespace, pod)), mostBytes)
  const sickLeft = sick.length - Math.min(pods.length, mostSick, sick.length)
  const healthyLeft = all.length - pods.length - sickLeft
  return {
    namespace,
    summary: summary(all.length, sick.length, listed),
    pods,
    ...(healthyLeft > 0 ? { healthy_not_listed: healthyLeft } : {}),
    ...(sickLeft > 0 ? { sick_not_listed: sickLeft } : {}),
    ...(listed.more ? { more: true } : {})
  }
}

/** @internal */
export const handler = (access: Api.Access) =>
  Effect.fnUntraced(function*({ label_selector, namespace }: Tool.Parameters<typeof tool>) {
    return report(namespace, yield* Api.select(access, kind, namespace, label_selector))
  })
