import { assert, describe, it } from "@effect/vitest"
import { Validator } from "@volley/core/testing"
import { Schema } from "effect"

const user = (content: unknown) => ({ role: "user", content })
const assistant = (...content: ReadonlyArray<unknown>) => ({ role: "assistant", content })
const call = (id: string, fields: object = {}) => ({ type: "tool_use", id, name: "read", input: {}, ...fields })
const result = (id: string, fields: object = {}) => ({
  type: "tool_result",
  tool_use_id: id,
  content: "ok",
  ...fields
})
const text = (text: string) => ({ type: "text", text })
const thinking = (thinking: string, signature = "c2ln") => ({ type: "thinking", thinking, signature })
const redacted = (data: string) => ({ type: "redacted_thinking", data })
const tool = (fields: object = {}) => ({ name: "read", input_schema: { type: "object" }, ...fields })

const body = (messages: ReadonlyArray<unknown>, fields: object = {}) => ({
  model: "claude-sonnet-5-5",
  max_tokens: 1000,
  tools: [tool()],
  messages,
  ...fields
})

const hi = [user("Hi")]
const issuedReply: Validator.IssuedReply = {
  content: [thinking("a"), redacted("b"), call("t1")],
  stopReason: "tool_use"
}

const unanswered = (index: number, ids: string) =>
  `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
const orphan = (path: string, id: string) =>
  `${path}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`
const prefill = "This model does not support assistant message prefill. The conversation must end with a user message."
const changed =
  "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response."

interface Case {
  readonly rule: string
  readonly body: unknown
  readonly issued?: ReadonlyArray<Validator.IssuedReply>
  readonly expected: ReadonlyArray<string>
}

const accepted: ReadonlyArray<Case> = [
  { rule: "a plain question", body: body(hi), expected: [] },
  {
    rule: "all results of a turn first in one message, text after",
    body: body([
      ...hi,
      assistant(thinking("a"), redacted("b"), text("Reading"), call("t1"), call("t2")),
      user([result("t2", { is_error: true, content: [text("denied")] }), result("t1"), text("Go on")])
    ]),
    issued: [{ content: [thinking("a"), redacted("b"), call("t1"), call("t2")], stopReason: "tool_use" }],
    expected: []
  },
  {
    rule: "thinking without text, as it comes at display omitted",
    body: body([...hi, assistant(thinking(""), text("x")), ...hi]),
    expected: []
  },
  { rule: "blank text beside text", body: body([user([text(" "), text("x")])]), expected: [] },
  {
    rule: "a result without content",
    body: body([...hi, assistant(call("t1")), user([result("t1", { content: undefined })])]),
    expected: []
  },
  {
    rule: "a paused turn sent back as it is",
    body: body([...hi, assistant(text("Searching"))]),
    issued: [{ content: [text("Searching")], stopReason: "pause_turn" }],
    expected: []
  },
  {
    rule: "a system message that ends the conversation",
    body: body([...hi, { role: "system", content: "Answer now" }]),
    expected: []
  },
  {
    rule: "a name that only a model could invent",
    body: body([...hi, assistant(call("t1", { name: "a b" })), user([result("t1")])]),
    expected: []
  },
  {
    rule: "a tool the server runs",
    body: body(hi, { tools: [tool(), { type: "web_search_20260318", name: "web_search", max_uses: 1 }] }),
    expected: []
  },
  { rule: "a choice of a tool", body: body(hi, { tool_choice: { type: "tool", name: "read" } }), expected: [] }
]

const refused: ReadonlyArray<Case> = [
  // Answers
  {
    rule: "a call nobody answers",
    body: body([...hi, assistant(call("t1"), call("t2")), user("Well?")]),
    expected: [unanswered(1, "t1, t2")]
  },
  {
    rule: "a call answered one message late",
    body: body([...hi, assistant(call("t1")), user("Wait"), user([result("t1")])]),
    expected: [unanswered(1, "t1"), orphan("messages.3.content.0", "t1")]
  },
  {
    rule: "results of a turn in two messages",
    body: body([...hi, assistant(call("t1"), call("t2")), user([result("t1")]), user([result("t2")])]),
    expected: [unanswered(1, "t2"), orphan("messages.3.content.0", "t2")]
  },
  {
    rule: "text before a result",
    body: body([...hi, assistant(call("t1")), user([text("Here"), result("t1")])]),
    expected: [unanswered(1, "t1")]
  },
  {
    rule: "text between results",
    body: body([...hi, assistant(call("t1"), call("t2")), user([result("t1"), text("and"), result("t2")])]),
    expected: [unanswered(1, "t2")]
  },
  { rule: "a call at the end", body: body([...hi, assistant(call("t1"))]), expected: [prefill, unanswered(1, "t1")] },
  {
    rule: "a result without a call",
    body: body([user([result("t1")])]),
    expected: [orphan("messages.0.content.0", "t1")]
  },
  {
    rule: "two results for a call",
    body: body([...hi, assistant(call("t1")), user([result("t1"), result("t1")])]),
    expected: [
      "messages.2.content.1: each tool_use must have a single result. Found multiple `tool_result` blocks with id: t1"
    ]
  },
  {
    rule: "an id used twice in a turn",
    body: body([...hi, assistant(call("t1"), call("t1")), user([result("t1")])]),
    expected: ["messages.1.content.1: `tool_use` ids must be unique"]
  },
  {
    rule: "an id used again in a later turn",
    body: body([...hi, assistant(call("t1")), user([result("t1")]), assistant(call("t1")), user([result("t1")])]),
    expected: ["messages.3.content.0: `tool_use` ids must be unique"]
  },
  // Thinking
  {
    rule: "thinking without a signature",
    body: body([...hi, assistant({ type: "thinking", thinking: "a" }, text("x")), ...hi]),
    expected: ["messages.1.content.0.thinking.signature: Field required"]
  },
  {
    rule: "thinking with an empty signature",
    body: body([...hi, assistant(thinking("a", ""), text("x")), ...hi]),
    expected: ["messages.1.content.0: Invalid `signature` in `thinking` block"]
  },
  {
    rule: "redacted thinking without data",
    body: body([...hi, assistant(redacted(""), text("x")), ...hi]),
    expected: ["messages.1.content.0: Invalid `data` in `redacted_thinking` block"]
  },
  {
    rule: "thinking with a cache marker",
    body: body([...hi, assistant({ ...thinking("a"), cache_control: { type: "ephemeral" } }, text("x")), ...hi]),
    expected: ["messages.1.content.0.thinking.cache_control: Extra inputs are not permitted"]
  },
  {
    rule: "thinking at the end of a message",
    body: body([...hi, assistant(text("x"), thinking("a")), ...hi]),
    expected: ["messages.1: The final block in an assistant message cannot be `thinking`."]
  },
  {
    rule: "thinking of the user",
    body: body([user([thinking("a"), text("x")])]),
    expected: ["messages.0.content.0: `thinking` blocks can only be in `assistant` messages"]
  },
  {
    rule: "altered thinking",
    body: body([...hi, assistant(thinking("A"), redacted("b"), call("t1")), user([result("t1")])]),
    issued: [issuedReply],
    expected: ["messages.1.content.0: Invalid `signature` in `thinking` block", `messages.1: ${changed}`]
  },
  {
    rule: "altered redacted thinking",
    body: body([...hi, assistant(thinking("a"), redacted("B"), call("t1")), user([result("t1")])]),
    issued: [issuedReply],
    expected: ["messages.1.content.1: Invalid `data` in `redacted_thinking` block", `messages.1: ${changed}`]
  },
  {
    rule: "thinking out of order",
    body: body([...hi, assistant(redacted("b"), thinking("a"), call("t1")), user([result("t1")])]),
    issued: [issuedReply],
    expected: [`messages.1.content.1: ${changed}`]
  },
  {
    rule: "thinking left out while its calls are answered",
    body: body([...hi, assistant(call("t1")), user([result("t1")])]),
    issued: [issuedReply],
    expected: ["messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`"]
  },
  {
    rule: "a part of the thinking left out",
    body: body([...hi, assistant(thinking("a"), call("t1")), user([result("t1")])]),
    issued: [issuedReply],
    expected: [`messages.1: ${changed}`]
  },
  // Roles and content
  { rule: "no messages", body: body([]), expected: ["messages: at least one message is required"] },
  {
    rule: "a first message of the assistant",
    body: body([assistant(text("x")), ...hi]),
    expected: ["messages: first message must use the \"user\" role"]
  },
  { rule: "a prefill", body: body([...hi, assistant(text("The answer is"))]), expected: [prefill] },
  {
    rule: "an unknown role",
    body: body([...hi, { role: "tool", content: "x" }]),
    expected: ["messages.1.role: Input should be 'user', 'assistant' or 'system'"]
  },
  {
    rule: "a system message before a user message",
    body: body([...hi, { role: "system", content: "x" }, ...hi]),
    expected: ["messages.1: role 'system' must precede an 'assistant' message or end the array"]
  },
  {
    rule: "an empty user message",
    body: body([user("")]),
    expected: ["messages.0: user messages must have non-empty content"]
  },
  {
    rule: "a user message without blocks",
    body: body([user([])]),
    expected: ["messages.0: user messages must have non-empty content"]
  },
  {
    rule: "an empty assistant message",
    body: body([...hi, assistant(), ...hi]),
    expected: ["messages.1: all messages must have non-empty content except for the optional final assistant message"]
  },
  {
    rule: "an empty text",
    body: body([user([text(""), text("x")])]),
    expected: ["messages: text content blocks must be non-empty"]
  },
  {
    rule: "a blank text",
    body: body([user(" \n")]),
    expected: ["messages: text content blocks must contain non-whitespace text"]
  },
  {
    rule: "an empty system text",
    body: body(hi, { system: [text("")] }),
    expected: ["system: text content blocks must be non-empty"]
  },
  {
    rule: "an unknown block",
    body: body([user([{ type: "poem" }, text("x")])]),
    expected: [
      "messages.0.content.0: Input tag 'poem' found using 'type' does not match any of the expected tags: 'text', 'web_search_tool_result', 'web_fetch_tool_result', 'code_execution_tool_result', 'bash_code_execution_tool_result', 'text_editor_code_execution_tool_result', 'tool_search_tool_result', 'container_upload', 'image', 'document', 'search_result', 'tool_result', 'thinking', 'redacted_thinking', 'tool_use', 'server_tool_use'"
    ]
  },
  {
    rule: "a result in an assistant message",
    body: body([...hi, assistant(text("x"), result("t1")), ...hi]),
    expected: [
      "messages.1.content.1: `tool_result` blocks can only be in `user` messages",
      orphan("messages.1.content.1", "t1")
    ]
  },
  {
    rule: "arguments that are no object",
    body: body([...hi, assistant(call("t1", { input: "{\"a" })), user([result("t1")])]),
    expected: ["messages.1.content.0.tool_use.input: Input should be a valid dictionary"]
  },
  {
    rule: "a malformed id",
    body: body([...hi, assistant(call("t 1")), user([result("t 1")])]),
    expected: ["messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"]
  },
  {
    rule: "a name of a call beyond any length",
    body: body([...hi, assistant(call("t1", { name: "x".repeat(201) })), user([result("t1")])]),
    expected: ["messages.1.content.0.tool_use.name: String should have at most 200 characters"]
  },
  {
    rule: "a key of a message the API does not know",
    body: body([{ ...user("Hi"), id: 1 }]),
    expected: ["messages.0.id: Extra inputs are not permitted"]
  },
  {
    rule: "citations of the user",
    body: body([user([{ ...text("x"), citations: [] }])]),
    expected: ["messages.0.content.0.text.citations: Extra inputs are not permitted"]
  },
  // Results
  ...[undefined, "", []].map((content): Case => ({
    rule: `an error with ${JSON.stringify(content)} as content`,
    body: body([...hi, assistant(call("t1")), user([result("t1", { is_error: true, content })])]),
    expected: ["messages.2.content.0.tool_result: content cannot be empty if `is_error` is true"]
  })),
  {
    rule: "a result with an empty list",
    body: body([...hi, assistant(call("t1")), user([result("t1", { content: [] })])]),
    expected: ["messages.2.content.0.tool_result.content: List should have at least 1 item after validation, not 0"]
  },
  {
    rule: "a result with an object as content",
    body: body([...hi, assistant(call("t1")), user([result("t1", { content: { ok: true } })])]),
    expected: ["messages.2.content.0.tool_result.content: Input should be a valid string or list"]
  },
  // Request
  { rule: "a body that is no object", body: [], expected: ["Input should be a valid dictionary"] },
  { rule: "no model", body: body(hi, { model: undefined }), expected: ["model: Field required"] },
  {
    rule: "an empty model",
    body: body(hi, { model: "" }),
    expected: ["model: String should have at least 1 character"]
  },
  { rule: "no max_tokens", body: body(hi, { max_tokens: undefined }), expected: ["max_tokens: Field required"] },
  {
    rule: "half a token",
    body: body(hi, { max_tokens: 0.5 }),
    expected: ["max_tokens: Input should be a valid integer"]
  },
  {
    rule: "no token",
    body: body(hi, { max_tokens: 0 }),
    expected: ["max_tokens: Input should be greater than or equal to 1"]
  },
  { rule: "no list of messages", body: body(hi, { messages: undefined }), expected: ["messages: Field required"] },
  ...["temperature", "top_p", "top_k", "betas", "tool_config"].map((key): Case => ({
    rule: key,
    body: body(hi, { [key]: 1 }),
    expected: [`${key}: Extra inputs are not permitted`]
  })),
  {
    rule: "a lone surrogate",
    body: body([user("cut \ud83d")]),
    expected: ["The request body is not valid JSON: no low surrogate in string: messages.0.content"]
  },
  {
    rule: "a lone surrogate in a key",
    body: body([...hi, assistant(call("t1", { input: { "\udc00": 1 } })), user([result("t1")])]),
    expected: ["The request body is not valid JSON: no low surrogate in string: messages.1.content.0.input"]
  },
  // Tools
  {
    rule: "a tool name with a dot",
    body: body(hi, { tools: [tool({ name: "fs.read" })] }),
    expected: ["tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"]
  },
  {
    rule: "two tools of a name",
    body: body(hi, { tools: [tool(), tool()] }),
    expected: ["tools: Tool names must be unique."]
  },
  {
    rule: "a tool without a schema",
    body: body(hi, { tools: [{ name: "read" }] }),
    expected: ["tools.0.custom.input_schema: Field required"]
  },
  {
    rule: "a root schema without a type",
    body: body(hi, { tools: [tool({ input_schema: {} })] }),
    expected: ["tools.0.custom.input_schema.type: Field required"]
  },
  {
    rule: "a root schema of another type",
    body: body(hi, { tools: [tool({ input_schema: { type: "array" } })] }),
    expected: ["tools.0.custom.input_schema.type: Input should be 'object'"]
  },
  {
    rule: "a root union",
    body: body(hi, { tools: [tool({ input_schema: { anyOf: [] } })] }),
    expected: ["tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"]
  },
  {
    rule: "a key of a tool the API does not know",
    body: body(hi, { tools: [tool({ parameters: {} })] }),
    expected: ["tools.0.custom.parameters: Extra inputs are not permitted"]
  },
  {
    rule: "a choice of an unknown tool",
    body: body(hi, { tool_choice: { type: "tool", name: "write" } }),
    expected: ["Tool 'write' not found in provided tools"]
  },
  {
    rule: "a forced choice without tools",
    body: body(hi, { tools: [], tool_choice: { type: "any" } }),
    expected: ["tool_choice.any may only be specified while providing tools"]
  },
  {
    rule: "a choice that is null",
    body: body(hi, { tool_choice: null }),
    expected: ["tool_choice: Input should be an object"]
  },
  {
    rule: "a choice of an unknown kind",
    body: body(hi, { tool_choice: { type: "required" } }),
    expected: [
      "tool_choice: Input tag 'required' found using 'type' does not match any of the expected tags: 'auto', 'any', 'tool', 'none'"
    ]
  }
]

