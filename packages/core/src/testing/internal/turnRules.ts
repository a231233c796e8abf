/**
 * What the messages of a conversation must be to each other.
 *
 * @internal
 */
import type { Message } from "./blockRules.ts"
import * as fields from "./fields.ts"

/** @internal */
export interface IssuedReply {
  readonly content: ReadonlyArray<{ readonly type: string; readonly [key: string]: unknown }>
  readonly stopReason: string
}

const ofType = (message: Message | undefined, type: string): ReadonlyArray<fields.Fields> =>
  message?.blocks.filter((block) => block["type"] === type) ?? []

const callIds = (message: Message | undefined): ReadonlyArray<unknown> =>
  message?.role === "assistant" ? ofType(message, "tool_use").map((block) => block["id"]) : []

/** Every call is answered by the results that begin the very next user message. @internal */
export const answers = function*(messages: ReadonlyArray<Message>): fields.Violations {
  for (const message of messages) {
    const next = messages[message.index + 1]
    const answered = new Set(next?.role === "user" ? leadingResults(next) : [])
    const open = callIds(message).filter((id) => !answered.has(id))
    if (open.length > 0) {
      yield `messages.${message.index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${
        open.map(fields.show).join(", ")
      }. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
    }
  }
}

const leadingResults = (message: Message): ReadonlyArray<unknown> => {
  const end = message.blocks.findIndex((block) => block["type"] !== "tool_result")
  return message.blocks.slice(0, end < 0 ? undefined : end).map((block) => block["tool_use_id"])
}

/** Every result answers a call of the message before, and no other result does. @internal */
export const results = function*(messages: ReadonlyArray<Message>): fields.Violations {
  for (const message of messages) {
    const calls = new Set(callIds(messages[message.index - 1]))
    const seen = new Set<unknown>()
    for (const [position, block] of message.blocks.entries()) {
      if (block["type"] !== "tool_result") continue
      const path = `messages.${message.index}.content.${position}`
      const id = block["tool_use_id"]
      if (!calls.has(id)) {
        yield `${path}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${fields.show(id)}. ` +
          "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
      } else if (seen.has(id)) {
        yield `${path}: each tool_use must have a single result. ` +
          `Found multiple \`tool_result\` blocks with id: ${fields.show(id)}`
      }
      seen.add(id)
    }
  }
}

/** @internal */
export const uniqueCalls = function*(messages: ReadonlyArray<Message>): fields.Violations {
  const seen = new Set<unknown>()
  for (const message of messages) {
    for (const [position, block] of message.blocks.entries()) {
      if (block["type"] !== "tool_use") continue
      if (seen.has(block["id"])) yield `messages.${message.index}.content.${position}: \`tool_use\` ids must be unique`
      seen.add(block["id"])
    }
  }
}

/** The first message is the user's and the last is not the assistant's. @internal */
export const roles = function*(
  messages: ReadonlyArray<Message>,
  issued: ReadonlyArray<IssuedReply>
): fields.Violations {
  if (messages.length === 0) return yield "messages: at least one message is required"
  if (messages[0]!.role !== "user") yield "messages: first message must use the \"user\" role"
  yield* systemMessages(messages)
  const last = messages.findLast((message) => message.role !== "system")
  if (last?.role === "assistant" && !isPaused(last, issued)) {
    yield "This model does not support assistant message prefill. The conversation must end with a user message."
  }
}

const systemMessages = function*(messages: ReadonlyArray<Message>): fields.Violations {
  for (const { index, role } of messages) {
    if (role !== "system" || index === 0) continue
    const before = messages[index - 1]!.role
    const after = messages[index + 1]?.role
    if (before === "assistant" || after === "user") {
      yield `messages.${index}: role 'system' must precede an 'assistant' message or end the array`
    }
  }
}

// A paused turn is continued by sending it back as it is, without a user message.
const isPaused = (message: Message, issued: ReadonlyArray<IssuedReply>): boolean => {
  const last = message.blocks.at(-1)
  if (last === undefined) return false
  return last["type"] === "server_tool_use" ||
    issued.some((reply) => reply.stopReason === "pause_turn" && isSame(reply.content.at(-1), last))
}

/** The thinking blocks are those that were issued, unchanged and in order. @internal */
export const thinking = function*(
  messages: ReadonlyArray<Message>,
  issued: ReadonlyArray<IssuedReply>
): fields.Violations {
  const known = issued.flatMap((reply) => reply.content.filter(isThinking))
  for (const message of messages) {
    let after = 0
    for (const [position, block] of message.blocks.entries()) {
      if (!isThinking(block)) continue
      const path = `messages.${message.index}.content.${position}`
      const found = known.findIndex((candidate, index) => index >= after && isSame(candidate, block))
      if (found >= 0) after = found + 1
      else if (known.some((candidate) => isSame(candidate, block))) yield `${path}: ${modified}`
      else yield `${path}: ${notIssued(block)}`
    }
  }
  yield* missingThinking(messages, issued)
}

const modified =
  "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response."

const notIssued = (block: fields.Fields): string =>
  block["type"] === "thinking"
    ? "Invalid `signature` in `thinking` block"
    : "Invalid `data` in `redacted_thinking` block"

// Only the turn whose calls are answered last is bound to keep its thinking.
const missingThinking = function*(
  messages: ReadonlyArray<Message>,
  issued: ReadonlyArray<IssuedReply>
): fields.Violations {
  const latest = messages.findLast((message) => message.role === "assistant")
  const calls = new Set(callIds(latest))
  const reply = issued.findLast((reply) => reply.content.some((block) => isCall(block) && calls.has(block["id"])))
  if (latest === undefined || reply === undefined) return
  const kept = latest.blocks.filter(isThinking)
  if (bindingThinking(reply).every((block) => kept.some((other) => isSame(block, other)))) return
  const found = latest.blocks[0]?.["type"]
  yield isThinking(reply.content[0]!) && found !== "thinking" && found !== "redacted_thinking"
    ? `messages.${latest.index}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${
      fields.show(found)
    }\``
    : `messages.${latest.index}: ${modified}`
}

// Thinking at the end of a reply cannot be sent back, since no message may end with it.
const bindingThinking = ({ content }: IssuedReply): ReadonlyArray<fields.Fields> =>
  content.slice(0, content.findLastIndex((block) => !isThinking(block)) + 1).filter(isThinking)

const isThinking = (block: fields.Fields): boolean =>
  block["type"] === "thinking" || block["type"] === "redacted_thinking"

const isCall = (block: fields.Fields): boolean => block["type"] === "tool_use"

const isSame = (left: fields.Fields | undefined, right: fields.Fields): boolean =>
  left !== undefined && left["type"] === right["type"] &&
  ["text", "thinking", "signature", "data", "id"].every((key) => left[key] === right[key])
