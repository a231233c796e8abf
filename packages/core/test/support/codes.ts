/** Every listed code of Node, undici and TLS, by what it means. */
export const meaningOfCodes: { readonly [meaning: string]: string } = {
  "transient Unavailable notExecuted":
    "ECONNREFUSED EAI_AGAIN EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN EADDRNOTAVAIL UND_ERR_CLOSED UND_ERR_DESTROYED",
  "transient Unavailable": "EIO",
  "transient ConnectionLost":
    "ECONNRESET ECONNABORTED EPIPE EPROTO ERR_STREAM_PREMATURE_CLOSE UND_ERR_SOCKET UND_ERR_REQ_CONTENT_LENGTH_MISMATCH UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "transient Timeout notExecuted": "UND_ERR_CONNECT_TIMEOUT",
  "transient Timeout": "ETIMEDOUT ESOCKETTIMEDOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT",
  "transient Overloaded notExecuted": "EMFILE ENFILE",
  "transient Overloaded": "EAGAIN",
  "transient Conflict": "EBUSY",
  "permanent NotFound": "ENOENT ENOTFOUND",
  "permanent PermissionDenied": "EACCES EPERM EROFS",
  "permanent AlreadyExists": "EEXIST EADDRINUSE",
  "permanent InvalidArguments": "EISDIR ENOTDIR ENAMETOOLONG ELOOP EINVAL ERR_INVALID_URL UND_ERR_INVALID_ARG",
  "permanent FailedPrecondition":
    "ENOTEMPTY ENOSPC EDQUOT CERT_HAS_EXPIRED DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_VERIFY_LEAF_SIGNATURE ERR_TLS_CERT_ALTNAME_INVALID",
  "permanent TooLarge": "EFBIG UND_ERR_RES_EXCEEDED_MAX_SIZE UND_ERR_HEADERS_OVERFLOW",
  "permanent Unsupported": "ENOSYS ENOTSUP UND_ERR_NOT_SUPPORTED",
  "permanent Cancelled": "ABORT_ERR UND_ERR_ABORTED"
}
