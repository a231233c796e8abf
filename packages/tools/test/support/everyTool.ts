import { type Effect, Layer, Redacted } from "effect"
import { type Tool, Toolkit } from "effect/ai"
import { Families, Tickets } from "../../src/index.ts"

/** Each tool of each family once. */
export const tools: ReadonlyArray<Tool.Any> = [
  ...new Set(
    Object.values(Families.all).flatMap(({ toolkit }): ReadonlyArray<Tool.Any> => Object.values(toolkit.tools))
  )
]

const namespace = "production"

/** What each tool may be asked. */
const asked: { readonly [name: string]: { readonly [parameter: string]: unknown } } = {
  read_file: { path: "note.txt" },
  list_files: { path: "." },
  glob_files: { pattern: "*" },
  search_files: { query: "a" },
  write_file: { path: "made.txt", content: "a" },
  edit_file: { path: "note.txt", oldText: "a", newText: "b" },
  move_file: { path: "old.txt", to: "new.txt" },
  delete_file: { path: "new.txt" },
  http_get: { url: "http://localhost/" },
  http_request: { method: "POST", url: "http://localhost/", body: "{}" },
  fetch_page: { url: "http://localhost/" },
  get_kubernetes_pod_status: { namespace },
  get_kubernetes_pod_logs: { namespace, pod: "web-1" },
  get_kubernetes_events: { namespace },
  get_kubernetes_deployments: { namespace },
  query_prometheus: { query: "up" },
  search_prometheus_names: { pattern: "up" },
  list_prometheus_labels: {},
  list_prometheus_series: { selector: "up" },
  search_docs: { query: "words" },
  read_doc: { path: "guide.md" },
  run_command: { argv: ["printenv"] },
  sql_query: { sql: "SELECT * FROM notes" },
  sql_schema: {},
  create_ticket: { title: "Login fails", body: "since today" },
  get_ticket: { id: "T-1" },
  search_tickets: { text: "login" },
  comment_on_ticket: { id: "T-1", body: "seen" },
  transition_ticket: { id: "T-1", status: "resolved" },
  get_weather: { city: "Oslo" }
}

/** Arguments that a tool takes. */
export const argumentsOf = ({ name }: Tool.Any): never => (asked[name] ?? {}) as never

/** A tool with a handler in the place of its own, and all that tools need beside theirs. */
export const handledBy = (tool: Tool.Any, handler: (parameters: unknown) => Effect.Effect<never, unknown>) =>
  Layer.mergeAll(
    Toolkit.make(tool).toLayer({ [tool.name]: handler } as never),
    Tickets.layerMemory({ accounts: [] }),
    Layer.succeed(Tickets.Caller)({ token: Redacted.make("nobody's") })
  ) as Layer.Layer<Tool.Handler<string> | Tickets.TicketStore | Tickets.Caller>
