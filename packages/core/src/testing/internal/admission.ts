/**
 * Whether a server accepts a request at all, before it looks for an answer.
 *
 * @internal
 */
import * as Validator from "../Validator.ts"

/** @internal */
export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** Bytes. */
  readonly size: number
}

/** The largest body the API accepts, in bytes. @internal */
export const sizeLimit = 32 * 1024 * 1024

/** @internal */
export const examine = (received: Received, issued: ReadonlyArray<Validator.IssuedReply>): {
  readonly body: unknown
  readonly violations: ReadonlyArray<Validator.Violation>
} => {
  const { headers, method, path } = received
  const refuse = (status: number, type: string, message: string, body?: unknown) => ({
    body,
    violations: [{ status, type, message }]
  })
  if (path !== "/v1/messages") return refuse(404, "not_found_error", `Not found: ${path}`)
  if (method !== "POST") return refuse(405, "invalid_request_error", "Method Not Allowed")
  if (!hasCredentials(headers)) {
    return refuse(401, "authentication_error", "Authorization or x-api-key header is required")
  }
  if (received.size > sizeLimit) {
    return refuse(413, "request_too_large", "Request exceeds the maximum size of 32 MB")
  }
  const body = parse(received.text)
  return body === undefined
    ? refuse(400, "invalid_request_error", "The request body is not valid JSON", received.text)
    : { body: body.value, violations: Validator.validate(body.value, { issued }) }
}

const hasCredentials = (headers: Received["headers"]): boolean =>
  /^Bearer \S/i.test(headers["authorization"] ?? "") || (headers["x-api-key"] ?? "") !== ""

const parse = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

const secretHeaders = new Set(["authorization", "proxy-authorization", "x-api-key", "cookie"])

/** @internal */
export const withoutSecrets = (headers: Received["headers"]): Received["headers"] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !secretHeaders.has(name)))
