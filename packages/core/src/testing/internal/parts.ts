/**
 * The events of a scripted reply as `effect/ai` response parts, as the Anthropic provider maps them.
 *
 * @internal
 */
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import type * as ModelScript from "../ModelScript.ts"
import * as wire from "./wire.ts"

/** Stream parts of one event; `content` are the blocks of the reply it belongs to. @internal */
export const ofEvent = (
  reply: ModelScript.Reply,
  content: ReadonlyArray<wire.Block>,
  event: wire.Event
): ReadonlyArray<Response.StreamPartEncoded> => {
  switch (event.type) {
    case "message_start":
      return [{ type: "response-metadata", id: event.message.id, modelId: event.message.model }]
    case "content_block_start":
      return opening(content[event.index]!, String(event.index))
    case "content_block_delta":
      return increment(content[event.index]!, String(event.index), event.delta)
    case "content_block_stop":
      return closing(content[event.index]!, String(event.index))
    case "message_stop":
      return [finish(reply)]
    case "message_delta":
    case "ping":
      return []
  }
}

const opening = (block: wire.Block, id: string): ReadonlyArray<Response.StreamPartEncoded> => {
  switch (block.type) {
    case "text":
      return [{ type: "text-start", id }]
    case "thinking":
      return [{ type: "reasoning-start", id }]
    case "redacted_thinking":
      return [{ type: "reasoning-start", id, metadata: thinkingInfo(block) }]
    case "tool_use":
      return [{ type: "tool-params-start", id: block.id, name: block.name }]
  }
}

const increment = (block: wire.Block, id: string, delta: wire.Delta): ReadonlyArray<Response.StreamPartEncoded> => {
  switch (delta.type) {
    case "text_delta":
      return [{ type: "text-delta", id, delta: delta.text }]
    case "thinking_delta":
      return [{ type: "reasoning-delta", id, delta: delta.thinking }]
    case "input_json_delta":
      return block.type === "tool_use" ? [{ type: "tool-params-delta", id: block.id, delta: delta.partial_json }] : []
    case "signature_delta":
      return []
  }
}

const closing = (block: wire.Block, id: string): ReadonlyArray<Response.StreamPartEncoded> => {
  switch (block.type) {
    case "text":
      return [{ type: "text-end", id }]
    case "thinking":
    case "redacted_thinking":
      return [{ type: "reasoning-end", id, metadata: thinkingInfo(block) }]
    case "tool_use":
      return [{ type: "tool-params-end", id: block.id }, toolCall(block)]
  }
}

const thinkingInfo = (
  block: Extract<wire.Block, { readonly type: "thinking" | "redacted_thinking" }>
): Response.ProviderMetadata => ({
  anthropic: {
    info: block.type === "thinking" ? { type: "thinking", signature: block.signature } : block
  }
})

const toolCall = (block: Extract<wire.Block, { readonly type: "tool_use" }>): Response.ToolCallPartEncoded => ({
  type: "tool-call",
  id: block.id,
  name: block.name,
  params: strictArguments(block.json)
})

const strictArguments = (text: string): unknown => {
  if (text.trim() === "") return {}
  try {
    return Tool.unsafeSecureJsonParse(text)
  } catch {
    return text
  }
}

const finish = (reply: ModelScript.Reply): Response.FinishPartEncoded => {
  const stopReason = wire.stopReason(reply)
  const usage = wire.usage(reply)
  return {
    type: "finish",
    reason: finishReasons.get(stopReason) ?? "other",
    usage: {
      inputTokens: {
        uncached: usage.inputTokens,
        total: usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens,
        cacheRead: usage.cacheReadTokens,
        cacheWrite: usage.cacheWriteTokens
      },
      outputTokens: {
        total: usage.outputTokens,
        text: Math.max(0, usage.outputTokens - usage.thinkingTokens),
        reasoning: usage.thinkingTokens
      }
    },
    metadata: {
      anthropic: { stopReason, ...(reply.stopDetails === undefined ? {} : { stopDetails: { ...reply.stopDetails } }) }
    }
  }
}

const finishReasons: ReadonlyMap<string, Response.FinishReason> = new Map([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["tool_use", "tool-calls"],
  ["pause_turn", "pause"],
  ["refusal", "content-filter"]
])

/** A whole reply as parts of a response that does not stream. @internal */
export const whole = (reply: ModelScript.Reply, context: wire.Context): Array<Response.PartEncoded> => [
  { type: "response-metadata", id: wire.messageId(context.step), modelId: context.model },
  ...wire.content(reply, context.step).map((block): Response.PartEncoded => {
    switch (block.type) {
      case "text":
        return { type: "text", text: block.text }
      case "thinking":
        return { type: "reasoning", text: block.thinking, metadata: thinkingInfo(block) }
      case "redacted_thinking":
        return { type: "reasoning", text: "", metadata: thinkingInfo(block) }
      case "tool_use":
        return toolCall(block)
    }
  }),
  finish(reply)
]
