/**
 * `volley check`: holds a journal against the guarantees.
 *
 * @internal
 */
import * as Check from "@volley/core/Check"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { codes, Exit } from "../exit.ts"
import { readJournal } from "../journal.ts"
import * as Layout from "../render/layout.ts"
import * as SafeText from "../render/safeText.ts"
import { writeLines } from "../stdio.ts"

/** A violation as one line; an event stands on the line after its number, since events are counted from 0. @internal */
export const violationLine = ({ event, guarantee, message }: Check.Violation, events: number): string => {
  const where = event < events ? `event ${event} (line ${event + 1})` : "end of the journal"
  return SafeText.line(`${where}: ${guarantee}: ${message}`)
}

/** @internal */
export const check = Effect.fnUntraced(function*(
  file: string
): Effect.fn.Return<void, Exit, FileSystem.FileSystem> {
  const events = yield* readJournal(file)
  const violations = Check.all(events)
  if (violations.length === 0) {
    yield* writeLines([`0 violations in ${Layout.count(events.length, "event")}`])
    return
  }
  yield* writeLines(violations.map((violation) => violationLine(violation, events.length)))
  return yield* new Exit({
    code: codes.failed,
    message: `${Layout.count(violations.length, "violation")} in ${Layout.count(events.length, "event")}`
  })
})
