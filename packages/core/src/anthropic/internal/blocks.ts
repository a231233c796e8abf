/**
 * One content block of a reply: its start, its deltas and its end, as response parts.
 *
 * @internal
 */
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Carried from "./carried.ts"
import * as Names from "./names.ts"

type Part = Response.StreamPartEncoded

type Fields = Carried.Fields

interface Common {
  readonly fields: Fields
  /** Deltas of types that are not known, as they came. */
  readonly deltas: ReadonlyArray<Fields>
}

interface TextBlock extends Common {
  readonly type: "text"
}

interface ThinkingBlock extends Common {
  readonly type: "thinking"
  readonly signature: string
}

interface RedactedBlock extends Common {
  readonly type: "redacted_thinking"
  readonly data: string
}

/** @internal */
export interface ToolUse extends Common {
  readonly type: "tool_use"
  readonly id: string
  readonly name: string
  readonly input: unknown
  readonly json: string
}

/** A block that is carried whole: `fields` are all of it. `shown` is the call of a tool of the server that it is about. */
interface OtherBlock extends Common {
  readonly type: "block"
  readonly json: string
  readonly shown: Shown | undefined
}

interface Shown {
  readonly id: string
  readonly name: string
  readonly is: "call" | "result"
}

/** @internal */
export type Block = TextBlock | ThinkingBlock | RedactedBlock | ToolUse | OtherBlock

const nothing: ReadonlyArray<never> = []

/** Thrown for events that no reply of the API consists of. @internal */
export class MalformedReply extends Error {
  override readonly name = "MalformedReply"
}

/** @internal */
export const malformed = (message: string): never => {
  throw new MalformedReply(message)
}

const stringOf = (type: string, content: Fields, key: string): string => {
  const value = content[key]
  return typeof value === "string" ? value : malformed(`a ${type} has no ${key}`)
}

/** The fields that are left without those that a part has; `null` says what absence says. */
const restOf = (content: Fields, ...known: ReadonlyArray<string>): Fields =>
  Object.fromEntries(
    Object.entries(content).filter(([key, value]) => key !== "type" && value !== null && !known.includes(key))
  )

const hasAny = (fields: Fields): boolean => Object.keys(fields).length > 0

const withFields = (fields: Fields) => hasAny(fields) ? { fields } : undefined

const textDelta = (type: "text-delta" | "reasoning-delta", id: string, delta: unknown): ReadonlyArray<Part> =>
  typeof delta === "string" && delta !== "" ? [{ type, id, delta }] : nothing

const redacted = ({ data, fields, type }: RedactedBlock): Carried.Info => ({ type, data, ...withFields(fields) })

const startRedacted = (id: string, block: RedactedBlock): readonly [Block, ReadonlyArray<Part>] => [
  block,
  [{ type: "reasoning-start", id, metadata: Carried.metadata(redacted(block)) }]
]

const shownAs = (content: Fields, name: string): Shown =>
  content["type"] === "server_tool_use"
    ? { is: "call", name, id: stringOf("server_tool_use block", content, "id") }
    : { is: "result", name, id: stringOf("result of a server tool", content, "tool_use_id") }

const startOther = (content: Fields, tool: string | undefined): readonly [Block, ReadonlyArray<Part>] => {
  const shown = tool === undefined ? undefined : shownAs(content, tool)
  return [
    { type: "block", fields: content, json: "", deltas: nothing, shown },
    shown?.is === "call"
      ? [{ type: "tool-params-start", id: shown.id, name: shown.name, providerExecuted: true }]
      : nothing
  ]
}

/**
 * The block that `content_block` of a `content_block_start` opens, and its first parts. A part of text or reasoning has `id`.
 * `tool` is the name of the tool that the block belongs to, where the API knows it by another.
 *
 * @internal
 */
