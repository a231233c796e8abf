/**
 * The tools that find out which series there are, and their handlers: `search_prometheus_names`, `list_prometheus_labels`,
 * `list_prometheus_series`.
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
import { named } from "./summary.ts"
import { keep, Whole } from "./whole.ts"

const mostNames = 100
const mostLabels = 200
const mostSeries = 50
const mostBytes = 16 * 1024
const longestName = 200
const longestHelp = 160

const policy = { failures: Api.failures, timeout: "5 seconds", retry: { times: 2 }, concurrency: 4 } as const

const Selector = Schema.String.annotate({
  description: "Series selector in PromQL: a name, labels in braces, or both",
  examples: ["up", "http_requests_total{job=\"api\"}", "{namespace=\"production\"}"]
}).check(Schema.isPattern(/\S/, { expected: "a selector" }), Schema.isMaxLength(4096))

/** What every result of discovery has besides what was found. */
const rest = {
  found: Schema.Int.annotate({ description: "How many there are, listed or not" }),
  whole: Whole,
  note: Api.Note
}

const selected = (selector: string | undefined) =>
  Effect.map(Clock.currentTimeMillis, (millis): Api.Selected => ({ selector, now: millis / 1000 }))

/** The part that is told, how much there is, and where the whole is kept if that is more. */
const told = Effect.fnUntraced(function*<A, B>(
  { found, warnings }: Api.Found<A>,
  most: number,
  tell: (items: ReadonlyArray<A>) => ReadonlyArray<B>
) {
  const items = boundedItems(tell(found.slice(0, most)), mostBytes)
  const notes = [...(found.length === 0 ? ["nothing in the last 24 hours"] : []), ...warnings]
  return {
    items,
    rest: {
      found: found.length,
      ...(items.length < found.length ? yield* keep(found) : {}),
      ...(notes.length === 0 ? {} : { note: notes.join("; ") })
    }
  }
})

/** @internal */
export const searchNames = ToolPolicy.readonly(
  Tool.make("search_prometheus_names", {
    description: [
      "Finds the names under which Prometheus has series, by a pattern, each with its type and what it means.",
      "Use it before query_prometheus where you do not know what something is called.",
      "Do not use it for values (query_prometheus) or for the labels of a name (list_prometheus_labels)."
    ].join("\n"),
    parameters: Schema.Struct({
      pattern: Schema.String.annotate({
        description: "Regular expression (RE2) that is found anywhere in the name",
        examples: ["http.*duration", "^node_memory_"]
      }).check(Schema.isNonEmpty(), Schema.isMaxLength(200)),
      selector: Schema.optionalKey(
        Schema.String.annotate({
          description: "Only names of series with these labels, in braces",
          examples: ["{job=\"api\"}"]
        }).check(Schema.isPattern(/^\s*\{[\s\S]*\}\s*$/, { expected: "labels in braces" }), Schema.isMaxLength(2000))
      )
    }),
    success: Schema.Struct({
      names: Schema.Array(
        Schema.Struct({
          name: Schema.String.annotate({ description: "Name of the metric" }),
          type: Schema.optionalKey(Schema.String.annotate({ description: "counter, gauge, histogram or summary" })),
          unit: Schema.optionalKey(Schema.String.annotate({ description: "As its exporter says" })),
          help: Schema.optionalKey(Schema.String.annotate({ description: "What it means, as its exporter says" }))
        })
      ).annotate({ description: `At most ${mostNames}` }),
      ...rest
    }),
    failure: Api.failure
  }),
  policy
)

/** Names that a histogram, a summary or a counter has beside its own. */
const suffix = /_(?:bucket|count|sum|total|created)$/

const meaningOf = (metadata: Api.Metadata, name: string) => {
  const known = [name, name.replace(suffix, "")].find((it) => Object.hasOwn(metadata, it))
  const [first] = known === undefined ? [] : metadata[known]!
  const { help, type, unit } = first ?? { help: "", type: "unknown", unit: "" }
  return {
    ...(type === "unknown" ? {} : { type: oneLine(type, 30) }),
    ...(unit === "" ? {} : { unit: oneLine(unit, 30) }),
    ...(help === "" ? {} : { help: oneLine(help, longestHelp) })
  }
}

