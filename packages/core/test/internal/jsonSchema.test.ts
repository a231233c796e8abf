import { assert, describe, it } from "@effect/vitest"
import { Effect, type JsonSchema, Schema } from "effect"
import { Tool } from "effect/ai"
import { argumentsCheck, checkSchema } from "../../src/internal/dispatch/jsonSchema.ts"
import { json } from "../support/arbitraries.ts"

const dynamic = (parameters: unknown) => Tool.dynamic("look", { parameters: parameters as JsonSchema.JsonSchema })

/** What is wrong with arguments; `undefined` when nothing is. */
const wrong = (parameters: unknown, params: object): string | undefined => argumentsCheck(dynamic(parameters))?.(params)

/** A value in so many levels of objects. */
const nested = (levels: number, value: unknown = {}): object =>
  Array.from({ length: levels }).reduce<object>((inner) => ({ x: inner }), { x: value })

const unusable = "the arguments cannot be checked against the tool's schema"

/** A schema with an `$id`, in one with an `$id`, and so on. */
const named = (levels: number): object =>
  Array.from({ length: levels }).reduce<object>(
    (inner, _, i) => ({ $id: `https://example.com/${i}`, not: inner }),
    { type: "null" }
  )

describe("checkSchema", () => {
  const refused: ReadonlyArray<[name: string, parameters: unknown, why: RegExp]> = [
    ["an unknown draft", { $schema: "http://json-schema.org/draft-06/schema#" }, /its \$schema "http.*" is not known$/],
    ["a draft that is no text", { $schema: 7 }, /its \$schema 7 is not known$/],
    [
      "a reference elsewhere",
      { properties: { a: { $ref: "https://example.com/a.json" } } },
      /its \$ref ".*a\.json" names/
    ],
    [
      "a reference to nothing",
      { properties: { a: { $ref: "#/$defs/none" } } },
      /its \$ref "#\/\$defs\/none" names no part of it$/
    ],
    ["a reference that is no text", { properties: { a: { $ref: 7 } } }, /its \$ref 7 names no part of it$/],
    [
      "a pattern that is none",
      { properties: { a: { pattern: "(" } } },
      /its pattern "\(" is not a regular expression$/
    ],
    ["a pattern of names", { patternProperties: { "[": true } }, /its pattern "\[" is not a regular expression$/],
    [
      "two parts of one name",
      { $defs: { a: { $id: "https://a.b/c" }, b: { $id: "https://a.b/c" } } },
      /have the same one/
    ],
    ["an $id that is no URI", { $id: "http://[" }, /not a URI/],
    ["parts named within each other, over and over", named(50), /too many$/],
    ["a long name with many parts in it", {
      properties: { ["x".repeat(100_000)]: { allOf: Array.from({ length: 20_000 }, () => ({})) } }
    }, /too many$/],
    ["a list", [], /it is not an object$/],
    ["more than 64 levels", nested(65), /nested deeper than 64 levels$/],
    ["more than 256 KiB", { description: "é".repeat(128 * 1024) }, /it is larger than 256 KiB$/],
    ["what JSON has no form for", { maximum: 1n }, /it is not JSON$/]
  ]
  it.each(refused)("refuses %s", (_, parameters, why) => {
    assert.match(checkSchema(dynamic(parameters)) ?? "", why)
    assert.throws(() => argumentsCheck(dynamic(parameters)), /^Tool "look": its parameters are not a JSON Schema/)
  })

  const drafts = ["draft-04", "draft-07", "draft/2019-09", "draft/2020-12"]
  it.each(
    drafts.flatMap((draft) => [`http://json-schema.org/${draft}/schema#`, `https://json-schema.org/${draft}/schema`])
  )(
    "knows %s",
    ($schema) => {
      assert.isUndefined(checkSchema(dynamic({ $schema, type: "object" })))
    }
  )

  it("takes a schema at its bounds, names that are keywords, and other tools", () => {
    const tools: ReadonlyArray<Tool.Any> = [
      dynamic(nested(62)),
      dynamic(named(3)),
      dynamic({ description: "x".repeat(256 * 1024 - 18) }),
      dynamic({ properties: { pattern: { type: "string" }, $ref: { type: "string" }, id: {}, constructor: {} } }),
      dynamic({ default: { pattern: "(" }, enum: [{ $ref: "#/none" }] }),
      Tool.dynamic("typed", { parameters: Schema.Struct({}) }),
      Tool.dynamic("any"),
      Tool.make("plain", {})
    ]
    for (const tool of tools) assert.isUndefined(checkSchema(tool))
  })

  it("the schema of a tool stays as it is", () => {
    const parameters = Object.freeze({
      properties: Object.freeze({ a: Object.freeze({ $ref: "#/$defs/a" }) }),
      $defs: Object.freeze({ a: Object.freeze({ type: "string" }) })
    })
    assert.strictEqual(wrong(parameters, { a: 1 }), "a: Expected string")
    assert.deepStrictEqual(Object.getOwnPropertyNames(parameters.properties.a), ["$ref"])
  })

  it("a schema is compiled once, whatever its tools", () => {
    const parameters = { type: "object" }
    assert.strictEqual(argumentsCheck(dynamic(parameters)), argumentsCheck(dynamic(parameters)))
  })
})

