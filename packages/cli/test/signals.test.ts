// Real child processes that are killed and interrupted: every test here needs the real clock.
import { assert, describe, it, vi } from "@effect/vitest"
import { Agent, Check, Journal, RunState } from "@volley/core"
import { Anthropic } from "@volley/core/anthropic"
import { ModelScript } from "@volley/core/testing"
import { Effect, Layer, Result } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Report } from "../src/render/report.ts"
import { emulated, fixture, folder, start, until, volley } from "./support/volley.ts"

vi.setConfig({ testTimeout: 60_000 })

const waiting = ModelScript.toolUse([
  { name: "echo", input: { text: "x" } },
  { name: "wait", input: {} },
  { name: "stubborn", input: {} }
])

const read = (file: string): string => fs.existsSync(file) ? fs.readFileSync(file, "utf8") : ""

const startedIn = (file: string): number => read(file).split("AttemptStarted").length - 1

/** A run with two handlers that do not end, once both are running. */
const stuck = Effect.gen(function*() {
  const dir = yield* folder
  const journal = path.join(dir, "run.ndjson")
  const { env } = yield* emulated([waiting])
  const running = yield* start(
    ["run", "--output", "json", "--journal", journal, "--toolkit", fixture("tools"), "Wait"],
    { env }
  )
  // the two that wait have begun, the other one has its answer
  yield* until(() => startedIn(journal) === 3 && read(journal).includes("\"ToolCallAnswered\""))
  return { ...running, journal }
})

describe.concurrent("volley run", () => {
  it.live("kill -9 - the journal has started attempts and is accepted", () =>
    Effect.gen(function*() {
      const { child, ended, journal } = yield* stuck
      child.kill("SIGKILL")
      assert.strictEqual((yield* ended).signal, "SIGKILL")
      assert.isAtLeast(startedIn(journal), 1)
      assert.strictEqual(fs.statSync(journal).mode & 0o777, 0o600)
      const check = yield* volley(["check", journal])
      assert.match(check.stdout, /^0 violations in \d+ events\n$/)
      assert.strictEqual(check.code, 0)
      const show = yield* volley(["show", journal])
      assert.strictEqual(show.code, 0)
      assert.include(show.stdout, "The journal ends early")
      fs.appendFileSync(journal, "{\"_tag\":\"Attemp")
      assert.strictEqual((yield* volley(["check", journal])).stdout, check.stdout)
    }))

  it.live("Ctrl-C - cancels: a report, exit 130, and a transcript that the API accepts", () =>
    Effect.gen(function*() {
      const { child, ended, journal } = yield* stuck
      child.kill("SIGINT")
      const { code, stderr, stdout } = yield* ended
      assert.strictEqual(code, 130, stderr)
      const report = JSON.parse(stdout) as Report
      assert.strictEqual(report.outcome, "cancelled")
      assert.strictEqual(report.journal, journal)
      assert.deepStrictEqual(
        report.toolCalls.map(({ attempts, name, ok, reason }) => ({ attempts, name, ok, reason })),
        [
          { attempts: 1, name: "echo", ok: true, reason: undefined },
          { attempts: 1, name: "wait", ok: false, reason: "Cancelled" },
          { attempts: 1, name: "stubborn", ok: false, reason: "Cancelled" }
        ]
      )
      const events = Result.getOrThrow(Journal.parse(read(journal)))
      assert.deepStrictEqual(Check.all(events), [])
      const { transcript } = events.reduce(RunState.apply, RunState.initial)
      const { emulator } = yield* emulated([ModelScript.text("We go on")])
      const outcome = yield* Agent.run(Agent.make("next"), "Go on", { history: transcript }).pipe(
        Effect.provide(
          Anthropic.model("claude-sonnet-5-5").pipe(Layer.provide(Anthropic.layer({ baseUrl: emulator.url })))
        )
      )
      assert.strictEqual(outcome.text, "We go on")
      const [request] = yield* emulator.requests
      assert.deepStrictEqual(request?.violations, [])
    }))

  it.live("SIGTERM - cancels as Ctrl-C does", () =>
    Effect.gen(function*() {
      const { child, ended } = yield* stuck
      child.kill("SIGTERM")
      const { code, stdout } = yield* ended
      assert.strictEqual(code, 130)
      assert.strictEqual((JSON.parse(stdout) as Report).outcome, "cancelled")
    }))

  it.live("a second Ctrl-C - ends at once what does not end by itself", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const journal = path.join(dir, "run.ndjson")
      const { env } = yield* emulated([ModelScript.toolUse([{ name: "wait", input: {} }])])
      const { child, ended } = yield* start(
        ["run", "--journal", journal, "--toolkit", fixture("hangs"), "Wait"],
        { env }
      )
      yield* until(() => startedIn(journal) === 1)
      child.kill("SIGINT")
      yield* until(() => read(journal).includes("RunEnded"))
      yield* Effect.sleep(200)
      assert.strictEqual(child.exitCode, null)
      child.kill("SIGINT")
      const { code, stderr } = yield* ended
      assert.deepStrictEqual({ code, stderr }, { code: 130, stderr: "model: claude-sonnet-5-5\n" })
    }))

  it.live("Ctrl-C before the question is complete - exit 130, nothing printed", () =>
    Effect.gen(function*() {
      const { emulator, env } = yield* emulated([ModelScript.stall(ModelScript.text("never"))])
      const { child, ended } = yield* start(["run", "Hello"], { env })
      while ((yield* emulator.requests).length === 0) yield* Effect.sleep(20)
      child.kill("SIGINT")
      const { code, stderr, stdout } = yield* ended
      assert.deepStrictEqual({ code, stderr, stdout }, { code: 130, stderr: "model: claude-sonnet-5-5\n", stdout: "" })
    }))

  it.live("a reader that goes away - the run is cancelled without a word, the journal is valid", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const journal = path.join(dir, "run.ndjson")
      const { env } = yield* emulated([ModelScript.text("Hello", { interval: 200 })])
      const { child, ended } = yield* start(
        ["run", "--quiet", "--output", "ndjson", "--journal", journal, "Hello"],
        { env }
      )
      yield* until(() => read(journal).includes("ModelRequested"))
      child.stdout?.destroy()
      const { code, stderr } = yield* ended
      assert.deepStrictEqual({ code, stderr }, { code: 130, stderr: "" })
      assert.match(read(journal), /"outcome":"cancelled"/)
      assert.match((yield* volley(["check", journal])).stdout, /^0 violations/)
    }))
})
