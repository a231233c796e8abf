import type { RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages"
import { assert, describe, it } from "@effect/vitest"
import { RunEvent } from "@volley/core"
import { Effect, Schema } from "effect"
import * as Accumulate from "../../src/anthropic/internal/accumulate.ts"
import { MalformedReply } from "../../src/anthropic/internal/blocks.ts"
import * as Fixtures from "./fixtures.ts"
import * as Events from "./support/events.ts"

type Events = ReadonlyArray<RawMessageStreamEvent>

/** The parts and the state of a reply that has begun already, where the events do not begin it. */
const fold = (events: Events) => {
  if (events[0]?.type === "message_start") return Events.fold(events)
  const { parts, state } = Events.fold([Events.messageStart(), ...events])
  return { state, parts: parts.slice(1) }
}

const toolCalls = (events: Events) => fold(events).parts.filter((part) => part.type === "tool-call")

/** The call of a whole reply. */
const toolCall = (events: Events) => toolCalls([...events, Events.messageDelta("tool_use"), Events.messageStop])[0]

const types = (events: Events) => fold(events).parts.map((part) => part.type)

const refusal = (events: Events): string => {
  try {
    fold(events)
  } catch (cause) {
    assert.instanceOf(cause, MalformedReply)
    return cause.message
  }
  return assert.fail("was taken")
}

const finish = (events: Events) => {
  const part = fold(events).parts.find((part) => part.type === "finish")
  assert.isDefined(part)
  return part
}

const call = { type: "tool_use", id: "toolu_1", name: "search" }

describe("accumulate", () => {
  it("step - a message start gives the response metadata", () => {
    assert.deepStrictEqual(
      fold([Events.event({ type: "message_start", message: { id: "m", model: "c" } })]).parts,
      [
        { type: "response-metadata", id: "m", modelId: "c" }
      ]
    )
  })

  const startUsage = {
    input_tokens: 10,
    output_tokens: 1,
    cache_read_input_tokens: 200,
    cache_creation_input_tokens: 30,
    cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 10 },
    service_tier: "priority"
  }

  it("step - the response metadata say what the reply has cost so far, in the form of the journal", () => {
    const usage = (said?: Record<string, unknown>) => {
      const part = fold([Events.messageStart(said)]).parts[0]
      const metadata = part?.type === "response-metadata" ? part.metadata : undefined
      return metadata === undefined ? undefined : (metadata["anthropic"] as { readonly usage: unknown }).usage
    }
    assert.deepStrictEqual(usage(startUsage), {
      inputTokens: 240,
      outputTokens: 1,
      cacheReadTokens: 200,
      cacheWriteTokens: 30,
      cacheWriteLongTokens: 10
    })
    assert.deepStrictEqual(usage(), { inputTokens: 3, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 })
    assert.isTrue(Schema.is(RunEvent.Usage)(usage(startUsage)))
    assert.isTrue(Schema.is(RunEvent.Usage)(usage()))
    assert.isUndefined(usage({ output_tokens: 1 }))
  })

  it("step - the finish says the service tier and the long cache writes that the start said", () => {
    const part = finish([Events.messageStart(startUsage), Events.messageDelta("end_turn"), Events.messageStop])
    assert.deepStrictEqual(part.metadata, {
      anthropic: { stopReason: "end_turn", serviceTier: "priority", cacheWriteLongTokens: 10 }
    })
  })

  it("step - a split and a tier that are null are left out", () => {
    const usage = { ...startUsage, cache_creation: null, service_tier: null }
    const part = finish([Events.messageStart(usage), Events.messageDelta("end_turn"), Events.messageStop])
    assert.deepStrictEqual(part.metadata, { anthropic: { stopReason: "end_turn" } })
  })

  it("step - a text block gives start, deltas and end", () => {
    assert.deepStrictEqual(fold(Events.block(0, { type: "text" }, ["He", "llo"])).parts, [
      { type: "text-start", id: "0" },
      { type: "text-delta", id: "0", delta: "He" },
      { type: "text-delta", id: "0", delta: "llo" },
      { type: "text-end", id: "0" }
    ])
  })

  it("step - text that comes with the block start is not lost", () => {
    assert.deepStrictEqual(fold([Events.blockStart(0, { type: "text", text: "Hi" })]).parts, [
      { type: "text-start", id: "0" },
      { type: "text-delta", id: "0", delta: "Hi" }
    ])
  })

  it("step - a thinking block ends with its signature", () => {
    assert.deepStrictEqual(fold(Events.block(0, { type: "thinking", signature: "sig" }, ["hm"])).parts, [
      { type: "reasoning-start", id: "0" },
      { type: "reasoning-delta", id: "0", delta: "hm" },
      { type: "reasoning-end", id: "0", metadata: { anthropic: { info: { type: "thinking", signature: "sig" } } } }
    ])
  })

  it("step - a redacted thinking block carries its data and no text", () => {
    const metadata = { anthropic: { info: { type: "redacted_thinking", data: "ZGF0YQ==" } } }
    assert.deepStrictEqual(fold(Events.block(0, { type: "redacted_thinking", data: "ZGF0YQ==" }, [])).parts, [
      { type: "reasoning-start", id: "0", metadata },
      { type: "reasoning-end", id: "0", metadata }
    ])
  })

  it("step - a tool call comes with the end of its block where its arguments are a whole object", () => {
    const block = Events.block(0, call, ["{\"q\":", "\"fjord\"}"])
    const expected = { type: "tool-call", id: "toolu_1", name: "search", params: { q: "fjord" } }
    assert.deepStrictEqual(fold(block).parts, [
      { type: "tool-params-start", id: "toolu_1", name: "search" },
      { type: "tool-params-delta", id: "toolu_1", delta: "{\"q\":" },
      { type: "tool-params-delta", id: "toolu_1", delta: "\"fjord\"}" },
      { type: "tool-params-end", id: "toolu_1" },
      expected as never
    ])
    const { parts } = fold([...block, Events.blockStart(1, { type: "text", text: "" })])
    assert.deepStrictEqual(parts.slice(-2), [expected as never, { type: "text-start", id: "1" }])
  })

  it("step - one whose text proves nothing comes with the end of the reply or the begin of the next block", () => {
    const next = Events.blockStart(1, { type: "text", text: "" })
    for (const [texts, params] of [[[], {}], [["{\"q\":"], "{\"q\":"], [["[1]"], [1]]] as const) {
      const block = Events.block(0, call, texts)
      assert.deepStrictEqual(toolCalls(block), [])
      assert.deepStrictEqual(toolCall(block)?.params, params)
      assert.deepStrictEqual(toolCalls([...block, next]).map((part) => part.params), [params])
    }
  })

  const whole = Events.block(0, call, ["{\"q\":1}"])
  const paramsOf = (events: Events) => toolCalls(events).map((part) => part.params)

  it("step - the last call of a reply that may have been cut keeps its arguments as text, but for a whole object", () => {
    const endings = ["max_tokens", "model_context_window_exceeded", "refusal", "stop_sequence", "unheard_of"].map((
      reason
    ) => [Events.messageDelta(reason), Events.messageStop])
    for (const ending of [...endings, [Events.messageStop]]) {
      for (const texts of [[], ["{\"q\":"], ["[1]"]]) {
        const second = Events.block(1, { ...call, id: "toolu_2" }, texts)
        assert.deepStrictEqual(paramsOf([...whole, ...second, ...ending]), [{ q: 1 }, texts[0] ?? "{}"])
      }
      assert.deepStrictEqual(paramsOf([...whole, ...ending]), [{ q: 1 }])
    }
    for (const reason of ["tool_use", "end_turn", "pause_turn"]) {
      const ending = [Events.messageDelta(reason), Events.messageStop]
      assert.deepStrictEqual(paramsOf([...Events.block(0, call, []), ...ending]), [{}])
    }
  })

  it("step - the call that a refusal may have cut is not made when another model takes over", () => {
    const [fallback] = Fixtures.fixtures.fallback
    const after = Fixtures.events(1, fallback!).map(Events.event)
    const second = Events.block(2, { ...call, id: "toolu_2" }, ["{}"])
    const ending = [Events.messageDelta("tool_use"), Events.messageStop]
    for (const texts of [[], ["{\"q\":"]]) {
      const cut = Events.block(0, call, texts)
      assert.deepStrictEqual(toolCalls([...cut, ...after, ...second, ...ending]).map(({ id }) => id), ["toolu_2"])
    }
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
      for (const reason of ["max_tokens", "tool_use"]) {
        const events = [...Events.block(0, call, [cut]), Events.messageDelta(reason), Events.messageStop]
        assert.deepStrictEqual(paramsOf(events), [cut])
      }
    }
  })

  it("step - arguments that would change a prototype stay raw text", () => {
    for (const raw of ["{\"__proto__\":{\"admin\":true}}", "{\"a\":{\"constructor\":{\"prototype\":{\"x\":1}}}}"]) {
      assert.strictEqual(toolCall(Events.block(0, call, [raw]))?.params, raw)
    }
  })

  it("step - a block that has no part travels whole in an empty reasoning part", () => {
    const blocks = Object.values(Fixtures.fixtures).flat().filter(({ block: { type } }) =>
      !["text", "thinking", "redacted_thinking", "tool_use"].includes(type)
    )
    assert.isAbove(blocks.length, 12)
    for (const fixture of [...blocks, Fixtures.future]) {
      const info = { type: "block", block: fixture.block }
      assert.deepStrictEqual(fold(Fixtures.events(0, fixture).map(Events.event)).parts, [
        { type: "reasoning-start", id: "0" },
        { type: "reasoning-end", id: "0", metadata: { anthropic: { info } } }
      ] as never)
    }
  })

  const metadataOf = (part: object | undefined) => Reflect.get(part ?? {}, "metadata") as unknown

  it("step - deltas of unknown types travel with their block, as they came", () => {
    const delta = { type: "shimmer_delta", shimmer: [1, null] }
    const deltas = [delta]
    for (const fixture of Fixtures.all) {
      const events = Fixtures.events(0, fixture).map(Events.event)
      const ending = [Events.messageDelta("tool_use"), Events.messageStop]
      const all = [...events.slice(0, -1), Events.blockDelta(0, delta), ...events.slice(-1), ...ending]
      const carrying = fold(all).parts.find((part) => part.type.endsWith("-end") && metadataOf(part) !== undefined) ??
        toolCalls(all)[0]
      assert.deepNestedInclude(metadataOf(carrying), { "anthropic.deltas": deltas }, fixture.block.type)
    }
  })

  it("step - events of unknown types travel in the metadata of the finish, pings do not", () => {
    const unknown = { type: "future_event", index: 0 }
    const events = [Events.event({ type: "ping" }), Events.event(unknown), Events.messageDelta("end_turn")]
    assert.deepStrictEqual(types(events), [])
    assert.deepStrictEqual(finish([...events, Events.messageStop]).metadata, {
      anthropic: { stopReason: "end_turn", events: [unknown] }
    })
  })

  it("step - citations travel with their text, in order", () => {
    const parts = fold(Fixtures.events(0, Fixtures.fixtures.text[1]!).map(Events.event)).parts
    const { citations } = Fixtures.fixtures.text[1]!.block
    assert.deepStrictEqual(types(Fixtures.events(0, Fixtures.fixtures.text[1]!).map(Events.event)), [
      "text-start",
      "text-delta",
      "text-end"
    ])
    assert.deepStrictEqual(metadataOf(parts.at(-1)), { anthropic: { info: { type: "text", fields: { citations } } } })
  })

  const textStart = Events.blockStart(0, { type: "text", text: "" })
  const textDelta = Events.blockDelta(0, { type: "text_delta", text: "x" })

  it("step - events at a wrong place are refused", () => {
    const cases: ReadonlyArray<readonly [Events, string]> = [
      [[textStart, Events.messageStart()], "a second message_start came"],
      [[textDelta], "a content_block_delta came for block 0, which is not open"],
      [[Events.blockStop(0)], "a content_block_stop came for block 0, which is not open"],
      [[textStart, Events.blockStop(0), textDelta], "a content_block_delta came for block 0, which is not open"],
      [[textStart, Events.blockStop(1)], "a content_block_stop came for block 1, which is not open"],
      [[textStart, textStart], "a block began inside another one"],
      [[textStart, Events.blockStop(0), textStart], "block 0 began where block 1 was expected"],
      [[Events.blockStart(1, { type: "text", text: "" })], "block 1 began where block 0 was expected"],
      [[textStart, Events.messageDelta("end_turn"), Events.messageStop], "the message ended inside a block"],
      [[Events.event({ type: "content_block_start", content_block: { type: "text" } })], "block undefined began"],
      [[Events.event({ type: "content_block_start", index: 0 })], "a content_block is missing"],
      [[textStart, Events.event({ type: "content_block_delta", index: 0 })], "a delta is missing"],
      [
        [textStart, Events.blockDelta(0, { type: "thinking_delta", thinking: "x" })],
        "a delta of a thinking block came for a text block"
      ],
      [
        [textStart, Events.blockDelta(0, { type: "input_json_delta", partial_json: "x" })],
        "a delta of a tool_use block came for a text block"
      ],
      [[Events.blockStart(0, { type: "tool_use", id: 7, name: "x" })], "a tool_use block has no id"],
      [[Events.blockStart(0, { type: "redacted_thinking" })], "a redacted_thinking block has no data"]
    ]
    for (const [events, message] of cases) assert.include(refusal(events), message)
  })

  it("step - nothing comes before the message start but pings", () => {
    for (const event of [textStart, Events.messageDelta("end_turn"), Events.messageStop]) {
      assert.throws(() => Events.fold([event]), `a ${event.type} came before the message_start`)
    }
    assert.deepStrictEqual(Events.fold([Events.event({ type: "ping" })]), { state: Accumulate.initial, parts: [] })
  })

  it("toFailure - an error event is the API's error, what is malformed is not sent again", () => {
    const error = { type: "error", error: { type: "overloaded_error", message: "Busy" }, request_id: "req_1" }
    const failureOf = (events: Events) => {
      try {
        fold(events)
      } catch (cause) {
        return Accumulate.toFailure(cause)
      }
      return assert.fail("was taken")
    }
    const overloaded = failureOf([textStart, Events.event(error)])
    assert.strictEqual(overloaded.reason._tag, "InternalProviderError")
    assert.isTrue(overloaded.retryable)
    const malformed = failureOf([textDelta])
    assert.strictEqual(malformed.reason._tag, "InvalidResponseError")
    assert.isFalse(malformed.retryable)
  })

  it("step - the container of a reply is said once, before its finish", () => {
    const container = { id: "container_1", expires_at: "2026-11-21T12:00:00Z", skills: null }
    const metadata = { anthropic: { info: { type: "container", container } } }
    const expected = [
      { type: "reasoning-start", id: "container" },
      { type: "reasoning-end", id: "container", metadata }
    ]
    const started = Fixtures.reply([], {}, { container: { id: "container_0" } })
    for (const events of [Fixtures.reply([], { container }), Fixtures.reply([], { container: null }, { container })]) {
      assert.deepStrictEqual(fold(events.map(Events.event)).parts.slice(1, -1), expected as never)
    }
    assert.include(JSON.stringify(fold(started.map(Events.event)).parts), "container_0")
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
      compaction: "pause",
      a_future_reason: "other",
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
      anthropic: {
        stopReason: "refusal",
        stopDetails: { category: "cyber", explanation: null, recommended_model: "other" }
      }
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

  it("step - what compaction has used is added to the usage, the rest of the iterations is not", () => {
    const tokens = (input_tokens: number, output_tokens: number) => ({
      input_tokens,
      output_tokens,
      cache_read_input_tokens: 0,
      cache_creation_input_tokens: 7,
      cache_creation: { ephemeral_5m_input_tokens: 5, ephemeral_1h_input_tokens: 2 }
    })
    const iterations = [
      { type: "message", ...tokens(10, 50) },
      { type: "compaction", ...tokens(1000, 100) },
      { type: "advisor_message", model: "m", ...tokens(5000, 900) },
      { type: "compaction", ...tokens(2000, 200) }
    ]
    const part = finish([
      Events.messageStart(startUsage),
      Events.messageDelta("end_turn", { output_tokens: 50, iterations }),
      Events.messageStop
    ])
    assert.deepStrictEqual(part.usage, {
      inputTokens: { uncached: 3010, total: 3254, cacheRead: 200, cacheWrite: 44 },
      outputTokens: { total: 350 }
    })
    assert.deepStrictEqual(part.metadata, {
      anthropic: { stopReason: "end_turn", serviceTier: "priority", cacheWriteLongTokens: 14, iterations }
    })
  })

  it("step - the finish says what else the API says of a reply", () => {
    const diagnostics = { cache_miss_reason: { type: "tools_changed", cache_missed_input_tokens: 12 } }
    const said = {
      input_tokens: 1,
      output_tokens: 1,
      server_tool_use: { web_search_requests: 1, web_fetch_requests: 0 },
      speed: "fast",
      inference_geo: "eu",
      fallback_credit: null
    }
    const last = {
      output_tokens: 9,
      output_tokens_details: { thinking_tokens: 4 },
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 0 }
    }
    const delta = { type: "message_delta", usage: last, context_management: { applied_edits: [] } }
    const part = finish([
      Events.event({ type: "message_start", message: { id: "m", model: "c", diagnostics, usage: said } }),
      Events.event({ ...delta, delta: { stop_reason: "stop_sequence", stop_sequence: "END" } }),
      Events.messageStop
    ])
    assert.deepStrictEqual(part.metadata, {
      anthropic: {
        stopReason: "stop_sequence",
        stopSequence: "END",
        contextManagement: { applied_edits: [] },
        cacheMissReason: { type: "tools_changed", cache_missed_input_tokens: 12 },
        serverToolUse: { web_search_requests: 2, web_fetch_requests: 0 },
        thinkingTokens: 4,
        speed: "fast",
        inferenceGeo: "eu"
      }
    })
  })

  it("step - nothing is added after the message stop", () => {
    const { parts, state } = fold([
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
        const deltas = fold(Events.block(0, { type: "text" }, fragments)).parts
          .flatMap((part) => part.type === "text-delta" ? [part.delta] : [])
        assert.strictEqual(deltas.join(""), fragments.join(""))
      })
  )
})
