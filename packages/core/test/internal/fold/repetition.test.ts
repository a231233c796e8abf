import { assert, describe, it } from "@effect/vitest"
import type { RunEvent } from "@volley/core"
import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as Repetition from "../../../src/internal/fold/repetition.ts"
import { integer, json } from "../../support/arbitraries.ts"
import { answered, requested } from "../../support/events.ts"

const call = (name: string, params: unknown, result?: unknown) => ({
  requested: requested(1, 1, 0, name, "id", params) as RunEvent.Of<"ToolCallRequested">,
  answered: result === undefined
    ? undefined
    : answered(1, 1, 0, true, { result }) as RunEvent.Of<"ToolCallAnswered">
})

type Calls = ReadonlyArray<ReturnType<typeof call>>

/** What each turn repeated. */
const told = (...turns: ReadonlyArray<Calls>) => {
  let known = Repetition.none
  return turns.map((calls) => {
    const added = Repetition.add(known, calls)
    known = added.known
    return added.repeated.map(({ name, times }) => `${name} ${times}`)
  })
}

describe("add", () => {
  it("counts how often in a row a call had the same result", () => {
    const same = [call("look", { a: 1 }, "x")]
    assert.deepStrictEqual(told(same, same, same), [["look 1"], ["look 2"], ["look 3"]])
  })

  it("a result that changed begins again", () => {
    const [one, other] = [[call("poll", {}, "no")], [call("poll", {}, "yes")]]
    assert.deepStrictEqual(told(one, one, other, other, one).flat(), ["poll 1", "poll 2", "poll 1", "poll 2", "poll 1"])
  })

  it("other arguments, and another tool, are another call", () => {
    const calls = [call("look", { a: 1 }, "x"), call("look", { a: 2 }, "x"), call("peek", { a: 1 }, "x")]
    assert.deepStrictEqual(told(calls), [["look 1", "look 1", "peek 1"]])
  })

  it("a turn in between does not matter", () => {
    const same = [call("look", {}, "x")]
    assert.deepStrictEqual(told(same, [call("peek", {}, "x")], [], same), [["look 1"], ["peek 1"], [], ["look 2"]])
  })

  it("calls that are equal within one turn count once", () => {
    const same = call("look", {}, "x")
    assert.deepStrictEqual(told([same, same, same], [same, same]), [["look 1"], ["look 2"]])
  })

  it("results are compared by value, arguments and results in whatever order of keys", () => {
    const one = [call("look", { a: 1, b: { c: 2, d: [3] } }, { x: 1, y: null })]
    const other = [call("look", { b: { d: [3], c: 2 }, a: 1 }, { y: null, x: 1 })]
    assert.deepStrictEqual(told(one, other), [["look 1"], ["look 2"]])
    assert.deepStrictEqual(told([call("look", {}, [1, 2])], [call("look", {}, [2, 1])]), [["look 1"], ["look 1"]])
    assert.deepStrictEqual(told([call("look", {}, "1")], [call("look", {}, 1)]), [["look 1"], ["look 1"]])
  })

  it("a call without an answer does not count", () => {
    assert.deepStrictEqual(told([call("look", {})]), [[]])
  })

  it("what is known is not changed", () => {
    const { known } = Repetition.add(Repetition.none, [call("look", {}, "x")])
    const before = new Map(known)
    Repetition.add(known, [call("look", {}, "x")])
    assert.deepStrictEqual(known, before)
    assert.strictEqual(Repetition.none.size, 0)
  })

  it("remembers the last 64 calls: what was asked for longest ago is forgotten first", () => {
    const calls = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => call("look", { n: from + i }, "x"))
    assert.deepStrictEqual(told(calls(0, 64), calls(0, 1)).at(-1), ["look 2"])
    assert.deepStrictEqual(told(calls(0, 65), calls(0, 1)).at(-1), ["look 1"])
    assert.deepStrictEqual(told(calls(0, 64), calls(0, 1), calls(64, 1), calls(0, 1)).at(-1), ["look 3"])
    assert.deepStrictEqual(told(calls(0, 64), calls(0, 1), calls(64, 1), calls(1, 1)).at(-1), ["look 1"])
  })

  it.effect.prop("every call, whatever its arguments and results, is counted once a turn", [
    Arbitrary.array(Arbitrary.all([json(), json()]), { maxLength: 5 }),
    integer(1, 5)
  ], ([pairs, turns]) =>
    Effect.sync(() => {
      const calls = pairs.map(([params, result], i) => call(`tool ${i}`, params, result))
      const all = told(...Array.from({ length: turns }, () => calls))
      assert.deepStrictEqual(all.at(-1), pairs.map((_, i) => `tool ${i} ${turns}`))
    }))
})
