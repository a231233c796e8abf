/**
 * Tools that read a Kubernetes cluster: `get_kubernetes_pod_status`, `get_kubernetes_pod_logs`, `get_kubernetes_events`,
 * `get_kubernetes_deployments`.
 *
 * **Details**
 *
 * They speak to the REST API of a cluster, through the HTTP client that is provided. They change nothing, and read no
 * secrets, config maps or environment. A list of namespaces bounds what may be asked about; a call outside of it fails and
 * is not sent. What comes back is bounded and goes through the redactor of the context.
 *
 * A log is what a container wrote: it may hold secrets that no redactor knows, and text that others put there.
 *
 * Not supported in a kubeconfig: `exec` plugins, `auth-provider`, user names with passwords, lists of files. Client
 * certificates and authorities of a kubeconfig or a service account need a client of their own: see `tlsClient`.
 *
 * **Example** (The handlers of the family, for one cluster)
 *
 * ```ts
 * import { Dispatcher } from "@volley/core"
 * import { Kubernetes } from "@volley/tools"
 * import { Cluster } from "@volley/tools/testing"
 * import { Effect, Layer } from "effect"
 * import { FetchHttpClient } from "effect/http"
 *
 * const program = Effect.gen(function*() {
 *   // stands for the cluster
 *   const { kubernetesUrl: url, token } = yield* Cluster.make(Cluster.plan(7))
 *   const KubernetesLive = Kubernetes.layer({ url, token, namespaces: ["production", "staging"] }).pipe(
 *     Layer.provide(FetchHttpClient.layer)
 *   )
 *   const pods = { namespace: "production", label_selector: "app=session-store" }
 *   const { result } = yield* Dispatcher.call(Kubernetes.GetPodStatus, pods).pipe(Effect.provide(KubernetesLive))
 *   console.log(JSON.stringify(result))
 * }).pipe(Effect.scoped)
 * await Effect.runPromise(program)
 * ```
 *
 * ```text
 * {"namespace":"production","summary":"none of 1 pod has an issue","pods":[{"name":"session-store-1","status":"Running","ready":"1/1","restarts":0}]}
 * ```
 *
 * @since 0.1.0
 */
import * as Redactor from "@volley/core/Redactor"
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type * as Redacted from "effect/Redacted"
import { baseUrl } from "../internal/webUrl.ts"
import { layerWithoutSecrets } from "../internal/withoutSecrets.ts"
import * as access from "./internal/access.ts"
import type { Access } from "./internal/api.ts"
import * as deployments from "./internal/deployments.ts"
import * as events from "./internal/events.ts"
import * as podLogs from "./internal/podLogs.ts"
import * as podStatus from "./internal/podStatus.ts"
import { AccessUnusable } from "./KubernetesError.ts"

export * from "./KubernetesError.ts"

/**
 * Lists the pods of a namespace, those with an issue first, with PromQL for the metrics of each of these: at most 500
 * pods are read.
 *
 * @category tools
 * @since 0.1.0
 */
export const GetPodStatus = podStatus.tool

/**
 * Reads the last lines of the log of a container: at most 1,000 lines, of which the newest 24 KiB are given.
 *
 * @category tools
 * @since 0.1.0
 */
export const GetPodLogs = podLogs.tool

/**
 * Lists the events of a namespace or of an object, newest first: at most 50 of the 2,000 that are read.
 *
 * @category tools
 * @since 0.1.0
 */
export const GetEvents = events.tool

/**
 * Lists the deployments of a namespace, those that are not complete first: at most 40 of the 500 that are read.
 *
 * @category tools
 * @since 0.1.0
 */
export const GetDeployments = deployments.tool

/**
 * The tools of the family.
 *
 * @category tools
 * @since 0.1.0
 */
export const toolkit = Toolkit.make(GetPodStatus, GetPodLogs, GetEvents, GetDeployments)

/**
 * What a connection has to prove or to trust; certificates and keys are PEM.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tls {
  readonly authority?: string
  readonly certificate?: string
  readonly key?: Redacted.Redacted
  readonly serverName?: string
  /** Whether the certificate of the server is not checked; default false. */
  readonly insecure?: boolean
}

