import { assert, describe, it } from "@effect/vitest"
import * as Tool from "effect/ai/Tool"
import * as Schema from "effect/Schema"
import { clausesOf } from "../../src/offline/internal/clause.ts"
import { lex } from "../../src/offline/internal/question.ts"
import { pathForm, suits } from "../../src/offline/internal/value.ts"
import { answerFor, calendar, callsFor, cluster, ended, forge, library, ops, sql, tickets, weather } from "./kits.ts"

const everything = [...weather, ...ops, ...tickets, ...sql, ...calendar]

const clauses: ReadonlyArray<readonly [question: string, clauses: ReadonlyArray<string>]> = [
  ["Read a.md and list the files", ["Read a.md and", "list the files"]],
  ["Which are open? Show them; count them", ["Which are open", "Show them", "count them"]],
  ["the weather in Oslo and the forecast", ["the weather in Oslo and", "the forecast"]],
  ["Read a.md, then tell me who wrote it", ["Read a.md", "then tell me who wrote it"]],
  ["salt and pepper, oil and vinegar", ["salt and pepper oil and vinegar"]],
  ["Do not restart it, show the logs", ["show the logs"]],
  ["Don't restart it", ["Don't restart it"]]
]

const questions: ReadonlyArray<
  readonly [question: string, kit: ReadonlyArray<Tool.Any>, calls: ReadonlyArray<unknown>]
> = [
  ["Which documents in guide/core mention \"Back-Off\"?", library, [
    ["search_documents", { query: "Back-Off", path: "guide/core" }]
  ]],
  ["Search the documents in guide/core for \"Back-Off\" and read NOTICE", library, [
    ["search_documents", { query: "Back-Off", path: "guide/core" }],
    ["read_document", { path: "NOTICE" }]
  ]],
  ["Read START.md and list the documents in guide", library, [
    ["read_document", { path: "START.md" }],
    ["list_documents", { path: "guide" }]
  ]],
  ["List the documents in drafts", library, [["list_documents", { path: "drafts" }]]],
  ["What does NOTICE say?", library, [["read_document", { path: "NOTICE" }]]],
  ["Which documents of this collection mention 'at most once'?", library, [
    ["search_documents", { query: "at most once" }]
  ]],
  ["Find FIXME in guide/core/src", library, [["search_documents", { query: "FIXME", path: "guide/core/src" }]]],
  ["show me start.json and guide.base.json", library, [
    ["read_document", { path: "start.json" }],
    ["read_document", { path: "guide.base.json" }]
  ]],
  ["What is in guide/core?", library, [["list_documents", { path: "guide/core" }]]],
  ["What does guide/core contain?", library, [["list_documents", { path: "guide/core" }]]],
  ["What documents are there?", library, [["list_documents", {}]]],
  ["List the *.md documents in guide", library, [["list_documents", { path: "guide", pattern: "*.md" }]]],
  ["List the documents in guide, 3 levels deep", library, [["list_documents", { path: "guide", depth: 3 }]]],
  ["Read the first 20 lines of NOTICE", library, [["read_document", { path: "NOTICE", limit: 20 }]]],
  ["Search for \"maxAge\" ignoring case in guide and drafts", library, [
    ["search_documents", { query: "maxAge", ignoreCase: true, path: "guide" }],
    ["search_documents", { query: "maxAge", ignoreCase: true, path: "drafts" }]
  ]],
  ["Where is BackOff defined?", library, [["search_documents", { query: "BackOff" }]]],
  ["Read a/b.ts, then tell me which documents in guide mention Ada", library, [
    ["read_document", { path: "a/b.ts" }],
    ["search_documents", { query: "Ada", path: "guide" }]
  ]],
  ["How are timeouts handled?", library, []],
  ["Search issues in acme/shop for \"memory leak\"", forge, [
    ["search_issues", { repo: "acme/shop", query: "memory leak" }]
  ]],
  ["Show pull request 12 of acme/shop and the issues about login", forge, [
    ["get_pull_request", { repo: "acme/shop", number: 12 }],
    ["search_issues", { repo: "acme/shop", query: "login" }]
  ]],
  ["What issues does acme/shop have?", forge.slice(2), []],
  ["What's the weather in Oslo? And the forecast?", everything, [
    ["get_weather", { city: "Oslo" }],
    ["get_forecast", { city: "Oslo" }]
  ]],
  ["Are there open tickets about login, and what is the weather in Oslo?", everything, [
    ["searchTickets", { query: "login", status: "open" }],
    ["get_weather", { city: "Oslo" }]
  ]],
  ["Show the pods of the staging namespace and the weather in Paris", everything, [
    ["get_pods", { namespace: "staging" }],
    ["get_weather", { city: "Paris" }]
  ]],
  ["Show the pods of the staging and the production namespace", ops, [
    ["get_pods", { namespace: "staging" }],
    ["get_pods", { namespace: "production" }]
  ]],
  ["Run `select 1` and show ticket 7", everything, [["run_query", { sql: "select 1" }], ["getTicket", { id: 7 }]]],
  ["describe the orders table and list the tables", everything, [
    ["describe_table", { table: "orders" }],
    ["list_tables", {}]
  ]],
  ["Which events are there on 2026-03-01, and find free slots on 2026-03-02", everything, [
    ["list_events", { start: "2026-03-01", end: "2026-03-01" }],
    ["find_free_slots", { date: "2026-03-02" }]
  ]],
  ["Assign ticket PROJ-12 to Alice and create an event titled \"Handover\" on 2026-03-04", everything, [
    ["assignTicket", { ticketId: "PROJ-12", assignee: "Alice" }],
    ["create_event", { title: "Handover", date: "2026-03-04" }]
  ]],
  ["Do not restart pod api-1 in namespace prod, just show its logs", everything, [
    ["get_pod_logs", { namespace: "prod", pod: "api-1" }]
  ]],
  ["Restart pod a-1 in namespace prod, and what about pod b-2?", everything, [
    ["restart_pod", { namespace: "prod", pod: "a-1" }],
    ["get_pods", { namespace: "prod" }]
  ]]
]

