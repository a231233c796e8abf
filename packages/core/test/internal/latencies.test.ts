import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as Latencies from "../../src/internal/dependency/latencies.ts"
import { integer } from "../support/arbitraries.ts"

const recorded = (durations: ReadonlyArray<number>): Latencies.Latencies => {
  const latencies = Latencies.make()
  for (const millis of durations) latencies.record(millis)
  return latencies
}

/** Takes all the hedges that are left. */
const taken = (latencies: Latencies.Latencies): number => {
  let count = 0
  while (latencies.takeHedge()) count++
  return count
}

const after = (calls: number): Latencies.Latencies => {
  const latencies = Latencies.make()
  for (let n = 0; n < calls; n++) latencies.call()
  return latencies
}

describe("p95", () => {
  it("is not known before 20 durations are", () => {
    assert.strictEqual(recorded(Array(19).fill(5)).p95(), undefined)
    assert.strictEqual(recorded(Array(20).fill(5)).p95(), 5)
  })

  it("is that of the last 100", () => {
    const upTo = (last: number) => recorded(Array.from({ length: last }, (_, n) => n + 1)).p95()
    assert.deepStrictEqual([100, 101, 150].map(upTo), [95, 96, 145])
  })

  it.effect.prop(
    "is the least of the last 100 durations that 95 % of them do not exceed",
    [Arbitrary.array(integer(0, 50), { minLength: 20, maxLength: 250 })],
    ([durations]) =>
      Effect.sync(() => {
        const last = durations.slice(-100)
        const share = (bound: number) => last.filter((millis) => millis <= bound).length / last.length
        const least = Math.min(...last.filter((millis) => share(millis) >= 0.95))
        assert.strictEqual(recorded(durations).p95(), least)
      })
  )
})

describe("hedges", () => {
  it("are 5 % of the calls and one", () => {
    assert.deepStrictEqual([0, 19, 20, 39, 40, 100].map((calls) => taken(after(calls))), [1, 1, 2, 2, 3, 6])
  })

  it("are saved up to 20", () => {
    assert.strictEqual(taken(after(100_000)), 20)
  })

  it.effect.prop(
    "never exceed 5 % of the calls and one, nor 20 more than 5 % of the calls since any moment",
    [Arbitrary.array(integer(0, 60), { maxLength: 50 })],
    ([calls]) =>
      Effect.sync(() => {
        const latencies = Latencies.make()
        let allowed = 1
        for (const count of calls) {
          for (let n = 0; n < count; n++) latencies.call()
          const hedges = taken(latencies)
          allowed = Math.min(20, allowed + count * 0.05) - hedges
          assert.isAtLeast(allowed, -1e-9)
          assert.isBelow(allowed, 1)
        }
      })
  )
})
