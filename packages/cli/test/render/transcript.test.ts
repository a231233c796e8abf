import { assert, describe, it } from "@effect/vitest"
import * as Redactor from "@volley/core/Redactor"
import { ModelScript } from "@volley/core/testing"
import { Effect, Redacted, Schema } from "effect"
import * as Layout from "../../src/render/layout.ts"
import * as Style from "../../src/render/style.ts"
import * as Timeline from "../../src/render/timeline.ts"
import * as Transcript from "../../src/render/transcript.ts"
import { eventsOf } from "../support/events.ts"

const page = (columns = Number.POSITIVE_INFINITY): Transcript.Page => ({
  columns,
  style: Style.plain,
  redact: (text) => text
})

const script = [
  ModelScript.cut(ModelScript.text("never kept")),
  ModelScript.reply({
    content: [
      { type: "text", text: "Let me look." },
      { type: "tool_use", name: "echo", input: { text: "a\u001b[31mb" } },
      { type: "tool_use", name: "busy", input: {} }
    ]
  }),
  ModelScript.text("It is done.\n\nReally.")
]

describe("transcript", () => {
  it.effect("the whole run - question, turns, attempts, waits, answers, end", () =>
    Effect.gen(function*() {
      const text = Transcript.run(page(), Timeline.fromEvents(yield* eventsOf(script))).join("\n")
      const normal = text.replace(/\d+(\.\d+)? (ms|s)\b/g, "<time>").replace(/ \d+ tokens in, \d+ out/g, " <tokens>")
      assert.strictEqual(
        normal,
        `run_1 · agent volley · 1970-01-01T00:00:00.000Z

Question
  What is it?

Turn 1 · <time>
  The reply was discarded: NetworkError: ScriptedModel.streamText: TransportError: The connection was lost in the middle of the reply (POST /v1/messages) · asked again after <time>

Turn 1 · request 2 · scripted · <time> · tool_use · <tokens>
  Let me look.
  ✓ echo text="a\\u001b[31mb"
      attempt 1 · <time> · ok
      answered after <time>:
        ab
  ✗ busy
      attempt 1 · <time> · transient RateLimited: busy
      waited <time>
      attempt 2 · <time> · transient RateLimited: busy
      waited <time>
      attempt 3 · <time> · transient RateLimited: busy
      answered after <time>:
        Transient failure (RateLimited): busy. Tried 3 times. The same call may succeed after <time>.

Turn 2 · scripted · <time> · end_turn · <tokens>
  It is done.

  Really.

Ended: completed · 2 turns · 2 tool calls · <tokens> · <time>`
      )
      assert.notInclude(text, "never kept")
    }))

  it.effect("a journal that ends early says so, wherever it ends", () =>
    Effect.gen(function*() {
      const events = yield* eventsOf(script)
      for (let end = 1; end < events.length; end++) {
        const lines = Transcript.run(page(), Timeline.fromEvents(events.slice(0, end)))
        assert.match(lines.at(-1)!, /^The journal ends early/)
      }
      assert.deepStrictEqual(Transcript.run(page(), Timeline.empty), ["The journal is empty."])
    }))

  it.effect.prop(
    "lines fit the columns",
    [Schema.Int.check(Schema.isBetween({ minimum: 30, maximum: 160 }))],
    ([columns]) =>
      Effect.gen(function*() {
        const lines = Transcript.run(page(columns), Timeline.fromEvents(yield* eventsOf(script)))
        for (const line of lines.slice(0, -1)) assert.isAtMost(Layout.width(line), columns, line)
      }),
    { arbitrary: { runs: 20 } }
  )

  it.effect("why the prompt cache missed", () =>
    Effect.gen(function*() {
      const events = (yield* eventsOf([ModelScript.text("Done.")])).map((event) =>
        event._tag === "ModelResponded" ? { ...event, cacheMiss: { reason: "tools_changed", tokens: 1200 } } : event
      )
      const text = Transcript.run(page(), Timeline.fromEvents(events)).join(" ").replace(/\s+/g, " ")
      assert.include(text, "not in the prompt cache: tools_changed, 1200 tokens")
    }))

  it.effect("a refusal and a secret", () =>
    Effect.gen(function*() {
      const { redact } = Redactor.make([Redacted.make("hunter2-secret")])
      const events = yield* eventsOf([ModelScript.refusal("cyber", "because of hunter2-secret")])
      const text = Transcript.run({ ...page(20), redact }, Timeline.fromEvents(events)).join("\n")
      assert.include(text.replace(/\s+/g, " "), "The model refused (cyber): because of [redacted]")
      assert.notInclude(text, "hunter2")
    }))
})
