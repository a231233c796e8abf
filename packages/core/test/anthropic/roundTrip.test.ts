import type { BetaContentBlock } from "@anthropic-ai/sdk/resources/beta/messages/messages"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { Prompt, Response, Tool, Toolkit } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import { collect } from "../../src/anthropic/internal/collect.ts"
import * as Convert from "../../src/anthropic/internal/prompt.ts"
import * as DirectReply from "../../src/internal/directReply.ts"
import * as Receive from "../../src/internal/run/receive.ts"
import * as Fixtures from "./fixtures.ts"
import * as Events from "./support/events.ts"

const toolkit = Toolkit.make(Tool.make("search", { parameters: Schema.Unknown as never }))
const decodeStream = Schema.decodeUnknownSync(Schema.Array(Response.StreamPart(toolkit)))
const decodeWhole = Schema.decodeUnknownSync(Schema.Array(Response.Part(toolkit)))

const toJson = Schema.encodeUnknownSync(Schema.fromJsonString(Prompt.Prompt))
const fromJson = Schema.decodeUnknownSync(Schema.fromJsonString(Prompt.Prompt))

/** The assistant message that the Runner keeps of a reply, by way of the events of a run. */
const received = (parts: ReadonlyArray<DirectReply.Part>): Prompt.Prompt => {
  const receive = Receive.make({ turn: 1, request: 1 }, new Set())
  const content = parts
    .flatMap((part) => receive.take(part).events)
    .flatMap((make): Array<Prompt.AssistantMessagePart> => {
      const event = make(0)
      if (event._tag === "BlockReceived") return [event.part as Prompt.AssistantMessagePart]
      if (event._tag !== "ToolCallRequested") return []
      const { id, name, options, params } = event
      return [Prompt.toolCallPart({ id, name, params, options, providerExecuted: false })]
    })
  return Prompt.fromMessages([Prompt.assistantMessage({ content })])
}

/**
 * What each way from a reply to the next request sends: streamed, whole, kept by the Runner of parts that were read again or
 * were not, and read from a journal.
 */
const conversations = (events: ReadonlyArray<object>): ReadonlyArray<Convert.Conversation> => {
  const { parts } = Events.fold(events.map((event) => Events.event({ ...event })))
  const kept = received(decodeStream(parts))
  return [
    Prompt.fromResponseParts(decodeStream(parts)),
    Prompt.fromResponseParts(decodeWhole(collect(parts))),
    kept,
    received(parts.map(DirectReply.asDecoded)),
    fromJson(toJson(kept))
  ].map((prompt) => {
    const [question] = Prompt.make("Go").content
    const asked = Prompt.fromMessages([question!, ...prompt.content])
    return Result.getOrThrow(Convert.convert(asked, "claude-test"))
  })
}

// Thinking alone at the end of a message would be refused, so it is not sent; a text comes after it.
const last: Fixtures.Fixture = {
  block: { type: "text", text: "end", citations: null },
  sent: { type: "text", text: "end" }
}

const distinct = (fixture: Fixtures.Fixture, index: number): Fixtures.Fixture => {
  const { block, deltas, sent, start = block } = fixture
  if (!("id" in block)) return fixture
  const id = `${block.id}_${index}`
  return {
    block: { ...block, id },
    start: { ...start, id },
    ...(deltas && { deltas }),
    ...(sent && { sent: { ...sent, id } })
  }
}

const assertEqual = (fixtures: ReadonlyArray<Fixtures.Fixture>): void => {
  const all = [...fixtures.map(distinct), last]
  const expected = [{ role: "user", content: [{ type: "text", text: "Go" }] }, {
    role: "assistant",
    content: all.map(Fixtures.sent)
  }]
  for (const { messages } of conversations(Fixtures.reply(all))) {
    assert.deepStrictEqual(messages, expected as never)
    assert.deepStrictEqual(JSON.parse(JSON.stringify(messages)), expected)
  }
}

const isFallback = ({ block: { type } }: Fixtures.Fixture): boolean => type === "fallback"

