/**
 * Errors in the shape of the Messages API.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import type * as ModelScript from "../ModelScript.ts"
import type * as schemas from "./schemas.ts"

/** The body of an error response and the data of an `error` event. @internal */
export interface ErrorBody {
  readonly type: "error"
  readonly error: { readonly type: string; readonly message: string; readonly details: unknown }
  readonly request_id?: string
}

/** @internal */
export const body = (
  requestId: string | undefined,
  error: { readonly type: string; readonly message: string; readonly errorCode?: string | undefined }
): ErrorBody => ({
  type: "error",
  error: {
    type: error.type,
    message: error.message,
    details: error.errorCode === undefined ? null : { error_code: error.errorCode }
  },
  ...(requestId !== undefined && { request_id: requestId })
})

/** @internal */
export interface Refusal {
  readonly body: ErrorBody
  readonly headers: Readonly<Record<string, string>>
}

/** What a request is answered that gets a status instead of a reply. @internal */
export const refusal = (step: ModelScript.Status, requestId: string | undefined): Refusal => {
  const type = step.type ?? typeOf(step.status)
  return {
    body: body(requestId, { type, message: step.message ?? `Scripted ${type}`, errorCode: step.errorCode }),
    headers: { ...step.headers, ...(step.retryAfter !== undefined && { "retry-after": String(step.retryAfter) }) }
  }
}

type StatusFault = typeof schemas.StatusFault.Type

/**
 * The status that stands for a fault.
 *
 * @param now - milliseconds since the epoch, for a `retry-after` that is a date
 * @internal
 */
export const ofFault = (fault: StatusFault, now: number): ModelScript.Status => {
  const headers = {
    ...(fault.type === "rateLimit" && retryAfter(fault, now)),
    ...(fault.shouldRetry !== undefined && { "x-should-retry": String(fault.shouldRetry) })
  }
  return { ...statuses[fault.type], headers }
}

const statuses: { readonly [Type in StatusFault["type"]]: ModelScript.Status } = {
  rateLimit: { status: 429, message: "This request would exceed your rate limit" },
  spendLimit: {
    status: 429,
    errorCode: "enforced_spend_limit_reached",
    message: "This request would exceed your spend limit"
  },
  serverError: { status: 500, message: "Internal server error" },
  overloaded: { status: 529, message: "Overloaded" }
}

const retryAfter = (
  { retryAfter, retryAfterIn }: Extract<StatusFault, { readonly type: "rateLimit" }>,
  now: number
): Record<string, string> => {
  if (retryAfter === undefined) return {}
  const millis = Duration.toMillis(Duration.fromInputUnsafe(retryAfter))
  switch (retryAfterIn) {
    case "date":
      return { "retry-after": new Date(now + millis).toUTCString() }
    case "milliseconds":
      return { "retry-after-ms": String(millis) }
    default:
      return { "retry-after": String(millis / 1000) }
  }
}

const typeOf = (status: number): string => types[status] ?? (status >= 500 ? "api_error" : "invalid_request_error")

const types: { readonly [status: number]: string } = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error"
}

/** The status the API would have answered with for an error of this type. @internal */
export const statusOf = (type: string): number => {
  const known = Object.entries(types).find(([, name]) => name === type)
  return known !== undefined ? Number(known[0]) : type === "invalid_request_error" ? 400 : 500
}
