import { assert, describe, it } from "@effect/vitest"
import { Offline } from "@volley/core/offline"
import { Effect, Exit, Layer, Schema, Stream } from "effect"
import { LanguageModel, Model, Prompt, type Response, Toolkit } from "effect/ai"
import { ops, weather } from "./kits.ts"

const Weather = Toolkit.make(...weather)
const Ops = Toolkit.make(...ops)
const unused = () => Effect.die("the planner calls no handler")
const handlers = Layer.mergeAll(
  Weather.toLayer({ get_weather: unused, get_forecast: unused }),
  Ops.toLayer({
    list_namespaces: unused,
    get_pods: unused,
    get_pod_logs: unused,
    restart_pod: unused,
    query_metrics: unused
  })
)

const options = { disableToolCallResolution: true, toolCallValidation: "deferred" } as const
const generate = (prompt: Prompt.RawInput) => LanguageModel.generateText({ ...options, prompt, toolkit: Weather })
const stream = (prompt: Prompt.RawInput) =>
  Stream.runCollect(LanguageModel.streamText({ ...options, prompt, toolkit: Weather }))

const asked = (question: string): Prompt.UserMessageEncoded => ({ role: "user", content: question })
const called = (id: string, city: string): Prompt.AssistantMessageEncoded => ({
  role: "assistant",
  content: [{ type: "tool-call", id, name: "get_weather", params: { city } }]
})
const answered = (id: string, result: unknown): Prompt.ToolMessageEncoded => ({
  role: "tool",
  content: [{ type: "tool-result", id, name: "get_weather", isFailure: false, result }]
})
const callsOf = (response: { readonly toolCalls: ReadonlyArray<{ readonly id: string; readonly params: unknown }> }) =>
  response.toolCalls.map(({ id, params }) => ({ id, params }))

const provided = Effect.provide(Layer.merge(Offline.layer, handlers))

describe("Offline", () => {
  it.effect("model - names itself", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Model.ProviderName, "offline")
      assert.strictEqual(yield* Model.ModelName, "offline planner (not a language model)")
      const response = yield* LanguageModel.generateText({ prompt: "hello" })
      assert.include(response.text, "offline planner (not a language model)")
    }).pipe(Effect.provide(Offline.model)))

  it.effect("streamText - emits the parts of a turn of calls in order", () =>
    Effect.gen(function*() {
      const parts = yield* stream("Weather in Oslo and Bergen?")
      assert.deepStrictEqual(parts.map(({ type }) => type), [
        "response-metadata",
        "text-start",
        "text-delta",
        "text-end",
        "tool-call",
        "tool-call",
        "finish"
      ])
      const calls = parts.filter((part) => part.type === "tool-call")
      assert.deepStrictEqual(calls.map(({ id, name, params }) => ({ id, name, params })), [
        { id: "offline_1_0", name: "get_weather", params: { city: "Oslo" } },
        { id: "offline_1_1", name: "get_weather", params: { city: "Bergen" } }
      ])
      const finish = parts.find((part) => part.type === "finish")
      assert.strictEqual(finish?.reason, "tool-calls")
      assert.deepStrictEqual(finish?.metadata, { offline: { stopReason: "tool_use", price: 0 } })
    }).pipe(provided))

  it.effect("streamText - streams the same answer that generateText gives", () =>
    Effect.gen(function*() {
      const prompt = [
        asked("Weather in Oslo?"),
        called("offline_1_0", "Oslo"),
        answered("offline_1_0", { sky: "clear" })
      ]
      const parts: ReadonlyArray<Response.AnyPart> = yield* stream(prompt)
      const text = parts.flatMap((part) => part.type === "text-delta" ? [part.delta] : []).join("")
      const response = yield* generate(prompt)
      assert.strictEqual(text, response.text)
      assert.include(text, "get_weather(city: \"Oslo\")\n  sky: clear")
      assert.strictEqual(response.finishReason, "stop")
      const finish = response.content.find((part) => part.type === "finish")
      assert.deepStrictEqual(finish?.metadata, { offline: { stopReason: "end_turn", price: 0 } })
    }).pipe(provided))

  it.effect("usage - is estimated from the characters, in whole tokens", () =>
    Effect.gen(function*() {
      const short = yield* generate("hello")
      const long = yield* generate(`hello${" ".repeat(4000)}`)
      assert.strictEqual(long.usage.inputTokens.total! - short.usage.inputTokens.total!, 1000)
      assert.strictEqual(short.usage.outputTokens.total, Math.ceil(short.text.length / 4))
    }).pipe(provided))

  it.effect("requests - that are equal get equal replies", () =>
    Effect.gen(function*() {
      const [first, second] = yield* Effect.all([stream("Weather in Oslo?"), stream("Weather in Oslo?")])
      assert.strictEqual(JSON.stringify(first), JSON.stringify(second))
    }).pipe(provided))

  it.effect("toolChoice none - calls nothing", () =>
    Effect.gen(function*() {
      const response = yield* LanguageModel.generateText({
        ...options,
        prompt: "Weather in Oslo?",
        toolkit: Weather,
        toolChoice: "none"
      })
      assert.deepStrictEqual(response.toolCalls, [])
    }).pipe(provided))

  it.effect("generateObject - fails, since it writes no structured output", () =>
    Effect.gen(function*() {
      const error = yield* LanguageModel.generateObject({
        prompt: "Weather in Oslo?",
        schema: Schema.Struct({ city: Schema.String })
      }).pipe(Effect.flip)
      assert.strictEqual(error.reason._tag, "UnsupportedSchemaError")
    }).pipe(provided))

  it.effect("an unresolved loop - gathers twice and then answers", () =>
    Effect.gen(function*() {
      const results: Record<string, unknown> = {
        list_namespaces: ["prod", "dev"],
        get_pods: [{ pod: "a", status: "Failed" }]
      }
      const names: Array<ReadonlyArray<string>> = []
      let prompt = Prompt.make("What pods are having issues?")
      let text = ""
      while (text === "") {
        const response = yield* LanguageModel.generateText({ ...options, prompt, toolkit: Ops })
        names.push(response.toolCalls.map(({ name }) => name))
        if (response.toolCalls.length === 0) text = response.text
        const content = response.toolCalls.map((call) =>
          Prompt.toolResultPart({
            id: call.id,
            name: call.name,
            isFailure: false,
            result: results[call.name],
            providerExecuted: false
          })
        )
        prompt = Prompt.concat(
          Prompt.concat(prompt, Prompt.fromResponseParts(response.content)),
          Prompt.fromMessages([Prompt.toolMessage({ content })])
        )
      }
      assert.deepStrictEqual(names, [["list_namespaces"], ["get_pods", "get_pods"], []])
      assert.include(text, "get_pods(namespace: \"dev\")")
      const ids = prompt.content.flatMap((message) =>
        message.role === "assistant"
          ? message.content.flatMap((part) => part.type === "tool-call" ? [part.id] : [])
          : []
      )
      assert.strictEqual(new Set(ids).size, 3)
    }).pipe(provided))
})

