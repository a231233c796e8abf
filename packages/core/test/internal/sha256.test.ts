import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { sha256 } from "../../src/internal/sha256.ts"
import { utf16 } from "../support/arbitraries.ts"

const reference = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex")

describe("sha256", () => {
  it("sha256 - is that of FIPS 180-4", () => {
    assert.strictEqual(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert.strictEqual(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  })

  it("sha256 - agrees with node:crypto at every length from 0 to 300", () => {
    for (let length = 0; length <= 300; length++) {
      const text = Array.from({ length }, (_, i) => String.fromCharCode(32 + (i * 7 + length) % 95)).join("")
      assert.strictEqual(sha256(text), reference(text), `length ${length}`)
    }
  })

  it("sha256 - agrees with node:crypto on a megabyte", () => {
    const text = "漢a".repeat(250_000)
    assert.strictEqual(sha256(text), reference(text))
  })

  it.effect.prop(
    "sha256 - agrees with node:crypto on any UTF-16",
    [utf16(100)],
    ([text]) => Effect.sync(() => assert.strictEqual(sha256(text), reference(text)))
  )
})
