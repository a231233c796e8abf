/**
 * Folds the raw events of a Messages API stream into response parts.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Result from "effect/Result"

type Part = Response.StreamPartEncoded

type Block =
  | { readonly type: "text" }
  | { readonly type: "thinking"; readonly signature: string }
  | { readonly type: "redacted_thinking"; readonly data: string }
  | {
    readonly type: "tool_use"
    readonly id: string
    readonly name: string
    readonly input: unknown
    readonly json: string
  }

interface Usage {
  readonly input?: number
  readonly output?: number
  readonly cacheRead?: number
  readonly cacheWrite?: number
  readonly thinking?: number
}

/**
 * What is known of a reply so far; `done` once its `message_stop` was seen.
 *
 * @internal
 */
export interface State {
  readonly open: ReadonlyMap<number, Block>
  readonly usage: Usage
  readonly stopReason: string | undefined
  readonly stopDetails: { readonly category: string | null; readonly explanation: string | null } | undefined
  readonly done: boolean
}

/** @internal */
export const initial: State = {
  open: new Map(),
  usage: {},
  stopReason: undefined,
  stopDetails: undefined,
  done: false
}

const finishReasons: ReadonlyMap<string | undefined, Response.FinishReason> = new Map([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["tool_use", "tool-calls"],
  ["pause_turn", "pause"],
  ["refusal", "content-filter"]
])

const count = (key: keyof Usage, value: number | null | undefined): Usage =>
  Number.isSafeInteger(value) ? { [key]: value } : {}

const mergeUsage = (usage: Usage, latest: Partial<Api.MessageDeltaUsage> | null | undefined): Usage => ({
  ...usage,
  ...count("input", latest?.input_tokens),
  ...count("output", latest?.output_tokens),
  ...count("cacheRead", latest?.cache_read_input_tokens),
  ...count("cacheWrite", latest?.cache_creation_input_tokens),
  ...count("thinking", latest?.output_tokens_details?.thinking_tokens)
})

const toUsage = (usage: Usage): Response.FinishPartEncoded["usage"] => {
  const { cacheRead, cacheWrite, input, output, thinking } = usage
  return {
    inputTokens: {
      ...(input !== undefined && { uncached: input, total: input + (cacheRead ?? 0) + (cacheWrite ?? 0) }),
      ...(cacheRead !== undefined && { cacheRead }),
      ...(cacheWrite !== undefined && { cacheWrite })
    },
    outputTokens: {
      ...(output !== undefined && { total: output }),
      ...(output !== undefined && thinking !== undefined && { text: output - thinking }),
      ...(thinking !== undefined && { reasoning: thinking })
    }
  }
}

// The SDK's parser completes cut JSON by guessing; a call with guessed arguments must never run.
const parseArguments = (json: string): unknown =>
  Result.getOrElse(Result.try(() => Tool.unsafeSecureJsonParse(json)), () => json)

const start = (index: number, content: Api.ContentBlock): readonly [Block | undefined, ReadonlyArray<Part>] => {
  const id = String(index)
  switch (content.type) {
    case "text":
      return [{ type: "text" }, [
        { type: "text-start", id },
        ...(content.text ? [{ type: "text-delta", id, delta: content.text } as const] : [])
      ]]
    case "thinking":
      return [{ type: "thinking", signature: content.signature ?? "" }, [
        { type: "reasoning-start", id },
        ...(content.thinking ? [{ type: "reasoning-delta", id, delta: content.thinking } as const] : [])
      ]]
    case "redacted_thinking": {
      const { data, type } = content
      return [{ type, data }, [{ type: "reasoning-start", id, metadata: { anthropic: { info: { type, data } } } }]]
    }
    case "tool_use":
      return [
        { type: "tool_use", id: content.id, name: content.name, input: content.input ?? {}, json: "" },
        [{ type: "tool-params-start", id: content.id, name: content.name }]
      ]
    default:
      return [undefined, []]
  }
}

const extend = (
  index: number,
  block: Block,
  delta: Api.RawContentBlockDelta
): readonly [Block, ReadonlyArray<Part>] => {
  const id = String(index)
  if (block.type === "text" && delta.type === "text_delta") {
    return [block, [{ type: "text-delta", id, delta: delta.text }]]
  }
  if (block.type === "thinking" && delta.type === "thinking_delta") {
    return [block, [{ type: "reasoning-delta", id, delta: delta.thinking }]]
  }
  if (block.type === "thinking" && delta.type === "signature_delta") {
    return [{ ...block, signature: delta.signature }, []]
  }
  if (block.type === "tool_use" && delta.type === "input_json_delta") {
    return [
      { ...block, json: block.json + delta.partial_json },
      [{ type: "tool-params-delta", id: block.id, delta: delta.partial_json }]
    ]
  }
  return [block, []]
}

const end = (index: number, block: Block): ReadonlyArray<Part> => {
  const id = String(index)
  switch (block.type) {
    case "text":
      return [{ type: "text-end", id }]
    case "thinking":
    case "redacted_thinking":
      return [{ type: "reasoning-end", id, metadata: { anthropic: { info: { ...block } } } }]
    case "tool_use":
      return [
        { type: "tool-params-end", id: block.id },
        {
          type: "tool-call",
          id: block.id,
          name: block.name,
          params: block.json.trim() === "" ? block.input : parseArguments(block.json)
        }
      ]
  }
}

const finish = (state: State): Part => ({
  type: "finish",
  reason: finishReasons.get(state.stopReason) ?? "other",
  usage: toUsage(state.usage),
  metadata: {
    anthropic: {
      ...(state.stopReason !== undefined && { stopReason: state.stopReason }),
      ...(state.stopDetails !== undefined && { stopDetails: { ...state.stopDetails } })
    }
  }
})

const withBlock = (state: State, index: number, block: Block | undefined): State => {
  const open = new Map(state.open)
  if (block === undefined) open.delete(index)
  else open.set(index, block)
  return { ...state, open }
}

/**
 * The next state and the parts that one event adds; events, blocks and deltas of unknown types add nothing.
 *
 * @internal
 */
export const step = (state: State, event: Api.RawMessageStreamEvent): readonly [State, ReadonlyArray<Part>] => {
  if (state.done) return [state, []]
  switch (event.type) {
    case "message_start": {
      const { id, model, usage } = event.message
      return [{ ...state, usage: mergeUsage(state.usage, usage) }, [{ type: "response-metadata", id, modelId: model }]]
    }
    case "content_block_start": {
      const [block, parts] = start(event.index, event.content_block)
      return [withBlock(state, event.index, block), parts]
    }
    case "content_block_delta": {
      const open = state.open.get(event.index)
      if (open === undefined) return [state, []]
      const [block, parts] = extend(event.index, open, event.delta)
      return [block === open ? state : withBlock(state, event.index, block), parts]
    }
    case "content_block_stop": {
      const block = state.open.get(event.index)
      return block === undefined ? [state, []] : [withBlock(state, event.index, undefined), end(event.index, block)]
    }
    case "message_delta": {
      const { stop_details: details, stop_reason: reason } = event.delta
      return [{
        ...state,
        usage: mergeUsage(state.usage, event.usage),
        stopReason: reason ?? state.stopReason,
        stopDetails: details
          ? { category: details.category ?? null, explanation: details.explanation ?? null }
          : state.stopDetails
      }, []]
    }
    case "message_stop":
      return [
        { ...state, open: new Map(), done: true },
        [...[...state.open].flatMap(([index, block]) => end(index, block)), finish(state)]
      ]
    default:
      return [state, []]
  }
}
