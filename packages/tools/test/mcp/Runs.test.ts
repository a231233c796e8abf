import { assert, describe, it, vi } from "@effect/vitest"
import { Agent, Check, Journal, type Limits } from "@volley/core"
import { ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Effect, Fiber, type Schema } from "effect"
import * as fs from "node:fs"
import type { Mcp } from "../../src/mcp/index.ts"
import { ledger, open, provided, until } from "./support/open.ts"

// Real time where a server runs: it is a process of the system.
vi.setConfig({ testTimeout: 60_000 })
const long = process.env["VOLLEY_LONG"] === "1"

const agentOf = (server: Mcp.Tools, limits: Limits.Limits = {}) => Agent.make("caller", { tools: [...server], limits })

const asking = (name: string, input: Schema.JsonObject) =>
  ScriptedModel.layer([ModelScript.toolUse([{ name, input }]), ModelScript.text("done")])

/** A run and its events. */
const runOf = Effect.fnUntraced(
  function*(server: Mcp.Tools, name: string, input: Schema.JsonObject, limits: Limits.Limits = {}) {
    const journal = Journal.makeMemory()
    const outcome = yield* Agent.run(agentOf(server, limits), "Go", { runId: "run" }).pipe(
      Effect.provide(asking(name, input)),
      Effect.provideService(Journal.current, journal)
    )
    const events = yield* journal.read("run")
    assert.deepStrictEqual(Check.all(events), [])
    const answered = events.find((event) => event._tag === "ToolCallAnswered")
    assert.isDefined(answered)
    return { outcome, answered }
  }
)

describe("runs with tools of a server", () => {
  it.live("a call of a trusted read-only tool is retried through the death of the server", () =>
    Effect.gen(function*() {
      const { file, lines } = yield* ledger
      const server = yield* open("normal", { ledger: file, trust: "hints" })
      const { answered, outcome } = yield* runOf(server, "test__die_once", {})
      assert.strictEqual(outcome._tag, "Completed")
      assert.deepInclude(answered, { ok: true, attempts: 2, result: "alive" })
      assert.deepStrictEqual(lines(), ["died"])
    }).pipe(Effect.scoped, provided))

  it.live("a call of a stranger's tool is executed once, whatever it says of itself; the model is told to verify", () =>
    Effect.gen(function*() {
      const { file, lines } = yield* ledger
      const server = yield* open("normal", { ledger: file })
      const { answered } = yield* runOf(server, "test__charge_and_die", { amount: 7 })
      assert.deepInclude(answered, { ok: false, attempts: 1 })
      assert.include(String(answered.result), "verify before you repeat it")
      assert.deepStrictEqual(lines(), ["charge 7"])
    }).pipe(Effect.scoped, provided))

  it.live("a call that is never answered ends at the deadline of the tools, and the run goes on", () =>
    Effect.gen(function*() {
      const { file, lines } = yield* ledger
      const server = yield* open("normal", { ledger: file })
      const { answered, outcome } = yield* runOf(server, "test__hang", {}, { toolTimeout: "300 millis" })
      assert.strictEqual(outcome._tag, "Completed")
      assert.strictEqual(answered.failure?.reason, "Timeout")
      yield* until(() => lines().includes("cancelled with a reason"))
    }).pipe(Effect.scoped, provided))

  it.live("a run that is interrupted cancels its call at the server", () =>
    Effect.gen(function*() {
      const { file, lines } = yield* ledger
      const server = yield* open("normal", { ledger: file })
      const started = yield* Effect.forkChild(
        Effect.provide(Agent.run(agentOf(server), "Go"), asking("test__hang", {}))
      )
      yield* until(() => lines().includes("hang"))
      yield* Fiber.interrupt(started)
      yield* until(() => lines().includes("cancelled with a reason"))
    }).pipe(Effect.scoped, provided))

  it.live("G4 - resumed after a crash, an effectful call is not repeated and a read-only one is", () =>
    Effect.gen(function*() {
      const { file, lines } = yield* ledger
      const server = yield* open("normal", { ledger: file, trust: "hints" })
      const agent = agentOf(server)
      const path = `${file}.journal`
      const resumed = Effect.fnUntraced(function*(name: string, input: Schema.JsonObject) {
        yield* Effect.provide(Agent.run(agent, "Go", { runId: name }), [asking(name, input), Journal.layerFile(path)])
        // the process ends while the call runs: nothing after the start of its attempt is in the journal
        const written = fs.readFileSync(path, "utf8").split("\n")
        const crash = written.findIndex((line) => line.includes("AttemptStarted"))
        assert.isAbove(crash, 0)
        fs.writeFileSync(`${path}.${name}`, `${written.slice(0, crash + 1).join("\n")}\n`)
        fs.rmSync(path)
        const after = yield* ScriptedModel.make([ModelScript.text("after")])
        yield* Effect.provide(Agent.resume(agent, name), [after.layer, Journal.layerFile(`${path}.${name}`)])
        return JSON.stringify((yield* after.requests)[0]?.prompt)
      })
      const told = yield* resumed("test__charge", { amount: 7 })
      assert.include(told, "verify before you repeat it")
      assert.deepStrictEqual(lines(), ["charge 7"])
      yield* resumed("test__fail", { message: "no" })
      // tried twice in each process: nobody knows what its failure means
      assert.deepStrictEqual(lines().filter((line) => line === "fail").length, 4)
    }).pipe(Effect.scoped, provided))

  it.live("an agent with a server's tools holds its guarantees in simulated worlds", () =>
    Effect.gen(function*() {
      const server = yield* open("normal", { trust: "hints" })
      const some = server.tools.filter(({ name }) => /__(?:echo|fail|charge|drop|structured)$/.test(name))
      assert.strictEqual(some.length, 5)
      const found = Simulation.explore(Agent.make("simulated", { tools: some }), { seeds: long ? 500 : 50 })
      assert.deepStrictEqual(found.violations.map(({ replay }) => replay), [])
    }).pipe(Effect.scoped, provided))
})
