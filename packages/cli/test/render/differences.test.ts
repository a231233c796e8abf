import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as Differences from "../../src/render/differences.ts"

const text = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Schema.Literals(["a", "b-1", " ", "=", "\"", "東京", "👩‍👩‍👧"])), { maxLength: 8 }),
  (pieces) => pieces.join("")
)

describe("differences", () => {
  it("between - at the ends of words, never nothing", () => {
    assert.deepStrictEqual(Differences.between(["q=\"up{pod='api-1'}\"", "q=\"up{pod='api-21'}\""]), {
      head: "q=\"up{pod='",
      tail: "'}\"",
      parts: ["api-1", "api-21"]
    })
    assert.deepStrictEqual(Differences.between(["city=Oslo", "city=Bergen"])?.parts, ["Oslo", "Bergen"])
    assert.deepStrictEqual(Differences.between(["a=1", "a=1"])?.parts, ["1", "1"])
    assert.isUndefined(Differences.between(["a=", "a=1"]))
    assert.isUndefined(Differences.between(["one", "two"]))
  })

  it.prop(
    "between - head, part and tail are the text again",
    [Arbitrary.array(text, { minLength: 2, maxLength: 5 })],
    ([
      texts
    ]) => {
      const found = Differences.between(texts)
      if (found === undefined) return
      assert.deepStrictEqual(found.parts.map((part) => found.head + part + found.tail), texts)
    },
    { arbitrary: { runs: 1000 } }
  )
})
