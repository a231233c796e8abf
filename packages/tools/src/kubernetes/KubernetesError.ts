/**
 * What can go wrong with a Kubernetes tool.
 *
 * @since 0.1.0
 */
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Schema from "effect/Schema"

/**
 * The API cannot be reached for now, or says that it cannot answer.
 *
 * @category errors
 * @since 0.1.0
 */
export class ApiUnavailable
  extends Schema.TaggedError<ApiUnavailable>("@volley/tools/Kubernetes/ApiUnavailable")("ApiUnavailable", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `The Kubernetes API is not available: ${this.detail}`
  }
}

/**
 * The API wants fewer requests.
 *
 * @category errors
 * @since 0.1.0
 */
export class RateLimited
  extends Schema.TaggedError<RateLimited>("@volley/tools/Kubernetes/RateLimited")("RateLimited", {
    retryAfter: Schema.optionalKey(Schema.DurationFromMillis)
  })
{
  override get message(): string {
    return "The Kubernetes API wants fewer requests"
  }
}

/**
 * There is no API at the address, or none whose certificate can be trusted.
 *
 * @category errors
 * @since 0.1.0
 */
export class ApiUnreachable
  extends Schema.TaggedError<ApiUnreachable>("@volley/tools/Kubernetes/ApiUnreachable")("ApiUnreachable", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `The Kubernetes API cannot be reached: ${this.detail}`
  }
}

/**
 * The cluster has no such namespace. `known` names those it has, where they may be listed; at most 50.
 *
 * @category errors
 * @since 0.1.0
 */
export class NamespaceNotFound
  extends Schema.TaggedError<NamespaceNotFound>("@volley/tools/Kubernetes/NamespaceNotFound")("NamespaceNotFound", {
    namespace: Schema.String,
    known: Schema.Array(Schema.String)
  })
{
  override get message(): string {
    const known = this.known.map((name) => `"${name}"`).join(", ")
    return `No namespace "${this.namespace}"${known === "" ? "" : `; there are ${known}`}`
  }
}

/**
 * The API does not understand the label selector.
 *
 * @category errors
 * @since 0.1.0
 */
export class SelectorInvalid
  extends Schema.TaggedError<SelectorInvalid>("@volley/tools/Kubernetes/SelectorInvalid")("SelectorInvalid", {
    selector: Schema.String,
    detail: Schema.String
  })
{
  override get message(): string {
    return `${JSON.stringify(this.selector)} is not a label selector: ${this.detail}`
  }
}

/**
 * The credentials are good but do not allow to read the pods of the namespace.
 *
 * @category errors
 * @since 0.1.0
 */
export class AccessDenied
  extends Schema.TaggedError<AccessDenied>("@volley/tools/Kubernetes/AccessDenied")("AccessDenied", {
    namespace: Schema.String
  })
{
  override get message(): string {
    return `No permission to list the pods of namespace "${this.namespace}"`
  }
}

/**
 * The answer is not that of a Kubernetes API.
 *
 * @category errors
 * @since 0.1.0
 */
export class AnswerUnreadable
  extends Schema.TaggedError<AnswerUnreadable>("@volley/tools/Kubernetes/AnswerUnreadable")("AnswerUnreadable", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `The answer is not that of a Kubernetes API: ${this.detail}`
  }
}

/**
 * The API does not accept the credentials. Fatal: it is not for the model to know or to solve.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadCredentials
  extends Schema.TaggedError<BadCredentials>("@volley/tools/Kubernetes/BadCredentials")("BadCredentials", {})
{
  /** @since 0.1.0 */
  readonly [ToolFailure.kind] = "fatal" as const
  override get message(): string {
    return "The Kubernetes API does not accept the credentials"
  }
}

/**
 * The environment does not say how to reach a cluster. Fails the layer when it is built.
 *
 * @category errors
 * @since 0.1.0
 */
export class AccessUnusable
  extends Schema.TaggedError<AccessUnusable>("@volley/tools/Kubernetes/AccessUnusable")("AccessUnusable", {
    source: Schema.Literals(["KUBERNETES_URL", "KUBECONFIG", "service account", "none"]),
    detail: Schema.String
  })
{
  override get message(): string {
    return this.source === "none"
      ? `No access to a cluster: ${this.detail}`
      : `Access to a cluster by ${this.source}: ${this.detail}`
  }
}
