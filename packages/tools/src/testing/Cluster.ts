/**
 * A loopback cluster: a Kubernetes API and a Prometheus API over one planned state, with planned faults.
 *
 * **Details**
 *
 * A plan is data. `plan(seed)` makes one: the same seed gives the same plan, another seed gives other names and faults.
 * `make(plan)` serves it on two free ports of 127.0.0.1 until its scope ends.
 *
 * Kubernetes: `/api/v1/namespaces`, `/api/v1/namespaces/{ns}`, and below it the lists of pods, events and deployments (of
 * `apps/v1`) with `labelSelector`, `fieldSelector`, `limit` and `continue`; `/api/v1/pods`; `watch` for pods; the log of a pod
 * with `container`, `previous`, `tailLines`, `sinceSeconds` and `limitBytes`; 401 without the bearer token, 400, 404 and 410
 * as `Status` objects. Prometheus: `/api/v1/query`, `/api/v1/query_range`, `/api/v1/series`, `/api/v1/labels`,
 * `/api/v1/label/{name}/values`, `/api/v1/metadata`, `/-/healthy`, with enough PromQL for selectors, common functions,
 * aggregations and arithmetic.
 *
 * It does not change state: there is no write API, a log is not followed, and a watch says what is there and then nothing more.
 *
 * **Example** (A cluster whose first metrics request is refused once)
 *
 * ```ts
 * import { Cluster } from "@volley/tools/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const faults = [{ server: "prometheus", matching: "/api/v1/query", kind: "unavailable", times: 1 }] as const
 *   const { prometheusUrl } = yield* Cluster.make({ ...Cluster.plan(7), faults })
 *   const ask = Effect.promise(() => fetch(`${prometheusUrl}/api/v1/query?query=up`))
 *   return [(yield* ask).status, (yield* ask).status]
 * }).pipe(Effect.scoped)
 * console.log(await Effect.runPromise(program))
 * ```
 *
 * ```text
 * [ 503, 200 ]
 * ```
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as internal from "./internal/cluster.ts"
import * as seeded from "./internal/plan.ts"

/**
 * What a pod is like. All but `Healthy` and `Completed` are an issue.
 *
 * @category models
 * @since 0.1.0
 */
export type PodState =
  | "Healthy"
  | "Completed"
  | "CrashLoopBackOff"
  | "ImagePullBackOff"
  | "CreateContainerConfigError"
  | "OOMKilled"
  | "Unschedulable"
  | "NotReady"
  | "Terminating"

/**
 * A pod. `restarts` counts those of its one container; `owner` is what made it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pod {
  readonly namespace: string
  readonly name: string
  readonly state: PodState
  readonly restarts: number
  readonly labels: Readonly<Record<string, string>>
  readonly owner: { readonly kind: "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job"; readonly name: string }
}

/**
 * A deployment. `replicas` are wanted, `ready` of them are ready; it is complete where these are equal.
 *
 * @category models
 * @since 0.1.0
 */
export interface Deployment {
  readonly namespace: string
  readonly name: string
  readonly replicas: number
  readonly ready: number
  readonly image: string
  readonly labels: Readonly<Record<string, string>>
}

/**
 * An event about an object, seen `count` times, the last time `age` seconds before it is asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Event {
  readonly namespace: string
  readonly object: { readonly kind: string; readonly name: string }
  readonly type: "Normal" | "Warning"
  readonly reason: string
  readonly message: string
  readonly count: number
  readonly age: number
}

/**
 * What one container of a pod wrote, oldest line first, each `age` seconds before it is asked for. `previous`: before its
 * last restart.
 *
 * @category models
 * @since 0.1.0
 */
export interface Log {
  readonly namespace: string
  readonly pod: string
  readonly container: string
  readonly previous: boolean
  readonly lines: ReadonlyArray<{ readonly age: number; readonly text: string }>
}

/**
 * A time series. Its value swings around `level` by the fraction `swing` (0 to 1); a counter grows by `level` a second.
 *
 * @category models
 * @since 0.1.0
 */
export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly type: "gauge" | "counter"
  readonly level: number
  readonly swing: number
}

/**
 * A fault: the requests to a server whose decoded path and query contain `matching`, and what happens to them.
 *
 * - `unavailable`: the first `times` such requests are answered 503.
 * - `rateLimited`: the first `times` are answered 429 with `Retry-After: retryAfter` (seconds).
 * - `expired`: the first `times` are answered 410, as the Kubernetes API does for an old `continue` token.
 * - `notFound`: all are answered 404.
 * - `forbidden`: all are answered 403.
 * - `cut`: the first `times` get the first half of their answer, then the connection breaks.
 * - `flood`: all are answered 200 with text that does not end.
 * - `hang`: none is answered.
 * - `slow`: all are answered after `millis`.
 *
 * The first fault of the plan that matches and is not used up applies.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  & { readonly server: Server; readonly matching: string }
  & (
    | { readonly kind: "unavailable"; readonly times: number }
    | { readonly kind: "rateLimited"; readonly times: number; readonly retryAfter: number }
    | { readonly kind: "expired"; readonly times: number }
    | { readonly kind: "cut"; readonly times: number }
    | { readonly kind: "notFound" }
    | { readonly kind: "forbidden" }
    | { readonly kind: "flood" }
    | { readonly kind: "hang" }
    | { readonly kind: "slow"; readonly millis: number }
  )

/**
 * A server of the cluster.
 *
 * @category models
 * @since 0.1.0
 */
export type Server = "kubernetes" | "prometheus"

/**
 * The state of a cluster and its faults.
 *
 * @category models
 * @since 0.1.0
 */
export interface Plan {
  readonly seed: number
  readonly namespaces: ReadonlyArray<string>
  readonly pods: ReadonlyArray<Pod>
  readonly deployments: ReadonlyArray<Deployment>
  readonly events: ReadonlyArray<Event>
  readonly logs: ReadonlyArray<Log>
  readonly series: ReadonlyArray<Series>
  readonly faults: ReadonlyArray<Fault>
}

/**
 * A request as it arrived: `path` without the query, `parameters` decoded, also from a form. `status` is absent until
 * it is answered, `fault` where none applied.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordedRequest {
  readonly server: Server
  readonly method: string
  readonly path: string
  readonly parameters: Readonly<Record<string, string>>
  readonly status?: number
  readonly fault?: Fault["kind"]
}

/**
 * A running cluster.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cluster {
  /** Base URL of the Kubernetes API, without `/api`. */
  readonly kubernetesUrl: string
  /** Base URL of the Prometheus API, without `/api`. */
  readonly prometheusUrl: string
  /** The bearer token that the Kubernetes API wants. */
  readonly token: Redacted.Redacted
  readonly plan: Plan
  /** All requests so far, in order of arrival. */
  readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
}

/**
 * The plan of a seed. In the namespace "production" 5 or 6 pods are sick: the metrics request for one is answered 503
 * once, for one it hangs, for one it is answered 404, for the others it is slow. There are three namespaces more. Deployments,
 * events and logs are those of the pods.
 *
 * @param seed - any integer
 * @category constructors
 * @since 0.1.0
 */
export const plan: (seed: number) => Plan = seeded.plan

/**
 * Whether a pod of a plan has an issue.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSick: (pod: Pod) => boolean = seeded.isSick

/**
 * Serves a plan on free ports of 127.0.0.1. All sockets are destroyed when the scope ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (plan: Plan) => Effect.Effect<Cluster, never, Scope.Scope> = internal.make