/**
 * Makes an HTTP client for such connections.
 *
 * @category models
 * @since 0.1.0
 */
export type TlsClient = (tls: Tls) => Layer.Layer<HttpClient.HttpClient>

/**
 * How `layerFromEnv` makes a client with a certificate or an authority of its own. Default: not at all; then a client
 * certificate fails the layer with `AccessUnusable`, and an authority has to be known to the process.
 *
 * **Example** (With Node's client)
 *
 * ```ts
 * import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Dispatcher } from "@volley/core"
 * import { Kubernetes } from "@volley/tools"
 * import { Effect, Layer, Redacted } from "effect"
 * import { FetchHttpClient } from "effect/http"
 *
 * const TlsLive = Layer.succeed(Kubernetes.tlsClient, (tls) =>
 *   NodeHttpClient.layerNodeHttpOptions({
 *     ca: tls.authority,
 *     cert: tls.certificate,
 *     key: tls.key && Redacted.value(tls.key),
 *     servername: tls.serverName,
 *     rejectUnauthorized: tls.insecure !== true
 *   }))
 *
 * const KubernetesLive = Kubernetes.layerFromEnv.pipe(Layer.provide([TlsLive, FetchHttpClient.layer, NodeServices.layer]))
 * const program = Dispatcher.call(Kubernetes.GetDeployments, { namespace: "production" }).pipe(Effect.provide(KubernetesLive))
 * console.log((await Effect.runPromise(program)).ok)
 * ```
 *
 * ```text
 * true
 * ```
 *
 * @category references
 * @since 0.1.0
 */
export const tlsClient: Context.Reference<TlsClient | undefined> = Context.Reference<TlsClient | undefined>(
  "@volley/tools/Kubernetes/tlsClient",
  { defaultValue: () => undefined }
)

const handlers = (access: Access) => ({
  get_kubernetes_pod_status: podStatus.handler(access),
  get_kubernetes_pod_logs: podLogs.handler(access),
  get_kubernetes_events: events.handler(access),
  get_kubernetes_deployments: deployments.handler(access)
})

/**
 * Handlers of the family for one cluster. Building it fails with `AccessUnusable` where the URL is not one of http or
 * https without credentials, or where `namespaces` is empty or has something else than names. The redactor of the context
 * learns the token.
 *
 * @param options.url - the API server, such as `https://10.0.0.1:6443`
 * @param options.token - a bearer token; default none, as for `kubectl proxy`
 * @param options.namespaces - those that may be asked about; default all
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: {
  readonly url: string
  readonly token?: Redacted.Redacted
  readonly namespaces?: ReadonlyArray<string>
}): Layer.Layer<Tool.HandlersFor<typeof toolkit.tools>, AccessUnusable, HttpClient.HttpClient> =>
  layerWithoutSecrets(
    toolkit,
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      const redactor = yield* Redactor.current
      const url = baseUrl(options.url)
      if (url === undefined) {
        return yield* new AccessUnusable({ source: "KUBERNETES_URL", detail: "the URL is not one of http or https" })
      }
      if (options.token !== undefined) redactor.add(options.token)
      const token = Effect.succeed(Option.fromUndefinedOr(options.token))
      return handlers(yield* access.make({ url, token, client }, options.namespaces))
    })
  )

/**
 * Handlers of the family for the cluster that the environment names, by the first of these that is set:
 *
 * 1. `KUBERNETES_URL`, with the bearer token `KUBERNETES_TOKEN` if there is one,
 * 2. `KUBECONFIG`, one file: the current context, with a token, a file of a token or a client certificate,
 * 3. `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`: the service account of the pod it runs in.
 *
 * `KUBERNETES_NAMESPACES`, names with commas between them, are those that may be asked about; default all. Building it fails
 * with `AccessUnusable` or `ConfigError` where that does not suffice.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv: Layer.Layer<
  Tool.HandlersFor<typeof toolkit.tools>,
  AccessUnusable | Config.ConfigError,
  HttpClient.HttpClient | FileSystem.FileSystem | Path.Path
> = layerWithoutSecrets(toolkit, Effect.map(Effect.flatMap(tlsClient, access.fromEnvironment), handlers))
