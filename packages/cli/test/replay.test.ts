// Real child processes: every test here needs the real clock.
import { assert, describe, it, vi } from "@effect/vitest"
import { ModelScript } from "@volley/core/testing"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { emulated, fixture, folder, linesOf, volley } from "./support/volley.ts"

vi.setConfig({ testTimeout: 60_000 })

const tools = ["--toolkit", fixture("three"), "--max-turns", "4", "--max-cost", "2.5", "--timeout", "20s"]

/** A journal of a run with three calls, one of them repeated. */
const recorded = Effect.gen(function*() {
  const dir = yield* folder
  const journal = path.join(dir, "run.ndjson")
  const ledger = path.join(dir, "ledger")
  const { emulator, env } = yield* emulated([
    ModelScript.toolUse(["slow", "flaky", "gone"].map((name) => ({ name, input: { id: "a" } }))),
    ModelScript.text("All done")
  ])
  yield* volley(["run", "--journal", journal, ...tools, "Do all three"], { env: { ...env, LEDGER: ledger } })
  const executed = fs.readFileSync(ledger, "utf8")
  const replay = (...flags: ReadonlyArray<string>) =>
    volley(["replay", journal, "--toolkit", fixture("three"), ...flags], { env: { LEDGER: ledger } })
  const untouched = Effect.gen(function*() {
    assert.strictEqual(fs.readFileSync(ledger, "utf8"), executed)
    assert.strictEqual((yield* emulator.requests).length, 2)
  })
  return { journal, replay, untouched, lines: linesOf(fs.readFileSync(journal, "utf8")) }
})

describe.concurrent("volley replay", () => {
  it.live("no divergence - says so, exit 0, calls no model and no tool", () =>
    Effect.gen(function*() {
      const { lines, replay, untouched } = yield* recorded
      const text = yield* replay()
      assert.deepStrictEqual(text, {
        code: 0,
        signal: null,
        stdout: `${lines.length} events, no divergence\n`,
        stderr: ""
      })
      const json = yield* replay("--output", "json")
      assert.deepStrictEqual(JSON.parse(json.stdout), { events: lines.length, divergence: null })
      yield* untouched
    }))

  it.live("a divergence - the event, its tag, what was and would be, exit 1", () =>
    Effect.gen(function*() {
      const { journal, lines, replay, untouched } = yield* recorded
      const at = lines.findIndex((line) => line.includes("\"DispatchIntended\""))
      fs.writeFileSync(
        journal,
        lines.with(at, lines[at]!.replace("\"effectful\"", "\"readonly\"")).map((line) => `${line}\n`).join("")
      )
      const text = yield* replay()
      assert.strictEqual(text.code, 1, text.stderr)
      assert.strictEqual(
        text.stdout,
        `event ${at} (line ${at + 1}): DispatchIntended: calls.0.class was "readonly" and would be "effectful"\n`
      )
      assert.strictEqual(
        text.stderr,
        `volley: the present tools and code diverge from the journal at event ${at} of ${lines.length}\n`
      )
      const json = yield* replay("--output", "json")
      assert.strictEqual(json.code, 1)
      assert.deepStrictEqual(JSON.parse(json.stdout), {
        events: lines.length,
        divergence: {
          event: at,
          line: at + 1,
          tag: "DispatchIntended",
          message: "DispatchIntended: calls.0.class was \"readonly\" and would be \"effectful\""
        }
      })
      yield* untouched
    }))

  it.live("a journal of something else, tools that are missing - one line, exit 2", () =>
    Effect.gen(function*() {
      const { journal } = yield* recorded
      const [none, lacking] = yield* Effect.all([volley(["replay", "LICENSE"]), volley(["replay", journal])], {
        concurrency: 2
      })
      assert.deepStrictEqual([none.code, none.stdout], [2, ""])
      assert.include(none.stderr, "line 1 is not an event")
      assert.deepStrictEqual([lacking.code, lacking.stdout], [2, ""])
      assert.include(lacking.stderr, "has the tools slow, flaky, gone; add the --toolkit that has it")
    }))
})
