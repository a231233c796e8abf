import { assert, describe, it } from "@effect/vitest"
import { Dispatcher } from "@volley/core"
import { Effect } from "effect"
import type { Tool } from "effect/ai"
import { TestClock } from "effect/testing"
import { Kubernetes } from "../../src/kubernetes/index.ts"
import type { Cluster } from "../../src/testing/index.ts"
import { layer, planOf, requests } from "../testing/support/ops.ts"
import { answering, failureOf, fault, resultOf } from "./support.ts"

const call = (over: Partial<Tool.ParametersEncoded<typeof Kubernetes.GetEvents>> = {}) =>
  Dispatcher.call(Kubernetes.GetEvents, { namespace: "shop", ...over })

const event = (message: string, age: number, over: Partial<Cluster.Event> = {}): Cluster.Event => ({
  namespace: "shop",
  object: { kind: "Pod", name: "one" },
  type: "Warning",
  reason: "BackOff",
  message,
  count: 1,
  age,
  ...over
})

const cluster = (events: ReadonlyArray<Cluster.Event>, faults: ReadonlyArray<Cluster.Fault> = []) =>
  layer(planOf([], { events, faults }))

const many = (count: number) => Array.from({ length: count }, (_, i) => event(`m${i}`, i * 7919 % count))

const messagesOf = (report: Dispatcher.CallReport) =>
  resultOf(Kubernetes.GetEvents, report).events.map(({ message }) => message)

const items = (events: ReadonlyArray<object>) => () => Response.json({ metadata: {}, items: events })

