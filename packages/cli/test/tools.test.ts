// Real child processes: every test here needs the real clock.
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Listed } from "../src/render/toolList.ts"
import { fixture, folder, linesOf, volley } from "./support/volley.ts"

vi.setConfig({ testTimeout: 60_000 })

/** A project whose own copies of the shared packages end the process when they are loaded. */
const installTraps = (dir: string): void => {
  for (const name of ["effect", "@volley/core"]) {
    const folder = path.join(dir, "node_modules", name)
    fs.mkdirSync(folder, { recursive: true })
    fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name, type: "module", exports: "./index.js" }))
    fs.writeFileSync(path.join(folder, "index.js"), "throw new Error(\"the project's own copy\")")
  }
}

describe.concurrent("volley tools", () => {
  it.live("lists name, class, policy and schema", () =>
    Effect.gen(function*() {
      const text = yield* volley(["tools"])
      assert.strictEqual(text.code, 0)
      assert.match(text.stdout, /^read_file · readonly$/m)
      assert.include(text.stdout, "timeout ")
      assert.include(text.stdout, "\"path\"")
      const json = yield* volley(["tools", "--output", "json", "--toolkit", fixture("tools")])
      const { tools } = JSON.parse(json.stdout) as { readonly tools: ReadonlyArray<Listed> }
      assert.deepStrictEqual(tools.map((tool) => [tool.name, tool.class]), [
        ["echo", "readonly"],
        ["wait", "effectful"],
        ["stubborn", "effectful"],
        ["secret", "readonly"],
        ["fatal", "effectful"],
        ["chatty", "effectful"],
        ["forgetful", "effectful"],
        ["bug", "effectful"]
      ])
      assert.deepStrictEqual(tools[0]?.policy, {
        timeout: 30_000,
        retry: 2,
        concurrency: null,
        serial: false,
        failures: {}
      })
      assert.deepStrictEqual((tools[0]!.parameters as { readonly required: unknown }).required, ["text"])
    }))

  it.live("call - a call through the dispatcher, with its events", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      fs.writeFileSync(path.join(dir, "notes.txt"), "hello\n")
      const read = ["tools", "call", "read_file", "{\"path\":\"notes.txt\"}", "--root", dir]
      const text = yield* volley(read)
      assert.strictEqual(text.code, 0)
      assert.include(text.stdout, "attempt 1")
      assert.include(text.stdout, "hello")
      const ndjson = yield* volley([...read, "--output", "ndjson"])
      assert.deepStrictEqual(
        linesOf(ndjson.stdout).map((line) => (JSON.parse(line) as { readonly _tag: string })._tag),
        ["ToolCallRequested", "AttemptStarted", "AttemptEnded", "ToolCallAnswered"]
      )
      const json = yield* volley([...read, "--output", "json"])
      assert.strictEqual((JSON.parse(json.stdout) as { readonly ok: boolean }).ok, true)
    }))

  it.live("call - retries, failures and timeouts are shown, exit 1", () =>
    Effect.gen(function*() {
      const [flaky, gone, invalid, late, fatal] = yield* Effect.all([
        volley(["tools", "call", "flaky", "{\"id\":\"b\"}", "--toolkit", fixture("three")]),
        volley(["tools", "call", "gone", "{\"id\":\"c\"}", "--toolkit", fixture("three")]),
        volley(["tools", "call", "gone", "{}", "--toolkit", fixture("three")]),
        volley(["tools", "call", "wait", "{}", "--timeout", "300ms", "--toolkit", fixture("tools")]),
        volley(["tools", "call", "fatal", "{}", "--toolkit", fixture("tools")])
      ], { concurrency: 2 })
      assert.strictEqual(flaky.code, 0)
      assert.match(flaky.stdout, /attempt 1 · \d+ ms · transient Unavailable: busy\n +waited \d+ ms\n +attempt 2/)
      assert.deepStrictEqual([gone.code, gone.stderr], [1, ""])
      assert.include(gone.stdout, "permanent NotFound: no c")
      assert.strictEqual(invalid.code, 1)
      assert.include(invalid.stdout, "answered without being run")
      assert.strictEqual(late.code, 1)
      assert.include(late.stdout, "transient Timeout")
      assert.deepStrictEqual([fatal.code, fatal.stdout], [1, ""])
      assert.strictEqual(fatal.stderr, "volley: Tool \"fatal\" failed fatally: bad credentials for billing\n")
    }))

  it.live("a toolkit outside of the command's folder uses the command's effect and core", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const toolkit = path.join(dir, "three.ts")
      fs.copyFileSync(fixture("three"), toolkit)
      const call = volley(["tools", "call", "flaky", "{\"id\":\"b\"}", "--toolkit", toolkit, "--output", "json"])
      const alone = yield* call
      assert.strictEqual(alone.code, 0, alone.stderr)
      assert.strictEqual((JSON.parse(alone.stdout) as { readonly attempts: number }).attempts, 2)
      installTraps(dir)
      assert.strictEqual((yield* call).code, 0)
    }))
})
