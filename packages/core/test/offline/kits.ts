import * as Tool from "effect/ai/Tool"
import * as Schema from "effect/Schema"
import { type Decision, type MadeCall, plan, type Situation } from "../../src/offline/internal/plan.ts"
import { fromTools } from "../../src/offline/internal/tool.ts"

const text = (description: string) => Schema.String.annotate({ description })
const day = Schema.String.annotate({ description: "ISO date" })

export const weather = [
  Tool.make("get_weather", {
    description: "Current weather of a city",
    parameters: Schema.Struct({ city: text("Name of the city") })
  }),
  Tool.make("get_forecast", {
    description: "Weather forecast for the coming days",
    parameters: Schema.Struct({
      city: Schema.String,
      days: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 14 }))),
      units: Schema.optionalKey(Schema.Literals(["celsius", "fahrenheit"]))
    })
  })
]

export const files = [
  Tool.make("list_files", {
    description: "List the files of a directory",
    parameters: Schema.Struct({ directory: Schema.optionalKey(text("Directory path")) })
  }),
  Tool.make("readFile", {
    description: "Read the contents of a file",
    parameters: Schema.Struct({ path: text("Path of the file") })
  }),
  Tool.make("search_files", {
    description: "Search for text in files",
    parameters: Schema.Struct({
      pattern: text("Regular expression"),
      path: Schema.optionalKey(text("Where to search"))
    })
  }),
  Tool.make("delete_file", { description: "Delete a file", parameters: Schema.Struct({ path: Schema.String }) }),
  Tool.make("write_file", {
    description: "Write a file",
    parameters: Schema.Struct({ path: Schema.String, content: Schema.String })
  })
]

export const ops = [
  Tool.make("list_namespaces", { description: "List the namespaces of the cluster" }),
  Tool.make("get_pods", {
    description: "Pods of a namespace with their status",
    parameters: Schema.Struct({ namespace: text("Kubernetes namespace") })
  }),
  Tool.make("get_pod_logs", {
    description: "Logs of one pod",
    parameters: Schema.Struct({ namespace: Schema.String, pod: text("Pod name"), tail: Schema.optionalKey(Schema.Int) })
  }),
  Tool.make("restart_pod", {
    description: "Restart a pod",
    parameters: Schema.Struct({ namespace: Schema.String, pod: Schema.String })
  }),
  Tool.make("query_metrics", {
    description: "Metrics of the cluster",
    parameters: Schema.Struct({
      query: Schema.String.annotate({ description: "PromQL expression", examples: ["up"] }),
      window: Schema.optionalKey(text("Time window, e.g. 5m"))
    })
  })
]

export const tickets = [
  Tool.make("searchTickets", {
    description: "Search tickets",
    parameters: Schema.Struct({
      query: Schema.String,
      status: Schema.optionalKey(Schema.Literals(["open", "closed", "in progress"])),
      limit: Schema.optionalKey(Schema.Int)
    })
  }),
  Tool.make("getTicket", { description: "One ticket by id", parameters: Schema.Struct({ id: Schema.Int }) }),
  Tool.make("createTicket", {
    description: "Create a ticket",
    parameters: Schema.Struct({ title: Schema.String, priority: Schema.optionalKey(Schema.Literals(["low", "high"])) })
  }),
  Tool.make("assignTicket", { parameters: Schema.Struct({ ticketId: Schema.String, assignee: Schema.String }) })
]

export const sql = [
  Tool.dynamic("run_query", {
    description: "Run a SQL query against the database of orders and customers",
    parameters: { type: "object", properties: { sql: { type: "string" } }, required: ["sql"] }
  }),
  Tool.dynamic("list_tables", { description: "List the tables of the database", parameters: { type: "object" } }),
  Tool.dynamic("describe_table", {
    description: "Columns of a table",
    parameters: { type: "object", properties: { table: { type: "string" } }, required: ["table"] }
  })
]

export const calendar = [
  Tool.make("list_events", {
    description: "Events in the calendar",
    parameters: Schema.Struct({ start: day, end: day })
  }),
  Tool.make("create_event", {
    description: "Create an event",
    parameters: Schema.Struct({
      title: Schema.String,
      date: day,
      duration_minutes: Schema.optionalKey(Schema.Int),
      attendees: Schema.optionalKey(Schema.Array(text("Email address")))
    })
  }),
  Tool.make("find_free_slots", { description: "Find free time slots", parameters: Schema.Struct({ date: day }) })
]

export const travel = [
  Tool.make("distance", {
    description: "Distance between two cities in km",
    parameters: Schema.Struct({ origin: Schema.String, destination: Schema.String })
  })
]

