/**
 * The tool `glob_files` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { NotADirectory } from "../FilesError.ts"
import * as failures from "./failures.ts"
import * as parameters from "./parameters.ts"
import { relative, type Root } from "./root.ts"
import { maxDepth, walk } from "./tree.ts"

const maxFound = 500

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("glob_files", {
    description: [
      "Finds files whose names or paths match a glob, at any depth, at most 500, the upper levels first. What is in .git and " +
      "node_modules is left out, unless `path` is such a directory or in one; symbolic links are found and not followed.",
      "Use it to find files when you know how their names look.",
      "Do not use it to see what a directory holds (list_files) or to look for text in files (search_files)."
    ].join("\n"),
    parameters: Schema.Struct({
      pattern: parameters.pattern,
      path: Schema.optionalKey(
        parameters.path({ description: "The directory, relative to the root; default \".\"", examples: ["src"] })
      )
    }),
    success: Schema.Struct({
      paths: Schema.Array(Schema.String).annotate({
        description: "Relative to the root, sorted; directories only if `pattern` ends in /"
      }),
      unreadable: Schema.Int.annotate({ description: "Directories that could not be read" })
        .check(Schema.isGreaterThanOrEqualTo(0)),
      truncated: Schema.Boolean.annotate({ description: "Whether there may be more. Search a subdirectory" })
    }),
    failure: Schema.Union([...failures.ofPlace, NotADirectory])
  }),
  {
    failures: { ...failures.placeMeanings, NotADirectory: "permanent" },
    timeout: "30 seconds",
    retry: { times: 1 }
  }
)

/** @internal */
export const handler = (root: Root) =>
  Effect.fnUntraced(function*({ path = ".", pattern }: Tool.Parameters<typeof tool>) {
    const start = yield* root.locate(path)
    const matches = parameters.matcher(pattern, start)
    const wantsDirectories = pattern.endsWith("/")
    const paths: Array<string> = []
    const { complete, unreadable } = yield* walk(root, start, {
      depth: maxDepth,
      visit: (entry) =>
        Effect.sync(() => {
          if ((entry.type === "Directory") !== wantsDirectories || !matches(entry)) return true
          if (paths.length === maxFound) return false
          paths.push(relative(entry))
          return true
        })
    })
    return { paths: paths.toSorted(), unreadable, truncated: !complete }
  })
