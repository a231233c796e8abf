import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import {
  boundText,
  bytesOf,
  bytesWithin,
  makeRoom,
  maximumBytes,
  maximumBytesOfTurn,
  type Place,
  readable
} from "../../src/internal/dispatch/bound.ts"
import { integer, json, utf16 } from "../support/arbitraries.ts"

const byteLength = (text: string): number => Buffer.byteLength(text, "utf8")

const marker = /\n\[… (\d+) of (\d+) bytes left out …\]\n/

describe("boundText", () => {
  it.effect.prop(
    "T10 - at most so many bytes, well-formed, a head and a tail of the text, and numbers that add up",
    [utf16(200), integer(60, 400)],
    ([text, maximum]) =>
      Effect.sync(() => {
        const whole = text.toWellFormed()
        const bound = boundText(text, maximum)
        assert.isAtMost(byteLength(bound), maximum)
        assert.isTrue(bound.isWellFormed())
        if (byteLength(whole) <= maximum) return assert.strictEqual(bound, whole)
        const found = marker.exec(bound)
        assert.isNotNull(found)
        const head = bound.slice(0, found.index)
        const tail = bound.slice(found.index + found[0].length)
        assert.isTrue(whole.startsWith(head))
        assert.isTrue(whole.endsWith(tail))
        assert.strictEqual(Number(found[2]), byteLength(whole))
        assert.strictEqual(Number(found[1]), byteLength(whole) - byteLength(head) - byteLength(tail))
        // only a code point that does not fit is left out of the room there is
        assert.isAbove(byteLength(bound), maximum - 12)
      }),
    { arbitrary: { runs: 500 } }
  )

  it.effect.prop("boundText - keeps within a maximum that has no room for its marker", [utf16(100), integer(0, 60)], (
    [text, maximum]
  ) =>
    Effect.sync(() => {
      const bound = boundText(text, maximum)
      assert.isAtMost(byteLength(bound), maximum)
      assert.isTrue(bound.isWellFormed())
    }))

  it("boundText - the most is 32 KiB, of which two thirds are the head", () => {
    assert.strictEqual(maximumBytes, 32_768)
    assert.strictEqual(boundText("x".repeat(32_768), maximumBytes), "x".repeat(32_768))
    const bound = boundText(`${"h".repeat(40_000)}${"t".repeat(40_000)}`, maximumBytes)
    assert.strictEqual(byteLength(bound), 32_768)
    assert.match(bound, /^h{21818}\n\[… 47273 of 80000 bytes left out …\]\nt{10909}$/)
  })

  it("boundText - a byte order mark at a cut stays", () => {
    const bound = boundText(`\ufeff${"x".repeat(100)}`, 80)
    assert.isTrue(bound.startsWith("\ufeffx"))
  })

  it("boundText - never splits a surrogate pair at either cut", () => {
    for (let maximum = 60; maximum < 90; maximum++) {
      const bound = boundText("😀".repeat(100), maximum)
      assert.match(bound, /^(?:😀)*\n\[… \d+ of 400 bytes left out …\]\n(?:😀)*$/u)
    }
  })
})

describe("bytesOf", () => {
  it.effect.prop("counts what UTF-8 takes, also where a pair lies at the end of a part", [
    utf16(60),
    integer(0, 4100),
    integer(0, 4100)
  ], ([text, before, after]) =>
    Effect.sync(() => {
      const padded = `${"x".repeat(before)}${text}${"漢".repeat(after)}`
      assert.strictEqual(bytesOf(padded), byteLength(padded))
      assert.strictEqual(bytesWithin(padded, 5000) > 5000, byteLength(padded) > 5000)
    }))

  it("a pair at every place around the end of a part", () => {
    for (let before = 4090; before < 4100; before++) {
      const text = `${"x".repeat(before)}😀${"x".repeat(4090)}\ud83d`
      assert.strictEqual(bytesOf(text), before + 4 + 4090 + 3)
    }
  })
})

