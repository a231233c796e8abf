import { assert, describe, it } from "@effect/vitest"
import * as Tool from "effect/ai/Tool"
import * as Schema from "effect/Schema"
import { plan } from "../../src/offline/internal/plan.ts"
import * as ToolSpec from "../../src/offline/internal/tool.ts"
import { answerFor, calendar, callsFor, ended, files, ops, sql, tickets, travel, weather } from "./kits.ts"

const questions: ReadonlyArray<
  readonly [question: string, kit: ReadonlyArray<Tool.Any>, calls: ReadonlyArray<unknown>]
> = [
  ["Weather in Oslo and Bergen?", weather, [["get_weather", { city: "Oslo" }], ["get_weather", { city: "Bergen" }]]],
  ["what's the weather in oslo", weather, [["get_weather", { city: "oslo" }]]],
  ["Oslo weather?", weather, [["get_weather", { city: "Oslo" }]]],
  ["How is the weather in \"São Paulo\"?", weather, [["get_weather", { city: "São Paulo" }]]],
  ["weather for the city of Rio de Janeiro", weather, [["get_weather", { city: "Rio de Janeiro" }]]],
  ["What is the weather forecast for New York for the next 3 days in fahrenheit?", weather, [
    ["get_forecast", { city: "New York", days: 3, units: "fahrenheit" }]
  ]],
  ["Tell me a joke", weather, []],
  ["What is in src/index.ts?", files, [["readFile", { path: "src/index.ts" }]]],
  ["Compare README.md and package.json", files, [["readFile", { path: "README.md" }], ["readFile", {
    path: "package.json"
  }]]],
  ["Where is \"retryBudget\" used in src/?", files, [["search_files", { pattern: "retryBudget", path: "src/" }]]],
  ["Which files are in the src directory?", files, [["list_files", { directory: "src" }]]],
  ["Delete the file tmp/a.txt", files, [["delete_file", { path: "tmp/a.txt" }]]],
  ["What pods are having issues in the production namespace?", ops, [["get_pods", { namespace: "production" }]]],
  ["Show the logs of pod api-7f9c in namespace: payments", ops, [
    ["get_pod_logs", { namespace: "payments", pod: "api-7f9c" }]
  ]],
  ["List pods of the staging and production namespaces", ops, [
    ["get_pods", { namespace: "staging" }],
    ["get_pods", { namespace: "production" }]
  ]],
  ["Please restart pod api-1 in namespace staging", ops, [["restart_pod", { namespace: "staging", pod: "api-1" }]]],
  ["What namespaces are there?", ops, [["list_namespaces", {}]]],
  ["Show ticket 42 and 43", tickets, [["getTicket", { id: 42 }], ["getTicket", { id: 43 }]]],
  ["Are there open tickets about login timeouts?", tickets, [["searchTickets", {
    query: "login timeouts",
    status: "open"
  }]]],
  ["top 5 closed tickets about payment", tickets, [["searchTickets", {
    query: "payment",
    status: "closed",
    limit: 5
  }]]],
  ["Create a ticket titled \"Login is broken\" with high priority", tickets, [
    ["createTicket", { title: "Login is broken", priority: "high" }]
  ]],
  ["Assign ticket PROJ-12 to Alice", tickets, [["assignTicket", { ticketId: "PROJ-12", assignee: "Alice" }]]],
  ["Run `select count(*) from orders`", sql, [["run_query", { sql: "select count(*) from orders" }]]],
  ["What columns does the orders table have?", sql, [["describe_table", { table: "orders" }]]],
  ["Which tables are there?", sql, [["list_tables", {}]]],
  ["What events do I have from 2026-03-01 to 2026-03-05?", calendar, [
    ["list_events", { start: "2026-03-01", end: "2026-03-05" }]
  ]],
  ["What events are there on 2026-03-01?", calendar, [["list_events", { start: "2026-03-01", end: "2026-03-01" }]]],
  ["Find free slots on 3 March 2026", calendar, [["find_free_slots", { date: "2026-03-03" }]]],
  ["distance between Oslo and Bergen", travel, [["distance", { origin: "Oslo", destination: "Bergen" }]]],
  ["What is the distance to Rome from New York?", travel, [["distance", { origin: "New York", destination: "Rome" }]]]
]

