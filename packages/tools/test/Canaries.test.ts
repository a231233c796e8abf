import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Agent, Approval, Journal, Redactor } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { ConfigProvider, Effect, FileSystem, Layer, Redacted, Stream } from "effect"
import type { Tool, Toolkit } from "effect/ai"
import { DatabaseSync } from "node:sqlite"
import { Families } from "../src/index.ts"
import { canaries, type Canary, configured, echoOf, shownIn, watched } from "./support/canaries.ts"
import { type Echo, type Mode, serve } from "./support/echoes.ts"
import { argumentsOf, tools } from "./support/everyTool.ts"
import { tell } from "./support/tell.ts"

const isLong = process.env["VOLLEY_LONG"] === "1"

const modes: ReadonlyArray<Mode> = ["well", 400, 401, 403, 404, 500, "cut"]

/** How many canaries a service repeats at once: what is cut hides those behind it. */
const groups: ReadonlyArray<ReadonlyArray<Canary>> = Array.from(
  { length: isLong ? canaries.length : 3 },
  (_, i, each = isLong ? 1 : canaries.length / 3) => canaries.slice(i * each, (i + 1) * each)
)

const names = Families.names.filter((name) => name !== "files" && name !== "ops")

const callsTo = (url: string) =>
  tools.map((tool: Tool.Any) => ({
    name: tool.name,
    input: Object.hasOwn(argumentsOf(tool), "url")
      ? { ...argumentsOf(tool) as object, url: tool.name === "fetch_page" ? `${url}/page` : url }
      : argumentsOf(tool)
  }))

const plant = (directory: string, text: string) => {
  const database = new DatabaseSync(`${directory}/data.db`)
  database.exec("DROP TABLE IF EXISTS notes; CREATE TABLE notes (body TEXT)")
  database.prepare("INSERT INTO notes VALUES (?)").run(text)
  database.close()
  return Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    yield* Effect.forEach(
      ["note.txt", "old.txt", "guide.md"],
      (name) => fs.writeFileString(`${directory}/${name}`, `# words of a guide\n\n${text}\n`)
    )
    yield* fs.remove(`${directory}/new.txt`, { force: true })
    yield* fs.remove(`${directory}/made.txt`, { force: true })
  })
}

const variables = (url: string, directory: string, secrets = configured) => ({
  KUBERNETES_URL: `${url}/kubernetes`,
  KUBERNETES_TOKEN: secrets[0]!,
  PROMETHEUS_URL: `${url}/prometheus`,
  PROMETHEUS_TOKEN: secrets[1]!,
  TICKETS_URL: url,
  TICKETS_TOKEN: secrets[2]!,
  DATABASE_URL: `sqlite:${directory}/data.db`,
  OPEN_METEO_URL: `${url}/forecast`,
  OPEN_METEO_GEOCODING_URL: `${url}/geocoding`,
  HTTP_ALLOW_PRIVATE: new URL(url).host,
  SHELL_READONLY: "printenv",
  SHELL_ENVIRONMENT: "DEPLOY_TOKEN",
  DEPLOY_TOKEN: secrets[3]!,
  PATH: process.env["PATH"] ?? ""
})

/** All families, as a program that is configured by its environment has them. */
const families = (environment: Record<string, string>, root: string) =>
  Layer.mergeAll(...names.map((name) => Families.all[name].layer({ root })) as [Layer.Layer<Tool.Handler<string>>])
    .pipe(
      Layer.provideMerge(Layer.mergeAll(
        ConfigProvider.layer(ConfigProvider.fromEnvRecord(environment)),
        NodeServices.layer
      ))
    )

const agent = Agent.make("canary", {
  instructions: "",
  tools: names.map((name): Toolkit.Any => Families.all[name].toolkit),
  limits: { toolCallsPerTurn: 100, retries: 0, deadline: "30 seconds" }
})

/** One run in which each tool is called; gives the texts of every sink. */
const run = Effect.fnUntraced(function*(url: string, journal: string) {
  const fs = yield* FileSystem.FileSystem
  const model = yield* ScriptedModel.make([ModelScript.toolUse(callsTo(url)), ModelScript.text("done")])
  const sinks = yield* watched((keep) =>
    Stream.runForEach(Agent.stream(agent, "look"), (item) => Effect.sync(() => keep(item._tag, item))).pipe(
      Effect.ensuring(Effect.map(model.requests, (requests) => keep("prompt", requests.map(({ prompt }) => prompt)))),
      Effect.provide([model.layer, Journal.layerFile(journal), approving])
    )
  )
  sinks.set("journal", [yield* fs.readFileString(journal)])
  yield* fs.remove(journal)
  return sinks
})

const approving = Approval.layer(() => Effect.succeed({ approved: true }))

/** Knows nothing and learns nothing: shows what would be seen without one. */
const blind: Redactor.Redactor = {
  add: () => {},
  redact: (text) => text,
  stream: () => ({ push: (piece) => piece, end: () => "" })
}

const knowing = (secrets: ReadonlyArray<Canary>): Redactor.Redactor =>
  // those of the configuration are for the families to tell
  Redactor.make(secrets.flatMap(({ told, value }) => told && !configured.includes(value) ? [Redacted.make(value)] : []))

/** Runs in every mode with every group of canaries; gives how many of them each sink shows. */
const shownBy = (redactor: Redactor.Redactor, among: ReadonlyArray<ReadonlyArray<Canary>>, ways = modes) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const base = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
    const root = `${base}/inside`
    yield* fs.makeDirectory(root)
    const echo: Echo = { text: "", mode: "well" }
    const { url } = yield* serve(echo)
    yield* plant(root, "")
    const hits = new Map<string, ReadonlyArray<string>>()
    let bytes = 0
    yield* Effect.gen(function*() {
      for (const group of among) {
        for (const mode of ways) {
          Object.assign(echo, { mode, text: echoOf(group) })
          yield* plant(root, echo.text)
          for (const [sink, texts] of yield* run(url, `${base}/journal`)) {
            const text = texts.join("\n")
            bytes += text.length
            hits.set(sink, [...hits.get(sink) ?? [], ...shownIn(text)])
          }
        }
      }
    }).pipe(Effect.provide(families(variables(url, root), root)))
    return { hits, bytes }
  }).pipe(Effect.provideService(Redactor.current, redactor), Effect.provide(NodeServices.layer), Effect.scoped)

describe("T5 - secrets", () => {
  it.live("without a redactor the canaries are seen in results, events, prompts and the journal", () =>
    Effect.gen(function*() {
      const { hits } = yield* shownBy(blind, [canaries.slice(0, 10)], ["well", 400])
      for (const sink of ["ToolCallAnswered", "prompt", "journal"]) {
        assert.isAbove(hits.get(sink)?.length ?? 0, 10, sink)
      }
    }))

  it.live(`${canaries.length} canaries, each tool of each family, every sink: none is seen`, () =>
    Effect.gen(function*() {
      const { bytes, hits } = yield* shownBy(knowing(canaries), groups)
      tell(
        `T5: ${canaries.length} canaries in ${groups.length * modes.length} runs of ${tools.length} tools, ` +
          `${hits.size} sinks with ${bytes} characters: ${[...hits.values()].flat().length} hits`
      )
      assert.deepStrictEqual([...hits].filter(([, shown]) => shown.length > 0), [])
      for (const sink of ["ToolCallAnswered", "prompt", "journal", "log", "span", "metric"]) {
        assert.isTrue(hits.has(sink), sink)
      }
    }))
})
