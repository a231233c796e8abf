/**
 * The tool `get_kubernetes_pod_status` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  AccessDenied,
  AnswerUnreadable,
  ApiUnavailable,
  ApiUnreachable,
  BadCredentials,
  NamespaceNotFound,
  RateLimited,
  SelectorInvalid
} from "../KubernetesError.ts"
import * as Api from "./api.ts"
import { describe, type PodStatus } from "./pod.ts"

const mostHealthy = 20
const mostSick = 60

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
    parameters: Schema.Struct({
      namespace: Schema.String.annotate({
        description: "Kubernetes namespace",
        examples: ["production", "kube-system"]
      })
        .check(Schema.isPattern(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/), Schema.isMaxLength(63)),
      label_selector: Schema.optionalKey(
        Schema.String.annotate({
          description: "Only pods whose labels match this label selector",
          examples: ["app=web", "tier in (web,api),app!=cart"]
        }).check(Schema.isNonEmpty(), Schema.isMaxLength(1000))
      )
    }),
    success: Schema.Struct({
      namespace: Schema.String,
      summary: Schema.String.annotate({ description: "How many pods there are and how many have an issue" }),
      pods: Schema.Array(
        Schema.Struct({
          name: Schema.String,
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
        Schema.Int.annotate({ description: `Healthy pods that are not listed since they are more than ${mostHealthy}` })
      ),
      sick_not_listed: Schema.optionalKey(
        Schema.Int.annotate({ description: `Pods with an issue beyond the first ${mostSick}` })
      ),
      more: Schema.optionalKey(
        Schema.Boolean.annotate({
          description: "true: there are pods beyond the 500 that were read; use a label selector"
        })
      )
    }),
    failure: Schema.Union([
      ApiUnavailable,
      RateLimited,
      ApiUnreachable,
      NamespaceNotFound,
      SelectorInvalid,
      AccessDenied,
      AnswerUnreadable,
      BadCredentials
    ])
  }),
  {
    failures: {
      ApiUnavailable: "transient",
      RateLimited: "transient",
      ApiUnreachable: "permanent",
      NamespaceNotFound: "permanent",
      SelectorInvalid: "permanent",
      AccessDenied: "permanent",
      AnswerUnreadable: "permanent"
    },
    timeout: "5 seconds",
    retry: { times: 2 },
    concurrency: 4
  }
)

const shown = (namespace: string, { hasIssue, name, ready, reason, restarts, status }: PodStatus) => ({
  name,
  status,
  ready,
  restarts,
  ...(hasIssue ? { query: queryFor(namespace, name) } : {}),
  ...(reason === undefined ? {} : { reason })
})

const summary = (all: number, sick: number, { more }: Api.Listed): string => {
  const pods = `${more ? "the first " : ""}${all} ${all === 1 ? "pod" : "pods"}`
  if (all === 0) return "no pods"
  return sick === 0 ? `none of ${pods} has an issue` : `${sick} of ${pods} ${sick === 1 ? "has" : "have"} an issue`
}

/** @internal */
export const report = (namespace: string, listed: Api.Listed): typeof tool.successSchema.Type => {
  const all = listed.pods.map(describe)
  const sick = all.filter(({ hasIssue }) => hasIssue).toSorted((a, b) => b.restarts - a.restarts)
  const healthy = all.filter(({ hasIssue }) => !hasIssue)
  const isMany = healthy.length > mostHealthy
  return {
    namespace,
    summary: summary(all.length, sick.length, listed),
    pods: [...sick.slice(0, mostSick), ...(isMany ? [] : healthy)].map((pod) => shown(namespace, pod)),
    ...(isMany ? { healthy_not_listed: healthy.length } : {}),
    ...(sick.length > mostSick ? { sick_not_listed: sick.length - mostSick } : {}),
    ...(listed.more ? { more: true } : {})
  }
}

/** @internal */
export const handler = (access: Api.Access) =>
  Effect.fnUntraced(function*({ label_selector, namespace }: Tool.Parameters<typeof tool>) {
    const listed = yield* Api.listPods(access, namespace, label_selector)
    if (listed.pods.length === 0) yield* Api.checkNamespace(access, namespace)
    return report(namespace, listed)
  })
