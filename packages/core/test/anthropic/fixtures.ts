import type { BetaContentBlock, BetaRawContentBlockDelta } from "@anthropic-ai/sdk/resources/beta/messages/messages"

type Json = Record<string, unknown>

/**
 * One block as it is streamed (`start`, then `deltas`), as the API means it (`block`), and as it is sent back (`sent`, where
 * that differs).
 */
export interface Fixture<Block extends BetaContentBlock = BetaContentBlock> {
  readonly block: Block
  readonly start?: Json
  readonly deltas?: ReadonlyArray<BetaRawContentBlockDelta | Json>
  readonly sent?: Json
}

type Fixtures = {
  readonly [Type in BetaContentBlock["type"]]: ReadonlyArray<Fixture<Extract<BetaContentBlock, { type: Type }>>>
}

const text = (value: string) => ({ type: "text" as const, text: value, citations: null })

const charLocation = {
  type: "char_location" as const,
  cited_text: "the fjord is 1,308 m deep",
  document_index: 0,
  document_title: "Sognefjorden",
  start_char_index: 3,
  end_char_index: 28,
  file_id: null
}

const { file_id: _, ...sentCharLocation } = charLocation

const webLocation = {
  type: "web_search_result_location" as const,
  cited_text: "æøå 🐟",
  encrypted_index: "Eo8BCioIAhgB",
  title: null,
  url: "https://example.com/a?b=c"
}

const document = {
  type: "document" as const,
  citations: { enabled: true },
  source: { type: "text" as const, media_type: "text/plain" as const, data: "words" },
  title: "Page"
}

