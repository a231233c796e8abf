/**
 * What the pods of a plan leave behind: deployments, events and logs.
 *
 * @internal
 */
import type { Deployment, Event, Log, Pod, PodState } from "../Cluster.ts"

/** What is told of a pod in a state: its events, what its container writes now and what it wrote before. */
interface Story {
  readonly events: ReadonlyArray<Pick<Event, "type" | "reason" | "message" | "count" | "age">>
  readonly log?: ReadonlyArray<string>
  readonly previous?: ReadonlyArray<string>
}

const appOf = ({ labels, name }: Pod): string => labels.app ?? name

/** @internal */
export const containerOf = ({ labels }: Pod): string => labels.app ?? "main"

/** @internal */
export const imageOf = (pod: Pod): string => `registry.example/${containerOf(pod)}:2.4.1`

const event = (
  type: Event["type"],
  reason: string,
  message: string,
  age: number,
  count = 1
): Story["events"][number] => ({
  type,
  reason,
  message,
  count,
  age
})

const warning = (reason: string, message: string, age: number, count: number) =>
  event("Warning", reason, message, age, count)

const starts = (pod: Pod): ReadonlyArray<string> => [
  `level=info msg="starting" service=${appOf(pod)} version=2.4.1`,
  "level=info msg=\"listening\" port=8080"
]

const serving = [
  "level=info msg=\"request\" status=200 duration=12ms",
  "level=info msg=\"request\" status=200 duration=9ms"
]

const stories: { readonly [state in PodState]: (pod: Pod) => Story } = {
  Healthy: (pod) => ({
    events: [event("Normal", "Started", `Started container ${containerOf(pod)}`, 3000)],
    log: [...starts(pod), ...serving]
  }),
  Completed: () => ({
    events: [event("Normal", "Completed", "Job completed", 2400)],
    log: ["level=info msg=\"batch begins\"", "level=info msg=\"batch done\" rows=18234"]
  }),
  CrashLoopBackOff: (pod) => {
    const lines = [...starts(pod), "level=fatal msg=\"cannot connect to database\" error=\"connection refused\""]
    const message = `Back-off restarting failed container ${containerOf(pod)} in pod ${pod.name}`
    return { events: [warning("BackOff", message, 40, 4 * pod.restarts + 1)], log: lines, previous: lines }
  },
  ImagePullBackOff: (pod) => ({
    events: [
      warning("Failed", `Failed to pull image "${imageOf(pod)}": not found`, 150, 6),
      event("Normal", "BackOff", `Back-off pulling image "${imageOf(pod)}"`, 35, 21)
    ]
  }),
  CreateContainerConfigError: (pod) => ({
    events: [warning("Failed", `Error: secret "${containerOf(pod)}-credentials" not found`, 20, 14)]
  }),
  OOMKilled: (pod) => ({
    events: [warning("BackOff", `Back-off restarting failed container ${containerOf(pod)} in pod ${pod.name}`, 90, 5)],
    log: [...starts(pod), "level=warn msg=\"heap above 90 % of its limit\""],
    previous: [...starts(pod), "level=warn msg=\"heap above 95 % of its limit\""]
  }),
  Unschedulable: () => ({
    events: [warning("FailedScheduling", "0/6 nodes are available: 6 Insufficient cpu.", 60, 12)]
  }),
  NotReady: (pod) => ({
    events: [warning("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", 5, 34)],
    log: [...starts(pod), "level=error msg=\"cache is not warm\" missing=312"]
  }),
  Terminating: (pod) => ({
    events: [event("Normal", "Killing", `Stopping container ${containerOf(pod)}`, 30)],
    log: [...starts(pod), "level=info msg=\"draining\" open=4"]
  })
}

/** The last line was written a second ago, each other one 15 seconds before the next. */
const written = (pod: Pod, previous: boolean, lines: ReadonlyArray<string> | undefined): ReadonlyArray<Log> =>
  lines === undefined
    ? []
    : [{
      namespace: pod.namespace,
      pod: pod.name,
      container: containerOf(pod),
      previous,
      lines: lines.map((text, i) => ({ age: 1 + 15 * (lines.length - 1 - i) + (previous ? 600 : 0), text }))
    }]

/** @internal */
export const eventsOf = (pods: ReadonlyArray<Pod>): ReadonlyArray<Event> =>
  pods.flatMap((pod) =>
    stories[pod.state](pod).events.map((it) => ({
      namespace: pod.namespace,
      object: { kind: "Pod", name: pod.name },
      ...it
    }))
  )

/** @internal */
export const logsOf = (pods: ReadonlyArray<Pod>): ReadonlyArray<Log> =>
  pods.flatMap((pod) => {
    const { log, previous } = stories[pod.state](pod)
    return [...written(pod, false, log), ...written(pod, true, previous)]
  })

const isReady = ({ state }: Pod): boolean => state === "Healthy" || state === "Terminating"

/** @internal */
export const deploymentsOf = (pods: ReadonlyArray<Pod>): ReadonlyArray<Deployment> => {
  const owned = pods.filter(({ owner }) => owner.kind === "ReplicaSet")
  return [...Map.groupBy(owned, (pod) => `${pod.namespace}/${appOf(pod)}`).values()].map((all) => ({
    namespace: all[0]!.namespace,
    name: appOf(all[0]!),
    replicas: all.length,
    ready: all.filter(isReady).length,
    image: imageOf(all[0]!),
    labels: { app: appOf(all[0]!) }
  }))
}
