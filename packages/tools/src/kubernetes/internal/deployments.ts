/**
 * The tool `get_kubernetes_deployments` and its handler.
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
import { LabelSelector, maybe, Namespace } from "./parameters.ts"

const mostDeployments = 40
const mostRead = 500
const mostBytes = 24 * 1024
const mostContainers = 8
const longestText = 240

const Condition = Schema.Struct({
  type: Schema.String,
  status: Schema.String,
  reason: maybe(Schema.String),
  message: maybe(Schema.String)
})

/** The fields of a deployment that its state is told from. */
const Deployment = Schema.Struct({
  metadata: Schema.Struct({ name: Schema.String, generation: maybe(Schema.Int) }),
  spec: Schema.Struct({
    replicas: maybe(Schema.Int),
    paused: maybe(Schema.Boolean),
    selector: Schema.Struct({
      matchLabels: maybe(Schema.Record(Schema.String, Schema.String)),
      matchExpressions: maybe(
        Schema.Array(
          Schema.Struct({
            key: Schema.String,
            operator: Schema.String,
            values: maybe(Schema.Array(Schema.String))
          })
        )
      )
    }),
    template: Schema.Struct({
      spec: maybe(
        Schema.Struct({
          containers: maybe(Schema.Array(Schema.Struct({ name: Schema.String, image: maybe(Schema.String) })))
        })
      )
    })
  }),
  status: maybe(
    Schema.Struct({
      observedGeneration: maybe(Schema.Int),
      replicas: maybe(Schema.Int),
      readyReplicas: maybe(Schema.Int),
      updatedReplicas: maybe(Schema.Int),
      availableReplicas: maybe(Schema.Int),
      conditions: maybe(Schema.Array(Condition))
    })
  )
})

type Deployment = typeof Deployment.Type

