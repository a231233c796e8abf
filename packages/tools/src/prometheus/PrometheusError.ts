/**
 * What can go wrong with a Prometheus tool.
 *
 * @since 0.1.0
 */
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Schema from "effect/Schema"

/**
 * Prometheus cannot evaluate the query; `detail` is its own message.
 *
 * @category errors
 * @since 0.1.0
 */
export class QueryInvalid
  extends Schema.TaggedError<QueryInvalid>("@volley/tools/Prometheus/QueryInvalid")("QueryInvalid", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `Prometheus refuses the query: ${this.detail}`
  }
}

/**
 * The server says that what was asked for is not there (HTTP 404). A query that selects nothing is no failure.
 *
 * @category errors
 * @since 0.1.0
 */
export class SeriesNotFound
  extends Schema.TaggedError<SeriesNotFound>("@volley/tools/Prometheus/SeriesNotFound")("SeriesNotFound", {})
{
  override get message(): string {
    return "Prometheus has nothing for the query (HTTP 404)"
  }
}

/**
 * The query selects too much to be read.
 *
 * @category errors
 * @since 0.1.0
 */
export class ResultTooLarge
  extends Schema.TaggedError<ResultTooLarge>("@volley/tools/Prometheus/ResultTooLarge")("ResultTooLarge", {
    mebibytes: Schema.Int
  })
{
  override get message(): string {
    return `The result is larger than ${this.mebibytes} MiB`
  }
}

/**
 * The server cannot be reached for now, or says that it cannot answer. `retryAfter` is the wait that it asked for, if it did.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unavailable
  extends Schema.TaggedError<Unavailable>("@volley/tools/Prometheus/Unavailable")("Unavailable", {
    detail: Schema.String,
    retryAfter: Schema.optionalKey(Schema.DurationFromMillis)
  })
{
  override get message(): string {
    return `Prometheus is not available: ${this.detail}`
  }
}

/**
 * The server, or a proxy before it, gave up on the query.
 *
 * @category errors
 * @since 0.1.0
 */
export class TimedOut extends Schema.TaggedError<TimedOut>("@volley/tools/Prometheus/TimedOut")("TimedOut", {
  detail: Schema.String
}) {
  override get message(): string {
    return `Prometheus gave up on the query: ${this.detail}`
  }
}

/**
 * The server wants fewer requests.
 *
 * @category errors
 * @since 0.1.0
 */
export class RateLimited
  extends Schema.TaggedError<RateLimited>("@volley/tools/Prometheus/RateLimited")("RateLimited", {
    retryAfter: Schema.optionalKey(Schema.DurationFromMillis)
  })
{
  override get message(): string {
    return "Prometheus wants fewer requests"
  }
}

/**
 * There is no server at the address, or none whose certificate can be trusted.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unreachable
  extends Schema.TaggedError<Unreachable>("@volley/tools/Prometheus/Unreachable")("Unreachable", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `Prometheus cannot be reached: ${this.detail}`
  }
}

/**
 * The answer is not that of a Prometheus server.
 *
 * @category errors
 * @since 0.1.0
 */
export class AnswerUnreadable
  extends Schema.TaggedError<AnswerUnreadable>("@volley/tools/Prometheus/AnswerUnreadable")("AnswerUnreadable", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `The answer is not that of a Prometheus server: ${this.detail}`
  }
}

/**
 * The server does not accept the credentials. Fatal: it is not for the model to know or to solve.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadCredentials
  extends Schema.TaggedError<BadCredentials>("@volley/tools/Prometheus/BadCredentials")("BadCredentials", {})
{
  /** @since 0.1.0 */
  readonly [ToolFailure.kind] = "fatal" as const
  override get message(): string {
    return "Prometheus does not accept the credentials"
  }
}

/**
 * The address is not a URL of http or https without credentials. Fails the layer when it is built.
 *
 * @category errors
 * @since 0.1.0
 */
export class UrlUnusable
  extends Schema.TaggedError<UrlUnusable>("@volley/tools/Prometheus/UrlUnusable")("UrlUnusable", {})
{
  override get message(): string {
    return "The URL of Prometheus is not one of http or https without credentials"
  }
}
