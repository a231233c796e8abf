import { Context, Effect, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { Kubernetes } from "../../../src/kubernetes/index.ts"
import { Prometheus } from "../../../src/prometheus/index.ts"
import { Cluster } from "../../../src/testing/index.ts"

/** A pod as plain as can be. */
export const pod = (name: string, state: Cluster.PodState, over: Partial<Cluster.Pod> = {}): Cluster.Pod => ({
  namespace: "shop",
  name,
  state,
  restarts: 0,
  labels: { app: name },
  owner: { kind: "ReplicaSet", name: `${name}-rs` },
  ...over
})

export const planOf = (
  pods: ReadonlyArray<Cluster.Pod>,
  over: Partial<Cluster.Plan> = {}
): Cluster.Plan => ({
  seed: 1,
  namespaces: ["shop", "empty"],
  pods,
  deployments: [],
  events: [],
  logs: [],
  series: [],
  faults: [],
  ...over
})

export class Running extends Context.Service<Running, Cluster.Cluster>()("test/Running") {}

/** A cluster with the handlers of both families, over real HTTP on the loopback interface. */
export const layer = (
  plan: Cluster.Plan,
  options: { readonly token?: string; readonly namespaces?: ReadonlyArray<string> } = {}
) =>
  Layer.unwrap(Effect.map(Cluster.make(plan), (cluster) =>
    Layer.mergeAll(
      Layer.succeed(Running)(cluster),
      Kubernetes.layer({
        ...(options.namespaces === undefined ? {} : { namespaces: options.namespaces }),
        url: cluster.kubernetesUrl,
        token: options.token === undefined ? cluster.token : Redacted.make(options.token)
      }),
      Prometheus.layer({ url: cluster.prometheusUrl })
    ))).pipe(Layer.provideMerge(FetchHttpClient.layer))

export const requests = Effect.flatMap(Running, (cluster) => cluster.requests)

/** Waits for real input and output, whatever the test's clock says. */
export const untilRequests = (count: number): Effect.Effect<void, never, Running> =>
  Effect.flatMap(requests, ({ length }) =>
    length >= count
      ? Effect.void
      : Effect.andThen(
        Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve))),
        Effect.suspend(() => untilRequests(count))
      ))
