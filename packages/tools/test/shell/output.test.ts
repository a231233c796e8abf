import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Output from "../../src/shell/internal/output.ts"

const textOf = (half: number, chunks: ReadonlyArray<Uint8Array>) => {
  const kept = Output.make(half)
  for (const chunk of chunks) kept.push(chunk)
  return kept.text()
}
const bytesOf = (text: string) => new TextEncoder().encode(text)
const cut = (bytes: Uint8Array, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))

const pieces = Schema.Array(
  Schema.Literals(["a", "é", "€", "😀", "\n", "\u001b[31m", "\u001b]0;title\u0007", "\0", "\r\n", "\u202e", "xyz"])
).check(Schema.isMaxLength(120))
const small = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("output", () => {
  it.effect.prop(
    "text - does not depend on how the bytes came, is bounded and well-formed",
    [pieces, small(1, 40), small(8, 40)],
    ([letters, size, half]) =>
      Effect.sync(() => {
        const bytes = bytesOf(letters.join(""))
        const text = textOf(half, cut(bytes, size))
        assert.strictEqual(text, textOf(half, [bytes]))
        assert.isTrue(text.isWellFormed())
        assert.isAtMost(Buffer.byteLength(text), 2 * half + 200)
        assert.notMatch(text, /(?![\n\t])[\p{Cc}\u202e]/u)
        const clean = letters.filter((letter) => /^[a-zé€😀\n]/u.test(letter)).join("")
        if (clean === letters.join("") && bytes.length <= 2 * half) assert.strictEqual(text, clean)
        if (bytes.length > 2 * half) assert.include(text, `[... of ${bytes.length} bytes`)
        // Where nothing was taken out, what is shown is the beginning and the end.
        if (clean === letters.join("") && bytes.length > 2 * half) {
          const [first = "", last = ""] = text.split(/\n\[\.\.\. [^\]]*\]\n/)
          assert.isTrue(clean.startsWith(first) && clean.endsWith(last))
          assert.isAbove(Buffer.byteLength(first), half - 4)
          assert.isAbove(Buffer.byteLength(last), half - 4)
        }
      }),
    { arbitrary: { runs: 2000 } }
  )

  it("text - colours and titles are left out, other controls are shown as U+FFFD, line ends are one", () => {
    const text = textOf(1000, [
      bytesOf(
        "\u001b[1;31mred\u001b[0m \u001b]8;;http://x\u0007link\u001b]8;;\u0007\ta\r\nb\rc\0d\u0008\u009be\u202ef\u{e0041}"
      )
    ])
    assert.match(text, /^red link\ta\nb\nc\ufffdd\ufffd/)
    assert.notMatch(text, /(?![\n\t])\p{Cc}|\u202e|\u{e0041}/u)
  })

  it("text - bytes that are no UTF-8 do not break it", () => {
    const text = textOf(64, [Uint8Array.from({ length: 1000 }, (_, i) => 128 + (i % 128))])
    assert.isTrue(text.isWellFormed())
    assert.isAtMost(Buffer.byteLength(text), 2 * 64 + 200)
  })

  it("push - keeps no more than it needs, however much comes", () => {
    const kept = Output.make(1024)
    for (let i = 0; i < 10_000; i++) kept.push(bytesOf(`${i} `.repeat(100)))
    assert.isAtMost(kept.text().length, 2048 + 200)
    assert.isTrue(kept.text().startsWith("0 0 "))
    assert.isTrue(kept.text().endsWith("9999 9999 "))
  })
})
