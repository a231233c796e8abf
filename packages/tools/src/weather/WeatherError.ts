/**
 * What can go wrong with the weather tool.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The two services that are asked: one knows where a city is, the other what the weather is there.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Service = Schema.Literals(["geocoding", "forecast"])

/**
 * One of the two services that are asked.
 *
 * @category models
 * @since 0.1.0
 */
export type Service = typeof Service.Type

/**
 * No place has that name.
 *
 * @category errors
 * @since 0.1.0
 */
export class CityNotFound
  extends Schema.TaggedError<CityNotFound>("@volley/tools/Weather/CityNotFound")("CityNotFound", {
    city: Schema.String
  })
{
  override get message(): string {
    return `No place is named ${JSON.stringify(this.city.toWellFormed())}`
  }
}

/**
 * The service cannot be reached for now, the connection broke, or it answered that it cannot do so for now, as with 408 or
 * 503. Without `status` there was no answer; `retryAfter` is the wait that it asked for, if it did.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServiceUnavailable
  extends Schema.TaggedError<ServiceUnavailable>("@volley/tools/Weather/ServiceUnavailable")("ServiceUnavailable", {
    service: Service,
    status: Schema.optionalKey(Schema.Int),
    retryAfter: Schema.optionalKey(Schema.DurationFromMillis)
  })
{
  override get message(): string {
    return this.status === undefined
      ? `No answer from the ${this.service} service`
      : `The ${this.service} service answered with status ${this.status}`
  }
}

/**
 * The service answered 429. `retryAfter` is the wait that it asked for, if it did.
 *
 * @category errors
 * @since 0.1.0
 */
export class RateLimited extends Schema.TaggedError<RateLimited>("@volley/tools/Weather/RateLimited")("RateLimited", {
  service: Service,
  retryAfter: Schema.optionalKey(Schema.DurationFromMillis)
}) {
  override get message(): string {
    return `The ${this.service} service limits the rate of requests`
  }
}

/**
 * There is no service at the address, or none whose certificate can be trusted.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServiceUnreachable
  extends Schema.TaggedError<ServiceUnreachable>("@volley/tools/Weather/ServiceUnreachable")("ServiceUnreachable", {
    service: Service,
    detail: Schema.String
  })
{
  override get message(): string {
    return `The ${this.service} service cannot be reached: ${this.detail}`
  }
}

/**
 * The service refused the request with any other status that is no success.
 *
 * @category errors
 * @since 0.1.0
 */
export class RequestRefused
  extends Schema.TaggedError<RequestRefused>("@volley/tools/Weather/RequestRefused")("RequestRefused", {
    service: Service,
    status: Schema.Int
  })
{
  override get message(): string {
    return `The ${this.service} service refused the request with status ${this.status}`
  }
}

/**
 * The answer does not have the expected form or is larger than 256 KiB.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unreadable extends Schema.TaggedError<Unreadable>("@volley/tools/Weather/Unreadable")("Unreadable", {
  service: Service
}) {
  override get message(): string {
    return `The answer of the ${this.service} service does not have the expected form`
  }
}

/**
 * A base URL cannot be used: it is no `http` or `https` URL, or has a query, a fragment or credentials. Fails the layer
 * when it is built; `name` is the option or the environment variable.
 *
 * @category errors
 * @since 0.1.0
 */
export class UrlUnusable extends Schema.TaggedError<UrlUnusable>("@volley/tools/Weather/UrlUnusable")("UrlUnusable", {
  name: Schema.String
}) {
  override get message(): string {
    return `"${this.name}" is not a plain http or https URL`
  }
}