/** Every block that an answer can have, by its type. */
export const fixtures: Fixtures = {
  text: [
    {
      block: text("Hé🐟llo"),
      start: text(""),
      deltas: [{ type: "text_delta", text: "Hé🐟" }, { type: "text_delta", text: "llo" }],
      sent: { type: "text", text: "Hé🐟llo" }
    },
    {
      block: { type: "text", text: "Deep.", citations: [charLocation, webLocation] },
      start: { type: "text", text: "", citations: [] },
      deltas: [
        { type: "citations_delta", citation: charLocation },
        { type: "text_delta", text: "Deep." },
        { type: "citations_delta", citation: webLocation }
      ],
      sent: { type: "text", text: "Deep.", citations: [sentCharLocation, webLocation] }
    }
  ],
  thinking: [
    {
      block: { type: "thinking", thinking: "One.\nTwo: \"ø\"", signature: "EqQBCgIYAhIM+/==" },
      start: { type: "thinking", thinking: "", signature: "" },
      deltas: [
        { type: "thinking_delta", thinking: "One.\n", estimated_tokens: 2 },
        { type: "thinking_delta", thinking: "", estimated_tokens: 9 },
        { type: "thinking_delta", thinking: "Two: \"ø\"", estimated_tokens: null },
        { type: "signature_delta", signature: "EqQBCgIYAhIM+/==" }
      ]
    },
    {
      block: { type: "thinking", thinking: "", signature: "b21pdHRlZA==" },
      start: { type: "thinking", thinking: "", signature: "" },
      deltas: [{ type: "signature_delta", signature: "b21pdHRlZA==" }]
    }
  ],
  redacted_thinking: [{ block: { type: "redacted_thinking", data: "EmwKAhgBEgy3va3pzix/LafPsn4a+/==" } }],
  tool_use: [
    {
      block: { type: "tool_use", id: "toolu_a", name: "search", input: { q: "fjord 🐟", n: [1, null, { a: true }] } },
      start: { type: "tool_use", id: "toolu_a", name: "search", input: {} },
      deltas: [
        { type: "input_json_delta", partial_json: "" },
        { type: "input_json_delta", partial_json: "{\"q\":\"fjord 🐟\",\"n\":[1," },
        { type: "input_json_delta", partial_json: "null,{\"a\":true}]}" }
      ]
    },
    {
      block: {
        type: "tool_use",
        id: "toolu_b",
        name: "search",
        input: {},
        caller: { type: "code_execution_20260120", tool_id: "srvtoolu_1" },
        toolset_name: "browser"
      }
    },
    {
      block: {
        type: "tool_use",
        id: "toolu_c",
        name: "search",
        input: {},
        caller: { type: "direct" },
        toolset_name: null
      },
      sent: { type: "tool_use", id: "toolu_c", name: "search", input: {}, caller: { type: "direct" } }
    }
  ],
  server_tool_use: [
    {
      block: {
        type: "server_tool_use",
        id: "srvtoolu_1",
        name: "web_search",
        input: { query: "fjord" },
        caller: { type: "direct" }
      },
      start: {
        type: "server_tool_use",
        id: "srvtoolu_1",
        name: "web_search",
        input: {},
        caller: { type: "direct" }
      },
      deltas: [
        { type: "input_json_delta", partial_json: "{\"query\"" },
        { type: "input_json_delta", partial_json: ":\"fjord\"}" }
      ]
    },
    { block: { type: "server_tool_use", id: "srvtoolu_2", name: "tool_search_tool_bm25", input: {} } }
  ],
  web_search_tool_result: [
    {
      block: {
        type: "web_search_tool_result",
        tool_use_id: "srvtoolu_1",
        caller: { type: "direct" },
        content: [{
          type: "web_search_result",
          encrypted_content: "EqgfCioIARgB",
          page_age: null,
          title: "Fjord",
          url: "https://example.com"
        }]
      }
    },
    {
      block: {
        type: "web_search_tool_result",
        tool_use_id: "srvtoolu_1",
        content: { type: "web_search_tool_result_error", error_code: "max_uses_exceeded" }
      }
    }
  ],
  web_fetch_tool_result: [
    {
      block: {
        type: "web_fetch_tool_result",
        tool_use_id: "srvtoolu_3",
        content: {
          type: "web_fetch_result",
          url: "https://example.com",
          retrieved_at: "2026-11-20T10:00:00Z",
          content: document
        }
      }
    }
  ],
  code_execution_tool_result: [
    {
      block: {
        type: "code_execution_tool_result",
        tool_use_id: "srvtoolu_4",
        content: {
          type: "encrypted_code_execution_result",
          content: [{ type: "code_execution_output", file_id: "file_1" }],
          encrypted_stdout: "c3Rkb3V0",
          return_code: 0,
          stderr: ""
        }
      }
    }
  ],
  bash_code_execution_tool_result: [
    {
      block: {
        type: "bash_code_execution_tool_result",
        tool_use_id: "srvtoolu_5",
        content: { type: "bash_code_execution_result", content: [], return_code: 1, stderr: "no", stdout: "" }
      }
    }
  ],
  text_editor_code_execution_tool_result: [
    {
      block: {
        type: "text_editor_code_execution_tool_result",
        tool_use_id: "srvtoolu_6",
        content: {
          type: "text_editor_code_execution_view_result",
          content: "a\nb",
          file_type: "text",
          num_lines: 2,
          start_line: 1,
          total_lines: null
        }
      }
    }
  ],
  tool_search_tool_result: [
    {
      block: {
        type: "tool_search_tool_result",
        tool_use_id: "srvtoolu_2",
        content: {
          type: "tool_search_tool_search_result",
          tool_references: [{ type: "tool_reference", tool_name: "search" }]
        }
      }
    }
  ],
  container_upload: [{ block: { type: "container_upload", file_id: "file_2" } }],
  advisor_tool_result: [
    {
      block: {
        type: "advisor_tool_result",
        tool_use_id: "srvtoolu_7",
        content: { type: "advisor_redacted_result", encrypted_content: "b3BhcXVl", stop_reason: "end_turn" }
      }
    }
  ],
  mcp_tool_use: [
    {
      block: { type: "mcp_tool_use", id: "mcptoolu_1", name: "list", server_name: "drive", input: { path: "/æ" } },
      start: { type: "mcp_tool_use", id: "mcptoolu_1", name: "list", server_name: "drive", input: {} },
      deltas: [{ type: "input_json_delta", partial_json: "{\"path\":\"/æ\"}" }]
    }
  ],
  mcp_tool_result: [
    {
      block: {
        type: "mcp_tool_result",
        tool_use_id: "mcptoolu_1",
        is_error: false,
        content: [text("a file")]
      }
    }
  ],
  mcp_tool_listing: [
    {
      block: {
        type: "mcp_tool_listing",
        mcp_server_name: "drive",
        tools: [{ name: "list", description: "Lists", input_schema: { type: "object" } }]
      }
    }
  ],
  compaction: [
    {
      block: { type: "compaction", content: "So far: fjords.", encrypted_content: "ZW5j", signature: "c2ln" },
      start: { type: "compaction", content: null, encrypted_content: null, signature: "c2ln" },
      deltas: [{ type: "compaction_delta", content: "So far: fjords.", encrypted_content: "ZW5j" }]
    },
    { block: { type: "compaction", content: null, encrypted_content: null } }
  ],
  fallback: [
    {
      block: {
        type: "fallback",
        from: { model: "claude-fable-5-1" },
        to: { model: "claude-opus-5" },
        trigger: { type: "refusal", category: "cyber" } as never
      }
    }
  ]
}

/** A block of a type that no SDK knows yet. */
export const future: Fixture = {
  block: { type: "hologram", id: "h1", depth: null, input: { beam: "🔦" }, frames: [{ n: 1 }] } as never,
  start: { type: "hologram", id: "h1", depth: null, input: {}, frames: [{ n: 1 }] },
  deltas: [{ type: "input_json_delta", partial_json: "{\"beam\":\"🔦\"}" }]
}

export const all: ReadonlyArray<Fixture> = [...Object.values(fixtures).flat(), future]

/** What a request has to say for a block that was received. */
export const sent = (fixture: Fixture): unknown => fixture.sent ?? fixture.block

/** The events of one block. */
export const events = (index: number, { block, deltas = [], start = { ...block } }: Fixture): Array<Json> => [
  { type: "content_block_start", index, content_block: start },
  ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
  { type: "content_block_stop", index }
]

const usage = { input_tokens: 3, output_tokens: 1 }

/** The events of a reply with these blocks. */
export const reply = (blocks: ReadonlyArray<Fixture>, delta: Json = {}, message: Json = {}): Array<Json> => [
  {
    type: "message_start",
    message: { id: "msg_1", type: "message", role: "assistant", model: "claude-test", content: [], usage, ...message }
  },
  { type: "ping" },
  ...blocks.flatMap((block, index) => events(index, block)),
  { type: "message_delta", delta: { stop_reason: "end_turn", ...delta }, usage: { output_tokens: 5 } },
  { type: "message_stop" }
]
