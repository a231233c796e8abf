/**
 * `volley demo`: one question about a simulated cluster, so that parallel calls, a retry and a kept deadline can be seen
 * without a key and without a cluster.
 *
 * @internal
 */
import * as Agent from "@volley/core/Agent"
import * as Redactor from "@volley/core/Redactor"
import { Kubernetes } from "@volley/tools/kubernetes"
import { Prometheus } from "@volley/tools/prometheus"
import { Cluster } from "@volley/tools/testing"
import { Weather } from "@volley/tools/weather"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import process from "node:process"
import * as Execution from "../execution.ts"
import type * as Ended from "../exit.ts"
import * as Model from "../model.ts"
import * as Gantt from "../render/gantt.ts"
import * as Layout from "../render/layout.ts"
import * as Style from "../render/style.ts"
import { columnsOf, page, screen, writeLines } from "../stdio.ts"

/** What the command line says. @internal */
export interface Options extends Pick<Execution.Options, "output" | "journal" | "quiet"> {
  readonly seed: number
  readonly model: string | undefined
}

const question = "What pods are having issues in the production namespace? Check their metrics too."

const agent = Agent.make("demo", {
  tools: [Kubernetes.toolkit, Prometheus.toolkit, Weather.toolkit],
  // one tool call hangs: short enough to watch, long enough for its second attempt to begin
  limits: { toolTimeout: "2500 millis" }
})

interface Page {
  readonly columns: number
  readonly style: Style.Style
}

/** What is simulated and what is not. @internal */
export const header = ({ columns, style }: Page, seed: number, model: string): ReadonlyArray<string> => {
  const simulated = "simulated: a Kubernetes and a Prometheus server on 127.0.0.1, and their faults"
  const planner = model === Model.offline ? "; the planner, which is not a language model" : ""
  return [
    style.bold(`Volley demo, seed ${seed}`),
    ...Layout.wrap(`${simulated}${planner}`, columns).map(style.dim),
    ...Layout.wrap("real: HTTP, the tools, calls in parallel, retries, deadlines", columns).map(style.dim),
    "",
    ...Layout.wrap(`> ${question}`, columns),
    ""
  ]
}

/** What to type next, where `command` is how this one was started. @internal */
export const footer = ({ columns, style }: Page, seed: number, command: string): ReadonlyArray<string> => {
  const label = "try next: "
  const commands = [`demo --seed ${seed === 7 ? 8 : 7}`, "run --tools files \"Which files mention 'deadline'?\""]
  return [
    "",
    ...commands.flatMap((one, i) =>
      Layout.wrap((i === 0 ? label : " ".repeat(label.length)) + `${command} ${one}`, columns).map(style.dim)
    )
  ]
}

/** In a checkout `volley` is a script of npm. */
const command = (environment: Readonly<Record<string, string | undefined>>): string =>
  environment["npm_lifecycle_event"] === undefined ? "volley" : "npm run -s volley --"

/** @internal */
export const demo = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<void, Ended.Exit, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const choice = Model.choose(options.model ?? Model.offline, yield* Model.reachable)
  if ("_tag" in choice) return yield* choice
  const { redact } = yield* Redactor.current
  const { kubernetesUrl, prometheusUrl, token } = yield* Cluster.make(Cluster.plan(options.seed))
  const handlers = Layer.mergeAll(
    Kubernetes.layer({ url: kubernetesUrl, token }),
    Prometheus.layer({ url: prometheusUrl }),
    Weather.layer()
  )
  // the only failure is of a URL that is none
  const services = yield* Layer.build(Layer.orDie(Layer.provide(handlers, FetchHttpClient.layer)))
  const model = yield* Model.layer(choice.id, undefined)

  const head = (to: Page): ReadonlyArray<string> => header(to, options.seed, choice.id)
  if (options.output === "text") yield* writeLines(head(page()))
  else if (!options.quiet) head({ columns: columnsOf(process.stderr), style: Style.plain }).forEach(screen.print)
  const start = (onEvent: Execution.OnEvent) => Agent.run(agent, question, { onEvent })
  yield* Execution.execute({ start, model, services }, {
    ...options,
    below: (timeline) => [
      "",
      ...Gantt.lines({ ...page(), redact }, timeline),
      ...footer(page(), options.seed, command(process.env))
    ]
  })
}, Effect.scoped)
