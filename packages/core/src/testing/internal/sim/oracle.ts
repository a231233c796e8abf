/**
 * Everything that is wrong with a world that has ended. The journal is checked by what the handlers wrote, which the
 * dispatcher has no part in.
 *
 * @internal
 */
import * as Check from "../../../Check.ts"
import { checkAnswers, checkReads } from "./laws/answers.ts"
import { checkAttempts, checkExtras, checkKeys, checkWaits } from "./laws/attempts.ts"
import { checkAfter, checkLanes, checkSerial } from "./laws/order.ts"
import { checkBounds, checkDiscarded, checkEnd, checkTimes } from "./laws/run.ts"
import { checkShared } from "./laws/shared.ts"
import type { Stop } from "./process.ts"
import { type Guarantee, type Report, type View, viewOf } from "./view.ts"
import type { World } from "./world.ts"

/** @internal */
export interface Violation {
  readonly guarantee: Guarantee
  /** The run, from 0. */
  readonly run: number
  /** The event of that run that shows it, from 0. */
  readonly event: number
  readonly message: string
}

const ofRun: ReadonlyArray<(view: View, report: Report) => void> = [
  checkEnd,
  checkTimes,
  checkBounds,
  checkDiscarded,
  checkAttempts,
  checkWaits,
  checkExtras,
  checkSerial,
  checkLanes,
  checkAfter,
  checkReads,
  checkAnswers
]

/** What runs share. */
const ofAll: ReadonlyArray<(views: ReadonlyArray<View>, report: Report) => void> = [checkKeys, checkShared]

const stuck: { readonly [stop in Exclude<Stop, "Done">]: string } = {
  Deadlock: "nothing is left that could ever happen, and the run has not ended",
  StepLimit: "the run does not come to an end"
}

/** @internal */
export const violations = (world: World, stop: Stop): ReadonlyArray<Violation> => {
  const found: Array<Violation> = []
  const reportOf = (run: number): Report => (guarantee, message, event) =>
    found.push({ guarantee, run, event, message })
  if (stop !== "Done") {
    for (const [i, run] of world.runs.entries()) {
      if (run.exit === undefined) reportOf(i)("G19", stuck[stop], run.events.length - 1)
    }
  }
  const views = world.runs.flatMap((_, i) => viewOf(world, i) ?? [])
  for (const view of views) {
    const report = reportOf(view.number)
    for (const { event, guarantee, message } of Check.all(view.run.events)) report(guarantee, message, event)
    if (stop !== "Done") continue
    for (const check of ofRun) check(view, report)
  }
  if (stop !== "Done") return found
  for (const check of ofAll) check(views, reportOf(0))
  return found
}
