import { assert, describe, it } from "@effect/vitest"
import { Agent, Outcome } from "@volley/core"
import { Ledger, ModelScript } from "@volley/core/testing"
import { Effect, Schema } from "effect"
import { answers, ofTag } from "../support/observe.ts"
import { failure, lastText, limited, roles, success, watch } from "./support.ts"

const cutText = "The reply was cut before this call was complete; it was not executed. Ask for it again, more briefly."

const world = Effect.gen(function*() {
  const ledger = yield* Ledger.make
  const note = Agent.tool("note", {
    description: "Takes a note",
    parameters: { text: Schema.String },
    run: ({ text }) => Effect.as(ledger.record(text), `noted ${text}`)
  })
  return { ledger, note }
})

const plain = Agent.make("plain")

/** A reply whose call may be cut in its arguments. */
const half = (options?: ModelScript.ReplyOptions) =>
  ModelScript.toolUse([{ name: "note", partialJson: "{\"text\":\"ha" }], { stopReason: "max_tokens", ...options })

describe("a reply without calls", () => {
  for (const stopReason of ["end_turn", "stop_sequence", "tool_use", "something_new"]) {
    it.effect(`${stopReason} - completes the run with the text`, () =>
      Effect.gen(function*() {
        const { exit, requests } = yield* watch(plain, [ModelScript.text("words", { stopReason })])
        assert.deepInclude(success(exit), { _tag: "Completed", text: "words", stopReason, turns: 1 })
        assert.strictEqual(requests.length, 1)
      }))
  }

  it.effect("max_tokens - is Limited by maxTokens, with the text so far", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(plain, [ModelScript.text("half an ans", { stopReason: "max_tokens" })])
      assert.deepInclude(limited(exit), { limit: "maxTokens", text: "half an ans", stopReason: "max_tokens", turns: 1 })
      assert.deepInclude(ofTag(events, "RunEnded")[0], { outcome: "limited", reason: "maxTokens" })
    }))

  it.effect("model_context_window_exceeded - is Limited by context, with the text so far", () =>
    Effect.gen(function*() {
      const stopReason = "model_context_window_exceeded"
      const { events, exit } = yield* watch(plain, [ModelScript.text("half an ans", { stopReason })])
      assert.deepInclude(limited(exit), { limit: "context", text: "half an ans", stopReason, turns: 1 })
      assert.deepInclude(ofTag(events, "RunEnded")[0], { outcome: "limited", reason: "context" })
    }))
})

describe("a reply with calls", () => {
  for (const stopReason of ["tool_use", "end_turn", "stop_sequence"]) {
    it.effect(`${stopReason} - complete calls are run`, () =>
      Effect.gen(function*() {
        const { ledger, note } = yield* world
        const { events, exit } = yield* watch(Agent.make("calls", { tools: [note] }), [
          ModelScript.toolUse([{ name: "note", input: { text: "a" } }], { stopReason }),
          ModelScript.text("done")
        ])
        assert.deepInclude(success(exit), { _tag: "Completed", text: "done", turns: 2, toolCalls: 1 })
        assert.strictEqual(yield* ledger.count("a"), 1)
        assert.deepStrictEqual(answers(events).map(({ result }) => result), ["noted a"])
      }))
  }

  for (const stopReason of ["max_tokens", "pause_turn", "something_new", "model_context_window_exceeded"]) {
    it.effect(`${stopReason} - no call is run, each is answered`, () =>
      Effect.gen(function*() {
        const { ledger, note } = yield* world
        const { events, state } = yield* watch(Agent.make("calls", { tools: [note] }), [
          ModelScript.toolUse(["a", "b"].map((text) => ({ name: "note", input: { text } })), { stopReason }),
          ModelScript.text("done")
        ])
        assert.deepStrictEqual(yield* ledger.entries, [])
        assert.deepStrictEqual(answers(events).map(({ attempts, result }) => [attempts, result]), [[0, cutText], [
          0,
          cutText
        ]])
        assert.strictEqual(state.spent.toolCalls, 0)
      }))
  }

  it.effect("model_context_window_exceeded - is Limited by context: to ask again would need more room than there is", () =>
    Effect.gen(function*() {
      const { note } = yield* world
      const { exit, requests } = yield* watch(Agent.make("full", { tools: [note] }), [
        half({ stopReason: "model_context_window_exceeded" }),
        ModelScript.text("done")
      ])
      assert.deepInclude(limited(exit), { limit: "context", turns: 1 })
      assert.strictEqual(requests.length, 1)
    }))
})

