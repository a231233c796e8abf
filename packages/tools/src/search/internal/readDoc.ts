/**
 * The tool `read_doc` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { NotAFile } from "../../files/FilesError.ts"
import type { PlaceError } from "../../files/internal/root.ts"
import { DocNotFound, DocUnreadable, LineNotFound, OutsideFolder, ReadFailed } from "../SearchError.ts"
import { type Documents, isDocument, isMarkdown } from "./documents.ts"
import { endOf, headingsOf } from "./sections.ts"

const maxBytes = 16 * 1024
const maxHeadings = 50

const Heading = Schema.Struct({
  line: Schema.Int.annotate({ description: "Its line" }),
  level: Schema.Int.annotate({ description: "1 is the topmost" }),
  text: Schema.String.annotate({ description: "What it says" })
})

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("read_doc", {
    description: [
      "Reads a section of a document with its subsections, or a whole document, at most 16 KiB a call.",
      "Use it after search_docs, with the path and line that it told; without a line it begins at the top.",
      "Do not use it to look for something (search_docs)."
    ].join("\n"),
    parameters: Schema.Struct({
      path: Schema.String.annotate({ description: "Path of the document, as search_docs tells it" }).check(
        Schema.isNonEmpty(),
        Schema.isMaxLength(4096),
        Schema.makeFilter((text: string) => !text.includes("\0"), { expected: "a path without a NUL character" })
      ),
      line: Schema.optionalKey(
        Schema.Int.annotate({ description: "Where to begin, from 1: it ends with the section this is in; default 1" })
          .check(Schema.isGreaterThanOrEqualTo(1))
      )
    }),
    success: Schema.Struct({
      text: Schema.String.annotate({ description: "What the document says there" }),
      line: Schema.Int.annotate({ description: "The first line of the text" }),
      end: Schema.Int.annotate({ description: "The last line of the text" }),
      lines: Schema.Int.annotate({ description: "Of the document" }),
      next: Schema.optionalKey(
        Schema.Int.annotate({ description: "The section goes on here: what is read is not all of it" })
      ),
      headings: Schema.optionalKey(
        Schema.Array(Heading).annotate({
          description: `Headings of what was not read, at most ${maxHeadings}`
        })
      )
    }),
    failure: Schema.Union([DocNotFound, OutsideFolder, LineNotFound, DocUnreadable, ReadFailed])
  }),
  {
    failures: {
      DocNotFound: "permanent",
      OutsideFolder: "permanent",
      LineNotFound: "permanent",
      DocUnreadable: "permanent",
      ReadFailed: "transient"
    },
    timeout: "10 seconds",
    retry: { times: 1 }
  }
)

const failed = (path: string) => (error: PlaceError | NotAFile | DocUnreadable) => {
  switch (error._tag) {
    case "OutsideRoot":
      return new OutsideFolder({ path })
    case "AccessDenied":
    case "DocUnreadable":
      return new DocUnreadable({ path })
    case "IoFailed":
      return new ReadFailed({ path })
    default:
      return new DocNotFound({ path })
  }
}

const encoder = new TextEncoder()

/** The lines that fit, at least a part of the first; `count` is how many are whole. */
const fitting = (lines: ReadonlyArray<string>): { readonly text: string; readonly count: number } => {
  let size = 0
  const end = lines.findIndex((line) => (size += encoder.encode(line).length + 1) > maxBytes)
  if (end !== 0) {
    return { text: (end === -1 ? lines : lines.slice(0, end)).join("\n"), count: end === -1 ? lines.length : end }
  }
  const bytes = encoder.encode(lines[0]).subarray(0, maxBytes)
  return { text: `${new TextDecoder().decode(bytes, { stream: true })}…`, count: 1 }
}

/** @internal */
export const handler = (documents: Documents) =>
  Effect.fnUntraced(function*({ line = 1, path }: Tool.Parameters<typeof tool>) {
    if (!isDocument(path)) return yield* new DocNotFound({ path })
    const lines = yield* Effect.mapError(documents.read(path), failed(path))
    if (line > Math.max(1, lines.length)) return yield* new LineNotFound({ path, lines: lines.length })
    const headings = isMarkdown(path) ? headingsOf(lines) : []
    const last = line === 1 ? lines.length : endOf(lines.length, headings, line)
    const { count, text } = fitting(lines.slice(line - 1, last))
    const end = line - 1 + count
    const unread = headings.filter((heading) => heading.line > end && heading.line <= last).slice(0, maxHeadings)
    return {
      text: text.toWellFormed(),
      line,
      end,
      lines: lines.length,
      ...(end < last ? { next: end + 1 } : {}),
      ...(unread.length === 0 ? {} : { headings: unread })
    }
  })
