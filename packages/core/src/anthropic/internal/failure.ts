/**
 * Reads what a Messages API client threw. Errors are read by their fields, not by `instanceof`, so those of another
 * copy of the SDK (Bedrock, Vertex, a gateway) mean the same.
 *
 * @internal
 */
import * as AiError from "effect/ai/AiError"
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"

/**
 * Why a request failed, and whether the same request may be sent again.
 *
 * @internal
 */
export interface Failure {
  readonly reason: AiError.AiErrorReason
  readonly retryable: boolean
  readonly retryAfter: Duration.Duration | undefined
}

interface ApiError {
  readonly status: number | undefined
  readonly type: string | undefined
  readonly code: string | undefined
  readonly message: string | undefined
  readonly requestId: string | undefined
  readonly header: (name: string) => string | undefined
}

const field = (value: unknown, name: string): unknown => Predicate.hasProperty(value, name) ? value[name] : undefined

const string = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

const redact = (text: string): string =>
  text.replace(/Bearer\s+[^"'`]*/gi, "Bearer <redacted>").replace(/sk-ant-[\w-]+/g, "<redacted>")

const headerOf = (headers: unknown) => (name: string): string | undefined => {
  const get = field(headers, "get")
  return string(typeof get === "function" ? get.call(headers, name) : field(headers, name))
}

const toApiError = (cause: unknown): ApiError | undefined => {
  const status = field(cause, "status")
  const body = field(cause, "error")
  const error = field(body, "error")
  const type = string(field(error, "type")) ?? string(field(cause, "type"))
  if (typeof status !== "number" && type === undefined) return undefined
  const header = headerOf(field(cause, "headers"))
  const message = string(field(error, "message")) ?? string(field(cause, "message"))
  return {
    status: typeof status === "number" ? status : undefined,
    type,
    code: string(field(field(error, "details"), "error_code")) ?? string(field(cause, "errorCode")),
    message: message === undefined ? undefined : redact(message),
    requestId: header("request-id") ?? string(field(body, "request_id"))
      ?? string(field(cause, "requestID")),
    header
  }
}

// An `error` event inside a stream has a type but no status.
const statusOfType: ReadonlyMap<string | undefined, number> = new Map([
  ["invalid_request_error", 400],
  ["authentication_error", 401],
  ["billing_error", 402],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["timeout_error", 408],
  ["conflict_error", 409],
  ["request_too_large", 413],
  ["rate_limit_error", 429],
  ["overloaded_error", 529]
])

/** The status that says what happened, where the one of the response does not. */
const statusOf = ({ code, status, type }: Pick<ApiError, "code" | "status" | "type">): number =>
  code === "request_body_timeout" ? 408 : status ?? statusOfType.get(type) ?? 500

const spendLimits: ReadonlySet<string | undefined> = new Set([
  "contract_spend_limit_reached",
  "enforced_spend_limit_reached",
  "linked_organization_spend_limit_reached"
])

const advice: ReadonlyMap<number, string> = new Map([
  [401, "Check the API key or the token"],
  [403, "Ask for a key that may do this"],
  [404, "Check the model id and the base URL"],
  [408, "Try again"],
  [409, "Try again"],
  [413, "Make the conversation or the tool results smaller"],
  [422, "Change the request, the same one is refused again"],
  [500, "The API failed, try again later"],
  [503, "The API is not available, try again later"],
  [529, "The API is overloaded, try again later"]
])

const adviceOfCode: ReadonlyMap<string | undefined, string> = new Map([
  ["available_tools_limit_exceeded", "Offer fewer tools"],
  ["tool_name_conflict", "Give each tool a name of its own"],
  ["request_body_timeout", "The request took too long to arrive, try again"]
])

const parseRetryAfter = (header: ApiError["header"], now: number): Duration.Duration | undefined => {
  const milliseconds = Number(header("retry-after-ms") ?? Number.NaN)
  const value = header("retry-after") ?? ""
  const seconds = Number(value || Number.NaN)
  const wait = [milliseconds, seconds * 1000, Date.parse(value) - now].find(Number.isFinite)
  return wait !== undefined && wait > 0 ? Duration.millis(wait) : undefined
}

const keptHeaders = ["request-id", "retry-after", "retry-after-ms", "x-should-retry"]

const toReason = (
  error: ApiError,
  status: number,
  retryAfter: Duration.Duration | undefined
): AiError.AiErrorReason => {
  const { code, header, message, requestId, type } = error
  const headers = keptHeaders.flatMap((name) => {
    const value = header(name)
    return value === undefined ? [] : [[name, value] as const]
  })
  const common = {
    metadata: {
      anthropic: {
        ...(error.status !== undefined && { status: error.status }),
        ...(type !== undefined && { type }),
        ...(code !== undefined && { errorCode: code }),
        ...(requestId !== undefined && { requestId }),
        ...(message !== undefined && { message })
      }
    },
    ...(error.status !== undefined && {
      http: { response: { status: error.status, headers: Object.fromEntries(headers) } }
    })
  }
  const labels = [error.status, code ?? type, requestId].filter((label) => label !== undefined).join(", ")
  const toDo = adviceOfCode.get(code) ?? advice.get(status)
  const description = [`${message ?? "No message"} [${labels}]`, toDo].filter(Boolean).join(". ")
  if (status === 402 || type === "billing_error" || spendLimits.has(code)) {
    return new AiError.QuotaExhaustedError(common)
  }
  if (status === 401) return new AiError.AuthenticationError({ kind: "InvalidKey", description, ...common })
  if (status === 403) {
    return new AiError.AuthenticationError({ kind: "InsufficientPermissions", description, ...common })
  }
  if (status === 429) return new AiError.RateLimitError({ ...common, ...(retryAfter && { retryAfter }) })
  if (status >= 500 || status === 408 || status === 409) {
    return new AiError.InternalProviderError({ description, ...common })
  }
  return new AiError.InvalidRequestError({ description, ...common })
}

/** Reasons for which the same request fails again, whatever a header says. */
const final: ReadonlySet<string> = new Set(["QuotaExhaustedError", "InvalidRequestError"])

const isRetryable = (reason: AiError.AiErrorReason, error: ApiError): boolean => {
  if (final.has(reason._tag)) return false
  const requested = error.header("x-should-retry")
  return requested === "true" || (requested !== "false" && reason.isRetryable)
}

/**
 * The connection broke, before a reply or in the middle of one.
 *
 * @internal
 */
export const connection = (description: string): Failure => ({
  reason: new AiError.NetworkError({ reason: "TransportError", method: "POST", url: "/v1/messages", description }),
  retryable: true,
  retryAfter: undefined
})

/**
 * The reply is not what the API documents.
 *
 * @internal
 */
export const malformed = (cause: unknown): Failure => ({
  reason: new AiError.InvalidResponseError({ description: redact(`A stream event is malformed (${String(cause)})`) }),
  retryable: false,
  retryAfter: undefined
})

const connectionNames: ReadonlySet<unknown> = new Set(["APIConnectionError", "APIConnectionTimeoutError"])

// A chain of causes may be a circle.
const codeOf = (cause: unknown, depth = 0): string | undefined =>
  cause === undefined || depth > 8
    ? undefined
    : string(field(cause, "code")) ?? codeOf(field(cause, "cause"), depth + 1)

const describe = (cause: unknown): string => {
  const code = codeOf(cause)
  return redact(`${string(field(cause, "message")) ?? String(cause)}${code === undefined ? "" : ` (${code})`}`)
}

/**
 * Classifies what `create` (phase `request`) or the iteration of its stream (phase `stream`) threw; `now` is the time
 * in milliseconds since the epoch, for a `Retry-After` that is a date.
 *
 * @internal
 */
export const fromUnknown = (cause: unknown, phase: "request" | "stream", now: number): Failure => {
  const error = toApiError(cause)
  if (error !== undefined) {
    const retryAfter = parseRetryAfter(error.header, now)
    const reason = toReason(error, statusOf(error), retryAfter)
    return { reason, retryable: isRetryable(reason, error), retryAfter }
  }
  // Whatever else ends a body early is the transport: undici throws `TypeError: terminated`, a cut event a SyntaxError.
  if (phase === "stream" || connectionNames.has(field(cause, "name")) || codeOf(cause) !== undefined) {
    return connection(describe(cause))
  }
  return {
    reason: new AiError.UnknownError({ description: describe(cause) }),
    retryable: false,
    retryAfter: undefined
  }
}
