import { Check } from "@volley/core"
import { checkAnswers, checkReads } from "./checks/answers.ts"
import { checkAttempts, checkExtras, checkKeys, checkWaits } from "./checks/attempts.ts"
import { checkAfter, checkLanes, checkSerial } from "./checks/order.ts"
import { checkBounds, checkDiscarded, checkEnd, checkTimes } from "./checks/run.ts"
import { checkCircuit, checkHedges, checkRate } from "./checks/shared.ts"
import { type Report, type View, viewOf } from "./view.ts"
import type { Seen } from "./world.ts"

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
const ofAll: ReadonlyArray<(views: ReadonlyArray<View>, report: Report) => void> = [
  checkKeys,
  checkCircuit,
  checkRate,
  checkHedges
]

/**
 * Everything that is wrong with what was seen of a plan; empty when all guarantees hold. The journal is checked by what the
 * handlers wrote, which the dispatcher has no part in.
 */
export const violations = (seen: Seen): ReadonlyArray<string> => {
  const found: Array<string> = []
  const views = seen.runs.map((run) => viewOf(run, seen))
  for (const view of views) {
    const report: Report = (message) => found.push(`${view.plan.tenant}: ${message}`)
    for (const { event, guarantee, message } of Check.all(view.run.events)) {
      report(`${guarantee} at ${event}: ${message}`)
    }
    for (const check of ofRun) check(view, report)
  }
  for (const check of ofAll) check(views, (message) => found.push(message))
  return found
}