describe("round trip", () => {
  for (const [index, fixture] of Fixtures.all.entries()) {
    it(`a ${fixture.block.type} block is sent back equal (${index})`, () => assertEqual([fixture]))
  }

  it("a reply of all blocks is sent back equal, in order", () => {
    assertEqual(Fixtures.all.filter((fixture) => !isFallback(fixture)))
    assertEqual(Fixtures.all.toReversed().filter((fixture) => !isFallback(fixture)))
  })

  it("reasoning is sent back byte for byte", () => {
    for (const { block } of [...Fixtures.fixtures.thinking, ...Fixtures.fixtures.redacted_thinking]) {
      const fixtures = [Fixtures.all.find((fixture) => fixture.block === block)!, last]
      for (const { messages } of conversations(Fixtures.reply(fixtures))) {
        assert.include(JSON.stringify(messages), JSON.stringify(block))
      }
    }
  })

  const Words = Schema.String.check(Schema.isPattern(/\S/))
  const Input = Schema.Record(Schema.String, Schema.Json)

  const Generated = Schema.Union([
    Schema.Struct({ type: Schema.Literal("text"), text: Words }),
    Schema.Struct({
      type: Schema.Literal("text"),
      text: Words,
      citations: Schema.NonEmptyArray(
        Schema.Struct({ type: Schema.Literal("page_location"), cited_text: Schema.String })
      )
    }),
    Schema.Struct({ type: Schema.Literal("thinking"), thinking: Schema.String, signature: Schema.NonEmptyString }),
    Schema.Struct({ type: Schema.Literal("redacted_thinking"), data: Schema.String }),
    Schema.Struct({
      type: Schema.Literal("tool_use"),
      id: Schema.Literal("toolu"),
      name: Schema.Literal("search"),
      input: Input,
      caller: Schema.optionalKey(Schema.Struct({ type: Schema.String, tool_id: Schema.String })),
      toolset_name: Schema.optionalKey(Schema.String)
    }),
    Schema.Struct({
      type: Schema.Literals(["server_tool_use", "mcp_tool_use", "hologram"]),
      id: Schema.Literal("srvtoolu"),
      name: Schema.String,
      input: Input
    }),
    Schema.Struct({
      type: Schema.Literals(["web_search_tool_result", "mcp_tool_result", "code_execution_tool_result", "compaction"]),
      content: Schema.Json,
      encrypted_content: Schema.NullOr(Schema.String)
    })
  ])
  type Generated = typeof Generated.Type

  const halves = (value: string) => [value.slice(0, value.length >> 1), value.slice(value.length >> 1)]

  const inHalves = (type: string, key: string, value: string) => halves(value).map((half) => ({ type, [key]: half }))

  const toFixture = (generated: Generated): Fixtures.Fixture => {
    // As JSON has it: it knows no negative zero.
    const block = JSON.parse(JSON.stringify(generated)) as BetaContentBlock & Generated
    switch (generated.type) {
      case "text": {
        const { citations = [] } = generated as { readonly citations?: ReadonlyArray<unknown> }
        return {
          block,
          start: { type: "text", text: "" },
          deltas: [
            ...inHalves("text_delta", "text", generated.text),
            ...citations.map((citation) => ({ type: "citations_delta", citation }))
          ]
        }
      }
      case "thinking":
        return {
          block,
          start: { type: "thinking", thinking: "", signature: "" },
          deltas: [
            ...inHalves("thinking_delta", "thinking", generated.thinking),
            { type: "signature_delta", signature: generated.signature }
          ]
        }
      case "tool_use":
      case "server_tool_use":
      case "mcp_tool_use":
      case "hologram":
        return {
          block,
          start: { ...block, input: {} },
          deltas: inHalves("input_json_delta", "partial_json", JSON.stringify(generated.input))
        }
      default:
        return { block }
    }
  }

  const isSafe = (value: unknown): boolean => !/__proto__|constructor/.test(JSON.stringify(value))

  it.effect.prop(
    "generated replies are sent back equal, in order",
    [Arbitrary.array(Arbitrary.schema(Generated), { maxLength: 8 })],
    ([generated]) => Effect.sync(() => isSafe(generated) ? assertEqual(generated.map(toFixture)) : undefined),
    { arbitrary: { runs: 150 } }
  )

  it("the container of the latest reply is asked for again", () => {
    const events = Fixtures.reply([last], { container: { id: "container_2", expires_at: "", skills: null } })
    for (const { container, messages } of conversations(events)) {
      assert.strictEqual(container, "container_2")
      assert.deepStrictEqual(messages[1]?.content, [Fixtures.sent(last)] as never)
    }
    for (const conversation of conversations(Fixtures.reply([last]))) assert.notProperty(conversation, "container")
  })

  it("a call of the server's tools whose arguments were cut is not sent back", () => {
    const cut = {
      block: Fixtures.fixtures.server_tool_use[0]!.block,
      deltas: [{ type: "input_json_delta", partial_json: "{\"q" }]
    }
    for (const { messages } of conversations(Fixtures.reply([last, cut], { stop_reason: "max_tokens" }))) {
      assert.deepStrictEqual(messages[1]?.content, [Fixtures.sent(last)] as never)
    }
  })

  const [fallback] = Fixtures.fixtures.fallback
  const [serverCall] = Fixtures.fixtures.server_tool_use
  const [searchResult] = Fixtures.fixtures.web_search_tool_result

  it("what was asked and not answered before another model took over is not sent back", () => {
    const [call] = Fixtures.fixtures.tool_use
    for (const { messages } of conversations(Fixtures.reply([last, serverCall!, call!, fallback!, last]))) {
      const expected = [last, fallback!, last].map(Fixtures.sent)
      assert.deepStrictEqual(messages[1]?.content, expected as never)
    }
  })

  it("what was answered before another model took over is sent back", () => {
    assertEqual([fallback!])
    const answered = [serverCall!, searchResult!, fallback!, last]
    for (const { messages } of conversations(Fixtures.reply(answered))) {
      assert.deepStrictEqual(messages[1]?.content, answered.map(Fixtures.sent) as never)
    }
  })
})
