/**
 * `volley show`: a journal as the text of its run, and the chart of its times below.
 *
 * @internal
 */
import * as Redactor from "@volley/core/Redactor"
import * as RunState from "@volley/core/RunState"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { Exit } from "../exit.ts"
import { readJournal } from "../journal.ts"
import * as Gantt from "../render/gantt.ts"
import * as Timeline from "../render/timeline.ts"
import * as Transcript from "../render/transcript.ts"
import { page, writeLines } from "../stdio.ts"

/** @internal */
export const show = Effect.fnUntraced(function*(file: string): Effect.fn.Return<void, Exit, FileSystem.FileSystem> {
  const events = yield* readJournal(file)
  const { redact } = yield* Redactor.current
  const canvas = { ...page(), redact }
  const timeline = Timeline.fromEvents(events)
  const { cost } = events.reduce(RunState.apply, RunState.initial).spent
  const chart = Gantt.lines(canvas, timeline)
  yield* writeLines([...Transcript.run(canvas, timeline, cost), ...chart.length === 0 ? [] : ["", ...chart]])
})
