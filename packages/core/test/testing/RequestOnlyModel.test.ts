import { assert, describe, it } from "@effect/vitest"
import { Agent, type PrepareTurn } from "@volley/core"
import { ModelScript, RequestOnlyModel } from "@volley/core/testing"
import { Cause, Effect, Exit, Schema } from "effect"

const weather = Agent.tool("get_weather", {
  description: "Current weather of a city",
  class: "readonly",
  parameters: { city: Schema.String.annotate({ description: "Its English name" }) },
  run: ({ city }) => `${city}: 7 °C`
})

const agent = Agent.make("weather", { instructions: "You know the weather.", tools: [weather] })

const runWith = (
  answer: (request: RequestOnlyModel.Request, n: number) => ModelScript.Step | undefined,
  other: Agent.Agent<unknown> = agent
) =>
  Effect.gen(function*() {
    const model = yield* RequestOnlyModel.make(answer)
    return yield* Agent.run(other, "Weather in Oslo?").pipe(Effect.provide(model.layer))
  })

/** Asks for a call, then answers. */
const calling = (...calls: ReadonlyArray<ModelScript.Call>) => (_: RequestOnlyModel.Request, n: number) =>
  n === 0 ? ModelScript.toolUse(calls) : ModelScript.text("done")

const defectOf = (effect: Effect.Effect<unknown, unknown>) =>
  Effect.map(Effect.exit(effect), (exit) => {
    assert.isTrue(Exit.hasDies(exit), "the run ends with a defect")
    return exit._tag === "Failure" ? (Cause.squash(exit.cause) as Error).message : ""
  })

const refusalOf = (...calls: ReadonlyArray<ModelScript.Call>) =>
  Effect.map(
    defectOf(runWith(calling(...calls))),
    (message) => message.replace("The reply to request 1 uses what the request does not show: ", "")
  )

describe("RequestOnlyModel", () => {
  it.effect("make - the model has instructions, messages, tools with their schemas, tool choice; nothing of the program", () =>
    Effect.gen(function*() {
      const requests: Array<RequestOnlyModel.Request> = []
      yield* runWith((request, n) => {
        requests.push(request)
        return calling({ name: "get_weather", input: { city: "Oslo" } })(request, n)
      })
      const [first, second] = requests
      assert.deepStrictEqual(first, JSON.parse(JSON.stringify(first)))
      assert.deepStrictEqual(first?.system, [{ type: "text", text: "You know the weather." }])
      assert.deepStrictEqual(first?.messages, [{ role: "user", content: [{ type: "text", text: "Weather in Oslo?" }] }])
      assert.deepStrictEqual(first?.tool_choice, { type: "auto" })
      const [tool] = first!.tools as ReadonlyArray<any>
      assert.strictEqual(tool.description, "Current weather of a city")
      assert.deepStrictEqual(tool.input_schema.properties.city, { type: "string", description: "Its English name" })
      assert.deepStrictEqual(second?.messages.slice(1).map(({ role }) => role), ["assistant", "user"])
      assert.include(JSON.stringify(second?.messages.at(-1)), "Oslo: 7 °C")
    }))

  it.effect("make - a request that lacks what the answer is made of fails the run", () =>
    Effect.gen(function*() {
      const answer = ({ system }: RequestOnlyModel.Request) =>
        ModelScript.text(`I am told: ${(system as ReadonlyArray<{ text: string }>)[0]!.text}`)
      assert.strictEqual((yield* runWith(answer)).text, "I am told: You know the weather.")
      assert.include(yield* defectOf(runWith(answer, Agent.make("bare"))), "undefined")
    }))

  it.effect("make - a tool that the request does not show cannot be called", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* refusalOf({ name: "get_whether", input: { city: "Oslo" } }),
        "it shows no tool \"get_whether\"; it shows \"get_weather\""
      )
      assert.include(
        yield* defectOf(runWith(calling({ name: "get_weather" }), Agent.make("bare"))),
        "it shows no tool \"get_weather\"; it shows none"
      )
    }))

  it.effect("make - arguments that the shown schema does not have or allow cannot be given", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* refusalOf({ name: "get_weather", input: { city: "Oslo", unit: "C" } }),
        "it shows no parameter \"unit\" of \"get_weather\"; it shows \"city\""
      )
      assert.include(yield* refusalOf({ name: "get_weather", input: { city: 7 } }), "does not allow these arguments: ")
      assert.include(yield* refusalOf({ name: "get_weather", input: {} }), "does not allow these arguments: ")
      assert.strictEqual(
        yield* refusalOf({ name: "get_weather", input: ["Oslo"] }),
        "the arguments of \"get_weather\" are not an object"
      )
      assert.strictEqual((yield* runWith(calling({ name: "get_weather", partialJson: "{\"ci" }))).text, "done")
    }))

  it.effect("make - a tool with open arguments takes any", () =>
    Effect.gen(function*() {
      const open = Agent.make("open", {
        tools: [Agent.tool("tag", {
          description: "Tags",
          class: "readonly",
          parameters: { tags: Schema.Record(Schema.String, Schema.Int) },
          run: () => "tagged"
        })]
      })
      assert.strictEqual((yield* runWith(calling({ name: "tag", input: { tags: { a: 1 } } }), open)).text, "done")
      assert.include(
        yield* defectOf(runWith(calling({ name: "tag", input: { tags: { a: "x" } } }), open)),
        "does not allow"
      )
    }))

  it.effect("make - keeps to the tool choice of the request", () =>
    Effect.gen(function*() {
      const prepared = (prepareTurn: PrepareTurn.PrepareTurn) =>
        Agent.make("prepared", { tools: [weather], prepareTurn })
      const call = { name: "get_weather", input: { city: "Oslo" } }
      assert.include(
        yield* defectOf(runWith(calling(call), prepared(() => ({ toolChoice: "none" })))),
        "asks for no tool call"
      )
      assert.include(
        yield* defectOf(runWith(() => ModelScript.text("no"), prepared(() => ({ toolChoice: "required" })))),
        "asks for a tool call"
      )
      assert.include(
        yield* defectOf(runWith(calling(call, call), prepared(() => ({ parallelToolCalls: false })))),
        "one tool call at the most"
      )
    }))

  it.effect("make - the settings of a request are shown", () =>
    Effect.gen(function*() {
      const shown: Array<unknown> = []
      yield* runWith((request) => {
        shown.push(request.max_tokens, request.output_config)
        return ModelScript.text("ok")
      }, Agent.make("a", { prepareTurn: () => ({ maxTokens: 77, effort: "low" }) }))
      assert.deepStrictEqual(shown, [77, { effort: "low" }])
    }))

  it.effect("make - a request that the API would refuse is answered with its error", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        runWith(() => ModelScript.text("never"), Agent.make("a", { prepareTurn: () => ({ maxTokens: -1 }) }))
      )
      assert.include(error.message, "max_tokens")
    }))

  it.effect("make - without an answer the request is unexpected", () =>
    Effect.gen(function*() {
      const model = yield* RequestOnlyModel.make(() => undefined)
      const error = yield* Agent.run(agent, "?").pipe(Effect.provide(model.layer), Effect.flip)
      assert.include(error.message, "no step for request 1")
      assert.lengthOf(yield* model.unexpected, 1)
    }))
})