describe("Offline: the question", () => {
  const round = [asked("Weather in Oslo?"), called("offline_1_0", "Oslo"), answered("offline_1_0", "clear")]

  it.effect("a later message that asks for the answer - belongs to the question before it", () =>
    Effect.gen(function*() {
      for (
        const nudge of [
          asked("Give your final answer now."),
          { role: "system", content: "Answer about the weather." } as const
        ]
      ) {
        const response = yield* generate([...round, nudge])
        assert.deepStrictEqual(callsOf(response), [])
        assert.include(response.text, "get_weather(city: \"Oslo\")\n  clear")
      }
    }).pipe(provided))

  it.effect("a later message without tools - keeps the results even if it names a tool's subject", () =>
    Effect.gen(function*() {
      const response = yield* LanguageModel.generateText({
        ...options,
        prompt: [...round, asked("Answer about the weather in Oslo and Rome.")],
        toolkit: Weather,
        toolChoice: "none"
      })
      assert.include(response.text, "clear")
    }).pipe(provided))

  it.effect("a new question - sees no results of the old one and gets new call ids", () =>
    Effect.gen(function*() {
      const prompt = [...round, { role: "assistant", content: "It is clear." } as const, asked("Weather in Oslo?")]
      const response = yield* generate(prompt)
      assert.deepStrictEqual(callsOf(response), [{ id: "offline_2_0", params: { city: "Oslo" } }])
      const none = yield* generate([...prompt.slice(0, 4), asked("Tell me a joke")])
      assert.notInclude(none.text, "clear")
    }).pipe(provided))

  it.effect("a new question after results that were never answered - is a new question", () =>
    Effect.gen(function*() {
      const response = yield* generate([...round, asked("Weather in Rome?")])
      assert.deepStrictEqual(callsOf(response), [{ id: "offline_2_0", params: { city: "Rome" } }])
    }).pipe(provided))

  it.effect("a failed result - is shown as the model would read it", () =>
    Effect.gen(function*() {
      const prompt = [
        asked("Weather in Oslo?"),
        called("offline_1_0", "Oslo"),
        {
          role: "tool",
          content: [{
            type: "tool-result",
            id: "offline_1_0",
            name: "get_weather",
            isFailure: true,
            result: { secret: 1 },
            modelOutput: [{ type: "text", text: "permanent failure: no such city" }]
          }]
        } as const
      ]
      const response = yield* generate(prompt)
      assert.include(response.text, "get_weather(city: \"Oslo\") failed:\n  permanent failure: no such city")
    }).pipe(provided))

  it.effect("a prompt without a user message - is answered", () =>
    Effect.gen(function*() {
      const exits = yield* Effect.forEach([[], [{ role: "system", content: "Be brief." } as const]], (prompt) =>
        Effect.exit(generate(prompt)))
      assert.isTrue(exits.every(Exit.isSuccess))
    }).pipe(provided))
})
