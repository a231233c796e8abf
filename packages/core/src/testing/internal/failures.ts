/**
 * Scripted faults as the `AiError` a provider fails with.
 *
 * @internal
 */
import * as AiError from "effect/ai/AiError"
import * as Duration from "effect/Duration"
import type * as ModelScript from "../ModelScript.ts"
import * as wire from "./wire.ts"

const make = (method: string, reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: "ScriptedModel", method, reason })

/** @internal */
export const ofStatus = (method: string, status: ModelScript.Status): AiError.AiError => {
  const type = status.type ?? wire.errorType(status.status)
  const description = `${status.status} ${type}: ${status.message ?? "scripted status"}`
  return make(method, reasonOf(status.status, { description, type, status }))
}

const reasonOf = (
  code: number,
  { description, status, type }: {
    readonly description: string
    readonly type: string
    readonly status: ModelScript.Status
  }
): AiError.AiErrorReason => {
  const { errorCode, headers, retryAfter } = status
  const common = {
    metadata: { anthropic: { status: code, type, ...(errorCode !== undefined && { errorCode }) } },
    http: { response: { status: code, headers: { ...headers } } }
  }
  if (code === 402 || errorCode?.endsWith("spend_limit_reached") === true) {
    return new AiError.QuotaExhaustedError(common)
  }
  if (code === 401) return new AiError.AuthenticationError({ kind: "InvalidKey", description, ...common })
  if (code === 403) return new AiError.AuthenticationError({ kind: "InsufficientPermissions", description, ...common })
  if (code === 429) {
    return new AiError.RateLimitError({
      ...common,
      ...(typeof retryAfter === "number" && { retryAfter: Duration.seconds(retryAfter) })
    })
  }
  return code >= 500 || code === 408 || code === 409
    ? new AiError.InternalProviderError({ description, ...common })
    : new AiError.InvalidRequestError({ description, ...common })
}

/** What a fault in the stream fails with; `undefined` for a stall, which never ends. @internal */
export const ofFault = (method: string, fault: ModelScript.Fault): AiError.AiError | undefined => {
  switch (fault.type) {
    case "cut":
      return make(method, transport("The connection was lost in the middle of the reply"))
    case "eof":
      return make(method, transport("The reply ended before message_stop"))
    case "error": {
      const type = fault.errorType ?? "overloaded_error"
      return ofStatus(method, {
        status: wire.statusOf(type),
        type,
        message: fault.message ?? "scripted error event"
      })
    }
    case "stall":
      return undefined
  }
}

const transport = (description: string): AiError.AiErrorReason =>
  new AiError.NetworkError({ reason: "TransportError", method: "POST", url: "scripted:", description })

/** @internal */
export const ofExhausted = (method: string, description: string): AiError.AiError =>
  make(method, new AiError.InvalidRequestError({ description }))
