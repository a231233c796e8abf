/**
 * The tool `get_kubernetes_events` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { boundedItems, oneLine } from "../../internal/boundedText.ts"
import * as Api from "./api.ts"
import { maybe, Name, Namespace } from "./parameters.ts"

const mostEvents = 50
const defaultEvents = 20
const mostRead = 2000
const mostBytes = 24 * 1024
const longestMessage = 300
const longestName = 253

const Event = Schema.Struct({
  metadata: Schema.Struct({ creationTimestamp: maybe(Schema.String) }),
  involvedObject: Schema.Struct({ kind: maybe(Schema.String), name: maybe(Schema.String) }),
  type: maybe(Schema.String),
  reason: maybe(Schema.String),
  message: maybe(Schema.String),
  count: maybe(Schema.Int),
  firstTimestamp: maybe(Schema.String),
  lastTimestamp: maybe(Schema.String),
  eventTime: maybe(Schema.String),
  series: maybe(Schema.Struct({ count: maybe(Schema.Int), lastObservedTime: maybe(Schema.String) }))
})

type Event = typeof Event.Type

const kind: Api.Kind<Event> = { resource: "events", root: "api/v1", item: Event, pageSize: 500, most: mostRead }

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("get_kubernetes_events", {
    description: [
      "Lists the events of a Kubernetes namespace or of one object in it, newest first.",
      "Use it to learn what the cluster did and why it failed: scheduling, pulling, probes, restarts, scaling, eviction.",
      "Do not use it for what a container wrote (get_kubernetes_pod_logs); events are kept for about an hour."
    ].join("\n"),
    parameters: Schema.Struct({
      namespace: Namespace,
      kind: Schema.optionalKey(
        Schema.String.annotate({ description: "Only of objects of this kind", examples: ["Pod", "Deployment"] })
          .check(Schema.isPattern(/^[A-Z][A-Za-z0-9]{0,62}$/))
      ),
      name: Schema.optionalKey(Name.annotate({ description: "Only of the object of this name" })),
      type: Schema.optionalKey(
        Schema.Literals(["Normal", "Warning"]).annotate({ description: "Only events of this type; default both" })
      ),
      limit: Schema.optionalKey(
        Schema.Int.annotate({ description: `How many events at most, 1 to ${mostEvents}; default ${defaultEvents}` })
          .check(Schema.isBetween({ minimum: 1, maximum: mostEvents }))
      )
    }),
    success: Schema.Struct({
      namespace: Schema.String.annotate({ description: "Namespace that was asked about" }),
      now: Schema.String.annotate({ description: "Time of this answer, ISO 8601" }),
      events: Schema.Array(Schema.Struct({
        last_seen: Schema.optionalKey(Schema.String.annotate({ description: "ISO 8601" })),
        first_seen: Schema.optionalKey(
          Schema.String.annotate({ description: "Only where it was seen more than once" })
        ),
        count: Schema.optionalKey(Schema.Int.annotate({ description: "Only where it was seen more than once" })),
        type: Schema.String.annotate({ description: "Normal or Warning" }),
        reason: Schema.String.annotate({ description: "Why, in one word, as in BackOff" }),
        object: Schema.String.annotate({ description: "Kind and name, as in Pod/web-1" }),
        message: Schema.String.annotate({ description: "What happened" })
      })).annotate({ description: "Newest first" }),
      not_listed: Schema.optionalKey(Schema.Int.annotate({ description: "Older events that are not listed" })),
      more: Schema.optionalKey(
        Schema.Literal(true).annotate({
          description: `There are events beyond the ${mostRead} that were read, of any age: ask for one object or type`
        })
      )
    }),
    failure: Schema.Union(Api.commonFailure)
  }),
  { failures: Api.commonFailures, timeout: "5 seconds", retry: { times: 2 }, concurrency: 4 }
)

const firstGiven = (...times: ReadonlyArray<string | null | undefined>): string | undefined =>
  times.find((time) => Boolean(time)) ?? undefined

/** Old and new writers of events fill in different fields. */
const lastSeen = ({ eventTime, firstTimestamp, lastTimestamp, metadata, series }: Event): string | undefined =>
  firstGiven(series?.lastObservedTime, lastTimestamp, eventTime, firstTimestamp, metadata.creationTimestamp)

const ageKey = (event: Event): number => {
  const time = Date.parse(lastSeen(event) ?? "")
  return Number.isNaN(time) ? -Infinity : time
}

const shown = (event: Event): typeof tool.successSchema.Type["events"][number] => {
  const { involvedObject: { kind, name }, message, reason, series, type } = event
  const count = series?.count ?? event.count ?? 1
  const [last, first] = [lastSeen(event), firstGiven(event.firstTimestamp, event.eventTime)]
  return {
    ...(last === undefined ? {} : { last_seen: oneLine(last, 40) }),
    ...(count > 1 && first !== undefined ? { first_seen: oneLine(first, 40) } : {}),
    ...(count > 1 ? { count } : {}),
    type: oneLine(type ?? "", 63),
    reason: oneLine(reason ?? "", 128),
    object: oneLine(`${kind ?? ""}/${name ?? ""}`, longestName),
    message: oneLine(message ?? "", longestMessage)
  }
}

/** The newest events, each as it is told. */
const report = (
  namespace: string,
  now: number,
  { items, more }: Api.Listed<Event>,
  limit: number
): typeof tool.successSchema.Type => {
  const ordered = items.toSorted((a, b) => ageKey(b) - ageKey(a) || 0)
  const events = boundedItems(ordered.slice(0, limit).map(shown), mostBytes)
  return {
    namespace,
    now: new Date(now).toISOString(),
    events,
    ...(items.length > events.length ? { not_listed: items.length - events.length } : {}),
    ...(more ? { more: true as const } : {})
  }
}

/** @internal */
export const handler = (access: Api.Access) =>
  Effect.fnUntraced(function*(
    { kind: of, limit = defaultEvents, name, namespace, type }: Tool.Parameters<typeof tool>
  ) {
    const listed = yield* Api.list(access, kind, namespace, {
      "involvedObject.kind": of,
      "involvedObject.name": name,
      type
    })
    return report(namespace, yield* Clock.currentTimeMillis, listed, limit)
  })