describe("argumentsCheck", () => {
  const place = { type: "object", properties: { name: { type: "string" } }, required: ["name"] }
  const parameters = {
    type: "object",
    properties: {
      city: { type: "string" },
      days: { type: "integer", minimum: 1, maximum: 14 },
      unit: { enum: ["celsius", "fahrenheit"] },
      places: { type: "array", items: { $ref: "#/$defs/place" } },
      at: { anyOf: [{ type: "string", minLength: 3 }, { $ref: "#/$defs/place" }] },
      size: { oneOf: [{ type: "number" }, { type: "integer" }] },
      words: { type: "array", contains: { type: "string" }, minContains: 2, maxItems: 3, uniqueItems: true },
      code: { type: "string", minLength: 3, pattern: "^[a-z]+$" },
      when: { type: "string", format: "date" },
      some: { not: { type: "null" } },
      either: { type: ["string", "null"] },
      "a/b~c %": { const: 1 }
    },
    required: ["city", "days"],
    additionalProperties: false,
    dependentRequired: { unit: ["when"] },
    if: { properties: { city: { not: { const: "Oslo" } } } },
    else: { properties: { days: { maximum: 7 } } },
    $defs: { place }
  }
  const good = { city: "Bergen", days: 3 }

  const cases: ReadonlyArray<[params: object, text: string | undefined]> = [
    [good, undefined],
    [{ ...good, places: [{ name: "a" }], at: "here", size: 1.5, words: ["a", "b", 1], either: null }, undefined],
    [{}, "city: Missing key, expected string; days: Missing key, expected integer"],
    [{ city: 7, days: 1.5 }, "city: Expected string; days: Expected integer"],
    [{ ...good, days: 15 }, "days: Expected a value less than or equal to 14"],
    [{ ...good, unit: "kelvin", when: "2026-01-01" }, "unit: Expected \"celsius\" | \"fahrenheit\""],
    [
      { ...good, places: [{ name: "a" }, { name: null }, {}, 7] },
      "places.1.name: Expected string; places.2.name: Missing key, expected string; places.3: Expected object"
    ],
    [{ ...good, at: 7 }, "at: Expected string | object"],
    [{ ...good, at: "a" }, "at: Expected a value with a length of at least 3 | object"],
    [{ ...good, size: 1 }, "size: Expected a value that fits exactly one of the forms"],
    [{ ...good, size: "a" }, "size: Expected number | integer"],
    [{ ...good, words: [1, "a", 2] }, "words: Expected an array with at least 2 items that fit"],
    [{ ...good, words: ["a", "a"] }, "words: Expected an array with unique items"],
    [{ ...good, words: ["a", "b", "c", "d"] }, "words: Expected a value with a length of at most 3"],
    [
      { ...good, code: "A" },
      "code: Expected a value with a length of at least 3, a string matching the RegExp ^[a-z]+$"
    ],
    [{ ...good, when: "soon" }, "when: Expected a string of the format date"],
    [{ ...good, some: null }, "some: Expected another value"],
    [{ ...good, either: 1 }, "either: Expected string | null"],
    [{ ...good, "a/b~c %": 2 }, "a/b~c %: Expected 1"],
    [{ ...good, colour: "red" }, "colour: Expected no excess property"],
    [{ ...good, unit: "celsius" }, "Instance has \"unit\" but does not have \"when\""],
    [{ city: "Oslo", days: 8 }, "days: Expected a value less than or equal to 7"],
    [
      JSON.parse("{\"city\":\"Oslo\",\"days\":1,\"__proto__\":{\"admin\":true}}"),
      "__proto__: Expected no excess property"
    ]
  ]
  it.each(cases)("names the path of each bad field and what was expected, case %#", (params, text) => {
    assert.strictEqual(wrong(parameters, params), text)
  })

  it("names what is missing by any part of a schema", () => {
    const schema = { allOf: [{ required: ["a"] }, { required: ["b"] }], properties: { "": { type: "string" } } }
    assert.strictEqual(wrong(schema, { "": 1 }), "a: Missing key; b: Missing key; : Expected string")
  })

  it("$schema decides: beside a $ref, draft 7 ignores what 2020-12 does not", () => {
    const schema = { properties: { a: { $ref: "#/$defs/a", maxLength: 1 } }, $defs: { a: { type: "string" } } }
    assert.strictEqual(wrong(schema, { a: "ab" }), "a: Expected a value with a length of at most 1")
    assert.isUndefined(wrong({ ...schema, $schema: "http://json-schema.org/draft-07/schema#" }, { a: "ab" }))
  })

  it("names at most ten fields and counts the rest", () => {
    const params = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`label${i}`, "x".repeat(2000)]))
    const text = wrong({ additionalProperties: { enum: ["y".repeat(2000)] } }, params) ?? ""
    assert.strictEqual(text.split("; ").length, 11)
    assert.match(text, /; and 15 more$/)
    assert.isAtMost(text.length, 11 * 510)
  })

  it("a name of Object.prototype is a name like any other", () => {
    const schema = {
      properties: { constructor: { type: "string" }, toString: { type: "string" } },
      required: ["valueOf"]
    }
    assert.strictEqual(wrong(schema, {}), "valueOf: Missing key")
    assert.strictEqual(wrong(schema, { valueOf: 1, constructor: 2 }), "constructor: Expected string")
  })

  const loops: ReadonlyArray<[string, unknown]> = [
    ["itself", { $ref: "#" }],
    ["each other", {
      allOf: [{ $ref: "#/$defs/a" }],
      $defs: { a: { not: { $ref: "#/$defs/b" } }, b: { $ref: "#/$defs/a" } }
    }],
    ["$recursiveRef", { $recursiveRef: "#", $schema: "https://json-schema.org/draft/2019-09/schema" }],
    ["twice as many at each of 60 references", {
      $ref: "#/$defs/a0",
      $defs: Object.fromEntries(Array.from({ length: 61 }, (_, i) => {
        const $ref = `#/$defs/a${i + 1}`
        return [`a${i}`, i === 60 ? {} : { allOf: [{ $ref }, { $ref }] }]
      }))
    }],
    ["twice as many at each level of the arguments", { properties: { x: { allOf: [{ $ref: "#" }, { $ref: "#" }] } } }]
  ]
  it.each(loops)("T18 - a loop of references ends: %s", (_, schema) => {
    assert.strictEqual(wrong(schema, nested(100)), unusable)
  }, 20_000)

  it("a reference back to the whole is no loop", () => {
    assert.strictEqual(
      wrong({ properties: { x: { $ref: "#" } }, maxProperties: 1 }, nested(9, { x: 1, y: 2 })),
      `${"x.".repeat(9)}x: Expected a value with at most 1 entries`
    )
  })

  it("T18 - many arguments are checked in time, or told to be too many", () => {
    const numbers = { properties: { a: { items: { type: "number" }, uniqueItems: false } } }
    const array = (length: number, value: unknown = 1) => ({ a: Array.from({ length }, () => value) })
    assert.isUndefined(wrong(numbers, array(500_000)))
    assert.strictEqual(wrong(numbers, array(2_000_000)), unusable)
    assert.match(wrong(numbers, array(500_000, "x")) ?? "", /^a\.0: Expected number/)
    assert.isUndefined(wrong({ properties: { a: { maxLength: 10_000_000 } } }, { a: "x".repeat(10_000_000) }))
  }, 20_000)

  it("T18 - items that must be unique are at most a thousand", () => {
    const schema = { properties: { a: { type: "array", uniqueItems: true } } }
    const array = (length: number) => ({ a: Array.from({ length }, (_, i) => i) })
    assert.isUndefined(wrong(schema, array(1000)))
    assert.match(wrong(schema, array(1001)) ?? "", /^an array has more than 1000 items/)
  })

  it("G17 - keywords that are not what they should be make the arguments unusable, and nothing else", () => {
    const schemas: ReadonlyArray<unknown> = [
      { enum: 7 },
      { properties: null },
      { allOf: {} },
      { required: 7 },
      { properties: { a: { format: "__proto__" } } },
      { additionalProperties: { type: "number" } }
    ]
    for (const schema of schemas) assert.strictEqual(wrong(schema, { a: "x", "\ud83d": "x" }), unusable)
  })

  it.effect.prop("G17 - any schema and any arguments: a text that is not empty, or nothing, and no throw", [
    json(4),
    json(4)
  ], ([noise, value]) =>
    Effect.sync(() => {
      const tool = dynamic({ ...parameters, properties: { ...parameters.properties, noise, a: noise } })
      if (checkSchema(tool) !== undefined) return
      const text = argumentsCheck(tool)?.({ ...good, a: value, at: value, places: [value] })
      if (text !== undefined) assert.notStrictEqual(text.trim(), "")
    }), { arbitrary: { runs: 200 } })
})
