/**
 * Turns a `Prompt` into the `system` and `messages` of a Messages API request.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import type * as AiError from "effect/ai/AiError"
import type * as Prompt from "effect/ai/Prompt"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { once, onceOwn } from "../../internal/once.ts"
import * as Carried from "./carried.ts"
import { fileBlock } from "./files.ts"
import * as Names from "./names.ts"
import { type Block, pair, type Turn } from "./pairs.ts"

/** @internal */
export interface Conversation {
  readonly system: Array<Api.TextBlockParam>
  readonly messages: Array<Api.MessageParam>
  /** Where the tools of the server ran last; what they began there ends only in it. */
  readonly container?: string
}

type Converted<A> = Result.Result<A, AiError.AiErrorReason>

const text = (value: string): Api.TextBlockParam => ({ type: "text", text: value })

const hasWords = (block: Block): boolean => block.type === "text" && block.text.trim() !== ""

const infoOf = (part: { readonly options: Prompt.ProviderOptions }): Carried.Info | undefined =>
  Carried.infoOf(part.options)

const isThinking = (block: Block): boolean => block.type === "thinking" || block.type === "redacted_thinking"

/** The API gives `file_id` with a citation and refuses it. https://github.com/langchain-ai/langchain/pull/32592 */
const sentCitations = (citations: unknown): unknown =>
  Array.isArray(citations)
    ? citations.map((citation) =>
      Predicate.isObject(citation)
        ? Object.fromEntries(Object.entries(citation).filter(([key]) => key !== "file_id"))
        : citation
    )
    : citations

const assistantText = (part: Prompt.TextPart): Block => {
  const info = infoOf(part)
  if (info?.type !== "text") return text(part.text)
  const { citations, ...fields } = info.fields
  return {
    ...text(part.text),
    ...(citations !== undefined && { citations: sentCitations(citations) }),
    ...fields
  } as Api.TextBlockParam
}

/** A call of the server's tools whose arguments were cut is no block that the API would take. */
const isWhole = (block: Carried.Fields): boolean => !Object.hasOwn(block, "input") || Predicate.isObject(block["input"])

/** A block that came whole with the part of a reply; a call or a result of another provider's server stays behind. */
const carried = (info: Carried.Info | undefined): ReadonlyArray<Block> =>
  info?.type === "block" && isWhole(info.block) ? [info.block as unknown as Block] : []

// The API refuses reasoning that it did not sign, so reasoning of another provider stays behind.
const reasoning = (part: Prompt.ReasoningPart): ReadonlyArray<Block> => {
  const info = infoOf(part)
  switch (info?.type) {
    case "thinking":
      return [{ type: "thinking", thinking: part.text, signature: info.signature, ...info.fields }]
    case "redacted_thinking":
      return [{ type: "redacted_thinking", data: info.data, ...info.fields }]
    default:
      return carried(info)
  }
}

const toolUse = (part: Prompt.ToolCallPart): Api.ToolUseBlockParam => {
  const info = infoOf(part)
  return {
    type: "tool_use",
    id: part.id,
    name: Names.toApi(part.name),
    input: Predicate.isObject(part.params) ? part.params : {},
    ...(info?.type === "tool_use" && info.fields)
  }
}

const resultText = (result: unknown): string => {
  if (typeof result === "string" && result.trim() !== "") return result
  return Result.getOrElse(Result.try(() => JSON.stringify(result)), () => String(result)) ?? "null"
}

const toolResult = (part: Prompt.ToolResultPart): Converted<Api.ToolResultBlockParam> =>
  Result.map(
    Result.all(
      (part.modelOutput ?? []).map((output) =>
        output.type === "file" ? fileBlock(output) : Result.succeed(text(output.text))
      )
    ),
    (blocks): Api.ToolResultBlockParam => ({
      type: "tool_result",
      tool_use_id: part.id,
      content: blocks.some((block) => block.type !== "text" || hasWords(block))
        ? blocks.filter((block) => block.type !== "text" || block.text !== "")
        : resultText(part.result),
      ...(part.isFailure ? { is_error: true } : undefined)
    })
  )

const assistantBlocks = (part: Prompt.AssistantMessagePart): ReadonlyArray<Block> => {
  if (part.type === "text") return [assistantText(part)]
  if (part.type === "reasoning") return reasoning(part)
  if (part.type === "tool-call" && !part.providerExecuted) return [toolUse(part)]
  return part.type === "tool-call" || part.type === "tool-result" ? carried(infoOf(part)) : []
}

const containerOf = ({ content }: Prompt.AssistantMessage): string | undefined =>
  content
    .flatMap((part) => part.type === "reasoning" ? [infoOf(part)] : [])
    .flatMap((info) =>
      info?.type === "container" && typeof info.container["id"] === "string" ? [info.container["id"]] : []
    )
    .at(-1)

