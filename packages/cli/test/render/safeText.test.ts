import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as SafeText from "../../src/render/safeText.ts"

/** Text as an attacker would write it: pieces of sequences and controls between words. */
const hostile = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(Schema.Union([
      Schema.Literals([
        "\u001b[31m",
        "\u001b]0;title\u0007",
        "\u001b]52;c;aGk=\u001b\\",
        "\u001bP1;2q",
        "\u001b[",
        "\u001b",
        "\u009b2J",
        "\u009d0;x\u009c",
        "\u0090",
        "\r",
        "\r\n",
        "\n",
        "\t",
        "\u0000",
        "\u007f",
        "\u0085",
        "\u202e",
        "\u2066",
        "\u200f",
        "\u061c",
        "\u2028",
        "\u2029",
        "\ud83d",
        "東京",
        "👩‍👩‍👧",
        " ok ",
        "[0;1m"
      ]),
      Schema.String
    ])),
    { maxLength: 30 }
  ),
  (pieces) => pieces.join("")
)

// oxlint-disable-next-line eslint/no-control-regex
const unsafe = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/

describe("safeText", () => {
  it.prop("block - nothing that acts on a terminal is left (T11)", [hostile], ([text]) => {
    const safe = SafeText.block(text)
    assert.notMatch(safe, unsafe)
    assert.isTrue(safe.isWellFormed())
    assert.strictEqual(SafeText.block(safe), safe)
  }, { arbitrary: { runs: 5000 } })

  it.prop("line - one line, nothing that acts on a terminal (T11)", [hostile], ([text]) => {
    const safe = SafeText.line(text)
    assert.notMatch(safe, unsafe)
    assert.notMatch(safe, /[\n\t]/)
  }, { arbitrary: { runs: 5000 } })

  it.prop("json - the same value, nothing that acts on a terminal (T11)", [hostile], ([text]) => {
    const json = SafeText.json({ text })
    assert.notMatch(json, unsafe)
    assert.deepStrictEqual(JSON.parse(json), { text })
  }, { arbitrary: { runs: 2000 } })

  it.prop("block - text without controls stays as it is", [
    Schema.String.check(Schema.isPattern(/^[ -~äöü東京\n\t]*$/))
  ], ([text]) => {
    assert.strictEqual(SafeText.block(text), text)
  })

  it("block - whole sequences go, also those that set the title or the clipboard", () => {
    assert.strictEqual(SafeText.block("a\u001b[1;31mb\u001b[0mc"), "abc")
    assert.strictEqual(SafeText.block("a\u001b]52;c;aGVsbG8=\u0007b"), "ab")
    assert.strictEqual(SafeText.block("a\u009b31mb\u009d0;t\u009cc"), "abc")
    assert.strictEqual(SafeText.block("over\rwrite\r\nnext\u2028line"), "over\nwrite\nnext\nline")
  })

  it("block - a sequence without an end hides nothing", () => {
    assert.strictEqual(SafeText.block("a\u001b]0;visible"), "a0;visible")
  })

  it("block - linear in the text", () => {
    const begun = performance.now()
    for (const piece of ["\u001b]", "\u009d", "\u001b[", "\u009b1;", "\u001bP"]) SafeText.block(piece.repeat(200_000))
    // a quadratic scan of a megabyte takes minutes
    assert.isBelow(performance.now() - begun, 5000)
  })
})
