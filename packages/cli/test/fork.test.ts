// Real child processes: every test here needs the real clock.
import { assert, describe, it, vi } from "@effect/vitest"
import { Journal, type RunEvent } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Result } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Report } from "../src/render/report.ts"
import { emulated, fixture, folder, linesOf, volley } from "./support/volley.ts"

vi.setConfig({ testTimeout: 60_000 })

const startOf = (file: string): RunEvent.Of<"RunStarted"> => {
  const [first] = Result.getOrThrow(Journal.parse(fs.readFileSync(file, "utf8")))
  assert.strictEqual(first?._tag, "RunStarted")
  return first as RunEvent.Of<"RunStarted">
}

const echo = ModelScript.toolUse([{ name: "echo", input: { text: "said once" } }])
const tools = ["--toolkit", fixture("tools")]

/** A run of two turns, and what answers the forks of it. */
const forkable = Effect.fnUntraced(function*(...then: ReadonlyArray<ModelScript.Step>) {
  const dir = yield* folder
  const from = path.join(dir, "run.ndjson")
  const { emulator, env } = yield* emulated([echo, ModelScript.text("First"), ...then])
  yield* volley(["run", "--journal", from, ...tools, "Say it"], { env })
  return { from, to: path.join(dir, "fork.ndjson"), emulator, env, before: fs.readFileSync(from, "utf8") }
})

describe.concurrent("volley fork", () => {
  it.live("before the last turn - a new run with what was known and the new input, in a journal of its own", () =>
    Effect.gen(function*() {
      const { before, emulator, env, from, to } = yield* forkable(ModelScript.text("Second"))
      const { code, stderr, stdout } = yield* volley(
        ["fork", from, "--turn", "2", "--journal", to, ...tools, "Say it louder"],
        { env }
      )
      assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: "Second\n" }, stderr)
      assert.strictEqual(fs.readFileSync(from, "utf8"), before)
      assert.deepStrictEqual(startOf(to).forkedFrom, { runId: startOf(from).runId, turn: 2 })
      assert.match((yield* volley(["check", to])).stdout, /^0 violations/)
      const request = (yield* emulator.requests).at(-1)
      assert.deepStrictEqual(request?.violations, [])
      const sent = JSON.stringify(request?.body)
      for (const part of ["Say it", "said once", "Say it louder"]) assert.include(sent, part)
      assert.notInclude(sent, "First")
    }))

  it.live("before the first turn without input - asks the same again, within limits of its own", () =>
    Effect.gen(function*() {
      const { emulator, env, from } = yield* forkable(echo, ModelScript.text("Cut short"))
      const { code, stdout } = yield* volley(
        ["fork", from, "--turn", "1", "--max-turns", "2", "--output", "json", ...tools],
        { env }
      )
      const { outcome, reason, text } = JSON.parse(stdout) as Report
      assert.deepStrictEqual({ code, outcome, reason, text }, {
        code: 0,
        outcome: "limited",
        reason: "turns",
        text: "Cut short"
      })
      assert.deepStrictEqual((yield* emulator.requests).map(({ violations }) => violations), [[], [], [], []])
    }))

  it.live("tools that the earlier run had and this one has not - are named", () =>
    Effect.gen(function*() {
      const { env, from } = yield* forkable(ModelScript.text("Second"))
      const { code, stderr } = yield* volley(["fork", from, "--turn", "2"], { env })
      assert.strictEqual(code, 0)
      assert.match(linesOf(stderr).join("\n"), /without some tools: .* has the tools echo, wait, .*add the --toolkit/)
    }))

  it.live("a turn or a journal that there is not - one line, exit 2", () =>
    Effect.gen(function*() {
      const { env, from } = yield* forkable()
      const cases = [
        [["fork", from, "--turn", "3"], "has no turn 3; its last is turn 2"],
        [["fork", from], "missing flag --turn"],
        [["fork", from, "--turn", "0"], "--turn is \"0\""],
        [["fork", from, "--turn", "1", "--quiet", "--journal", from], "exists already"],
        [["fork", "LICENSE", "--turn", "1"], "line 1 is not an event"]
      ] as const
      yield* Effect.forEach(cases, ([args, says]) =>
        Effect.map(volley([...args, ...tools], { env }), ({ code, stderr, stdout }) => {
          assert.deepStrictEqual([code, stdout, linesOf(stderr).length], [2, "", 1], stderr)
          assert.include(stderr, says)
        }), { concurrency: 2, discard: true })
    }))
})
