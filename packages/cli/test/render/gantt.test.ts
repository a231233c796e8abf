import { assert, describe, it } from "@effect/vitest"
import type { RunEvent } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as Gantt from "../../src/render/gantt.ts"
import * as Layout from "../../src/render/layout.ts"
import * as Style from "../../src/render/style.ts"
import * as Timeline from "../../src/render/timeline.ts"
import { eventsOf } from "../support/events.ts"

const same = (text: string): string => text
const plain = (columns: number): Gantt.Canvas => ({ columns, style: Style.plain, redact: same })
const colored = (columns: number): Gantt.Canvas => ({ ...plain(columns), style: Style.colored })

/** An attempt from and to a time in milliseconds, and the reason of its failure; without `to` it has no end. */
interface Attempt {
  readonly from: number
  readonly to?: number | undefined
  readonly reason?: string | undefined
}

interface Call {
  readonly name: string
  readonly params: unknown
  readonly attempts: ReadonlyArray<Attempt>
  readonly answered?: number | undefined
}

const failure = (reason: string): RunEvent.Failure => ({ kind: "transient", reason, message: "", executed: true })

const usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

const callEvents = (turn: number, { answered, attempts, name, params }: Call, index: number) => {
  const key = { turn, request: 1, index }
  const reason = attempts.at(-1)?.reason
  const events: Array<RunEvent.RunEvent> = [{ _tag: "ToolCallRequested", ...key, at: 0, id: "a", name, params }]
  for (const [i, one] of attempts.entries()) {
    const attempt = i + 1
    events.push({ _tag: "AttemptStarted", ...key, at: one.from, attempt })
    if (one.to === undefined) continue
    const failed = one.reason === undefined ? {} : { failure: failure(one.reason) }
    events.push({ _tag: "AttemptEnded", ...key, at: one.to, attempt, ...failed })
    const next = attempts[i + 1]
    if (next) events.push({ _tag: "RetryScheduled", ...key, at: one.to, attempt, wait: next.from - one.to, left: 9 })
  }
  if (answered !== undefined) {
    const failed = reason === undefined ? {} : { failure: failure(reason) }
    const ok = reason === undefined
    const attempted = attempts.length
    events.push({ _tag: "ToolCallAnswered", ...key, at: answered, ok, result: "", attempts: attempted, ...failed })
  }
  return events
}

const turn = (number: number, at: number, calls: ReadonlyArray<Call>): ReadonlyArray<RunEvent.RunEvent> => {
  const key = { turn: number, request: 1 }
  return [
    { _tag: "ModelRequested", ...key, at },
    { _tag: "ModelResponded", ...key, at: at + 4, finishReason: "stop", stopReason: "end_turn", usage },
    ...calls.flatMap((call, i) => callEvents(number, call, i))
  ]
}

const ended = (at: number): RunEvent.RunEvent => ({ _tag: "RunEnded", at, outcome: "completed", text: "" })

const query = (pod: string) => ({ query: `memory{pod="${pod}"}`, range: "5m" })

const three = [
  ...turn(1, 0, [
    {
      name: "query",
      params: query("api-1"),
      attempts: [{ from: 4, to: 400, reason: "Unavailable" }, { from: 800, to: 1200 }],
      answered: 1200
    },
    { name: "query", params: query("api-22"), attempts: [{ from: 4, to: 2000, reason: "Timeout" }], answered: 2000 },
    { name: "query", params: query("db"), attempts: [{ from: 1000, to: 1000, reason: "NotFound" }], answered: 1000 },
    { name: "nobody", params: {}, attempts: [], answered: 5 }
  ]),
  ...turn(2, 1996, []),
  ended(2000)
]

const lines = (canvas: Gantt.Canvas, events: ReadonlyArray<RunEvent.RunEvent>): ReadonlyArray<string> =>
  Gantt.lines(canvas, Timeline.fromEvents(events))

const integer = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const text = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(Schema.Literals(["a", "pod-7f", "東京", "👩‍👩‍👧", "e\u0301", " ", "\"", "\n", "\u001b[31m", "{"])),
    { maxLength: 12 }
  ),
  (pieces) => pieces.join("")
)

const anyAttempts = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([integer(-50, 900), integer(-50, 3000), integer(0, 3), text]), { maxLength: 6 }),
  (all) =>
    all.map(([from, took, end, reason]): Attempt => ({
      from,
      to: end === 0 ? undefined : from + took,
      reason: end === 1 ? reason : undefined
    }))
)

const anyCalls = Arbitrary.array(
  Arbitrary.map(
    Arbitrary.all([text, text, anyAttempts, integer(-1, 4000)]),
    ([name, value, attempts, answered]): Call => ({
      name: name.length % 2 === 0 ? "query" : name,
      params: { value },
      attempts,
      answered: answered < 0 ? undefined : answered
    })
  ),
  { maxLength: 6 }
)

