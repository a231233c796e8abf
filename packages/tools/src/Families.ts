/**
 * The ready-made tools by family, for programs that choose them by name.
 *
 * @since 0.1.0
 */
import * as Toolkit from "effect/ai/Toolkit"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Files from "./files/Files.ts"
import * as Http from "./http/Http.ts"
import * as Kubernetes from "./kubernetes/Kubernetes.ts"
import * as Prometheus from "./prometheus/Prometheus.ts"
import * as Search from "./search/Search.ts"
import * as Shell from "./shell/Shell.ts"
import * as Sql from "./sql/Sql.ts"
import * as Tickets from "./tickets/Tickets.ts"
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

const families = {
  files: {
    description: "Read, list, find and search the files below a directory",
    toolkit: Files.toolkit,
    layer: Files.layer
  },
  "files-write": {
    description: "The family files, and write, edit, move and delete below the directory",
    toolkit: Files.writableToolkit,
    layer: Files.writableLayer
  },
  http: {
    description: "Ask servers of the web and read pages, guarded against your own network",
    toolkit: Http.toolkit,
    layer: () => Http.layerFromEnv
  },
  kubernetes: {
    description: "Read the pods, logs, events and deployments of a Kubernetes cluster",
    toolkit: Kubernetes.toolkit,
    layer: kubernetes
  },
  prometheus: {
    description: "Query the metrics of a Prometheus server and find out which there are",
    toolkit: Prometheus.toolkit,
    layer: prometheus
  },
  search: {
    description: "Search the Markdown and text below a directory and read it",
    toolkit: Search.toolkit,
    layer: ({ root }: { readonly root: string }) => Search.layer({ folder: root })
  },
  shell: {
    description: "Run the commands that you list, without a shell; what is not read-only wants approval",
    toolkit: Shell.toolkit,
    layer: Shell.layerFromEnv
  },
  sql: {
    description: "Read a PostgreSQL or SQLite database",
    toolkit: Sql.toolkit,
    layer: () => Sql.layerFromEnv
  },
  tickets: {
    description: "Find, create, comment and move the tickets of a team",
    toolkit: Tickets.toolkit,
    layer: () => Layer.provide(Tickets.layerFromEnv, FetchHttpClient.layer)
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
 * The type of `all`: each family with the types of its tools.
 *
 * @category models
 * @since 0.1.0
 */
export type All = { readonly [N in keyof typeof families]: (typeof families)[N] }

/**
 * Every family by its name: `files`, `http`, `kubernetes`, `prometheus`, `search`, `shell`, `sql`, `tickets`, `weather`, and `ops`,
 * which is `kubernetes` and `prometheus` together.
 *
 * @category models
 * @since 0.1.0
 */
export const all: All = families

/**
 * The name of a family.
 *
 * @category models
 * @since 0.1.0
 */
export type Name = keyof All

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
