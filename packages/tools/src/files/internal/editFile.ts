/**
 * The tool `edit_file` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { NotAFile, NotText, TextNotUnique, TooLarge } from "../FilesError.ts"
import type { Changes } from "./changes.ts"
import * as failures from "./failures.ts"
import * as parameters from "./parameters.ts"

const maxText = 256 * 1024

/** @internal */
export const tool = ToolPolicy.effectful(
  Tool.make("edit_file", {
    description: [
      "Replaces a text that stands exactly once in a UTF-8 text file by another; each call wants approval.",
      "Use it to change a part of a file that you have read; give as much of what stands around the part as makes it unique.",
      "Do not use it to make a file or to replace all of one (write_file)."
    ].join("\n"),
    parameters: Schema.Struct({
      path: parameters.path({ description: "The file, relative to the root", examples: ["src/index.ts"] }),
      oldText: parameters.text(maxText, {
        description: "The text to replace, exactly as it stands in the file, with its spaces and line ends",
        examples: ["const limit = 10\n"]
      }).check(Schema.isNonEmpty()),
      newText: parameters.text(maxText, {
        description: "What takes its place; empty deletes it",
        examples: ["const limit = 20\n"]
      })
    }),
    success: Schema.Struct({
      path: Schema.String.annotate({ description: "The path as it was given" }),
      line: Schema.Int.annotate({ description: "The line that the replaced text began in, from 1" })
        .check(Schema.isGreaterThanOrEqualTo(1)),
      size: Schema.Int.annotate({ description: "Bytes of the file now" }).check(Schema.isGreaterThanOrEqualTo(0))
    }),
    failure: Schema.Union([...failures.ofChange, NotAFile, NotText, TooLarge, TextNotUnique])
  }).annotate(Tool.Destructive, true),
  {
    failures: {
      ...failures.changeMeanings,
      NotAFile: "permanent",
      NotText: "permanent",
      TooLarge: "permanent",
      TextNotUnique: "permanent"
    },
    timeout: "30 seconds",
    serial: true
  }
)

/** @internal */
export const handler = (changes: Changes) =>
  Effect.fnUntraced(function*({ newText, oldText, path }: Tool.Parameters<typeof tool>) {
    return { path, ...yield* changes.edit(path, oldText, newText) }
  })
