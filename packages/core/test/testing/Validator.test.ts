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

const older = (fields: object) => body(hi, { model: "claude-opus-4-8", ...fields })
const mark = (ttl?: string) => ({ cache_control: { type: "ephemeral", ...(ttl !== undefined && { ttl }) } })
const closed = (properties: object, required: ReadonlyArray<string> = []) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
  $defs: { item: { type: "string" } }
})
const named = (count: number, schema: object) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, schema]))
const strict = (input_schema: object) => body(hi, { tools: [tool({ strict: true, input_schema })] })
const search = (id: string) => ({ type: "server_tool_use", id, name: "web_search", input: { query: "x" } })
const searched = (tool_use_id: string) => ({ type: "web_search_tool_result", tool_use_id, content: [] })
const code = (id: string) => ({ type: "server_tool_use", id, name: "code_execution", input: { code: "x" } })
const called = (id: string, tool_id: string) => call(id, { caller: { type: "code_execution_20260120", tool_id } })
const image = (source: object) => body([user([{ type: "image", source }])])

/** Two turns of a model that binds its thinking to what came before. */
const bound = (messages: ReadonlyArray<unknown>, fields: object = {}) =>
  body(messages, { model: "claude-opus-5-5", ...fields })
const first = assistant(thinking("a"), call("t1"))
const conversation: ReadonlyArray<Validator.IssuedReply> = [
  { content: [thinking("a"), call("t1")], stopReason: "tool_use", request: bound(hi) },
  {
    content: [thinking("b"), call("t2")],
    stopReason: "tool_use",
    request: bound([...hi, first, user([result("t1")])])
  }
]
const foreign = (path: string) =>
  `${path}: The block is bound to a different conversation. What comes before a thinking block must be what came before it when it was issued.`

