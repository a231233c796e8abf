/**
 * What is known about errors of others, as data: HTTP statuses, Node and undici codes, tags of `effect`'s own errors.
 *
 * A row never looks at a message. `executed: false` stands only where the request certainly had no effect.
 *
 * @internal
 */
import type * as ToolFailure from "../ToolFailure.ts"

/** @internal */
export interface Row {
  readonly kind: "transient" | "permanent"
  readonly reason: ToolFailure.TransientReason | ToolFailure.PermanentReason
  readonly message: string
  readonly executed?: false
}

const transient = (reason: ToolFailure.TransientReason, message: string): Row => ({
  kind: "transient",
  reason,
  message
})
const notExecuted = (reason: ToolFailure.TransientReason, message: string): Row => ({
  ...transient(reason, message),
  executed: false
})
const permanent = (reason: ToolFailure.PermanentReason, message: string): Row => ({
  kind: "permanent",
  reason,
  message
})

const statuses: { readonly [status: number]: Row } = {
  401: permanent("Unauthenticated", "the service wants credentials"),
  402: permanent("FailedPrecondition", "the service wants a payment"),
  403: permanent("PermissionDenied", "the service denied access"),
  404: permanent("NotFound", "not found"),
  405: permanent("Unsupported", "method not allowed"),
  406: permanent("Unsupported", "no acceptable representation"),
  407: permanent("Unauthenticated", "the proxy wants credentials"),
  408: transient("Timeout", "the service timed out"),
  409: transient("Conflict", "conflict with the present state"),
  410: permanent("NotFound", "gone"),
  412: permanent("FailedPrecondition", "precondition failed"),
  413: permanent("TooLarge", "request too large"),
  414: permanent("TooLarge", "address too long"),
  415: permanent("Unsupported", "media type not supported"),
  417: permanent("FailedPrecondition", "expectation failed"),
  418: permanent("Unsupported", "not supported"),
  421: notExecuted("Unavailable", "misdirected request"),
  423: transient("Conflict", "locked"),
  424: permanent("DependencyFailed", "a dependency failed"),
  425: notExecuted("Unavailable", "too early"),
  426: permanent("Unsupported", "upgrade required"),
  428: permanent("FailedPrecondition", "precondition required"),
  429: notExecuted("RateLimited", "too many requests"),
  431: permanent("TooLarge", "headers too large"),
  451: permanent("PermissionDenied", "unavailable for legal reasons"),
  499: transient("ConnectionLost", "the connection was closed"),
  501: permanent("Unsupported", "not implemented"),
  504: transient("Timeout", "the gateway timed out"),
  505: permanent("Unsupported", "HTTP version not supported"),
  506: permanent("Unsupported", "variant also negotiates"),
  507: permanent("FailedPrecondition", "insufficient storage"),
  508: permanent("FailedPrecondition", "loop detected"),
  510: permanent("Unsupported", "not extended"),
  511: permanent("Unauthenticated", "the network wants credentials"),
  529: notExecuted("Overloaded", "overloaded")
}

/** The row of an HTTP status from 400 to 599; `undefined` for any other number. @internal */
export const byStatus = (status: number): Row | undefined => {
  if (!Number.isInteger(status) || status < 400 || status > 599) return undefined
  const row = statuses[status] ??
    (status < 500 ? permanent("InvalidArguments", "request refused") : transient("Unavailable", "service unavailable"))
  return { ...row, message: `HTTP ${status}: ${row.message}` }
}

