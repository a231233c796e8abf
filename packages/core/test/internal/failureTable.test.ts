import { assert, describe, it } from "@effect/vitest"
import { byCode, byStatus, byTag, type Row } from "../../src/internal/failureTable.ts"
import { meaningOfCodes } from "../support/codes.ts"

/** The keys of each kind, reason and `executed: false`. */
const grouped = (rows: Iterable<readonly [string, Row | undefined]>): Record<string, ReadonlyArray<string>> => {
  const groups: Record<string, Array<string>> = {}
  for (const [key, row] of rows) {
    const meaning = row === undefined
      ? "unknown"
      : `${row.kind} ${row.reason}${row.executed === false ? " notExecuted" : ""}`
    ;(groups[meaning] ??= []).push(key)
  }
  return groups
}

const range = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

const sorted = (groups: Record<string, ReadonlyArray<string>>): Record<string, ReadonlyArray<string>> =>
  Object.fromEntries(Object.entries(groups).map(([meaning, keys]) => [meaning, keys.toSorted()]))

/** Keys as text, and spans of statuses as `from-to`. */
const listed = (groups: Record<string, string>): Record<string, ReadonlyArray<string>> =>
  sorted(
    Object.fromEntries(
      Object.entries(groups).map(([meaning, keys]) => [
        meaning,
        keys.split(/\s+/).flatMap((key) => {
          const [from, to] = key.split("-").map(Number) as [number, number]
          return /^\d+-\d+$/.test(key) ? range(from, to).map(String) : [key]
        })
      ])
    )
  )

describe("failureTable", () => {
  it("G3 - every status from 400 to 599", () => {
    assert.deepStrictEqual(
      sorted(grouped(range(400, 599).map((status) => [`${status}`, byStatus(status)]))),
      listed({
        "permanent InvalidArguments": "400 411 416 419-420 422 427 430 432-450 452-498",
        "permanent Unauthenticated": "401 407 511",
        "permanent PermissionDenied": "403 451",
        "permanent NotFound": "404 410",
        "permanent FailedPrecondition": "402 412 417 428 507-508",
        "permanent Unsupported": "405-406 415 418 426 501 505-506 510",
        "permanent TooLarge": "413-414 431",
        "permanent DependencyFailed": "424",
        "transient Timeout": "408 504",
        "transient Conflict": "409 423",
        "transient ConnectionLost": "499",
        "transient Unavailable notExecuted": "421 425",
        "transient RateLimited notExecuted": "429",
        "transient Overloaded notExecuted": "529",
        "transient Unavailable": "500 502-503 509 512-528 530-599"
      })
    )
  })

  it("G3 - a number that is no status of a failure has no row", () => {
    for (const status of [399, 600, 404.5, -404, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.isUndefined(byStatus(status))
    }
  })

  it("G3 - every code of Node, undici and TLS", () => {
    assert.deepStrictEqual(
      sorted(grouped(byCode)),
      listed(meaningOfCodes)
    )
  })

  it("G3 - every tag of effect's errors", () => {
    assert.deepStrictEqual(
      sorted(grouped(byTag)),
      listed({
        "transient Timeout":
          "TimeoutError PlatformError/TimedOut SqlError/LockTimeoutError SqlError/StatementTimeoutError",
        "transient ConnectionLost":
          "HttpClientError/TransportError PlatformError/UnexpectedEof SqlError/ConnectionError AiError/NetworkError",
        "transient Conflict": "PlatformError/Busy",
        "transient Conflict notExecuted": "SqlError/DeadlockError SqlError/SerializationError",
        "transient Overloaded": "PlatformError/WouldBlock",
        "transient Unavailable": "PlatformError/WriteZero AiError/InternalProviderError",
        "transient Unavailable notExecuted":
          "CircuitBreakerError/CircuitBreakerStoreError RateLimiterError/RateLimitStoreError",
        "transient RateLimited notExecuted": "AiError/RateLimitError RateLimiterError/RateLimitExceeded",
        "transient CircuitOpen notExecuted": "CircuitBreakerError/CircuitOpen CircuitBreakerError/CircuitHalfOpen",
        "permanent InvalidArguments":
          "HttpClientError/EncodeError HttpClientError/InvalidUrlError PlatformError/BadArgument PlatformError/BadResource SqlError/SqlSyntaxError NetworkError/EncodeError NetworkError/InvalidUrlError AiError/InvalidRequestError AiError/InvalidUserInputError",
        "permanent Unsupported":
          "SchemaError HttpClientError/DecodeError HttpClientError/EmptyBodyError PlatformError/InvalidData AiError/InvalidOutputError AiError/UnsupportedSchemaError",
        "permanent NotFound": "PlatformError/NotFound",
        "permanent AlreadyExists": "PlatformError/AlreadyExists SqlError/UniqueViolation",
        "permanent PermissionDenied":
          "PlatformError/PermissionDenied SqlError/AuthorizationError AiError/ContentPolicyError",
        "permanent Unauthenticated": "SqlError/AuthenticationError AiError/AuthenticationError",
        "permanent FailedPrecondition": "SqlError/ConstraintError AiError/QuotaExhaustedError"
      })
    )
  })

  it("every message is one line that the model can read", () => {
    for (const row of [...byCode.values(), ...byTag.values(), ...range(400, 599).map(byStatus)]) {
      assert.match(row?.message ?? "", /^[\w(][\w ,:;'()-]+[\w)]$/)
    }
  })
})
