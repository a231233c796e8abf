import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { describe as describePod, Pod } from "../../src/kubernetes/internal/pod.ts"
import { report } from "../../src/kubernetes/internal/podStatus.ts"

const decode = Schema.decodeUnknownSync(Pod)

const waiting = (reason?: string) => ({ waiting: { reason } })
const terminated = (exitCode: number, reason?: string, signal?: number) => ({
  terminated: { exitCode, ...(reason === undefined ? {} : { reason }), ...(signal === undefined ? {} : { signal }) }
})
const running = { running: { startedAt: "2026-01-01T00:00:00Z" } }
const container = (name: string, state: object, over: object = {}) => ({
  name,
  ready: false,
  restartCount: 0,
  state,
  ...over
})

const statusOf = (status: object, spec: object = {}, metadata: object = {}) => {
  const pod = decode({ metadata: { name: "p", ...metadata }, spec: { containers: [{ name: "a" }], ...spec }, status })
  const { hasIssue, ready, status: shown } = describePod(pod)
  return [shown, ready, hasIssue]
}

const init = { initContainers: [{ name: "i" }, { name: "j" }] }
const sidecar = { initContainers: [{ name: "i", restartPolicy: "Always" }] }
const ready = { type: "Ready", status: "True" }

/** As `kubectl get pods` prints them (printPod in kubernetes/pkg/printers/internalversion). */
const cases: ReadonlyArray<
  [name: string, expected: ReadonlyArray<unknown>, status: object, spec?: object, metadata?: object]
> = [
  ["nothing known", ["Unknown", "0/1", true], {}],
  ["pending", ["Pending", "0/1", true], { phase: "Pending" }],
  ["creating", ["ContainerCreating", "0/1", true], {
    phase: "Pending",
    containerStatuses: [container("a", waiting("ContainerCreating"))]
  }],
  ["gated", ["Pending: SchedulingGated", "0/1", true], {
    phase: "Pending",
    conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }]
  }],
  ["evicted", ["Evicted", "0/1", true], { phase: "Failed", reason: "Evicted" }],
  ["exit code without a reason", ["ExitCode:3", "0/1", true], {
    phase: "Failed",
    containerStatuses: [container("a", terminated(3))]
  }],
  ["signal", ["Signal:9", "0/1", true], {
    phase: "Failed",
    containerStatuses: [container("a", terminated(137, undefined, 9))]
  }],
  ["first init container", ["Init:0/2", "0/1", true], {
    phase: "Pending",
    initContainerStatuses: [container("i", running), container("j", waiting("PodInitializing"))]
  }, init],
  ["second init container fails", ["Init:CrashLoopBackOff", "0/1", true], {
    phase: "Pending",
    initContainerStatuses: [container("i", terminated(0, "Completed")), container("j", waiting("CrashLoopBackOff"))]
  }, init],
  ["init container ended badly", ["Init:Error", "0/1", true], {
    phase: "Failed",
    initContainerStatuses: [container("i", terminated(1, "Error"))]
  }, init],
  ["sidecar runs", ["Running", "1/1", false], {
    phase: "Running",
    initContainerStatuses: [container("i", running, { started: true })],
    containerStatuses: [container("a", running, { ready: true })]
  }, sidecar],
  ["one of two has completed", ["Running", "1/2", true], {
    phase: "Running",
    conditions: [ready],
    containerStatuses: [container("b", terminated(0, "Completed")), container("a", running, { ready: true })]
  }],
  ["one of two has completed, not ready", ["NotReady", "1/2", true], {
    phase: "Running",
    containerStatuses: [container("b", terminated(0, "Completed")), container("a", running, { ready: true })]
  }],
  [
    "node lost",
    ["Unknown", "1/1", true],
    {
      phase: "Running",
      reason: "NodeLost",
      containerStatuses: [container("a", running, { ready: true })]
    },
    {},
    { deletionTimestamp: "2026-01-01T00:00:00Z" }
  ],
  ["succeeded without statuses", ["Completed", "0/1", false], { phase: "Succeeded", containerStatuses: null }]
]

describe("pod", () => {
  it.each(cases)("status - %s", (...[, expected, status, spec, metadata]) => {
    assert.deepStrictEqual(statusOf(status, spec, metadata), expected)
  })

  it("reason - is one bounded line", () => {
    const message = `first\nsecond\u202E ${"x".repeat(500)}`
    const pod = decode({
      metadata: { name: "p" },
      status: {
        phase: "Pending",
        containerStatuses: [container("a", { waiting: { reason: "ErrImagePull", message } })]
      }
    })
    const { reason = "" } = describePod(pod)
    assert.strictEqual(reason.length, 240)
    assert.isTrue(reason.startsWith("first second xxx") && reason.endsWith("…"))
  })

  it("reason - of a ready pod tells why it was restarted, but gives it no query", () => {
    const pod = decode({
      metadata: { name: "p" },
      spec: { containers: [{ name: "a" }] },
      status: {
        phase: "Running",
        containerStatuses: [{
          ...container("a", running, { ready: true, restartCount: 4 }),
          lastState: terminated(137, "OOMKilled")
        }]
      }
    })
    assert.deepStrictEqual(report("ns", { items: [pod], more: false }).pods, [{
      name: "p",
      status: "Running",
      ready: "1/1",
      restarts: 4,
      reason: "last ended with OOMKilled, exit code 137"
    }])
  })
})
