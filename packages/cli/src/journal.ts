/**
 * Reads the journal that a command is given.
 *
 * @internal
 */
import * as Journal from "@volley/core/Journal"
import * as Effect from "effect/Effect"
import { usage } from "./exit.ts"

/** The events of a journal file; one that cannot be read or is not a journal is a wrong use of the command. @internal */
export const readJournal = (file: string) => Effect.mapError(Journal.readFile(file), ({ message }) => usage(message))
