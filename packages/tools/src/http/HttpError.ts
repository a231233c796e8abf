/**
 * What can go wrong with an HTTP tool, beside what the guard refuses. Every `host` is the one that was asked in the end, with
 * its port where that is not the scheme's own.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const quote = (text: string): string => JSON.stringify(text.toWellFormed())

/**
 * The host cannot be connected to for now, or the connection was lost. `executed: false` states that nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionFailed
  extends Schema.TaggedError<ConnectionFailed>("@volley/tools/Http/ConnectionFailed")("ConnectionFailed", {
    host: Schema.String,
    detail: Schema.String,
    executed: Schema.optionalKey(Schema.Boolean)
  })
{
  override get message(): string {
    return `No answer from ${quote(this.host)}: ${this.detail}`
  }
}

/**
 * There is no such host, or none whose certificate can be trusted, or it does not speak HTTP.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unreachable extends Schema.TaggedError<Unreachable>("@volley/tools/Http/Unreachable")("Unreachable", {
  host: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${quote(this.host)} cannot be asked: ${this.detail}; check the URL`
  }
}

/**
 * The server says that it cannot answer for now: 408, 409, 425, 5xx. `retryAfter` is the wait that it asked for.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unavailable extends Schema.TaggedError<Unavailable>("@volley/tools/Http/Unavailable")("Unavailable", {
  host: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  retryAfter: Schema.optionalKey(Schema.DurationFromMillis),
  executed: Schema.optionalKey(Schema.Boolean)
}) {
  override get message(): string {
    return `${quote(this.host)} cannot answer for now: ${this.detail}`
  }
}

/**
 * The server wants fewer requests (429), and has done nothing. `retryAfter` is the wait that it asked for.
 *
 * @category errors
 * @since 0.1.0
 */
export class RateLimited extends Schema.TaggedError<RateLimited>("@volley/tools/Http/RateLimited")("RateLimited", {
  host: Schema.String,
  retryAfter: Schema.optionalKey(Schema.DurationFromMillis)
}) {
  /**
   * What the dispatcher reads: the request had no effect.
   *
   * @since 0.1.0
   */
  readonly executed = false
  override get message(): string {
    return `${quote(this.host)} wants fewer requests: ask later`
  }
}

/**
 * The server refuses the request for good: most statuses of 4xx. `said` is the beginning of what it says, where that is
 * plain text or JSON.
 *
 * @category errors
 * @since 0.1.0
 */
export class Refused extends Schema.TaggedError<Refused>("@volley/tools/Http/Refused")("Refused", {
  host: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  said: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    const said = this.said === undefined ? "" : `; it says ${quote(this.said)}`
    return `${quote(this.host)} refuses the request, so change it: ${this.detail}${said}`
  }
}
