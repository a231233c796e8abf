/**
 * What a pod of the Kubernetes API says about itself, read as `kubectl get pods` reads it.
 *
 * @internal
 */
import * as Schema from "effect/Schema"
import { oneLine } from "../../internal/boundedText.ts"
import { maybe } from "./parameters.ts"

const State = Schema.Struct({
  waiting: maybe(Schema.Struct({ reason: maybe(Schema.String), message: maybe(Schema.String) })),
  running: maybe(Schema.Struct({})),
  terminated: maybe(
    Schema.Struct({
      reason: maybe(Schema.String),
      message: maybe(Schema.String),
      exitCode: maybe(Schema.Int),
      signal: maybe(Schema.Int)
    })
  )
})

const ContainerStatus = Schema.Struct({
  name: Schema.String,
  ready: maybe(Schema.Boolean),
  started: maybe(Schema.Boolean),
  restartCount: maybe(Schema.Int),
  state: maybe(State),
  lastState: maybe(State)
})

type ContainerStatus = typeof ContainerStatus.Type

/** The fields of a pod that its status depends on. @internal */
export const Pod = Schema.Struct({
  metadata: Schema.Struct({ name: Schema.String, deletionTimestamp: maybe(Schema.String) }),
  spec: maybe(
    Schema.Struct({
      containers: maybe(Schema.Array(Schema.Struct({ name: Schema.String }))),
      initContainers: maybe(
        Schema.Array(Schema.Struct({ name: Schema.String, restartPolicy: maybe(Schema.String) }))
      )
    })
  ),
  status: maybe(
    Schema.Struct({
      phase: maybe(Schema.String),
      reason: maybe(Schema.String),
      message: maybe(Schema.String),
      conditions: maybe(
        Schema.Array(
          Schema.Struct({
            type: Schema.String,
            status: Schema.String,
            reason: maybe(Schema.String),
            message: maybe(Schema.String)
          })
        )
      ),
      initContainerStatuses: maybe(Schema.Array(ContainerStatus)),
      containerStatuses: maybe(Schema.Array(ContainerStatus))
    })
  )
})

/** @internal */
export type Pod = typeof Pod.Type

/** @internal */
export interface PodStatus {
  readonly name: string
  readonly status: string
  readonly ready: string
  readonly restarts: number
  readonly reason?: string
  readonly hasIssue: boolean
}

const longestReason = 240

const conditionOf = ({ status }: Pod, type: string) => status?.conditions?.find((it) => it.type === type)

const codeOf = ({ terminated }: typeof State.Type): string => {
  const { exitCode, reason, signal } = terminated ?? {}
  return reason ?? (signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`)
}

/** What the first init container that has not done its work shows. */
const initialising = ({ spec, status }: Pod): string | undefined => {
  const declared = spec?.initContainers ?? []
  const isSidecar = ({ name }: ContainerStatus): boolean =>
    declared.some((it) => it.name === name && it.restartPolicy === "Always")
  const all = status?.initContainerStatuses ?? []
  const at = all.findIndex((it) =>
    it.state?.terminated ? it.state.terminated.exitCode !== 0 : !(isSidecar(it) && it.started === true)
  )
  const state = all[at]?.state
  if (at < 0) return undefined
  if (state?.terminated) return `Init:${codeOf(state)}`
  const waiting = state?.waiting?.reason
  return waiting && waiting !== "PodInitializing" ? `Init:${waiting}` : `Init:${at}/${declared.length || all.length}`
}

const shownBy = ({ state }: ContainerStatus): string | undefined =>
  state?.waiting?.reason || (state?.terminated ? codeOf(state) : undefined)

const isRunning = ({ ready, state }: ContainerStatus): boolean => ready === true && Boolean(state?.running)

/** The column STATUS; "Pending: <reason>" where a pod could not be scheduled. */
const statusOf = (pod: Pod): string => {
  const { metadata, status } = pod
  const phase = status?.phase || "Unknown"
  const initial = initialising(pod)
  const containers = status?.containerStatuses ?? []
  const shown = initial ?? containers.map(shownBy).find((it) => it !== undefined)
  const isOver = phase === "Succeeded" || phase === "Failed"
  if (metadata.deletionTimestamp && !isOver) return status?.reason === "NodeLost" ? "Unknown" : "Terminating"
  const scheduled = conditionOf(pod, "PodScheduled")
  if (phase === "Pending" && scheduled?.status === "False") return `Pending: ${scheduled.reason || "Unscheduled"}`
  if (shown === "Completed" && containers.some(isRunning)) {
    return conditionOf(pod, "Ready")?.status === "True" ? "Running" : "NotReady"
  }
  return shown ?? (status?.reason || (phase === "Succeeded" ? "Completed" : phase))
}

const ending = (state: typeof State.Type | null | undefined, label: string): ReadonlyArray<string> => {
  const terminated = state?.terminated
  if (!terminated) return []
  const code = terminated.exitCode === undefined || terminated.exitCode === null
    ? ""
    : `, exit code ${terminated.exitCode}`
  return [`${label} ${codeOf(state)}${code}`, ...(terminated.message ? [terminated.message] : [])]
}

const containerReasons = ({ lastState, state }: ContainerStatus): ReadonlyArray<string> => {
  const ended = ending(state, "ended with")
  return [
    ...ended,
    ...(ended.length > 0 ? [] : ending(lastState, "last ended with")),
    ...(state?.waiting?.message ? [state.waiting.message] : [])
  ]
}

const reasonOf = (pod: Pod, status: string, hasIssue: boolean): string | undefined => {
  const all = [...pod.status?.initContainerStatuses ?? [], ...pod.status?.containerStatuses ?? []]
  const told = all.flatMap(containerReasons)
  const unready = ["PodScheduled", "Ready"].map((type) => conditionOf(pod, type)).find((it) =>
    it?.status === "False" && it.message
  )?.message
  const parts = hasIssue && told.length === 0
    ? [status === "Terminating" ? "its deletion was asked for" : pod.status?.message || unready || ""]
    : told
  const text = oneLine([...new Set(parts)].join("; "), longestReason)
  return text === "" ? undefined : text
}

/** @internal */
export const describe = (pod: Pod): PodStatus => {
  const containers = pod.status?.containerStatuses ?? []
  const total = Math.max(pod.spec?.containers?.length ?? 0, containers.length)
  const ready = containers.filter(isRunning).length
  const status = statusOf(pod)
  const hasIssue = status !== "Completed" && !(status === "Running" && ready === total)
  const reason = reasonOf(pod, status, hasIssue)
  return {
    name: pod.metadata.name,
    status,
    ready: `${ready}/${total}`,
    restarts: containers.reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0),
    ...(reason === undefined ? {} : { reason }),
    hasIssue
  }
}