/** Runs of any times, which need not grow: a clock may be set back. */
const anyRun = Arbitrary.map(
  Arbitrary.all([anyCalls, anyCalls, integer(-1, 200_000)]),
  ([first, second, end]) => [...turn(1, 0, first), ...turn(2, 500, second), ...end < 0 ? [] : [ended(end)]]
)

const escapes = new RegExp(String.raw`\x1b\[\d+m`, "g")
const control = new RegExp(String.raw`[\x00-\x1f\x7f-\x9f]`)

describe("gantt", () => {
  it("a row a call, a bar an attempt - what calls share stands once, the sum beside the wall time", () => {
    assert.deepStrictEqual(lines(plain(72), three), [
      "                 |0                 |1 s",
      "   model, turn 1 -                                       4 ms",
      "   3 x query query=\"memory{pod=\\\"...\\\"}\" range=5m",
      "ok api-1         xxxxxxxx.......========                1.2 s 2 attempts",
      "x  api-22        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx 2.0 s Timeout",
      "x  db                               x                    0 ms NotFound",
      "ok nobody                                                     not run",
      "   model, turn 2                                      -  4 ms",
      "",
      "wall 2.0 s, sum 3.2 s",
      "- model  = attempt  x failed attempt  . wait"
    ])
  })

  it("in colours - marks and fills of their own, every line as wide as without", () => {
    const drawn = lines(colored(72), three)
    assert.include(drawn.join("\n"), "\u001b[32m")
    for (const mark of ["✓", "✗", "█", "▓", "░", "─"]) assert.include(drawn.join("\n"), mark)
    const barOf = (line: string): string => line.replace(escapes, "").replace(/[^█▓░]/g, "")
    const api = drawn.find((line) => line.includes("api-1"))!
    assert.match(barOf(api), /^▓+░+█+$/)
  })

  it("a run that was cut off - what has no end reaches to the last known time, and is not counted", () => {
    const cut = [
      ...turn(1, 0, [
        { name: "slow", params: {}, attempts: [{ from: 4 }] },
        { name: "fast", params: {}, attempts: [{ from: 4, to: 1000 }], answered: 1000 }
      ])
    ]
    const [, , slow, fast, , sums] = lines(plain(60), cut)
    assert.match(slow!, /^\? +slow +\?{20,} +no answer$/)
    assert.match(fast!, /^ok fast +={20,} +996 ms$/)
    assert.strictEqual(sums, "wall 1.0 s, sum 996 ms")
  })

  it.effect("a run as the runner makes it - discarded replies, waits, calls that were not run", () =>
    Effect.gen(function*() {
      const events = yield* eventsOf([
        ModelScript.cut(ModelScript.text("never kept")),
        ModelScript.toolUse([{ name: "echo", input: { text: "a" } }, { name: "busy", input: {} }, {
          name: "none",
          input: {}
        }]),
        ModelScript.text("Done")
      ])
      const drawn = lines(plain(100), events)
      assert.match(drawn[1]!, /^x {2}model, turn 1 +x .* NetworkError$/)
      assert.match(drawn.find((line) => line.includes("echo"))!, /^ok echo text=a +=+ +1\.0 s$/)
      assert.match(drawn.find((line) => line.includes("busy"))!, /^x {2}busy +x\.+x\.+x +\d\.\d s RateLimited$/)
      assert.match(drawn.find((line) => line.includes("none"))!, /^x {2}none +NotFound$/)
    }))

  it("before anything was asked, and without room for bars", () => {
    assert.deepStrictEqual(lines(plain(80), []), [])
    assert.deepStrictEqual(lines(plain(30), three), ["wall 2.0 s, sum 3.2 s"])
  })

  it.prop("no line is ever too wide, whatever the run", [anyRun, integer(20, 200)], ([run, columns]) => {
    const drawn = lines(plain(columns), run)
    for (const line of drawn) {
      assert.isAtMost(Layout.width(line), columns)
      assert.notMatch(line, control)
    }
    const inColours = lines(colored(columns), run).map((line) => line.replace(escapes, ""))
    for (const line of inColours) {
      assert.isAtMost(Layout.width(line), columns)
      assert.notMatch(line, control)
    }
    assert.strictEqual(inColours.length, drawn.length)
  }, { arbitrary: { runs: 500 } })

  it("without colours - ASCII alone, as far as names are", () => {
    const drawn = lines(plain(Number.POSITIVE_INFINITY), three)
    for (const line of drawn) {
      assert.match(line, /^[ -~]*$/)
      assert.isAtMost(line.length, 100)
    }
  })
})
