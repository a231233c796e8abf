/**
 * The ready-made tools by family, for programs that choose them by name.
 *
 * @since 0.1.0
 */
import * as Toolkit from "effect/ai/Toolkit"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Files from "./files/Files.ts"
import * as Kubernetes from "./kubernetes/Kubernetes.ts"
import * as Prometheus from "./prometheus/Prometheus.ts"
import * as Weather from "./weather/Weather.ts"

/**
 * A family of tools: what it is for, its tools, and its handlers for a root directory.
 *
 * @category models
 * @since 0.1.0
 */
export interface Family {
  readonly description: string
  readonly toolkit: Toolkit.Any
  readonly layer: (options: { readonly root: string }) => Layer.Any
}

const kubernetes = () => Layer.provide(Kubernetes.layerFromEnv, FetchHttpClient.layer)
const prometheus = () => Layer.provide(Prometheus.layerFromEnv, FetchHttpClient.layer)

/**
 * Every family by its name; one that is made of others stands last.
 *
 * @category models
 * @since 0.1.0
 */
export const all = {
  files: {
    description: "Read, list and search the files below a directory",
    toolkit: Files.toolkit,
    layer: Files.layer
  },
  kubernetes: {
    description: "Tell the status of the pods of a Kubernetes cluster",
    toolkit: Kubernetes.toolkit,
    layer: kubernetes
  },
  prometheus: {
    description: "Query the metrics of a Prometheus server",
    toolkit: Prometheus.toolkit,
    layer: prometheus
  },
  weather: {
    description: "Tell the current weather of a city and its forecast",
    toolkit: Weather.toolkit,
    layer: () => Layer.provide(Weather.layerFromEnv, FetchHttpClient.layer)
  },
  ops: {
    description: "Diagnose a cluster: the families kubernetes and prometheus together",
    toolkit: Toolkit.merge(Kubernetes.toolkit, Prometheus.toolkit),
    layer: () => Layer.merge(kubernetes(), prometheus())
  }
} as const satisfies { readonly [name: string]: Family }

/**
 * The name of a family.
 *
 * @category models
 * @since 0.1.0
 */
export type Name = keyof typeof all

/**
 * The names of all families.
 *
 * @category models
 * @since 0.1.0
 */
export const names: ReadonlyArray<Name> = Object.keys(all) as Array<Name>

/**
 * Whether a text is the name of a family.
 *
 * @category guards
 * @since 0.1.0
 */
export const isName = (text: string): text is Name => Object.hasOwn(all, text)
