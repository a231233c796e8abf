/**
 * Pods of a plan in the form of the Kubernetes API.
 *
 * @internal
 */
import type { Pod, PodState } from "../Cluster.ts"
import { containerOf, imageOf } from "./story.ts"

// The state never changes, so neither do the times.
const created = "2026-01-05T08:00:00Z"
const finished = "2026-01-05T08:09:12Z"

interface Told {
  readonly phase: string
  readonly ready: boolean
  readonly state: object
  readonly lastState: object
  readonly message?: string
}

const running = { running: { startedAt: created } }

const ended = (reason: string, exitCode: number) => ({
  terminated: { exitCode, reason, startedAt: created, finishedAt: finished }
})

const waiting = (reason: string, message: string) => ({ waiting: { reason, message } })

const told = (pod: Pod): Told => {
  const { name, restarts, state } = pod
  const [container, image] = [containerOf(pod), imageOf(pod)]
  switch (state) {
    case "CrashLoopBackOff":
      return {
        phase: "Running",
        ready: false,
        state: waiting(
          "CrashLoopBackOff",
          `back-off 5m0s restarting failed container=${container} pod=${name}`
        ),
        lastState: ended("Error", 1)
      }
    case "OOMKilled":
      return { phase: "Running", ready: false, state: ended("OOMKilled", 137), lastState: ended("OOMKilled", 137) }
    case "ImagePullBackOff":
      return {
        phase: "Pending",
        ready: false,
        state: waiting("ImagePullBackOff", `Back-off pulling image "${image}"`),
        lastState: {}
      }
    case "CreateContainerConfigError":
      return {
        phase: "Pending",
        ready: false,
        state: waiting("CreateContainerConfigError", `secret "${container}-credentials" not found`),
        lastState: {}
      }
    case "NotReady":
      return { phase: "Running", ready: false, state: running, lastState: {} }
    case "Completed":
      return { phase: "Succeeded", ready: false, state: ended("Completed", 0), lastState: {} }
    default:
      return { phase: "Running", ready: true, state: running, lastState: restarts > 0 ? ended("Error", 1) : {} }
  }
}

const condition = (type: string, isTrue: boolean, why?: { readonly reason: string; readonly message?: string }) => ({
  type,
  status: isTrue ? "True" : "False",
  lastProbeTime: null,
  lastTransitionTime: created,
  ...why
})

const unready = (container: string, state: PodState) => ({
  reason: state === "Completed" ? "PodCompleted" : "ContainersNotReady",
  ...(state === "Completed" ? {} : { message: `containers with unready status: [${container}]` })
})

const statusOf = (pod: Pod): object => {
  if (pod.state === "Unschedulable") {
    const message = "0/6 nodes are available: 6 Insufficient cpu. preemption: 0/6 nodes are available: " +
      "6 No preemption victims found for incoming pod."
    return {
      phase: "Pending",
      qosClass: "Burstable",
      conditions: [
        condition("PodScheduled", false, { reason: "Unschedulable", message })
      ]
    }
  }
  const container = containerOf(pod)
  const { lastState, phase, ready, state } = told(pod)
  const why = ready ? undefined : unready(container, pod.state)
  return {
    phase,
    qosClass: "Burstable",
    hostIP: "10.0.0.12",
    startTime: created,
    conditions: [
      condition("Initialized", true),
      condition("Ready", ready, why),
      condition("ContainersReady", ready, why),
      condition("PodScheduled", true)
    ],
    containerStatuses: [{
      name: container,
      state,
      lastState,
      ready,
      restartCount: pod.restarts,
      image: imageOf(pod),
      imageID: "",
      started: ready || pod.state === "NotReady"
    }]
  }
}

/** A pod without `kind` and `apiVersion`, as it stands in a list. @internal */
export const of = (pod: Pod): object => ({
  metadata: {
    name: pod.name,
    namespace: pod.namespace,
    uid: `${pod.namespace}/${pod.name}`,
    resourceVersion: "4200",
    creationTimestamp: created,
    labels: pod.labels,
    ownerReferences: [{
      apiVersion: pod.owner.kind === "Job" ? "batch/v1" : "apps/v1",
      kind: pod.owner.kind,
      name: pod.owner.name,
      controller: true
    }],
    ...(pod.state === "Terminating" ? { deletionTimestamp: finished, deletionGracePeriodSeconds: 30 } : {})
  },
  spec: {
    containers: [{ name: containerOf(pod), image: imageOf(pod) }],
    restartPolicy: pod.owner.kind === "Job" ? "Never" : "Always",
    ...(pod.state === "Unschedulable" ? {} : { nodeName: "node-1" })
  },
  status: statusOf(pod)
})