interface Case {
  readonly rule: string
  readonly body: unknown
  readonly options?: Validator.Options
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
    options: {
      issued: [{ content: [thinking("a"), redacted("b"), call("t1"), call("t2")], stopReason: "tool_use" }]
    },
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
    options: { issued: [{ content: [text("Searching")], stopReason: "pause_turn" }] },
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
  { rule: "a choice of a tool", body: older({ tool_choice: { type: "tool", name: "read" } }), expected: [] },
  { rule: "a request for no token, which fills the cache", body: body(hi, { max_tokens: 0 }), expected: [] },
  {
    rule: "every parameter",
    body: body(hi, {
      cache_control: { type: "ephemeral" },
      container: { id: "container_1", skills: [] },
      diagnostics: { previous_message_id: null },
      inference_geo: "eu",
      metadata: { user_id: "u" },
      output_config: {
        effort: "xhigh",
        format: { type: "json_schema", schema: closed({ city: { type: "string" } }, ["city"]) }
      },
      service_tier: "auto",
      speed: "standard",
      stop_sequences: ["END"],
      stream: true,
      system: [{ ...text("Be brief"), cache_control: { type: "ephemeral", ttl: "1h" } }],
      thinking: { type: "adaptive", display: null },
      tool_choice: { type: "auto", disable_parallel_tool_use: true }
    }),
    expected: []
  },
  {
    rule: "a strict tool within all limits",
    body: body(hi, {
      tools: [tool({
        strict: true,
        input_schema: closed({
          ...named(24, { type: "integer" }),
          list: { type: "array", minItems: 1, items: { $ref: "#/$defs/item" } },
          ...Object.fromEntries(
            Array.from({ length: 16 }, (_, index) => [`u${index}`, { type: ["string", "null"] }])
          )
        }, ["list", ...Array.from({ length: 16 }, (_, index) => `u${index}`)])
      })]
    }),
    expected: []
  },
  {
    rule: "a recursive schema of a tool that is not strict",
    body: body(hi, { tools: [tool({ input_schema: { type: "object", properties: { next: { $ref: "#" } } } })] }),
    expected: []
  },
  {
    rule: "four marks for the cache, the longer ones first",
    body: body([user([{ ...text("x"), ...mark() }])], {
      tools: [tool(mark("1h"))],
      system: [{ ...text("a"), ...mark("1h") }, { ...text("b"), ...mark() }]
    }),
    expected: []
  },
  {
    rule: "images and documents from everywhere",
    body: body([user([
      { type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } },
      { type: "image", source: { type: "url", url: "https://example.com/a.png" }, ...mark() },
      { type: "image", source: { type: "file", file_id: "file_1" } },
      { type: "document", source: { type: "base64", media_type: "application/pdf", data: "aGk=" }, title: "a" },
      {
        type: "document",
        source: { type: "text", media_type: "text/plain", data: "hi" },
        citations: { enabled: true }
      },
      { type: "document", source: { type: "content", content: [text("hi")] } },
      { type: "search_result", source: "https://example.com", title: "a", content: [text("hi")] }
    ])]),
    expected: []
  },
  {
    rule: "what the server's tools said, with citations",
    body: body([
      ...hi,
      assistant(
        search("s1"),
        searched("s1"),
        { ...text("So"), citations: [{ type: "web_search_result_location" }] },
        { type: "container_upload", file_id: "file_1" }
      ),
      ...hi
    ]),
    expected: []
  },
  {
    rule: "a call out of code that runs in a named container",
    body: body([...hi, assistant(code("s1"), called("t1", "s1")), user([result("t1")])], { container: "container_1" }),
    expected: []
  },
  {
    rule: "a call out of code that has ended",
    body: body([
      ...hi,
      assistant(code("s1"), called("t1", "s1"), { type: "code_execution_tool_result", tool_use_id: "s1", content: {} }),
      user([result("t1")])
    ]),
    expected: []
  },
  {
    rule: "sampling parameters in the version that had them",
    body: body(hi, { temperature: 0.5, top_p: 1, top_k: 3 }),
    options: { version: "2023-06-01" },
    expected: []
  },
  {
    rule: "what a beta header allows",
    body: body([...hi, assistant({ type: "compaction", content: "So far" }, text("x")), ...hi], {
      context_management: { edits: [] },
      fallbacks: "default",
      mcp_servers: [],
      output_config: { task_budget: { type: "tokens", total: 5 } }
    }),
    options: {
      betas: [
        "compact-2026-01-12",
        "server-side-fallback-2026-07-01",
        "mcp-client-2026-09-15",
        "task-budgets-2026-03-13"
      ]
    },
    expected: []
  },
  {
    rule: "calls before a fallback without results",
    body: body([
      ...hi,
      assistant(call("t1"), { type: "fallback", from: { model: "a" }, to: { model: "b" } }, call("t2")),
      user([result("t2")])
    ]),
    options: { betas: ["server-side-fallback-2026-07-01"] },
    expected: []
  },
  {
    rule: "a request to count tokens",
    body: body(hi, { max_tokens: undefined }),
    options: { endpoint: "count_tokens" },
    expected: []
  },
  {
    rule: "bound thinking with other marks, another effort and no earlier thinking",
    body: bound([
      user([{ ...text("Hi"), ...mark() }]),
      assistant(call("t1")),
      user([result("t1")]),
      assistant(thinking("b"), call("t2")),
      user([result("t2")])
    ], { output_config: { effort: "low" } }),
    options: { issued: conversation },
    expected: []
  },
  {
    rule: "thinking of a model that does not bind it, in another conversation",
    body: body([user("Hello"), assistant(thinking("a"), call("t1")), user([result("t1")])]),
    options: { issued: conversation },
    expected: []
  }
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
    options: { issued: [issuedReply] },
    expected: ["messages.1.content.0: Invalid `signature` in `thinking` block", `messages.1: ${changed}`]
  },
  {
    rule: "altered redacted thinking",
    body: body([...hi, assistant(thinking("a"), redacted("B"), call("t1")), user([result("t1")])]),
    options: { issued: [issuedReply] },
    expected: ["messages.1.content.1: Invalid `data` in `redacted_thinking` block", `messages.1: ${changed}`]
  },
  {
    rule: "thinking out of order",
    body: body([...hi, assistant(redacted("b"), thinking("a"), call("t1")), user([result("t1")])]),
    options: { issued: [issuedReply] },
    expected: [`messages.1.content.1: ${changed}`]
  },
  {
    rule: "thinking left out while its calls are answered",
    body: body([...hi, assistant(call("t1")), user([result("t1")])]),
    options: { issued: [issuedReply] },
    expected: ["messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`"]
  },
  {
    rule: "a part of the thinking left out",
    body: body([...hi, assistant(thinking("a"), call("t1")), user([result("t1")])]),
    options: { issued: [issuedReply] },
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
    rule: "less than no token",
    body: body(hi, { max_tokens: -1 }),
    expected: ["max_tokens: Input should be greater than or equal to 0"]
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
    body: older({ tool_choice: { type: "tool", name: "write" } }),
    expected: ["Tool 'write' not found in provided tools"]
  },
  {
    rule: "a forced choice without tools",
    body: older({ tools: [], tool_choice: { type: "any" } }),
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
  },
  ...[{ type: "any" }, { type: "tool", name: "read" }].map((tool_choice): Case => ({
    rule: `a choice that forces ${tool_choice.type} on a model that cannot be forced`,
    body: body(hi, { tool_choice }),
    expected: ["tool_choice: type \"tool\" and \"any\" are not supported for this model."]
  })),
  {
    rule: "a forced choice with thinking",
    body: older({ tool_choice: { type: "any" }, thinking: { type: "adaptive" } }),
    expected: ["Thinking may not be enabled when tool_choice forces tool use."]
  },
  {
    rule: "a choice of a tool without its name",
    body: older({ tool_choice: { type: "tool" } }),
    expected: ["tool_choice.tool.name: Field required"]
  },
  {
    rule: "a key of a choice the API does not know",
    body: body(hi, { tool_choice: { type: "none", disable_parallel_tool_use: true } }),
    expected: ["tool_choice.none.disable_parallel_tool_use: Extra inputs are not permitted"]
  },
  {
    rule: "a tool of an unknown kind",
    body: body(hi, { tools: [{ type: "function", name: "read" }] }),
    expected: [
      "tools.0: Input tag 'function' found using 'type' does not match any of the expected tags: 'custom', 'bash_20250124', 'text_editor_20250124', 'text_editor_20250429', 'text_editor_20250728', 'memory_20250818', 'browser_toolset_20260801', 'computer_toolset_20260801', 'code_execution_20250522', 'code_execution_20250825', 'code_execution_20260120', 'code_execution_20260521', 'web_search_20250305', 'web_search_20260209', 'web_search_20260318', 'web_fetch_20250910', 'web_fetch_20260209', 'web_fetch_20260309', 'web_fetch_20260318', 'tool_search_tool_bm25', 'tool_search_tool_bm25_20251119', 'tool_search_tool_regex', 'tool_search_tool_regex_20251119'"
    ]
  },
  {
    rule: "another name for a tool of the API",
    body: body(hi, { tools: [{ type: "bash_20250124", name: "shell" }] }),
    expected: ["tools.0.bash_20250124.name: Input should be 'bash'"]
  },
  // Strict schemas
  {
    rule: "an open object in a strict tool",
    body: strict({ type: "object", properties: { at: { type: "object", properties: {} } } }),
    expected: [
      "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false",
      "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false"
    ]
  },
  {
    rule: "an open object as output format",
    body: body(hi, { output_config: { format: { type: "json_schema", schema: { type: "object" } } } }),
    expected: [
      "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
    ]
  },
  {
    rule: "bounds of an integer in a strict tool",
    body: strict(closed({ n: { type: "integer", minimum: 0, maximum: 9 } }, ["n"])),
    expected: ["tools.0.custom: For 'integer' type, properties maximum, minimum are not supported"]
  },
  {
    rule: "the length of a text in a strict tool",
    body: strict(closed({ s: { anyOf: [{ type: "string", maxLength: 9 }, { type: "null" }] } }, ["s"])),
    expected: ["tools.0.custom: For 'string' type, property 'maxLength' is not supported"]
  },
  {
    rule: "the length of a list in a strict tool",
    body: strict(closed({ l: { type: "array", minItems: 2, maxItems: 3, items: { type: "string" } } }, ["l"])),
    expected: [
      "tools.0.custom: For 'array' type, property 'maxItems' is not supported",
      "tools.0.custom: For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    ]
  },
  {
    rule: "a strict schema that refers to itself",
    body: strict(closed({ next: { $ref: "#" } }, ["next"])),
    expected: ["tools.0.custom: Recursive schemas are not supported"]
  },
  {
    rule: "a strict schema that refers to itself by another one",
    body: strict({
      ...closed({ a: { $ref: "#/$defs/a" } }, ["a"]),
      $defs: { a: { type: "array", items: { $ref: "#/$defs/b" } }, b: { anyOf: [{ $ref: "#/$defs/a" }] } }
    }),
    expected: ["tools.0.custom: Recursive schemas are not supported"]
  },
  {
    rule: "a strict schema that refers to elsewhere",
    body: strict(closed({ a: { $ref: "https://example.com/a.json" } }, ["a"])),
    expected: ["tools.0.custom: External $ref is not supported"]
  },
  {
    rule: "21 strict tools",
    body: body(hi, {
      tools: Array.from(
        { length: 21 },
        (_, index) => tool({ name: `t${index}`, strict: true, input_schema: closed({}) })
      )
    }),
    expected: [
      "Too many strict tools (21). The maximum number of strict tools supported is 20. Try reducing the number of tools marked as strict."
    ]
  },
  {
    rule: "25 optional parameters in all strict schemas together",
    body: body(hi, {
      tools: [
        tool({ strict: true, input_schema: closed(named(12, { type: "string" })) }),
        tool({ name: "b", strict: true, input_schema: closed({ at: closed(named(12, { type: "string" })) }, ["at"]) })
      ],
      output_config: { format: { type: "json_schema", schema: closed({ c: { type: "string" } }) } }
    }),
    expected: [
      "Schemas contains too many optional parameters (25), which would make grammar compilation inefficient. Reduce the number of optional parameters in your tool schemas (limit: 24)."
    ]
  },
  {
    rule: "17 unions in a strict schema",
    body: strict(closed(named(17, { anyOf: [{ type: "string" }, { type: "null" }] }), Object.keys(named(17, {})))),
    expected: [
      "Schemas contains too many parameters with union types (17 parameters with type arrays or anyOf). This causes exponential compilation cost. Reduce the number of nullable or union-typed parameters (limit: 16 parameters with unions)."
    ]
  },
  // Cache
  {
    rule: "five marks for the cache, one of them in a result and one for the whole",
    body: body([
      ...hi,
      assistant(call("t1")),
      user([result("t1", { content: [{ ...text("x"), ...mark() }], ...mark() })])
    ], { ...mark(), tools: [tool(mark())], system: [{ ...text("a"), ...mark() }] }),
    expected: ["A maximum of 4 blocks with cache_control may be provided. Found 5."]
  },
  {
    rule: "a longer mark after a shorter one",
    body: body([user([text("x"), { ...text("y"), ...mark("1h") }])], { tools: [tool(mark())] }),
    expected: [
      "messages.0.content.1.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, `system`, `messages`."
    ]
  },
  {
    rule: "a mark on an empty text",
    body: body([user([text("x"), { ...text(""), ...mark() }])]),
    expected: [
      "messages.0.content.1.text: cache_control cannot be set for empty text blocks",
      "messages: text content blocks must be non-empty"
    ]
  },
  {
    rule: "a mark for another time",
    body: body([user([{ ...text("x"), ...mark("2h") }])]),
    expected: ["messages.0.content.0.text.cache_control.ephemeral.ttl: Input should be '5m' or '1h'"]
  },
  {
    rule: "a key of a mark the API does not know",
    body: body(hi, { system: [{ ...text("x"), cache_control: { type: "ephemeral", scope: "global" } }] }),
    expected: ["system.0.cache_control.ephemeral.scope: Extra inputs are not permitted"]
  },
  {
    rule: "a mark of an unknown kind",
    body: body(hi, { cache_control: { type: "forever" } }),
    expected: [
      "cache_control: Input tag 'forever' found using 'type' does not match any of the expected tags: 'ephemeral'"
    ]
  },
  // Parameters
  {
    rule: "thinking of an unknown kind",
    body: body(hi, { thinking: { type: "auto" } }),
    expected: [
      "thinking: Input tag 'auto' found using 'type' does not match any of the expected tags: 'adaptive', 'between_tools', 'disabled', 'enabled'"
    ]
  },
  {
    rule: "thinking with too small a budget",
    body: older({ max_tokens: 4000, thinking: { type: "enabled", budget_tokens: 1000 } }),
    expected: ["thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"]
  },
  {
    rule: "thinking with the budget of the whole reply",
    body: older({ max_tokens: 2000, thinking: { type: "enabled", budget_tokens: 2000 } }),
    expected: ["`max_tokens` must be greater than `thinking.budget_tokens`."]
  },
  {
    rule: "an unknown display of thinking",
    body: body(hi, { thinking: { type: "adaptive", display: "full" } }),
    expected: ["thinking.adaptive.display: Input should be 'summarized' or 'omitted'"]
  },
  {
    rule: "a budget for adaptive thinking",
    body: body(hi, { thinking: { type: "adaptive", budget_tokens: 2000 } }),
    expected: ["thinking.adaptive.budget_tokens: Extra inputs are not permitted"]
  },
  ...["claude-opus-5-5", "claude-opus-5-5-20261101", "eu.anthropic.claude-opus-5-5-v1:0"].map((model): Case => ({
    rule: `thinking disabled on ${model}, which always thinks`,
    body: body(hi, { model, thinking: { type: "disabled" } }),
    expected: [
      "\"thinking.type.disabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior."
    ]
  })),
  {
    rule: "an unknown effort",
    body: body(hi, { output_config: { effort: "extreme" } }),
    expected: ["output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"]
  },
  {
    rule: "an effort that the model does not have",
    body: body(hi, { model: "claude-sonnet-4-6", output_config: { effort: "xhigh" } }),
    expected: ["This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium."]
  },
  {
    rule: "effort on a model that has none",
    body: body(hi, { model: "claude-haiku-4-5-20251001", output_config: { effort: "low" } }),
    expected: ["This model does not support the effort parameter."]
  },
  {
    rule: "what the models given do not have",
    body: body(hi, { model: "local", thinking: { type: "enabled", budget_tokens: 2000 }, max_tokens: 4000 }),
    options: { models: [{ id: "local", thinking: ["adaptive"] }] },
    expected: [
      "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior."
    ]
  },
  {
    rule: "an unknown key of the output",
    body: body(hi, { output_config: { task_budget: { type: "tokens", total: 5 } } }),
    expected: ["output_config.task_budget: Extra inputs are not permitted"]
  },
  {
    rule: "an output format of an unknown kind",
    body: body(hi, { output_config: { format: { type: "json_object" } } }),
    expected: [
      "output_config.format: Input tag 'json_object' found using 'type' does not match any of the expected tags: 'json_schema'",
      "output_config.format.schema: Field required"
    ]
  },
  {
    rule: "an unknown service tier",
    body: body(hi, { service_tier: "flex" }),
    expected: ["service_tier: Input should be 'auto' or 'standard_only'"]
  },
  {
    rule: "an unknown speed",
    body: body(hi, { speed: "slow" }),
    expected: ["speed: Input should be 'standard' or 'fast'"]
  },
  {
    rule: "a blank stop sequence",
    body: body(hi, { stop_sequences: ["END", " \n"] }),
    expected: ["stop_sequences: each stop sequence must contain non-whitespace"]
  },
  ...Object.entries({ metadata: "user", diagnostics: "message_id", container: "name" }).map(([key, extra]): Case => ({
    rule: `a key of ${key} the API does not know`,
    body: body(hi, { [key]: { [extra]: "x" } }),
    expected: [`${key}.${extra}: Extra inputs are not permitted`]
  })),
  {
    rule: "a key of a system text the API does not know",
    body: body(hi, { system: [{ ...text("x"), role: "system" }] }),
    expected: ["system.0.role: Extra inputs are not permitted"]
  },
  {
    rule: "more than 100,000 messages",
    body: body(Array.from({ length: 100_001 }, () => user("x"))),
    expected: ["messages: List should have at most 100000 items after validation, not 100001"]
  },
  {
    rule: "output tokens in a request to count tokens",
    body: body(hi),
    options: { endpoint: "count_tokens" },
    expected: ["max_tokens: Extra inputs are not permitted"]
  },
  // Media
  {
    rule: "an image of an unknown form",
    body: image({ type: "base64", media_type: "image/bmp", data: "aGk=" }),
    expected: [
      "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
    ]
  },
  {
    rule: "an image that is not base64",
    body: image({ type: "base64", media_type: "image/png", data: "data:image/png;base64,aGk=" }),
    expected: ["messages.0.content.0.image.source.base64: invalid base64 data"]
  },
  {
    rule: "an image whose base64 is cut",
    body: image({ type: "base64", media_type: "image/png", data: "aGk" }),
    expected: ["messages.0.content.0.image.source.base64: invalid base64 data"]
  },
  {
    rule: "an image from nowhere",
    body: body([user([{ type: "image" }])]),
    expected: ["messages.0.content.0.image.source: Field required"]
  },
  {
    rule: "an image from a source of an unknown kind",
    body: image({ type: "path", path: "a.png" }),
    expected: [
      "messages.0.content.0.image.source: Input tag 'path' found using 'type' does not match any of the expected tags: 'base64', 'url', 'file'"
    ]
  },
  {
    rule: "an image from an address that is not safe",
    body: image({ type: "url", url: "http://example.com/a.png" }),
    expected: ["messages.0.content.0.image.source.url.url: Only HTTPS URLs are supported."]
  },
  {
    rule: "a key of an image the API does not know",
    body: image({ type: "url", url: "https://example.com/a.png", detail: "high" }),
    expected: ["messages.0.content.0.image.source.url.detail: Extra inputs are not permitted"]
  },
  {
    rule: "a document as a text of another form",
    body: body([user([{ type: "document", source: { type: "text", media_type: "text/html", data: "x" } }])]),
    expected: ["messages.0.content.0.document.source.text.media_type: Input should be 'text/plain'"]
  },
  {
    rule: "a document of the assistant",
    body: body([
      ...hi,
      assistant({ type: "document", source: { type: "file", file_id: "f" } }, text("x")),
      ...hi
    ]),
    expected: ["messages.1.content.0: `document` blocks can only be in `user` messages"]
  },
  {
    rule: "a key of a block in a result the API does not know",
    body: body([...hi, assistant(call("t1")), user([result("t1", { content: [{ ...text("x"), id: 1 }] })])]),
    expected: ["messages.2.content.0.tool_result.content.0.text.id: Extra inputs are not permitted"]
  },
  // What the server runs
  {
    rule: "a result of the server's tools without a call",
    body: body([...hi, assistant(searched("s1"), text("x")), ...hi]),
    expected: [
      "messages.1.content.0: unexpected `tool_use_id` found in `web_search_tool_result` blocks: s1. Each `web_search_tool_result` block must have a corresponding `server_tool_use` block before it."
    ]
  },
  {
    rule: "a result for a call that the server runs",
    body: body([...hi, assistant(search("s1"), searched("s1"), text("x")), user([result("s1")])]),
    expected: [orphan("messages.2.content.0", "s1")]
  },
  {
    rule: "an unknown tool of the server",
    body: body([...hi, assistant({ ...search("s1"), name: "time_travel" }, searched("s1"), text("x")), ...hi]),
    expected: [
      "messages.1.content.0.server_tool_use.name: Input should be 'web_search', 'web_fetch', 'code_execution', 'bash_code_execution', 'text_editor_code_execution', 'tool_search_tool_regex' or 'tool_search_tool_bm25'"
    ]
  },
  {
    rule: "a call out of code that still runs, without its container",
    body: body([...hi, assistant(code("s1"), called("t1", "s1")), user([result("t1")])]),
    expected: [
      "container_id is required when there are pending tool uses generated by code execution with tools."
    ]
  },
  // Betas
  ...[
    "thread",
    "context_management",
    "compaction",
    "fallbacks",
    "fallback_credit_token",
    "mcp_servers",
    "billing_policy"
  ].map((key): Case => ({
    rule: `${key} without its beta`,
    body: body(hi, { [key]: {} }),
    options: { betas: ["token-efficient-tools-2026-01-01"] },
    expected: [`${key}: Extra inputs are not permitted`]
  })),
  {
    rule: "a block of a beta without it",
    body: body([...hi, assistant({ type: "mcp_tool_use", id: "m", name: "x", server_name: "y", input: {} }), ...hi]),
    options: { betas: ["compact-2026-09-04"] },
    expected: [
      "messages.1.content.0: Input tag 'mcp_tool_use' found using 'type' does not match any of the expected tags: 'text', 'web_search_tool_result', 'web_fetch_tool_result', 'code_execution_tool_result', 'bash_code_execution_tool_result', 'text_editor_code_execution_tool_result', 'tool_search_tool_result', 'container_upload', 'image', 'document', 'search_result', 'tool_result', 'thinking', 'redacted_thinking', 'tool_use', 'server_tool_use', 'compaction'"
    ]
  },
  // System messages in the conversation
  {
    rule: "a system message after the assistant",
    body: body([...hi, assistant(text("x")), { role: "system", content: "y" }]),
    expected: [
      "messages.2: role 'system' must precede an 'assistant' message or end the array",
      prefill
    ]
  },
  {
    rule: "a system message with more than text",
    body: body([...hi, { role: "system", content: [text("x"), { type: "container_upload", file_id: "f" }] }]),
    expected: ["messages.1.content.1: `container_upload` blocks cannot be in `system` messages"]
  },
  {
    rule: "a system message for a model that has none",
    body: body([...hi, { role: "system", content: "x" }], { model: "claude-haiku-4-5" }),
    expected: [
      "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \"system\" as an input message role."
    ]
  },
  // Thinking that is bound to its conversation
  {
    rule: "an earlier message edited",
    body: bound([user("Hello"), first, user([result("t1")])]),
    options: { issued: conversation },
    expected: [foreign("messages.1.content.0")]
  },
  {
    rule: "an earlier result cut after it was sent",
    body: bound([
      ...hi,
      first,
      user([result("t1", { content: "o" })]),
      assistant(thinking("b"), call("t2")),
      user([result("t2")])
    ]),
    options: { issued: conversation },
    expected: [foreign("messages.3.content.0")]
  },
  {
    rule: "other tools than before",
    body: bound([...hi, first, user([result("t1")])], { tools: [tool({ description: "Reads" })] }),
    options: { issued: conversation },
    expected: [foreign("messages.1.content.0")]
  },
  {
    rule: "another system text than before",
    body: bound([...hi, first, user([result("t1")])], { system: "Be brief" }),
    options: { issued: conversation },
    expected: [foreign("messages.1.content.0")]
  }
]

