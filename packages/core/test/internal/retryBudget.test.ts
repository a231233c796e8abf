import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as RetryBudget from "../../src/internal/dependency/retryBudget.ts"
import { integer, oneOf } from "../support/arbitraries.ts"

const perSecond = 10

/** Takes retries until none is left; gives how many there were. */
const drain = (budget: RetryBudget.RetryBudget, now: number): number => {
  let granted = 0
  while (granted < 10_000 && budget.has(now)) {
    budget.take(now)
    granted++
  }
  return granted
}

const callTimes = (budget: RetryBudget.RetryBudget, times: number, now: number): void => {
  for (let i = 0; i < times; i++) budget.call(now)
}

describe("retry budget", () => {
  it("without calls, 100 retries of one instant are granted and no more", () => {
    assert.strictEqual(drain(RetryBudget.make(perSecond), 123_456), 100)
  })

  it("of a thread, 10 are", () => {
    assert.strictEqual(drain(RetryBudget.make(1), 123_456), 10)
  })

  it.each([0, 999])("is full again 11 seconds later, not before 10 have passed (at .%i)", (millis) => {
    const budget = RetryBudget.make(perSecond)
    const start = 50_000 + millis
    drain(budget, start)
    assert.isFalse(budget.has(start + 9999))
    assert.strictEqual(drain(budget, start + 11_000), 100)
  })

  it("a fifth of the calls comes on top, for as long as they are in the window", () => {
    for (const calls of [4, 5, 34, 35, 1000]) {
      const budget = RetryBudget.make(perSecond)
      callTimes(budget, calls, 0)
      assert.strictEqual(drain(budget, 9999), 100 + Math.floor(calls / 5))
    }
    const late = RetryBudget.make(perSecond)
    callTimes(late, 1000, 0)
    assert.strictEqual(drain(late, 10_000), 100)
  })

  it("calls of several seconds add up", () => {
    const budget = RetryBudget.make(perSecond)
    for (let second = 0; second < 10; second++) callTimes(budget, 1, second * 1000)
    assert.strictEqual(drain(budget, 9000), 102)
  })

  it("plenty - half of what is allowed is left", () => {
    const budget = RetryBudget.make(perSecond)
    callTimes(budget, 100, 0)
    for (let i = 0; i < 60; i++) budget.take(0)
    assert.isTrue(budget.plenty(0))
    budget.take(0)
    assert.isFalse(budget.plenty(0))
    assert.isTrue(budget.plenty(11_000))
  })

  it("a clock that is set back by an hour frees none and is caught up with in 11 seconds", () => {
    const budget = RetryBudget.make(perSecond)
    const hour = 3_600_000
    callTimes(budget, 500, hour)
    assert.strictEqual(drain(budget, hour), 200)
    assert.isFalse(budget.has(1000))
    assert.isFalse(budget.has(10_999))
    assert.strictEqual(drain(budget, 12_000), 100)
  })

  it("a reading that comes a little late changes nothing", () => {
    const budget = RetryBudget.make(perSecond)
    callTimes(budget, 500, 5000)
    callTimes(budget, 500, 4999)
    assert.strictEqual(drain(budget, 4998), 300)
    assert.isFalse(budget.has(5000))
    assert.isFalse(budget.has(14_999))
  })

  const step = Arbitrary.all({
    /** Time that passes, in milliseconds. */
    after: oneOf([0, 0, 0, 1, 7, 333, 1000, 2500, 9999]),
    /** By how much the clock is set back then, in milliseconds. */
    back: oneOf([0, 0, 0, 0, 0, 0, 0, 0, 0, 2000, 7500, 60_000]),
    calls: oneOf([0, 1, 5, 40, 400]),
    retries: oneOf([0, 1, 20, 150])
  })

  it.effect.prop(
    "G5 - with each retry, those of the last 10 seconds are at most a fifth of their calls and 10 a second, however often the clock is set back",
    [integer(0, 5000), Arbitrary.array(step, { maxLength: 60 })],
    ([start, steps]) =>
      Effect.sync(() => {
        const budget = RetryBudget.make(perSecond)
        const calls: Array<number> = []
        const granted: Array<number> = []
        let time = start
        let lost = -1_000_000
        for (const { after, back, calls: called, retries } of steps) {
          time += after
          // a set-back that no reading shows cannot be known
          budget.has(time - lost)
          if (back > 0) lost += back
          const reading = time - lost
          budget.has(reading)
          const within = (at: number): boolean => at > time - 10_000
          callTimes(budget, called, reading)
          for (let i = 0; i < called; i++) calls.push(time)
          for (let i = 0; i < retries && budget.has(reading); i++) {
            budget.take(reading)
            granted.push(time)
            assert.isAtMost(granted.filter(within).length, 100 + calls.filter(within).length / 5)
          }
        }
      }),
    { arbitrary: { runs: 500 } }
  )

  it.effect.prop(
    "is not stricter than the window and one more second",
    [integer(0, 5000), Arbitrary.array(step, { maxLength: 60 })],
    ([start, steps]) =>
      Effect.sync(() => {
        const budget = RetryBudget.make(perSecond)
        const calls: Array<number> = []
        const granted: Array<number> = []
        let now = start
        for (const { after, calls: called, retries } of steps) {
          now += after
          callTimes(budget, called, now)
          for (let i = 0; i < called; i++) calls.push(now)
          for (let i = 0; i < retries; i++) {
            const sure = calls.filter((at) => at > now - 9000).length / 5 + 100
            const spent = granted.filter((at) => at > now - 11_000).length
            if (!budget.has(now)) {
              assert.isAbove(spent + 1, sure)
              break
            }
            budget.take(now)
            granted.push(now)
          }
        }
      }),
    { arbitrary: { runs: 300 } }
  )
})
