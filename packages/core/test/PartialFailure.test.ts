import { assert, describe, it } from "@effect/vitest"
import { PartialFailure } from "@volley/core"
import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { integer, oneOf } from "./support/arbitraries.ts"

const turn = (succeeded: number, failed: number) =>
  PartialFailure.tally([
    ...Array.from({ length: succeeded }, () => ({ ok: true })),
    ...Array.from({ length: failed }, () => ({ ok: false }))
  ])

describe("tally", () => {
  it("counts, and has no share of nothing", () => {
    assert.deepStrictEqual(turn(3, 1), { calls: 4, succeeded: 3, failed: 1, ratio: 0.25 })
    assert.deepStrictEqual(turn(0, 0), { calls: 0, succeeded: 0, failed: 0, ratio: 0 })
  })

  it.effect.prop(
    "every answer counts once",
    [Arbitrary.array(oneOf([true, false]), { maxLength: 64 })],
    ([answers]) =>
      Effect.sync(() => {
        const { calls, failed, ratio, succeeded } = PartialFailure.tally(answers.map((ok) => ({ ok })))
        assert.strictEqual(calls, answers.length)
        assert.strictEqual(succeeded, answers.filter((ok) => ok).length)
        assert.strictEqual(succeeded + failed, calls)
        assert.strictEqual(ratio, calls === 0 ? 0 : failed / calls)
      })
  )
})

describe("decide", () => {
  it("continue - whatever failed", () => assert.strictEqual(PartialFailure.decide("continue", turn(0, 9)), "continue"))

  it("failIf, noteIf - from this share of the calls on", () => {
    const fail = { failIf: 0.5 }
    const note = { noteIf: 0.5, text: "Half is missing." }
    for (const [succeeded, failed, reached] of [[2, 1, false], [1, 1, true], [0, 1, true], [1, 0, false]] as const) {
      assert.strictEqual(PartialFailure.decide(fail, turn(succeeded, failed)), reached ? "fail" : "continue")
      assert.strictEqual(PartialFailure.decide(note, turn(succeeded, failed)), reached ? "note" : "continue")
    }
    assert.strictEqual(PartialFailure.decide({ failIf: 1 }, turn(1, 8)), "continue")
    assert.strictEqual(PartialFailure.decide({ failIf: 1 }, turn(0, 8)), "fail")
  })

  it("quorum - so many must succeed, or all where there are fewer", () => {
    const quorum = { quorum: 3 }
    assert.strictEqual(PartialFailure.decide(quorum, turn(3, 5)), "continue")
    assert.strictEqual(PartialFailure.decide(quorum, turn(2, 5)), "fail")
    assert.strictEqual(PartialFailure.decide(quorum, turn(2, 0)), "continue")
    assert.strictEqual(PartialFailure.decide(quorum, turn(1, 1)), "fail")
  })

  it.effect.prop(
    "a turn without calls, and one in which nothing failed, goes on",
    [integer(0, 10), integer(1, 10)],
    ([succeeded, n]) =>
      Effect.sync(() => {
        for (const policy of [{ quorum: n }, { failIf: n / 10 }, { noteIf: n / 10, text: "" }]) {
          assert.strictEqual(PartialFailure.decide(policy, turn(succeeded, 0)), "continue")
        }
      })
  )
})

describe("make", () => {
  it("refuses numbers that can never, or always, be reached", () => {
    assert.deepStrictEqual(PartialFailure.make({ failIf: 1 }), { failIf: 1 })
    assert.strictEqual(PartialFailure.make("continue"), "continue")
    for (const value of [0, -1, 1.1, Number.NaN]) {
      assert.throws(() => PartialFailure.make({ failIf: value }), /partialFailure\.failIf/)
      assert.throws(() => PartialFailure.make({ noteIf: value, text: "" }), /partialFailure\.noteIf/)
    }
    for (const value of [0, 1.5, Number.NaN]) {
      assert.throws(() => PartialFailure.make({ quorum: value }), /partialFailure\.quorum/)
    }
  })
})
