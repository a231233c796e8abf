/**
 * What a request may have only with a beta header, as data.
 *
 * @internal
 */

interface Beta {
  /** What the values of the header begin with; a date follows. */
  readonly names: ReadonlyArray<string>
  readonly parameters?: ReadonlyArray<string>
  readonly blocks?: ReadonlyArray<string>
  /** Keys of `output_config`. */
  readonly output?: ReadonlyArray<string>
}

const betas: ReadonlyArray<Beta> = [
  { names: ["compact"], parameters: ["compaction", "context_management"], blocks: ["compaction"] },
  { names: ["context-management"], parameters: ["context_management"] },
  { names: ["server-side-fallback"], parameters: ["fallbacks"], blocks: ["fallback"] },
  { names: ["fallback-credit"], parameters: ["fallback_credit_token"] },
  {
    names: ["mcp-client"],
    parameters: ["mcp_servers"],
    blocks: ["mcp_tool_use", "mcp_tool_result", "mcp_tool_listing"]
  },
  { names: ["advisor-tool"], blocks: ["advisor_tool_result"] },
  { names: ["inline-tools", "mid-conversation-tool-changes"], blocks: ["tool_addition", "tool_removal"] },
  { names: ["task-budgets"], output: ["task_budget"] },
  { names: ["message-threads"], parameters: ["thread"] }
]

/** @internal */
export interface Allowed {
  readonly parameters: ReadonlySet<string>
  readonly blocks: ReadonlySet<string>
  readonly output: ReadonlySet<string>
}

/** What the values of the header allow. @internal */
export const allowed = (header: ReadonlyArray<string>): Allowed => {
  const active = betas.filter(({ names }) =>
    names.some((name) => header.some((value) => value.replace(/-\d{4}-\d{2}-\d{2}$/, "") === name))
  )
  const all = (key: "parameters" | "blocks" | "output") => new Set(active.flatMap((beta) => beta[key] ?? []))
  return { parameters: all("parameters"), blocks: all("blocks"), output: all("output") }
}
