/**
 * Vitest matchers for the events of a run. Needs `vitest` 5.
 *
 * **Example** (What a run is to be)
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Agent, Journal } from "@volley/core"
 * import { ModelScript, ScriptedModel } from "@volley/core/testing"
 * import { expectRun } from "@volley/core/testing/vitest"
 * import { Effect } from "effect"
 *
 * it.effect("says hello", () =>
 *   Effect.gen(function*() {
 *     const { runId } = yield* Agent.run(Agent.make("hello"), "Hi")
 *     const events = yield* (yield* Journal.current).read(runId)
 *     expectRun(events).toComplete()
 *     expectRun(events).toHaveNoViolations()
 *   }).pipe(Effect.provide([Journal.layerMemory, ScriptedModel.layer([ModelScript.text("Hello")])])))
 * ```
 *
 * @since 0.1.0
 */
import { expect } from "vitest"
import type * as RunEvent from "../../RunEvent.ts"
import { type Calls, matchers } from "./matchers.ts"

export type {
  /**
   * @since 0.1.0
   */
  Calls
} from "./matchers.ts"

/**
 * What can be expected of a run; `not` turns each around. A failure shows the timeline of the run.
 *
 * - `toComplete`: it ended `completed`.
 * - `toHaveNoViolations`: `Check.all` finds nothing.
 * - `toHaveAnswered`: the calls were asked for and each was answered, with the second argument `"ok"` or `"failed"`.
 * - `toHaveAttempts`: the handlers of the calls were executed so many times in all.
 * - `toHaveAnswerText`: its final text contains the text, or matches.
 * - `toMatchTimeline`: `Timeline.text` is this; indentation and blank lines around it do not count.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunAssertion {
  readonly not: RunAssertion
  readonly toComplete: () => void
  readonly toHaveNoViolations: () => void
  readonly toHaveAnswered: (calls: Calls, answer?: "ok" | "failed") => void
  readonly toHaveAttempts: (calls: Calls, attempts: number) => void
  readonly toHaveAnswerText: (text: string | RegExp) => void
  readonly toMatchTimeline: (timeline: string) => void
}

expect.extend(matchers)

/**
 * Begins an expectation of the events of one run.
 *
 * @throws `TypeError` for anything else
 * @category constructors
 * @since 0.1.0
 */
export const expectRun = (events: ReadonlyArray<RunEvent.RunEvent>): RunAssertion =>
  expect(events) as unknown as RunAssertion
