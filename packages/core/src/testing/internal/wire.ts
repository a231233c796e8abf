/**
 * A scripted reply as the events of the Messages API, in the order of the wire.
 *
 * @internal
 */
import type * as Schema from "effect/Schema"
import * as ModelScript from "../ModelScript.ts"

/** @internal */
export type Json = Schema.Json

/** @internal */
export type Delta =
  | { readonly type: "text_delta"; readonly text: string }
  | { readonly type: "thinking_delta"; readonly thinking: string }
  | { readonly type: "signature_delta"; readonly signature: string }
  | { readonly type: "input_json_delta"; readonly partial_json: string }

/** @internal */
export type Message = { readonly id: string; readonly model: string; readonly [key: string]: Json }

/** @internal */
export type Event =
  | { readonly type: "message_start"; readonly message: Message }
  | { readonly type: "ping" }
  | { readonly type: "content_block_start"; readonly index: number; readonly content_block: Json }
  | { readonly type: "content_block_delta"; readonly index: number; readonly delta: Delta }
  | { readonly type: "content_block_stop"; readonly index: number }
  | { readonly type: "message_delta"; readonly delta: Json; readonly usage: Json }
  | { readonly type: "message_stop" }

/** @internal */
export interface Context {
  /** Number of the step, from 0. */
  readonly step: number
  readonly model: string
}

/** @internal */
export type Block =
  | Exclude<ModelScript.Block, { readonly type: "tool_use" }>
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; readonly json: string }

/** The content with ids given and arguments as text. @internal */
export const content = (reply: ModelScript.Reply, step: number): ReadonlyArray<Block> => {
  let calls = 0
  return reply.content.map((block) => {
    if (block.type !== "tool_use") return block
    const id = block.id ?? ModelScript.callId(step, calls)
    calls++
    return { type: "tool_use", id, name: block.name, json: block.partialJson ?? argumentText(block.input) }
  })
}

// A call without arguments streams no argument text at all, as the real API may do.
const argumentText = (input: Json | undefined): string => {
  const text = input === undefined ? "" : JSON.stringify(input)
  return text === "{}" ? "" : text
}

/** @internal */
export const messageId = (step: number): string => `msg_${step}`

/** @internal */
export const stopReason = (reply: ModelScript.Reply): string =>
  reply.stopReason ?? (reply.content.some((block) => block.type === "tool_use") ? "tool_use" : "end_turn")

/** @internal */
export const usage = (reply: ModelScript.Reply) => {
  const characters = reply.content.reduce((sum, block) => sum + blockText(block).length, 0)
  return {
    inputTokens: 10,
    outputTokens: Math.max(1, Math.ceil(characters / 4)),
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    thinkingTokens: 0,
    ...reply.usage
  }
}

const blockText = (block: ModelScript.Block): string => {
  switch (block.type) {
    case "text":
      return block.text
    case "thinking":
      return block.thinking
    case "redacted_thinking":
      return block.data
    case "tool_use":
      return block.name + (block.partialJson ?? argumentText(block.input))
  }
}

const events = (reply: ModelScript.Reply, context: Context): ReadonlyArray<Event> => [
  { type: "message_start", message: message(reply, context, { content: [], ended: false }) },
  { type: "ping" },
  ...content(reply, context.step).flatMap((block, index): ReadonlyArray<Event> => [
    { type: "content_block_start", index, content_block: opening(block) },
    ...deltas(block, reply.chunkSize ?? 20).map((delta): Event => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index }
  ]),
  { type: "message_delta", delta: ending(reply), usage: deltaUsage(reply) },
  { type: "message_stop" }
]

/** The whole message, as answered to a request that does not stream. @internal */
export const whole = (reply: ModelScript.Reply, context: Context): Json =>
  message(reply, context, { content: content(reply, context.step).map(closed), ended: true })