describe("plan: choosing tools", () => {
  it.each(questions)("%s", (question, kit, calls) => {
    assert.deepStrictEqual(callsFor(kit, question), calls)
  })

  it("a guess - is not taken from a clause about another tool", () => {
    const question = "Which pods restarted in production, and what is the weather in Oslo?"
    assert.deepStrictEqual(callsFor([...ops, ...weather.slice(0, 1)], question), [
      ["get_pods", { namespace: "production" }],
      ["get_weather", { city: "Oslo" }]
    ])
  })

  it("a tool without a JSON Schema - is not called", () => {
    const spec = ToolSpec.make("get_uptime", "", undefined)
    const decision = plan({ question: "What is the uptime?", tools: [spec], history: [], choice: "auto" })
    assert.include(decision._tag === "Answer" ? decision.text : "", "its parameters have no JSON Schema")
  })

  it("alternatives in a schema - are tried in order", () => {
    const branch = (name: string) => ({ type: "object", properties: { [name]: { type: "integer" } }, required: [name] })
    const tool = Tool.dynamic("find_user", { parameters: { anyOf: [branch("age"), branch("badge")] } })
    assert.deepStrictEqual(callsFor([tool], "find the user with the number 7"), [["find_user", { age: 7 }]])
  })

  it("a changing tool - is not called for a question that only mentions the change", () => {
    for (
      const question of [
        "How do pods restart in namespace staging?",
        "Which pods had a restart? Do not restart pod api-1"
      ]
    ) {
      const names = callsFor(ops, question).map(([name]) => name)
      assert.notInclude(names, "restart_pod")
    }
  })

  it("a changing tool - takes no guessed value", () => {
    const tool = Tool.make("remove_user", {
      description: "Remove a user",
      parameters: Schema.Struct({ account: Schema.String })
    })
    assert.deepStrictEqual(callsFor([tool], "Remove the user who visited Oslo"), [])
    assert.deepStrictEqual(callsFor([tool], "Remove the user with account Oslo"), [["remove_user", {
      account: "Oslo"
    }]])
  })

  it("a tool without a description - is found by its name", () => {
    assert.deepStrictEqual(callsFor([Tool.dynamic("uptime", { parameters: {} })], "What is the uptime?"), [[
      "uptime",
      {}
    ]])
  })

  it("toolChoice none - answers at once", () => {
    assert.include(answerFor(weather, "Weather in Oslo?", [], "none"), "no tool was called")
  })

  it("toolChoice tool - calls that tool, or says why not", () => {
    const forced = { tool: "get_forecast" }
    assert.deepStrictEqual(callsFor(weather, "Weather in Oslo?", [], forced), [["get_forecast", { city: "Oslo" }]])
    assert.include(answerFor(weather, "Hello", [], forced), "get_forecast was not called: required parameter `city`")
  })

  it("toolChoice required - calls what can be called although nothing fits", () => {
    assert.deepStrictEqual(callsFor(ops, "Hello"), [])
    assert.deepStrictEqual(callsFor(ops, "Hello", [], "required"), [["list_namespaces", {}]])
  })

  it("calls - are at most eight in a turn", () => {
    const cities = "Oslo, Bergen, Paris, Rome, Berlin, Madrid, Lisbon, Vienna, Prague and Athens"
    const first = callsFor(weather, `Weather in ${cities}?`)
    const made = first.map(([name, params]) => ended(name, params, "fine"))
    const second = callsFor(weather, `Weather in ${cities}?`, [made])
    assert.deepStrictEqual([first.length, second.length], [8, 2])
  })
})