describe("Validator", () => {
  it.each(accepted)("validate - accepts $rule", ({ body, issued }) => {
    assert.deepStrictEqual(Validator.validate(body, { issued }), [])
  })

  it.each(refused)("validate - refuses $rule", ({ body, expected, issued }) => {
    assert.deepStrictEqual(
      Validator.validate(body, { issued }),
      expected.map((message) => ({ status: 400, type: "invalid_request_error", message }))
    )
  })

  it.prop(
    "validate - never throws, and has something to say about a value that is no request",
    [Schema.Json],
    ([value]) => {
      assert.isNotEmpty(Validator.validate(value))
      assert.isNotEmpty(Validator.validate(body([user(value), assistant(value)], { tools: value, tool_choice: value })))
    }
  )

  it("validate - survives values that do not turn into text, and any depth", () => {
    const hostile = JSON.parse("{\"toString\":1,\"valueOf\":1,\"toJSON\":1}")
    assert.isNotEmpty(Validator.validate(body([user([{ ...result("t1"), tool_use_id: hostile }, { type: hostile }])])))
    const deep = JSON.parse("[".repeat(5000) + "]".repeat(5000))
    assert.isEmpty(
      Validator.validate(body([...hi, assistant(call("t1", { input: { deep } })), user([result("t1")])]))
    )
  })
})
