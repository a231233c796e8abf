/**
 * The HTTP API of Prometheus: queries and what can be found out about series.
 *
 * @internal
 */
import type * as Redactor from "@volley/core/Redactor"
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import type * as Redacted from "effect/Redacted"
import * as EffectResult from "effect/Result"
import * as Schema from "effect/Schema"
import { boundedText, oneLine } from "../../internal/boundedText.ts"
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
  readonly redactor: Redactor.Redactor
}

/** The failures that every tool of the family has. @internal */
export const failure = Schema.Union([
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

/** What they mean; `BadCredentials` says of itself that it is fatal. @internal */
export const failures = {
  QueryInvalid: "permanent",
  SeriesNotFound: "permanent",
  ResultTooLarge: "permanent",
  Unavailable: "transient",
  TimedOut: "transient",
  RateLimited: "transient",
  Unreachable: "permanent",
  AnswerUnreadable: "permanent"
} as const

/** @internal */
export const Note = Schema.optionalKey(
  Schema.String.annotate({ description: "What was changed or is missing, and warnings of the server" })
)

const mostMebibytes = 16
const longestDetail = 400
const mostWarnings = 3

const Sample = Schema.Tuple([Schema.Finite, Schema.String])
const Labels = Schema.Record(Schema.String, Schema.String)

/** A bucket: which of its ends belong to it, the ends, how many observations. */
const Bucket = Schema.Tuple([Schema.Int, Schema.String, Schema.String, Schema.String])

/** A native histogram at one time. @internal */
export const Histogram = Schema.Struct({
  count: Schema.String,
  sum: Schema.String,
  buckets: Schema.optionalKey(Schema.Array(Bucket))
})

const HistogramSample = Schema.Tuple([Schema.Finite, Histogram])

/** A series and its samples, each with the time in seconds: numbers, native histograms, or some of both. @internal */
export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly values: ReadonlyArray<typeof Sample.Type>
  readonly histograms: ReadonlyArray<typeof HistogramSample.Type>
}

/** @internal */
export interface Result {
  readonly series: ReadonlyArray<Series>
  readonly warnings: ReadonlyArray<string>
}

const answerOf = <S extends Schema.Constraint>(data: S) =>
  Schema.fromJsonString(Schema.Struct({
    status: Schema.Literal("success"),
    data,
    warnings: Schema.optionalKey(Schema.Array(Schema.String))
  }))

const Evaluated = answerOf(Schema.Union([
  Schema.Struct({
    resultType: Schema.Literals(["vector", "matrix"]),
    result: Schema.Array(
      Schema.Struct({
        metric: Labels,
        value: Schema.optionalKey(Sample),
        values: Schema.optionalKey(Schema.Array(Sample)),
        histogram: Schema.optionalKey(HistogramSample),
        histograms: Schema.optionalKey(Schema.Array(HistogramSample))
      })
    )
  }),
  Schema.Struct({ resultType: Schema.Literal("scalar"), result: Sample }),
  Schema.Struct({ resultType: Schema.Literal("string"), result: Sample })
]))

const Failure = Schema.fromJsonString(Schema.Struct({ errorType: Schema.String, error: Schema.String }))

const decodeFailure = Schema.decodeUnknownResult(Failure)

const failed = (error: HttpClientError.HttpClientError | HttpClientResponse.HttpClientResponse) => {
  const failure = ToolFailure.fromUnknown(error)
  if (failure._tag === "Permanent") return new Unreachable({ detail: failure.message })
  if (failure._tag === "Unknown") return new Unavailable({ detail: failure.message })
  if (failure.reason === "Timeout") return new TimedOut({ detail: failure.message })
  const wait = failure.retryAfter === undefined ? {} : { retryAfter: failure.retryAfter }
  return failure.reason === "RateLimited"
    ? new RateLimited(wait)
    : new Unavailable({ detail: failure.message, ...wait })
}

const bodyOf = (response: HttpClientResponse.HttpClientResponse) =>
  boundedText(response, mostMebibytes * 1024 * 1024, () => new ResultTooLarge({ mebibytes: mostMebibytes })).pipe(
    Effect.mapError((error) => error._tag === "HttpClientError" ? failed(error) : error)
  )

/** What is wrong with the query: Prometheus says so with 400 and 422, and with an error type. */
const refused = (response: HttpClientResponse.HttpClientResponse, body: string) => {
  const said = decodeFailure(body)
  const { error, errorType } = EffectResult.isSuccess(said)
    ? said.success
    : { errorType: "", error: `HTTP ${response.status}` }
  const detail = oneLine(error, longestDetail)
  if (response.status === 401) return new BadCredentials()
  if (response.status === 404) return new SeriesNotFound()
  if (errorType === "timeout" || errorType === "canceled") return new TimedOut({ detail })
  if (response.status === 408 || response.status === 429 || response.status >= 500) return failed(response)
  return response.status === 400 || response.status === 422
    ? new QueryInvalid({ detail })
    : new AnswerUnreadable({ detail })
}

type Parameters = Readonly<Record<string, string | number | ReadonlyArray<string>>>

const get = Effect.fnUntraced(function*<A>(
  server: Server,
  path: string,
  urlParams: Parameters,
  schema: Schema.ConstraintCodec<A, string>
) {
  const request = HttpClientRequest.get(new URL(`api/v1/${path}`, server.url), { urlParams }).pipe(
    HttpClientRequest.acceptJson,
    server.token === undefined ? (it) => it : HttpClientRequest.bearerToken(server.token)
  )
  const response = yield* Effect.mapError(HttpClient.withScope(server.client).execute(request), failed)
  const body = server.redactor.redact(yield* bodyOf(response))
  if (response.status !== 200) return yield* refused(response, body)
  const decoded = Schema.decodeResult(schema)(body)
  return EffectResult.isSuccess(decoded)
    ? decoded.success
    : yield* new AnswerUnreadable({ detail: "its form is another" })
}, Effect.scoped)

const warningsOf = ({ warnings = [] }: { readonly warnings?: ReadonlyArray<string> }): ReadonlyArray<string> =>
  warnings.slice(0, mostWarnings).map((warning) => oneLine(warning, longestDetail))

const resultOf = (answer: typeof Evaluated.Type): Result => {
  const { data } = answer
  const series = data.resultType === "scalar" || data.resultType === "string"
    ? [{ metric: {}, values: [data.result], histograms: [] }]
    : data.result.map(({ histogram, histograms, metric, value, values }) => ({
      metric,
      values: values ?? (value === undefined ? [] : [value]),
      histograms: histograms ?? (histogram === undefined ? [] : [histogram])
    }))
  return { series, warnings: warningsOf(answer) }
}

/** Evaluates PromQL now, or over a window. @internal */
export const query = (server: Server, query: string, window: Window | undefined) =>
  Effect.map(
    window === undefined
      ? get(server, "query", { query }, Evaluated)
      : get(server, "query_range", { query, ...window }, Evaluated),
    resultOf
  )

/** What was found of the series that a selector selects. @internal */
export interface Found<A> {
  readonly found: ReadonlyArray<A>
  readonly warnings: ReadonlyArray<string>
}

/** How far discovery reaches back, in seconds. */
const reach = 86_400

/** The series of which something is found out, and when they have to have had a sample. @internal */
export interface Selected {
  readonly selector: string | undefined
  /** Seconds since the epoch. */
  readonly now: number
}

const selecting = ({ now, selector }: Selected): Parameters => ({
  start: now - reach,
  end: now,
  ...(selector === undefined ? {} : { "match[]": selector })
})

const Names = answerOf(Schema.NullOr(Schema.Array(Schema.String)))
const LabelSets = answerOf(Schema.NullOr(Schema.Array(Labels)))

const foundIn = <A>(
  answer: { readonly data: ReadonlyArray<A> | null; readonly warnings?: ReadonlyArray<string> }
): Found<A> => ({ found: answer.data ?? [], warnings: warningsOf(answer) })

/** The names of the labels that series have. @internal */
export const labelNames = (server: Server, selected: Selected) =>
  Effect.map(get(server, "labels", selecting(selected), Names), foundIn)

/** The values that a label has. @internal */
export const labelValues = (server: Server, label: string, selected: Selected) =>
  Effect.map(get(server, `label/${encodeURIComponent(label)}/values`, selecting(selected), Names), foundIn)

/** The labels of each series. @internal */
export const seriesLabels = (server: Server, selected: Selected) =>
  Effect.map(get(server, "series", selecting(selected), LabelSets), foundIn)

const Metadata = Schema.Array(Schema.Struct({ type: Schema.String, help: Schema.String, unit: Schema.String }))

/** What is known about names, from the targets that have them. @internal */
export type Metadata = Readonly<Record<string, typeof Metadata.Type>>

/** What is known about each name; nothing where the server does not know this request. @internal */
export const metadata = (server: Server): Effect.Effect<Metadata> =>
  get(server, "metadata", { limit_per_metric: 1 }, answerOf(Schema.Record(Schema.String, Metadata))).pipe(
    Effect.map(({ data }) => data),
    Effect.orElseSucceed(() => ({}))
  )
