import { assert, describe, it } from "@effect/vitest"
import { Effect, type Schema } from "effect"
import { canonicalJson } from "../../src/internal/canonicalJson.ts"
import { json } from "../support/arbitraries.ts"

/** The same value, its keys inserted in the opposite order. */
const mirrored = (value: Schema.Json): Schema.Json => {
  if (Array.isArray(value)) return value.map(mirrored)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).toReversed().map(([key, item]) => [key, mirrored(item)]))
}

describe("canonicalJson", () => {
  const cases: ReadonlyArray<[unknown, string]> = [
    [null, "null"],
    [-0, "0"],
    [1e21, "1e+21"],
    [Number.NaN, "null"],
    ["é\"\n", "\"é\\\"\\n\""],
    ["\ud83d", "\"\\ud83d\""],
    [[], "[]"],
    [{}, "{}"],
    [{ b: 1, a: 2 }, "{\"a\":2,\"b\":1}"],
    [{ b: { d: 1, c: [{ f: 1, e: 2 }] }, a: null }, "{\"a\":null,\"b\":{\"c\":[{\"e\":2,\"f\":1}],\"d\":1}}"],
    // by code unit, as RFC 8785 has it: not by number, locale or code point
    [
      { 10: 1, 9: 2, "é": 3, z: 4, Z: 5, "😀": 6, "\ufb33": 7 },
      "{\"10\":1,\"9\":2,\"Z\":5,\"z\":4,\"é\":3,\"😀\":6,\"\ufb33\":7}"
    ],
    [{ a: undefined, b: 1 }, "{\"b\":1}"],
    [[undefined, 1], "[null,1]"],
    [Array(2), "[null,null]"],
    [undefined, "null"],
    [JSON.parse("{\"__proto__\":1}"), "{\"__proto__\":1}"]
  ]
  it.each(cases)("canonicalJson - case %#", (value, expected) => {
    assert.strictEqual(canonicalJson(value), expected)
  })

  it.effect.prop(
    "canonicalJson - reads back as the same value",
    [json()],
    ([value]) =>
      Effect.sync(() => assert.deepStrictEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value))))
  )

  it.effect.prop(
    "canonicalJson - equal values have equal text, whatever the order of keys",
    [json()],
    ([value]) => Effect.sync(() => assert.strictEqual(canonicalJson(mirrored(value)), canonicalJson(value)))
  )
})
