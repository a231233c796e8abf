import type { MessageCreateParamsStreaming, RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages"
import { assert, describe, it } from "@effect/vitest"
import type { Anthropic } from "@volley/core/anthropic"
import { Effect, Result, Schema } from "effect"
import { type AiError, type LanguageModel, Prompt, Response, Tool, Toolkit } from "effect/ai"
import { collect } from "../../src/anthropic/internal/collect.ts"
import * as Request from "../../src/anthropic/internal/request.ts"
import * as Events from "./support/events.ts"

interface Options {
  readonly tools?: ReadonlyArray<Tool.Any>
  readonly toolChoice?: LanguageModel.ToolChoice<string>
  readonly model?: string
  readonly settings?: Anthropic.Settings
}

const convert = (
  prompt: Prompt.RawInput,
  { model = "claude-sonnet-5-5", settings = {}, toolChoice = "auto", tools = [] }: Options = {}
): Result.Result<MessageCreateParamsStreaming, AiError.AiErrorReason> =>
  Request.make(model, settings, {
    prompt: Prompt.make(prompt),
    tools,
    toolChoice,
    responseFormat: { type: "text" },
    previousResponseId: undefined,
    incrementalPrompt: undefined
  } as unknown as LanguageModel.ProviderOptions)

const body = (prompt: Prompt.RawInput, options?: Options) => Result.getOrThrow(convert(prompt, options))

const refusal = (prompt: Prompt.RawInput, options?: Options) => Result.getOrThrow(Result.flip(convert(prompt, options)))

const text = (value: string) => ({ type: "text", text: value } as const)
const user = (...texts: ReadonlyArray<string>) => ({ role: "user", content: texts.map(text) } as const)
const assistant = (...texts: ReadonlyArray<string>) => ({ role: "assistant", content: texts.map(text) } as const)
const system = (content: string) => ({ role: "system", content } as const)
const call = (id: string, params: unknown) => ({ type: "tool-call", id, name: "search", params } as const)
const result = (
  id: string,
  value: unknown,
  isFailure = false
) => ({ type: "tool-result", id, name: "search", result: value, isFailure } as const)

const toolWith = (parameters: Schema.Constraint) => Tool.make("search", { parameters: parameters as Schema.String })

describe("request", () => {
  it("make - the defaults are the model, 16,000 tokens and a stream", () => {
    assert.deepStrictEqual(body("Hello"), {
      model: "claude-sonnet-5-5",
      max_tokens: 16_000,
      messages: [user("Hello")],
      stream: true
    } as unknown as MessageCreateParamsStreaming)
  })

  it("make - settings are sent in the API's words", () => {
    const settings: Anthropic.Settings = {
      maxTokens: 99,
      thinking: { type: "adaptive", display: "summarized" },
      effort: "low",
      stopSequences: ["END"],
      metadata: { user_id: "u1" }
    }
    const { messages: _, ...rest } = body("Hello", { settings })
    assert.deepStrictEqual(rest, {
      model: "claude-sonnet-5-5",
      max_tokens: 99,
      thinking: { type: "adaptive", display: "summarized" },
      output_config: { effort: "low" },
      stop_sequences: ["END"],
      metadata: { user_id: "u1" },
      stream: true
    })
  })

  it("make - the same prompt gives the same bytes", () => {
    const tools = [toolWith(Schema.Struct({ b: Schema.String, a: Schema.Int }))]
    const prompt = [system("Be brief"), user("Hello")]
    assert.strictEqual(JSON.stringify(body(prompt, { tools })), JSON.stringify(body(prompt, { tools })))
    assert.include(JSON.stringify(body(prompt, { tools })), "\"properties\":{\"b\":")
  })

  it("make - structured output is refused instead of ignored", () => {
    const options = { responseFormat: { type: "json" }, prompt: Prompt.make("x") } as LanguageModel.ProviderOptions
    const reason = Result.getOrThrow(Result.flip(Request.make("m", {}, options)))
    assert.strictEqual(reason._tag, "InvalidRequestError")
  })

  it("make - lone surrogates become well-formed everywhere, keys included", () => {
    const tools = [
      Tool.make("search", { description: "find \ud83d", parameters: Schema.Struct({ q: Schema.String }) })
    ]
    const sent = body([
      system("system \udc1f"),
      user("cut \ud83d"),
      { role: "assistant", content: [call("t1", { "key \ud83d": ["\udc1f"] })] },
      { role: "tool", content: [result("t1", "result \ud83d")] }
    ], { tools, settings: { stopSequences: ["\ud83d"] } })
    assert.notMatch(JSON.stringify(sent), /\\ud[89a-f]/)
    assert.deepStrictEqual(sent.messages[0], user("cut \ufffd"))
    assert.include(JSON.stringify(sent), "key \ufffd")
  })
})

describe("request messages", () => {
  it("system messages before the conversation become `system`", () => {
    const sent = body([system("A"), system(" "), system("B"), user("Hello")])
    assert.deepStrictEqual(sent.system, [text("A"), text("B")])
    assert.deepStrictEqual(sent.messages, [user("Hello")] as never)
  })

  it("a later system message stays in its place", () => {
    const sent = body([
      system("A"),
      user("Hello"),
      system("Answer now"),
      assistant("Yes"),
      user("Why?"),
      system("Last")
    ])
    assert.deepStrictEqual(sent.system, [text("A")])
    assert.deepStrictEqual(sent.messages, [
      user("Hello"),
      { role: "system", content: [text("Answer now")] },
      assistant("Yes"),
      user("Why?"),
      { role: "system", content: [text("Last")] }
    ] as never)
  })

  it("a later system message becomes user text where the model or the place refuses it", () => {
    const note = "<system>\nNote\n</system>"
    assert.deepStrictEqual(
      body([user("Hello"), system("Note")], { model: "claude-haiku-4-5" }).messages,
      [user("Hello", note)] as never
    )
    assert.deepStrictEqual(
      body([user("Hello"), assistant("Hi"), system("Note"), user("Go")]).messages,
      [user("Hello"), assistant("Hi"), user(note, "Go")] as never
    )
    assert.deepStrictEqual(
      body([user("Hello"), system("Note"), assistant(), user("Go")]).messages,
      [user("Hello", note, "Go")] as never
    )
  })

  it("messages of one role in a row are merged", () => {
    assert.deepStrictEqual(
      body([user("a"), user("b"), assistant("c"), assistant("d"), user("e")]).messages,
      [user("a", "b"), assistant("c", "d"), user("e")] as never
    )
  })

  it("empty text and empty assistant messages are dropped", () => {
    assert.deepStrictEqual(
      body([user("a", ""), assistant(), assistant("", " \n"), user("b")]).messages,
      [user("a", "b")] as never
    )
  })

  it("blank text next to other text is kept as it was", () => {
    assert.deepStrictEqual(body([user("a"), assistant("\n\n", "b")]).messages[1], assistant("\n\n", "b"))
  })

  it("all results of a turn are in one user message, before its text", () => {
    const sent = body([
      user("Go"),
      { role: "assistant", content: [call("t1", { q: 1 }), call("t2", { q: 2 })] },
      user("and hurry"),
      { role: "tool", content: [result("t1", "one")] },
      { role: "tool", content: [result("t2", { code: 7 }, true)] }
    ])
    assert.deepStrictEqual(sent.messages[2], {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "t1", content: "one" },
        { type: "tool_result", tool_use_id: "t2", content: "{\"code\":7}", is_error: true },
        text("and hurry")
      ]
    })
  })

  it("a result is never empty", () => {
    const contents = ["", " ", undefined, null, 0, []].map((value) => {
      const sent = body([{ role: "tool", content: [result("t1", value)] }])
      const content = sent.messages[0]?.content
      const block = Array.isArray(content) ? content[0] : undefined
      return block?.type === "tool_result" ? block.content : undefined
    })
    assert.deepStrictEqual(contents, ["\"\"", "\" \"", "null", "null", "0", "[]"])
  })

  it("a result with model output sends that instead", () => {
    const modelOutput = [
      text("chart:"),
      { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2]) } as const
    ]
    const sent = body([{ role: "tool", content: [{ ...result("t1", { hidden: true }), modelOutput }] }])
    assert.deepStrictEqual(sent.messages[0]?.content, [{
      type: "tool_result",
      tool_use_id: "t1",
      content: [text("chart:"), { type: "image", source: { type: "base64", media_type: "image/png", data: "AQI=" } }]
    }])
  })

  it("arguments that are not an object are sent as one without fields", () => {
    for (const params of ["{\"q\":\"cu", null, [1], 3]) {
      const sent = body([user("Go"), { role: "assistant", content: [call("t1", params)] }])
      assert.deepStrictEqual(sent.messages[1]?.content, [{ type: "tool_use", id: "t1", name: "search", input: {} }])
    }
  })

  it("reasoning without a signature, and calls of another provider, are left behind", () => {
    const sent = body([user("Go"), {
      role: "assistant",
      content: [
        { type: "reasoning", text: "foreign" },
        { type: "reasoning", text: "cut", options: { anthropic: { info: { type: "thinking", signature: "" } } } },
        { ...call("srv_1", {}), providerExecuted: true },
        { ...result("srv_1", "found"), providerExecuted: true },
        text("Done")
      ]
    }])
    assert.deepStrictEqual(sent.messages[1], assistant("Done"))
  })

  it("an assistant message does not end with thinking, which the API refuses", () => {
    const thinking = {
      type: "reasoning",
      text: "hm",
      options: { anthropic: { info: { type: "thinking", signature: "s" } } }
    }
    const sent = body([
      user("Go"),
      { role: "assistant", content: [thinking as Prompt.ReasoningPartEncoded] },
      user("On")
    ])
    assert.deepStrictEqual(sent.messages, [user("Go", "On")] as never)
  })

  it("files become images and documents", () => {
    const files = [
      { type: "file", mediaType: "image/jpeg", data: "aGk=" },
      { type: "file", mediaType: "image/anything", data: new URL("https://example.com/a.png") },
      { type: "file", mediaType: "application/pdf", data: "https://example.com/a.pdf", fileName: "a.pdf" }
    ] as const
    assert.deepStrictEqual(body([{ role: "user", content: files }]).messages[0]?.content, [
      { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "aGk=" } },
      { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
      { type: "document", source: { type: "url", url: "https://example.com/a.pdf" }, title: "a.pdf" }
    ])
  })

  it("a file type that Claude does not read is refused by name", () => {
    const reason = refusal([{ role: "user", content: [{ type: "file", mediaType: "audio/mp3", data: "aGk=" }] }])
    assert.strictEqual(reason._tag, "InvalidRequestError")
    assert.include(reason.message, "audio/mp3")
  })
})

