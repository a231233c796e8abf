/**
 * The tool `delete_file` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { NotAFile } from "../FilesError.ts"
import type { Changes } from "./changes.ts"
import * as failures from "./failures.ts"
import * as parameters from "./parameters.ts"

/** @internal */
export const tool = ToolPolicy.idempotent(
  Tool.make("delete_file", {
    description: [
      "Deletes one file for good, or a symbolic link and not what it points to; each call wants approval.",
      "Use it for a file that the task asks to delete.",
      "Do not use it on directories, nor to empty a file (write_file)."
    ].join("\n"),
    parameters: Schema.Struct({
      path: parameters.path({ description: "The file, relative to the root", examples: ["old.txt"] })
    }),
    success: Schema.Struct({
      path: Schema.String.annotate({ description: "The path as it was given" }),
      existed: Schema.Boolean.annotate({ description: "Whether something stood there; nothing does now" })
    }),
    failure: Schema.Union([...failures.ofChange, NotAFile])
  }).annotate(Tool.Destructive, true),
  {
    failures: { ...failures.changeMeanings, NotAFile: "permanent" },
    timeout: "10 seconds",
    retry: { times: 1 }
  }
)

/** @internal */
export const handler = (changes: Changes) =>
  Effect.fnUntraced(function*({ path }: Tool.Parameters<typeof tool>) {
    return { path, existed: yield* changes.remove(path) }
  })
