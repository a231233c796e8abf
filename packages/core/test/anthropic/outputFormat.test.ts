import { assert, describe, it } from "@effect/vitest"
import { type JsonSchema, Result, Schema } from "effect"
import { Tool } from "effect/ai"
import * as OutputFormat from "../../src/anthropic/internal/outputFormat.ts"

type Json = JsonSchema.JsonSchema

const sent = (schema: Json) => Result.getOrThrow(OutputFormat.make("answer", schema)).schema

const property = (schema: Json) =>
  (sent({ type: "object", properties: { a: schema } })["properties"] as Record<string, unknown>)["a"]

const refusal = (schema: Json) => Result.getOrThrow(Result.flip(OutputFormat.make("answer", schema))).description

const text = { type: "string" }

describe("outputFormat", () => {
  it("make - every object is closed, at any depth", () => {
    const inner = { type: "object", properties: { b: text }, additionalProperties: true }
    const closed = { type: "object", properties: { b: text }, additionalProperties: false }
    const schema = {
      type: "object",
      properties: { one: inner, list: { type: "array", items: inner }, either: { anyOf: [inner, { type: "null" }] } },
      required: ["one"]
    }
    assert.deepStrictEqual(sent(schema), {
      type: "object",
      properties: {
        one: closed,
        list: { type: "array", items: closed },
        either: { anyOf: [closed, { type: "null" }] }
      },
      required: ["one"],
      additionalProperties: false
    })
  })

  it("make - constraints of values are said in the description", () => {
    assert.deepStrictEqual(property({ type: "integer", description: "Age", minimum: 0, maximum: 150 }), {
      type: "integer",
      description: "Age\n\n{minimum: 0, maximum: 150}"
    })
    assert.deepStrictEqual(property({ type: "string", minLength: 1, maxLength: 3, pattern: "^a" }), {
      type: "string",
      description: "{minLength: 1, maxLength: 3, pattern: \"^a\"}"
    })
    assert.deepStrictEqual(property({ type: "array", items: text, minItems: 2 }), {
      type: "array",
      items: text,
      description: "{minItems: 2}"
    })
  })

  it("make - what the API takes is kept", () => {
    const kept = [
      { type: "string", format: "date-time", title: "When", description: "A time" },
      { type: "array", items: text, minItems: 1 },
      { enum: ["a", 1, null] },
      { const: "a" },
      { type: ["string", "null"] }
    ]
    for (const schema of kept) assert.deepStrictEqual(property(schema), schema)
    assert.deepStrictEqual(property({ type: "string", format: "color" }), {
      type: "string",
      description: "{format: \"color\"}"
    })
    assert.deepStrictEqual(property({ oneOf: [text, { type: "null" }] }), { anyOf: [text, { type: "null" }] })
  })

  it("make - properties that are named as keywords stay properties", () => {
    const names = ["type", "properties", "minimum", "$ref", "anyOf", "required", "description"]
    const schema = {
      type: "object",
      properties: Object.fromEntries(names.map((name) => [name, text])),
      required: names,
      additionalProperties: false
    }
    assert.deepStrictEqual(sent(schema), schema)
  })

  it("make - constraints in allOf join their schema, an intersection of shapes is refused", () => {
    assert.deepStrictEqual(
      property({ type: "string", allOf: [{ minLength: 2 }, { pattern: "a", description: "A" }] }),
      {
        type: "string",
        description: "{minLength: 2}\n\nA\n\n{pattern: \"a\"}"
      }
    )
    assert.deepStrictEqual(property({ description: "B", allOf: [text] }), { type: "string", description: "B" })
    const one = { type: "object", properties: { a: text } }
    assert.include(refusal({ allOf: [one, { type: "object", properties: { b: text } }] }), "intersection")
  })

  it("make - definitions that are used are kept and rewritten, references stay alone", () => {
    const schema = {
      type: "object",
      properties: { a: { $ref: "#/$defs/A", description: "dropped" }, b: { allOf: [{ $ref: "#/$defs/x~1y" }] } },
      $defs: {
        Unused: { type: "object" },
        A: { type: "object", properties: { n: { $ref: "#/$defs/x~1y" } } },
        "x/y": { type: "string", maxLength: 2 }
      }
    }
    assert.deepStrictEqual(sent(schema), {
      type: "object",
      properties: { a: { $ref: "#/$defs/A" }, b: { $ref: "#/$defs/x~1y" } },
      additionalProperties: false,
      $defs: {
        A: { type: "object", properties: { n: { $ref: "#/$defs/x~1y" } }, additionalProperties: false },
        "x/y": { type: "string", description: "{maxLength: 2}" }
      }
    })
  })

  it("make - a definition whose name is escaped in its reference is found", () => {
    const Street = Schema.Struct({ name: Schema.String }).annotate({ identifier: "a/b c" })
    const schema = sent(Tool.getJsonSchemaFromSchema(Schema.Struct({ street: Street })))
    assert.deepStrictEqual(schema["$defs"], {
      "a/b c": {
        type: "object",
        properties: { name: text },
        required: ["name"],
        additionalProperties: false
      }
    })
  })

  it("make - a recursive schema and a foreign reference are refused", () => {
    const self = { type: "object", properties: { a: { $ref: "#" } } }
    const tree = { type: "object", properties: { next: { $ref: "#/$defs/B" } } }
    const $defs = { A: tree, B: { type: "array", items: { $ref: "#/$defs/A" } } }
    for (const schema of [self, { $ref: "#/$defs/A", $defs }]) {
      assert.strictEqual(refusal(schema), "the output \"answer\" is recursive")
    }
    assert.include(refusal({ $ref: "https://example.com/a.json" }), "\"https://example.com/a.json\"")
    assert.include(refusal({ $ref: "#/$defs/Missing", $defs }), "Missing")
  })

  it("make - what closing would empty or the API does not know is refused with its place", () => {
    const at = (schema: unknown) => refusal({ type: "object", properties: { list: { type: "array", items: schema } } })
    const place = "\"list.[]\" of the output \"answer\""
    const maps = [
      {},
      { additionalProperties: text },
      { properties: { a: text }, additionalProperties: text },
      { properties: { a: text }, patternProperties: { "^b": text } }
    ]
    for (const map of maps) assert.include(at({ type: "object", ...map }), `${place} is a map`)
    assert.include(at({ type: "array", prefixItems: [text] }), `${place} is a tuple`)
    for (const open of [{}, true, undefined, { description: "anything" }]) {
      assert.include(at(open), "has no type")
    }
    assert.deepStrictEqual(property({ type: "object", additionalProperties: false }), {
      type: "object",
      properties: {},
      additionalProperties: false
    })
  })

  it("make - more than 24 optional properties or 16 unions are too complex", () => {
    const many = (count: number, schema: Json, required: boolean) => {
      const keys = Array.from({ length: count }, (_, index) => `k${index}`)
      return {
        type: "object",
        properties: Object.fromEntries(keys.map((key) => [key, schema])),
        required: required ? keys : []
      }
    }
    const nullable = { anyOf: [text, { type: "null" }] }
    assert.strictEqual(Object.keys(sent(many(24, text, false))["properties"] as Json).length, 24)
    assert.include(refusal(many(25, text, false)), "25 optional properties")
    assert.strictEqual(Object.keys(sent(many(16, nullable, true))["properties"] as Json).length, 16)
    assert.include(refusal(many(17, nullable, true)), "17 unions")
    assert.include(refusal(many(17, { type: ["string", "null"] }, true)), "17 unions")
  })

  it("make - the given schema is not changed", () => {
    const schema = { type: "object", properties: { a: { type: "integer", minimum: 1 } } }
    const before = structuredClone(schema)
    sent(schema)
    assert.deepStrictEqual(schema, before)
  })

  const accepted = new Set([
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "description",
    "enum",
    "format",
    "items",
    "minItems",
    "properties",
    "required",
    "title",
    "type"
  ])

  const subschemas = (schema: Json): ReadonlyArray<Json> => {
    const { $defs = {}, anyOf = [], items, properties = {} } = schema as Record<string, Json>
    const below = [anyOf, properties, $defs].flatMap((group) => Object.values(group) as ReadonlyArray<Json>)
    return [schema, ...[...below, ...(items === undefined ? [] : [items])].flatMap(subschemas)]
  }

  it("make - a schema of effect has only keywords that the API takes", () => {
    class City extends Schema.Class<City>("City")({ name: Schema.NonEmptyString }) {}
    const schema = Schema.Struct({
      cities: Schema.Array(City).check(Schema.isMinLength(2)),
      home: City,
      age: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 150 })),
      ratio: Schema.Number.check(Schema.isGreaterThan(0), Schema.isLessThan(1)),
      code: Schema.String.check(Schema.isPattern(/^a/), Schema.isPattern(/b$/), Schema.isMaxLength(3)),
      kind: Schema.Literals(["x", "y"]),
      note: Schema.optionalKey(Schema.NullOr(Schema.String))
    })
    const all = subschemas(sent(Tool.getJsonSchemaFromSchema(schema)))
    for (const node of all) {
      assert.deepStrictEqual(Object.keys(node).filter((key) => !accepted.has(key)), [])
      if (node["type"] === "object") assert.strictEqual(node["additionalProperties"], false)
    }
    assert.isAbove(all.length, 10)
    const said = JSON.stringify(all[0])
    for (const constraint of ["minimum: 0", "maximum: 150", "minItems: 2", "maxLength: 3"]) {
      assert.include(said, constraint)
    }
  })
})
