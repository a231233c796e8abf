import { Journal } from "@volley/core"
import { Effect } from "effect"

const slow = ({ append }: Journal.Writer): Journal.Writer => ({
  append: (event) => Effect.andThen(Effect.repeat(Effect.yieldNow, { times: 3 }), append(event))
})

/** A journal in memory; for every second group of four seeds it takes its time, and others run meanwhile. */
export const journalOf = (seed: number): Journal.Journal => {
  const journal = Journal.makeMemory()
  if (seed % 8 < 4) return journal
  return {
    ...journal,
    open: (runId) => Effect.map(journal.open(runId), slow),
    reopen: (runId) => Effect.map(journal.reopen(runId), (found) => ({ ...found, writer: slow(found.writer) }))
  }
}