export const start = (id: string, content: Fields, tool?: string): readonly [Block, ReadonlyArray<Part>] => {
  const deltas = nothing
  switch (content["type"]) {
    case "text":
      return [{ type: "text", fields: restOf(content, "text"), deltas }, [
        { type: "text-start", id },
        ...textDelta("text-delta", id, content["text"])
      ]]
    case "thinking": {
      const { signature } = content
      const fields = restOf(content, "thinking", "signature")
      return [{ type: "thinking", signature: typeof signature === "string" ? signature : "", fields, deltas }, [
        { type: "reasoning-start", id },
        ...textDelta("reasoning-delta", id, content["thinking"])
      ]]
    }
    case "redacted_thinking": {
      const data = stringOf("redacted_thinking block", content, "data")
      return startRedacted(id, { type: "redacted_thinking", data, fields: restOf(content, "data"), deltas })
    }
    case "tool_use": {
      const [callId, known] = [stringOf("tool_use block", content, "id"), stringOf("tool_use block", content, "name")]
      const name = tool ?? known
      // The name that the API knows travels with the call, so that it is sent back as it was.
      const fields = restOf(content, "id", "input", ...(tool === undefined ? ["name"] : []))
      return [
        { type: "tool_use", id: callId, name, input: content["input"] ?? {}, json: "", fields, deltas },
        [{ type: "tool-params-start", id: callId, name }]
      ]
    }
    default:
      return startOther(content, tool)
  }
}

const cite = (block: TextBlock, citation: unknown): TextBlock => {
  const { citations } = block.fields
  const all = [...(Array.isArray(citations) ? citations : []), citation as Fields]
  return { ...block, fields: { ...block.fields, citations: all } }
}

const partialJson = (delta: Fields): string => stringOf("input_json_delta", delta, "partial_json")

/** Which blocks a delta belongs to; what is no delta of any of them is kept. */
const known: ReadonlyMap<unknown, Block["type"]> = new Map([
  ["text_delta", "text"],
  ["citations_delta", "text"],
  ["thinking_delta", "thinking"],
  ["signature_delta", "thinking"],
  ["input_json_delta", "tool_use"]
])

const keep = (block: Block, delta: Fields): readonly [Block, ReadonlyArray<Part>] => {
  const wanted = known.get(delta["type"])
  if (wanted !== undefined && wanted !== block.type && block.type !== "block") {
    return malformed(`a delta of a ${wanted} block came for a ${block.type} block`)
  }
  return [{ ...block, deltas: [...block.deltas, delta] }, nothing]
}

const extendOther = (block: OtherBlock, delta: Fields): readonly [Block, ReadonlyArray<Part>] => {
  switch (delta["type"]) {
    case "input_json_delta": {
      const json = partialJson(delta)
      const { shown } = block
      return [
        { ...block, json: block.json + json },
        shown !== undefined && json !== "" ? [{ type: "tool-params-delta", id: shown.id, delta: json }] : nothing
      ]
    }
    case "compaction_delta": {
      // It has the final value of each of its fields.
      const { type: _, ...final } = delta
      return [{ ...block, fields: { ...block.fields, ...final } }, nothing]
    }
    default:
      return keep(block, delta)
  }
}

/** The block after a delta, the same object where nothing is to be remembered, and the parts the delta adds. @internal */
export const extend = (id: string, block: Block, delta: Fields): readonly [Block, ReadonlyArray<Part>] => {
  const type = delta["type"]
  if (block.type === "text") {
    if (type === "text_delta") return [block, textDelta("text-delta", id, delta["text"])]
    if (type === "citations_delta") return [cite(block, delta["citation"]), nothing]
  } else if (block.type === "thinking") {
    if (type === "thinking_delta") return [block, textDelta("reasoning-delta", id, delta["thinking"])]
    if (type === "signature_delta") {
      return [{ ...block, signature: stringOf("signature_delta", delta, "signature") }, nothing]
    }
  } else if (block.type === "tool_use" && type === "input_json_delta") {
    const json = partialJson(delta)
    if (json === "") return [block, nothing]
    return [{ ...block, json: block.json + json }, [{ type: "tool-params-delta", id: block.id, delta: json }]]
  } else if (block.type === "block") {
    return extendOther(block, delta)
  }
  return keep(block, delta)
}

