import { assert, describe, it } from "@effect/vitest"
import { Check, RunState } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Exit } from "effect"
import { record, scenarios } from "./recorded.ts"
import { refused } from "./refused.ts"

describe("a run that is cancelled", () => {
  const cancelled: Record<string, number> = {}
  for (const scenario of scenarios) {
    it(`G1, G11 - ${scenario.name}: at each event the transcript goes on as a conversation that the API accepts`, () => {
      const whole = record(scenario)
      assert.isTrue(Exit.isSuccess(whole.exit))
      assert.isAbove(whole.events.length, 15)
      for (let cancelAt = 1; cancelAt <= whole.events.length; cancelAt++) {
        for (const seed of [1, 2, 3]) {
          const place = `event ${cancelAt}, seed ${seed}`
          const { children, events, replies, requests } = record(scenario, { cancelAt, seed })
          // a sub-agent that was cancelled before it began has written nothing
          for (const journal of [events, ...children.filter((written) => written.length > 0)]) {
            assert.deepStrictEqual(Check.all(journal), [], place)
            assert.strictEqual(journal.reduce(RunState.apply, RunState.initial).phase, "ended", place)
          }
          const state = events.reduce(RunState.apply, RunState.initial)
          const next = record({ ...scenario, script: [ModelScript.text("go on")] }, { history: state.transcript })
          assert.deepStrictEqual(requests.flatMap((request) => refused(request, replies)), [], place)
          assert.deepStrictEqual(next.requests.slice(0, 1).flatMap((request) => refused(request, replies)), [], place)
          assert.isAtLeast(next.requests.length, 1)
          const outcome = state.ended?.outcome ?? "none"
          cancelled[outcome] = (cancelled[outcome] ?? 0) + 1
        }
      }
    })
  }

  it("nearly every one of them was cancelled in time", () => {
    // oxlint-disable-next-line no-console -- the numbers of the test
    console.log(`cancelled at each event: ${JSON.stringify(cancelled)}`)
    assert.isAbove(cancelled["cancelled"] ?? 0, 20 * (cancelled["completed"] ?? 0))
  })
})