describe("pause_turn", () => {
  const paused = (times: number) =>
    Array.from({ length: times }, (_, i) => ModelScript.text(`searching ${i}`, { stopReason: "pause_turn" }))

  it.effect("the reply is sent back as it is, without a message of the user", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(plain, [...paused(2), ModelScript.text("found")])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "found", turns: 3 })
      assert.deepStrictEqual(requests.map(({ prompt }) => roles(prompt)), [
        ["user"],
        ["user", "assistant"],
        ["user", "assistant", "assistant"]
      ])
      assert.strictEqual(lastText(requests[2]), "searching 1")
    }))

  it.effect("five in a row are resumed", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(plain, [...paused(5), ModelScript.text("found")])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "found", turns: 6 })
    }))

  it.effect("the sixth in a row is Limited by pauses, and not resumed", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(plain, [...paused(6), ModelScript.text("found")])
      assert.deepInclude(limited(exit), { limit: "pauses", text: "searching 5", stopReason: "pause_turn" })
      assert.strictEqual(requests.length, 6)
    }))

  it.effect("calls in between begin the count anew", () =>
    Effect.gen(function*() {
      const { note } = yield* world
      const { exit } = yield* watch(Agent.make("paused", { tools: [note], limits: { turns: 20 } }), [
        ...paused(5),
        ModelScript.toolUse([{ name: "note", input: { text: "a" } }]),
        ...paused(5),
        ModelScript.text("found")
      ])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "found", turns: 12 })
    }))
})

describe("a call that is cut at max_tokens", () => {
  const usage = { inputTokens: 10, outputTokens: 100 }
  const settings = (events: Parameters<typeof answers>[0]) =>
    ofTag(events, "ModelRequested").map((event) => event.settings?.maxTokens)

  it.effect("is answered as cut, and asked for once more with twice the room", () =>
    Effect.gen(function*() {
      const { ledger, note } = yield* world
      const watched = yield* watch(Agent.make("cut", { tools: [note] }), [
        half({ usage }),
        ModelScript.toolUse([{ name: "note", input: { text: "whole" } }], { usage }),
        ModelScript.text("done")
      ])
      assert.deepInclude(success(watched.exit), { _tag: "Completed", text: "done", turns: 3 })
      assert.deepStrictEqual(answers(watched.events).map(({ result }) => result), [cutText, "noted whole"])
      assert.deepStrictEqual((yield* ledger.entries).map(({ key }) => key), ["whole"])
      assert.deepStrictEqual(settings(watched.events), [undefined, 200, undefined])
      assert.deepStrictEqual(watched.settings.map(({ maxTokens }) => maxTokens), [undefined, 200, undefined])
    }))

  it.effect("whole calls of the cut reply are not run either", () =>
    Effect.gen(function*() {
      const { ledger, note } = yield* world
      const { events } = yield* watch(Agent.make("cut", { tools: [note] }), [
        ModelScript.toolUse([
          { name: "note", input: { text: "whole" } },
          { name: "note", partialJson: "{\"text\":\"ha" }
        ], { stopReason: "max_tokens" }),
        ModelScript.text("done")
      ])
      assert.deepStrictEqual(yield* ledger.entries, [])
      assert.deepStrictEqual(answers(events).map(({ result }) => result), [cutText, cutText])
    }))

  for (const tokens of [{ output: 300 }, 310] as const) {
    it.effect(`is given no more room than the tokens allow that are left (${JSON.stringify(tokens)})`, () =>
      Effect.gen(function*() {
        const { note } = yield* world
        const { events, requests } = yield* watch(Agent.make("cut", { tools: [note], limits: { tokens } }), [
          half({ usage }),
          ModelScript.text("done")
        ])
        assert.strictEqual(requests.length, 2)
        assert.deepStrictEqual(settings(events), [undefined, undefined])
      }))
  }

  for (const tokens of [{ output: 301 }, 331] as const) {
    it.effect(`is given more room where the tokens allow it (${JSON.stringify(tokens)})`, () =>
      Effect.gen(function*() {
        const { note } = yield* world
        const { events } = yield* watch(Agent.make("cut", { tools: [note], limits: { tokens } }), [
          half({ usage }),
          ModelScript.text("done")
        ])
        assert.deepStrictEqual(settings(events), [undefined, 200])
      }))
  }

  it.effect("the second in a row is Limited by maxTokens, with a history that can go on", () =>
    Effect.gen(function*() {
      const { note } = yield* world
      const agent = Agent.make("cut", { tools: [note] })
      const { events, exit, requests } = yield* watch(agent, [half(), half(), ModelScript.text("never asked")])
      const outcome = limited(exit)
      assert.deepInclude(outcome, { limit: "maxTokens", turns: 2, toolCalls: 0 })
      assert.strictEqual(requests.length, 2)
      assert.deepStrictEqual(answers(events).map(({ result }) => result), [cutText, cutText])
      const next = yield* watch(agent, [ModelScript.text("fine")], { history: outcome.transcript })
      assert.strictEqual(success(next.exit).text, "fine")
    }))

  it.effect("a whole turn in between begins the count anew", () =>
    Effect.gen(function*() {
      const { note } = yield* world
      const { exit } = yield* watch(Agent.make("cut", { tools: [note] }), [
        half(),
        ModelScript.toolUse([{ name: "note", input: { text: "whole" } }]),
        half(),
        ModelScript.text("done")
      ])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "done", turns: 4 })
    }))
})