describe("plan: the second turn", () => {
  const issues = "What pods are having issues?"

  it("the first turn - asks the tool that lists what is missing", () => {
    assert.deepStrictEqual(callsFor(ops, issues), [["list_namespaces", {}]])
  })

  it("an array result - gives one call for each item", () => {
    const history = [[ended("list_namespaces", {}, ["prod", "staging"])]]
    assert.deepStrictEqual(callsFor(ops, issues, history), [
      ["get_pods", { namespace: "prod" }],
      ["get_pods", { namespace: "staging" }]
    ])
  })

  it("records - fill the parameters of one call together, also from JSON in text", () => {
    const result = JSON.stringify({
      namespace: "prod",
      pods: [{ name: "a", status: "Running" }, { name: "b", status: "Failed" }]
    })
    const history = [[ended("get_pods", { namespace: "prod" }, result)]]
    assert.deepStrictEqual(callsFor(ops, "logs of the failing pods in the prod namespace", history), [
      ["get_pod_logs", { namespace: "prod", pod: "a" }],
      ["get_pod_logs", { namespace: "prod", pod: "b" }]
    ])
  })

  it("records - that contradict the question are left out", () => {
    const result = [{ namespace: "prod", pod: "a" }, { namespace: "staging", pod: "b" }]
    const history = [[ended("get_pods", { namespace: "prod" }, result)]]
    assert.deepStrictEqual(callsFor(ops, "logs of the failing pods in the staging namespace", history), [
      ["get_pod_logs", { namespace: "staging", pod: "b" }]
    ])
  })

  it("records - never decide what is changed when there are several", () => {
    const pods = [{ namespace: "prod", pod: "a" }, { namespace: "prod", pod: "b" }]
    const ask = (result: unknown) => callsFor(ops, "Restart the broken pod", [[ended("get_pods", {}, result)]])
    assert.deepStrictEqual(ask(pods).filter(([name]) => name === "restart_pod"), [])
    assert.deepStrictEqual(ask(pods.slice(0, 1)).filter(([name]) => name === "restart_pod"), [["restart_pod", pods[0]]])
  })

  it("a failed result - feeds nothing", () => {
    const history = [[ended("list_namespaces", {}, ["prod"], true)]]
    assert.deepStrictEqual(callsFor(ops, issues, history), [])
  })

  it("identical calls - are not repeated", () => {
    const history = [[ended("get_weather", { city: "Oslo" }, { temperature: 7 })]]
    assert.deepStrictEqual(callsFor(weather, "Weather in Oslo?", history), [])
  })

  it("a third turn - is not taken", () => {
    const call = ended("list_namespaces", {}, ["prod"])
    assert.deepStrictEqual(callsFor(ops, issues, [[call], [call]]), [])
  })
})

describe("plan: the answer", () => {
  it("the first line - says what answers", () => {
    for (const question of ["Tell me a joke", "What is the weather?"]) {
      assert.match(answerFor(weather, question).split("\n", 1).join(), /offline planner \(not a language model\)/)
    }
  })

  it("results - are shown for each call, failures with their reason", () => {
    const history = [[
      ended("get_weather", { city: "Oslo" }, { temperature: 7, sky: "clear" }),
      ended(
        "get_weather",
        { city: "Bergen" },
        { _tag: "Transient", reason: "Timeout", message: "no answer in 10 s" },
        true
      ),
      { name: "get_weather", params: { city: "Rome" }, outcome: undefined }
    ]]
    assert.strictEqual(
      answerFor(weather, "Weather in Oslo, Bergen and Rome?", history),
      `This answer is from the offline planner (not a language model): it matched the question to tools and shows what 3 tool calls returned, 1 of them failed.

get_weather(city: "Oslo")
  temperature: 7
  sky: clear

get_weather(city: "Bergen") failed:
  no answer in 10 s

get_weather(city: "Rome") has no result.`
    )
  })

  it("a required parameter that nothing fills - is named with its tool", () => {
    assert.include(
      answerFor(weather, "What is the weather?"),
      "get_weather was not called: required parameter `city` could not be filled from the question or from earlier results."
    )
  })

  it("a change nobody asked for - is named as the reason", () => {
    assert.include(
      answerFor(ops.slice(3, 4), "Why did pod api-1 in namespace staging crash?"),
      "restart_pod was not called: it makes a change (\"restart\") that the question does not ask for."
    )
  })

  it("no tool fits - lists the offered tools", () => {
    assert.include(answerFor(weather, "Tell me a joke"), "- get_weather: Current weather of a city")
    assert.include(answerFor([], "Tell me a joke"), "no tools were offered")
  })
})
