import { assert, describe, it } from "@effect/vitest"
import { ModelScript } from "@volley/core/testing"
import { Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Layout from "../../src/render/layout.ts"
import * as Live from "../../src/render/live.ts"
import * as LiveView from "../../src/render/liveView.ts"
import * as Screen from "../../src/render/screen.ts"
import * as Style from "../../src/render/style.ts"
import * as Timeline from "../../src/render/timeline.ts"
import { eventsOf } from "../support/events.ts"

const same = (text: string): string => text
const canvas = (columns: number, now = 0): Live.Canvas => ({ now, columns, style: Style.plain, redact: same })

const script = [
  ModelScript.reply({
    content: [
      { type: "text", text: "Let me look.\nAt 東京" },
      {
        type: "tool_use",
        name: "echo",
        input: { text: "東京👩‍👩‍👧 and a text that is rather long, so that it has to be cut" }
      },
      { type: "tool_use", name: "busy", input: {} },
      { type: "tool_use", name: "nobody\u001b[31m", input: { a: 1, b: "two words" } }
    ]
  }),
  ModelScript.text("Done")
]

const frame = new RegExp(String.raw`^(?:\r\x1b\[(\d+)A\x1b\[J)?([^]*)$`)

/** A terminal that understands what a screen writes, and breaks its lines anew when it is resized. */
const makeTerminal = () => {
  let columns = 40
  const lines: Array<string> = []
  const rowsOf = (line: string): number => Math.max(1, Math.ceil(Layout.width(line) / columns))
  const write = (text: string): void => {
    const [, up = "0", rest = ""] = frame.exec(text) ?? []
    let left = Number(up)
    while (left > 0) left -= rowsOf(lines.pop() ?? "")
    assert.strictEqual(left, 0, "what is erased begins with a line")
    assert.notInclude(rest, "\u001b")
    lines.push(...rest.split("\n").slice(0, -1))
  }
  return {
    terminal: { size: () => ({ columns, rows: 10 }), write },
    starts: () => lines.map((line) => line.slice(0, 6)),
    last: () => lines.at(-1) ?? "",
    resize: (to: number) => {
      columns = to
    }
  }
}

describe("live", () => {
  it.effect("a line for each call - name, arguments, attempts, duration, result", () =>
    Effect.gen(function*() {
      const events = yield* eventsOf(script)
      const [first] = Timeline.fromEvents(events).requests
      const lines = Live.requestLines(canvas(100), first!)
      assert.strictEqual(lines.length, 4)
      assert.strictEqual(lines[0], "» Let me look. At 東京")
      assert.match(lines[1]!, /^✓ echo text="東京.*… · 1\.0 s · 東京/)
      assert.match(lines[2]!, /^✗ busy · 3 attempts · 4\.\d s · transient RateLimited: busy$/)
      assert.match(lines[3]!, /^✗ nobody a=1 b="two words" · not run · permanent NotFound: .+$/)
    }))

  it.effect("while it runs - what is waited for, and for how long", () =>
    Effect.gen(function*() {
      const events = yield* eventsOf(script)
      const at = (tag: string, nth = 0): ReadonlyArray<string> => {
        const places = events.flatMap((event, i) => event._tag === tag ? [i] : [])
        const upTo = events.slice(0, places[nth]! + 1)
        const last = upTo.at(-1)!
        const now = "at" in last ? last.at + 3200 : 0
        return Live.requestLines(canvas(100, now), Timeline.fromEvents(upTo).requests.at(-1)!)
      }
      assert.deepStrictEqual(at("ModelRequested"), ["· waiting for the model · turn 1 · 3 s"])
      const asked = Timeline.fromEvents(events.filter((event) => event._tag === "ModelRequested")).requests
      assert.deepStrictEqual(asked.flatMap((request) => Live.requestLines(canvas(100), request, true)), [])
      assert.match(at("ModelResponded")[1]!, /^· echo text=.* · waiting$/)
      assert.match(at("AttemptStarted")[1]!, /^… echo text=.* · 3 s$/)
      assert.match(at("RetryScheduled")[2]!, /^↻ busy · attempt 2 in 2\.\d s · transient RateLimited: busy$/)
    }))

  it.effect("a broken reply - said in one line, its calls are not shown", () =>
    Effect.gen(function*() {
      const events = yield* eventsOf([ModelScript.cut(script[0]!, { insideBlock: 2 }), ModelScript.text("Done")])
      const [first] = Timeline.fromEvents(events).requests
      const lines = Live.requestLines(canvas(200), first!)
      assert.strictEqual(lines.length, 1)
      assert.match(lines[0]!, /^↻ model · asking again in .* · \w+Error: /)
    }))

  it.effect.prop("no line is ever too wide, whatever the columns and the moment (T11)", [
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 160 }))
  ], ([columns]) =>
    Effect.gen(function*() {
      const events = yield* eventsOf(script)
      for (let end = 1; end <= events.length; end++) {
        const timeline = Timeline.fromEvents(events.slice(0, end))
        const lines = timeline.requests.flatMap((request) => Live.requestLines(canvas(columns), request))
        for (const line of [...lines, Live.summaryLine(canvas(columns), timeline)]) {
          assert.isAtMost(Layout.width(line), columns)
          assert.notInclude(line, "\u001b")
        }
      }
    }), { arbitrary: { runs: 30 } })

  it.effect("open - draws in place, each second too, keeps what has ended, survives a resize", () =>
    Effect.gen(function*() {
      const events = yield* eventsOf(script)
      const { last, resize, starts, terminal } = makeTerminal()
      const screen = Screen.make(terminal)
      let resized = (): void => {}
      yield* Effect.scoped(Effect.gen(function*() {
        const show = yield* LiveView.open({
          screen,
          columns: () => terminal.size().columns,
          onResize: (listener) => {
            resized = listener
            return () => {
              resized = () => {}
            }
          }
        }, { style: Style.plain, redact: same })
        let timeline = Timeline.empty
        for (const event of events) {
          timeline = Timeline.apply(timeline, event)
          show(timeline)
          if (event._tag === "ModelRequested" && event.turn === 2) break
        }
        assert.deepStrictEqual(starts(), ["» Let ", "✓ echo", "✗ busy", "✗ nobo", "· wait"])
        const before = last()
        yield* TestClock.adjust("2 seconds")
        assert.notStrictEqual(last(), before)
        screen.print("WARN something")
        assert.deepStrictEqual(starts().slice(-2), ["WARN s", "· wait"])
        resize(12)
        resized()
        assert.isAtMost(Layout.width(last()), 12)
        resize(80)
        resized()
        show(Timeline.fromEvents(events))
      }))
      assert.match(last(), /^completed · 2 turns · 3 tool calls · \d+ tokens in, \d+ out · [\d.]+ s$/)
      assert.strictEqual(starts().filter((line) => line === "· wait").length, 0)
    }))
})

describe("screen", () => {
  it("erase - counts the rows that a narrower terminal has made of a line", () => {
    assert.strictEqual(Screen.erase([], 10), "")
    assert.strictEqual(Screen.erase(["a".repeat(10), ""], 10), "\r\u001b[2A\u001b[J")
    assert.strictEqual(Screen.erase(["a".repeat(21), "b"], 10), "\r\u001b[4A\u001b[J")
  })

  it("fit - a region is never higher than the terminal", () => {
    const region = ["1", "2", "3", "4", "5"]
    assert.deepStrictEqual(Screen.fit(region, 7), region)
    assert.deepStrictEqual(Screen.fit(region, 6), ["1", "2", "3", "… 2 more"])
    assert.deepStrictEqual(Screen.fit(region, 2), ["… 5 more"])
  })
})