// The SDK's parser completes cut JSON by guessing; a call with guessed arguments must never run.
const parseArguments = (json: string): unknown =>
  Result.getOrElse(Result.try(() => Tool.unsafeSecureJsonParse(json)), () => json)

const reasoning = (id: string, info: Carried.Info, deltas: ReadonlyArray<Fields> = []): ReadonlyArray<Part> => [
  { type: "reasoning-start", id },
  { type: "reasoning-end", id, metadata: Carried.metadata(info, deltas) }
]

const whole = ({ fields, json }: OtherBlock): Fields =>
  json.trim() === "" ? fields : { ...fields, input: parseArguments(json) as Fields }

const serverResult = ({ id, name }: Shown, result: unknown, metadata: Response.ProviderMetadata): Part => ({
  type: "tool-result",
  id,
  name,
  result,
  isFailure: Names.isError(result),
  providerExecuted: true,
  metadata
})

const endOther = (id: string, other: OtherBlock): ReadonlyArray<Part> => {
  const { deltas, shown } = other
  const block = whole(other)
  const info: Carried.Info = { type: "block", block }
  if (shown === undefined) return reasoning(id, info, deltas)
  const metadata = Carried.metadata(info, deltas)
  if (shown.is === "result") return [serverResult(shown, block["content"], metadata)]
  const ended: Part = { type: "tool-params-end", id: shown.id }
  const { input: params } = block
  // What was cut has no arguments that the tool's schema could take.
  return Predicate.isObject(params)
    ? [ended, { type: "tool-call", id: shown.id, name: shown.name, params, providerExecuted: true, metadata }]
    : [ended, ...reasoning(id, info, deltas)]
}

/**
 * The last parts of a block, but for a tool call that its own text does not prove whole; see `toolCall`.
 *
 * @internal
 */
export const end = (id: string, block: Block): ReadonlyArray<Part> => {
  const { deltas, fields } = block
  switch (block.type) {
    case "text": {
      const info = hasAny(fields) ? { type: block.type, fields } : undefined
      const metadata = info === undefined && deltas.length === 0
        ? undefined
        : { metadata: Carried.metadata(info, deltas) }
      return [{ type: "text-end", id, ...metadata }]
    }
    case "thinking": {
      const info = { type: block.type, signature: block.signature, ...withFields(fields) }
      return [{ type: "reasoning-end", id, metadata: Carried.metadata(info, deltas) }]
    }
    case "redacted_thinking":
      return [{ type: "reasoning-end", id, metadata: Carried.metadata(redacted(block), deltas) }]
    case "tool_use":
      return [{ type: "tool-params-end", id: block.id }]
    case "block":
      return endOther(id, block)
  }
}

const callOf = ({ deltas, fields, id, name, type }: ToolUse, params: unknown): Part => {
  const info = hasAny(fields) ? { type, fields } : undefined
  return {
    type: "tool-call",
    id,
    name,
    params,
    ...((info !== undefined || deltas.length > 0) && { metadata: Carried.metadata(info, deltas) })
  }
}

/**
 * The call of a block that has ended, where its own text proves it whole: nothing can follow the brace that closes an object.
 * That its block has ended proves nothing, since a reply that is cut ends its last block too.
 *
 * @internal
 */
export const wholeCall = (block: ToolUse): Part | undefined => {
  const params = parseArguments(block.json)
  return Predicate.isObject(params) ? callOf(block, params) : undefined
}

/**
 * The call of a block whose own text does not prove it whole. Arguments that may have been cut, or are not JSON, are the text that
 * arrived.
 *
 * @internal
 */
export const toolCall = (block: ToolUse, complete: boolean): Part => {
  const { input, json } = block
  if (json.trim() === "") return callOf(block, complete ? input : JSON.stringify(input))
  return callOf(block, complete ? parseArguments(json) : json)
}

/**
 * An empty reasoning part that says in which container the tools of the server ran.
 *
 * @internal
 */
export const container = (value: unknown): ReadonlyArray<Part> =>
  Predicate.isObject(value) && typeof value["id"] === "string"
    ? reasoning("container", { type: "container", container: value as Fields })
    : nothing
