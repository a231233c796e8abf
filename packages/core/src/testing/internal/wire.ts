/**
 * A scripted reply as the message of the Messages API, whole or as the events of a stream in the order of the wire.
 *
 * @internal
 */
import type * as ModelScript from "../ModelScript.ts"
import type { ErrorBody } from "./apiError.ts"
import * as wireBlock from "./wireBlock.ts"

type Json = wireBlock.Json

/** @internal */
export type Message = { readonly id: string; readonly model: string; readonly [key: string]: Json }

/** @internal */
export type Event =
  | { readonly type: "message_start"; readonly message: Message }
  | { readonly type: "ping" }
  | { readonly type: "content_block_start"; readonly index: number; readonly content_block: Json }
  | {
    readonly type: "content_block_delta"
    readonly index: number
    readonly delta: wireBlock.Delta | typeof unknownDelta
  }
  | { readonly type: "content_block_stop"; readonly index: number }
  | { readonly type: "message_delta"; readonly delta: Json; readonly usage: Json }
  | { readonly type: "message_stop" }
  | typeof unknownEvent
  | ErrorBody

/** @internal */
export const unknownEvent = { type: "volley_unknown_event", value: "not in any version of the API" } as const

/** @internal */
export const unknownDelta = { type: "volley_unknown_delta", value: "not in any version of the API" } as const

/** @internal */
export interface Context {
  /** Number of the step, from 0. */
  readonly step: number
  readonly model: string
  /** Of the request, for its errors; in process there is none. */
  readonly requestId?: string
}

/** @internal */
export const stopReason = (reply: ModelScript.Reply): string => {
  if (reply.stopReason !== undefined) return reply.stopReason
  if (reply.stopSequence !== undefined) return "stop_sequence"
  return reply.content.some((block) => block.type === "tool_use") ? "tool_use" : "end_turn"
}

/** All events of a reply, if nothing goes wrong. @internal */
export const events = (reply: ModelScript.Reply, context: Context): ReadonlyArray<Event> => [
  { type: "message_start", message: message(reply, context, { content: [], ended: false }) },
  { type: "ping" },
  ...wireBlock.content(reply, context.step).flatMap((block, index): ReadonlyArray<Event> => [
    { type: "content_block_start", index, content_block: wireBlock.opening(block) },
    ...wireBlock.deltas(block, reply.chunkSize ?? 20).map((delta): Event => ({
      type: "content_block_delta",
      index,
      delta
    })),
    { type: "content_block_stop", index }
  ]),
  { type: "message_delta", delta: ending(reply), usage: deltaUsage(reply) },
  { type: "message_stop" }
]

/** The whole message, as answered to a request that does not stream: of the model that ended it. @internal */
export const whole = (reply: ModelScript.Reply, context: Context): Json =>
  message(reply, { ...context, model: fallenBackTo(reply) ?? context.model }, {
    content: wireBlock.content(reply, context.step).map(wireBlock.closed),
    ended: true
  })

const fallenBackTo = ({ content }: ModelScript.Reply): string | undefined => {
  const fallback = content.findLast((block) => block.type === "fallback")
  return fallback?.type === "fallback" ? fallback.to.model : undefined
}

const message = (
  reply: ModelScript.Reply,
  context: Context,
  options: { readonly content: ReadonlyArray<Json>; readonly ended: boolean }
): Message => {
  const { cacheWriteLongTokens, cacheWriteTokens, outputTokens, serviceTier } = usage(reply)
  return {
    id: `msg_${context.step}`,
    type: "message",
    role: "assistant",
    model: context.model,
    content: options.content,
    ...(options.ended
      ? ending(reply)
      : { container: null, stop_reason: null, stop_sequence: null, stop_details: null }),
    diagnostics: reply.cacheMissReason === undefined ? null : { cache_miss_reason: reply.cacheMissReason },
    usage: {
      ...deltaUsage(reply),
      output_tokens: options.ended ? outputTokens : 1,
      cache_creation: {
        ephemeral_5m_input_tokens: Math.max(0, cacheWriteTokens - cacheWriteLongTokens),
        ephemeral_1h_input_tokens: cacheWriteLongTokens
      },
      inference_geo: null,
      service_tier: serviceTier,
      speed: "standard"
    }
  }
}

const ending = ({ container, stopDetails, stopSequence, ...reply }: ModelScript.Reply): wireBlock.Fields => ({
  container: container === undefined ? null : { id: container.id, expires_at: container.expiresAt, skills: null },
  stop_reason: stopReason({ ...reply, ...(stopSequence !== undefined && { stopSequence }) }),
  stop_sequence: stopSequence ?? null,
  stop_details: stopDetails === undefined ? null : { type: "refusal", ...stopDetails }
})

const usage = (reply: ModelScript.Reply) => ({
  inputTokens: 10,
  outputTokens: Math.max(1, Math.ceil(reply.content.reduce((sum, block) => sum + wireBlock.size(block), 0) / 4)),
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  cacheWriteLongTokens: 0,
  thinkingTokens: 0,
  serviceTier: "standard",
  ...reply.usage
})

const deltaUsage = (reply: ModelScript.Reply): wireBlock.Fields => {
  const { iterations, webFetches, webSearches, ...tokens } = usage(reply)
  return {
    input_tokens: tokens.inputTokens,
    output_tokens: tokens.outputTokens,
    cache_creation_input_tokens: tokens.cacheWriteTokens,
    cache_read_input_tokens: tokens.cacheReadTokens,
    output_tokens_details: { thinking_tokens: tokens.thinkingTokens },
    server_tool_use: webSearches === undefined && webFetches === undefined
      ? null
      : { web_search_requests: webSearches ?? 0, web_fetch_requests: webFetches ?? 0 },
    ...(iterations !== undefined && { iterations })
  }
}
