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
import {
  AnswerUnreadable,
  BadCredentials,
  QueryInvalid,
  RateLimited,
  ResultTooLarge,
  SeriesNotFound,
  TimedOut,
  Unavailable,
  Unreachable
} from "../PrometheusError.ts"
import * as Api from "./api.ts"
import { summarise } from "./summary.ts"
import { Range, windowOf } from "./window.ts"

const Value = Schema.Union([Schema.Finite, Schema.Literals(["NaN", "+Inf", "-Inf"])])

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
      range: Schema.optionalKey(Range)
    }),
    success: Schema.Struct({
      range: Schema.optionalKey(Schema.String.annotate({ description: "Absent: the values are of now" })),
      step: Schema.optionalKey(Schema.Int.annotate({ description: "Seconds between two samples of a range" })),
      shared: Schema.optionalKey(Schema.String.annotate({ description: "Labels that all series have" })),
      series: Schema.Array(
        Schema.Struct({
          name: Schema.optionalKey(Schema.String.annotate({ description: "Name of the metric" })),
          labels: Schema.optionalKey(Schema.String.annotate({ description: "Labels that not all series have" })),
          last: Value.annotate({ description: "The last sample" }),
          min: Schema.optionalKey(Value),
          max: Schema.optionalKey(Value),
          values: Schema.optionalKey(
            Schema.Array(Value).annotate({ description: "All samples, oldest first, where they are at most 12" })
          )
        })
      ).annotate({ description: "At most 20" }),
      not_listed: Schema.optionalKey(Schema.Int.annotate({ description: "Further series of the result" })),
      note: Schema.optionalKey(Schema.String)
    }),
    failure: Schema.Union([
      QueryInvalid,
      SeriesNotFound,
      ResultTooLarge,
      Unavailable,
      TimedOut,
      RateLimited,
      Unreachable,
      AnswerUnreadable,
      BadCredentials
    ])
  }),
  {
    failures: {
      QueryInvalid: "permanent",
      SeriesNotFound: "permanent",
      ResultTooLarge: "permanent",
      Unavailable: "transient",
      TimedOut: "transient",
      RateLimited: "transient",
      Unreachable: "permanent",
      AnswerUnreadable: "permanent"
    },
    timeout: "2 seconds",
    retry: { times: 2 }
  }
)

/** @internal */
export const handler = (server: Api.Server) =>
  Effect.fnUntraced(function*({ query, range }: Tool.Parameters<typeof tool>) {
    const now = (yield* Clock.currentTimeMillis) / 1000
    const window = range === undefined ? undefined : windowOf(range, now)
    const result = yield* Api.query(server, query, window)
    return {
      ...(range === undefined || window === undefined ? {} : { range, step: window.step }),
      ...summarise(result, window !== undefined)
    }
  })
