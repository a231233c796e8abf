import { assert, describe, it } from "@effect/vitest"
import { Ledger } from "@volley/core/testing"
import { Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"

describe("Ledger", () => {
  it.effect("record - keeps entries in order with the time of the clock", () =>
    Effect.gen(function*() {
      const ledger = yield* Ledger.make
      yield* ledger.record("send", { to: "a" })
      yield* TestClock.adjust("2 seconds")
      yield* ledger.record("pay")
      assert.deepStrictEqual(yield* ledger.entries, [
        { key: "send", detail: { to: "a" }, at: 0 },
        { key: "pay", detail: undefined, at: 2000 }
      ])
    }))

  it.effect("counts - counts by key, whatever the key is", () =>
    Effect.gen(function*() {
      const ledger = yield* Ledger.make
      for (const key of ["send", "toString", "send"]) yield* ledger.record(key)
      assert.deepStrictEqual(yield* ledger.counts, { send: 2, toString: 1 })
      assert.strictEqual(yield* ledger.count("send"), 2)
      assert.strictEqual(yield* ledger.count("constructor"), 0)
    }))

  it.effect("track - records the start and holds the gauge until the end, by success, failure or interruption", () =>
    Effect.gen(function*() {
      const ledger = yield* Ledger.make
      const forever = yield* Effect.forkChild(ledger.track("wait", Effect.never))
      const sleeping = yield* Effect.forkChild(ledger.track("wait", Effect.sleep("1 second")))
      const failing = yield* Effect.forkChild(
        ledger.track("fail", Effect.andThen(Effect.sleep("1 second"), Effect.fail("no")))
      )
      yield* TestClock.adjust("500 millis")
      assert.deepStrictEqual(yield* ledger.inFlight("wait"), { current: 2, peak: 2 })
      assert.deepStrictEqual(yield* ledger.inFlight(), { current: 3, peak: 3 })
      yield* TestClock.adjust("500 millis")
      yield* Fiber.await(sleeping)
      assert.strictEqual(yield* Effect.flip(Fiber.join(failing)), "no")
      yield* Fiber.interrupt(forever)
      assert.deepStrictEqual(yield* ledger.inFlight("wait"), { current: 0, peak: 2 })
      assert.deepStrictEqual(yield* ledger.inFlight(), { current: 0, peak: 3 })
      assert.deepStrictEqual(yield* ledger.inFlight("other"), { current: 0, peak: 0 })
      assert.deepStrictEqual(yield* ledger.counts, { wait: 2, fail: 1 })
    }))

  it.effect.prop("track - its peak is the concurrency that the effects ran with", [
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 8 })),
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 }))
  ], ([concurrency, calls]) =>
    Effect.gen(function*() {
      const ledger = yield* Ledger.make
      const fiber = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: calls }), () => ledger.track("call", Effect.sleep("1 second")), {
          concurrency
        })
      )
      yield* TestClock.adjust("30 seconds")
      yield* Fiber.join(fiber)
      assert.strictEqual((yield* ledger.inFlight("call")).peak, Math.min(concurrency, calls))
    }), { arbitrary: { runs: 30 } })
})
