// What clients that know nothing of each other make of the emulator: the SDK in all its forms, and another library.
import { createAnthropic } from "@ai-sdk/anthropic"
import Anthropic, { BadRequestError, NotFoundError } from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import { Emulator, ModelScript } from "@volley/core/testing"
import { generateText, isStepCount, jsonSchema, streamText, tool } from "ai"
import { Effect } from "effect"
import { client, question } from "./support/http.ts"

const weather = {
  name: "get_weather",
  description: "Current weather of a city",
  input_schema: {
    type: "object" as const,
    properties: { city: { type: "string" as const } },
    required: ["city"]
  }
}

const twoCities = ModelScript.reply({
  content: [
    { type: "thinking", thinking: "Two cities, two calls.", signature: "c2lnbmF0dXJl" },
    { type: "text", text: "I look at both." },
    { type: "tool_use", name: "get_weather", input: { city: "Oslo" } },
    { type: "tool_use", name: "get_weather", input: { city: "Bergen" } }
  ],
  usage: { inputTokens: 7, outputTokens: 30, cacheReadTokens: 5, cacheWriteTokens: 3 },
  chunkSize: 4
})

const answered = ModelScript.text("Oslo 7 °C, Bergen 9 °C", { chunkSize: 3 })

const degrees = (city: string): string => city === "Oslo" ? "7 °C" : "9 °C"

/** All that the server's tools and betas can say in one reply. */
const everything = ModelScript.reply({
  content: [
    { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "Oslo" } },
    {
      type: "web_search_tool_result",
      tool_use_id: "srvtoolu_1",
      content: [{ type: "web_search_result", url: "https://example.com", title: "Oslo", encrypted_content: "x" }]
    },
    {
      type: "text",
      text: "Oslo is cold.",
      citations: [{ type: "web_search_result_location", url: "https://example.com", cited_text: "cold" }]
    },
    { type: "server_tool_use", id: "srvtoolu_2", name: "code_execution", input: { code: "1" } },
    {
      type: "code_execution_tool_result",
      tool_use_id: "srvtoolu_2",
      content: { type: "code_execution_result", stdout: "1", stderr: "", return_code: 0, content: [] }
    },
    { type: "container_upload", file_id: "file_1" },
    {
      type: "fallback",
      from: { model: "claude-fable-5-1" },
      to: { model: "claude-opus-5-5" },
      trigger: { type: "refusal", category: "cyber" }
    },
    { type: "compaction", content: "So far: nothing", encrypted_content: "b3Bh" },
    { type: "mcp_tool_use", id: "mcptoolu_1", name: "find", server_name: "docs", input: { q: "x" } },
    { type: "mcp_tool_result", tool_use_id: "mcptoolu_1", content: [{ type: "text", text: "y" }], is_error: false },
    {
      type: "tool_use",
      name: "click",
      toolset_name: "browser",
      caller: { type: "code_execution_20260120", tool_id: "srvtoolu_2" }
    }
  ],
  stopReason: "pause_turn",
  container: { id: "container_1", expiresAt: "2026-12-01T00:00:00Z" },
  cacheMissReason: { type: "messages_changed", cache_missed_input_tokens: 12 },
  usage: {
    cacheWriteTokens: 9,
    cacheWriteLongTokens: 4,
    thinkingTokens: 2,
    serviceTier: "priority",
    webSearches: 1,
    iterations: [{ type: "message", input_tokens: 3, output_tokens: 4 }]
  },
  chunkSize: 2
})

