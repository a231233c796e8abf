import { assert, describe, it } from "@effect/vitest"
import { Dispatcher } from "@volley/core"
import { Effect, Result, Schema } from "effect"
import { Tool } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import { parse } from "../../src/openapi/internal/document.ts"
import { isTame } from "../../src/openapi/internal/pattern.ts"
import * as Schemas from "../../src/openapi/internal/schemas.ts"

const converted = (schema: unknown, openapi = "3.0.3", definitions: object = {}): unknown => {
  const document = Result.getOrThrow(parse({ openapi, components: { schemas: definitions } }))
  const made = Schemas.make(document, true).object([{ name: "it", schema, required: true, description: "" }])
  const { $defs, properties } = made as { readonly $defs?: unknown; readonly properties: { readonly it: unknown } }
  return $defs === undefined ? properties.it : { it: properties.it, $defs }
}

describe("schemas", () => {
  it("nullable - with a type, an enumeration, a reference, a composition, and without anything", () => {
    const A = { type: "object", properties: { a: { type: "string" } } }
    const nullable = true
    assert.deepStrictEqual(converted({ type: "string", nullable }), { type: ["string", "null"] })
    assert.deepStrictEqual(converted({ type: "string", enum: ["a"], nullable }), {
      type: ["string", "null"],
      enum: ["a", null]
    })
    assert.deepStrictEqual(converted({ enum: ["a"], nullable }), { enum: ["a", null] })
    assert.deepStrictEqual(converted({ nullable }), {})
    assert.deepStrictEqual(converted({ allOf: [{ type: "string" }], nullable, description: "d" }), {
      description: "d",
      anyOf: [{ allOf: [{ type: "string" }] }, { type: "null" }]
    })
    assert.deepStrictEqual(converted({ $ref: "#/components/schemas/A", nullable, description: "d" }, "3.0.3", { A }), {
      it: { description: "d", anyOf: [{ $ref: "#/$defs/A" }, { type: "null" }] },
      $defs: { A }
    })
  })

  it("bounds - exclusive ones of 3.0 and of 3.1", () => {
    assert.deepStrictEqual(converted({ type: "number", minimum: 1, exclusiveMinimum: true, maximum: 2 }), {
      type: "number",
      minimum: 1,
      exclusiveMinimum: 1,
      maximum: 2
    })
    assert.deepStrictEqual(converted({ type: "number", exclusiveMaximum: 3 }, "3.1.0"), {
      type: "number",
      exclusiveMaximum: 3
    })
  })

  it("references - two schemas of one name, escaped names, one below another reference", () => {
    const definitions = {
      "a/b": { type: "string" },
      "x~y": { type: "integer" },
      Alias: { $ref: "#/components/schemas/Whole" },
      Whole: { type: "object", properties: { part: { type: "boolean" } } },
      part: { type: "null" }
    }
    const refs = ["a~1b", "x~0y", "Alias/properties/part", "part"].map((name) => ({
      $ref: `#/components/schemas/${name}`
    }))
    assert.deepStrictEqual(converted({ type: "array", prefixItems: refs }, "3.1.0", definitions), {
      it: {
        type: "array",
        prefixItems: ["a_b", "x_y", "part", "part_2"].map((name) => ({ $ref: `#/$defs/${name}` }))
      },
      $defs: {
        a_b: { type: "string" },
        part: { type: "boolean" },
        part_2: { type: "null" },
        x_y: { type: "integer" }
      }
    })
  })

  it("patterns - only those that cannot backtrack for long are checked", () => {
    const tame = ["^[a-z0-9-]+$", "^a", "^\\d{4}-\\d{2}$", "abc", "^[0-9a-f]{8}-[0-9a-f]{4}$", "^\\S{1,64}$", "[)*+]"]
    const wild = ["(a+)+$", "^(a|aa)*$", "a*$", "^a*b*$", "^(a)\\1$", "^(?=a)b", "[", "^a{2,}|b", "(?<n>a)", "\\"]
    assert.deepStrictEqual(tame.filter((source) => !isTame(source)), [])
    assert.deepStrictEqual(wild.filter(isTame), [])
  })

  it("pattern properties - where one is not checked, no other property is refused", () => {
    const wild = { patternProperties: { "^(a+)+$": { type: "string" } }, additionalProperties: false }
    assert.deepStrictEqual(converted(wild, "3.1.0"), {})
    const tame = { patternProperties: { "^a": { type: "string" } }, additionalProperties: false }
    assert.deepStrictEqual(converted(tame, "3.1.0"), tame)
  })

  it("read-only - properties are left out, also through references and where they are required elsewhere", () => {
    const definitions = {
      Id: { type: "string", readOnly: true },
      Base: {
        type: "object",
        required: ["id"],
        properties: { id: { $ref: "#/components/schemas/Id" }, n: { type: "null" } }
      }
    }
    assert.deepStrictEqual(
      converted({ allOf: [{ $ref: "#/components/schemas/Base" }, { required: ["id", "n"] }] }, "3.1.0", definitions),
      {
        it: { allOf: [{ $ref: "#/$defs/Base" }, { required: ["n"] }] },
        $defs: { Base: { type: "object", properties: { n: { type: "null" } } } }
      }
    )
  })

  const literals = <A>(values: ReadonlyArray<A>) =>
    Arbitrary.map(
      Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: values.length - 1 }))),
      (i) => values[i]!
    )
  /** A keyword with one of its values, or without it. */
  const keyword = (name: string, values: ReadonlyArray<unknown>) =>
    Arbitrary.map(literals([undefined, undefined, ...values]), (value) => value === undefined ? {} : { [name]: value })

  const value = literals([null, -2, 0, 3, 5, "", "a", "ab", "x-1", [], ["a"], ["a", 1, null], {}, { a: "a" }, {
    a: 1,
    b: "x"
  }])
  const leaf = Arbitrary.map(
    Arbitrary.all([
      keyword("type", ["string", "integer", "array", "object", "null", ["string", "null"]]),
      keyword("minLength", [0, 1, 2]),
      keyword("pattern", ["^a", "^(a|b)+$", "^[a-z]+$", "-\\d"]),
      keyword("minimum", [-1, 0, 3]),
      keyword("exclusiveMaximum", [1, 4]),
      keyword("enum", [["a", 1], [null, "ab"], ["", "x-1", 3]]),
      keyword("required", [["a"], ["a", "b"]]),
      keyword("maxItems", [0, 2]),
      keyword("multipleOf", [0.5, 2])
    ]),
    (parts): Record<string, unknown> => Object.assign({}, ...parts)
  )
  const applicators = ["allOf", "anyOf", "oneOf", "items", "properties", "patternProperties", "not", "if", "contains"]
  const schema = Arbitrary.map(
    Arbitrary.all([leaf, leaf, leaf, literals(applicators)]),
    ([own, left, right, applicator]): Record<string, unknown> => {
      switch (applicator) {
        case "allOf":
        case "anyOf":
        case "oneOf":
          return { ...own, [applicator]: [left, right] }
        case "properties":
          return { ...own, properties: { a: left, b: right }, additionalProperties: false }
        case "patternProperties":
          return { ...own, patternProperties: { "^(a|b)+$": left, "^a": right }, additionalProperties: right }
        default:
          return { ...own, [applicator]: left, else: right }
      }
    }
  )

  /** Whether a tool with this schema takes an argument. */
  const takes = (it: unknown, instance: unknown): Effect.Effect<boolean> => {
    const tool: Tool.Any = Object.assign(Tool.dynamic("take", { parameters: { type: "object", properties: { it } } }), {
      "~@volley/core/BoundTool": { handler: () => Effect.succeed("taken") }
    })
    const called = Dispatcher.call(tool, { it: instance }) as Effect.Effect<Dispatcher.CallReport>
    return Effect.map(called, ({ ok }) => ok)
  }

  it.effect.prop("what the API takes, the tool takes", [schema, value], ([one, instance]) =>
    Effect.gen(function*() {
      const made = converted(one, "3.1.0")
      if (yield* takes(one, instance)) assert.isTrue(yield* takes(made, instance), JSON.stringify([made, instance]))
    }), { arbitrary: { runs: process.env["VOLLEY_LONG"] === "1" ? 3000 : 300 } })
})