describe("request tools", () => {
  const schemaOf = (tool: Tool.Any) => body("x", { tools: [tool] }).tools?.[0]

  it("a tool is sent with its name, description and schema", () => {
    const tool = Tool.make("get-pods_2", { description: "Pods", parameters: Schema.Struct({ ns: Schema.String }) })
    assert.deepStrictEqual(schemaOf(tool), {
      name: "get-pods_2",
      description: "Pods",
      input_schema: {
        type: "object",
        properties: { ns: { type: "string" } },
        required: ["ns"],
        additionalProperties: true
      }
    })
  })

  it("a tool without parameters has an object schema", () => {
    assert.propertyVal(
      (schemaOf(Tool.make("now")) as Tool.Any & { input_schema: object }).input_schema,
      "type",
      "object"
    )
    for (const parameters of [Schema.Struct({}), Schema.Unknown]) {
      assert.deepStrictEqual(schemaOf(toolWith(parameters)), {
        name: "search",
        input_schema: { type: "object" }
      })
    }
  })

  it("a schema with an identifier is sent in place, a recursive one with its definition", () => {
    class Query extends Schema.Class<Query>("Query")({ q: Schema.String }) {}
    assert.notInclude(JSON.stringify(schemaOf(toolWith(Query))), "$defs")
    const Tree: Schema.Codec<unknown, unknown> = Schema.Struct({
      children: Schema.Array(Schema.suspend((): Schema.Codec<unknown, unknown> => Tree))
    }).annotate({ identifier: "Tree" })
    const sent = JSON.stringify(schemaOf(toolWith(Tree)))
    assert.include(sent, "{\"$ref\":\"#/$defs/Tree\"}")
    assert.include(sent, "\"$defs\":{\"Tree\"")
  })

  it("a JSON Schema of a dynamic tool is sent as it is", () => {
    const schema = { type: "object", properties: { b: { type: "string" }, a: { type: "number" } } } as const
    assert.strictEqual(
      JSON.stringify(schemaOf(Tool.dynamic("remote", { parameters: schema }))),
      `{"name":"remote","input_schema":${JSON.stringify(schema)}}`
    )
  })

  it("a union or a scalar at the root is refused with the tool's name", () => {
    const union = Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.String })])
    for (const parameters of [union, Schema.String]) {
      const reason = refusal("x", { tools: [toolWith(parameters)] })
      assert.strictEqual(reason._tag, "UnsupportedSchemaError")
      assert.include(reason.message, "\"search\"")
    }
  })

  it("a name the API refuses is refused by name", () => {
    for (const name of ["a.b", "", "x".repeat(129)]) {
      const reason = refusal("x", { tools: [Tool.make(name)] })
      assert.strictEqual(reason._tag, "InvalidRequestError")
      assert.include(reason.message, `"${name}"`)
    }
  })

  it("a provider-defined tool is refused by name", () => {
    const search = Tool.providerDefined({
      id: "anthropic.web_search",
      customName: "WebSearch",
      providerName: "web_search",
      args: Schema.Struct({})
    })
    assert.include(refusal("x", { tools: [search({})] }).message, "\"WebSearch\"")
  })

  it("every tool choice has its counterpart and keeps the tools", () => {
    const tools = [Tool.make("now")]
    const choices: ReadonlyArray<
      readonly [LanguageModel.ToolChoice<string>, MessageCreateParamsStreaming["tool_choice"]]
    > = [
      ["auto", { type: "auto" }],
      ["none", { type: "none" }],
      ["required", { type: "any" }],
      [{ tool: "now" }, { type: "tool", name: "now" }],
      [{ oneOf: ["now"] }, { type: "auto" }],
      [{ mode: "required", oneOf: ["now"] }, { type: "any" }]
    ]
    for (const [toolChoice, expected] of choices) {
      const sent = body("x", { tools, toolChoice })
      assert.deepStrictEqual(sent.tool_choice, expected)
      assert.strictEqual(sent.tools?.length, 1)
    }
  })

  it("a request without tools has no tool choice", () => {
    assert.notProperty(body("x", { toolChoice: "none" }), "tool_choice")
  })
})