const number = (description: string, minimum: number, maximum: number) =>
  Schema.Int.annotate({ description }).check(Schema.isBetween({ minimum, maximum }))
const glob = Schema.optionalKey(text("Glob: * ? {a,b}. Matched against names, or against paths below `path`"))

/** Three tools of one subject whose descriptions speak of each other, with many optional parameters. */
export const library = [
  Tool.make("read_document", {
    description: "Reads lines of a text file.\nUse it when you know the path.\n" +
      "Do not use it to look for something in many documents (search_documents) or on directories (list_documents).",
    parameters: Schema.Struct({
      path: Schema.String.annotate({ description: "The file, relative to the root", examples: ["guide/start.md"] }),
      offset: Schema.optionalKey(number("First line to read, from 1", 1, 9999)),
      limit: Schema.optionalKey(number("Most lines to read", 1, 9999))
    })
  }),
  Tool.make("list_documents", {
    description: "Lists the files and directories of a directory.\nUse it with `pattern` to find documents by name.\n" +
      "Do not use it to look for text (search_documents) or to read a document (read_document).",
    parameters: Schema.Struct({
      path: Schema.optionalKey(text("The directory, relative to the root; default \".\"")),
      depth: Schema.optionalKey(number("How many levels to go down", 1, 5)),
      pattern: glob
    })
  }),
  Tool.make("search_documents", {
    description: "Finds the lines of text files that contain a literal text.\nUse it to find where something is said.",
    parameters: Schema.Struct({
      query: text("The text, within one line"),
      ignoreCase: Schema.optionalKey(Schema.Boolean),
      path: Schema.optionalKey(text("A directory to search, or one file; default \".\"")),
      pattern: glob,
      maxResults: Schema.optionalKey(number("Most lines to return", 1, 200))
    })
  })
]

const repo = text("owner/name")

export const forge = [
  Tool.make("get_pull_request", {
    description: "Details of one pull request",
    parameters: Schema.Struct({ repo, number: Schema.Int })
  }),
  Tool.make("search_issues", {
    description: "Search issues of a repository",
    parameters: Schema.Struct({ repo, query: text("Search text") })
  }),
  Tool.make("close_issue", {
    description: "Close an issue",
    parameters: Schema.Struct({ repo, number: Schema.Int })
  })
]

export const cluster = [
  Tool.make("get_kubernetes_pod_status", {
    description: "Status of the pods in a namespace",
    parameters: Schema.Struct({
      namespace: text("Kubernetes namespace"),
      label_selector: Schema.optionalKey(text("Label selector, like app=web"))
    })
  }),
  Tool.make("get_pod_metrics", {
    description: "CPU and memory metrics of a pod",
    parameters: Schema.Struct({
      pod: text("Name of the pod"),
      namespace: Schema.optionalKey(Schema.String),
      range: Schema.optionalKey(text("Time range, like 5m"))
    })
  }),
  Tool.make("query_prometheus", {
    description: "Query Prometheus for metrics",
    parameters: Schema.Struct({ query: text("PromQL expression"), range: Schema.optionalKey(Schema.String) })
  }),
  ...weather.slice(0, 1)
]

/** What the planner decides about a question in its first turn, or after the given turns of calls. */
export const decide = (
  tools: ReadonlyArray<Tool.Any>,
  question: string,
  history: ReadonlyArray<ReadonlyArray<MadeCall>> = [],
  choice: Situation["choice"] = "auto"
): Decision => plan({ question, tools: fromTools(tools), history, choice })

/** The calls as `[name, params]`; none when the planner answers. */
export const callsFor = (...situation: Parameters<typeof decide>): ReadonlyArray<readonly [string, unknown]> => {
  const decision = decide(...situation)
  return decision._tag === "Calls" ? decision.calls.map(({ name, params }) => [name, params] as const) : []
}

/** The answer; empty when the planner calls tools. */
export const answerFor = (...situation: Parameters<typeof decide>): string => {
  const decision = decide(...situation)
  return decision._tag === "Answer" ? decision.text : ""
}

/** The arguments the planner finds for the only tool, a dynamic one called `lookup_widget`. */
export const argumentsFor = (
  question: string,
  properties: { readonly [name: string]: object },
  required: ReadonlyArray<string> = Object.keys(properties),
  history: ReadonlyArray<ReadonlyArray<MadeCall>> = []
): ReadonlyArray<unknown> => {
  const tool = Tool.dynamic("lookup_widget", { parameters: { type: "object", properties, required: [...required] } })
  return callsFor([tool], question, history).map(([, params]) => params)
}

export const ended = (name: string, params: unknown, result: unknown, isFailure = false): MadeCall => ({
  name,
  params,
  outcome: { isFailure, result }
})
