/**
 * The tool `search_files` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { NotAFile, PatternInvalid } from "../FilesError.ts"
import * as failures from "./failures.ts"
import * as Lines from "./lines.ts"
import * as parameters from "./parameters.ts"
import * as Regex from "./regex.ts"
import { kindOf, type Place, type PlaceError, placeError, relative, type Root } from "./root.ts"
import * as Scan from "./scan.ts"
import { decoder } from "./text.ts"
import { maxDepth, walk } from "./tree.ts"

const maxBytes = 64 * 1024 * 1024
const chunkSize = 64 * 1024
const defaultResults = 50

const Match = Schema.Struct({
  path: Schema.String.annotate({ description: "Relative to the root" }),
  line: Schema.Int.annotate({ description: "From 1" }).check(Schema.isGreaterThanOrEqualTo(1)),
  text: Schema.String.annotate({ description: `The line; of a long one ${Scan.maxLineLength} characters at the match` })
})

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("search_files", {
    description: [
      "Finds the lines of text files that contain a literal text or, with `regex`, match a regular expression. Binary files " +
      "are skipped and counted; what is in .git and node_modules is left out, unless `path` is such a directory or in one; symbolic " +
      "links are not followed.",
      "Use it to find where something is said, defined or used; narrow it with `path` and `pattern`.",
      "Do not use it to find files by name (glob_files) or to read a file that you know (read_file)."
    ].join("\n"),
    parameters: Schema.Struct({
      query: Schema.String.annotate({
        description: "The text, or with `regex` the regular expression, within one line",
        examples: ["TODO", "export const make", "^import .* from"]
      })
        .check(
          Schema.isNonEmpty(),
          Schema.isMaxLength(256),
          Schema.isPattern(/^[^\r\n]*$/, { expected: "a text without line ends" })
        ),
      regex: Schema.optionalKey(
        Schema.Boolean.annotate({
          description:
            "Whether `query` is a regular expression in the syntax of RE2: no look-around, no back-references; " +
            `default false. Of a line only the first ${Lines.maxLength} characters are searched`,
          examples: [true]
        })
      ),
      ignoreCase: Schema.optionalKey(
        Schema.Boolean.annotate({
          description: "Whether upper and lower case are the same; default false",
          examples: [true]
        })
      ),
      path: Schema.optionalKey(
        parameters.path({
          description:
            "A directory to search, or one file (then `pattern` does not count), relative to the root; default \".\"",
          examples: ["src"]
        })
      ),
      pattern: Schema.optionalKey(parameters.pattern),
      maxResults: Schema.optionalKey(
        Schema.Int.annotate({
          description: `Most lines to return, 1 to 200; default ${defaultResults}`,
          examples: [20]
        })
          .check(Schema.isBetween({ minimum: 1, maximum: 200 }))
      )
    }),
    success: Schema.Struct({
      matches: Schema.Array(Match).annotate({ description: "Matching lines, file by file" }),
      searched: Count.annotate({ description: "Files that were searched" }),
      binary: Count.annotate({ description: "Files that were skipped since they are not UTF-8 text" }),
      unreadable: Count.annotate({ description: "Files and directories that could not be read" }),
      truncated: Schema.Boolean.annotate({
        description: "Whether the search ended early: at `maxResults`, 64 MiB of text or 20,000 entries. Narrow it"
      })
    }),
    failure: Schema.Union([...failures.ofPlace, NotAFile, PatternInvalid])
  }),
  {
    failures: { ...failures.placeMeanings, NotAFile: "permanent", PatternInvalid: "permanent" },
    timeout: "30 seconds",
    retry: { times: 1 }
  }
)

/** Begins a search through one text: what it is then given are the pieces of it. */
type Search = () => (piece: string, last: boolean) => Effect.Effect<ReadonlyArray<Scan.Match>, PatternInvalid>

const literal = (query: Scan.Query): Search => () => {
  let state = Scan.start
  return (piece, last) =>
    Effect.sync(() => {
      const [next, found] = Scan.step(query, state, piece, last)
      state = next
      return found
    })
}

type Found =
  | { readonly _tag: "Text"; readonly matches: ReadonlyArray<Scan.Match>; readonly bytes: number }
  | { readonly _tag: "Binary"; readonly bytes: number }

/** Searches one file until its end, more than `maxResults` matches, or `maxBytes` bytes. */
const searchFile = Effect.fnUntraced(function*(
  root: Root,
  place: Place,
  options: { readonly search: Search; readonly maxResults: number; readonly maxBytes: number }
): Effect.fn.Return<Found, PlaceError | NotAFile | PatternInvalid, Scope.Scope> {
  const file = yield* root.open(place)
  const decode = decoder({ startsFile: true })
  const matches: Array<Scan.Match> = []
  const search = options.search()
  let bytes = 0
  for (;;) {
    const chunk = yield* Effect.mapError(file.readAlloc(chunkSize), placeError(place.requested))
    const last = Option.isNone(chunk)
    const text = decode(last ? new Uint8Array() : chunk.value, last)
    if (text === undefined) return { _tag: "Binary", bytes }
    if (!last) bytes += chunk.value.length
    matches.push(...(yield* search(text, last)))
    if (last || matches.length > options.maxResults || bytes >= options.maxBytes) {
      return { _tag: "Text", matches, bytes }
    }
  }
}, Effect.scoped)

/** @internal */
export const handler = (root: Root) =>
  Effect.fnUntraced(function*(options: Tool.Parameters<typeof tool>) {
    const { ignoreCase = false, maxResults = defaultResults, path = ".", pattern, query: text, regex = false } = options
    const start = yield* root.locate(path)
    if (start.type !== "File" && start.type !== "Directory") {
      return yield* new NotAFile({ path, kind: kindOf(start.type) })
    }
    const isWanted = parameters.matcher(pattern, start)
    const matches: Array<typeof Match.Type> = []
    let searched = 0
    let binary = 0
    let unreadable = 0
    let bytesLeft = maxBytes
    const begin = regex ? yield* Regex.searcher({ pattern: text, ignoreCase }) : literal({ text, ignoreCase })

    const search = Effect.fnUntraced(function*(place: Place) {
      const found = yield* searchFile(root, place, {
        search: begin,
        maxResults: maxResults - matches.length,
        maxBytes: bytesLeft
      })
      bytesLeft -= found.bytes
      if (found._tag === "Binary") {
        binary++
      } else {
        searched++
        matches.push(...found.matches.map((match) => ({ path: relative(place), ...match })))
      }
      return matches.length <= maxResults && bytesLeft > 0
    })
    const visit = (entry: Place) =>
      entry.type === "File" && isWanted(entry)
        ? Effect.catchIf(
          search(entry),
          (error) => error._tag !== "PatternInvalid",
          () => Effect.sync(() => (unreadable++, true))
        )
        : Effect.succeed(true)

    const walked = start.type === "File"
      ? { unreadable: 0, complete: yield* search(start) }
      : yield* walk(root, start, { depth: maxDepth, visit }).pipe(Effect.catchTag("NotADirectory", Effect.die))
    return {
      matches: matches.slice(0, maxResults),
      searched,
      binary,
      unreadable: unreadable + walked.unreadable,
      truncated: !walked.complete
    }
  }, Effect.scoped)
