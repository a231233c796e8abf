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
