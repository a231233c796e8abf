/**
 * The body of a request as JSON. What a conversation repeats is turned into text once, as long as it is the same object.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import { onceOwn } from "../../internal/once.ts"

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * The value without lone surrogates, for example of text that was cut in the middle of an emoji: the API refuses them.
 *
 * @internal
 */
export const wellFormed = (value: unknown): unknown => {
  if (typeof value === "string") return value.toWellFormed()
  if (Array.isArray(value)) return value.map(wellFormed)
  if (typeof value !== "object" || value === null || !isPlain(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)]))
}

// `JSON.stringify` escapes a lone surrogate, and nothing else in this way; that a text has these characters is harmless.
const mayBeIllFormed = /\\ud[89a-f]/

const write = (value: unknown): string => {
  const json = JSON.stringify(value) ?? "null"
  return mayBeIllFormed.test(json) ? JSON.stringify(wellFormed(value)) : json
}

const writeOnce = onceOwn((value: object): string => write(value))

const isList = (key: string): key is "messages" | "tools" => key === "messages" || key === "tools"

/**
 * The body as JSON; its messages and tools must not change afterwards.
 *
 * @internal
 */
export const stringify = (body: Api.MessageCreateParamsStreaming): string => {
  let text = "{"
  for (const [key, value] of Object.entries(body)) {
    if (value === undefined) continue
    text += `${text === "{" ? "" : ","}${write(key)}:`
    const items = isList(key) ? body[key] : undefined
    if (items === undefined) {
      text += write(value)
      continue
    }
    let opening = "["
    for (const item of items) {
      text += opening
      text += writeOnce(item)
      opening = ","
    }
    text += opening === "[" ? "[]" : "]"
  }
  return `${text}}`
}
