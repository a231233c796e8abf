/**
 * Bytes of an answer as text: which charset they have, whether they are text at all, and where to cut.
 *
 * @internal
 */

/** The most text of an answer that is given, in bytes of UTF-8. @internal */
export const mostText = 256 * 1024

/** @internal */
export interface ContentType {
  /** Such as `text/html`, lower case; empty where nothing is said. */
  readonly essence: string
  readonly charset: string | undefined
}

/** @internal */
export const parseContentType = (header: string | undefined): ContentType => ({
  essence: (header ?? "").split(";", 1)[0]!.trim().toLowerCase().slice(0, 100),
  charset: /;\s*charset\s*=\s*"?([^\s";]{1,40})/i.exec(header ?? "")?.[1]
})

const textual =
  /^text\/|[/+](?:json|xml|yaml)$|^application\/(?:json5|x-ndjson|jsonl|javascript|ecmascript|x-javascript|x-yaml|toml|graphql|sql|x-sh|x-www-form-urlencoded|xml-dtd)$/

const unnamed: ReadonlySet<string> = new Set(["", "application/octet-stream", "binary/octet-stream"])

/** @internal */
export const isHtml = (essence: string): boolean => essence === "text/html" || essence === "application/xhtml+xml"

const decoderFor = (label: string | undefined): InstanceType<typeof TextDecoder> | undefined => {
  try {
    return label === undefined ? undefined : new TextDecoder(label)
  } catch {
    return undefined
  }
}

const marks: ReadonlyArray<readonly [charset: string, mark: ReadonlyArray<number>]> = [
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16be", [0xfe, 0xff]],
  ["utf-16le", [0xff, 0xfe]]
]

const marked = (bytes: Uint8Array): string | undefined =>
  marks.find(([, mark]) => mark.every((byte, i) => bytes[i] === byte))?.[0]

/** What a page or an XML file says about itself at its beginning: UTF-16 cannot be true, since this was readable. */
const declared = (bytes: Uint8Array): string | undefined => {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 1024))
  const label = (/<meta[^>]+charset\s*=\s*["']?\s*([\w.:-]{1,40})/i.exec(start) ??
    /^<\?xml[^>]+encoding\s*=\s*["']([\w.:-]{1,40})/i.exec(start))?.[1]
  return label !== undefined && /^utf-?16/i.test(label) ? "utf-8" : label
}

const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/** In the order of https://html.spec.whatwg.org/#determining-the-character-encoding: mark, header, declaration, guess. */
const decode = (bytes: Uint8Array, { charset, essence }: ContentType): string => {
  const decoder = decoderFor(marked(bytes)) ?? decoderFor(charset) ??
    (isHtml(essence) || /[/+]xml$/.test(essence) ? decoderFor(declared(bytes)) : undefined) ??
    new TextDecoder(isUtf8(bytes) ? "utf-8" : "windows-1252")
  return decoder.decode(bytes)
}

/** The text of a body; `undefined` where it is binary, by its type or, of a type that says nothing, by its bytes. @internal */
export const textOf = (bytes: Uint8Array, type: ContentType): string | undefined => {
  const isUnnamed = unnamed.has(type.essence)
  if (isUnnamed ? !isUtf8(bytes) && marked(bytes) === undefined : !textual.test(type.essence)) return undefined
  const text = decode(bytes, type)
  return text.includes("\0") ? undefined : text
}

/** The beginning of a well-formed text, at most so many bytes of UTF-8 and cut between characters. @internal */
export const cut = (text: string, maximum: number): string =>
  text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(maximum)).read)
