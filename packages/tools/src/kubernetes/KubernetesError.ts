/**
 * What can go wrong with a Kubernetes tool.
 *
 * @since 0.1.0
 */
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Schema from "effect/Schema"

const quoted = (names: ReadonlyArray<string>): string => names.map((name) => `"${name}"`).join(", ")

/**
 * What is read of a namespace.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Resource = Schema.Literals(["pods", "pods/log", "events", "deployments"])

/**
 * What is read of a namespace.
 *
 * @category models
 * @since 0.1.0
 */
export type Resource = typeof Resource.Type

/**
 * The API cannot be reached for now, or says that it cannot answer. `retryAfter` is the wait that it asked for, if it did.
 *
 * @category errors
 * @since 0.1.0
 */
export class ApiUnavailable
  extends Schema.TaggedError<ApiUnavailable>("@volley/tools/Kubernetes/ApiUnavailable")("ApiUnavailable", {
    detail: Schema.String,
    retryAfter: Schema.optionalKey(Schema.DurationFromMillis)
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
 * The configuration does not allow the tools to ask about the namespace: nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class NamespaceNotAllowed
  extends Schema.TaggedError<NamespaceNotAllowed>("@volley/tools/Kubernetes/NamespaceNotAllowed")(
    "NamespaceNotAllowed",
    { namespace: Schema.String, allowed: Schema.Array(Schema.String) }
  )
{
  override get message(): string {
    return `Namespace "${this.namespace}" may not be asked about; allowed are ${quoted(this.allowed)}`
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
    return `No namespace "${this.namespace}"${this.known.length === 0 ? "" : `; there are ${quoted(this.known)}`}`
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
 * The namespace has no such pod.
 *
 * @category errors
 * @since 0.1.0
 */
export class PodNotFound
  extends Schema.TaggedError<PodNotFound>("@volley/tools/Kubernetes/PodNotFound")("PodNotFound", {
    namespace: Schema.String,
    pod: Schema.String
  })
{
  override get message(): string {
    return `No pod "${this.pod}" in namespace "${this.namespace}"`
  }
}

/**
 * The pod has no such log: its container is not named, not known or was not started, or it has not run before. `detail`
 * is what the API says, with the names of the containers where one has to be chosen.
 *
 * @category errors
 * @since 0.1.0
 */
export class LogUnavailable
  extends Schema.TaggedError<LogUnavailable>("@volley/tools/Kubernetes/LogUnavailable")("LogUnavailable", {
    pod: Schema.String,
    detail: Schema.String
  })
{
  override get message(): string {
    return `No such log of pod "${this.pod}": ${this.detail}`
  }
}

/**
 * The credentials are good but do not allow to read that of the namespace.
 *
 * @category errors
 * @since 0.1.0
 */
export class AccessDenied
  extends Schema.TaggedError<AccessDenied>("@volley/tools/Kubernetes/AccessDenied")("AccessDenied", {
    namespace: Schema.String,
    resource: Resource
  })
{
  override get message(): string {
    return `No permission to read ${this.resource} in namespace "${this.namespace}"`
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
 * The answer is larger than is read: `mebibytes` MiB.
 *
 * @category errors
 * @since 0.1.0
 */
export class AnswerTooLarge
  extends Schema.TaggedError<AnswerTooLarge>("@volley/tools/Kubernetes/AnswerTooLarge")("AnswerTooLarge", {
    mebibytes: Schema.Int
  })
{
  override get message(): string {
    return `The answer is larger than ${this.mebibytes} MiB: ask for less, by a selector`
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
    source: Schema.Literals(["KUBERNETES_URL", "KUBECONFIG", "KUBERNETES_NAMESPACES", "service account", "none"]),
    detail: Schema.String
  })
{
  override get message(): string {
    return this.source === "none"
      ? `No access to a cluster: ${this.detail}`
      : `Access to a cluster by ${this.source}: ${this.detail}`
  }
}
