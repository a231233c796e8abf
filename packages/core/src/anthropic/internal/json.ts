/**
 * The body of a request as bytes. What a conversation repeats is turned into text once, as long as it is the same object.
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

const utf8 = new TextEncoder()

type Bytes = Uint8Array<ArrayBuffer>

const commaByte = 44

/** The pieces one after another, those of a list with commas between them. */
const join = (parts: ReadonlyArray<Bytes | ReadonlyArray<Bytes>>): Bytes => {
  let size = 0
  for (const part of parts) {
    if (part instanceof Uint8Array) size += part.length
    else for (const item of part) size += item.length + 1
  }
  const all = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    if (part instanceof Uint8Array) {
      all.set(part, at)
      at += part.length
      continue
    }
    for (const item of part) {
      all.set(item, at)
      at += item.length
      all[at++] = commaByte
    }
    if (part.length > 0) at--
  }
  return all.subarray(0, at)
}

const writeOnce = onceOwn((value: object): Bytes => utf8.encode(write(value)))

const isList = (key: string): key is "messages" | "tools" => key === "messages" || key === "tools"

/** The body's fields as texts, and its messages and tools, which were written before, between them. */
const pieces = (body: Api.MessageCreateParamsStreaming): ReadonlyArray<Bytes | ReadonlyArray<Bytes>> => {
  const all: Array<Bytes | ReadonlyArray<Bytes>> = []
  let text = "{"
  for (const [key, value] of Object.entries(body)) {
    if (value === undefined) continue
    text += `${text === "{" ? "" : ","}${write(key)}:`
    const items = isList(key) ? body[key] : undefined
    if (items === undefined) {
      text += write(value)
    } else {
      all.push(utf8.encode(`${text}[`), items.map(writeOnce))
      text = "]"
    }
  }
  return [...all, utf8.encode(`${text}}`)]
}

/**
 * The body as JSON in UTF-8; its messages and tools must not change afterwards.
 *
 * @internal
 */
export const encode = (body: Api.MessageCreateParamsStreaming): Uint8Array => join(pieces(body))
