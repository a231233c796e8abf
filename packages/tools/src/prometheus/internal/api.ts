/**
 * The query API of Prometheus.
 *
 * @internal
 */
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import type * as Redacted from "effect/Redacted"
import * as EffectResult from "effect/Result"
import * as Schema from "effect/Schema"
import { boundedText } from "../../internal/boundedText.ts"
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
import type { Window } from "./window.ts"

/** @internal */
export interface Server {
  readonly url: string
  readonly token: Redacted.Redacted | undefined
  readonly client: HttpClient.HttpClient
}

/** A series and its samples, each with the time in seconds. @internal */
export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly values: ReadonlyArray<readonly [time: number, value: string]>
}

/** @internal */
export interface Result {
  readonly series: ReadonlyArray<Series>
  /** Series without plain samples: native histograms. */
  readonly skipped: number
  readonly warnings: ReadonlyArray<string>
}

const mostMebibytes = 16

const Sample = Schema.Tuple([Schema.Finite, Schema.String])
const Metric = Schema.Record(Schema.String, Schema.String)

const Success = Schema.fromJsonString(Schema.Struct({
  status: Schema.Literal("success"),
  data: Schema.Union([
    Schema.Struct({
      resultType: Schema.Literals(["vector", "matrix"]),
      result: Schema.Array(
        Schema.Struct({
          metric: Metric,
          value: Schema.optionalKey(Sample),
          values: Schema.optionalKey(Schema.Array(Sample))
        })
      )
    }),
    Schema.Struct({ resultType: Schema.Literal("scalar"), result: Sample }),
    Schema.Struct({ resultType: Schema.Literal("string"), result: Sample })
  ]),
  warnings: Schema.optionalKey(Schema.Array(Schema.String))
}))

const Failure = Schema.fromJsonString(Schema.Struct({ errorType: Schema.String, error: Schema.String }))

const decodeSuccess = Schema.decodeUnknownResult(Success)
const decodeFailure = Schema.decodeUnknownResult(Failure)

const bodyOf = (response: HttpClientResponse.HttpClientResponse) =>
  boundedText(response, mostMebibytes * 1024 * 1024, () => new ResultTooLarge({ mebibytes: mostMebibytes })).pipe(
    Effect.mapError((error) => error._tag === "HttpClientError" ? failed(error) : error)
  )

const failed = (error: HttpClientError.HttpClientError | HttpClientResponse.HttpClientResponse) => {
  const failure = ToolFailure.fromUnknown(error)
  if (failure._tag === "Permanent") return new Unreachable({ detail: failure.message })
  if (failure._tag === "Unknown") return new Unavailable({ detail: failure.message })
  if (failure.reason === "Timeout") return new TimedOut({ detail: failure.message })
  if (failure.reason !== "RateLimited") return new Unavailable({ detail: failure.message })
  return new RateLimited(failure.retryAfter === undefined ? {} : { retryAfter: failure.retryAfter })
}

/** What is wrong with the query: Prometheus says so with 400 and 422, and with an error type. */
const refused = (response: HttpClientResponse.HttpClientResponse, body: string) => {
  const said = decodeFailure(body)
  const { error, errorType } = EffectResult.isSuccess(said)
    ? said.success
    : { errorType: "", error: `HTTP ${response.status}` }
  const detail = error.slice(0, 500).toWellFormed()
  if (response.status === 401) return new BadCredentials()
  if (response.status === 404) return new SeriesNotFound()
  if (errorType === "timeout" || errorType === "canceled") return new TimedOut({ detail })
  if (response.status === 408 || response.status === 429 || response.status >= 500) return failed(response)
  return response.status === 400 || response.status === 422
    ? new QueryInvalid({ detail })
    : new AnswerUnreadable({ detail })
}

const resultOf = ({ data, warnings }: typeof Success.Type): Result => {
  if (data.resultType === "scalar" || data.resultType === "string") {
    return { series: [{ metric: {}, values: [data.result] }], skipped: 0, warnings: warnings ?? [] }
  }
  const all = data.result.map(({ metric, value, values }) => ({
    metric,
    values: values ?? (value === undefined ? [] : [value])
  }))
  const series = all.filter(({ values }) => values.length > 0)
  return { series, skipped: all.length - series.length, warnings: warnings ?? [] }
}

/** Evaluates PromQL now, or over a window. @internal */
export const query = Effect.fnUntraced(function*(server: Server, query: string, window: Window | undefined) {
  const [path, parameters] = window === undefined
    ? ["api/v1/query", {}] as const
    : ["api/v1/query_range", window] as const
  const request = HttpClientRequest.get(new URL(path, server.url), { urlParams: { query, ...parameters } }).pipe(
    HttpClientRequest.acceptJson,
    server.token === undefined ? (it) => it : HttpClientRequest.bearerToken(server.token)
  )
  const response = yield* Effect.mapError(server.client.execute(request), failed)
  const body = yield* bodyOf(response)
  if (response.status !== 200) return yield* refused(response, body)
  const decoded = decodeSuccess(body)
  return EffectResult.isSuccess(decoded)
    ? resultOf(decoded.success)
    : yield* new AnswerUnreadable({ detail: "its form is another" })
})
