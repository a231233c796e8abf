// Real child processes that are killed and go on: every test here needs the real clock.
import { assert, describe, it, vi } from "@effect/vitest"
import { Journal, type RunEvent } from "@volley/core"
import { type Emulator, ModelScript } from "@volley/core/testing"
import { Effect, Result } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Report } from "../src/render/report.ts"
import { emulated, fixture, folder, linesOf, start, until, volley } from "./support/volley.ts"

vi.setConfig({ testTimeout: 120_000 })

const read = (file: string): string => fs.existsSync(file) ? fs.readFileSync(file, "utf8") : ""

const eventsIn = (file: string): ReadonlyArray<RunEvent.RunEvent> => Result.getOrThrow(Journal.parse(read(file)))

const times = (text: string, part: string): number => text.split(part).length - 1

const answered = (request: Emulator.RecordedRequest): boolean =>
  JSON.stringify(request.body).includes("\"tool_result\"")

/** Asks for these calls until they are answered. */
const asking = (...names: ReadonlyArray<string>) => {
  const calls = ModelScript.toolUse(names.map((name, i) => ({ name, input: { id: `${i}` } })))
  return (request: Emulator.RecordedRequest) => answered(request) ? ModelScript.text("All done") : calls
}

const isSlow = (name: string): boolean => name !== "quick"

/** A run that is killed as soon as its journal says so. */
const killed = Effect.fnUntraced(function*(
  names: ReadonlyArray<string>,
  reached: (journal: string) => boolean,
  flags: ReadonlyArray<string> = []
) {
  const dir = yield* folder
  const journal = path.join(dir, "run.ndjson")
  const ledger = path.join(dir, "ledger")
  const { emulator, env } = yield* emulated(asking(...names))
  const options = { env: { ...env, LEDGER: ledger } }
  const tools = ["--toolkit", fixture("resumable")]
  const { child, ended } = yield* start(["run", ...flags, "--journal", journal, ...tools, "Do it"], options)
  yield* until(() => reached(read(journal)) && linesOf(read(ledger)).length === names.filter(isSlow).length)
  child.kill("SIGKILL")
  assert.strictEqual((yield* ended).signal, "SIGKILL")
  return { journal, ledger: () => linesOf(read(ledger)).toSorted(), emulator, options, tools }
})

const begun = (attempts: number, answers = 0) => (journal: string): boolean =>
  times(journal, "\"AttemptStarted\"") === attempts && times(journal, "\"ToolCallAnswered\"") === answers