const kind: Api.Kind<Deployment> = {
  resource: "deployments",
  root: "apis/apps/v1",
  item: Deployment,
  pageSize: 100,
  most: mostRead
}

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("get_kubernetes_deployments", {
    description: [
      "Lists the deployments of a Kubernetes namespace: replicas wanted and ready, conditions, images.",
      "Use it to find out whether a rollout is complete or stuck and which version is deployed; incomplete ones come first.",
      "Do not use it for the state of single pods: give `pods` to get_kubernetes_pod_status as its label selector."
    ].join("\n"),
    parameters: Schema.Struct({ namespace: Namespace, label_selector: LabelSelector }),
    success: Schema.Struct({
      namespace: Schema.String.annotate({ description: "Namespace that was asked about" }),
      summary: Schema.String.annotate({ description: "How many deployments there are and how many are not complete" }),
      deployments: Schema.Array(
        Schema.Struct({
          name: Schema.String.annotate({ description: "Name of the deployment" }),
          wanted: Schema.Int.annotate({ description: "Replicas that are wanted" }),
          ready: Schema.Int.annotate({ description: "Replicas that are ready" }),
          updated: Schema.Int.annotate({ description: "Replicas of the newest version" }),
          available: Schema.Int.annotate({ description: "Replicas that have been ready for long enough" }),
          paused: Schema.optionalKey(Schema.Literal(true).annotate({ description: "Its rollout is paused" })),
          images: Schema.Array(Schema.String).annotate({ description: "Of its containers, with their names" }),
          conditions: Schema.Array(
            Schema.Struct({
              type: Schema.String.annotate({ description: "Available, Progressing, ReplicaFailure or another" }),
              status: Schema.String.annotate({ description: "True, False or Unknown" }),
              reason: Schema.optionalKey(Schema.String.annotate({ description: "Why, in one word" })),
              message: Schema.optionalKey(Schema.String.annotate({ description: "Why, in a sentence" }))
            })
          ).annotate({ description: "What the cluster says of it" }),
          pods: Schema.optionalKey(Schema.String.annotate({ description: "Label selector of its pods" }))
        })
      ).annotate({ description: `Those that are not complete first; at most ${mostDeployments}` }),
      not_listed: Schema.optionalKey(Schema.Int.annotate({ description: "Further deployments" })),
      more: Schema.optionalKey(
        Schema.Literal(true).annotate({
          description: `There are deployments beyond the ${mostRead} that were read; use a label selector`
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

type Told = typeof tool.successSchema.Type["deployments"][number]

/** A label selector as `label_selector` takes it. */
const selectorOf = ({ selector }: Deployment["spec"]): string | undefined => {
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`)
  const other = (selector.matchExpressions ?? []).map(({ key, operator, values }) =>
    operator === "Exists"
      ? key
      : operator === "DoesNotExist"
      ? `!${key}`
      : `${key} ${operator.toLowerCase()} (${(values ?? []).join(",")})`
  )
  const text = [...equal, ...other].join(",")
  return text === "" || text.length > 1000 ? undefined : text
}

/** As `kubectl rollout status` decides: the newest spec was seen, all of its replicas are there and no others. */
const isComplete = ({ metadata, status }: Deployment, { available, ready, updated, wanted }: Told): boolean =>
  (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0) && updated >= wanted && available >= wanted &&
  ready >= wanted && (status?.replicas ?? 0) <= updated && !(status?.conditions ?? []).some(isFailing)

const isFailing = ({ status, type }: typeof Condition.Type): boolean =>
  type === "ReplicaFailure" ? status === "True" : status === "False"

const optional = <K extends string>(key: K, text: string | null | undefined): { readonly [P in K]?: string } =>
  (text ? { [key]: oneLine(text, longestText) } : {}) as { readonly [P in K]?: string }

const shown = ({ metadata, spec, status }: Deployment): Told => {
  const containers = spec.template.spec?.containers ?? []
  const left = containers.length - mostContainers
  const selector = selectorOf(spec)
  return {
    name: metadata.name,
    wanted: spec.replicas ?? 1,
    ready: status?.readyReplicas ?? 0,
    updated: status?.updatedReplicas ?? 0,
    available: status?.availableReplicas ?? 0,
    ...(spec.paused === true ? { paused: true as const } : {}),
    images: [
      ...containers.slice(0, mostContainers).map(({ image, name }) =>
        oneLine(`${name}: ${image ?? "none"}`, longestText)
      ),
      ...(left > 0 ? [`and ${left} more`] : [])
    ],
    conditions: (status?.conditions ?? []).slice(0, 8).map(({ message, reason, status, type }) => ({
      type: oneLine(type, 63),
      status: oneLine(status, 10),
      ...optional("reason", reason),
      ...optional("message", message)
    })),
    ...(selector === undefined ? {} : { pods: selector })
  }
}

const summary = (all: number, incomplete: number, more: boolean): string => {
  if (all === 0) return "no deployments"
  const deployments = `${more ? "the first " : ""}${all} ${all === 1 ? "deployment" : "deployments"}`
  return incomplete === 0
    ? `${deployments}, complete`
    : `${incomplete} of ${deployments} ${incomplete === 1 ? "is" : "are"} not complete`
}

/** What is told of deployments, those that are not complete first. */
const report = (
  namespace: string,
  { items, more }: Api.Listed<Deployment>
): typeof tool.successSchema.Type => {
  const all = items.map((deployment) => {
    const told = shown(deployment)
    return { told, isComplete: isComplete(deployment, told) }
  })
  const incomplete = all.filter(({ isComplete }) => !isComplete)
  const ordered = [...incomplete, ...all.filter(({ isComplete }) => isComplete)].map(({ told }) => told)
  const deployments = boundedItems(ordered.slice(0, mostDeployments), mostBytes)
  return {
    namespace,
    summary: summary(all.length, incomplete.length, more),
    deployments,
    ...(all.length > deployments.length ? { not_listed: all.length - deployments.length } : {}),
    ...(more ? { more: true as const } : {})
  }
}

/** @internal */
export const handler = (access: Api.Access) =>
  Effect.fnUntraced(function*({ label_selector, namespace }: Tool.Parameters<typeof tool>) {
    return report(namespace, yield* Api.select(access, kind, namespace, label_selector))
  })
