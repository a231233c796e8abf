import { assert, describe, it } from "@effect/vitest"
import { type RunEvent, RunState } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect } from "effect"
import * as Ended from "../../src/exit.ts"
import * as Report from "../../src/render/report.ts"
import * as Timeline from "../../src/render/timeline.ts"
import { eventsOf } from "../support/events.ts"

const usage = { inputTokens: 10, outputTokens: 5 }
const twoCalls = ModelScript.toolUse([{ name: "echo", input: { text: "x" } }, { name: "busy", input: {} }], { usage })

const fromEvents = (events: ReadonlyArray<RunEvent.RunEvent>, journal?: string) =>
  Report.fromTimeline(Timeline.fromEvents(events), events.reduce(RunState.apply, RunState.initial).spent, journal)

const reportOf = (script: ModelScript.Script, limits = {}, journal?: string) =>
  Effect.map(eventsOf(script, limits), (events) => fromEvents(events, journal))

describe("report", () => {
  it.effect("completed - every key, durations from the events", () =>
    Effect.gen(function*() {
      const report = yield* reportOf([twoCalls, ModelScript.text("Done", { usage })], {}, "run.ndjson")
      assert.isAtLeast(report.durationMs, 4000)
      assert.isAtMost(report.durationMs, 4500)
      assert.deepStrictEqual({ ...report, durationMs: 0 }, {
        runId: "run_1",
        outcome: "completed",
        text: "Done",
        stopReason: "end_turn",
        turns: 2,
        toolCalls: [
          {
            id: "toolu_0_0",
            name: "echo",
            arguments: { text: "x" },
            ok: true,
            attempts: 1,
            durationMs: report.toolCalls[0]!.durationMs
          },
          {
            id: "toolu_0_1",
            name: "busy",
            arguments: {},
            ok: false,
            kind: "transient",
            reason: "RateLimited",
            attempts: 3,
            durationMs: report.toolCalls[1]!.durationMs
          }
        ],
        usage: { inputTokens: 20, outputTokens: 10, cacheReadTokens: 0, cacheWriteTokens: 0 },
        cost: 0,
        durationMs: 0,
        journal: "run.ndjson"
      })
      assert.strictEqual(report.toolCalls[0]?.durationMs, 1000)
      assert.isAtLeast(report.toolCalls[1]!.durationMs, 4000)
      assert.strictEqual(Ended.ofReport(report), 0)
    }))

  it.effect("the calls of a broken or refused reply are not reported", () =>
    Effect.gen(function*() {
      const report = yield* reportOf([
        ModelScript.cut(twoCalls, { insideBlock: 1 }),
        { ...twoCalls, stopReason: "refusal", stopDetails: { category: "cyber", explanation: null } }
      ])
      assert.strictEqual(report.outcome, "refused")
      assert.strictEqual(report.reason, "cyber")
      assert.deepStrictEqual(report.toolCalls, [])
      assert.strictEqual(Ended.ofReport(report), 4)
    }))

  it.effect("failed - the reason of the model's error", () =>
    Effect.gen(function*() {
      const report = yield* reportOf([ModelScript.status(401)])
      assert.strictEqual(report.outcome, "failed")
      assert.strictEqual(report.reason, "AuthenticationError")
      assert.strictEqual(Ended.ofReport(report), 1)
    }))

  it.effect("limited - exit 0 with an answer, 3 without", () =>
    Effect.gen(function*() {
      const withAnswer = yield* reportOf([twoCalls, ModelScript.text("So far")], { turns: 2 })
      assert.deepStrictEqual([withAnswer.outcome, withAnswer.reason, Ended.ofReport(withAnswer)], [
        "limited",
        "turns",
        0
      ])
      const without = yield* reportOf([twoCalls, ModelScript.reply({ content: [] })], { turns: 2 })
      assert.deepStrictEqual([without.outcome, without.text, Ended.ofReport(without)], ["limited", "", 3])
    }))

  it.effect("a journal that ends early is a failed run, at any event", () =>
    Effect.gen(function*() {
      const events = yield* eventsOf([twoCalls, ModelScript.text("Done")])
      for (let end = 0; end < events.length; end++) {
        const report = fromEvents(events.slice(0, end))
        assert.strictEqual(report.outcome, "failed")
        assert.isAtLeast(report.durationMs, 0)
      }
    }))

  it("a cancelled run exits 130", () => {
    assert.strictEqual(Ended.ofReport({ outcome: "cancelled", text: "" }), 130)
  })
})
