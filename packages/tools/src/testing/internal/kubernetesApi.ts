/**
 * The Kubernetes API of a plan, as a function. Forms and messages are those of the real API server (v1, core).
 *
 * @internal
 */
import type { Fault, Plan, Pod } from "../Cluster.ts"
import * as podJson from "./podJson.ts"
import type { Asked, Reply } from "./reply.ts"
import * as selector from "./selector.ts"

const resourceVersion = "4242"

const status = (code: number, reason: string, message: string): Reply => ({
  status: code,
  body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code }
})

const expired = status(
  410,
  "Expired",
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter."
)

/** @internal */
export const refuse = (fault: Fault): Reply => {
  switch (fault.kind) {
    case "rateLimited":
      return {
        ...status(429, "TooManyRequests", "Too many requests, please try again later."),
        headers: { "retry-after": String(fault.retryAfter) }
      }
    case "expired":
      return expired
    case "notFound":
      return notFound
    default:
      return status(503, "ServiceUnavailable", "the server is currently unable to handle the request")
  }
}

const notFound = status(404, "NotFound", "the server could not find the requested resource")

const offsetIn = (token: string): number | undefined => {
  const [version, offset] = atobSafe(token).split(":")
  return version === resourceVersion && /^\d+$/.test(offset ?? "") ? Number(offset) : undefined
}

const atobSafe = (text: string): string => /^[A-Za-z0-9+/]+=*$/.test(text) ? Buffer.from(text, "base64").toString() : ""

const namespaceOf = (name: string) => ({
  metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
  spec: { finalizers: ["kubernetes"] },
  status: { phase: "Active" }
})

const list = (kind: string, items: ReadonlyArray<object>, { parameters }: Asked): Reply => {
  const start = parameters.continue === undefined ? 0 : offsetIn(parameters.continue)
  if (start === undefined) return expired
  const limit = Number(parameters.limit ?? 0)
  if (!Number.isInteger(limit) || limit < 0) {
    return status(400, "BadRequest", `strconv.ParseInt: parsing "${parameters.limit}": invalid syntax`)
  }
  const end = limit === 0 ? items.length : start + limit
  const left = items.length - end
  const metadata = left > 0
    ? { resourceVersion, continue: btoa(`${resourceVersion}:${end}`), remainingItemCount: left }
    : { resourceVersion }
  return { status: 200, body: { kind, apiVersion: "v1", metadata, items: items.slice(start, end) } }
}

const watch = (pods: ReadonlyArray<Pod>): Reply => ({
  status: 200,
  headers: { "content-type": "application/json" },
  body: pods.map((pod) =>
    `${JSON.stringify({ type: "ADDED", object: { kind: "Pod", apiVersion: "v1", ...podJson.of(pod) } })}\n`
  ).join(""),
  stays: true
})

const podsReply = (pods: ReadonlyArray<Pod>, asked: Asked): Reply => {
  const text = asked.parameters.labelSelector ?? ""
  const matches = selector.parse(text)
  if (matches === undefined) return status(400, "BadRequest", `unable to parse requirement: "${text}"`)
  const chosen = pods.filter(({ labels }) => matches(labels))
  return /^(?:1|true)$/.test(asked.parameters.watch ?? "")
    ? watch(chosen)
    : list("PodList", chosen.map((pod) => podJson.of(pod)), asked)
}

/** @internal */
export const answer = (plan: Plan, asked: Asked, { token }: { readonly token: string }): Reply => {
  if (asked.authorization !== `Bearer ${token}`) return status(401, "Unauthorized", "Unauthorized")
  const [, root, namespace, resource, ...rest] =
    /^\/api\/v1\/(?:(pods)$|namespaces(?:\/([^/]+)(?:\/([^/]+)(?:\/(.+))?)?)?$)/.exec(asked.path) ?? [undefined, ""]
  if (root === "" || rest[0] !== undefined) return notFound
  if (asked.method !== "GET") return status(405, "MethodNotAllowed", "the server does not allow this method")
  if (root === "pods") return podsReply(plan.pods, asked)
  if (namespace === undefined) return list("NamespaceList", plan.namespaces.map(namespaceOf), asked)
  const name = decodeURIComponent(namespace)
  if (resource === "pods") return podsReply(plan.pods.filter((pod) => pod.namespace === name), asked)
  if (resource !== undefined) return notFound
  return plan.namespaces.includes(name)
    ? { status: 200, body: { kind: "Namespace", apiVersion: "v1", ...namespaceOf(name) } }
    : status(404, "NotFound", `namespaces "${name}" not found`)
}
