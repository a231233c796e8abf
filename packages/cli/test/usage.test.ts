// Real child processes: every test here needs the real clock.
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { fixture, folder, linesOf, volley } from "./support/volley.ts"

vi.setConfig({ testTimeout: 60_000 })

const badInput: ReadonlyArray<readonly [name: string, args: ReadonlyArray<string>, says: string]> = [
  ["unknown flag", ["run", "--modle", "x", "Hello"], "unknown flag --modle; did you mean --model?"],
  ["unknown command", ["rum"], "unknown command \"rum\"; did you mean run?"],
  ["missing toolkit file", ["run", "--toolkit", "no/such.ts", "Hello"], "Toolkit \"no/such.ts\" does not exist"],
  [
    "toolkit without exports",
    ["run", "--toolkit", fixture("noExports"), "Hello"],
    "must export \"toolkit\" and \"layer\", or \"tools\""
  ],
  ["toolkit without a layer", ["run", "--toolkit", fixture("noLayer"), "Hello"], "but no \"layer\" with its handlers"],
  [
    "toolkit without handlers",
    ["run", "--toolkit", fixture("noHandlers"), "Hello"],
    "Tool \"slow\" has no handler in the context"
  ],
  [
    "toolkit that needs a service",
    ["run", "--toolkit", fixture("needsService"), "Hello"],
    "needs the service \"app/Database\""
  ],
  ["toolkit that is a folder", ["run", "--toolkit", "packages", "Hello"], "is not a file"],
  ["toolkit that does not parse", ["run", "--toolkit", "LICENSE", "Hello"], "Toolkit \"LICENSE\" cannot be loaded: "],
  ["missing root", ["run", "--tools", "files", "--root", "no/such", "Hello"], "Root \"no/such\" does not exist"],
  ["root that is a file", ["run", "--root", "LICENSE", "Hello"], "Root \"LICENSE\" is not a directory"],
  ["malformed timeout", ["run", "--timeout", "soon", "Hello"], "--timeout is \"soon\", expected a duration above zero"],
  ["timeout without a unit", ["run", "--timeout", "30", "Hello"], "--timeout is \"30\", expected a duration"],
  ["negative timeout", ["run", "--timeout", "-5s", "Hello"], "--timeout"],
  ["timeout of zero", ["run", "--timeout", "0s", "Hello"], "--timeout is \"0s\", expected a duration above zero"],
  [
    "negative turns",
    ["run", "--max-turns", "-1", "Hello"],
    "--max-turns is \"-1\", expected a whole number of at least 1"
  ],
  ["turns that are no number", ["run", "--max-turns=many", "Hello"], "--max-turns is \"many\""],
  ["negative tool calls", ["run", "--max-tool-calls", "-3", "Hello"], "--max-tool-calls is \"-3\""],
  ["concurrency of zero", ["run", "--concurrency", "0", "Hello"], "--concurrency is \"0\""],
  ["tokens of zero", ["run", "--max-tokens", "0", "Hello"], "--max-tokens is \"0\""],
  ["cost of zero", ["run", "--max-cost", "0", "Hello"], "--max-cost is \"0\", expected an amount above zero"],
  ["cost that is no amount", ["fork", "LICENSE", "--turn", "1", "--max-cost", "1e9x"], "--max-cost is \"1e9x\""],
  ["total tokens of zero", ["run", "--max-total-tokens", "0", "Hello"], "--max-total-tokens is \"0\""],
  [
    "approval of an unknown tool",
    ["run", "--approve", "pay", "Hello"],
    "--approve: unknown tool \"pay\"; there are no"
  ],
  ["resume without a journal", ["resume"], "missing argument <journal>"],
  ["limits for a run that goes on", ["resume", "--max-turns", "3", "LICENSE"], "unknown flag --max-turns"],
  ["flag without its value", ["run", "Hello", "--journal"], "--journal needs a value"],
  ["unknown family", ["run", "--tools", "files,fish", "Hello"], "Unknown tool family \"fish\"; known: files"],
  ["unknown output", ["run", "--output", "xml", "Hello"], "--output is \"xml\""],
  ["no question", ["run"], "no question"],
  ["two questions", ["run", "Hello", "you"], "you"],
  ["model without a key", ["run", "--model", "claude-sonnet-5-5", "Hello"], "needs ANTHROPIC_API_KEY"],
  ["journal that exists", ["run", "--journal", "LICENSE", "Hello"], "Journal \"LICENSE\" exists already"],
  ["journal nowhere", ["run", "--journal", "no/such/run.ndjson", "Hello"], "cannot be created"],
  ["journal that is missing", ["check", "no/such.ndjson"], "Journal \"no/such.ndjson\" cannot be read"],
  ["journal that is none", ["check", "LICENSE"], "line 1 is not an event"],
  ["show of no journal", ["show", "LICENSE"], "line 1 is not an event"],
  ["check of nothing", ["check"], "missing argument <journal>"],
  ["call of an unknown tool", ["tools", "call", "read_fil", "{}"], "Unknown tool \"read_fil\"; known: read_file"],
  ["call with malformed JSON", ["tools", "call", "read_file", "{path"], "not JSON"]
]

describe("usage", () => {
  it.live(
    "bad input - one clear line on stderr, exit 2, no stack, stdout empty",
    () =>
      Effect.forEach(badInput, ([name, args, says]) =>
        Effect.map(volley(args), ({ code, stderr, stdout }) => {
          const seen = `${name}: ${stderr}`
          assert.strictEqual(code, 2, seen)
          assert.strictEqual(stdout, "", seen)
          // the offline planner was chosen before the journal turned out to be unusable
          const lines = linesOf(stderr).filter((line) => !line.startsWith("model: "))
          assert.strictEqual(lines.length, 1, seen)
          assert.match(lines[0] ?? "", /^volley: /, seen)
          assert.include(lines[0], says, seen)
          assert.notMatch(stderr, /\n\s+at /, seen)
        }), { concurrency: 3, discard: true }),
    60_000
  )

  it.live("a corrupt journal - the line is named", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const journal = path.join(dir, "run.ndjson")
      yield* volley(["run", "--quiet", "--journal", journal, "Hello"])
      const lines = fs.readFileSync(journal, "utf8").split("\n")
      fs.writeFileSync(journal, lines.with(2, "{}").join("\n"))
      const { code, stderr } = yield* volley(["check", journal])
      assert.deepStrictEqual({ code, stderr }, {
        code: 2,
        stderr: `volley: Journal "${journal}", line 3 is not an event\n`
      })
    }))

  it.live("--version and --help - on stdout, exit 0", () =>
    Effect.gen(function*() {
      const { version } = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, "../package.json"), "utf8")) as {
        readonly version: string
      }
      const [printed, help, bare] = yield* Effect.all([
        volley(["--version"]),
        volley(["run", "--help"]),
        volley([])
      ], { concurrency: 2 })
      assert.deepStrictEqual([printed.code, printed.stdout, printed.stderr], [0, `volley ${version}\n`, ""])
      assert.deepStrictEqual([help.code, help.stderr], [0, ""])
      assert.include(help.stdout, "--max-tokens")
      assert.include(help.stdout, "default 16000")
      assert.deepStrictEqual([bare.code, bare.stderr], [0, ""])
      assert.include(bare.stdout, "SUBCOMMANDS")
    }))
})