describe("@anthropic-ai/sdk", () => {
  it.effect("messages.create({ stream: true }) - gives the raw events to their end", () =>
    Effect.gen(function*() {
      const { url } = yield* Emulator.make([twoCities])
      const seen = yield* Effect.promise(async () => {
        const stream = await client(url).messages.create({ ...question, tools: [weather], stream: true })
        const types: Array<string> = []
        for await (const event of stream) types.push(event.type)
        return types
      })
      assert.deepStrictEqual([...new Set(seen)], [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop"
      ])
      assert.strictEqual(seen.filter((type) => type === "content_block_stop").length, 4)
    }))

  it.effect("messages.stream().finalMessage() - has every block and number, and is the message answered whole", () =>
    Effect.gen(function*() {
      const { url } = yield* Emulator.make([everything, everything])
      const streamed = yield* Effect.promise(() =>
        client(url).beta.messages.stream({ ...question, messages: [...question.messages] }).finalMessage()
      )
      const whole = yield* Effect.promise(() => client(url).beta.messages.create(question))
      const plain = (message: object) =>
        JSON.parse(JSON.stringify({ ...message, parsed_output: null }).replaceAll(/(toolu|msg)_[01]/g, "$1_n"))
      assert.deepStrictEqual(plain(streamed), plain(whole))
      assert.deepStrictEqual(streamed.content.map(({ type }) => type), everything.content.map(({ type }) => type))
      const [, , said, , , , , compaction, , , clicked] = streamed.content as ReadonlyArray<any>
      assert.strictEqual(said.citations[0].cited_text, "cold")
      assert.deepStrictEqual(compaction, { type: "compaction", content: "So far: nothing", encrypted_content: "b3Bh" })
      assert.deepInclude(clicked, {
        toolset_name: "browser",
        caller: { type: "code_execution_20260120", tool_id: "srvtoolu_2" }
      })
      assert.strictEqual(streamed.stop_reason, "pause_turn")
      assert.strictEqual(streamed.container?.id, "container_1")
      assert.deepStrictEqual<unknown>(streamed.diagnostics, {
        cache_miss_reason: { type: "messages_changed", cache_missed_input_tokens: 12 }
      })
      assert.deepInclude(streamed.usage, {
        cache_creation_input_tokens: 9,
        cache_creation: { ephemeral_5m_input_tokens: 5, ephemeral_1h_input_tokens: 4 },
        service_tier: "priority",
        server_tool_use: { web_search_requests: 1, web_fetch_requests: 0 }
      })
    }))

  const runner = (url: string, options: object) =>
    new Anthropic({ apiKey: "sk", baseURL: url, maxRetries: 0, openTelemetry: false, logLevel: "off" }).beta.messages
      .toolRunner({
        ...question,
        messages: [...question.messages],
        tools: [{
          ...weather,
          type: "custom" as const,
          run: async (input: any) => degrees(input.city),
          parse: (input: unknown) => input as { readonly city: string }
        }],
        ...options
      })

  it.effect.each([{ thread: false }, { thread: false, stream: true }])(
    "beta.messages.toolRunner(%o) - runs the calls and sends what the validator accepts",
    (options) =>
      Effect.gen(function*() {
        const emulator = yield* Emulator.make([twoCities, answered])
        const message = yield* Effect.promise(() => runner(emulator.url, options).runUntilDone())
        assert.deepInclude(message.content[0], { type: "text", text: "Oslo 7 °C, Bergen 9 °C" })
        const requests = yield* emulator.requests
        assert.deepStrictEqual(requests.flatMap(({ violations }) => violations), [])
        assert.deepStrictEqual((requests[1]!.body as any).messages.at(-1).content.map((block: any) => block.content), [
          "7 °C",
          "9 °C"
        ])
        assert.isEmpty(yield* emulator.unconsumed)
      })
  )

  it.effect("beta.messages.toolRunner - is refused its thread, and goes on without one", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.make([twoCities, answered])
      const message = yield* Effect.promise(() => runner(emulator.url, {}).runUntilDone())
      assert.deepInclude(message.content[0], { type: "text", text: "Oslo 7 °C, Bergen 9 °C" })
      const [first, ...others] = yield* emulator.requests
      assert.deepStrictEqual(first!.violations.map(({ errorCode }) => errorCode), ["thread_unsupported_request"])
      assert.deepStrictEqual(others.map(({ violations }) => violations), [[], []])
    }))

  it.effect("messages.countTokens - is estimated from what the model would read", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.make([])
      const count = (content: string, tools: ReadonlyArray<typeof weather> = []) =>
        Effect.promise(() =>
          client(emulator.url).messages.countTokens({
            model: question.model,
            messages: [{ role: "user", content }],
            tools: [...tools]
          })
        )
      const { input_tokens: short } = yield* count("x".repeat(40))
      assert.strictEqual((yield* count("x".repeat(440))).input_tokens, short + 100)
      assert.isAbove((yield* count("x".repeat(40), [weather])).input_tokens, short + 20)
      assert.isEmpty(yield* emulator.unexpected)
      const error: any = yield* Effect.promise(() =>
        client(emulator.url).messages.countTokens({ model: "x", messages: [] }).catch((error) => error)
      )
      assert.instanceOf(error, BadRequestError)
    }))

  it.effect("models - are listed in pages and described one by one", () =>
    Effect.gen(function*() {
      const { url } = yield* Emulator.make([])
      const all = yield* Effect.promise(async () => {
        const ids: Array<string> = []
        for await (const { id } of client(url).models.list({ limit: 7 })) ids.push(id)
        return ids
      })
      assert.isAbove(all.length, 14)
      assert.strictEqual(new Set(all).size, all.length)
      const before = yield* Effect.promise(() => client(url).models.list({ limit: 2, before_id: all[5]! }))
      assert.deepStrictEqual(before.data.map(({ id }) => id), [all[3], all[4]])
      assert.isTrue(before.has_more)
      const opus = yield* Effect.promise(() => client(url).models.retrieve("claude-opus-5-5"))
      assert.deepInclude(opus, {
        display_name: "Claude Opus 5.5",
        line: "opus",
        max_input_tokens: 1_000_000,
        max_tokens: 128_000
      })
      assert.deepStrictEqual(opus.capabilities!.thinking.types, {
        adaptive: { supported: true },
        between_tools: { supported: true },
        disabled: { supported: false },
        enabled: { supported: false }
      })
      const dated = yield* Effect.promise(() => client(url).models.retrieve("claude-haiku-4-5-20251001"))
      assert.deepInclude(dated, { id: "claude-haiku-4-5-20251001", max_input_tokens: 200_000, max_tokens: 64_000 })
      assert.isFalse(dated.capabilities!.effort.supported)
      const error: any = yield* Effect.promise(() => client(url).models.retrieve("gpt").catch((error) => error))
      assert.instanceOf(error, NotFoundError)
      assert.match(error.message, /"model: gpt"/)
    }))

  it.effect("models - given, are all there are", () =>
    Effect.gen(function*() {
      const { url } = yield* Emulator.make([ModelScript.text("Hello")], { models: [{ id: "local", maxTokens: 9 }] })
      const local = yield* Effect.promise(() => client(url).models.list())
      assert.deepStrictEqual(local.data.map(({ id, max_tokens }) => [id, max_tokens]), [["local", 9]])
      const error: any = yield* Effect.promise(() => client(url).messages.create(question).catch((error) => error))
      assert.deepStrictEqual([error.status, error.type], [404, "not_found_error"])
      const message = yield* Effect.promise(() => client(url).messages.create({ ...question, model: "local" }))
      assert.strictEqual(message.stop_reason, "end_turn")
    }))
})

