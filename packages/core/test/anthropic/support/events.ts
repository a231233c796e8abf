import type { RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages"
import type { Response } from "effect/ai"
import * as Accumulate from "../../../src/anthropic/internal/accumulate.ts"

type Json = Record<string, unknown>

/** Wire events as a server writes them; their fields are not those of one SDK version. */
export const event = (value: Json): RawMessageStreamEvent => value as unknown as RawMessageStreamEvent

export const messageStart = (usage: Json = { input_tokens: 3, output_tokens: 1 }): RawMessageStreamEvent =>
  event({
    type: "message_start",
    message: { id: "msg_1", type: "message", role: "assistant", model: "claude-test", content: [], usage }
  })

export const blockStart = (index: number, content_block: Json): RawMessageStreamEvent =>
  event({ type: "content_block_start", index, content_block })

export const blockDelta = (index: number, delta: Json): RawMessageStreamEvent =>
  event({ type: "content_block_delta", index, delta })

export const blockStop = (index: number): RawMessageStreamEvent => event({ type: "content_block_stop", index })

export const messageDelta = (
  stop_reason: string | null,
  usage: Json = { output_tokens: 5 },
  delta: Json = {}
): RawMessageStreamEvent => event({ type: "message_delta", delta: { stop_reason, ...delta }, usage })

export const messageStop: RawMessageStreamEvent = event({ type: "message_stop" })

/** The events of one block, with its text or arguments in the given fragments. */
export const block = (index: number, content: Json, fragments: ReadonlyArray<string>): Array<RawMessageStreamEvent> => {
  const deltas = (type: string, key: string) =>
    fragments.map((fragment) => blockDelta(index, { type, [key]: fragment }))
  switch (content["type"]) {
    case "text":
      return [blockStart(index, { type: "text", text: "" }), ...deltas("text_delta", "text"), blockStop(index)]
    case "thinking":
      return [
        blockStart(index, { type: "thinking", thinking: "", signature: "" }),
        ...deltas("thinking_delta", "thinking"),
        blockDelta(index, { type: "signature_delta", signature: content["signature"] }),
        blockStop(index)
      ]
    case "tool_use":
      return [
        blockStart(index, { ...content, input: {} }),
        ...deltas("input_json_delta", "partial_json"),
        blockStop(index)
      ]
    default:
      return [blockStart(index, content), blockStop(index)]
  }
}

export const reply = (
  blocks: ReadonlyArray<readonly [content: Json, fragments: ReadonlyArray<string>]>,
  stopReason = "end_turn"
): Array<RawMessageStreamEvent> => [
  messageStart(),
  ...blocks.flatMap(([content, fragments], index) => block(index, content, fragments)),
  messageDelta(stopReason),
  messageStop
]

export const textReply = (text: string): Array<RawMessageStreamEvent> => reply([[{ type: "text" }, [text]]])

/** The parts of a whole list of events, and the state after it. */
export const fold = (events: ReadonlyArray<RawMessageStreamEvent>) => {
  let state = Accumulate.initial
  const parts: Array<Response.StreamPartEncoded> = []
  for (const event of events) {
    const [after, added] = Accumulate.step(state, event)
    state = after
    parts.push(...added)
  }
  return { state, parts }
}