const message = (
  reply: ModelScript.Reply,
  context: Context,
  options: { readonly content: ReadonlyArray<Json>; readonly ended: boolean }
): Message => {
  const tokens = usage(reply)
  return {
    id: messageId(context.step),
    type: "message",
    role: "assistant",
    model: context.model,
    content: options.content,
    ...(options.ended
      ? ending(reply)
      : { container: null, stop_reason: null, stop_sequence: null, stop_details: null }),
    diagnostics: null,
    usage: {
      ...deltaUsage(reply),
      output_tokens: options.ended ? tokens.outputTokens : 1,
      cache_creation: { ephemeral_5m_input_tokens: tokens.cacheWriteTokens, ephemeral_1h_input_tokens: 0 },
      inference_geo: null,
      service_tier: "standard",
      speed: "standard"
    }
  }
}

const ending = (reply: ModelScript.Reply): { readonly [key: string]: Json } => ({
  container: null,
  stop_reason: stopReason(reply),
  stop_sequence: null,
  stop_details: reply.stopDetails === undefined ? null : { type: "refusal", ...reply.stopDetails }
})

const deltaUsage = (reply: ModelScript.Reply): { readonly [key: string]: Json } => {
  const tokens = usage(reply)
  return {
    input_tokens: tokens.inputTokens,
    output_tokens: tokens.outputTokens,
    cache_creation_input_tokens: tokens.cacheWriteTokens,
    cache_read_input_tokens: tokens.cacheReadTokens,
    output_tokens_details: { thinking_tokens: tokens.thinkingTokens },
    server_tool_use: null
  }
}

const opening = (block: Block): Json => {
  switch (block.type) {
    case "text":
      return { type: "text", text: "", citations: null }
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" }
    case "redacted_thinking":
      return block
    case "tool_use":
      return { type: "tool_use", id: block.id, name: block.name, input: {}, caller: { type: "direct" } }
  }
}

const closed = (block: Block): Json => {
  switch (block.type) {
    case "text":
      return { ...block, citations: null }
    case "tool_use":
      return {
        type: "tool_use",
        id: block.id,
        name: block.name,
        input: parseArguments(block.json),
        caller: { type: "direct" }
      }
    default:
      return block
  }
}

const parseArguments = (text: string): Json => {
  try {
    return text === "" ? {} : JSON.parse(text)
  } catch {
    return {}
  }
}

const deltas = (block: Block, size: number): ReadonlyArray<Delta> => {
  switch (block.type) {
    case "text":
      return chunks(block.text, size).map((text) => ({ type: "text_delta", text }))
    case "thinking":
      return [
        ...chunks(block.thinking, size).map((thinking): Delta => ({ type: "thinking_delta", thinking })),
        { type: "signature_delta", signature: block.signature }
      ]
    case "redacted_thinking":
      return []
    case "tool_use":
      return ["", ...chunks(block.json, size)].map((partial_json) => ({ type: "input_json_delta", partial_json }))
  }
}

const chunks = (text: string, size: number): ReadonlyArray<string> =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, index) => text.slice(index * size, (index + 1) * size))

/** The events that are sent before the fault of a reply strikes; all of them if it has none. @internal */
export const sent = (reply: ModelScript.Reply, context: Context): ReadonlyArray<Event> => {
  const all = events(reply, context)
  if (reply.fault === undefined) return all
  return all.slice(0, Math.min(faultPosition(all, reply.fault), all.length - 1))
}

const faultPosition = (all: ReadonlyArray<Event>, fault: ModelScript.Position): number => {
  if (fault.afterEvents !== undefined) return fault.afterEvents
  const start = all.findIndex((event) => event.type === "content_block_start" && event.index === fault.insideBlock)
  if (start < 0) return all.length
  const pieces = all.filter((event) => event.type === "content_block_delta" && event.index === fault.insideBlock)
  return start + 1 + Math.ceil(pieces.length / 2)
}

/** @internal */
export const errorType = (status: number): string =>
  errorTypes[status] ?? (status >= 500 ? "api_error" : "invalid_request_error")

const errorTypes: { readonly [status: number]: string } = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error"
}

/** The status the API would have answered with for an error of this type. @internal */
export const statusOf = (type: string): number => {
  const known = Object.entries(errorTypes).find(([, name]) => name === type)
  return known !== undefined ? Number(known[0]) : type === "invalid_request_error" ? 400 : 500
}
