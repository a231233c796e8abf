/**
 * The plan of a cluster, from a seed.
 *
 * @internal
 */
import type { Fault, Plan, Pod, PodState, Series } from "../Cluster.ts"
import * as Seed from "./seed.ts"
import * as story from "./story.ts"

const services = [
  "accounts-api",
  "audit-log",
  "billing-worker",
  "cart-service",
  "catalog-search",
  "checkout-api",
  "customer-portal",
  "delivery-planner",
  "email-sender",
  "fraud-check",
  "image-resizer",
  "inventory-sync",
  "invoice-builder",
  "ledger-writer",
  "notification-hub",
  "order-router",
  "payments-api",
  "price-engine",
  "recommendations",
  "returns-desk",
  "session-store",
  "shipping-quotes",
  "tax-calculator",
  "webhook-relay"
]

const otherNamespaces = ["analytics", "batch", "ingress", "monitoring", "platform", "sandbox"]

/** As Kubernetes names generated objects: no vowels, no digits that look like letters. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789"

const sickStates: ReadonlyArray<PodState> = [
  "CrashLoopBackOff",
  "ImagePullBackOff",
  "OOMKilled",
  "Unschedulable",
  "NotReady",
  "CreateContainerConfigError"
]

/** @internal */
export const isSick = ({ state }: Pod): boolean => state !== "Healthy" && state !== "Completed"

const isScheduled = ({ state }: Pod): boolean => state !== "Unschedulable"

const hasRun = (pod: Pod): boolean =>
  isScheduled(pod) && pod.state !== "ImagePullBackOff" && pod.state !== "CreateContainerConfigError"

const restartsOf = (seed: Seed.Seeded, state: PodState): number => {
  if (state === "CrashLoopBackOff") return seed.int(6, 60)
  if (state === "OOMKilled") return seed.int(2, 12)
  return state === "Healthy" && seed.next() < 0.2 ? 1 : 0
}

const podOf = (seed: Seed.Seeded, namespace: string, service: string, state: PodState, index: number): Pod => {
  const restarts = restartsOf(seed, state)
  const labels = { app: service, tier: /api|portal|desk/.test(service) ? "web" : "backend" }
  if (service.endsWith("store")) {
    const owner = { kind: "StatefulSet", name: service } as const
    return { namespace, name: `${service}-${index}`, state, restarts, labels, owner }
  }
  const isJob = state === "Completed"
  const owner = {
    kind: isJob ? "Job" : "ReplicaSet",
    name: `${service}-${seed.text(isJob ? 8 : 10, alphabet)}`
  } as const
  return { namespace, name: `${owner.name}-${seed.text(5, alphabet)}`, state, restarts, labels, owner }
}

const mebibyte = 1024 * 1024

const seriesOf = (seed: Seed.Seeded, pod: Pod): ReadonlyArray<Series> => {
  const container = pod.labels.app ?? "main"
  const labels = { namespace: pod.namespace, pod: pod.name, container }
  const limit = 64 * mebibyte * 2 ** seed.int(0, 4)
  const level = pod.state === "OOMKilled" ? 0.97 : 0.2 + 0.4 * seed.next()
  const spec: ReadonlyArray<Series> = [
    {
      name: "kube_pod_container_resource_limits",
      labels: { ...labels, resource: "memory", unit: "byte" },
      type: "gauge",
      level: limit,
      swing: 0
    },
    {
      name: "kube_pod_container_resource_requests",
      labels: { ...labels, resource: "cpu", unit: "core" },
      type: "gauge",
      level: pod.state === "Unschedulable" ? 64 : seed.int(1, 8) / 4,
      swing: 0
    }
  ]
  const restarts: Series = {
    name: "kube_pod_container_status_restarts_total",
    labels,
    type: "gauge",
    level: pod.restarts,
    swing: 0
  }
  const usage: ReadonlyArray<Series> = [
    {
      name: "container_cpu_usage_seconds_total",
      labels,
      type: "counter",
      level: Math.round(1000 * (0.02 + seed.next())) / 1000,
      swing: 0
    },
    {
      name: "container_memory_working_set_bytes",
      labels,
      type: "gauge",
      level: Math.round(limit * level),
      swing: pod.state === "OOMKilled" ? 0.02 : 0.15
    }
  ]
  return [...spec, ...(isScheduled(pod) ? [restarts] : []), ...(hasRun(pod) ? usage : [])]
}

const faultsFor = (seed: Seed.Seeded, sick: ReadonlyArray<Pod>): ReadonlyArray<Fault> =>
  seed.shuffle(sick).map(({ name }, i): Fault => {
    const fault = { server: "prometheus", matching: name } as const
    if (i === 0) return { ...fault, kind: "unavailable", times: 1 }
    if (i === 1) return { ...fault, kind: "hang" }
    return i === 2 ? { ...fault, kind: "notFound" } : { ...fault, kind: "slow", millis: seed.int(15, 80) * 10 }
  })

const states = (seed: Seed.Seeded, sick: number, others: ReadonlyArray<PodState>): ReadonlyArray<PodState> =>
  seed.shuffle([...seed.shuffle(sickStates).slice(0, sick), ...others])

const healthy = (count: number): ReadonlyArray<PodState> => Array.from({ length: count }, () => "Healthy")

/** @internal */
export const plan = (number: number): Plan => {
  const seed = Seed.make(number)
  const [second = "", third = ""] = seed.shuffle(otherNamespaces)
  const wanted: ReadonlyArray<readonly [namespace: string, states: ReadonlyArray<PodState>]> = [
    ["production", states(seed, seed.int(5, 6), healthy(seed.int(6, 9)))],
    ["staging", states(seed, seed.int(1, 2), healthy(seed.int(3, 5)))],
    [second, states(seed, 0, [...healthy(seed.int(2, 4)), "Completed"])],
    [third, states(seed, 0, [...healthy(2), "Terminating"])]
  ]
  const pods = wanted.flatMap(([namespace, all]) => {
    const names = seed.shuffle(services)
    return all.map((state, i) => podOf(seed, namespace, names[i]!, state, seed.int(0, 2)))
  })
  const sick = pods.filter((pod) => pod.namespace === "production" && isSick(pod))
  return {
    seed: number,
    namespaces: wanted.map(([namespace]) => namespace),
    pods,
    deployments: story.deploymentsOf(pods),
    events: story.eventsOf(pods),
    logs: story.logsOf(pods),
    series: [
      ...["kubernetes", "prometheus"].map((job): Series => ({
        name: "up",
        labels: { job },
        type: "gauge",
        level: 1,
        swing: 0
      })),
      ...pods.flatMap((pod) => seriesOf(seed, pod))
    ],
    faults: faultsFor(seed, sick)
  }
}
