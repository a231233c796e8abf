import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { boundResult, boundText, maximumBytes } from "../../src/internal/dispatch/bound.ts"
import { integer, json, utf16 } from "../support/arbitraries.ts"

const bytesOf = (text: string): number => Buffer.byteLength(text, "utf8")

const marker = /\n\[… (\d+) of (\d+) bytes left out …\]\n/

describe("boundText", () => {
  it.effect.prop(
    "T10 - at most so many bytes, well-formed, a head and a tail of the text, and numbers that add up",
    [utf16(200), integer(60, 400)],
    ([text, maximum]) =>
      Effect.sync(() => {
        const whole = text.toWellFormed()
        const bound = boundText(text, maximum)
        assert.isAtMost(bytesOf(bound), maximum)
        assert.isTrue(bound.isWellFormed())
        if (bytesOf(whole) <= maximum) return assert.strictEqual(bound, whole)
        const found = marker.exec(bound)
        assert.isNotNull(found)
        const head = bound.slice(0, found.index)
        const tail = bound.slice(found.index + found[0].length)
        assert.isTrue(whole.startsWith(head))
        assert.isTrue(whole.endsWith(tail))
        assert.strictEqual(Number(found[2]), bytesOf(whole))
        assert.strictEqual(Number(found[1]), bytesOf(whole) - bytesOf(head) - bytesOf(tail))
        // only a code point that does not fit is left out of the room there is
        assert.isAbove(bytesOf(bound), maximum - 12)
      }),
    { arbitrary: { runs: 500 } }
  )

  it.effect.prop("boundText - keeps within a maximum that has no room for its marker", [utf16(100), integer(0, 60)], (
    [text, maximum]
  ) =>
    Effect.sync(() => {
      const bound = boundText(text, maximum)
      assert.isAtMost(bytesOf(bound), maximum)
      assert.isTrue(bound.isWellFormed())
    }))

  it("boundText - the default is 32 KiB, of which two thirds are the head", () => {
    assert.strictEqual(maximumBytes, 32_768)
    assert.strictEqual(boundText("x".repeat(32_768)), "x".repeat(32_768))
    const bound = boundText(`${"h".repeat(40_000)}${"t".repeat(40_000)}`)
    assert.strictEqual(bytesOf(bound), 32_768)
    assert.match(bound, /^h{21818}\n\[… 47273 of 80000 bytes left out …\]\nt{10909}$/)
  })

  it("boundText - never splits a surrogate pair at either cut", () => {
    for (let maximum = 60; maximum < 90; maximum++) {
      const bound = boundText("😀".repeat(100), maximum)
      assert.match(bound, /^(?:😀)*\n\[… \d+ of 400 bytes left out …\]\n(?:😀)*$/u)
    }
  })
})

describe("boundResult", () => {
  const nested = (levels: number): unknown => {
    let value: unknown = 1
    for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value }
    return value
  }

  it("T9 - what is nested deeper than 256 levels is left out, however deep it is", () => {
    assert.deepStrictEqual(boundResult(nested(256)), nested(256))
    for (const levels of [257, 10_000, 1_000_000]) {
      assert.strictEqual(boundResult(nested(levels)), "the result is nested deeper than 256 levels and was left out")
    }
  })

  it("boundResult - is never empty", () => {
    assert.strictEqual(boundResult(undefined), "done")
    assert.strictEqual(boundResult(""), "done")
    assert.strictEqual(boundResult(null), null)
    assert.strictEqual(boundResult(0), 0)
    assert.deepStrictEqual(boundResult([]), [])
  })

  it.effect.prop("boundResult - a value that fits stays, a larger one becomes its bounded JSON text", [
    json(4),
    integer(60, 200)
  ], ([value, maximum]) =>
    Effect.sync(() => {
      const bound = boundResult(value, maximum)
      if (typeof value === "string") {
        return assert.strictEqual(bound, value === "" ? "done" : boundText(value, maximum))
      }
      const text = JSON.stringify(value)
      if (bytesOf(text) <= maximum) assert.strictEqual(bound, value)
      else assert.strictEqual(bound, boundText(text, maximum))
    }))
})
