/**
 * A tool's result as the model reads it: text as it is, all else by name.
 *
 * @internal
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Text = Schema.Struct({ type: Schema.Literal("text"), text: Schema.String })

const Media = Schema.Struct({
  type: Schema.Literals(["image", "audio"]),
  data: Schema.String,
  mimeType: Schema.String
})

const Link = Schema.Struct({
  type: Schema.Literal("resource_link"),
  uri: Schema.String,
  name: Schema.optionalKey(Schema.String),
  title: Schema.optionalKey(Schema.String),
  description: Schema.optionalKey(Schema.String),
  mimeType: Schema.optionalKey(Schema.String)
})

const Resource = Schema.Struct({
  type: Schema.Literal("resource"),
  resource: Schema.Struct({
    uri: Schema.String,
    mimeType: Schema.optionalKey(Schema.String),
    text: Schema.optionalKey(Schema.String),
    blob: Schema.optionalKey(Schema.String)
  })
})

const decode = Schema.decodeUnknownOption(Schema.Union([Text, Media, Link, Resource]))

const sizeOf = (base64: string): string => {
  const bytes = Math.floor(base64.replace(/=+$/, "").length * 3 / 4)
  return bytes < 1024
    ? `${bytes} B`
    : bytes < 1024 * 1024
    ? `${Math.ceil(bytes / 1024)} KiB`
    : `${Math.ceil(bytes / 1024 / 1024)} MiB`
}

const listed = (...parts: ReadonlyArray<string | undefined>): string =>
  `[${parts.filter((part) => part !== undefined).join(", ")}]`

const blockText = (block: unknown): string =>
  Option.match(decode(block), {
    onNone: () => "[content of a kind that is not known]",
    onSome: (found) => {
      switch (found.type) {
        case "text":
          return found.text
        case "image":
        case "audio":
          return listed(`${found.type} ${found.mimeType}`, sizeOf(found.data), "not shown")
        case "resource_link":
          return listed(`resource ${found.uri}`, found.title ?? found.name, found.mimeType, found.description)
        case "resource": {
          const { blob, mimeType, text, uri } = found.resource
          return text === undefined
            ? listed(`resource ${uri}`, mimeType, blob === undefined ? undefined : sizeOf(blob), "not shown")
            : `${listed(`resource ${uri}`, mimeType)}\n${text}`
        }
      }
    }
  })

/** `undefined` where there is nothing to read. @internal */
export const textOf = (content: ReadonlyArray<unknown>): string | undefined => {
  const text = content.map(blockText).join("\n").toWellFormed()
  return text.trim() === "" ? undefined : text
}

/** @internal */
export const resultText = (content: ReadonlyArray<unknown>, structured: unknown): string =>
  textOf(content) ?? (structured === undefined ? "done" : JSON.stringify(structured))
