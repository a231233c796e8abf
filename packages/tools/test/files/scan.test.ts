import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Scan from "../../src/files/internal/scan.ts"

const letters = Schema.Array(Schema.Literals(["a", "B", "b", "İ", "ς", "Σ", "😀", "\n", "\r\n"]))
const query = Schema.Array(Schema.Literals(["a", "B", "b", "σ", "İ", "i", "😀"])).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(3)
)

const scan = (query: Scan.Query, pieces: ReadonlyArray<string>) => {
  const matches: Array<Scan.Match> = []
  let state = Scan.start
  for (const [i, piece] of [...pieces, ""].entries()) {
    const [next, found] = Scan.step(query, state, piece, i === pieces.length)
    state = next
    matches.push(...found)
  }
  return matches
}

const foldEach = (text: string) => Array.from(text, Scan.fold).join("")

describe("scan", () => {
  it("fold - keeps every index", () => {
    for (let point = 0; point <= 0x10ffff; point++) {
      const character = String.fromCodePoint(point)
      if (Scan.fold(character).length !== character.length) assert.fail(`U+${point.toString(16)} changes its length`)
    }
  })

  it.effect.prop(
    "step - finds the lines that contain the query, wherever the text is cut",
    [letters, query, Schema.Boolean, Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 7 }))],
    ([text, query, ignoreCase, size]) =>
      Effect.sync(() => {
        // Lines longer than what is held back, so that pieces end within them.
        const whole = text.map((letter) => letter === "😀" ? "😀".repeat(900) : letter).join("")
        const needle = query.join("")
        const pieces = Array.from({ length: Math.ceil(whole.length / (size * 611)) }, (_, i) =>
          whole.slice(i * size * 611, (i + 1) * size * 611))
        const expected = whole.split("\n").flatMap((line, i) =>
          (ignoreCase ? foldEach(line).includes(foldEach(needle)) : line.includes(needle)) ? [i + 1] : []
        )
        const matches = scan({ text: needle, ignoreCase }, pieces)
        assert.deepStrictEqual(
          matches.map(({ line }) =>
            line
          ),
          expected
        )
        for (const { text } of matches) {
          assert.isTrue(text.isWellFormed())
          assert.isTrue(ignoreCase ? foldEach(text).includes(foldEach(needle)) : text.includes(needle))
          assert.isAtMost(Array.from(text).length, Scan.maxLineLength)
        }
      }),
    { arbitrary: { runs: 500, size: 40 } }
  )

  it("step - what is kept between pieces does not grow with the text", () => {
    let state = Scan.start
    for (let i = 0; i < 100; i++) {
      state = Scan.step({ text: "x", ignoreCase: false }, state, "y".repeat(65_536), false)[0]
      assert.isAtMost(state.held.length, 4097)
    }
  })

  it("step - patterns made to be slow take time in proportion", () => {
    const piece = "a".repeat(100_000)
    const evil = Array.from({ length: 50 }, (_, i) => `${"a".repeat(i * 5)}b${"a".repeat(255 - i * 5)}`)
    const slowest = Math.max(...evil.map((text) => {
      const begin = performance.now()
      Scan.step({ text, ignoreCase: true }, Scan.start, piece, true)
      return performance.now() - begin
    }))
    assert.isBelow(slowest, 50)
  })

  it("excerpt - shows the match of a long line and at most 300 characters", () => {
    const line = `${"😀".repeat(1000)}needle${"😀".repeat(1000)}\r`
    const text = Scan.excerpt(line, line.indexOf("needle"))
    assert.include(text, "needle")
    assert.strictEqual(Array.from(text).length, 300)
    assert.isTrue(text.isWellFormed())
  })
})
