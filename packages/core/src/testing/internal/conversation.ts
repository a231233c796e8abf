/**
 * What a model is given to read of a request, as one text in the order of the API: tools, system, messages. What is
 * appended to a conversation is appended to its text.
 *
 * @internal
 */
import * as fields from "./fields.ts"

/** Marks for the cache are not read by the model. */
const unread: ReadonlySet<string> = new Set(["cache_control"])

const json = (value: unknown): string => {
  try {
    return JSON.stringify(value, (key, inner: unknown) => unread.has(key) ? undefined : inner) ?? ""
  } catch {
    // nested deeper than the call stack
    return ""
  }
}

/** Content as blocks: a text is a block of text. */
const blocks = (content: unknown): ReadonlyArray<unknown> =>
  typeof content === "string" ? [{ type: "text", text: content }] : fields.list(content)

const isThinking = (block: unknown): boolean =>
  fields.isFields(block) && (block["type"] === "thinking" || block["type"] === "redacted_thinking")

/** Messages of one role after each other are one message. */
const messageLines = (messages: ReadonlyArray<unknown>): ReadonlyArray<string> =>
  messages.flatMap((message, index) => {
    if (!fields.isFields(message)) return [json(message)]
    const before = messages[index - 1]
    const isNew = !fields.isFields(before) || before["role"] !== message["role"]
    return [...(isNew ? [`# ${fields.show(message["role"])}`] : []), ...blocks(message["content"]).map(json)]
  })

const lines = (body: fields.Fields): ReadonlyArray<string> => [
  ...fields.list(body["tools"]).map(json),
  ...blocks(body["system"]).map(json),
  ...messageLines(fields.list(body["messages"]))
]

/** @internal */
export const text = (body: unknown): string =>
  fields.isFields(body) ? lines(body).map((line) => `${line}\n`).join("") : ""

/**
 * What a thinking block is bound to: all that came before it but thinking, which may be dropped.
 *
 * @param before - how many messages come before the one with the block
 * @internal
 */
export const binding = (body: fields.Fields, before?: number): string =>
  text({
    ...body,
    messages: fields.list(body["messages"]).slice(0, before).map((message) =>
      fields.isFields(message)
        ? { ...message, content: blocks(message["content"]).filter((block) => !isThinking(block)) }
        : message
    )
  })

/** Length in bytes of the text, and of the beginning it shares with another one of the same model. @internal */
export interface Prefix {
  readonly bytes: number
  readonly shared: number
}

/** @internal */
export const prefix = (text: Uint8Array, before: Uint8Array): Prefix => {
  const most = Math.min(text.length, before.length)
  let shared = 0
  while (shared < most && text[shared] === before[shared]) shared++
  return { bytes: text.length, shared }
}

/** A quarter of the characters, at least 1: no tokenizer is public. @internal */
export const tokens = (body: unknown): number => Math.max(1, Math.ceil(text(body).length / 4))