describe("readable", () => {
  const nested = (levels: number): unknown => {
    let value: unknown = 1
    for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value }
    return value
  }

  it("T9 - what is nested deeper than 256 levels is left out, however deep it is", () => {
    assert.deepStrictEqual(readable(nested(256)).value, nested(256))
    for (const levels of [257, 10_000, 1_000_000]) {
      assert.strictEqual(readable(nested(levels)).value, "the result is nested deeper than 256 levels and was left out")
    }
  })

  it("is never empty", () => {
    for (const value of [undefined, "", Object(""), { toJSON: () => "" }]) {
      assert.deepStrictEqual(readable(value), { value: "done", text: "done" })
    }
    for (const value of [null, 0, [], {}, false]) {
      assert.deepStrictEqual(readable(value), { value, text: JSON.stringify(value) })
    }
  })

  it.effect.prop("JSON stays as it is, texts are made well-formed", [json(4)], ([value]) =>
    Effect.sync(() => {
      const found = readable(value)
      if (value === "") return assert.strictEqual(found.value, "done")
      if (typeof value === "string") {
        return assert.deepStrictEqual(found, { value: value.toWellFormed(), text: value.toWellFormed() })
      }
      assert.strictEqual(found.value, value)
      assert.strictEqual(found.text, JSON.stringify(value))
    }))

  it("what is not JSON is what JSON makes of it, or nothing at all", () => {
    const becomes: ReadonlyArray<readonly [unknown, unknown]> = [
      [{ a: undefined, b: () => 1, c: Symbol("c") }, {}],
      // oxlint-disable-next-line no-sparse-arrays
      [[, Number.NaN, undefined], [null, null, null]],
      [Number.POSITIVE_INFINITY, null],
      [new Date(0), "1970-01-01T00:00:00.000Z"],
      [new Map([[1, 2]]), {}],
      [Object.create(null), {}]
    ]
    for (const [value, expected] of becomes) {
      assert.deepStrictEqual(readable(value), {
        value: expected,
        text: typeof expected === "string" ? expected : JSON.stringify(expected)
      })
    }
    for (const value of [1n, { a: [1n] }, () => 1, Symbol("s"), { toJSON: () => undefined }]) {
      assert.throws(() => readable(value))
    }
  })
})

describe("makeRoom", () => {
  /** Answers calls of these sizes, all known before; gives what each got. */
  const share = (sizes: ReadonlyArray<number>): ReadonlyArray<number> => {
    const room = makeRoom(maximumBytesOfTurn)
    const places = sizes.map(() => room.add())
    room.close()
    return places.map((place, i) => place.take(sizes[i] ?? 0))
  }

  const sum = (sizes: ReadonlyArray<number>): number => sizes.reduce((total, size) => total + size, 0)

  it.effect.prop("the results of a turn take at most 128 KiB, whatever their sizes and order", [
    Arbitrary.array(integer(0, 200_000), { minLength: 1, maxLength: 64 })
  ], ([sizes]) =>
    Effect.sync(() => {
      const got = share(sizes)
      assert.isAtMost(sum(got), 131_072)
      // none is left with nothing, small ones are whole
      for (const [i, bytes] of got.entries()) {
        assert.isAtLeast(bytes, Math.min(sizes[i]!, 131_072 / sizes.length - 1, 4096))
      }
    }))

  it.effect.prop(
    "nor when calls come, are answered and are interrupted in any order; at the end all room is there again",
    [
      Arbitrary.array(Arbitrary.all([integer(0, 4), integer(0, 40_000)]), { maxLength: 200 })
    ],
    ([steps]) =>
      Effect.sync(() => {
        const room = makeRoom(maximumBytesOfTurn)
        const open: Array<Place> = []
        const taken = new Map<Place, number>()
        for (const [kind, bytes] of steps) {
          if (kind <= 1) open.push(room.add())
          const place = kind <= 1 ? undefined : open.splice(bytes % Math.max(1, open.length), 1)[0]
          if (place === undefined) continue
          if (kind === 4) place.leave()
          else {
            const got = place.take(bytes)
            taken.set(place, got)
            assert.isAtLeast(got, Math.min(bytes, 64))
          }
          assert.isAtMost(sum(Array.from(taken.values())), 131_072)
        }
        for (const place of [...open, ...taken.keys()]) place.leave()
        room.close()
        assert.strictEqual(room.add().take(1_000_000), 131_072)
      })
  )

  it("few large results among small ones are not cut, whoever is first", () => {
    const large = [32_768, 32_768, 32_768]
    const small = [500, 500, 500, 500, 500]
    assert.deepStrictEqual(share([...large, ...small]), [...large, ...small])
    assert.deepStrictEqual(share([...small, ...large]), [...small, ...large])
    assert.deepStrictEqual(share([200_000, 10]), [131_072 - 4096, 10])
    assert.deepStrictEqual(share(Array.from({ length: 64 }, () => 32_768)), Array.from({ length: 64 }, () => 2048))
  })

  it("calls that are answered before all are known leave room for the others", () => {
    const room = makeRoom(maximumBytesOfTurn)
    const got = Array.from({ length: 12 }, () => room.add().take(32_768))
    assert.deepStrictEqual(got.slice(0, 3), [32_768, 32_768, 32_768])
    for (const bytes of got) assert.isAtLeast(bytes, 1024)
    assert.isAtMost(sum(got), 131_072)
  })

  it("none is left with nothing, however many there are", () => {
    assert.strictEqual(Math.min(...share(Array.from({ length: 10_000 }, () => 500))), 64)
  })
})
