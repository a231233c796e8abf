/**
 * The Kubernetes API of a plan, as a function. Forms and messages are those of the real API server (v1, core and apps).
 *
 * @internal
 */
import type { Deployment, Event, Fault, Log, Plan, Pod } from "../Cluster.ts"
import * as podJson from "./podJson.ts"
import type { Asked, Reply, Situation } from "./reply.ts"
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
    case "forbidden":
      return status(403, "Forbidden", "User \"demo\" cannot do this")
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

const list = (kind: string, items: ReadonlyArray<object>, { parameters }: Asked, apiVersion = "v1"): Reply => {
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
  return { status: 200, body: { kind, apiVersion, metadata, items: items.slice(start, end) } }
}

const watch = (pods: ReadonlyArray<Pod>): Reply => ({
  status: 200,
  headers: { "content-type": "application/json" },
  body: pods.map((pod) =>
    `${JSON.stringify({ type: "ADDED", object: { kind: "Pod", apiVersion: "v1", ...podJson.of(pod) } })}\n`
  ).join(""),
  stays: true
})

const at = (now: number, age: number): string =>
  new Date(Math.floor(now - age) * 1000).toISOString().replace(".000Z", "Z")

const eventJson = ({ age, count, message, namespace, object, reason, type }: Event, now: number, index: number) => ({
  metadata: { name: `${object.name}.${index}`, namespace, creationTimestamp: at(now, age) },
  involvedObject: { kind: object.kind, namespace, name: object.name, apiVersion: "v1" },
  reason,
  message,
  source: { component: "kubelet" },
  firstTimestamp: at(now, age + 60 * (count - 1)),
  lastTimestamp: at(now, age),
  count,
  type,
  eventTime: null,
  reportingComponent: "kubelet",
  reportingInstance: ""
})

/** Fields of events that may be selected by; the API server knows more. */
const fields: { readonly [field: string]: (event: Event) => string } = {
  type: ({ type }) => type,
  reason: ({ reason }) => reason,
  "involvedObject.kind": ({ object }) => object.kind,
  "involvedObject.name": ({ object }) => object.name
}

const eventsReply = (events: ReadonlyArray<Event>, asked: Asked, now: number): Reply => {
  const wanted = (asked.parameters.fieldSelector ?? "").split(",").filter((part) => part !== "").map((part) => {
    const [field = "", value = ""] = part.split("=", 2)
    return [field, value] as const
  })
  const unknown = wanted.find(([field]) => !Object.hasOwn(fields, field))
  if (unknown !== undefined) return status(400, "BadRequest", `"${unknown[0]}" is not a known field selector`)
  const chosen = events.filter((event) => wanted.every(([field, value]) => fields[field]!(event) === value))
  return list("EventList", chosen.map((event, i) => eventJson(event, now, i)), asked)
}

const deploymentJson = ({ image, labels, name, namespace, ready, replicas }: Deployment) => {
  const isComplete = ready >= replicas
  const [isTrue, reason, message] = isComplete
    ? ["True", "MinimumReplicasAvailable", "Deployment has minimum availability."]
    : ["False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."]
  return {
    metadata: { name, namespace, labels, generation: 3 },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name, image }] } }
    },
    status: {
      observedGeneration: 3,
      replicas,
      updatedReplicas: replicas,
      ...(ready > 0 ? { readyReplicas: ready, availableReplicas: ready } : {}),
      ...(ready < replicas ? { unavailableReplicas: replicas - ready } : {}),
      conditions: [
        { type: "Available", status: isTrue, reason, message },
        { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable", message: "ReplicaSet has progressed." }
      ]
    }
  }
}

const selected = <A extends { readonly labels: Readonly<Record<string, string>> }>(
  items: ReadonlyArray<A>,
  { parameters }: Asked
): ReadonlyArray<A> | Reply => {
  const text = parameters.labelSelector ?? ""
  const matches = selector.parse(text)
  return matches === undefined
    ? status(400, "BadRequest", `unable to parse requirement: "${text}"`)
    : items.filter(({ labels }) => matches(labels))
}

const podsReply = (pods: ReadonlyArray<Pod>, asked: Asked): Reply => {
  const chosen = selected(pods, asked)
  if ("status" in chosen) return chosen
  return /^(?:1|true)$/.test(asked.parameters.watch ?? "")
    ? watch(chosen)
    : list("PodList", chosen.map((pod) => podJson.of(pod)), asked)
}

