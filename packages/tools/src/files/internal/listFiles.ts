/**
 * The tool `list_files` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Kind, NotADirectory } from "../FilesError.ts"
import * as failures from "./failures.ts"
import * as parameters from "./parameters.ts"
import { kindOf, type Place, relative, type Root } from "./root.ts"
import { walk } from "./tree.ts"

const maxListed = 500

const Entry = Schema.Struct({
  path: Schema.String.annotate({ description: "Relative to the root" }),
  kind: Kind.annotate({ description: "What stands at the path" }),
  size: Schema.optionalKey(
    Schema.Int.annotate({ description: "Bytes; only of files" }).check(Schema.isGreaterThanOrEqualTo(0))
  )
})

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("list_files", {
    description: [
      "Lists the files and directories of a directory, sorted by path, at most 500. What is in .git and node_modules " +
      "is left out, unless `path` is such a directory or in one; symbolic links are shown and not followed.",
      "Use it to find out what is there.",
      "Do not use it to find files by name (glob_files), to look for text in files (search_files) or to read one (read_file)."
    ].join("\n"),
    parameters: Schema.Struct({
      path: Schema.optionalKey(
        parameters.path({ description: "The directory, relative to the root; default \".\"", examples: [".", "src"] })
      ),
      depth: Schema.optionalKey(
        Schema.Int.annotate({ description: "How many levels to go down, 1 to 5; default 1", examples: [1, 3] })
          .check(Schema.isBetween({ minimum: 1, maximum: 5 }))
      ),
      pattern: Schema.optionalKey(parameters.pattern)
    }),
    success: Schema.Struct({
      path: Schema.String.annotate({ description: "The path as it was given" }),
      entries: Schema.Array(Entry).annotate({ description: "Sorted by path" }),
      unreadable: Schema.Int.annotate({ description: "Directories that could not be read" })
        .check(Schema.isGreaterThanOrEqualTo(0)),
      truncated: Schema.Boolean.annotate({
        description: "Whether there is more; the upper levels are listed first. List a subdirectory or use `pattern`"
      })
    }),
    failure: Schema.Union([...failures.ofPlace, NotADirectory])
  }),
  {
    failures: { ...failures.placeMeanings, NotADirectory: "permanent" },
    timeout: "10 seconds",
    retry: { times: 1 }
  }
)

const entryOf = (root: Root) =>
  Effect.fnUntraced(function*(place: Place): Effect.fn.Return<typeof Entry.Type> {
    const entry = { path: relative(place), kind: kindOf(place.type) }
    if (place.type !== "File") return entry
    const located = yield* Effect.option(root.locate(entry.path))
    return Option.isNone(located) ? entry : { ...entry, size: ByteSize.toNumberUnsafe(located.value.info.size) }
  })

/** @internal */
export const handler = (root: Root) =>
  Effect.fnUntraced(function*({ path = ".", depth = 1, pattern }: Tool.Parameters<typeof tool>) {
    const start = yield* root.locate(path)
    const matches = parameters.matcher(pattern, start)
    const found: Array<Place> = []
    const { complete, unreadable } = yield* walk(root, start, {
      depth,
      visit: (entry) =>
        Effect.sync(() => {
          if (!matches(entry)) return true
          if (found.length === maxListed) return false
          found.push(entry)
          return true
        })
    })
    const entries = yield* Effect.forEach(found, entryOf(root))
    return {
      path,
      entries: entries.toSorted((a, b) => a.path < b.path ? -1 : 1),
      unreadable,
      truncated: !complete
    }
  })
