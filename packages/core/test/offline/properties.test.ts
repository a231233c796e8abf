import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { Tool } from "effect/ai"
import { accepts } from "../../src/offline/internal/jsonSchema.ts"
import { plan, type Situation } from "../../src/offline/internal/plan.ts"
import * as ToolSpec from "../../src/offline/internal/tool.ts"

const types = {
  string: Schema.String,
  short: Schema.String.check(Schema.isMaxLength(3)),
  number: Schema.Finite,
  integer: Schema.Int,
  small: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })),
  boolean: Schema.Boolean,
  choice: Schema.Literals(["red", "dark green"]),
  strings: Schema.Array(Schema.String),
  integers: Schema.NonEmptyArray(Schema.Int),
  nullable: Schema.NullOr(Schema.String),
  either: Schema.Union([Schema.Int, Schema.String]),
  nested: Schema.Struct({ city: Schema.String, limit: Schema.optionalKey(Schema.Int) })
}

const names = [
  "city",
  "file_path",
  "limit",
  "query",
  "status",
  "startDate",
  "name",
  "id",
  "verbose",
  "timeout_minutes",
  "tags",
  "url"
]
const parameter = Schema.Struct({
  name: Schema.Literals(names),
  type: Schema.Literals(Object.keys(types) as Array<keyof typeof types>),
  isRequired: Schema.Boolean,
  example: Schema.UndefinedOr(Schema.String)
})
const simpleTool = Schema.Struct({
  name: Schema.Literals(["get_city", "searchFiles", "lookup", "list_status_pages", "report"]),
  description: Schema.Literals(["", "The report of a city", "Search files by name"]),
  parameters: Schema.Array(parameter).check(Schema.isMaxLength(4))
})

const toolOf = ({ description, name, parameters }: typeof simpleTool.Type) =>
  Tool.make(name, {
    description,
    parameters: Schema.Struct(Object.fromEntries(parameters.map((it) => {
      const schema: Schema.Codec<unknown, unknown> = types[it.type]
      return [it.name, it.isRequired ? schema : Schema.optionalKey(schema)]
    })))
  })

const fragment = Schema.Literals([
  "what",
  "is",
  "the",
  "city of Oslo",
  "files in src/a.ts",
  "\"login page\"",
  "limit 5",
  "status: red",
  "in Bergen and Rome",
  "2026-03-01",
  "last 30 minutes",
  "search",
  "report",
  "https://example.com",
  "verbose",
  "dark green",
  "not",
  ",",
  "?",
  "id 42",
  "a.b@example.com",
  "tags"
])
const question = Schema.Union([Schema.Array(fragment), Schema.Array(Schema.Union([fragment, Schema.String]))])
const result = Schema.Union([
  Schema.Json,
  Schema.Array(
    Schema.Struct({ city: Schema.String, id: Schema.Int, tags: Schema.Array(Schema.String), status: Schema.String })
  )
])
const choice = Schema.Literals(["auto", "none", "required"])
const simple = Schema.Struct({
  question: Schema.Array(Schema.Union([fragment, Schema.String])).check(Schema.isMinLength(5)),
  tools: Schema.NonEmptyArray(simpleTool).check(Schema.isMaxLength(3)),
  results: Schema.Array(result).check(Schema.isMaxLength(3)),
  choice
})

const situationOf = (input: typeof simple.Type, tools: ReadonlyArray<Tool.Any>): Situation => ({
  question: input.question.join(" "),
  tools: ToolSpec.fromTools(tools),
  choice: input.choice,
  history: input.results.length === 0
    ? []
    : [input.results.map((content, i) => ({
      name: input.tools[i]?.name ?? "other",
      params: { i },
      outcome: { isFailure: i === 2, result: content }
    }))]
})

const decoded = (input: typeof simple.Type): Effect.Effect<number, Schema.SchemaError> =>
  Effect.gen(function*() {
    const tools = [...new Map(input.tools.map((it) => [it.name, toolOf(it)])).values()]
    const decision = plan(situationOf(input, tools))
    if (decision._tag === "Answer") {
      assert.include(decision.text, "offline planner (not a language model)")
      return 0
    }
    assert.isAtMost(decision.calls.length, 8)
    for (const call of decision.calls) {
      const tool = tools.find(({ name }) => name === call.name)
      yield* Schema.decodeUnknownEffect(Schema.toCodecJson(tool!.parametersSchema))(call.params)
    }
    return decision.calls.length
  })

const jsonSchema = Schema.Record(
  Schema.Literals([
    "type",
    "properties",
    "required",
    "anyOf",
    "items",
    "enum",
    "$ref",
    "allOf",
    "default",
    "examples",
    "const",
    "not"
  ]),
  Schema.Union([
    Schema.Json,
    Schema.Literals(["object", "string", "array", "#", "#/properties/city"]),
    Schema.Record(
      Schema.Literals(["city", "id", "__proto__"]),
      Schema.Struct({ type: Schema.Json, $ref: Schema.optionalKey(Schema.Literal("#")) })
    )
  ])
)
const wild = Schema.Struct({
  question,
  tools: Schema.Array(
    Schema.Struct({ name: Schema.String, description: Schema.String, schema: Schema.Union([jsonSchema, Schema.Json]) })
  )
    .check(Schema.isMaxLength(3)),
  result: Schema.Json,
  choice
})

describe("plan: properties", () => {
  it.effect.prop("calls - decode against the schema of their tool", [simple], ([input]) => decoded(input), {
    arbitrary: { runs: 600 }
  })

  it.effect("calls - are made for many of the inputs above", () =>
    Effect.gen(function*() {
      const inputs = yield* Arbitrary.sampleEffect(Arbitrary.schema(simple), { count: 300, seed: 1 })
      const counts = yield* Effect.forEach(inputs, decoded)
      assert.isAbove(counts.filter((count) => count > 0).length, 60)
    }))

  it.effect.prop(
    "any schema and question - are planned without a throw, and calls satisfy the schema",
    [wild],
    ([input]) =>
      Effect.sync(() => {
        const tools = input.tools.map(({ description, name, schema }) => ToolSpec.make(name, description, schema))
        const situation = { question: input.question.join(" "), tools, choice: input.choice, history: [] }
        for (
          const history of [[], [[{
            name: "list_city",
            params: {},
            outcome: { isFailure: false, result: input.result }
          }]]]
        ) {
          const decision = plan({ ...situation, history })
          assert.deepStrictEqual(decision, plan({ ...situation, history }))
          if (decision._tag === "Answer") continue
          for (const call of decision.calls) {
            const { schema } = tools.find(({ name }) => name === call.name)!
            assert.isTrue(
              tools.some((it) => it.name === call.name && accepts(it.schema, it.schema, call.params)),
              JSON.stringify(schema)
            )
          }
        }
      }),
    { arbitrary: { runs: 400 } }
  )
})
