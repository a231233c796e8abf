/**
 * The body of an operation: its media type, the schema of its argument, and how that is written.
 *
 * @internal
 */
import * as HttpBody from "effect/http/HttpBody"
import { type Document, type Fields, fieldsOf, follow, isFields, itemsOf, textOf, unfit } from "./document.ts"
import { encode, leaf, type Pair, pairs } from "./serialize.ts"

/** @internal */
export interface Body {
  readonly kind: "json" | "form" | "multipart" | "text"
  readonly type: string
  readonly required: boolean
  readonly schema: unknown
  readonly description: string
  /** How members of a form are written that more is said of. */
  readonly encoding: Fields
}

const kinds: ReadonlyArray<readonly [kind: Body["kind"], pattern: RegExp, sentAs?: string]> = [
  ["json", /^application\/json$/],
  ["json", /^[\w.+-]+\/[\w.+-]+\+json$/],
  ["json", /^(?:\*|application)\/\*$/, "application/json"],
  ["form", /^application\/x-www-form-urlencoded$/],
  ["multipart", /^multipart\/form-data$/],
  ["text", /^text\/plain$/],
  ["text", /^text\/[\w.+-]+$/],
  ["text", /^text\/\*$/, "text/plain"]
]

const essence = (type: string): string => type.split(";", 1)[0]!.trim().toLowerCase()

const chosen = (content: Fields) => {
  for (const [kind, pattern, sentAs] of kinds) {
    const type = Object.keys(content).find((one) => pattern.test(essence(one)))
    if (type !== undefined) return { kind, type: sentAs ?? essence(type), media: fieldsOf(content[type]) }
  }
  return unfit(`its body is ${Object.keys(content).join(", ") || "of no type"}, which is not sent`)
}

const isBinary = ({ contentEncoding, contentMediaType, format }: Fields): boolean =>
  format === "binary" || (contentMediaType !== undefined && contentEncoding === undefined)

const isFile = (document: Document, property: unknown): boolean => {
  const schema = fieldsOf(follow(document, property))
  return isBinary(schema) || isBinary(fieldsOf(follow(document, schema["items"])))
}

/** A model has no files to send: such members are left out, unless they are required. */
const withoutFiles = (document: Document, value: unknown): unknown => {
  const schema = fieldsOf(follow(document, value))
  const properties = Object.entries(fieldsOf(schema["properties"]))
  const files = properties.filter(([, property]) => isFile(document, property)).map(([name]) => name)
  if (files.length === 0) return value
  const required = files.find((name) => itemsOf(schema["required"]).includes(name))
  if (required !== undefined) return unfit(`its body has the file ${JSON.stringify(required)}, which is not sent`)
  return { ...schema, properties: Object.fromEntries(properties.filter(([name]) => !files.includes(name))) }
}

/** @internal */
export const isRequired = (document: Document, { requestBody }: Fields): boolean =>
  fieldsOf(follow(document, requestBody))["required"] === true

/** @internal */
export const bodyOf = (document: Document, operation: Fields): Body | undefined => {
  if (operation["requestBody"] === undefined) return undefined
  const { content, description, required } = fieldsOf(follow(document, operation["requestBody"]))
  const { kind, media, type } = chosen(fieldsOf(content))
  const isForm = kind === "form" || kind === "multipart"
  return {
    kind,
    type,
    required: required === true,
    schema: isForm ? withoutFiles(document, media["schema"]) : kind === "text" ? { type: "string" } : media["schema"],
    description: textOf(description)?.trim() ?? "",
    encoding: fieldsOf(media["encoding"])
  }
}

const asText = (value: unknown): string => typeof value === "object" ? JSON.stringify(value) : leaf(value)

const given = (value: unknown): ReadonlyArray<readonly [string, unknown]> =>
  isFields(value)
    ? Object.entries(value).filter(([, item]) => item !== null)
    : unfit("the body is not an object, as a form has to be")

const styles: ReadonlySet<unknown> = new Set(["form", "spaceDelimited", "pipeDelimited", "deepObject"])

const inForm = (encoding: Fields) => ([name, value]: readonly [string, unknown]): ReadonlyArray<Pair> => {
  const { allowReserved, explode, style } = fieldsOf(encoding[name])
  if (style === undefined && explode === undefined && allowReserved === undefined) {
    return [value].flat().map((item) => [encode(name), encode(asText(item))])
  }
  const told = styles.has(style) ? style as "form" : "form"
  return pairs({
    name,
    style: told,
    explode: typeof explode === "boolean" ? explode : told === "form",
    allowReserved: allowReserved === true,
    media: undefined
  }, value)
}

const partName = (name: string): string =>
  name.toWellFormed().replaceAll("\"", "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A")

/** By https://www.rfc-editor.org/rfc/rfc7578 , with a boundary that stands in none of the parts. */
const multipart = (value: unknown): HttpBody.HttpBody => {
  const parts = given(value).flatMap(([name, item]) =>
    [item].flat().map((one) => {
      const type = typeof one === "object" ? "\r\nContent-Type: application/json" : ""
      return `Content-Disposition: form-data; name="${partName(name)}"${type}\r\n\r\n${asText(one)}\r\n`
    })
  )
  let boundary = "volley"
  while (parts.some((part) => part.includes(boundary))) boundary += `-${boundary.length}`
  const text = [...parts.map((part) => `--${boundary}\r\n${part}`), `--${boundary}--\r\n`].join("")
  return HttpBody.text(text, `multipart/form-data; boundary=${boundary}`)
}

/** @internal */
export const written = ({ encoding, kind, type }: Body, value: unknown): HttpBody.HttpBody => {
  switch (kind) {
    case "json":
      return HttpBody.text(JSON.stringify(value), type)
    case "form":
      return HttpBody.text(given(value).flatMap(inForm(encoding)).map((pair) => pair.join("=")).join("&"), type)
    case "multipart":
      return multipart(value)
    case "text":
      return HttpBody.text(leaf(value), `${type}; charset=utf-8`)
  }
}
