import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as Layout from "../../src/render/layout.ts"

const words = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(
      Schema.Literals(["a", "word", "東京", "👩‍👩‍👧", "é", "e\u0301", "🇳🇴", " ", "  ", "antidisestablishment", "1️⃣"])
    ),
    { maxLength: 40 }
  ),
  (pieces) => pieces.join("")
)
const columns = Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 60 }))

describe("layout", () => {
  it.prop("cut - never wider than asked, whole where it fits", [words, columns], ([text, columns]) => {
    const cut = Layout.cut(text, columns)
    assert.isAtMost(Layout.width(cut), columns)
    if (Layout.width(text) <= columns) assert.strictEqual(cut, text)
    else assert.isTrue(cut.endsWith("…"))
  }, { arbitrary: { runs: 1000 } })

  it("cut - wide characters are not split", () => {
    assert.strictEqual(Layout.cut("東京都", 6), "東京都")
    assert.strictEqual(Layout.cut("東京都", 5), "東京…")
    assert.strictEqual(Layout.cut("東京都", 4), "東…")
    assert.strictEqual(Layout.cut("👩‍👩‍👧👩‍👩‍👧", 3), "👩‍👩‍👧…")
    assert.strictEqual(Layout.cut("abc", 0), "")
  })

  it.prop("wrap - no line is too wide, no character is lost", [words, columns], ([text, columns]) => {
    const lines = Layout.wrap(text, columns)
    for (const line of lines) assert.isAtMost(Layout.width(line), columns)
    assert.strictEqual(lines.join("").replace(/\s/g, ""), text.replace(/\s/g, ""))
  }, { arbitrary: { runs: 1000 } })

  it("wrap - lines keep their indent", () => {
    assert.deepStrictEqual(Layout.wrap("  one two three\nfour", 9, "> "), [">   one", ">   two", ">   three", "> four"])
  })

  it("wrap - breaks nothing where there is no end of the line", () => {
    const long = "word ".repeat(100).trim()
    assert.deepStrictEqual(Layout.wrap(long, Number.POSITIVE_INFINITY, "  "), [`  ${long}`])
  })

  it("duration - for people", () => {
    const shown = [0, 87.4, 999, 1234, 59_940, 59_960, 60_000, 185_000].map(Layout.duration)
    assert.deepStrictEqual(shown, ["0 ms", "87 ms", "999 ms", "1.2 s", "59.9 s", "1 min", "1 min", "3 min 5 s"])
  })

  it("usd - is never rounded to nothing", () => {
    const shown = [0, 0.00004, 0.0001, 0.031249, 1.5, 12].map(Layout.usd)
    assert.deepStrictEqual(shown, [
      "0 USD",
      "below 0.0001 USD",
      "0.0001 USD",
      "0.0312 USD",
      "1.5 USD",
      "12 USD"
    ])
  })
})