const makeTurn = (message: Prompt.Message): Converted<Turn> => {
  switch (message.role) {
    case "system":
      return Result.succeed({ role: "system", content: [text(message.content)].filter(hasWords) })
    case "user":
      return Result.map(
        Result.all(
          message.content.map((part): Converted<Block> =>
            part.type === "file" ? fileBlock(part) : Result.succeed(text(part.text))
          )
        ),
        (content): Turn => ({ role: "user", content })
      )
    case "assistant":
      return Result.succeed({
        role: "assistant",
        content: message.content.flatMap(assistantBlocks),
        container: containerOf(message)
      })
    case "tool":
      return Result.map(
        Result.all(message.content.filter((part) => part.type === "tool-result").map(toolResult)),
        (content): Turn => ({ role: "user", content })
      )
  }
}

/** A conversation repeats its messages in each request, and their blocks are then the same objects. */
const toTurn = once(makeTurn)

interface Joined {
  readonly earlier: Turn
  readonly turn: Turn
}

const joined = new WeakMap<Turn, Joined>()

/** Two turns of one role as one; the same object for the same two, so that it need not be written again. */
const join = (earlier: Turn, later: Turn): Turn => {
  const known = joined.get(later)
  if (known?.earlier === earlier) return known.turn
  const turn: Turn = {
    role: earlier.role,
    content: [...earlier.content, ...later.content],
    container: later.container ?? earlier.container
  }
  joined.set(later, { earlier, turn })
  return turn
}

const merge = (turns: ReadonlyArray<Turn>): ReadonlyArray<Turn> => {
  const merged: Array<Turn> = []
  for (const turn of turns) {
    const last = merged.at(-1)
    if (last?.role === turn.role) merged[merged.length - 1] = join(last, turn)
    else if (turn.content.length > 0) merged.push(turn)
  }
  return merged
}

const isBlank = (block: Block): boolean => block.type === "text" && block.text.trim() === ""

// Blank text is accepted next to other text and refused alone; thinking is refused as a message's last block.
// https://github.com/LibreChat-AI/agents/pull/124, https://github.com/tailcallhq/forgecode/issues/2107
const dropRefused = onceOwn((turn: Turn): Turn => {
  const last = turn.content.at(-1)
  if (last !== undefined && !isThinking(last) && !turn.content.some(isBlank)) return turn
  const content = turn.content.some(hasWords)
    ? turn.content.filter((block) => block.type !== "text" || block.text !== "")
    : turn.content.filter((block) => block.type !== "text")
  return { ...turn, content: content.slice(0, content.findLastIndex((block) => !isThinking(block)) + 1) }
})

// Models before Opus 4.8 refuse a system message inside `messages`.
const olderModels = /claude-(\d|instant|(opus|sonnet|haiku)-4(?!-[89])|mythos-preview)/

/**
 * Whether a model accepts system messages after the first user message.
 *
 * @internal
 */
export const supportsSystemInHistory = (model: string): boolean => !olderModels.test(model)

// A late system message stays where it was said: moving it into `system` would change the prefix of every later
// block. It has to follow a user message and precede an assistant message or the end; elsewhere it becomes user text.
const placeSystem = (turns: ReadonlyArray<Turn>, model: string): ReadonlyArray<Turn> =>
  turns.map((turn, index) => {
    if (turn.role !== "system") return turn
    const before = turns[index - 1]
    const after = turns[index + 1]
    if (supportsSystemInHistory(model) && before?.role === "user" && after?.role !== "user") return turn
    return {
      role: "user",
      content: turn.content.map((block) => block.type === "text" ? text(`<system>\n${block.text}\n</system>`) : block)
    }
  })

const resultsFirst = (content: ReadonlyArray<Block>): Array<Block> => [
  ...content.filter((block) => block.type === "tool_result"),
  ...content.filter((block) => block.type !== "tool_result")
]

const makeMessage = ({ content, role }: Turn): Api.MessageParam => {
  switch (role) {
    case "user":
      return { role, content: resultsFirst(content) }
    case "assistant":
      return { role, content: [...content] }
    case "system":
      return { role, content: content.filter((block) => block.type === "text") }
  }
}

const toMessage = onceOwn(makeMessage)

/**
 * Converts a prompt: the system messages before the conversation become `system`, the rest alternating messages, and the
 * container that an earlier reply named is asked for again. Messages must not change afterwards.
 *
 * @internal
 */
export const convert = (prompt: Prompt.Prompt, model: string): Converted<Conversation> =>
  Result.map(Result.all(prompt.content.map(toTurn)), (all) => {
    const turns = all.filter((turn) => turn.content.length > 0)
    const start = turns.findIndex((turn) => turn.role !== "system")
    const leading = start === -1 ? turns : turns.slice(0, start)
    const conversation = merge(merge(turns.slice(leading.length)).map(pair).map(dropRefused))
    const container = all.findLast((turn) => turn.container !== undefined)?.container
    return {
      system: leading.flatMap((turn) => turn.content.filter((block) => block.type === "text")),
      messages: merge(placeSystem(conversation, model)).map(toMessage),
      ...(container !== undefined && { container })
    }
  })