const deploymentsReply = (deployments: ReadonlyArray<Deployment>, asked: Asked): Reply => {
  const chosen = selected(deployments, asked)
  return "status" in chosen ? chosen : list("DeploymentList", chosen.map(deploymentJson), asked, "apps/v1")
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const logText = ({ lines }: Log, { parameters }: Asked): string => {
  const { limitBytes, sinceSeconds, tailLines } = parameters
  const recent = sinceSeconds === undefined ? lines : lines.filter(({ age }) => age <= Number(sinceSeconds))
  const last = tailLines === undefined ? recent : recent.slice(Math.max(0, recent.length - Number(tailLines)))
  const text = last.map(({ text }) => `${text}\n`).join("")
  return limitBytes === undefined ? text : decoder.decode(encoder.encode(text).subarray(0, Number(limitBytes)))
}

const logReply = (plan: Plan, namespace: string, name: string, asked: Asked): Reply => {
  const { container, previous } = asked.parameters
  if (!plan.pods.some((pod) => pod.namespace === namespace && pod.name === name)) {
    return status(404, "NotFound", `pods "${name}" not found`)
  }
  const logs = plan.logs.filter((log) => log.namespace === namespace && log.pod === name)
  const containers = [...new Set(logs.map((log) => log.container))]
  if (container === undefined && containers.length > 1) {
    const choice = `choose one of: [${containers.join(" ")}]`
    return status(400, "BadRequest", `a container name must be specified for pod ${name}, ${choice}`)
  }
  const of = container ?? containers[0]
  const own = logs.filter((log) => log.container === of)
  const log = own.find((it) => it.previous === (previous === "true"))
  if (log !== undefined) return { status: 200, body: logText(log, asked) }
  if (own.length > 0) {
    return status(400, "BadRequest", `previous terminated container "${of}" in pod "${name}" not found`)
  }
  return container !== undefined && containers.length > 0
    ? status(400, "BadRequest", `container ${container} is not valid for pod ${name}`)
    : status(400, "BadRequest", `container "${of ?? "main"}" in pod "${name}" is waiting to start`)
}

const inNamespace = <A extends { readonly namespace: string }>(items: ReadonlyArray<A>, namespace: string) =>
  items.filter((item) => item.namespace === namespace)

const namespaceReply = ({ namespaces }: Plan, name: string): Reply =>
  namespaces.includes(name)
    ? { status: 200, body: { kind: "Namespace", apiVersion: "v1", ...namespaceOf(name) } }
    : status(404, "NotFound", `namespaces "${name}" not found`)

/** `/api/v1/pods`, or what is in a namespace: a resource of it, of which a pod may be named to have its log. */
const paths =
  /^\/(?<group>api\/v1|apis\/apps\/v1)\/(?:(?<all>pods)|namespaces(?:\/(?<namespace>[^/]+)(?:\/(?<resource>[a-z]+)(?:\/(?<pod>[^/]+)\/log)?)?)?)$/

/** @internal */
export const answer = (plan: Plan, asked: Asked, { now, token }: Situation): Reply => {
  if (asked.authorization !== `Bearer ${token}`) return status(401, "Unauthorized", "Unauthorized")
  const found = paths.exec(asked.path)?.groups
  if (found === undefined) return notFound
  if (asked.method !== "GET") return status(405, "MethodNotAllowed", "the server does not allow this method")
  const { all, group, pod, resource } = found
  const name = decodeURIComponent(found["namespace"] ?? "")
  if (group === "apis/apps/v1") {
    return resource === "deployments" && pod === undefined
      ? deploymentsReply(inNamespace(plan.deployments, name), asked)
      : notFound
  }
  if (all !== undefined) return podsReply(plan.pods, asked)
  if (name === "") return list("NamespaceList", plan.namespaces.map(namespaceOf), asked)
  if (resource === undefined) return namespaceReply(plan, name)
  if (resource === "events" && pod === undefined) return eventsReply(inNamespace(plan.events, name), asked, now)
  if (resource !== "pods") return notFound
  return pod === undefined
    ? podsReply(inNamespace(plan.pods, name), asked)
    : logReply(plan, name, decodeURIComponent(pod), asked)
}
