/**
 * Values of arguments as text in a path, a query, a header or a cookie, in the styles of OpenAPI: pure.
 *
 * **Details**
 *
 * What a style cannot tell apart from something else is refused, so that what the server reads is what the argument was.
 *
 * @internal
 */
import { isFields, unfit } from "./document.ts"

/** @internal */
export type In = "path" | "query" | "header" | "cookie"

/** @internal */
export type Style = "simple" | "label" | "matrix" | "form" | "spaceDelimited" | "pipeDelimited" | "deepObject"

/** How a value is written. `media` writes it as a whole, as JSON or as it is. @internal */
export interface Form {
  /** Its name on the wire. */
  readonly name: string
  readonly style: Style
  readonly explode: boolean
  readonly allowReserved: boolean
  readonly media: "json" | "text" | undefined
}

/** A name and a value, both encoded. @internal */
export type Pair = readonly [name: string, value: string]

const hex = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`

/** All but the unreserved characters of https://www.rfc-editor.org/rfc/rfc3986#section-2.3 . @internal */
export const encode = (text: string): string =>
  text.isWellFormed()
    ? encodeURIComponent(text).replaceAll(/[!'()*]/g, hex)
    : unfit("it has half a character, which cannot be sent")

/** Reserved characters that end nothing in a query. */
const harmless: ReadonlyMap<string, string> = new Map(
  Array.from(":/?[]@!$()*,=", (character) => [hex(character), character])
)

const withReserved = (encoded: string): string =>
  encoded.replaceAll(/%[0-9A-F]{2}/g, (escape) => harmless.get(escape) ?? escape)

/** A value that is no list and no object. @internal */
export const leaf = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : unfit(value === null ? "null cannot be sent here" : "an object or a list cannot be sent within a value")

type Parts =
  | { readonly _tag: "Leaf"; readonly text: string }
  | { readonly _tag: "List"; readonly items: ReadonlyArray<string> }
  | { readonly _tag: "Map"; readonly entries: ReadonlyArray<Pair> }

const partsOf = (value: unknown): Parts => {
  if (Array.isArray(value)) return { _tag: "List", items: value.map(leaf) }
  if (!isFields(value)) return { _tag: "Leaf", text: leaf(value) }
  return { _tag: "Map", entries: Object.entries(value).map(([key, item]) => [key, leaf(item)]) }
}

const whole = (media: "json" | "text", value: unknown): string => media === "json" ? JSON.stringify(value) : leaf(value)

/** Parts of a value that is not encoded: they must not have the character which stands between them. */
const apart = (parts: ReadonlyArray<string>, delimiter: string): ReadonlyArray<string> =>
  parts.some((part) => part.includes(delimiter))
    ? unfit(`a part of it has ${JSON.stringify(delimiter)}, which stands between parts here`)
    : parts

/** @internal */
export const inPath = ({ explode, media, name, style }: Form, value: unknown): string => {
  if (media !== undefined) return encode(whole(media, value))
  const parts = partsOf(value)
  const key = encode(name)
  const label = style === "label"
  // The dot stands between the parts then, and is not encoded by itself.
  const write = label && explode ? (text: string) => encode(text).replaceAll(".", "%2E") : encode
  const between = explode && label ? "." : explode && style === "matrix" ? ";" : ","
  const pair = ([left, right]: Pair, sign: string): string => `${write(left)}${sign}${write(right)}`
  const prefix = label ? "." : style === "matrix" ? ";" : ""
  const named = style === "matrix" && !(explode && parts._tag !== "Leaf") ? `${key}=` : ""
  switch (parts._tag) {
    case "Leaf":
      return `${prefix}${named}${encode(parts.text)}`
    case "List":
      if (parts.items.length === 0) return unfit("an empty list cannot be sent in the path")
      return `${prefix}${named}${
        parts.items.map((item) => style === "matrix" && explode ? `${key}=${write(item)}` : write(item)).join(between)
      }`
    case "Map":
      if (parts.entries.length === 0) return unfit("an empty object cannot be sent in the path")
      return `${prefix}${named}${parts.entries.map((entry) => pair(entry, explode ? "=" : ",")).join(between)}`
  }
}

const deep = (name: string, value: unknown): ReadonlyArray<Pair> => {
  const member = ([key, item]: readonly [string, unknown]) =>
    /[[\]]/.test(key) ? unfit("a property of it has a bracket in its name") : deep(`${name}[${key}]`, item)
  if (Array.isArray(value)) return value.flatMap((item, i) => member([String(i), item]))
  return isFields(value) ? Object.entries(value).flatMap(member) : [[encode(name), encode(leaf(value))]]
}

/** These are encoded themselves, so that in a part they would be the same. */
const delimiters: { readonly [K in Style]?: string } = { spaceDelimited: " ", pipeDelimited: "|" }

/** For a query, a cookie or a form. @internal */
export const pairs = (form: Form, value: unknown): ReadonlyArray<Pair> => {
  const { allowReserved, explode, media, name, style } = form
  const loose = (text: string): string => allowReserved ? withReserved(encode(text)) : encode(text)
  const key = encode(name)
  if (media !== undefined) return [[key, loose(whole(media, value))]]
  if (style === "deepObject") return deep(name, value)
  const parts = partsOf(value)
  if (parts._tag === "Leaf") return [[key, loose(parts.text)]]
  if (explode) {
    return parts._tag === "List"
      ? parts.items.map((item) => [key, loose(item)])
      : parts.entries.map(([left, right]) => [encode(left), loose(right)])
  }
  const items = parts._tag === "List" ? parts.items : parts.entries.flat()
  const delimiter = delimiters[style]
  const written = delimiter === undefined
    ? items.map(encode).join(",")
    : apart(items, delimiter).map(encode).join(encode(delimiter))
  return items.length === 0 ? [] : [[key, written]]
}

const sendable = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/

const written = (parts: Parts, explode: boolean): string => {
  switch (parts._tag) {
    case "Leaf":
      return parts.text
    case "List":
      return apart(parts.items, ",").join(",")
    case "Map":
      apart(parts.entries.flat(), ",")
      if (explode) apart(parts.entries.map(([key]) => key), "=")
      return parts.entries.map((entry) => entry.join(explode ? "=" : ",")).join(",")
  }
}

/** Nothing is encoded in a header: what cannot stand there is refused. @internal */
export const inHeader = ({ explode, media }: Form, value: unknown): string => {
  const text = media === undefined ? written(partsOf(value), explode) : whole(media, value)
  return sendable.test(text) ? text : unfit("it has characters that cannot be sent in a header")
}
