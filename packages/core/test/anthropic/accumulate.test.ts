import type { RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Accumulate from "../../src/anthropic/internal/accumulate.ts"
import * as Events from "./support/events.ts"

const toolCall = (events: ReadonlyArray<RawMessageStreamEvent>) =>
  Events.fold(events).parts.find((part) => part.type === "tool-call")

const finish = (events: ReadonlyArray<RawMessageStreamEvent>) => {
  const part = Events.fold(events).parts.find((part) => part.type === "finish")
  assert.isDefined(part)
  return part
}

const call = { type: "tool_use", id: "toolu_1", name: "search" }

describe("accumulate", () => {
  it("step - a message start gives the response metadata", () => {
    assert.deepStrictEqual(Events.fold([Events.messageStart()]).parts, [
      { type: "response-metadata", id: "msg_1", modelId: "claude-test" }
    ])
  })

  it("step - a text block gives start, deltas and end", () => {
    assert.deepStrictEqual(Events.fold(Events.block(2, { type: "text" }, ["He", "llo"])).parts, [
      { type: "text-start", id: "2" },
      { type: "text-delta", id: "2", delta: "He" },
      { type: "text-delta", id: "2", delta: "llo" },
      { type: "text-end", id: "2" }
    ])
  })

  it("step - text that comes with the block start is not lost", () => {
    assert.deepStrictEqual(Events.fold([Events.blockStart(0, { type: "text", text: "Hi" })]).parts, [
      { type: "text-start", id: "0" },
      { type: "text-delta", id: "0", delta: "Hi" }
    ])
  })

  it("step - a thinking block ends with its signature", () => {
    assert.deepStrictEqual(Events.fold(Events.block(0, { type: "thinking", signature: "sig" }, ["hm"])).parts, [
      { type: "reasoning-start", id: "0" },
      { type: "reasoning-delta", id: "0", delta: "hm" },
      { type: "reasoning-end", id: "0", metadata: { anthropic: { info: { type: "thinking", signature: "sig" } } } }
    ])
  })

  it("step - a redacted thinking block carries its data and no text", () => {
    const metadata = { anthropic: { info: { type: "redacted_thinking", data: "ZGF0YQ==" } } }
    assert.deepStrictEqual(Events.fold(Events.block(0, { type: "redacted_thinking", data: "ZGF0YQ==" }, [])).parts, [
      { type: "reasoning-start", id: "0", metadata },
      { type: "reasoning-end", id: "0", metadata }
    ])
  })

  it("step - a tool call comes at the end of its block", () => {
    assert.deepStrictEqual(Events.fold(Events.block(1, call, ["{\"q\":", "\"fjord\"}"])).parts, [
      { type: "tool-params-start", id: "toolu_1", name: "search" },
      { type: "tool-params-delta", id: "toolu_1", delta: "{\"q\":" },
      { type: "tool-params-delta", id: "toolu_1", delta: "\"fjord\"}" },
      { type: "tool-params-end", id: "toolu_1" },
      { type: "tool-call", id: "toolu_1", name: "search", params: { q: "fjord" } }
    ])
  })

  it("step - no argument text means no arguments", () => {
    assert.deepStrictEqual(toolCall(Events.block(0, call, []))?.params, {})
    assert.deepStrictEqual(toolCall(Events.block(0, call, ["", ""]))?.params, {})
  })

  it("step - arguments that come with the block start are kept", () => {
    const events = [Events.blockStart(0, { ...call, input: { q: "fjord" } }), Events.blockStop(0)]
    assert.deepStrictEqual(toolCall(events)?.params, { q: "fjord" })
  })

  const json = JSON.stringify({ q: "\u00e6\ud83d\udc1f \"quoted\" \\", n: [1, -2.5e3, null, true], o: { "": {} } })
  const offsets = Array.from({ length: json.length - 1 }, (_, index) => index + 1)

  it("step - arguments are the same wherever their text is split", () => {
    for (const offset of offsets) {
      const events = Events.block(0, call, [json.slice(0, offset), json.slice(offset)])
      assert.deepStrictEqual(toolCall(events)?.params, JSON.parse(json), `split at ${offset}`)
    }
  })

  it("step - arguments that were cut anywhere stay raw text", () => {
    for (const offset of offsets) {
      const cut = json.slice(0, offset)
      const events = [...Events.block(0, call, [cut]), Events.messageDelta("max_tokens"), Events.messageStop]
      assert.strictEqual(toolCall(events)?.params, cut)
    }
  })

  it("step - arguments that would change a prototype stay raw text", () => {
    for (const raw of ["{\"__proto__\":{\"admin\":true}}", "{\"a\":{\"constructor\":{\"prototype\":{\"x\":1}}}}"]) {
      assert.strictEqual(toolCall(Events.block(0, call, [raw]))?.params, raw)
    }
  })

  it("step - unknown blocks, deltas and events add nothing", () => {
    const { parts, state } = Events.fold([
      Events.event({ type: "ping" }),
      Events.event({ type: "future_event", index: 0 }),
      Events.blockStart(0, { type: "server_tool_use", id: "srv_1", name: "web_search", input: {} }),
      Events.blockDelta(0, { type: "input_json_delta", partial_json: "{}" }),
      Events.blockStop(0),
      Events.blockDelta(7, { type: "text_delta", text: "nobody's" }),
      Events.blockStop(7)
    ])
    assert.deepStrictEqual(parts, [])
    assert.deepStrictEqual(state, Accumulate.initial)
  })

  it("step - an unknown delta leaves its block as it was", () => {
    const { parts } = Events.fold([
      Events.blockStart(0, { type: "text", text: "" }),
      Events.blockDelta(0, { type: "citations_delta", citation: {} }),
      Events.blockDelta(0, { type: "text_delta", text: "a" }),
      Events.blockStop(0)
    ])
    assert.deepStrictEqual(parts.map((part) => part.type), ["text-start", "text-delta", "text-end"])
  })

  it("step - every stop reason has its finish reason and is kept as it is", () => {
    const reasons = {
      end_turn: "stop",
      stop_sequence: "stop",
      max_tokens: "length",
      model_context_window_exceeded: "length",
      tool_use: "tool-calls",
      pause_turn: "pause",
      refusal: "content-filter",
      compaction: "other",
      constructor: "other"
    }
    for (const [stopReason, reason] of Object.entries(reasons)) {
      const part = finish([Events.messageStart(), Events.messageDelta(stopReason), Events.messageStop])
      assert.strictEqual(part.reason, reason)
      assert.deepStrictEqual(part.metadata, { anthropic: { stopReason } })
    }
  })

  it("step - a refusal keeps its details", () => {
    const stop_details = { type: "refusal", category: "cyber", explanation: null, recommended_model: "other" }
    const part = finish([Events.messageDelta("refusal", {}, { stop_details }), Events.messageStop])
    assert.deepStrictEqual(part.metadata, {
      anthropic: { stopReason: "refusal", stopDetails: { category: "cyber", explanation: null } }
    })
  })

  it("step - the later stop reason wins and null does not erase it", () => {
    const part = finish([Events.messageDelta("tool_use"), Events.messageDelta(null), Events.messageStop])
    assert.strictEqual(part.reason, "tool-calls")
  })

  it("step - usage is cumulative, its null fields keep the earlier value", () => {
    const part = finish([
      Events.messageStart({
        input_tokens: 10,
        output_tokens: 1,
        cache_read_input_tokens: 200,
        cache_creation_input_tokens: 30
      }),
      Events.messageDelta(null, { output_tokens: 20, input_tokens: null, cache_read_input_tokens: null }),
      Events.messageDelta("end_turn", { output_tokens: 50, output_tokens_details: { thinking_tokens: 40 } }),
      Events.messageStop
    ])
    assert.deepStrictEqual(part.usage, {
      inputTokens: { uncached: 10, total: 240, cacheRead: 200, cacheWrite: 30 },
      outputTokens: { total: 50, text: 10, reasoning: 40 }
    })
  })

  it("step - usage that is absent or not a whole number is left out", () => {
    const part = finish([
      Events.event({ type: "message_start", message: { id: "msg_1", model: "m" } }),
      Events.messageDelta("end_turn", { output_tokens: 1.5 }),
      Events.messageStop
    ])
    assert.deepStrictEqual(part.usage, { inputTokens: {}, outputTokens: {} })
  })

  it("step - blocks that are still open end with the message", () => {
    const { parts } = Events.fold([
      Events.blockStart(0, { type: "text", text: "" }),
      Events.blockStart(1, { ...call, input: {} }),
      Events.blockDelta(1, { type: "input_json_delta", partial_json: "{\"q" }),
      Events.messageDelta("max_tokens"),
      Events.messageStop
    ])
    assert.deepStrictEqual(parts.map((part) => part.type), [
      "text-start",
      "tool-params-start",
      "tool-params-delta",
      "text-end",
      "tool-params-end",
      "tool-call",
      "finish"
    ])
  })

  it("step - nothing is added after the message stop", () => {
    const { parts, state } = Events.fold([
      Events.messageDelta("end_turn"),
      Events.messageStop,
      Events.messageStop,
      ...Events.textReply("x")
    ])
    assert.isTrue(state.done)
    assert.deepStrictEqual(parts.map((part) => part.type), ["finish"])
  })

  it.effect.prop(
    "step - fragments join to the text they were cut from",
    [Schema.Array(Schema.String)],
    ([fragments]) =>
      Effect.sync(() => {
        const deltas = Events.fold(Events.block(0, { type: "text" }, fragments)).parts
          .flatMap((part) => part.type === "text-delta" ? [part.delta] : [])
        assert.strictEqual(deltas.join(""), fragments.join(""))
      })
  )
})
