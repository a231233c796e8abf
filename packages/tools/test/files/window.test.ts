import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Window from "../../src/files/internal/window.ts"

const small = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const text = Schema.Array(Schema.Literals(["a", "é", "😀", "\n", "\r\n"])).check(Schema.isMaxLength(30))
const bytesOf = (text: string) => new TextEncoder().encode(text)
const linesOf = (text: string) => text.match(/[^\n]*\n|[^\n]+$/g) ?? []

describe("window", () => {
  it.effect.prop(
    "skip - passes over line ends one by one and never beyond the chunk",
    [text, small(0, 10)],
    ([pieces, lines]) =>
      Effect.sync(() => {
        const whole = pieces.join("")
        const ended = linesOf(whole).filter((line) => line.endsWith("\n"))
        const { passed, rest } = Window.skip(bytesOf(whole), lines)
        assert.strictEqual(passed, Math.min(lines, ended.length))
        assert.strictEqual(
          rest,
          passed < lines ? bytesOf(whole).length : bytesOf(ended.slice(0, lines).join("")).length
        )
      }),
    { arbitrary: { runs: 300 } }
  )

  it.effect.prop(
    "take - as many whole lines as fit, or a whole number of characters of a line that does not",
    [text, small(1, 6), small(4, 40), Schema.Boolean],
    ([pieces, limit, maxBytes, atEnd]) =>
      Effect.sync(() => {
        const whole = pieces.join("")
        const bytes = bytesOf(whole)
        const lines = linesOf(whole)
        const window = Window.take(bytes, { limit, maxBytes, atEnd })
        const content = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, window.end))
        const candidates = lines.filter((line) => atEnd || line.endsWith("\n"))
        let fit = 0
        while (
          fit < Math.min(limit, candidates.length) && bytesOf(candidates.slice(0, fit + 1).join("")).length <= maxBytes
        ) fit++
        assert.isAtMost(window.end, maxBytes)
        assert.isTrue(whole.startsWith(content))
        if (window.cut) {
          assert.strictEqual(fit, 0)
          assert.strictEqual(window.lines, 1)
          assert.isTrue(window.more)
        } else {
          assert.strictEqual(content, candidates.slice(0, fit).join(""))
          assert.strictEqual(window.lines, fit)
          assert.strictEqual(window.more, !(atEnd && content === whole))
        }
      }),
    { arbitrary: { runs: 500 } }
  )
})
