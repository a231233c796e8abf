import { APIConnectionError, APIConnectionTimeoutError, APIError } from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Schema } from "effect"
import { AiError } from "effect/ai"
import * as Failure from "../../src/anthropic/internal/failure.ts"

const now = Date.UTC(2026, 10, 20, 12, 0, 0)

const apiError = (
  status: number | undefined,
  type: string,
  { code, headers = {} }: { readonly code?: string; readonly headers?: Record<string, string> } = {}
) =>
  APIError.generate(
    status,
    { type: "error", error: { type, message: "It failed", ...(code && { details: { error_code: code } }) } },
    undefined,
    new Headers({ "request-id": "req_1", ...headers })
  )

// What the SDK throws for an `error` event of a stream.
const streamError = (type: string) =>
  new APIError(
    undefined,
    { type: "error", error: { type, message: "It failed" }, request_id: "req_2" },
    undefined,
    new Headers(),
    type as "api_error"
  )

const classify = (cause: unknown, phase: "request" | "stream" = "request") => Failure.fromUnknown(cause, phase, now)

const retryAfter = (headers: Record<string, string>) =>
  classify(apiError(429, "rate_limit_error", { headers })).retryAfter

describe("failure", () => {
  it("fromUnknown - every status has its reason", () => {
    const table: ReadonlyArray<readonly [number, string, string, boolean]> = [
      [400, "invalid_request_error", "InvalidRequestError", false],
      [401, "authentication_error", "AuthenticationError", false],
      [402, "billing_error", "QuotaExhaustedError", false],
      [400, "billing_error", "QuotaExhaustedError", false],
      [403, "permission_error", "AuthenticationError", false],
      [404, "not_found_error", "InvalidRequestError", false],
      [408, "timeout_error", "InternalProviderError", true],
      [409, "conflict_error", "InternalProviderError", true],
      [413, "request_too_large", "InvalidRequestError", false],
      [422, "invalid_request_error", "InvalidRequestError", false],
      [429, "rate_limit_error", "RateLimitError", true],
      [500, "api_error", "InternalProviderError", true],
      [503, "api_error", "InternalProviderError", true],
      [529, "overloaded_error", "InternalProviderError", true]
    ]
    for (const [status, type, tag, retryable] of table) {
      const failure = classify(apiError(status, type))
      assert.strictEqual(failure.reason._tag, tag, `${status} ${type}`)
      assert.strictEqual(failure.retryable, retryable, `${status} ${type}`)
    }
  })

  it("fromUnknown - an error event of a stream has the reason of its type", () => {
    const table: ReadonlyArray<readonly [string, string, boolean]> = [
      ["overloaded_error", "InternalProviderError", true],
      ["api_error", "InternalProviderError", true],
      ["timeout_error", "InternalProviderError", true],
      ["rate_limit_error", "RateLimitError", true],
      ["invalid_request_error", "InvalidRequestError", false],
      ["authentication_error", "AuthenticationError", false],
      ["some_future_error", "InternalProviderError", true]
    ]
    for (const [type, tag, retryable] of table) {
      const failure = classify(streamError(type), "stream")
      assert.strictEqual(failure.reason._tag, tag, type)
      assert.strictEqual(failure.retryable, retryable, type)
    }
  })

  it("fromUnknown - a spend limit is a quota, whatever the headers say; a ramp limit is a rate limit", () => {
    for (const code of ["contract_spend_limit_reached", "enforced_spend_limit_reached"]) {
      const failure = classify(apiError(429, "rate_limit_error", { code, headers: { "x-should-retry": "true" } }))
      assert.strictEqual(failure.reason._tag, "QuotaExhaustedError")
      assert.isFalse(failure.retryable)
    }
    const ramp = classify(apiError(429, "rate_limit_error", { code: "ramp_limit_exceeded" }))
    assert.strictEqual(ramp.reason._tag, "RateLimitError")
    assert.isTrue(ramp.retryable)
  })

  it("fromUnknown - x-should-retry decides for every other status but that of an invalid request", () => {
    const should = { headers: { "x-should-retry": "true" } }
    const shouldNot = { headers: { "x-should-retry": "false" } }
    assert.isTrue(classify(apiError(401, "authentication_error", should)).retryable)
    assert.isFalse(classify(apiError(529, "overloaded_error", shouldNot)).retryable)
    assert.isFalse(classify(apiError(429, "rate_limit_error", shouldNot)).retryable)
    for (const status of [400, 404, 413, 422]) {
      assert.isFalse(classify(apiError(status, "invalid_request_error", should)).retryable, String(status))
    }
  })

  it("fromUnknown - a request whose body came too slowly may be sent again, though its status is 400", () => {
    const failure = classify(apiError(400, "invalid_request_error", { code: "request_body_timeout" }))
    assert.strictEqual(failure.reason._tag, "InternalProviderError")
    assert.isTrue(failure.retryable)
  })

  it("fromUnknown - the message says what to do", () => {
    const table: ReadonlyArray<readonly [number, string, string | undefined, RegExp]> = [
      [400, "invalid_request_error", "available_tools_limit_exceeded", /Offer fewer tools/],
      [401, "authentication_error", undefined, /API key/],
      [403, "permission_error", undefined, /key/],
      [404, "not_found_error", undefined, /model id/],
      [413, "request_too_large", undefined, /smaller/],
      [429, "rate_limit_error", "contract_spend_limit_reached", /billing/],
      [500, "api_error", undefined, /later/],
      [529, "overloaded_error", undefined, /later/]
    ]
    for (const [status, type, code, expected] of table) {
      assert.match(classify(apiError(status, type, code === undefined ? {} : { code })).reason.message, expected)
    }
  })

  it("fromUnknown - Retry-After is read as milliseconds, seconds or a date", () => {
    const date = new Date(now + 7000).toUTCString()
    assert.deepStrictEqual(retryAfter({ "retry-after-ms": "1500", "retry-after": "9" }), Duration.millis(1500))
    assert.deepStrictEqual(retryAfter({ "retry-after": "2.5" }), Duration.millis(2500))
    assert.deepStrictEqual(retryAfter({ "retry-after": date }), Duration.seconds(7))
    for (const value of ["0", "-1", "soon", new Date(now - 1000).toUTCString()]) {
      assert.isUndefined(retryAfter({ "retry-after": value }), value)
    }
    assert.isUndefined(retryAfter({}))
  })

  it("fromUnknown - a rate limit carries its Retry-After", () => {
    const { reason } = classify(apiError(429, "rate_limit_error", { headers: { "retry-after": "3" } }))
    const error = AiError.make({ module: "Anthropic", method: "streamText", reason })
    assert.deepStrictEqual(error.retryAfter, Duration.seconds(3))
  })

  it("fromUnknown - status, type, code and request id are kept, in the metadata and in the message", () => {
    const { reason } = classify(apiError(404, "not_found_error", { code: "model_not_found" }))
    assert.strictEqual(reason._tag, "InvalidRequestError")
    if (reason._tag !== "InvalidRequestError") return
    assert.deepStrictEqual(reason.metadata, {
      anthropic: {
        status: 404,
        type: "not_found_error",
        errorCode: "model_not_found",
        requestId: "req_1",
        message: "It failed"
      }
    })
    assert.deepStrictEqual(reason.http?.response, { status: 404, headers: { "request-id": "req_1" } })
    assert.strictEqual(
      reason.description,
      "It failed [404, model_not_found, req_1]. Check the model id and the base URL"
    )
  })

  it("fromUnknown - the request id of an error event is kept", () => {
    const { reason } = classify(streamError("overloaded_error"), "stream")
    assert.include(reason.message, "req_2")
  })

  it("fromUnknown - an error is read by its fields, not by its class", () => {
    const foreign = { status: 529, headers: { "retry-after": "2" }, error: { error: { type: "overloaded_error" } } }
    const failure = classify(foreign)
    assert.strictEqual(failure.reason._tag, "InternalProviderError")
    assert.deepStrictEqual(failure.retryAfter, Duration.seconds(2))
  })

  it("fromUnknown - a connection that fails is a retryable network error with its code", () => {
    const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" })
    const causes = [
      new APIConnectionError({ cause: new TypeError("fetch failed", { cause: refused }) }),
      new APIConnectionTimeoutError(),
      new TypeError("fetch failed", { cause: refused })
    ]
    for (const cause of causes) {
      const failure = classify(cause)
      assert.strictEqual(failure.reason._tag, "NetworkError")
      assert.isTrue(failure.reason.isRetryable)
      assert.isTrue(failure.retryable)
    }
    assert.include(classify(causes[0]).reason.message, "ECONNREFUSED")
  })

  it("fromUnknown - a body that breaks off is a retryable network error", () => {
    for (const cause of [new TypeError("terminated"), new SyntaxError("Unterminated string"), "odd"]) {
      const failure = classify(cause, "stream")
      assert.strictEqual(failure.reason._tag, "NetworkError")
      assert.isTrue(failure.retryable)
    }
  })

  it("fromUnknown - an error nobody knows is not retried", () => {
    for (const cause of [new TypeError("x is not a function"), undefined, null, "odd", { message: 3 }]) {
      const failure = classify(cause)
      assert.strictEqual(failure.reason._tag, "UnknownError")
      assert.isFalse(failure.retryable)
    }
  })

  it("fromUnknown - a cause that refers to itself ends", () => {
    const error: Error = new Error("loop")
    error.cause = error
    assert.strictEqual(classify(error).reason._tag, "UnknownError")
  })

  it("fromUnknown - no key is in any message", () => {
    const causes = [
      new TypeError("Headers.append: \"Bearer my-secret\nkey\" is an invalid header value."),
      new Error("invalid x-api-key: sk-ant-api03-my-secret"),
      { status: 401, error: { error: { type: "authentication_error", message: "bad key sk-ant-my-secret" } } },
      { status: 429, error: { error: { type: "rate_limit_error", message: "key sk-ant-my-secret is busy" } } }
    ]
    for (const cause of causes) {
      for (const phase of ["request", "stream"] as const) {
        const { reason } = classify(cause, phase)
        const error = AiError.make({ module: "Anthropic", method: "streamText", reason })
        const encoded = JSON.stringify(Schema.encodeSync(AiError.AiError)(error))
        assert.notInclude(encoded + error.message, "my-secret")
      }
    }
  })

  it("fromUnknown - a failure survives encoding and decoding", () => {
    const { reason } = classify(apiError(429, "rate_limit_error", { headers: { "retry-after": "3" } }))
    const codec = Schema.toCodecJson(AiError.AiErrorReason)
    const decoded = Schema.decodeUnknownSync(codec)(JSON.parse(JSON.stringify(Schema.encodeSync(codec)(reason))))
    assert.deepStrictEqual(decoded, reason)
  })
})