describe("get_kubernetes_events", () => {
  it.effect("an event - what, of which object, how often, when", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.parse("2026-03-01T12:00:00Z"))
      assert.deepStrictEqual(resultOf(Kubernetes.GetEvents, yield* call()), {
        namespace: "shop",
        now: "2026-03-01T12:00:00.000Z",
        events: [
          {
            last_seen: "2026-03-01T11:59:50Z",
            first_seen: "2026-03-01T11:57:50Z",
            count: 3,
            type: "Warning",
            reason: "BackOff",
            object: "Pod/one",
            message: "again"
          },
          {
            last_seen: "2026-03-01T11:58:20Z",
            type: "Normal",
            reason: "BackOff",
            object: "Pod/one",
            message: "once"
          }
        ]
      })
    }).pipe(Effect.provide(cluster([event("once", 100, { type: "Normal" }), event("again", 10, { count: 3 })]))))

  it.live("order - newest first over all pages, 20 unless told, the others counted", () =>
    Effect.gen(function*() {
      const result = resultOf(Kubernetes.GetEvents, yield* call())
      assert.deepStrictEqual([result.events.length, result.not_listed, result.more], [20, 1180, undefined])
      const ages = new Map(many(1200).map(({ age, message }) => [message, age]))
      assert.deepStrictEqual(
        result.events.map(({ message }) => ages.get(message)),
        Array.from({ length: 20 }, (_, i) => i)
      )
      assert.lengthOf(messagesOf(yield* call({ limit: 50 })), 50)
      assert.lengthOf(yield* requests, 6)
    }).pipe(Effect.provide(cluster(many(1200)))))

  it.live("bound - 2,000 are read, and it is said that there are more", () =>
    Effect.gen(function*() {
      const result = resultOf(Kubernetes.GetEvents, yield* call({ limit: 1 }))
      assert.deepStrictEqual([result.events.length, result.not_listed, result.more], [1, 1999, true])
      assert.lengthOf(yield* requests, 4)
    }).pipe(Effect.provide(cluster(many(2100)))))

  it.live("kind, name, type - are selected by the API", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(messagesOf(yield* call({ kind: "Pod", name: "one" })), ["a", "b"])
      assert.deepStrictEqual(messagesOf(yield* call({ name: "web", type: "Normal" })), ["c"])
      assert.deepStrictEqual(messagesOf(yield* call({ type: "Warning" })), ["a", "b"])
      assert.deepStrictEqual((yield* requests).map(({ parameters }) => parameters.fieldSelector), [
        "involvedObject.kind=Pod,involvedObject.name=one",
        "involvedObject.name=web,type=Normal",
        "type=Warning"
      ])
    }).pipe(Effect.provide(cluster([
      event("a", 1),
      event("b", 2),
      event("c", 3, { type: "Normal", object: { kind: "Deployment", name: "web" } })
    ]))))

  it.live("410 - the list is begun again once", () =>
    Effect.gen(function*() {
      const report = yield* call()
      assert.deepStrictEqual([report.attempts, resultOf(Kubernetes.GetEvents, report).not_listed], [1, 580])
      assert.deepStrictEqual((yield* requests).map(({ status }) => status), [200, 410, 200, 200])
    }).pipe(Effect.provide(cluster(many(600), [fault({ kind: "expired", times: 1 }, "continue=")]))))

  it.live("none - is no failure; of a namespace that is none it is one", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(messagesOf(yield* call({ namespace: "empty" })), [])
      assert.deepStrictEqual(failureOf(yield* call({ namespace: "none" })), ["NamespaceNotFound", "permanent", 1])
    }).pipe(Effect.provide(cluster([event("a", 1)]))))

  it.effect("times - of old and new writers of events, of series, and none at all", () =>
    Effect.gen(function*() {
      const involvedObject = { kind: "Pod", name: "p" }
      const metadata = { creationTimestamp: null }
      const events = [
        { metadata, involvedObject, message: "none" },
        { metadata: { creationTimestamp: "2026-01-01T00:00:01Z" }, involvedObject, message: "created" },
        { metadata, involvedObject, message: "new", eventTime: "2026-01-01T00:00:02.000000Z", lastTimestamp: null },
        {
          metadata,
          involvedObject,
          message: "series",
          eventTime: "2026-01-01T00:00:00.000000Z",
          series: { count: 9, lastObservedTime: "2026-01-01T00:00:04.000000Z" }
        },
        {
          metadata,
          involvedObject,
          message: "old",
          firstTimestamp: "2025-01-01T00:00:00Z",
          lastTimestamp: "2026-01-01T00:00:03Z"
        }
      ]
      const result = resultOf(Kubernetes.GetEvents, yield* Effect.provide(call(), answering(items(events))))
      assert.deepStrictEqual(result.events.map(({ message }) => message), ["series", "old", "new", "created", "none"])
      assert.strictEqual(result.events[0]?.count, 9)
      assert.strictEqual(result.events[4]?.last_seen, undefined)
    }))

  it.effect("messages - are one line of at most 300 characters; all of them together fit", () =>
    Effect.gen(function*() {
      const long = { metadata: {}, involvedObject: { kind: "Pod", name: "p" }, message: "é\n\u001b[31m".repeat(5000) }
      const events = Array.from({ length: 60 }, () => long)
      const result = resultOf(
        Kubernetes.GetEvents,
        yield* Effect.provide(call({ limit: 50 }), answering(items(events)))
      )
      assert.isAtMost(Buffer.byteLength(JSON.stringify(result)), 25 * 1024)
      assert.isTrue(result.events.every(({ message }) => message.length === 300 && !/\p{Cc}/u.test(message)))
      assert.strictEqual(result.events.length + (result.not_listed ?? 0), 60)
    }))

  it.effect("messages - are not cut within a character", () =>
    Effect.gen(function*() {
      const event = { metadata: {}, involvedObject: { kind: "Pod", name: "p" }, message: "😀".repeat(400) }
      const result = resultOf(Kubernetes.GetEvents, yield* Effect.provide(call(), answering(items([event]))))
      assert.isTrue(result.events[0]?.message.isWellFormed())
    }))

  it.live("arguments - what could change the selector is refused before any request", () =>
    Effect.gen(function*() {
      for (
        const over of [{ kind: "Pod,type=Normal" }, { kind: "pod" }, { name: "a,b" }, { name: "a=b" }, { limit: 51 }]
      ) {
        assert.strictEqual((yield* call(over)).failure?.reason, "InvalidArguments", JSON.stringify(over))
      }
      assert.lengthOf(yield* requests, 0)
    }).pipe(Effect.provide(cluster([]))))
})
