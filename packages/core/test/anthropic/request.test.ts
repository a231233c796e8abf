import type { MessageCreateParamsStreaming, RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages"
import { assert, describe, it } from "@effect/vitest"
import type { ModelSettings } from "@volley/core"
import type { Anthropic } from "@volley/core/anthropic"
import { Effect, Result, Schema } from "effect"
import { type AiError, type LanguageModel, Prompt, Response, Tool, Toolkit } from "effect/ai"
import { collect } from "../../src/anthropic/internal/collect.ts"
import * as Json from "../../src/anthropic/internal/json.ts"
import * as Request from "../../src/anthropic/internal/request.ts"
import { json, utf16 } from "../support/arbitraries.ts"
import * as Events from "./support/events.ts"

interface Options {
  readonly tools?: ReadonlyArray<Tool.Any>
  readonly toolChoice?: LanguageModel.ToolChoice<string>
  readonly model?: string
  readonly settings?: Anthropic.Settings
  readonly asked?: ModelSettings.ModelSettings
  readonly responseFormat?: LanguageModel.ProviderOptions["responseFormat"]
}

const convert = (
  prompt: Prompt.RawInput,
  {
    asked = {},
    model = "claude-sonnet-5-5",
    responseFormat = { type: "text" },
    settings = {},
    toolChoice = "auto",
    tools = []
  }: Options = {}
): Result.Result<MessageCreateParamsStreaming, AiError.AiErrorReason> =>
  Request.make(model, { cache: false, ...settings }, {
    prompt: Prompt.make(prompt),
    tools,
    toolChoice,
    responseFormat,
    previousResponseId: undefined,
    incrementalPrompt: undefined
  } as unknown as LanguageModel.ProviderOptions, asked)

const body = (prompt: Prompt.RawInput, options?: Options) => Result.getOrThrow(convert(prompt, options))

const encoded = (prompt: Prompt.RawInput, options?: Options): MessageCreateParamsStreaming =>
  JSON.parse(Json.stringify(body(prompt, options)))

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

  it("make - the service tier is sent, and marks for the cache unless they are turned off", () => {
    assert.strictEqual(body("x", { settings: { serviceTier: "standard_only" } }).service_tier, "standard_only")
    const marked = (settings: Anthropic.Settings) => {
      const content = body("x", { settings }).messages[0]?.content[0]
      return typeof content === "object" && "cache_control" in content ? content.cache_control : undefined
    }
    assert.deepStrictEqual(marked({ cache: undefined }), { type: "ephemeral" })
    assert.deepStrictEqual(marked({ cache: { ttl: "1 hour" } }), { type: "ephemeral", ttl: "1h" })
    assert.isUndefined(marked({ cache: false }))
  })

  it("make - a type of thinking that the model refuses is refused with what to do", () => {
    const reason = refusal("x", { model: "claude-opus-5-5", settings: { thinking: { type: "disabled" } } })
    assert.strictEqual(reason._tag, "InvalidRequestError")
    assert.include(reason.message, "claude-opus-5-5")
    assert.include(reason.message, "\"adaptive\"")
    assert.deepStrictEqual(
      body("x", { model: "claude-opus-5", settings: { thinking: { type: "disabled" } } }).thinking,
      { type: "disabled" }
    )
  })

  it("make - the same prompt gives the same bytes", () => {
    const tools = [toolWith(Schema.Struct({ b: Schema.String, a: Schema.Int }))]
    const prompt = [system("Be brief"), user("Hello")]
    assert.strictEqual(JSON.stringify(body(prompt, { tools })), JSON.stringify(body(prompt, { tools })))
    assert.include(JSON.stringify(body(prompt, { tools })), "\"properties\":{\"b\":")
  })

  it("make - what is asked of one request goes before the settings", () => {
    const sent = body("Hello", {
      settings: { maxTokens: 99, effort: "low", stopSequences: ["END"] },
      asked: { maxTokens: 7, effort: "max" }
    })
    assert.deepStrictEqual(sent, {
      model: "claude-sonnet-5-5",
      max_tokens: 7,
      output_config: { effort: "max" },
      stop_sequences: ["END"],
      messages: [user("Hello")],
      stream: true
    } as unknown as MessageCreateParamsStreaming)
  })

  it("make - an output is sent as the format of the text, beside the effort", () => {
    const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
    const asked = { output: { name: "answer", schema } }
    const format = { type: "json_schema", schema: { ...schema, additionalProperties: false } } as const
    assert.deepStrictEqual(body("x", { asked }).output_config, { format })
    assert.deepStrictEqual(body("x", { asked, settings: { effort: "low" } }).output_config, { effort: "low", format })
  })

  it("make - the schema of generateObject goes before the output that is asked for", () => {
    const responseFormat = { type: "json", objectName: "pair", schema: Schema.Struct({ a: Schema.Finite }) } as const
    const asked = { output: { name: "answer", schema: { type: "string" } } }
    assert.deepStrictEqual(body("x", { responseFormat, asked }).output_config, {
      format: {
        type: "json_schema",
        schema: {
          type: "object",
          properties: { a: { type: "number" } },
          required: ["a"],
          additionalProperties: false
        }
      }
    })
  })

  it("make - an output whose schema the API refuses is refused by name", () => {
    const reason = refusal("x", { asked: { output: { name: "answer", schema: {} } } })
    assert.strictEqual(reason._tag, "UnsupportedSchemaError")
    assert.include(reason.message, "\"answer\"")
  })

  it("make - lone surrogates become well-formed everywhere, keys included", () => {
    const tools = [
      Tool.make("search", { description: "find \ud83d", parameters: Schema.Struct({ q: Schema.String }) })
    ]
    const sent = encoded([
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

describe("request diagnostics", () => {
  const sent = (asked: ModelSettings.ModelSettings, diagnosed: boolean, cache: Anthropic.Settings["cache"]) =>
    Result.getOrThrow(
      Request.make(
        "claude-test",
        { cache },
        {
          prompt: Prompt.make("x"),
          tools: [],
          toolChoice: "auto",
          responseFormat: { type: "text" }
        } as unknown as LanguageModel.ProviderOptions,
        asked,
        diagnosed
      )
    ).diagnostics

  it("the reply before is named where the client is that of the API and marks are on", () => {
    const asked = { previousResponse: "msg_7" }
    assert.deepStrictEqual(sent(asked, true, undefined), { previous_message_id: "msg_7" })
    assert.isUndefined(sent(asked, false, undefined))
    assert.isUndefined(sent(asked, true, false))
    assert.isUndefined(sent({}, true, undefined))
  })

  it("the id of a reply of another provider is not sent", () => {
    assert.deepStrictEqual(sent({ previousResponse: "resp_7" }, true, undefined), { previous_message_id: null })
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

  it("a name that the API refuses is sent as one that it takes, in tools, tool choice and history", () => {
    const names = ["mcp.files/read", "mcp.files:read", "é".repeat(3), "x".repeat(129), "x".repeat(128) + "y.z"]
    const tools = names.map((name) => Tool.make(name))
    const sent = names.map((tool) => body("x", { tools, toolChoice: { tool }, model: "claude-sonnet-5" }))
    const apiNames = sent[0]?.tools?.map((tool) => "name" in tool ? tool.name : "") ?? []
    assert.strictEqual(new Set(apiNames).size, names.length)
    for (const name of apiNames) assert.match(name, /^[a-zA-Z0-9_-]{1,128}$/)
    assert.match(apiNames[0] ?? "", /^mcp_files_read_[0-9a-f]{8}$/)
    assert.deepStrictEqual<unknown>(
      sent.map(({ tool_choice }) => tool_choice),
      apiNames.map((name) => ({ type: "tool", name }))
    )
    names.forEach((name, index) => {
      const asked = body([user("Go"), { role: "assistant", content: [{ ...call("t1", {}), name }] }])
      assert.deepStrictEqual(asked.messages[1]?.content, [
        { type: "tool_use", id: "t1", name: apiNames[index]!, input: {} }
      ])
    })
  })

  it("a tool without a name is refused, and so are two tools that the API would know by one name", () => {
    assert.include(refusal("x", { tools: [Tool.make("")] }).message, "without a name")
    const [mapped] = body("x", { tools: [Tool.make("a.b")] }).tools ?? []
    const name = mapped !== undefined && "name" in mapped ? mapped.name : ""
    assert.include(refusal("x", { tools: [Tool.make("a.b"), Tool.make(name)] }).message, `"${name}" twice`)
  })

  const provided = (id: `${string}.${string}`, providerName: string) =>
    Tool.providerDefined({
      id,
      customName: "Mine",
      providerName,
      args: Schema.Struct({ max_uses: Schema.Int, defer_loading: Schema.optionalKey(Schema.Boolean) })
    })

  it("a provider-defined tool is sent by its type, with the name of the API and its arguments", () => {
    const tools = [provided("anthropic.web_search_20260318", "web_search")({ max_uses: 3 }), Tool.make("now")]
    const sent = body("x", { tools, toolChoice: { tool: "Mine" }, model: "claude-sonnet-5" })
    assert.deepStrictEqual<unknown>(sent.tools?.[0], { type: "web_search_20260318", name: "web_search", max_uses: 3 })
    assert.strictEqual(sent.tools?.length, 2)
    assert.deepStrictEqual(sent.tool_choice, { type: "tool", name: "web_search" })
    const bash = Tool.providerDefined({
      id: "anthropic.bash_20250124",
      customName: "Shell",
      providerName: "bash",
      requiresHandler: true,
      args: Schema.Struct({}),
      parameters: Schema.Struct({ command: Schema.String })
    })
    assert.deepStrictEqual<unknown>(body("x", { tools: [bash({ failureMode: "return" })] }).tools, [
      { type: "bash_20250124", name: "bash" }
    ])
  })

  it("a provider-defined tool of another provider, and a toolset, are refused by name", () => {
    for (const id of ["openai.web_search", "anthropic.mcp_toolset", "anthropic.browser_toolset_20260801"] as const) {
      const { message } = refusal("x", { tools: [provided(id, "web_search")({ max_uses: 1 })] })
      assert.include(message, "\"Mine\"")
      assert.include(message, id)
    }
  })

  it("a tool that is loaded only when it is searched for is not marked for the cache", () => {
    const deferred = provided("anthropic.bash_20250124", "bash")({ max_uses: 1, defer_loading: true })
    const marks = (tools: ReadonlyArray<Tool.Any>) =>
      body("x", { tools, settings: { cache: undefined } }).tools?.map((tool) => "cache_control" in tool)
    assert.deepStrictEqual(marks([Tool.make("a"), Tool.make("b"), deferred]), [false, true, false])
    assert.deepStrictEqual(marks([deferred]), [false])
  })

  const Query = Schema.Struct({
    q: Schema.String.check(Schema.isMinLength(1)),
    page: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThan(0)))
  })

  it("a strict tool is sent with closed objects, and with constraints of values in descriptions", () => {
    const sent = body("x", { tools: [toolWith(Query)], settings: { strictTools: true } }).tools?.[0]
    assert.deepStrictEqual<unknown>(sent, {
      name: "search",
      input_schema: {
        type: "object",
        properties: {
          q: { type: "string", description: "{minLength: 1}" },
          page: { type: "number", description: "{exclusiveMinimum: 0}" }
        },
        required: ["q"],
        additionalProperties: false
      },
      strict: true
    })
  })

  it("the annotation of a tool goes before the setting", () => {
    const loose = toolWith(Query).annotate(Tool.Strict, false)
    const strict = Tool.make("other", { parameters: Query }).annotate(Tool.Strict, true)
    const flags = (strictTools: boolean) =>
      body("x", { tools: [loose, strict], settings: { strictTools } }).tools?.map((tool) =>
        "strict" in tool ? tool.strict : undefined
      )
    assert.deepStrictEqual(flags(true), [undefined, true])
    assert.deepStrictEqual(flags(false), [undefined, true])
  })

  it("a strict tool without parameters takes none", () => {
    const settings = { strictTools: true }
    for (const tool of [Tool.make("search"), toolWith(Schema.Struct({}))]) {
      assert.deepStrictEqual<unknown>(body("x", { tools: [tool], settings }).tools, [{
        name: "search",
        input_schema: { type: "object", properties: {}, additionalProperties: false },
        strict: true
      }])
    }
  })

  it("a schema that cannot be strict is refused with the tool's name and what to do", () => {
    interface Tree {
      readonly children: ReadonlyArray<Tree>
    }
    const Tree = Schema.Struct({ children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree)) })
      .annotate({ identifier: "Tree" })
    const schemas = [
      Schema.Struct({ counts: Schema.Record(Schema.String, Schema.Int) }),
      Schema.Struct({ pair: Schema.Tuple([Schema.String, Schema.Int]) }),
      Schema.Struct({ any: Schema.Unknown }),
      Schema.Unknown,
      Tree
    ]
    for (const parameters of schemas) {
      const reason = refusal("x", { tools: [toolWith(parameters)], settings: { strictTools: true } })
      assert.strictEqual(reason._tag, "UnsupportedSchemaError")
      assert.include(reason.message, "\"search\"")
      assert.include(reason.message, "Tool.Strict")
    }
  })

  const many = (count: number, parameters: Schema.Constraint = Query) =>
    Array.from({ length: count }, (_, n) => Tool.make(`tool-${n}`, { parameters: parameters as Schema.String }))

  it("what all strict tools have together is limited: tools, optional properties, unions", () => {
    const settings = { strictTools: true }
    const choice = Schema.Struct({ c: Schema.Union([Schema.String, Schema.Int]) })
    const plain = Schema.Struct({ q: Schema.String })
    const pages = Schema.Struct({ a: Schema.optionalKey(Schema.Int), b: Schema.optionalKey(Schema.Int) })
    assert.isTrue(Result.isSuccess(convert("x", { tools: many(20, plain), settings })))
    assert.include(refusal("x", { tools: many(21, plain), settings }).message, "21 tools")
    assert.isTrue(Result.isSuccess(convert("x", { tools: many(12, pages), settings })))
    assert.include(refusal("x", { tools: many(13, pages), settings }).message, "26 optional")
    assert.isTrue(Result.isSuccess(convert("x", { tools: many(16, choice), settings })))
    assert.include(refusal("x", { tools: many(17, choice), settings }).message, "17 unions")
    assert.isTrue(Result.isSuccess(convert("x", { tools: many(40, pages) })))
  })

  it("two tools of one name are refused", () => {
    assert.include(refusal("x", { tools: [...many(2), ...many(1)] }).message, "\"tool-0\" twice")
  })

  it.effect.prop(
    "the same tools and messages give the same bytes, made anew or not",
    [utf16(), json(2), utf16(8)],
    ([words, value, description]) =>
      Effect.sync(() => {
        const made = () => {
          const tools = [
            Tool.make("search", { description, parameters: Query }),
            Tool.dynamic("remote", { parameters: { type: "object", properties: { a: { const: value } } } })
          ]
          const prompt = [
            user(`x${words}`),
            { role: "assistant", content: [call("t1", { value })] } as const,
            { role: "tool", content: [result("t1", value)] } as const
          ]
          return [tools, prompt] as const
        }
        const bytes = ([tools, prompt]: ReturnType<typeof made>) =>
          Json.stringify(body(prompt, { tools, settings: { cache: { ttl: "5 minutes" } } }))
        const first = made()
        assert.strictEqual(bytes(first), bytes(first))
        assert.strictEqual(bytes(first), bytes(made()))
      })
  )

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
      const sent = body("x", { tools, toolChoice, model: "claude-sonnet-5" })
      assert.deepStrictEqual(sent.tool_choice, expected)
      assert.strictEqual(sent.tools?.length, 1)
    }
  })

  it("without parallel calls, every tool choice but none allows one call only", () => {
    const options = { tools: [Tool.make("now")], model: "claude-sonnet-5" }
    const sent = (toolChoice: LanguageModel.ToolChoice<string>, parallelToolCalls: boolean) =>
      body("x", { ...options, toolChoice, asked: { parallelToolCalls } }).tool_choice
    assert.deepStrictEqual(sent("auto", false), { type: "auto", disable_parallel_tool_use: true })
    assert.deepStrictEqual(sent("required", false), { type: "any", disable_parallel_tool_use: true })
    assert.deepStrictEqual(sent({ tool: "now" }, false), {
      type: "tool",
      name: "now",
      disable_parallel_tool_use: true
    })
    assert.deepStrictEqual(sent("none", false), { type: "none" })
    assert.deepStrictEqual(sent("auto", true), { type: "auto" })
  })

  it("a forced tool choice is refused where the model has none, with its name", () => {
    const tools = [Tool.make("now")]
    for (const toolChoice of ["required", { tool: "now" }, { mode: "required", oneOf: ["now"] }] as const) {
      const reason = refusal("x", { tools, toolChoice, model: "claude-opus-5-5" })
      assert.strictEqual(reason._tag, "InvalidRequestError")
      assert.include(reason.message, "claude-opus-5-5")
      assert.include(reason.message, "\"auto\"")
    }
    for (const toolChoice of ["auto", "none", { oneOf: ["now"] }] as const) {
      assert.isTrue(Result.isSuccess(convert("x", { tools, toolChoice, model: "claude-opus-5-5" })))
    }
  })

  it("a request without tools has no tool choice", () => {
    for (const toolChoice of ["none", "required"] as const) {
      assert.notProperty(body("x", { toolChoice, asked: { parallelToolCalls: false } }), "tool_choice")
    }
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
