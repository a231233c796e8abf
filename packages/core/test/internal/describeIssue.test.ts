import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { describeIssue } from "../../src/internal/describeIssue.ts"
import { json, utf16 } from "../support/arbitraries.ts"

const Arguments = Schema.Struct({
  city: Schema.String,
  days: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 14 })),
  unit: Schema.optionalKey(Schema.Literals(["celsius", "fahrenheit"])),
  places: Schema.optionalKey(Schema.Array(Schema.Struct({ name: Schema.String }))),
  labels: Schema.optionalKey(Schema.Record(Schema.String, Schema.Int))
})

const describeArguments = (value: unknown): string | undefined => {
  const exit = Schema.decodeUnknownResult(Arguments, { errors: "all" })(value)
  return exit._tag === "Failure" ? describeIssue(exit.failure.issue) : undefined
}

describe("describeIssue", () => {
  const cases: ReadonlyArray<[unknown, string]> = [
    [{}, "city: Missing key, expected string; days: Missing key, expected number"],
    [{ city: 7, days: 1 }, "city: Expected string"],
    [{ city: "Oslo", days: 15 }, "days: Expected a value between 1 and 14"],
    [{ city: "Oslo", days: 1, unit: "kelvin" }, "unit: Expected \"celsius\" | \"fahrenheit\""],
    [{ city: "Oslo", days: 1, places: [{ name: "a" }, { name: null }] }, "places.1.name: Expected string"],
    ["Oslo", "Expected object"]
  ]
  it.each(cases)("describeIssue - names the path of each bad field and what was expected, case %#", (value, text) => {
    assert.strictEqual(describeArguments(value), text)
  })

  it("describeIssue - names at most ten fields and counts the rest", () => {
    const labels = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`label${i}`, "x"]))
    const text = describeArguments({ city: "Oslo", days: 1, labels }) ?? ""
    assert.strictEqual(text.split("; ").length, 11)
    assert.match(text, /; and 15 more$/)
  })

  it.effect.prop("T11 - keys and values of the model bring in no control character and no unbounded text", [
    utf16(),
    utf16()
  ], ([key, value]) =>
    Effect.sync(() => {
      const long = `${value}${"x".repeat(2000)}`
      const text = describeArguments({ city: "Oslo", days: 1, labels: { [`${key}!`]: long, b: long } }) ?? ""
      assert.notMatch(text, /[\p{Cc}\p{Cf}\u2028\u2029]/u)
      assert.isTrue(text.isWellFormed())
      assert.isAtMost(text.length, 2 * 1010)
    }))

  it.effect.prop("describeIssue - says something of any JSON that does not decode, and never throws", [json(4)], (
    [value]
  ) =>
    Effect.sync(() => {
      const text = describeArguments(value)
      if (text !== undefined) assert.notStrictEqual(text.trim(), "")
    }))
})