describe("an empty end_turn", () => {
  const empty = ModelScript.reply({ content: [] })

  it.effect("is pointed out once, and the model goes on", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(plain, [empty, ModelScript.text("sorry")])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "sorry", turns: 2 })
      assert.strictEqual(lastText(requests[1]), "Your reply was empty. Continue, or answer with what you have.")
    }))

  it.effect("the second one completes the run without a text", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(plain, [empty, empty, ModelScript.text("never asked")])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "", turns: 2 })
      assert.strictEqual(requests.length, 2)
    }))

  it.effect("is pointed out once in a run, also where calls were in between", () =>
    Effect.gen(function*() {
      const { note } = yield* world
      const { exit, requests } = yield* watch(Agent.make("empty", { tools: [note] }), [
        empty,
        ModelScript.toolUse([{ name: "note", input: { text: "a" } }]),
        empty
      ])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "", turns: 3 })
      assert.strictEqual(requests.length, 3)
    }))

  it.effect("thinking alone is empty as well", () =>
    Effect.gen(function*() {
      const thinking = ModelScript.reply({ content: [{ type: "thinking", thinking: "hm", signature: "c2ln" }] })
      const { exit, requests } = yield* watch(plain, [thinking, ModelScript.text("here")])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "here", turns: 2 })
      assert.strictEqual(lastText(requests[1]), "Your reply was empty. Continue, or answer with what you have.")
    }))
})

describe("refusal", () => {
  it.effect("fails the run with category, explanation and what was used", () =>
    Effect.gen(function*() {
      const usage = { inputTokens: 7, outputTokens: 3 }
      const { events, exit } = yield* watch(plain, [ModelScript.refusal("cyber", "not this", { usage })])
      const error = failure(exit)
      assert.instanceOf(error, Outcome.Refused)
      assert.deepStrictEqual([error.category, error.explanation], ["cyber", "not this"])
      assert.deepInclude(error.usage, usage)
      assert.deepInclude(ofTag(events, "RunEnded")[0], { outcome: "refused" })
    }))

  it.effect("without category and explanation is a refusal too", () =>
    Effect.gen(function*() {
      const error = failure((yield* watch(plain, [ModelScript.refusal(null)])).exit)
      assert.instanceOf(error, Outcome.Refused)
      assert.deepStrictEqual([error.category, error.explanation], ["", ""])
    }))

  it.effect("in the middle of a run - runs no call of the refused reply, and keeps the history before it", () =>
    Effect.gen(function*() {
      const { ledger, note } = yield* world
      const agent = Agent.make("refused", { tools: [note] })
      const { exit, state } = yield* watch(agent, [
        ModelScript.toolUse([{ name: "note", input: { text: "before" } }]),
        ModelScript.reply({
          content: [
            { type: "text", text: "I will" },
            { type: "tool_use", name: "note", input: { text: "refused" } },
            { type: "tool_use", name: "note", partialJson: "{\"te" }
          ],
          stopReason: "refusal",
          stopDetails: { category: "bio", explanation: null }
        })
      ])
      const error = failure(exit)
      assert.instanceOf(error, Outcome.Refused)
      assert.deepStrictEqual(roles(error.transcript), ["user", "assistant", "tool"])
      assert.notInclude(JSON.stringify(error.transcript), "I will")
      assert.deepStrictEqual((yield* ledger.entries).map(({ key }) => key), ["before"])
      assert.strictEqual(state.ended?.text, "")
      // `watch` sends each request through the strict validator
      const next = yield* watch(agent, [ModelScript.text("fine")], { history: error.transcript })
      assert.strictEqual(success(next.exit).text, "fine")
      assert.deepStrictEqual(roles(next.requests[0]!.prompt), ["user", "assistant", "tool", "user"])
    }))
})
