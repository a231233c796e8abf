// Real child processes, with servers that hang: every test here needs the real clock.
import { assert, describe, it, vi } from "@effect/vitest"
import { ModelScript } from "@volley/core/testing"
import { Cluster } from "@volley/tools/testing"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Layout from "../src/render/layout.ts"
import type { Report } from "../src/render/report.ts"
import * as Timeline from "../src/render/timeline.ts"
import { bin, emulated, environment, folder, hasScript, linesOf, volley } from "./support/volley.ts"

vi.setConfig({ testTimeout: 60_000 })

const sickOf = (seed: number): ReadonlyArray<string> =>
  Cluster.plan(seed).pods.filter((pod) => pod.namespace === "production" && Cluster.isSick(pod)).map(({ name }) => name)

/** The lines from the axis on. */
const timelineOf = (stdout: string): ReadonlyArray<string> => {
  const lines = stdout.split(/\r?\n/)
  return lines.slice(lines.findIndex((line) => /^\S* *[│|]0/.test(line)))
}

const escapes = new RegExp(String.raw`\x1b\[\d+m`, "g")

/** The demo on a terminal of so many columns, without its live view. */
const onTerminal = (columns: number, env: Readonly<Record<string, string>> = {}) =>
  Effect.callback<string>((resume) => {
    const volley = `${process.execPath} --conditions=@volley/source ${bin}`
    const child = spawn("script", ["-qec", `stty cols ${columns}; ${volley} demo 2> /dev/null`, "/dev/null"], {
      env: { ...environment, TERM: "xterm-256color", ...env },
      stdio: ["ignore", "pipe", "inherit"]
    })
    let text = ""
    child.stdout.setEncoding("utf8").on("data", (piece: string) => text += piece)
    child.on("close", () => resume(Effect.succeed(text)))
  })

describe.concurrent("volley demo", () => {
  it.live("two seeds - other pods, named alike in answer and timeline, each fault met as it should be", () =>
    Effect.gen(function*() {
      const seeds = [1, 7]
      const dir = yield* folder
      yield* Effect.forEach(seeds, (seed) =>
        Effect.gen(function*() {
          const journal = path.join(dir, `${seed}.ndjson`)
          const { code, stderr, stdout } = yield* volley(["demo", "--seed", String(seed), "--journal", journal])
          assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
          assert.notInclude(stdout, "\u001b")
          assert.include(stdout, `Volley demo, seed ${seed}\n`)
          assert.include(stdout, "not a language model")
          const timeline = timelineOf(stdout).join("\n")
          const answer = stdout.slice(0, stdout.indexOf(timeline))
          for (const pod of sickOf(seed)) {
            assert.include(answer, pod)
            assert.include(timeline, pod)
          }
          for (const pod of seeds.filter((other) => other !== seed).flatMap(sickOf)) assert.notInclude(stdout, pod)
          assert.match(timeline, /^wall \d\.\d s, sum \d+\.\d s$/m)

          const run = Timeline.fromEvents(linesOf(fs.readFileSync(journal, "utf8")).map((line) => JSON.parse(line)))
          assert.isBelow(Timeline.runDuration(run), 6000)
          const [first, ...metrics] = Timeline.calls(run)
          assert.strictEqual(first?.requested.name, "get_kubernetes_pod_status")
          assert.strictEqual(metrics.length, sickOf(seed).length)
          for (const { matching, kind } of Cluster.plan(seed).faults) {
            const call = metrics.find(({ requested }) => JSON.stringify(requested.params).includes(matching))
            const end = call?.answered?.failure?.reason ?? call?.answered?.attempts
            assert.strictEqual(
              end,
              { unavailable: 2, hang: "Timeout", notFound: "SeriesNotFound", slow: 1 }[kind as string]
            )
            if (kind === "notFound") assert.strictEqual(call?.answered?.attempts, 1)
          }
          const checked = yield* volley(["check", journal])
          assert.strictEqual(checked.code, 0, checked.stdout)
          const shown = yield* volley(["show", journal])
          // without the footer of the demo
          assert.deepStrictEqual(timelineOf(shown.stdout).slice(0, -1), timelineOf(stdout).slice(0, -4))
        }), { concurrency: 2 })
    }))

  it("the README shows the pods of the default seed", () => {
    const readme = fs.readFileSync(path.join(import.meta.dirname, "../../../README.md"), "utf8")
    for (const pod of sickOf(1)) assert.include(readme, pod)
  })

  it.live("--output json - the report alone on stdout, what is simulated on stderr", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* volley(["demo", "--output", "json"])
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual((JSON.parse(stdout) as Report).outcome, "completed")
      assert.include(stderr, "simulated: ")
    }))

  it.live("--model - Claude's answer, and no word of a planner", () =>
    Effect.gen(function*() {
      const { emulator, env } = yield* emulated([
        ModelScript.toolUse([{ name: "get_kubernetes_pod_status", input: { namespace: "production" } }]),
        ModelScript.text("Some pods are sick")
      ])
      const { code, stderr, stdout } = yield* volley(["demo", "--model", "claude-sonnet-5-5"], { env })
      assert.strictEqual(code, 0, stderr)
      assert.include(stdout, "Some pods are sick\n")
      assert.notInclude(stdout, "planner")
      assert.match(timelineOf(stdout).join("\n"), /^ok get_kubernetes_pod_status/m)
      assert.deepStrictEqual((yield* emulator.requests).map(({ violations }) => violations), [[], []])
    }))

  it.live("--seed and --model are checked before anything runs", () =>
    Effect.gen(function*() {
      const seed = yield* volley(["demo", "--seed", "x"])
      assert.strictEqual(seed.code, 2)
      assert.include(seed.stderr, "--seed")
      const model = yield* volley(["demo", "--model", "claude-sonnet-5-5"])
      assert.deepStrictEqual({ code: model.code, stdout: model.stdout }, { code: 2, stdout: "" })
      assert.include(model.stderr, "ANTHROPIC_API_KEY")
    }))

  it.live.skipIf(!hasScript)(
    "on terminals of 60, 100 and 160 columns - the timeline never wraps",
    () =>
      Effect.forEach([60, 100, 160], (columns) =>
        Effect.gen(function*() {
          const seen = yield* onTerminal(columns)
          assert.include(seen, "\u001b[32m")
          const timeline = timelineOf(seen).map((line) => line.replace(escapes, ""))
          assert.isAbove(timeline.length, 10)
          for (const line of timeline) assert.isAtMost(Layout.width(line), columns)
          for (const fill of ["█", "▓", "░", "✓", "✗", "Timeout", "2 attempts"]) {
            assert.include(timeline.join("\n"), fill)
          }
        }), { concurrency: 2 })
  )

  it.live.skipIf(!hasScript)("with NO_COLOR - not one escape code", () =>
    Effect.gen(function*() {
      const seen = yield* onTerminal(60, { NO_COLOR: "1" })
      assert.notInclude(seen, "\u001b")
      for (const line of timelineOf(seen)) assert.isAtMost(Layout.width(line), 60)
      assert.include(seen, "Timeout")
    }))
})
