import { assert, describe, it } from "@effect/vitest"
import { Dispatcher } from "@volley/core"
import { Effect, Schema } from "effect"
import type { Tool } from "effect/ai"
import { Kubernetes } from "../../src/kubernetes/index.ts"
import { newest, plain } from "../../src/kubernetes/internal/podLogs.ts"
import type { Cluster } from "../../src/testing/index.ts"
import { layer, planOf, pod, requests } from "../testing/support/ops.ts"
import { answering, failureOf, fault, resultOf } from "./support.ts"

const call = (over: Partial<Tool.ParametersEncoded<typeof Kubernetes.GetPodLogs>> = {}) =>
  Dispatcher.call(Kubernetes.GetPodLogs, { namespace: "shop", pod: "one", ...over })

const log = (lines: ReadonlyArray<string>, over: Partial<Cluster.Log> = {}): Cluster.Log => ({
  namespace: "shop",
  pod: "one",
  container: "one",
  previous: false,
  lines: lines.map((text, i) => ({ age: 60 * (lines.length - i), text })),
  ...over
})

const cluster = (logs: ReadonlyArray<Cluster.Log>, faults: ReadonlyArray<Cluster.Fault> = []) =>
  layer(planOf([pod("one", "Healthy")], { logs, faults }))

const numbered = (count: number, text = "line") => Array.from({ length: count }, (_, i) => `${text} ${i + 1}`)

