/**
 * The tool `write_file` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AlreadyExists, NotAFile } from "../FilesError.ts"
import type { Changes } from "./changes.ts"
import * as failures from "./failures.ts"
import * as parameters from "./parameters.ts"

/** @internal */
export const tool = ToolPolicy.idempotent(
  Tool.make("write_file", {
    description: [
      "Writes a whole text file as UTF-8 and makes missing directories. A file that exists is replaced only with " +
      "`overwrite`, which wants approval.",
      "Use it to make a new file, or to replace one of which nothing is to remain.",
      "Do not use it to change a part of a file (edit_file)."
    ].join("\n"),
    parameters: Schema.Struct({
      path: parameters.path({ description: "The file, relative to the root", examples: ["notes/today.md"] }),
      content: parameters.text(1024 * 1024, {
        description: "All of the file, at most 1,048,576 characters",
        examples: ["# Today\n"]
      }),
      overwrite: Schema.optionalKey(
        Schema.Boolean.annotate({
          description: "Whether a file that exists may be replaced; default false",
          examples: [true]
        })
      )
    }),
    success: Schema.Struct({
      path: Schema.String.annotate({ description: "The path as it was given" }),
      size: Schema.Int.annotate({ description: "Bytes of the file" }).check(Schema.isGreaterThanOrEqualTo(0))
    }),
    failure: Schema.Union([...failures.ofChange, AlreadyExists, NotAFile]),
    needsApproval: ({ overwrite }) => overwrite === true
  }),
  {
    failures: { ...failures.changeMeanings, AlreadyExists: "permanent", NotAFile: "permanent" },
    timeout: "30 seconds",
    retry: { times: 1 },
    serial: true
  }
)

/** @internal */
export const handler = (changes: Changes) =>
  Effect.fnUntraced(function*({ content, overwrite = false, path }: Tool.Parameters<typeof tool>) {
    return { path, size: yield* changes.write(path, content, overwrite) }
  })
