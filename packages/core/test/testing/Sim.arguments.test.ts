import { assert, describe, it } from "@effect/vitest"
import { Agent, Dispatcher } from "@volley/core"
import { Effect, Schema } from "effect"
import { Tool } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import * as Arguments from "../../src/testing/internal/sim/arguments.ts"

const run = () => "done"

const weather = Agent.tool("weather", {
  description: "Weather",
  parameters: {
    city: Schema.NonEmptyString,
    days: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })),
    since: Schema.optionalKey(Schema.DateTimeUtcFromString),
    factor: Schema.Number,
    tags: Schema.optional(Schema.Array(Schema.Literals(["a", "b"])))
  },
  run
})

const raw = Object.assign(
  Tool.dynamic("raw", {
    parameters: {
      type: "object",
      properties: { id: { type: "string", minLength: 2 }, n: { $ref: "#/$defs/n" } },
      required: ["id"],
      additionalProperties: false,
      $defs: { n: { type: "integer", minimum: 3 } }
    }
  })
)

const nothing = Agent.tool("nothing", { description: "Nothing", run })

const tools = [weather, nothing] as const

const sample = <A>(arbitrary: Arbitrary.Arbitrary<A>, count = 200) =>
  Arbitrary.sampleEffect(arbitrary, { count, seed: 7 })

const reasonOf = (tool: Tool.Any, input: unknown) =>
  Effect.map(
    Dispatcher.call(tool as typeof nothing, input as never),
    ({ failure }) => failure?.reason
  )

describe("arguments of a simulated model", () => {
  it.effect("valid - are those that the dispatcher takes, and JSON", () =>
    Effect.gen(function*() {
      for (const tool of tools) {
        for (const { input, partialJson } of yield* sample(Arguments.valid(tool))) {
          assert.isUndefined(partialJson)
          assert.deepStrictEqual(JSON.parse(JSON.stringify(input)), input)
          assert.isUndefined(yield* reasonOf(tool, input), JSON.stringify(input))
        }
      }
    }))

  it.effect("valid - differ, and have the optional fields sometimes", () =>
    Effect.gen(function*() {
      const found = (yield* sample(Arguments.valid(weather))).map(({ input }) => input as Record<string, unknown>)
      assert.isAbove(new Set(found.map((input) => JSON.stringify(input))).size, 150)
      assert.isTrue(found.some((input) => "since" in input))
      assert.isTrue(found.some((input) => !("since" in input)))
    }))

  it.effect("broken - are refused by the dispatcher, or no JSON at all", () =>
    Effect.gen(function*() {
      for (const tool of tools) {
        const found = yield* sample(Arguments.broken(tool))
        for (const { input, partialJson } of found) {
          if (partialJson === undefined) assert.strictEqual(yield* reasonOf(tool, input), "InvalidArguments")
          else assert.throws(() => JSON.parse(partialJson), SyntaxError)
        }
        assert.isTrue(found.some(({ partialJson }) => partialJson !== undefined) || tool === weather)
        assert.isTrue(found.some(({ partialJson }) => partialJson === undefined))
      }
    }))

  it.effect("a raw JSON Schema has them too", () =>
    Effect.gen(function*() {
      const bound = Object.assign(raw, { "~@volley/core/BoundTool": { handler: () => Effect.succeed("done") } })
      for (const { input } of yield* sample(Arguments.valid(raw))) {
        assert.isUndefined(yield* reasonOf(bound, input), JSON.stringify(input))
      }
      for (const { input, partialJson } of yield* sample(Arguments.broken(raw))) {
        if (partialJson === undefined) assert.strictEqual(yield* reasonOf(bound, input), "InvalidArguments")
      }
    }))

  it("a schema without values is an error that names the tool", () => {
    const odd = Schema.declare((value): value is URL => value instanceof URL)
    const tool = Agent.tool("odd", { description: "Odd", parameters: { odd }, run })
    assert.throws(() => Arguments.valid(tool), /Tool "odd" has a schema that no values can be made of/)
  })
})
