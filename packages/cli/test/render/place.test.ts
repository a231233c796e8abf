import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as Layout from "../../src/render/layout.ts"
import * as Place from "../../src/render/place.ts"

const integer = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const scales = Arbitrary.map(
  Arbitrary.all([integer(-1000, 1000), integer(0, 5000), integer(0, 3), integer(1, 160)]),
  ([from, span, power, cells]): Place.Scale => ({ from, span: span * 10 ** (2 * power), cells })
)

const segments = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([integer(-2000, 8000), integer(-100, 4000)]), { maxLength: 12 }),
  (all) => all.map(([from, took], kind) => ({ kind, from, to: from + took }))
)

describe("place", () => {
  it.prop("place - in order, side by side, within the axis, each to be seen", [segments, scales], ([all, scale]) => {
    const placed = Place.place(all, scale)
    assert.deepStrictEqual(placed.map(({ kind }) => kind), all.map(({ kind }) => kind).slice(-scale.cells))
    let used = 0
    for (const { from, to } of placed) {
      assert.isAtLeast(from, used)
      assert.isAbove(to, from)
      used = to
    }
    assert.isAtMost(used, scale.cells)
  }, { arbitrary: { runs: 2000 } })

  it("place - where the time is, to the cell", () => {
    const scale = { from: 1000, span: 1000, cells: 10 }
    const at = (from: number, to: number) => ({ kind: "a", from, to })
    assert.deepStrictEqual(Place.place([at(1000, 1300), at(1300, 1300), at(1800, 2000)], scale), [
      at(0, 3),
      at(3, 4),
      at(8, 10)
    ])
    assert.deepStrictEqual(Place.place([at(2000, 2000), at(2000, 2000)], scale), [at(8, 9), at(9, 10)])
  })

  it.prop("axis - begins at 0, never wider than its cells", [scales], ([scale]) => {
    const axis = Place.axis(scale, "|", Layout.duration)
    assert.isAtMost(axis.length, scale.cells)
    if (scale.cells >= 2) assert.isTrue(axis.startsWith("|0"))
    if (scale.cells >= 40 && scale.span >= 40) assert.isAtLeast(axis.split("|").length, 3)
  }, { arbitrary: { runs: 1000 } })

  it("axis - round times at their cells", () => {
    assert.strictEqual(
      Place.axis({ from: 5, span: 2500, cells: 40 }, "|", Layout.duration),
      "|0              |1 s            |2 s"
    )
    assert.strictEqual(
      Place.axis({ from: 0, span: 200_000, cells: 40 }, "|", Layout.duration),
      "|0          |1 min      |2 min"
    )
  })
})
