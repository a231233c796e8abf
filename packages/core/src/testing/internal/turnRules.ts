/**
 * What the messages of a conversation must be to each other.
 *
 * @internal
 */
import { supportsSystemInHistory } from "../../anthropic/internal/prompt.ts"
import type { Message } from "./blockRules.ts"
import * as fields from "./fields.ts"
import { serverResults as serverResultTypes } from "./schemas.ts"

/** @internal */
export interface IssuedReply {
  readonly content: ReadonlyArray<{ readonly type: string; readonly [key: string]: unknown }>
  readonly stopReason: string
  /** The body of the request that it answered: its thinking is bound to what that had before it. */
  readonly request?: unknown
}

/** The calls that want an answer: not those before a fallback to another model. @internal */
export const callIds = (message: Message | undefined): ReadonlyArray<unknown> => {
  if (message?.role !== "assistant") return []
  const after = message.blocks.findLastIndex((block) => block["type"] === "fallback") + 1
  return message.blocks.slice(after).filter(isCall).map((block) => block["id"])
}

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

/** What the server's own tools said belongs to a call of theirs, before it in the same message. @internal */
export const serverResults = function*(messages: ReadonlyArray<Message>): fields.Violations {
  for (const message of messages) {
    const calls = new Set<unknown>()
    for (const [position, block] of message.blocks.entries()) {
      if (isServerCall(block)) calls.add(block["id"])
      const type = fields.show(block["type"])
      if (!isServerResult(block) || calls.has(block["tool_use_id"])) continue
      yield `messages.${message.index}.content.${position}: unexpected \`tool_use_id\` found in \`${type}\` blocks: ${
        fields.show(block["tool_use_id"])
      }. Each \`${type}\` block must have a corresponding \`server_tool_use\` block before it.`
    }
  }
}

const isServerCall = (block: fields.Fields): boolean =>
  block["type"] === "server_tool_use" || block["type"] === "mcp_tool_use"

const isServerResult = (block: fields.Fields): boolean => serverResultTypes.some((type) => type === block["type"])

/** Calls that came out of code the server still runs go back to its container. @internal */
export const container = function*(
  messages: ReadonlyArray<Message>,
  container: unknown
): fields.Violations {
  if (container !== undefined && container !== null) return
  const last = messages.findLast(({ role }) => role === "assistant")
  const finished = new Set(last?.blocks.filter(isServerResult).map((block) => block["tool_use_id"]))
  const pending = last?.blocks.some(({ caller, ...block }) =>
    isCall(block) && fields.isFields(caller) && fields.show(caller["type"]).startsWith("code_execution_") &&
    !finished.has(caller["tool_id"])
  )
  if (pending === true) {
    yield "container_id is required when there are pending tool uses generated by code execution with tools."
  }
}

/** @internal */
export const systemSupport = function*(messages: ReadonlyArray<Message>, model: unknown): fields.Violations {
  if (typeof model !== "string" || supportsSystemInHistory(model)) return
  if (messages.some(({ role }) => role === "system")) {
    yield "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \"system\" as " +
      "an input message role."
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

/** @internal */
export const isCall = (block: fields.Fields): boolean => block["type"] === "tool_use"

/** Whether a block is the one that was issued. @internal */
export const isSame = (left: fields.Fields | undefined, right: fields.Fields): boolean =>
  left !== undefined && left["type"] === right["type"] &&
  ["text", "thinking", "signature", "data", "id"].every((key) => left[key] === right[key])
