/**
 * The tool `read_file` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { NotAFile, NotText } from "../FilesError.ts"
import * as failures from "./failures.ts"
import { notText } from "./format.ts"
import * as parameters from "./parameters.ts"
import { placeError, type Root } from "./root.ts"
import { byteBoundary, decoder } from "./text.ts"
import * as Window from "./window.ts"

/** Fits, as JSON, into the bound of a tool result. */
const maxBytes = 24 * 1024
const maxScanned = 64 * 1024 * 1024
const chunkSize = 64 * 1024
const defaultLimit = 2000

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("read_file", {
    description: [
      "Reads lines or, with `bytes`, a range of bytes of a UTF-8 text file. What is not such a file is described.",
      "Use it when you know the path and want to see the content; read a long file in parts with `offset` and `limit`, a " +
      "very long line with `bytes`.",
      "Do not use it to look for something in many files (search_files), on directories (list_files) or on binary files."
    ].join("\n"),
    parameters: Schema.Struct({
      path: parameters.path({ description: "The file, relative to the root", examples: ["src/index.ts"] }),
      offset: Schema.optionalKey(
        Schema.Int.annotate({ description: "First line to read, from 1; default 1", examples: [1, 2001] })
          .check(Schema.isGreaterThanOrEqualTo(1))
      ),
      limit: Schema.optionalKey(
        Schema.Int.annotate({ description: `Most lines to read; default ${defaultLimit}`, examples: [100] })
          .check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))
      ),
      bytes: Schema.optionalKey(
        Schema.Struct({
          offset: Schema.Int.annotate({ description: "First byte, from 0" })
            .check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
          length: Schema.Int.annotate({ description: `Most bytes, 4 to ${maxBytes}` })
            .check(Schema.isBetween({ minimum: 4, maximum: maxBytes }))
        }).annotate({
          description:
            "A range of bytes instead of lines: its whole characters; `offset` and `limit` then do not count",
          examples: [{ offset: 0, length: 4096 }]
        })
      )
    }),
    success: Schema.Struct({
      path: Schema.String.annotate({ description: "The path as it was given" }),
      content: Schema.String.annotate({
        description:
          "Whole lines with their line ends, at most 24 KiB, without a byte order mark; nothing is read beyond 64 MiB"
      }),
      lines: Schema.optionalKey(
        Schema.Int.annotate({
          description: "Number of the last line known: all lines of the file unless `truncated`, " +
            "then go on with offset = lines + 1. Not of a range of bytes"
        }).check(Schema.isGreaterThanOrEqualTo(0))
      ),
      nextByte: Schema.optionalKey(
        Schema.Int.annotate({ description: "Where a range of bytes ends: go on with bytes.offset = nextByte" })
          .check(Schema.isGreaterThanOrEqualTo(0))
      ),
      truncated: Schema.Boolean.annotate({ description: "Whether the file goes on after `content`" }),
      cut: Schema.optionalKey(
        Schema.Boolean.annotate({ description: "true: `content` is one line longer than 24 KiB whose end is missing" })
      )
    }),
    failure: Schema.Union([...failures.ofPlace, NotAFile, NotText])
  }),
  {
    failures: { ...failures.placeMeanings, NotAFile: "permanent", NotText: "permanent" },
    timeout: "10 seconds",
    retry: { times: 1 }
  }
)

const readBytes = Effect.fnUntraced(function*(
  file: FileSystem.File,
  path: string,
  { length, offset }: NonNullable<Tool.Parameters<typeof tool>["bytes"]>
) {
  // One byte more, which tells whether a character ends before it.
  const bytes = yield* Effect.mapError(
    file.readAlloc(length + 1, { position: BigInt(offset) }),
    placeError(path)
  ).pipe(Effect.map(Option.getOrElse(() => new Uint8Array())))
  const more = bytes.length > length
  const first = offset === 0 ? 0 : bytes.subarray(0, 3).findIndex((byte) => (byte & 0xc0) !== 0x80)
  const start = first === -1 ? Math.min(3, bytes.length) : first
  const end = more ? Math.max(start, byteBoundary(bytes, length)) : bytes.length
  const content = decoder({ startsFile: offset === 0 })(bytes.subarray(start, end), true)
  if (content === undefined) return yield* yield* notText(file, path)
  return { path, content, nextByte: offset + end, truncated: more }
})

const readLines = Effect.fnUntraced(function*(file: FileSystem.File, path: string, offset: number, limit: number) {
  const wanted: Array<Uint8Array> = []
  let size = 0
  let scanned = 0
  let passed = 0
  let onLine = false // the file may end within a line that is passed over
  let atEnd = false
  while (size <= maxBytes && scanned < maxScanned) {
    const read = yield* Effect.mapError(file.readAlloc(chunkSize), placeError(path))
    if (Option.isNone(read)) {
      atEnd = true
      break
    }
    const chunk = read.value
    if (chunk.includes(0)) return yield* yield* notText(file, path)
    scanned += chunk.length
    const skipped = Window.skip(chunk, offset - 1 - passed)
    passed += skipped.passed
    onLine = passed < offset - 1 && chunk.at(-1) !== Window.newline
    // An empty view would keep the whole chunk in memory.
    if (skipped.rest < chunk.length) wanted.push(chunk.subarray(skipped.rest))
    size += chunk.length - skipped.rest
  }
  const bytes = new Uint8Array(size)
  wanted.reduce((at, part) => (bytes.set(part, at), at + part.length), 0)
  const window = Window.take(bytes, { limit, maxBytes, atEnd })
  const content = decoder({ startsFile: offset === 1 })(bytes.subarray(0, window.end), true)
  if (content === undefined) return yield* yield* notText(file, path)
  return {
    path,
    content,
    lines: passed + window.lines + (onLine ? 1 : 0),
    truncated: window.more,
    ...(window.cut ? { cut: true } : {})
  }
})

/** @internal */
export const handler = (root: Root) =>
  Effect.fnUntraced(function*({ bytes, path, offset = 1, limit = defaultLimit }: Tool.Parameters<typeof tool>) {
    const file = yield* root.open(yield* root.locate(path))
    return bytes === undefined ? yield* readLines(file, path, offset, limit) : yield* readBytes(file, path, bytes)
  }, Effect.scoped)
