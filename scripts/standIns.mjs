// What the programs of the documentation ask, on free ports of this machine: Claude, a cluster, the weather, a shop's database
// and a tracker of issues. Prints the variables that lead there, as a line of JSON, and serves until its input ends.
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Emulator, Loopback, ModelScript } from "@volley/core/testing"
import { Cluster } from "@volley/tools/testing"
import { Effect, FileSystem, Layer, Redacted, Schema } from "effect"
import { McpProtocol, McpServer, Tool, Toolkit } from "effect/ai"
import { HttpRouter, HttpServer } from "effect/http"
import * as http from "node:http"
import { DatabaseSync } from "node:sqlite"

// ---- Claude: by the question, what it replies turn by turn

const { text } = ModelScript
const call = (name, ...inputs) => ModelScript.toolUse(inputs.map((input) => ({ name, input })))

const cities = call("get_weather", { city: "Oslo" }, { city: "Bergen" })

const replies = {
  "Weather in Oslo?": [call("get_weather", { city: "Oslo" }), text("7 °C.")],
  "Weather in Oslo and Bergen?": [cities, text("Both Oslo and Bergen have 7 °C.")],
  "What is the weather in Oslo and Bergen?": [cities, text("Both Oslo and Bergen have 7 °C and light rain.")],
  "Hello": [text("Hello!")],
  "Name a river in Norway": [text("Glomma")],
  "Invoice A-17 of 12 March, 120.50 in all": [text(`{"number":"A-17","total":120.5}`)],
  "Which page is about limits?": [
    call("files__list_directory", { path: "." }),
    text("agents.md: how a run is bounded, and every way in which it can end.")
  ],
  "Which open issues does the handbook answer?": [
    call("issues__list_issues", {}),
    call("files__read_text_file", { path: "policies.md", head: 5 }),
    text(`"How long is a retry?" is answered by policies.md.`)
  ],
  "What is new?": [call("listIssues", {}), text("Issue 7 asks how long a retry is.")],
  "Correct the spelling of 'recieve' in my notes": [
    call("search_files", { query: "recieve" }),
    call("edit_file", { path: "todo.md", oldText: "recieve", newText: "receive" }),
    text("Corrected in todo.md.")
  ],
  "Which packages are there?": [call("run_command", { argv: ["ls", "packages"] }), text("cli, core and tools.")],
  "Which customer ordered most?": [
    call("sql_schema", {}),
    call("sql_query", {
      sql: "SELECT name, count(*) FROM orders JOIN customers ON customers.id = customer GROUP BY name ORDER BY 2 DESC"
    }),
    text("Grace, twice.")
  ],
  "The printer is on fire": [
    call("create_ticket", { title: "The printer is on fire", body: "Since now." }),
    text("I made a ticket of it.")
  ]
}

const textOf = (content) => typeof content === "string" ? content : content.map((block) => block.text ?? "").join("")

const refuse = (message) => ModelScript.status(400, { message })

/** It has no reply to another question, nor to a call that failed. */
const claude = ({ body: { messages } }) => {
  const question = textOf(messages.find(({ role }) => role === "user").content)
  const turn = messages.filter(({ role }) => role === "assistant").length
  const failed = [messages.at(-1).content].flat().find((block) => block.is_error)
  if (failed !== undefined) return refuse(`a call failed: ${textOf(failed.content)}`)
  return replies[question]?.[turn] ?? refuse(`scripts/standIns.mjs has no reply ${turn + 1} to "${question}"`)
}

/** The AI SDK expects the version in the base URL, the others do not. */
const versioned = (url) => (request, response) => {
  const { headers, method } = request
  const target = `${url}${request.url.startsWith("/v1/") ? "" : "/v1"}${request.url}`
  request.pipe(http.request(target, { headers, method }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers)
    answer.pipe(response)
  }))
}

// ---- the others

/** Both services of Open-Meteo. */
const weather = ({ url }, response) => {
  const places = { results: [{ name: "Oslo", country: "Norway", latitude: 59.91, longitude: 10.75 }] }
  const forecast = {
    timezone: "Europe/Oslo",
    current: { time: "2026-06-01T12:15", weather_code: 61, temperature_2m: 14.2, wind_speed_10m: 11.5 },
    daily: {
      time: ["2026-06-01", "2026-06-02"],
      weather_code: [61, 3],
      temperature_2m_min: [8.1, 9],
      temperature_2m_max: [15.3, 17.8],
      precipitation_sum: [4.2, 0],
      wind_speed_10m_max: [22.3, 14]
    }
  }
  const answer = url.startsWith("/v1/search") ? places : forecast
  response.setHeader("content-type", "application/json").end(JSON.stringify(answer))
}

const makeShop = (file) => {
  const database = new DatabaseSync(file)
  database.exec(`
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id));
    INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace');
    INSERT INTO orders VALUES (1, 2), (2, 1), (3, 2);
  `)
  database.close()
}

const ListIssues = Tool.make("list_issues", { description: "Open issues", success: Schema.Array(Schema.String) })
const tracker = Toolkit.make(ListIssues.annotate(Tool.Readonly, true).annotate(Tool.Destructive, false))
const issues = HttpRouter.serve(
  McpServer.layerHttp({
    name: "issues",
    version: "1.0.0",
    path: "/mcp",
    protocols: [McpProtocol.v2025_11_25],
    registrations: McpServer.toolkit(tracker).pipe(
      Layer.provide(tracker.toLayer({ list_issues: () => Effect.succeed(["How long is a retry?"]) }))
    )
  }),
  { disableLogger: true, disableListenLog: true }
).pipe(Layer.provideMerge(NodeHttpServer.layer(http.createServer, { port: 0, host: "127.0.0.1" })))

const program = Effect.gen(function*() {
  const emulator = yield* Emulator.make(claude)
  const cluster = yield* Cluster.make({ ...Cluster.plan(7), faults: [] })
  const meteo = yield* Loopback.serve(weather)
  const { address } = yield* HttpServer.HttpServer
  const shop = `${yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()}/shop.db`
  makeShop(shop)
  console.log(JSON.stringify({
    ANTHROPIC_API_KEY: "placeholder",
    ANTHROPIC_BASE_URL: yield* Loopback.serve(versioned(emulator.url)),
    DATABASE_URL: `sqlite:${shop}`,
    ISSUES_URL: `http://127.0.0.1:${address.port}/mcp`,
    KUBERNETES_TOKEN: Redacted.value(cluster.token),
    KUBERNETES_URL: cluster.kubernetesUrl,
    OPEN_METEO_GEOCODING_URL: meteo,
    OPEN_METEO_URL: meteo,
    PROMETHEUS_URL: cluster.prometheusUrl
  }))
  yield* Effect.callback((resume) => void process.stdin.resume().once("end", () => resume(Effect.void)))
})

NodeRuntime.runMain(program.pipe(Effect.provide(issues), Effect.scoped))
