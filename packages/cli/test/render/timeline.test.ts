import { assert, describe, it } from "@effect/vitest"
import { type RunEvent, RunState } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect } from "effect"
import * as Timeline from "../../src/render/timeline.ts"
import { eventsOf } from "../support/events.ts"

type Events = ReadonlyArray<RunEvent.RunEvent>

const script = [
  ModelScript.cut(ModelScript.text("never kept")),
  ModelScript.toolUse([{ name: "echo", input: { text: "a" } }]),
  ModelScript.text("Done.")
]

const usage = { inputTokens: 100, outputTokens: 20, cacheReadTokens: 3, cacheWriteTokens: 4 }
const call = { turn: 1, request: 1, index: 0, at: 7 }

const subRun: RunEvent.RunEvent = { _tag: "SubRunEnded", ...call, runId: "below", turns: 2, toolCalls: 1, usage }

const usageOf = (events: Events) => events.reduce(RunState.apply, RunState.initial).spent.usage

describe("usage", () => {
  it.effect("G16 - is what the run has spent: replies, failed requests, the runs of its tools", () =>
    Effect.gen(function*() {
      const events = yield* eventsOf(script)
      assert.deepStrictEqual(Timeline.usage(Timeline.fromEvents(events)), usageOf(events))
      const more: Events = [...events, subRun].map((event) =>
        event._tag === "ModelFailed" ? { ...event, usage } : event
      )
      const { inputTokens } = Timeline.usage(Timeline.fromEvents(more))
      assert.isAbove(inputTokens, usageOf(events).inputTokens + 150)
      assert.deepStrictEqual(Timeline.usage(Timeline.fromEvents(more)), usageOf(more))
    }))
})

describe("a run that was resumed", () => {
  const resumed: RunEvent.RunEvent = { _tag: "RunResumed", at: 9 }

  it.effect("a reply that was being received is not kept", () =>
    Effect.gen(function*() {
      const events = yield* eventsOf(script)
      const requested = events.findLastIndex(({ _tag }) => _tag === "ModelRequested")
      const { requests } = Timeline.fromEvents([...events.slice(0, requested + 1), resumed])
      assert.deepInclude(requests.at(-1)?.failed, { at: 9, reason: "Resumed", restartable: true, wait: 0 })
    }))

  it.effect("what was complete stays as it was", () =>
    Effect.gen(function*() {
      const events = yield* eventsOf(script)
      for (const [i, { _tag }] of events.entries()) {
        if (_tag !== "ModelFailed" && _tag !== "ModelResponded" && _tag !== "RunStarted") continue
        const before = Timeline.fromEvents(events.slice(0, i + 1))
        assert.deepStrictEqual(Timeline.apply(before, resumed), before)
      }
    }))
})

it.effect("approvals, discarded calls and checks of the output move nothing that is drawn", () =>
  Effect.gen(function*() {
    const timeline = Timeline.fromEvents(yield* eventsOf(script))
    const silent: Events = [
      { _tag: "CallDiscarded", ...call },
      { _tag: "ApprovalRequested", ...call },
      { _tag: "ApprovalDecided", ...call, approved: false },
      { _tag: "OutputChecked", turn: 1, request: 1, at: 7, ok: true }
    ]
    for (const event of silent) assert.strictEqual(Timeline.apply(timeline, event), timeline)
  }))