describe("get_kubernetes_pod_logs", () => {
  it.live("lines - the last 100, oldest first, or as many as asked for", () =>
    Effect.gen(function*() {
      const result = resultOf(Kubernetes.GetPodLogs, yield* call())
      assert.deepStrictEqual([result.pod, result.lines, result.note], ["one", 100, undefined])
      assert.deepStrictEqual(result.log.split("\n"), numbered(150).slice(50))
      assert.strictEqual(resultOf(Kubernetes.GetPodLogs, yield* call({ tail: 2 })).log, "line 149\nline 150")
    }).pipe(Effect.provide(cluster([log(numbered(150))]))))

  it.live("since - only lines of so long back", () =>
    Effect.gen(function*() {
      assert.strictEqual(resultOf(Kubernetes.GetPodLogs, yield* call({ since: "90s" })).log, "line 3")
      assert.strictEqual(resultOf(Kubernetes.GetPodLogs, yield* call({ since: "2m" })).log, "line 2\nline 3")
      assert.strictEqual(resultOf(Kubernetes.GetPodLogs, yield* call({ since: "1d" })).lines, 3)
      assert.deepStrictEqual((yield* requests).map(({ parameters }) => parameters.sinceSeconds), ["90", "120", "86400"])
    }).pipe(Effect.provide(cluster([log(numbered(3))]))))

  it.live("previous - the log before the last restart; where there is none the API says so", () =>
    Effect.gen(function*() {
      assert.strictEqual(resultOf(Kubernetes.GetPodLogs, yield* call({ previous: true })).log, "panic")
      assert.strictEqual(resultOf(Kubernetes.GetPodLogs, yield* call({ previous: false })).log, "well")
      assert.deepStrictEqual((yield* requests).map(({ parameters }) => parameters.previous), ["true", undefined])
    }).pipe(Effect.provide(cluster([log(["well"]), log(["panic"], { previous: true })]))))

  it.live("previous - none is LogUnavailable, in the words of the API", () =>
    Effect.gen(function*() {
      const report = yield* call({ previous: true })
      assert.deepStrictEqual(failureOf(report), ["LogUnavailable", "permanent", 1])
      assert.include(report.failure?.message, "previous terminated container \"one\"")
    }).pipe(Effect.provide(cluster([log(["well"])]))))

  it.live("container - has to be named where there are several, and has to be one", () =>
    Effect.gen(function*() {
      const open = yield* call()
      assert.deepStrictEqual(failureOf(open), ["LogUnavailable", "permanent", 1])
      assert.include(open.failure?.message, "choose one of: [one proxy]")
      assert.strictEqual(resultOf(Kubernetes.GetPodLogs, yield* call({ container: "proxy" })).log, "from the proxy")
      assert.include((yield* call({ container: "none" })).failure?.message, "container none is not valid")
    }).pipe(Effect.provide(cluster([log(["well"]), log(["from the proxy"], { container: "proxy" })]))))

  it.live("a container that was not started is LogUnavailable", () =>
    Effect.gen(function*() {
      assert.include((yield* call()).failure?.message, "waiting to start")
    }).pipe(Effect.provide(cluster([]))))

  it.live("PodNotFound, NamespaceNotFound - tell which of them is not there", () =>
    Effect.gen(function*() {
      const report = yield* call({ pod: "two" })
      assert.deepStrictEqual(failureOf(report), ["PodNotFound", "permanent", 1])
      assert.strictEqual(report.failure?.message, "No pod \"two\" in namespace \"shop\"")
      assert.deepStrictEqual(failureOf(yield* call({ namespace: "shopp" })), ["NamespaceNotFound", "permanent", 1])
    }).pipe(Effect.provide(cluster([log(["well"])]))))

  it.live("an empty log - is no failure", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(resultOf(Kubernetes.GetPodLogs, yield* call()), {
        pod: "one",
        lines: 0,
        log: "",
        note: "there are no lines"
      })
    }).pipe(Effect.provide(cluster([log([])]))))

  it.live("bound - the newest 24 KiB are given, and it is said how many lines are not", () =>
    Effect.gen(function*() {
      const result = resultOf(Kubernetes.GetPodLogs, yield* call({ tail: 1000 }))
      assert.isAtMost(Buffer.byteLength(JSON.stringify(result)), 26 * 1024)
      assert.isAtLeast(Buffer.byteLength(result.log), 22 * 1024)
      assert.isTrue(result.log.endsWith(" 1000"))
      assert.strictEqual(result.note, `${1000 - result.lines} older lines do not fit`)
    }).pipe(Effect.provide(cluster([log(numbered(1000, "é".repeat(50)))]))))

  it.live("flood - reading ends at 1 MiB and the connection is let go", () =>
    Effect.gen(function*() {
      const result = resultOf(Kubernetes.GetPodLogs, yield* call())
      assert.isAtMost(Buffer.byteLength(result.log), 25 * 1024)
      assert.match(result.note ?? "", /newest lines are missing, since reading ended at 1 MiB/)
      assert.strictEqual((yield* requests)[0]?.parameters.limitBytes, String(1024 * 1024 + 1))
    }).pipe(Effect.provide(cluster([log(["well"])], [fault({ kind: "flood" }, "/log")]))))

  it.effect("flood - no more is pulled than is read, and the stream is cancelled", () =>
    Effect.gen(function*() {
      let [sent, cancelled] = [0, 0]
      const endless = () =>
        new Response(
          new ReadableStream({
            pull: (controller) => {
              sent += 1
              controller.enqueue(new Uint8Array(64 * 1024).fill(97))
            },
            cancel: () => void (cancelled += 1)
          })
        )
      const result = resultOf(Kubernetes.GetPodLogs, yield* Effect.provide(call(), answering(endless)))
      assert.isAtMost(sent, 20)
      assert.strictEqual(cancelled, 1)
      assert.strictEqual(result.lines, 1)
      assert.isAtMost(result.log.length, 2000)
    }))

  it.live("cut - a log that breaks off is transient and read again", () =>
    Effect.gen(function*() {
      const report = yield* call()
      assert.deepStrictEqual([report.attempts, resultOf(Kubernetes.GetPodLogs, report).lines], [2, 100])
    }).pipe(Effect.provide(cluster([log(numbered(100, "x".repeat(100)))], [fault({ kind: "cut", times: 1 }, "/log")]))))

  it.live("403 - is AccessDenied and says of what", () =>
    Effect.gen(function*() {
      const report = yield* call()
      assert.deepStrictEqual(failureOf(report), ["AccessDenied", "permanent", 1])
      assert.include(report.failure?.message, "pods/log")
    }).pipe(Effect.provide(cluster([], [fault({ kind: "forbidden" }, "/log")]))))

  it.live("arguments - what is no name, number or span is refused before any request", () =>
    Effect.gen(function*() {
      for (
        const over of [
          { pod: "../x" },
          { pod: "a/log?x" },
          { pod: ".." },
          { pod: "" },
          { container: "A" },
          { tail: 0 },
          { tail: 1001 },
          { since: "1" },
          { since: "0s" },
          { since: "1w" },
          { since: "100000s" }
        ]
      ) {
        assert.strictEqual((yield* call(over)).failure?.reason, "InvalidArguments", JSON.stringify(over))
      }
      assert.lengthOf(yield* requests, 0)
    }).pipe(Effect.provide(cluster([]))))

  it("plain - colours and control characters are left out, tabs and lines are kept", () => {
    const text = "\u001b[1;31mred\u001b[0m\tx\u0007\r\n\u202eend\u2028\ud800"
    assert.strictEqual(plain(text), "red\tx\nend\uFFFD")
  })

  it.prop(
    "newest - are the last lines in order, well-formed and within the bound, whatever the text",
    {
      lines: Schema.Array(Schema.String.check(Schema.isMaxLength(400))),
      times: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 400 }))
    },
    ({ lines, times }) => {
      const text = plain(Array.from({ length: times }, () => lines.join("\n")).join("\n"))
      const { lines: kept, note } = newest(text, true)
      const all = text.endsWith("\n") ? text.slice(0, -1).split("\n") : text === "" ? [] : text.split("\n")
      assert.deepStrictEqual(kept, all.slice(all.length - kept.length))
      assert.isAtMost(Buffer.byteLength(JSON.stringify(kept)), 24 * 1024 + 2)
      assert.isTrue(kept.every((line) => line.isWellFormed()))
      assert.strictEqual(note === undefined, kept.length === all.length && all.length > 0)
    }
  )
})