describe("request round trip", () => {
  const toolkit = Toolkit.make(Tool.make("search", { parameters: Schema.Unknown as never }))
  const decodeStream = Schema.decodeUnknownSync(Schema.Array(Response.StreamPart(toolkit)))
  const decodeWhole = Schema.decodeUnknownSync(Schema.Array(Response.Part(toolkit)))

  const Words = Schema.String.check(Schema.isPattern(/\S/))
  const WireBlock = Schema.Union([
    Schema.Struct({ type: Schema.Literal("text"), text: Words }),
    Schema.Struct({ type: Schema.Literal("thinking"), thinking: Schema.String, signature: Schema.NonEmptyString }),
    Schema.Struct({ type: Schema.Literal("redacted_thinking"), data: Schema.String }),
    Schema.Struct({ type: Schema.Literal("tool_use"), input: Schema.Record(Schema.String, Schema.Json) })
  ])
  type Block = typeof WireBlock.Type

  const halves = (value: string) => [value.slice(0, value.length >> 1), value.slice(value.length >> 1)]

  const toEvents = (blocks: ReadonlyArray<Block>): Array<RawMessageStreamEvent> =>
    Events.reply(blocks.map((block, index) => {
      switch (block.type) {
        case "text":
          return [{ type: "text" }, halves(block.text)]
        case "thinking":
          return [{ type: "thinking", signature: block.signature }, halves(block.thinking)]
        case "redacted_thinking":
          return [block, []]
        case "tool_use":
          return [{ type: "tool_use", id: `toolu_${index}`, name: "search" }, halves(JSON.stringify(block.input))]
      }
    }))

  const isSafe = (blocks: ReadonlyArray<Block>) => {
    const all = JSON.stringify(blocks)
    return !all.includes("__proto__") && !all.includes("constructor") && !/\\ud[89a-f]/.test(all)
  }

  it.effect.prop(
    "what was received is sent back equal, in order",
    [Schema.Array(WireBlock)],
    ([generated]) =>
      Effect.sync(() => {
        if (!isSafe(generated)) return
        const blocks: ReadonlyArray<Block> = [...generated, { type: "text", text: "end" }]
        const { parts } = Events.fold(toEvents(blocks))
        const expected = blocks.map((block, index) =>
          block.type === "tool_use"
            // As JSON has it: it knows no negative zero.
            ? { type: block.type, id: `toolu_${index}`, name: "search", input: JSON.parse(JSON.stringify(block.input)) }
            : block
        )
        for (const decoded of [decodeStream(parts), decodeWhole(collect(parts))]) {
          const prompt = Prompt.concat(Prompt.make("Go"), Prompt.fromResponseParts(decoded))
          assert.deepStrictEqual(body(prompt).messages[1], { role: "assistant", content: expected } as never)
        }
      }),
    { arbitrary: { runs: 200 } }
  )

  it("a thinking block with empty text is sent back with its signature", () => {
    const blocks = [[{ type: "thinking", signature: "c2ln" }, []], [{ type: "text" }, ["ok"]]] as const
    const { parts } = Events.fold(Events.reply(blocks))
    const prompt = Prompt.concat(Prompt.make("Go"), Prompt.fromResponseParts(decodeStream(parts)))
    assert.deepStrictEqual(body(prompt).messages[1]?.content, [
      { type: "thinking", thinking: "", signature: "c2ln" },
      text("ok")
    ])
  })
})
