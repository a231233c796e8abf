/**
 * The tool `query_prometheus` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Api from "./api.ts"
import { isPart, summarise } from "./summary.ts"
import { keep, Whole } from "./whole.ts"
import { Range, Step, stepNote, windowOf } from "./window.ts"

const Value = Schema.Union([Schema.Finite, Schema.Literals(["NaN", "+Inf", "-Inf"])])
const OfRange = (description: string) => Schema.optionalKey(Value.annotate({ description }))

const Histogram = Schema.Struct({
  count: Value.annotate({ description: "How many observations" }),
  sum: Value.annotate({ description: "Their sum" }),
  mean: Value.annotate({ description: "Their mean" }),
  p50: Value.annotate({ description: "Their median" }),
  p90: Value.annotate({ description: "What 90 % of them do not exceed" }),
  p99: Value.annotate({ description: "What 99 % of them do not exceed" })
})

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("query_prometheus", {
    description: [
      "Evaluates a PromQL query over metrics: the values of now, or with `range` a summary of each series over time.",
      "Use it for metrics such as CPU, memory and restarts of a pod; an unhealthy pod's status comes with its query.",
      "Do not use it to find out which pods there are or what is wrong with them (get_kubernetes_pod_status)."
    ].join("\n"),
    parameters: Schema.Struct({
      query: Schema.String.annotate({
        description: "PromQL expression",
        examples: ["up", "sum by (pod) (rate(container_cpu_usage_seconds_total{namespace=\"production\"}[5m]))"]
      }).check(Schema.isNonEmpty(), Schema.isMaxLength(4096)),
      range: Schema.optionalKey(Range),
      step: Schema.optionalKey(Step)
    }),
    success: Schema.Struct({
      range: Schema.optionalKey(Schema.String.annotate({ description: "Absent: the values are of now" })),
      step: Schema.optionalKey(Schema.Int.annotate({ description: "Seconds between two samples of a range" })),
      shared: Schema.optionalKey(Schema.String.annotate({ description: "Labels that all series have" })),
      series: Schema.Array(
        Schema.Struct({
          name: Schema.optionalKey(Schema.String.annotate({ description: "Name of the metric" })),
          labels: Schema.optionalKey(Schema.String.annotate({ description: "Labels that not all series have" })),
          first: OfRange("The first sample"),
          last: OfRange("The last sample"),
          min: OfRange("The least sample"),
          max: OfRange("The greatest sample"),
          mean: OfRange("The mean of the samples"),
          p50: OfRange("The median"),
          p90: OfRange("What 90 % of the samples do not exceed"),
          p99: OfRange("What 99 % of the samples do not exceed"),
          count: Schema.optionalKey(Schema.Int.annotate({ description: "How many samples the range has" })),
          values: Schema.optionalKey(
            Schema.Array(Value).annotate({ description: "All samples, oldest first, where they are at most 12" })
          ),
          histogram: Schema.optionalKey(
            Histogram.annotate({
              description:
                "Of a native histogram: the observations of its last sample, percentiles estimated from buckets"
            })
          )
        })
      ).annotate({ description: "At most 20" }),
      not_listed: Schema.optionalKey(Schema.Int.annotate({ description: "Further series of the result" })),
      whole: Whole,
      note: Api.Note
    }),
    failure: Api.failure
  }),
  { failures: Api.failures, timeout: "2 seconds", retry: { times: 2 } }
)

/** @internal */
export const handler = (server: Api.Server) =>
  Effect.fnUntraced(function*({ query, range, step }: Tool.Parameters<typeof tool>) {
    const now = (yield* Clock.currentTimeMillis) / 1000
    const window = range === undefined ? undefined : windowOf(range, step, now)
    const result = yield* Api.query(server, query, window)
    const summary = summarise(result, window !== undefined)
    const notes = [
      ...(result.series.length === 0 ? ["no series matches the query"] : []),
      ...stepNote(step, window),
      ...result.warnings
    ]
    return {
      ...(range === undefined || window === undefined ? {} : { range, step: window.step }),
      ...summary,
      ...(isPart(result, summary) ? yield* keep(result.series) : {}),
      ...(notes.length === 0 ? {} : { note: notes.join("; ") })
    }
  })
