// Real child processes: every test here needs the real clock.
import { assert, describe, it, vi } from "@effect/vitest"
import { ModelScript } from "@volley/core/testing"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Layout from "../src/render/layout.ts"
import type { Report } from "../src/render/report.ts"
import { emulated, fixture, folder, linesOf, volley } from "./support/volley.ts"

vi.setConfig({ testTimeout: 60_000 })

const three = ModelScript.toolUse([
  { name: "slow", input: { id: "a" } },
  { name: "flaky", input: { id: "b" } },
  { name: "gone", input: { id: "c" } }
])

const report = (stdout: string): Report => {
  assert.strictEqual(linesOf(stdout).length, 1)
  return JSON.parse(stdout) as Report
}

const bodyOf = (request: { readonly body: unknown } | undefined) =>
  request?.body as {
    readonly messages: ReadonlyArray<{ readonly role: string; readonly content: ReadonlyArray<object> }>
  }

describe.concurrent("volley run", () => {
  // live: child processes
  it.live("--output json - three tools at once, one slow, one transient, one permanent", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const ledger = path.join(dir, "ledger")
      const { emulator, env } = yield* emulated([three, ModelScript.text("All done")])
      const { code, stderr, stdout } = yield* volley(
        ["run", "--output", "json", "--toolkit", fixture("three"), "Do all three"],
        { env: { ...env, LEDGER: ledger } }
      )
      assert.strictEqual(code, 0, stderr)
      const { cost, durationMs, runId, toolCalls, usage, ...rest } = report(stdout)
      assert.isAbove(cost as number, 0)
      assert.deepStrictEqual(rest, {
        outcome: "completed",
        text: "All done",
        stopReason: "end_turn",
        turns: 2
      })
      assert.match(runId, /^run_/)
      assert.deepStrictEqual(
        toolCalls.map(({ durationMs, ...call }) => ({ ...call, took: durationMs >= 0 })),
        [
          { id: "toolu_0_0", name: "slow", arguments: { id: "a" }, ok: true, attempts: 1, took: true },
          { id: "toolu_0_1", name: "flaky", arguments: { id: "b" }, ok: true, attempts: 2, took: true },
          {
            id: "toolu_0_2",
            name: "gone",
            arguments: { id: "c" },
            ok: false,
            kind: "permanent",
            reason: "NotFound",
            attempts: 1,
            took: true
          }
        ]
      )
      // the slow handler ends only after the second attempt of the flaky one
      assert.isAtLeast(toolCalls[0]!.durationMs, toolCalls[1]!.durationMs - 50)
      assert.isAtLeast(durationMs, toolCalls[0]!.durationMs)
      assert.isAbove(usage.inputTokens, 0)
      const requests = yield* emulator.requests
      assert.deepStrictEqual(requests.map(({ violations }) => violations), [[], []])
      const results = bodyOf(requests[1]).messages.at(-1)?.content as ReadonlyArray<Record<string, unknown>>
      assert.deepStrictEqual(
        results.map((block) => [block["tool_use_id"], block["is_error"] ?? false]),
        [["toolu_0_0", false], ["toolu_0_1", false], ["toolu_0_2", true]]
      )
      assert.deepStrictEqual(linesOf(fs.readFileSync(ledger, "utf8")).toSorted(), ["flaky b", "gone c", "slow a"])
    }))

  it.live("a stream cut in mid-call, a 529, a refusal - restarted, retried, exit 4, each tool run once", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const ledger = path.join(dir, "ledger")
      const journal = path.join(dir, "run.ndjson")
      const { emulator, env } = yield* emulated([
        ModelScript.cut(three, { insideBlock: 1 }),
        ModelScript.status(529),
        three,
        ModelScript.refusal("cyber", "not this")
      ])
      const { code, stderr, stdout } = yield* volley(
        ["run", "--output", "json", "--journal", journal, "--toolkit", fixture("three"), "Do all three"],
        { env: { ...env, LEDGER: ledger } }
      )
      assert.strictEqual(code, 4, stderr)
      const { outcome, reason, stopReason, text, toolCalls, turns } = report(stdout)
      assert.deepStrictEqual({ outcome, reason, stopReason, text, turns }, {
        outcome: "refused",
        reason: "cyber",
        stopReason: "refusal",
        text: "",
        turns: 2
      })
      assert.deepStrictEqual(toolCalls.map(({ attempts, name }) => [name, attempts]), [
        ["slow", 1],
        ["flaky", 2],
        ["gone", 1]
      ])
      assert.deepStrictEqual(linesOf(stderr), [
        "model: claude-sonnet-5-5",
        "volley: run refused: The model refused (cyber): not this"
      ])
      assert.deepStrictEqual(linesOf(fs.readFileSync(ledger, "utf8")).toSorted(), ["flaky b", "gone c", "slow a"])
      const requests = yield* emulator.requests
      assert.deepStrictEqual(requests.map(({ violations }) => violations), [[], [], [], []])
      const checked = yield* volley(["check", journal])
      assert.match(checked.stdout, /^0 violations in \d+ events\n$/)
      assert.strictEqual(checked.code, 0)
    }))

  it.live("--max-cost, --max-total-tokens - end the run, and stderr names the limit and what is above the cost", () =>
    Effect.gen(function*() {
      const echo = ModelScript.toolUse([{ name: "echo", input: { text: "x" } }], {
        usage: { inputTokens: 1_000_000, outputTokens: 10 }
      })
      const { env } = yield* emulated([echo, echo])
      const run = (...flags: ReadonlyArray<string>) =>
        volley(["run", ...flags, "--output", "json", "--toolkit", fixture("tools"), "Hello"], { env })
      const cost = yield* run("--max-cost", "0.5")
      const costly = report(cost.stdout)
      assert.deepStrictEqual([cost.code, costly.outcome, costly.reason], [3, "limited", "cost"], cost.stderr)
      const spent = costly.cost as number
      assert.include(
        cost.stderr,
        `limit reached: cost, ${Layout.usd(spent)} of 0.5 USD (${Layout.usd(spent - 0.5)} above)`
      )
      const tokens = yield* run("--max-total-tokens", "20000")
      const many = report(tokens.stdout)
      assert.deepStrictEqual([tokens.code, many.outcome, many.reason], [3, "limited", "totalTokens"], tokens.stderr)
      assert.include(tokens.stderr, "limit reached: totalTokens; the model gave no answer")
    }))

  it.live("text - the answer and nothing else on stdout", () =>
    Effect.gen(function*() {
      const { env } = yield* emulated([ModelScript.text("Good \u001b[31mday\u202e\n- one\n")])
      const { code, stderr, stdout } = yield* volley(["run", "Hello"], { env })
      assert.deepStrictEqual({ code, stderr, stdout }, {
        code: 0,
        stderr: "model: claude-sonnet-5-5\n",
        stdout: "Good day\n- one\n"
      })
    }))

  it.live("--quiet - nothing on stderr", () =>
    Effect.gen(function*() {
      const { env } = yield* emulated([
        ModelScript.toolUse([{ name: "bug", input: {} }]),
        ModelScript.text("It has a bug")
      ])
      const { code, stderr, stdout } = yield* volley(["run", "-q", "--toolkit", fixture("tools"), "Hello"], { env })
      assert.deepStrictEqual({ code, stderr, stdout }, { code: 0, stderr: "", stdout: "It has a bug\n" })
    }))

  it.live("--log-level - log lines go to stderr, a defect is logged by default", () =>
    Effect.gen(function*() {
      const { env } = yield* emulated(() => ModelScript.text("Hello"))
      const debug = yield* volley(["run", "--log-level", "debug", "Hello"], { env })
      assert.match(debug.stderr, /^DEBUG model request 1\.1: ok$/m)
      assert.strictEqual(debug.stdout, "Hello\n")
      const defect = yield* volley(["tools", "call", "bug", "{}", "--toolkit", fixture("tools")])
      assert.match(defect.stderr, /^ERROR Tool "bug" failed/m)
      assert.strictEqual(defect.code, 1)
      assert.notInclude(defect.stdout, "not a function")
    }))

  it.live("--output ndjson - one event a line, in the form of the journal", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const journal = path.join(dir, "run.ndjson")
      const { env } = yield* emulated([
        ModelScript.toolUse([{ name: "echo", input: { text: "x" } }]),
        ModelScript.text("x")
      ])
      const { code, stdout } = yield* volley(
        ["run", "--output", "ndjson", "--journal", journal, "--toolkit", fixture("tools"), "Hello"],
        { env }
      )
      assert.strictEqual(code, 0)
      const events = linesOf(stdout).map((line) => JSON.parse(line) as { readonly _tag: string })
      assert.strictEqual(events[0]?._tag, "RunStarted")
      assert.strictEqual(events.at(-1)?._tag, "RunEnded")
      assert.deepStrictEqual(events, linesOf(fs.readFileSync(journal, "utf8")).map((line) => JSON.parse(line)))
    }))

  it.live("stdin - is the question, or the context of one", () =>
    Effect.gen(function*() {
      const { emulator, env } = yield* emulated(() => ModelScript.text("Hello"))
      yield* volley(["run"], { env, stdin: "What is this?\n" })
      yield* volley(["run", "What changed?"], { env, stdin: "diff --git\n" })
      yield* volley(["run", "Alone?"], { env, stdin: "" })
      const asked = (yield* emulator.requests).map((request) => bodyOf(request).messages[0]?.content)
      assert.deepStrictEqual(
        JSON.parse(JSON.stringify(asked)).map(([block]: ReadonlyArray<{ text: string }>) => block?.text),
        [
          "What is this?",
          "What changed?\n\ndiff --git",
          "Alone?"
        ]
      )
    }))

  it.live("a limit with an answer exits 0, without one 3", () =>
    Effect.gen(function*() {
      const call = ModelScript.toolUse([{ name: "echo", input: { text: "x" } }])
      const answered = yield* emulated([call, ModelScript.text("what I have")])
      const empty = yield* emulated([call, ModelScript.reply({ content: [] })])
      const args = ["run", "--max-turns", "2", "--output", "json", "--toolkit", fixture("tools"), "Hello"]
      const [withAnswer, without] = yield* Effect.all([
        volley(args, { env: answered.env }),
        volley(args, { env: empty.env })
      ], { concurrency: 2 })
      assert.strictEqual(withAnswer.code, 0)
      assert.strictEqual(report(withAnswer.stdout).outcome, "limited")
      assert.strictEqual(report(withAnswer.stdout).text, "what I have")
      assert.strictEqual(without.code, 3)
      assert.strictEqual(report(without.stdout).reason, "turns")
      assert.include(without.stderr, "volley: limit reached: turns")
    }))

  it.live("--timeout and --max-tokens - reach the run and the request", () =>
    Effect.gen(function*() {
      const { emulator, env } = yield* emulated([ModelScript.stall(ModelScript.text("never"))])
      const { code, stdout } = yield* volley(
        ["run", "--timeout", "400ms", "--max-tokens", "77", "--output", "json", "Hello"],
        { env }
      )
      assert.strictEqual(report(stdout).reason, "deadline")
      assert.strictEqual(code, 3)
      const [request] = yield* emulator.requests
      assert.strictEqual((request!.body as { readonly max_tokens: number }).max_tokens, 77)
    }))

  it.live("a failed run - exit 1, the reason in one line, no stack", () =>
    Effect.gen(function*() {
      const { env } = yield* emulated([ModelScript.status(400, { message: "no such model" })])
      const fatal = yield* emulated([ModelScript.toolUse([{ name: "fatal", input: {} }])])
      const model = yield* volley(["run", "--model", "claude-nope", "--output", "json", "Hello"], { env })
      assert.strictEqual(model.code, 1)
      assert.strictEqual(report(model.stdout).outcome, "failed")
      assert.strictEqual(linesOf(model.stderr).length, 1)
      assert.match(model.stderr, /^volley: run failed: .*no such model/)
      const tool = yield* volley(["run", "--toolkit", fixture("tools"), "Hello"], { env: fatal.env })
      assert.strictEqual(tool.code, 1)
      assert.strictEqual(tool.stdout, "")
      assert.deepStrictEqual(linesOf(tool.stderr), [
        "model: claude-sonnet-5-5",
        "volley: run failed: bad credentials for billing"
      ])
    }))

  it.live("what a tool prints goes to stderr", () =>
    Effect.gen(function*() {
      const { env } = yield* emulated([ModelScript.toolUse([{ name: "chatty", input: {} }]), ModelScript.text("Done")])
      const { stderr, stdout } = yield* volley(["run", "--quiet", "--toolkit", fixture("tools"), "Hello"], {
        env: { ...env, SERVICE_TOKEN: "tok-7f3a9c21" }
      })
      assert.deepStrictEqual({ stderr, stdout }, { stderr: "printed from a tool [redacted]\n", stdout: "Done\n" })
    }))

  it.live("an error that belongs to no call - the run is cancelled, exit 1, no stack", () =>
    Effect.gen(function*() {
      const { env } = yield* emulated([ModelScript.toolUse([{ name: "forgetful", input: {} }])])
      const { code, stderr, stdout } = yield* volley(
        ["run", "--output", "json", "--toolkit", fixture("tools"), "Hello"],
        { env }
      )
      assert.strictEqual(code, 1)
      assert.strictEqual(report(stdout).outcome, "cancelled")
      assert.deepStrictEqual(linesOf(stderr), [
        "model: claude-sonnet-5-5",
        "volley: error outside of any tool call: nobody waits for this"
      ])
    }))

  it.live("secrets - shown nowhere, whatever says them", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const journal = path.join(dir, "run.ndjson")
      const secrets = { SERVICE_TOKEN: "tok-7f3a9c21", ANTHROPIC_API_KEY: "plain-key-55aa66bb", DATABASE: "pg-pass-99" }
      const all = Object.values(secrets)
      for (const output of ["text", "json", "ndjson"]) {
        const { env } = yield* emulated([
          ModelScript.toolUse([{ name: "secret", input: {} }]),
          ModelScript.text(`They are ${all.join(", ")}`, { chunkSize: 3 })
        ])
        const file = `${journal}.${output}`
        const run = yield* volley(
          ["run", "--log-level", "all", "--output", output, "--journal", file, "--toolkit", fixture("tools"), "Tell"],
          { env: { ...env, ...secrets } }
        )
        const shown = yield* volley(["show", file], { env: secrets })
        assert.strictEqual(run.code, 0, run.stderr)
        assert.include(run.stdout, "[redacted]")
        const everything = run.stdout + run.stderr + fs.readFileSync(file, "utf8") + shown.stdout + shown.stderr
        for (const secret of all) assert.notInclude(everything, secret)
      }
    }))

  it.live("no model was chosen - offline without a key, and it says so", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      fs.writeFileSync(path.join(dir, "notes.txt"), "retries are bounded\n")
      const { code, stderr, stdout } = yield* volley(
        ["run", "--tools", "files", "--root", dir, "Search the files for \"bounded\""]
      )
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(
        stderr,
        "model: offline planner (not a language model); set ANTHROPIC_API_KEY to ask Claude\n"
      )
      assert.include(stdout, "notes.txt")
    }))
})
