/**
 * What must become of the thinking blocks that a server has issued.
 *
 * @internal
 */
import { version } from "../../anthropic/internal/modelId.ts"
import type { Message } from "./blockRules.ts"
import * as conversation from "./conversation.ts"
import * as fields from "./fields.ts"
import { callIds, isCall, isSame, type IssuedReply } from "./turnRules.ts"

/** The thinking blocks are those that were issued, unchanged and in order. @internal */
export const thinking = function*(
  body: fields.Fields,
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
  if (bindsThinking(fields.show(body["model"]))) yield* boundThinking(body, messages, issued)
}

/** Opus from 5.5 and Fable from 5.1 on; Mythos is exempt. */
const bindsThinking = (model: string): boolean => {
  const known = version(model)
  return known !== undefined &&
    ((known.family === "opus" && known.number >= 505) || (known.family === "fable" && known.number >= 501))
}

/** What came before a thinking block is what came before it when it was issued. */
const boundThinking = function*(
  body: fields.Fields,
  messages: ReadonlyArray<Message>,
  issued: ReadonlyArray<IssuedReply>
): fields.Violations {
  for (const message of messages) {
    const position = message.blocks.findIndex(isThinking)
    const block = message.blocks[position]
    if (block === undefined) continue
    const replies = issued.filter(({ content, request }) =>
      request !== undefined && content.some((other) => isSame(other, block))
    )
    const before = conversation.binding(body, message.index)
    if (
      replies.length === 0 ||
      replies.some(({ request }) => fields.isFields(request) && conversation.binding(request) === before)
    ) continue
    yield `messages.${message.index}.content.${position}: The block is bound to a different conversation. ` +
      "What comes before a thinking block must be what came before it when it was issued."
  }
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
