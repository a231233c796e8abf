/**
 * Reads the journal that a command is given.
 *
 * @internal
 */
import * as Journal from "@volley/core/Journal"
import type * as RunEvent from "@volley/core/RunEvent"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { type Exit, usage } from "./exit.ts"

/** The events of a journal file; one that cannot be read or is not a journal is a wrong use of the command. @internal */
export const readJournal = (file: string) => Effect.mapError(Journal.readFile(file), ({ message }) => usage(message))

/** A run of the agent that `volley run` has. @internal */
export interface Recorded {
  readonly file: string
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly started: RunEvent.Of<"RunStarted">
}

/** The run of a journal file, where an agent of this name began it. @internal */
export const readRun = Effect.fnUntraced(function*(
  file: string,
  agent: string
): Effect.fn.Return<Recorded, Exit, FileSystem.FileSystem> {
  const events = yield* readJournal(file)
  const [started] = events
  if (started?._tag !== "RunStarted") {
    return yield* usage(`Journal "${file}" has no run: it was cut off before its first event`)
  }
  if (started.agent !== agent) {
    return yield* usage(`Journal "${file}" is of the agent "${started.agent}", not of a "volley run"`)
  }
  return { file, events, started }
})