/** Rows of Node, undici and TLS error codes. @internal */
export const byCode: ReadonlyMap<string, Row> = new Map(Object.entries({
  ECONNREFUSED: notExecuted("Unavailable", "connection refused"),
  EAI_AGAIN: notExecuted("Unavailable", "name resolution failed for now"),
  ENOTFOUND: permanent("NotFound", "no such host"),
  EHOSTUNREACH: notExecuted("Unavailable", "host unreachable"),
  EHOSTDOWN: notExecuted("Unavailable", "host down"),
  ENETUNREACH: notExecuted("Unavailable", "network unreachable"),
  ENETDOWN: notExecuted("Unavailable", "network down"),
  EADDRNOTAVAIL: notExecuted("Unavailable", "no local address available"),
  ECONNRESET: transient("ConnectionLost", "connection reset"),
  ECONNABORTED: transient("ConnectionLost", "connection aborted"),
  EPIPE: transient("ConnectionLost", "connection closed while writing"),
  ETIMEDOUT: transient("Timeout", "connection timed out"),
  ESOCKETTIMEDOUT: transient("Timeout", "socket timed out"),
  EMFILE: notExecuted("Overloaded", "too many open files"),
  ENFILE: notExecuted("Overloaded", "too many open files in the system"),
  EBUSY: transient("Conflict", "resource busy"),
  EAGAIN: transient("Overloaded", "resource temporarily unavailable"),
  EIO: transient("Unavailable", "input or output error"),
  ENOENT: permanent("NotFound", "no such file or directory"),
  EACCES: permanent("PermissionDenied", "permission denied"),
  EPERM: permanent("PermissionDenied", "operation not permitted"),
  EROFS: permanent("PermissionDenied", "read-only file system"),
  EEXIST: permanent("AlreadyExists", "already exists"),
  EADDRINUSE: permanent("AlreadyExists", "address in use"),
  EISDIR: permanent("InvalidArguments", "is a directory"),
  ENOTDIR: permanent("InvalidArguments", "not a directory"),
  ENAMETOOLONG: permanent("InvalidArguments", "name too long"),
  ELOOP: permanent("InvalidArguments", "too many symbolic links"),
  EINVAL: permanent("InvalidArguments", "invalid argument"),
  ERR_INVALID_URL: permanent("InvalidArguments", "invalid URL"),
  ENOTEMPTY: permanent("FailedPrecondition", "directory not empty"),
  ENOSPC: permanent("FailedPrecondition", "no space left"),
  EDQUOT: permanent("FailedPrecondition", "quota exceeded"),
  EFBIG: permanent("TooLarge", "file too large"),
  ENOSYS: permanent("Unsupported", "not supported"),
  ENOTSUP: permanent("Unsupported", "not supported"),
  EPROTO: transient("ConnectionLost", "protocol error"),
  ABORT_ERR: permanent("Cancelled", "aborted"),
  ERR_STREAM_PREMATURE_CLOSE: transient("ConnectionLost", "stream closed early"),
  UND_ERR_CONNECT_TIMEOUT: notExecuted("Timeout", "connecting timed out"),
  UND_ERR_HEADERS_TIMEOUT: transient("Timeout", "no answer in time"),
  UND_ERR_BODY_TIMEOUT: transient("Timeout", "the answer stalled"),
  UND_ERR_SOCKET: transient("ConnectionLost", "connection lost"),
  UND_ERR_CLOSED: notExecuted("Unavailable", "client closed"),
  UND_ERR_DESTROYED: notExecuted("Unavailable", "client destroyed"),
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: transient("ConnectionLost", "request cut short"),
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: transient("ConnectionLost", "answer cut short"),
  UND_ERR_RES_EXCEEDED_MAX_SIZE: permanent("TooLarge", "answer too large"),
  UND_ERR_HEADERS_OVERFLOW: permanent("TooLarge", "headers too large"),
  UND_ERR_INVALID_ARG: permanent("InvalidArguments", "invalid request"),
  UND_ERR_NOT_SUPPORTED: permanent("Unsupported", "not supported"),
  UND_ERR_ABORTED: permanent("Cancelled", "aborted"),
  CERT_HAS_EXPIRED: permanent("FailedPrecondition", "certificate has expired"),
  DEPTH_ZERO_SELF_SIGNED_CERT: permanent("FailedPrecondition", "certificate is self-signed"),
  SELF_SIGNED_CERT_IN_CHAIN: permanent("FailedPrecondition", "certificate chain is self-signed"),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: permanent("FailedPrecondition", "certificate cannot be verified"),
  ERR_TLS_CERT_ALTNAME_INVALID: permanent("FailedPrecondition", "certificate is for another host")
}))

/**
 * Rows of `effect`'s errors by `<tag>` or `<tag>/<tag of its reason>`.
 * `HttpClientError/StatusCodeError` is absent: its status decides.
 *
 * @internal
 */
