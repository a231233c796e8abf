/**
 * Reads parameters back from a request as a server does, by the tables of the OpenAPI specification alone: it knows nothing
 * of how they were written.
 */
import type { Asked } from "./api.ts"

export type Shape = "string" | "integer" | "boolean" | "list" | "map"

export interface Declared {
  readonly name: string
  readonly in: "path" | "query" | "header" | "cookie"
  readonly style: string
  readonly explode: boolean
  readonly shape: Shape
  /** Written as a whole, as JSON. */
  readonly json: boolean
}

const decode = decodeURIComponent

const typed = (shape: Shape, text: string): unknown =>
  shape === "integer" ? Number(text) : shape === "boolean" ? text === "true" : text

const pairUp = (items: ReadonlyArray<string>): Record<string, string> =>
  Object.fromEntries(items.flatMap((item, i) => i % 2 === 0 ? [[item, items[i + 1]!]] : []))

const assigned = (text: string, read: (part: string) => string): readonly [string, string] => {
  const at = text.indexOf("=")
  return at === -1 ? [read(text), ""] : [read(text.slice(0, at)), read(text.slice(at + 1))]
}

/** A text that holds one value whole. */
const single = (
  { explode, shape }: Declared,
  text: string,
  delimiter: string,
  read: (part: string) => string
): unknown => {
  if (shape !== "list" && shape !== "map") return typed(shape, read(text))
  const parts = text.split(delimiter)
  if (shape === "list") return parts.map(read)
  return explode ? Object.fromEntries(parts.map((part) => assigned(part, read))) : pairUp(parts.map(read))
}

const fromPath = (declared: Declared, segment: string): unknown => {
  const { explode, name, shape, style } = declared
  if (declared.json) return JSON.parse(decode(segment))
  if (style === "simple") return single(declared, segment, ",", decode)
  if (style === "label") return single(declared, segment.slice(1), explode ? "." : ",", decode)
  const parts = segment.split(";").slice(1)
  if (shape === "map" && explode) return Object.fromEntries(parts.map((part) => assigned(part, decode)))
  if (shape === "list" && explode) return parts.map((part) => assigned(part, decode)[1])
  return single({ ...declared, explode: false }, parts[0]!.slice(`${name}=`.length), ",", decode)
}

const fromPairs = (declared: Declared, pairs: ReadonlyArray<string>): unknown => {
  const { explode, name, shape, style } = declared
  if (style === "deepObject") {
    const own = pairs.map((pair) => assigned(pair, decode)).filter(([key]) => key.startsWith(`${name}[`))
    return own.length === 0
      ? undefined
      : Object.fromEntries(own.map(([key, value]) => [key.slice(name.length + 1, -1), value]))
  }
  if (shape === "map" && explode && !declared.json) {
    const own = pairs.map((pair) => assigned(pair, decode)).filter(([key]) => key.startsWith(`${name}.`))
    return own.length === 0 ? undefined : Object.fromEntries(own)
  }
  const own = pairs.filter((pair) => decode(pair.split("=", 1)[0]!) === name).map((pair) =>
    pair.slice(pair.indexOf("=") + 1)
  )
  if (own.length === 0) return undefined
  if (declared.json) return JSON.parse(decode(own[0]!))
  if (shape === "list" && explode) return own.map(decode)
  const delimiter = style === "spaceDelimited" ? "%20" : style === "pipeDelimited" ? "%7C" : ","
  return single({ ...declared, explode: false }, own[0]!, delimiter, decode)
}

/** The values of parameters by name; one that was not sent is missing. The path of each is `/<name>/{<name>}`. */
export const read = (declared: ReadonlyArray<Declared>, { headers, url }: Asked): Record<string, unknown> => {
  const [path = "", query = ""] = url.split("?", 2)
  const segments = path.split("/")
  const found = declared.map((one): readonly [string, unknown] => {
    switch (one.in) {
      case "path":
        return [one.name, fromPath(one, segments[segments.indexOf(one.name) + 1]!)]
      case "query":
        return [one.name, fromPairs(one, query.split("&"))]
      case "cookie":
        return [one.name, fromPairs(one, (headers.cookie ?? "").split("; "))]
      case "header": {
        const text = headers[one.name.toLowerCase()]
        if (typeof text !== "string") return [one.name, undefined]
        return [one.name, one.json ? JSON.parse(text) : single(one, text, ",", (part) => part)]
      }
    }
  })
  return Object.fromEntries(found.filter(([, value]) => value !== undefined))
}
