/**
 * Where images and documents come from.
 *
 * @internal
 */
import * as fields from "./fields.ts"

interface Source {
  readonly keys: ReadonlySet<string>
  /** The field that has it, or names it. */
  readonly value: string
  readonly mediaTypes?: ReadonlyArray<string>
}

const source = (value: string, mediaTypes?: ReadonlyArray<string>): Source => ({
  keys: new Set(["type", value, ...(mediaTypes === undefined ? [] : ["media_type"])]),
  value,
  ...(mediaTypes !== undefined && { mediaTypes })
})

type Sources = { readonly [type: string]: Source }

const images: Sources = {
  base64: source("data", ["image/jpeg", "image/png", "image/gif", "image/webp"]),
  url: source("url"),
  file: source("file_id")
}

const documents: Sources = {
  base64: source("data", ["application/pdf"]),
  text: source("data", ["text/plain"]),
  content: source("content"),
  url: source("url"),
  file: source("file_id")
}

const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)

const media = (sources: Sources) => {
  const types = new Set(Object.keys(sources))
  return function*(inside: string, block: fields.Fields): fields.Violations {
    yield* fields.required(inside, block, "source", "object")
    const given = block["source"]
    if (!fields.isFields(given)) return
    yield* fields.oneOf(`${inside}.source`, given["type"], types)
    const type = fields.show(given["type"])
    if (!Object.hasOwn(sources, type)) return
    const path = `${inside}.source.${type}`
    const { keys, mediaTypes, value } = sources[type]!
    yield* fields.only(path, given, keys)
    if (value === "content") {
      if (given[value] === undefined) yield `${path}.${value}: Field required`
    } else yield* fields.required(path, given, value, "string")
    if (mediaTypes !== undefined) {
      yield* fields.required(path, given, "media_type", "string")
      yield* fields.literal(path, given, "media_type", mediaTypes)
    }
    const data = given[value]
    if (type === "base64" && typeof data === "string" && !isBase64(data)) yield `${path}: invalid base64 data`
    if (type === "url" && typeof data === "string" && !data.startsWith("https://")) {
      yield `${path}.url: Only HTTPS URLs are supported.`
    }
  }
}

/** @internal */
export const image = media(images)

/** @internal */
export const document = media(documents)