export const byTag: ReadonlyMap<string, Row> = new Map(Object.entries({
  "TimeoutError": transient("Timeout", "timed out"),
  "SchemaError": permanent("Unsupported", "the data does not have the expected shape"),
  "HttpClientError/TransportError": transient("ConnectionLost", "the request failed in transport"),
  "HttpClientError/EncodeError": permanent("InvalidArguments", "the request cannot be encoded"),
  "HttpClientError/InvalidUrlError": permanent("InvalidArguments", "invalid URL"),
  "HttpClientError/DecodeError": permanent("Unsupported", "the answer cannot be read"),
  "HttpClientError/EmptyBodyError": permanent("Unsupported", "the answer is empty"),
  "PlatformError/AlreadyExists": permanent("AlreadyExists", "already exists"),
  "PlatformError/BadArgument": permanent("InvalidArguments", "invalid argument"),
  "PlatformError/BadResource": permanent("InvalidArguments", "wrong kind of resource"),
  "PlatformError/Busy": transient("Conflict", "resource busy"),
  "PlatformError/InvalidData": permanent("Unsupported", "invalid data"),
  "PlatformError/NotFound": permanent("NotFound", "not found"),
  "PlatformError/PermissionDenied": permanent("PermissionDenied", "permission denied"),
  "PlatformError/TimedOut": transient("Timeout", "timed out"),
  "PlatformError/UnexpectedEof": transient("ConnectionLost", "unexpected end of data"),
  "PlatformError/WouldBlock": transient("Overloaded", "resource temporarily unavailable"),
  "PlatformError/WriteZero": transient("Unavailable", "nothing could be written"),
  "SqlError/ConnectionError": transient("ConnectionLost", "database connection failed"),
  "SqlError/AuthenticationError": permanent("Unauthenticated", "the database refused the credentials"),
  "SqlError/AuthorizationError": permanent("PermissionDenied", "the database denied access"),
  "SqlError/SqlSyntaxError": permanent("InvalidArguments", "SQL syntax error"),
  "SqlError/UniqueViolation": permanent("AlreadyExists", "unique constraint violated"),
  "SqlError/ConstraintError": permanent("FailedPrecondition", "constraint violated"),
  "SqlError/DeadlockError": notExecuted("Conflict", "deadlock; the transaction was rolled back"),
  "SqlError/SerializationError": notExecuted("Conflict", "serialization failure; the transaction was rolled back"),
  "SqlError/LockTimeoutError": transient("Timeout", "lock not obtained in time"),
  "SqlError/StatementTimeoutError": transient("Timeout", "statement timed out"),
  "AiError/NetworkError": transient("ConnectionLost", "the model request failed in transport"),
  "NetworkError/EncodeError": permanent("InvalidArguments", "the model request cannot be encoded"),
  "NetworkError/InvalidUrlError": permanent("InvalidArguments", "the model's address is not a URL"),
  "AiError/RateLimitError": notExecuted("RateLimited", "the model is rate limited"),
  "AiError/QuotaExhaustedError": permanent("FailedPrecondition", "the model quota is spent"),
  "AiError/AuthenticationError": permanent("Unauthenticated", "the model refused the credentials"),
  "AiError/ContentPolicyError": permanent("PermissionDenied", "refused by the content policy"),
  "AiError/InvalidRequestError": permanent("InvalidArguments", "the model refused the request"),
  "AiError/InternalProviderError": transient("Unavailable", "the model provider failed"),
  "AiError/InvalidOutputError": permanent("Unsupported", "the model answered in a form that cannot be read"),
  "AiError/InvalidUserInputError": permanent("InvalidArguments", "invalid input"),
  "AiError/UnsupportedSchemaError": permanent("Unsupported", "the schema is not supported"),
  "CircuitBreakerError/CircuitOpen": notExecuted(
    "CircuitOpen",
    "too many calls failed lately, so none is let through for now"
  ),
  "CircuitBreakerError/CircuitHalfOpen": notExecuted(
    "CircuitOpen",
    "too many calls failed lately, so one is tried alone first"
  ),
  "CircuitBreakerError/CircuitBreakerStoreError": notExecuted("Unavailable", "the circuit breaker's store failed"),
  "RateLimiterError/RateLimitExceeded": notExecuted("RateLimited", "the rate limit is reached"),
  "RateLimiterError/RateLimitStoreError": notExecuted("Unavailable", "the rate limiter's store failed")
}))
