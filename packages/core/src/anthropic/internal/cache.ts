/**
 * Where a request is marked for the prompt cache.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import { onceOwn } from "../../internal/once.ts"

/**
 * Whether requests are marked, and for how long what is written lives.
 *
 * @internal
 */
export type Policy = { readonly ttl: "5 minutes" | "1 hour" } | false

type Body = Pick<Api.MessageCreateParamsStreaming, "messages" | "system" | "tools">

const markable: ReadonlySet<string> = new Set(["text", "image", "document", "search_result", "tool_result"])

const canBeMarked = (block: Api.ContentBlockParam): boolean =>
  block.type === "text" ? block.text.trim() !== "" : markable.has(block.type)

const bare = <A extends object>(value: A): A => {
  if (!Object.hasOwn(value, "cache_control")) return value
  const { cache_control: _, ...rest } = value as A & { readonly cache_control: unknown }
  return rest as A
}

const each = <A>(items: ReadonlyArray<A>, change: (item: A) => A): ReadonlyArray<A> => {
  const changed = items.map(change)
  return changed.every((item, index) => item === items[index]) ? items : changed
}

/** A block without marks, its own and those of what it holds; the same object where there are none. */
const clean = (block: Api.ContentBlockParam): Api.ContentBlockParam => {
  const own = bare(block)
  if (own.type !== "tool_result" || !Array.isArray(own.content)) return own
  const content = each(own.content, bare)
  return content === own.content ? own : { ...own, content: [...content] }
}

const cleanMessage = onceOwn((message: Api.MessageParam): Api.MessageParam => {
  if (typeof message.content === "string") return message
  const content = each<Api.ContentBlockParam>(message.content, clean)
  return content === message.content ? message : { ...message, content } as Api.MessageParam
})

const controls = {
  "5 minutes": { type: "ephemeral" },
  "1 hour": { type: "ephemeral", ttl: "1h" }
} as const satisfies Record<string, Api.CacheControlEphemeral>

type Ttl = keyof typeof controls

const copies: Record<Ttl, WeakMap<object, object>> = { "5 minutes": new WeakMap(), "1 hour": new WeakMap() }

/** The same copy each time, so that it need not be written again. */
const copyOf = <A extends object>(original: A, ttl: Ttl, make: () => A): A => {
  const known = copies[ttl].get(original)
  if (known !== undefined) return known as A
  const copy = make()
  copies[ttl].set(original, copy)
  return copy
}

/** The items with the one at `index` marked, where there is one. */
const mark = <A extends object>(items: ReadonlyArray<A>, index: number, ttl: Ttl): ReadonlyArray<A> =>
  items.map((item, position) =>
    position === index ? copyOf(item, ttl, () => ({ ...item, cache_control: controls[ttl] })) : item
  )

const markMessage = (message: Api.MessageParam, ttl: Ttl): Api.MessageParam => {
  const { content } = message
  if (typeof content === "string") return message
  return copyOf(message, ttl, () => {
    const marked = mark<Api.ContentBlockParam>(content, content.findLastIndex(canBeMarked), ttl)
    return { ...message, content: marked } as Api.MessageParam
  })
}

/** A tool that is loaded only when it is searched for is no part of the prefix, and the API refuses its mark. */
const isLoaded = (tool: Api.ToolUnion): boolean => !("defer_loading" in tool && tool.defer_loading)

/** How many requests back the conversation is marked: this one writes, and finds what the one before it wrote. */
const turns = 2

const lastTurns = (messages: ReadonlyArray<Api.MessageParam>): ReadonlySet<Api.MessageParam> =>
  new Set(messages.filter(({ role }) => role === "user").slice(-turns))

/**
 * The body with its last loaded tool, its last system text and the ends of the last two user messages marked: at most four places.
 * All other marks are taken away, so that those of earlier requests do not add up.
 *
 * @internal
 */
export const place = <A extends Body>(body: A, policy: Policy): A => {
  const messages = each(body.messages, cleanMessage)
  if (policy === false) return messages === body.messages ? body : { ...body, messages }
  const { ttl } = policy
  const last = lastTurns(messages)
  const { system, tools } = body
  return {
    ...body,
    ...(tools && { tools: mark(tools, tools.findLastIndex(isLoaded), ttl) }),
    ...(Array.isArray(system) && { system: mark<Api.TextBlockParam>(system, system.length - 1, ttl) }),
    messages: messages.map((message) => last.has(message) ? markMessage(message, ttl) : message)
  }
}
