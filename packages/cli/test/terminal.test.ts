// Real child processes on a terminal of their own: every test here needs the real clock.
import { assert, describe, it, vi } from "@effect/vitest"
import { ModelScript } from "@volley/core/testing"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { bin, emulated, environment, fixture, folder, hasScript } from "./support/volley.ts"

vi.setConfig({ testTimeout: 60_000 })

/** What a person sees of stderr on a terminal of 60 columns, and what goes to stdout. */
const onTerminal = Effect.fnUntraced(function*(env: Readonly<Record<string, string>>, flags = "") {
  const dir = yield* folder
  const answer = path.join(dir, "answer")
  const emulator = yield* emulated([
    ModelScript.toolUse([{ name: "echo", input: { text: "\u001b]0;owned\u0007 東京👩‍👩‍👧".repeat(9) } }]),
    ModelScript.text("Done")
  ])
  const volley = `${process.execPath} --conditions=@volley/source ${bin}`
  const command = `stty cols 60; ${volley} run ${flags} --toolkit ${fixture("tools")} Hello > ${answer}`
  const seen = yield* Effect.callback<string>((resume) => {
    const child = spawn("script", ["-qec", command, "/dev/null"], {
      env: { ...environment, TERM: "xterm-256color", ...emulator.env, ...env },
      stdio: ["ignore", "pipe", "inherit"]
    })
    let text = ""
    child.stdout.setEncoding("utf8").on("data", (piece: string) => text += piece)
    child.on("close", () => resume(Effect.succeed(text)))
  })
  return { seen, answer: fs.readFileSync(answer, "utf8") }
})

describe.concurrent("live view", () => {
  it.live.skipIf(!hasScript)(
    "is drawn on a terminal - in place, with the answer on stdout alone",
    () =>
      Effect.gen(function*() {
        const { answer, seen } = yield* onTerminal({})
        assert.strictEqual(answer, "Done\n")
        assert.include(seen, "waiting for the model · turn 1")
        assert.include(seen, "\u001b[1A\u001b[J")
        assert.include(seen, "✓")
        assert.include(seen, "completed · 2 turns · 1 tool call")
        assert.notInclude(seen, "\u001b]")
        assert.notInclude(seen, "\u0007")
      })
  )

  it.live.skipIf(!hasScript)("is off with NO_COLOR, --quiet and on a dumb terminal", () =>
    Effect.gen(function*() {
      const [noColor, quiet, dumb] = yield* Effect.all([
        onTerminal({ NO_COLOR: "1" }),
        onTerminal({}, "--quiet"),
        onTerminal({ TERM: "dumb" })
      ], { concurrency: 2 })
      assert.deepStrictEqual(noColor, { seen: "model: claude-sonnet-5-5\r\n", answer: "Done\n" })
      assert.deepStrictEqual(quiet, { seen: "", answer: "Done\n" })
      assert.deepStrictEqual(dumb, { seen: "model: claude-sonnet-5-5\r\n", answer: "Done\n" })
    }))
})