describe("Validator", () => {
  it.each(accepted)("validate - accepts $rule", ({ body, options }) => {
    assert.deepStrictEqual(Validator.validate(body, options), [])
  })

  it.each(refused)("validate - refuses $rule", ({ body, expected, options }) => {
    assert.deepStrictEqual(
      Validator.validate(body, options),
      expected.map((message) => ({ status: 400, type: "invalid_request_error", message }))
    )
  })

  it("validate - tells with a code that threads are not supported, so that a client sends the whole conversation", () => {
    assert.deepStrictEqual(
      Validator.validate(body(hi, { thread: { type: "create" } }), { betas: ["message-threads-2026-08-12"] }),
      [{
        status: 400,
        type: "invalid_request_error",
        message: "thread: Message threads are not supported here. Send the whole conversation without `thread`.",
        errorCode: "thread_unsupported_request"
      }]
    )
  })

  it("validate - refuses 257 tools with a code", () => {
    const tools = Array.from({ length: 257 }, (_, index) => tool({ name: `t${index}` }))
    assert.deepStrictEqual(Validator.validate(body(hi, { tools })), [{
      status: 400,
      type: "invalid_request_error",
      message: "tools: List should have at most 256 items after validation, not 257",
      errorCode: "available_tools_limit_exceeded"
    }])
    assert.isEmpty(Validator.validate(body(hi, { tools: tools.slice(1) })))
  })

  it.prop(
    "validate - never throws, and has something to say about a value that is no request",
    [Schema.Json],
    ([value]) => {
      assert.isNotEmpty(Validator.validate(value))
      const everywhere = ["tools", "tool_choice", "system", "thinking", "output_config", "cache_control", "container"]
      const parameters = Object.fromEntries(everywhere.map((key) => [key, value]))
      const blocks = ["image", "document", "tool_result", "server_tool_use", "text"].flatMap((type) => [
        { type, source: value, content: value, name: value, text: value, cache_control: value },
        value
      ])
      const issued = [{ content: [thinking("a")], stopReason: "end_turn", request: value }]
      const violations = Validator.validate(
        bound([user(value), assistant(value, thinking("a")), user(blocks)], {
          ...parameters,
          tools: [value, tool({ strict: true, input_schema: { type: "object", properties: value, $defs: value } })]
        }),
        { issued }
      )
      assert.isNotEmpty(violations)
    }
  )

  it("validate - survives values that do not turn into text, and any depth", () => {
    const hostile = JSON.parse("{\"toString\":1,\"valueOf\":1,\"toJSON\":1}")
    assert.isNotEmpty(Validator.validate(body([user([{ ...result("t1"), tool_use_id: hostile }, { type: hostile }])])))
    const deep = JSON.parse("[".repeat(5000) + "]".repeat(5000))
    assert.isEmpty(
      Validator.validate(body([...hi, assistant(call("t1", { input: { deep } })), user([result("t1")])]))
    )
    const nested = JSON.parse("{\"items\":".repeat(5000) + "{\"$ref\":\"#\"}" + "}".repeat(5000))
    assert.isNotEmpty(Validator.validate(strict({ type: "object", ...nested, additionalProperties: false })))
    const answered = bound([user("Hi"), assistant(call("t0", { input: { deep } }), thinking("a"), text("x")), ...hi])
    assert.isNotEmpty(Validator.validate(answered, { issued: conversation }))
  })
})