describe("requests", () => {
  it.each(clauses)("clauses - %s", (question, expected) => {
    const found = clausesOf(lex(question)).map((clause) => clause.map(({ text }) => text).join(" "))
    assert.deepStrictEqual(found, expected)
  })

  it.each(questions)("calls - %s", (question, kit, calls) => {
    assert.deepStrictEqual(callsFor(kit, question), calls)
  })

  it("a path - suits what its form and the parameter tell", () => {
    const form = (text: string) => pathForm({ kind: "path", text })
    assert.deepStrictEqual(["a/b.ts", "a/", "a/b", "..", "a/.cache"].map(form), [
      "file",
      "directory",
      "open",
      "directory",
      "open"
    ])
    assert.strictEqual(pathForm({ kind: "word", text: "a" }), undefined)
    assert.strictEqual(suits("file", "directory"), 0)
    assert.isBelow(suits("file", "open"), suits("directory", "open"))
  })
})

describe("requests: an optional parameter", () => {
  const optional = (question: string) => callsFor(library, question).map(([, params]) => params)

  it("takes no word or quotation that nothing says is meant for it", () => {
    assert.deepStrictEqual(optional("Search the documents for \"x y\" and \"*\""), [{ query: "x y" }, { query: "*" }])
    assert.deepStrictEqual(optional("List the documents about whales"), [{}])
    assert.deepStrictEqual(optional("List the 7 documents"), [{}])
  })

  it("takes what stands beside its name", () => {
    assert.deepStrictEqual(optional("List the documents with depth 2"), [{ depth: 2 }])
    assert.deepStrictEqual(optional("List the documents in the folder guide with pattern \"a?\""), [
      { path: "guide", pattern: "a?" }
    ])
  })
})

describe("requests: pods in trouble and their metrics", () => {
  const question = "What pods are having issues in the production namespace? Check their metrics too."
  const status = {
    namespace: "production",
    pods: [{ name: "api-1", status: "CrashLoopBackOff" }, { name: "web-2", status: "Pending" }]
  }
  const first = ended("get_kubernetes_pod_status", { namespace: "production" }, status)

  it("the first turn - asks for the pods of that namespace only", () => {
    assert.deepStrictEqual(callsFor(cluster, question), [["get_kubernetes_pod_status", { namespace: "production" }]])
  })

  it("the second turn - asks for the metrics of each pod found", () => {
    assert.deepStrictEqual(callsFor(cluster, question, [[first]]), [
      ["get_pod_metrics", { pod: "api-1", namespace: "production" }],
      ["get_pod_metrics", { pod: "web-2", namespace: "production" }]
    ])
  })

  it("a query nobody wrote - is not made up", () => {
    const kit = cluster.filter(({ name }) => name !== "get_pod_metrics")
    assert.deepStrictEqual(callsFor(kit, question, [[first]]), [])
    assert.include(answerFor(kit, question, [[first]]), "query_prometheus was not called: required parameter `query`")
  })
})

describe("requests: the second turn", () => {
  it("what is to be done with what was found - is done with each thing found", () => {
    const question = "Find the documents in guide that mention \"Ada\" and read them"
    const query = { query: "Ada", path: "guide" }
    assert.deepStrictEqual(callsFor(library, question), [["search_documents", query]])
    const matches = [{ path: "guide/a.md", line: 1 }, { path: "guide/a.md", line: 9 }, { path: "guide/b.md", line: 2 }]
    assert.deepStrictEqual(callsFor(library, question, [[ended("search_documents", query, { matches })]]), [
      ["read_document", { path: "guide/a.md" }],
      ["read_document", { path: "guide/b.md" }]
    ])
  })

  it("a tool that was not asked for - is not called with what was found", () => {
    const entries = [{ path: "guide/a.md", kind: "file" }]
    const history = [[ended("list_documents", { path: "guide" }, { entries })]]
    assert.deepStrictEqual(callsFor(library, "List the documents in guide", history), [])
  })

  it("a directory that was found - is not read as a file", () => {
    const entries = [{ path: "guide/sub", kind: "directory" }, { path: "guide/a.md", kind: "file" }]
    const history = [[ended("list_documents", { path: "guide" }, { entries })]]
    assert.deepStrictEqual(callsFor(library, "List the documents in guide and read them", history), [
      ["read_document", { path: "guide/a.md" }]
    ])
  })

  it("a failed change - leads to no other change", () => {
    const question = "Restart pod a-1 in namespace prod"
    const history = [[ended("restart_pod", { namespace: "prod", pod: "a-1" }, "gone", true)]]
    const kit = [...ops, Tool.make("restart_pod_group", { parameters: Schema.Struct({ pod: Schema.String }) })]
    assert.notInclude(callsFor(kit, question).map(([name]) => name), "restart_pod_group")
    assert.notInclude(callsFor(kit, question, history).map(([name]) => name), "restart_pod_group")
  })

  it("only failures - lead to the next best tool", () => {
    const question = "Read the document guide/core"
    const call = callsFor(library, question)
    assert.deepStrictEqual(call, [["read_document", { path: "guide/core" }]])
    const history = [[ended("read_document", { path: "guide/core" }, "is a directory", true)]]
    assert.deepStrictEqual(callsFor(library, question, history), [["list_documents", { path: "guide/core" }]])
  })
})
