/**
 * Connections with a certificate or an authority of their own, for clusters whose kubeconfig asks for one.
 *
 * @internal
 */
import { Kubernetes } from "@volley/tools/kubernetes"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

/** Node's own client, which is loaded when such a connection is made. */
const client: Kubernetes.TlsClient = ({ authority, certificate, insecure, key, serverName }) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("@effect/platform-node/NodeHttpClient")),
      (NodeHttpClient) =>
        NodeHttpClient.layerNodeHttpOptions({
          ca: authority,
          cert: certificate,
          key: key && Redacted.value(key),
          servername: serverName,
          rejectUnauthorized: insecure !== true
        })
    )
  )

/** @internal */
export const services: Context.Context<never> = Context.make(Kubernetes.tlsClient, client)