describe("@ai-sdk/anthropic", () => {
  const prompt = "Weather in Oslo and Bergen?"

  const tools = {
    get_weather: tool({
      description: weather.description,
      inputSchema: jsonSchema<{ readonly city: string }>(weather.input_schema),
      execute: ({ city }) => degrees(city)
    })
  }

  const model = (url: string) => createAnthropic({ baseURL: `${url}/v1`, apiKey: "sk-secret" })("claude-sonnet-5-5")

  it.effect("generateText - runs its loop over the calls", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.make([twoCities, answered])
      const { steps, text } = yield* Effect.promise(() =>
        generateText({ model: model(emulator.url), prompt, tools, stopWhen: isStepCount(3), maxRetries: 0 })
      )
      assert.strictEqual(text, "Oslo 7 °C, Bergen 9 °C")
      assert.deepStrictEqual(steps[0]!.toolResults.map(({ output }) => output), ["7 °C", "9 °C"])
      assert.strictEqual(steps[0]!.usage.outputTokens, 30)
      const requests = yield* emulator.requests
      assert.deepStrictEqual(requests.flatMap(({ violations }) => violations), [])
      assert.strictEqual(requests[1]!.prefix.shared, requests[0]!.prefix.bytes)
    }))

  it.effect("streamText - streams it", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.make([twoCities, answered])
      const text = yield* Effect.promise(async () => {
        const result = streamText({
          model: model(emulator.url),
          prompt,
          tools,
          stopWhen: isStepCount(3),
          maxRetries: 0
        })
        const steps = await result.steps
        assert.strictEqual(steps[0]!.reasoningText, "Two cities, two calls.")
        return result.text
      })
      assert.strictEqual(text, "Oslo 7 °C, Bergen 9 °C")
      assert.deepStrictEqual((yield* emulator.requests).flatMap(({ violations }) => violations), [])
    }))

  it.effect("generateText - tells an overload by its status", () =>
    Effect.gen(function*() {
      const { url } = yield* Emulator.make([ModelScript.faulty({ type: "overloaded" })])
      const error: any = yield* Effect.promise(() =>
        generateText({ model: model(url), prompt, maxRetries: 0 }).then(() => assert.fail("answered"), (error) => error)
      )
      assert.deepInclude(error, { statusCode: 529, isRetryable: true })
    }))
})
