/**
 * Turns a `Prompt` into the `system` and `messages` of a Messages API request.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import * as AiError from "effect/ai/AiError"
import type * as Prompt from "effect/ai/Prompt"
import * as Base64 from "effect/encoding/Base64"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** @internal */
export interface Conversation {
  readonly system: Array<Api.TextBlockParam>
  readonly messages: Array<Api.MessageParam>
}

type Block = Api.ContentBlockParam

interface Turn {
  readonly role: "user" | "assistant" | "system"
  readonly content: ReadonlyArray<Block>
}

type Converted<A> = Result.Result<A, AiError.AiErrorReason>

const text = (value: string): Api.TextBlockParam => ({ type: "text", text: value })

const hasWords = (block: Block): boolean => block.type === "text" && block.text.trim() !== ""

const isThinking = (block: Block): boolean => block.type === "thinking" || block.type === "redacted_thinking"

const decodeReasoningOptions = Schema.decodeUnknownOption(Schema.Struct({
  anthropic: Schema.Struct({
    info: Schema.Union([
      Schema.Struct({ type: Schema.Literal("thinking"), signature: Schema.NonEmptyString }),
      Schema.Struct({ type: Schema.Literal("redacted_thinking"), data: Schema.String })
    ])
  })
}))

// The API refuses reasoning that it did not sign, so reasoning of another provider stays behind.
const reasoning = (part: Prompt.ReasoningPart): ReadonlyArray<Block> =>
  Option.match(decodeReasoningOptions(part.options), {
    onNone: () => [],
    onSome: ({ anthropic: { info } }) => [
      info.type === "thinking"
        ? { type: "thinking", thinking: part.text, signature: info.signature }
        : { type: "redacted_thinking", data: info.data }
    ]
  })

const imageTypes = ["image/jpeg", "image/png", "image/gif", "image/webp"] as const

const file = (part: Prompt.FilePart): Converted<Api.ImageBlockParam | Api.DocumentBlockParam> => {
  const { data, mediaType } = part
  const url = data instanceof URL || (typeof data === "string" && /^https?:/.test(data)) ? String(data) : undefined
  const base64 = (): string => data instanceof Uint8Array ? Base64.encode(data) : String(data)
  if (mediaType === "application/pdf") {
    return Result.succeed({
      type: "document",
      source: url === undefined
        ? { type: "base64", media_type: "application/pdf", data: base64() }
        : { type: "url", url },
      ...(part.fileName === undefined ? undefined : { title: part.fileName })
    })
  }
  if (url !== undefined && mediaType.startsWith("image/")) {
    return Result.succeed({ type: "image", source: { type: "url", url } })
  }
  const imageType = imageTypes.find((type) => type === mediaType)
  if (imageType !== undefined) {
    return Result.succeed({ type: "image", source: { type: "base64", media_type: imageType, data: base64() } })
  }
  return Result.fail(
    new AiError.InvalidRequestError({
      parameter: "prompt",
      constraint: `has a file of type "${mediaType}"`,
      description: `Supported types are ${imageTypes.join(", ")} and application/pdf`
    })
  )
}

const toolUse = (part: Prompt.ToolCallPart): Api.ToolUseBlockParam => ({
  type: "tool_use",
  id: part.id,
  name: part.name,
  input: Predicate.isObject(part.params) ? part.params : {}
})

const resultText = (result: unknown): string => {
  if (typeof result === "string" && result.trim() !== "") return result
  return Result.getOrElse(Result.try(() => JSON.stringify(result)), () => String(result)) ?? "null"
}

const toolResult = (part: Prompt.ToolResultPart): Converted<Api.ToolResultBlockParam> =>
  Result.map(
    Result.all(
      (part.modelOutput ?? []).map((output) =>
        output.type === "file" ? file(output) : Result.succeed(text(output.text))
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
  if (part.type === "text") return [text(part.text)]
  if (part.type === "reasoning") return reasoning(part)
  return part.type === "tool-call" && !part.providerExecuted ? [toolUse(part)] : []
}

const toTurn = (message: Prompt.Message): Converted<Turn> => {
  switch (message.role) {
    case "system":
      return Result.succeed({ role: "system", content: [text(message.content)].filter(hasWords) })
    case "user":
      return Result.map(
        Result.all(
          message.content.map((part): Converted<Block> =>
            part.type === "file" ? file(part) : Result.succeed(text(part.text))
          )
        ),
        (content): Turn => ({ role: "user", content })
      )
    case "assistant":
      return Result.succeed({ role: "assistant", content: message.content.flatMap(assistantBlocks) })
    case "tool":
      return Result.map(
        Result.all(message.content.filter((part) => part.type === "tool-result").map(toolResult)),
        (content): Turn => ({ role: "user", content })
      )
  }
}

const merge = (turns: ReadonlyArray<Turn>): ReadonlyArray<Turn> => {
  const merged: Array<{ readonly role: Turn["role"]; readonly content: Array<Block> }> = []
  for (const turn of turns) {
    const last = merged.at(-1)
    if (last?.role === turn.role) {
      last.content.push(...turn.content)
    } else if (turn.content.length > 0) {
      merged.push({ role: turn.role, content: [...turn.content] })
    }
  }
  return merged
}

// Blank text is accepted next to other text and refused alone; thinking is refused as a message's last block.
// https://github.com/LibreChat-AI/agents/pull/124, https://github.com/tailcallhq/forgecode/issues/2107
const dropRefused = (turn: Turn): Turn => {
  const content = turn.content.some(hasWords)
    ? turn.content.filter((block) => block.type !== "text" || block.text !== "")
    : turn.content.filter((block) => block.type !== "text")
  return { ...turn, content: content.slice(0, content.findLastIndex((block) => !isThinking(block)) + 1) }
}

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

const toMessage = ({ content, role }: Turn): Api.MessageParam => {
  switch (role) {
    case "user":
      return { role, content: resultsFirst(content) }
    case "assistant":
      return { role, content: [...content] }
    case "system":
      return { role, content: content.filter((block) => block.type === "text") }
  }
}

/**
 * Converts a prompt: the system messages before the conversation become `system`, the rest alternating messages.
 *
 * @internal
 */
export const convert = (prompt: Prompt.Prompt, model: string): Converted<Conversation> =>
  Result.map(Result.all(prompt.content.map(toTurn)), (all) => {
    const turns = all.filter((turn) => turn.content.length > 0)
    const start = turns.findIndex((turn) => turn.role !== "system")
    const leading = start === -1 ? turns : turns.slice(0, start)
    const conversation = merge(merge(turns.slice(leading.length)).map(dropRefused))
    return {
      system: leading.flatMap((turn) => turn.content.filter((block) => block.type === "text")),
      messages: merge(placeSystem(conversation, model)).map(toMessage)
    }
  })