// one after the other: each is several processes
describe("volley resume", () => {
  for (
    const [names, when, ran] of [
      [["look"], begun(1), ["look 0", "look 0"]],
      [["pay"], begun(1), ["pay 0"]],
      [["look", "pay"], begun(2), ["look 0", "look 0", "pay 1"]],
      [["quick", "pay", "quick"], begun(3, 2), ["pay 1"]],
      [["look", "pay", "look", "quick"], begun(4, 1), ["look 0", "look 0", "look 2", "look 2", "pay 1"]]
    ] as const
  ) {
    it.live(`kill -9 in mid-call (${names.join(", ")}) - goes on, exit 0, the guarantees hold`, () =>
      Effect.gen(function*() {
        const { emulator, journal, ledger, options, tools } = yield* killed(names, when)
        const { code, stderr, stdout } = yield* volley(["resume", journal, ...tools], options)
        assert.deepStrictEqual({ code, stderr, stdout }, {
          code: 0,
          stderr: "model: claude-sonnet-5-5\n",
          stdout: "All done\n"
        })
        assert.deepStrictEqual(ledger(), [...ran])
        const events = eventsIn(journal)
        assert.strictEqual(events.filter(({ _tag }) => _tag === "RunResumed").length, 1)
        assert.deepStrictEqual((yield* emulator.requests).map(({ violations }) => violations), [[], []])
        const check = yield* volley(["check", journal])
        assert.match(check.stdout, /^0 violations in \d+ events\n$/)
        const replay = yield* volley(["replay", journal, ...tools], options)
        assert.strictEqual(replay.stdout, `${events.length} events, no divergence\n`)
      }))
  }

  it.live("--output json and ndjson - the report of the whole run, the events that were added", () =>
    Effect.gen(function*() {
      const { journal, options, tools } = yield* killed(["quick", "look"], begun(2, 1), ["--max-turns", "7"])
      const had = eventsIn(journal).length
      const added = yield* volley(["resume", journal, "--quiet", "--output", "ndjson", ...tools], options)
      const events = eventsIn(journal)
      assert.deepStrictEqual(
        linesOf(added.stdout).map((line) => (JSON.parse(line) as RunEvent.RunEvent)._tag),
        events.slice(had).map(({ _tag }) => _tag)
      )
      assert.strictEqual(events[had]?._tag, "RunResumed")
      const again = yield* volley(["resume", journal, "--output", "json", ...tools], options)
      const report = JSON.parse(again.stdout) as Report
      assert.deepStrictEqual(
        [report.outcome, report.text, report.turns, report.journal, report.toolCalls.map(({ name }) => name)],
        ["completed", "All done", 2, journal, ["quick", "look"]]
      )
      assert.deepStrictEqual(events.flatMap((event) => event._tag === "RunStarted" ? [event.limits.turns] : []), [7])
    }))

  it.live("a run that has ended - prints its answer again, says so, asks nobody", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const journal = path.join(dir, "run.ndjson")
      const { emulator, env } = yield* emulated([ModelScript.text("Hello"), ModelScript.refusal("cyber", "not this")])
      yield* volley(["run", "--journal", journal, "Hello"], { env })
      const before = read(journal)
      const { code, stderr, stdout } = yield* volley(["resume", journal])
      assert.deepStrictEqual({ code, stderr, stdout }, {
        code: 0,
        stderr: "the run had ended (completed); nothing was left to do\n",
        stdout: "Hello\n"
      })
      assert.strictEqual((yield* volley(["resume", "--quiet", journal])).stderr, "")
      assert.strictEqual(read(journal), before)

      const refused = path.join(dir, "refused.ndjson")
      const first = yield* volley(["run", "--journal", refused, "Hello"], { env })
      const second = yield* volley(["resume", refused])
      assert.deepStrictEqual([second.code, first.code], [4, 4])
      assert.strictEqual(linesOf(second.stderr).at(-1), linesOf(first.stderr).at(-1))
      assert.strictEqual((yield* emulator.requests).length, 2)
    }))

  it.live("a journal that cannot go on - one clear line, exit 2, the file as it was", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const file = (name: string): string => path.join(dir, name)
      const { env } = yield* emulated([ModelScript.status(401)])
      yield* volley(["run", "--journal", file("failed"), "Hello"], { env })
      yield* volley(["run", "--tools", "files", "--journal", file("tools"), "Which files mention 'x'?", "--root", dir])
      fs.writeFileSync(file("open"), linesOf(read(file("tools"))).slice(0, 3).map((line) => `${line}\n`).join(""))
      fs.writeFileSync(file("other"), read(file("open")).replace("\"agent\":\"volley\"", "\"agent\":\"demo\""))
      fs.writeFileSync(file("own"), read(file("open")).replace("\"list_files\"", "\"my_tool\""))
      fs.writeFileSync(file("torn"), "{\"_tag\":\"RunSta")
      fs.writeFileSync(file("empty"), "")
      const cases = [
        [["missing"], "cannot be read"],
        [["failed"], "has ended (failed) and cannot go on; volley fork begins a new one"],
        [["open"], "add --tools files"],
        [["own", "--tools", "files"], "has the tool my_tool; add the --toolkit that has it"],
        [["other"], "is of the agent \"demo\", not of a \"volley run\""],
        [["torn"], "has no run: it was cut off before its first event"],
        [["empty"], "has no run"],
        [
          ["open", "--tools", "files", "--approve", "delete_files"],
          "--approve: unknown tool \"delete_files\"; known: all, "
        ]
      ] as const
      yield* Effect.forEach(cases, ([[name, ...flags], says]) =>
        Effect.gen(function*() {
          const before = read(file(name))
          const { code, stderr, stdout } = yield* volley(["resume", file(name), ...flags])
          assert.deepStrictEqual([code, stdout, linesOf(stderr).length], [2, "", 1], stderr)
          assert.include(stderr, says)
          assert.strictEqual(read(file(name)), before)
        }), { concurrency: 2, discard: true })
    }))
})
