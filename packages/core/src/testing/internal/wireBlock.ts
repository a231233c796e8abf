/**
 * A scripted block as the Messages API sends it, whole or in pieces.
 *
 * @internal
 */
import type * as Schema from "effect/Schema"
import * as ModelScript from "../ModelScript.ts"

/** @internal */
export type Json = Schema.Json

/** @internal */
export type Fields = { readonly [key: string]: Json }

/** @internal */
export type Delta =
  | { readonly type: "text_delta"; readonly text: string }
  | { readonly type: "citations_delta"; readonly citation: Json }
  | { readonly type: "thinking_delta"; readonly thinking: string }
  | { readonly type: "signature_delta"; readonly signature: string }
  | { readonly type: "input_json_delta"; readonly partial_json: string }
  | { readonly type: "compaction_delta"; readonly content: string | null; readonly encrypted_content: string | null }

type Scripted<T extends ModelScript.Block["type"]> = Extract<ModelScript.Block, { readonly type: T }>

type CallType = "tool_use" | "server_tool_use" | "mcp_tool_use"

/** A call with its id, `fields` as they are sent, and its arguments as text. */
interface Call {
  readonly type: CallType
  readonly id: string
  readonly name: string
  readonly fields: Fields
  readonly json: string
}

type Whole = Exclude<
  ModelScript.Block["type"],
  "text" | "thinking" | "redacted_thinking" | "compaction" | CallType
>

/** @internal */
export type Block =
  | Scripted<"text" | "thinking" | "redacted_thinking" | "compaction">
  | Call
  | { readonly type: "whole"; readonly block: Scripted<Whole> | typeof unknown }

/** What a block of an unknown type looks like. @internal */
export const unknown = { type: "volley_unknown", value: "not in any version of the API" } as const

/** The content with ids given and arguments as text. @internal */
export const content = (reply: ModelScript.Reply, step: number): ReadonlyArray<Block> => {
  let calls = 0
  const blocks = reply.content.map((block): Block => {
    switch (block.type) {
      case "tool_use": {
        const id = block.id ?? ModelScript.callId(step, calls)
        calls++
        return call(block, id)
      }
      case "server_tool_use":
      case "mcp_tool_use":
        return call(block, block.id)
      case "text":
      case "thinking":
      case "redacted_thinking":
      case "compaction":
        return block
      default:
        return { type: "whole", block }
    }
  })
  if (reply.fault?.type === "unknownBlock") return [{ type: "whole", block: unknown }, ...blocks]
  const [id] = blocks.flatMap((block) => block.type === "tool_use" ? [block.id] : [])
  return reply.fault?.type === "duplicateId" && id !== undefined
    ? blocks.map((block) => block.type === "tool_use" ? { ...block, id } : block)
    : blocks
}

const call = (block: Scripted<CallType>, id: string): Call => {
  const { caller, id: _, input: __, name, partialJson: ___, type, ...fields } = block
  return {
    type,
    id,
    name,
    fields: { ...fields, ...(type !== "mcp_tool_use" && { caller: caller ?? { type: "direct" } }) },
    json: argumentText(block)
  }
}

/**
 * The arguments of a call as they are streamed. A call without arguments streams no text at all, as the real API may do.
 *
 * @internal
 */
export const argumentText = ({ input, partialJson }: Scripted<CallType>): string => {
  const text = partialJson ?? (input === undefined ? "" : JSON.stringify(input))
  return text === "{}" && partialJson === undefined ? "" : text
}

/** How many characters the model has written for a block. @internal */
export const size = (block: ModelScript.Block): number => {
  switch (block.type) {
    case "text":
      return block.text.length
    case "thinking":
      return block.thinking.length
    case "redacted_thinking":
      return block.data.length
    case "tool_use":
    case "server_tool_use":
    case "mcp_tool_use":
      return block.name.length + argumentText(block).length
    default:
      return 0
  }
}

/** The block of a `content_block_start`. @internal */
export const opening = (block: Block): Fields => {
  switch (block.type) {
    case "text":
      return { type: "text", text: "", citations: block.citations === undefined ? null : [] }
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" }
    case "compaction":
      return { type: "compaction", content: null, encrypted_content: null }
    case "redacted_thinking":
      return block
    case "whole":
      return block.block
    default:
      return { type: block.type, id: block.id, name: block.name, input: {}, ...block.fields }
  }
}

/** The block of a reply that is not streamed. @internal */
export const closed = (block: Block): Fields & { readonly type: string } => {
  switch (block.type) {
    case "text":
      return { ...block, citations: block.citations ?? null }
    case "compaction":
      return { ...block, encrypted_content: block.encrypted_content ?? null }
    case "thinking":
    case "redacted_thinking":
      return block
    case "whole":
      return block.block
    default:
      return { type: block.type, id: block.id, name: block.name, input: parse(block.json), ...block.fields }
  }
}

const parse = (text: string): Json => {
  try {
    return text === "" ? {} : JSON.parse(text)
  } catch {
    return {}
  }
}

/** @internal */
export const deltas = (block: Block, size: number): ReadonlyArray<Delta> => {
  switch (block.type) {
    case "text":
      return [
        ...chunks(block.text, size).map((text): Delta => ({ type: "text_delta", text })),
        ...(block.citations ?? []).map((citation): Delta => ({ type: "citations_delta", citation }))
      ]
    case "thinking":
      return [
        ...chunks(block.thinking, size).map((thinking): Delta => ({ type: "thinking_delta", thinking })),
        { type: "signature_delta", signature: block.signature }
      ]
    case "compaction":
      return [{
        type: "compaction_delta",
        content: block.content,
        encrypted_content: block.encrypted_content ?? null
      }]
    case "redacted_thinking":
    case "whole":
      return []
    default:
      return ["", ...chunks(block.json, size)].map((partial_json) => ({ type: "input_json_delta", partial_json }))
  }
}

const chunks = (text: string, size: number): ReadonlyArray<string> =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, index) => text.slice(index * size, (index + 1) * size))
