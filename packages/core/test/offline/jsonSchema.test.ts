import { assert, describe, it } from "@effect/vitest"
import { accepts, branches, resolve } from "../../src/offline/internal/jsonSchema.ts"

const cases: ReadonlyArray<
  readonly [fact: string, schema: unknown, good: ReadonlyArray<unknown>, bad: ReadonlyArray<unknown>]
> = [
  ["a type", { type: "integer" }, [1, -2], [1.5, "1", null, true]],
  ["several types", { type: ["string", "null"] }, ["", null], [1]],
  ["an enum", { enum: ["a", { b: 1 }] }, ["a", { b: 1 }], ["b", { b: 2 }]],
  ["a constant", { const: 1 }, [1], ["1"]],
  ["bounds", { minimum: 1, exclusiveMaximum: 3, multipleOf: 0.5 }, [1, 2.5], [0.5, 3, 2.2]],
  ["lengths and a pattern", { minLength: 2, maxLength: 3, pattern: "^a" }, ["ab", "abc"], ["a", "abcd", "ba"]],
  ["a broken pattern", { pattern: "(" }, [1], ["a"]],
  ["a format", { format: "date" }, ["2026-03-01"], ["tomorrow", "2026-03-01T10:00:00Z"]],
  ["a unit of the date-time format", { format: "date-time" }, ["2026-03-01T10:00:00Z"], ["2026-03-01"]],
  ["an array", { items: { type: "string" }, minItems: 1, uniqueItems: true }, [["a"]], [[], [1], ["a", "a"]]],
  ["a tuple", { prefixItems: [{ type: "string" }], items: false }, [["a"], []], [["a", 1], [1]]],
  ["required fields", { type: "object", properties: { a: { type: "string" } }, required: ["a"] }, [{ a: "" }, {
    a: "",
    b: 1
  }], [{}, { a: 1 }, []]],
  ["no further fields", { properties: { a: {} }, additionalProperties: false }, [{ a: 1 }], [{ b: 1 }]],
  ["a union", { anyOf: [{ type: "string" }, { type: "null" }] }, ["", null], [1]],
  ["exactly one", { oneOf: [{ type: "integer" }, { type: "number" }] }, [1.5], [1]],
  ["all of", { allOf: [{ type: "string" }, { maxLength: 1 }] }, ["a"], ["ab", 1]],
  ["not", { not: { type: "string" } }, [1], ["a"]],
  ["a reference", { $ref: "#/$defs/a", $defs: { a: { type: "string" } } }, ["a"], [1]],
  ["a boolean", true, [1, null], []],
  ["nothing", false, [], [1, null]]
]

describe("jsonSchema", () => {
  it.each(cases)("accepts - %s", (_, schema, good, bad) => {
    const root = typeof schema === "object" && schema !== null ? schema as Record<string, unknown> : {}
    assert.deepStrictEqual(good.map((value) => accepts(root, schema, value)), good.map(() => true))
    assert.deepStrictEqual(bad.map((value) => accepts(root, schema, value)), bad.map(() => false))
  })

  it("accepts - ends on a schema that refers to itself", () => {
    assert.isFalse(accepts({ $ref: "#" }, { $ref: "#" }, 1))
  })

  it("resolve - follows references, merges allOf and ends on a cycle", () => {
    const root = { $defs: { a: { type: "object", properties: { x: {} }, required: ["x"] } } }
    const schema = { $ref: "#/$defs/a", allOf: [{ properties: { y: {} }, required: ["y"] }] }
    assert.deepStrictEqual(resolve(root, schema), {
      type: "object",
      properties: { x: {}, y: {} },
      required: ["x", "y"]
    })
    assert.deepStrictEqual(resolve({ $ref: "#" }, { $ref: "#" }), {})
  })

  it("branches - are the alternatives without null", () => {
    assert.deepStrictEqual(branches({}, { description: "d", anyOf: [{ type: "string" }, { type: "null" }] }), [
      { description: "d", type: "string" }
    ])
  })
})