const quoted = (text: string): string => JSON.stringify(text.toWellFormed())

/** A pattern of names as a selector, which may not be one that the empty name matches. @internal */
export const selectorOf = (pattern: string, labels = "{}"): string => {
  const others = labels.trim().slice(1, -1).trim().replace(/,$/, "")
  const own = `__name__!="",__name__=~${quoted(`.*(?:${pattern}).*`)}`
  return `{${own}${others === "" ? "" : `,${others}`}}`
}

/** @internal */
export const searchNamesHandler = (server: Api.Server) =>
  Effect.fnUntraced(function*({ pattern, selector }: Tool.Parameters<typeof searchNames>) {
    const found = yield* Api.labelValues(server, "__name__", yield* selected(selectorOf(pattern, selector)))
    const metadata = found.found.length === 0 ? {} : yield* Api.metadata(server)
    const { items, rest } = yield* told(
      found,
      mostNames,
      (names) => names.map((name) => ({ name: oneLine(name, longestName), ...meaningOf(metadata, name) }))
    )
    return { names: items, ...rest }
  })

/** @internal */
export const listLabels = ToolPolicy.readonly(
  Tool.make("list_prometheus_labels", {
    description: [
      "Lists the labels that series in Prometheus have, or with `label` the values of that label.",
      "Use it to find out what query_prometheus can select and group by, and which jobs, instances or pods there are.",
      "Do not use it for the combinations of labels (list_prometheus_series)."
    ].join("\n"),
    parameters: Schema.Struct({
      selector: Schema.optionalKey(Selector),
      label: Schema.optionalKey(
        Schema.String.annotate({ description: "The label to list the values of", examples: ["job"] })
          .check(Schema.isPattern(/^[a-zA-Z_][a-zA-Z0-9_]*$/), Schema.isMaxLength(200))
      )
    }),
    success: Schema.Struct({
      labels: Schema.optionalKey(
        Schema.Array(Schema.String).annotate({ description: `Names of labels; at most ${mostLabels}` })
      ),
      values: Schema.optionalKey(
        Schema.Array(Schema.String).annotate({ description: `Of the label; at most ${mostLabels}` })
      ),
      ...rest
    }),
    failure: Api.failure
  }),
  policy
)

/** @internal */
export const listLabelsHandler = (server: Api.Server) =>
  Effect.fnUntraced(function*({ label, selector }: Tool.Parameters<typeof listLabels>) {
    const of = yield* selected(selector)
    const found = yield* label === undefined ? Api.labelNames(server, of) : Api.labelValues(server, label, of)
    const { items, rest } = yield* told(found, mostLabels, (names) => names.map((name) => oneLine(name, longestName)))
    return { ...(label === undefined ? { labels: items } : { values: items }), ...rest }
  })

/** @internal */
export const listSeries = ToolPolicy.readonly(
  Tool.make("list_prometheus_series", {
    description: [
      "Lists the series that a selector selects in Prometheus, each with its labels, without values.",
      "Use it to find out which series stand behind a name and what tells them apart.",
      "Do not use it for values (query_prometheus), nor with a selector that selects thousands."
    ].join("\n"),
    parameters: Schema.Struct({ selector: Selector }),
    success: Schema.Struct({
      shared: Schema.optionalKey(Schema.String.annotate({ description: "Labels that all series here have" })),
      series: Schema.Array(
        Schema.Struct({
          name: Schema.optionalKey(Schema.String.annotate({ description: "Name of the metric" })),
          labels: Schema.optionalKey(Schema.String.annotate({ description: "Labels that not all series have" }))
        })
      ).annotate({ description: `At most ${mostSeries}` }),
      ...rest
    }),
    failure: Api.failure
  }),
  policy
)

/** @internal */
export const listSeriesHandler = (server: Api.Server) =>
  Effect.fnUntraced(function*({ selector }: Tool.Parameters<typeof listSeries>) {
    const found = yield* Api.seriesLabels(server, yield* selected(selector))
    const { nameOf, ...shared } = named(found.found.slice(0, mostSeries))
    const { items, rest } = yield* told(found, mostSeries, (series) => series.map(nameOf))
    return { ...shared, series: items, ...rest }
  })
