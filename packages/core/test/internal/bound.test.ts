import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { boundText, fit, makeRoom, maximumBytes, maximumBytesOfTurn } from "../../src/internal/dispatch/bound.ts"
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

describe("fit", () => {
  const nested = (levels: number): unknown => {
    let value: unknown = 1
    for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value }
    return value
  }

  it("T9 - what is nested deeper than 256 levels is left out, however deep it is", () => {
    assert.deepStrictEqual(fit(nested(256), maximumBytes), { value: nested(256) })
    for (const levels of [257, 10_000, 1_000_000]) {
      assert.deepStrictEqual(fit(nested(levels), maximumBytes), {
        value: "the result is nested deeper than 256 levels and was left out"
      })
    }
  })

  it("is never empty", () => {
    for (const [value, expected] of [[undefined, "done"], ["", "done"], [null, null], [0, 0], [[], []]] as const) {
      assert.deepStrictEqual(fit(value, maximumBytes), { value: expected })
    }
  })

  it.effect.prop("a value that fits stays, of a larger one the text is given", [json(4), integer(4, 200)], (
    [value, maximum]
  ) =>
    Effect.sync(() => {
      const text = typeof value === "string" ? value.toWellFormed() : JSON.stringify(value)
      if (text === "") assert.deepStrictEqual(fit(value, maximum), { value: "done" })
      else if (bytesOf(text) > maximum) assert.deepStrictEqual(fit(value, maximum), { tooLarge: text })
      else assert.deepStrictEqual(fit(value, maximum), { value: typeof value === "string" ? text : value })
    }))
})

describe("makeRoom", () => {
  /** Answers calls of these sizes in this order, each cut to its room; gives what each got. */
  const share = (sizes: ReadonlyArray<number>): ReadonlyArray<number> => {
    const room = makeRoom(maximumBytesOfTurn)
    for (const _ of sizes) room.add()
    return sizes.map((size) => {
      const got = Math.min(size, room.share())
      room.take(got)
      return got
    })
  }

  it.effect.prop("the results of a turn take at most 128 KiB, whatever their sizes and order", [
    Arbitrary.array(integer(0, 200_000), { minLength: 1, maxLength: 64 })
  ], ([sizes]) =>
    Effect.sync(() => {
      const got = share(sizes)
      assert.isAtMost(got.reduce((sum, bytes) => sum + bytes, 0), 131_072)
      // none is left with nothing, small ones are whole
      for (const [i, bytes] of got.entries()) {
        assert.isAtLeast(bytes, Math.min(sizes[i]!, 131_072 / sizes.length - 1, 4096))
      }
    }))

  it("few large results among small ones are not cut, whoever is first", () => {
    const large = [32_768, 32_768, 32_768]
    const small = [500, 500, 500, 500, 500]
    assert.deepStrictEqual(share([...large, ...small]), [...large, ...small])
    assert.deepStrictEqual(share([...small, ...large]), [...small, ...large])
    assert.deepStrictEqual(share([200_000, 10]), [131_072 - 4096, 10])
    assert.deepStrictEqual(share(Array.from({ length: 64 }, () => 32_768)), Array.from({ length: 64 }, () => 2048))
  })

  it("a call that is interrupted gives its share back", () => {
    const room = makeRoom(100)
    room.add()
    room.add()
    assert.strictEqual(room.share(), 50)
    room.take(0)
    assert.strictEqual(room.share(), 100)
  })
})
