/**
 * The tool `move_file` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AlreadyExists, CannotMove } from "../FilesError.ts"
import type { Changes } from "./changes.ts"
import * as failures from "./failures.ts"
import * as parameters from "./parameters.ts"

/** @internal */
export const tool = ToolPolicy.effectful(
  Tool.make("move_file", {
    description: [
      "Moves or renames a file, a directory with all it holds, or a symbolic link itself, and makes missing directories. " +
      "Nothing is ever replaced.",
      "Use it to give something another name or place.",
      "Do not use it to copy (read_file, write_file) or to put something out of the way for good (delete_file)."
    ].join("\n"),
    parameters: Schema.Struct({
      path: parameters.path({ description: "What to move, relative to the root", examples: ["draft.md"] }),
      to: parameters.path({
        description: "Its new path, relative to the root, where nothing stands yet",
        examples: ["notes/final.md"]
      })
    }),
    success: Schema.Struct({
      path: Schema.String.annotate({ description: "The old path as it was given" }),
      to: Schema.String.annotate({ description: "The new path as it was given" })
    }),
    failure: Schema.Union([...failures.ofChange, AlreadyExists, CannotMove])
  }).annotate(Tool.Destructive, false),
  {
    failures: { ...failures.changeMeanings, AlreadyExists: "permanent", CannotMove: "permanent" },
    timeout: "30 seconds",
    serial: true
  }
)

/** @internal */
export const handler = (changes: Changes) =>
  Effect.fnUntraced(function*({ path, to }: Tool.Parameters<typeof tool>) {
    yield* changes.move(path, to)
    return { path, to }
  })
