import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Tool } from "effect/ai"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import { Mcp } from "../../src/mcp/index.ts"
import { call, marked, provided, until } from "./support/open.ts"

// Real time throughout: what runs are the reference servers, as they come from npm.
vi.setConfig({ testTimeout: 60_000 })
const require = createRequire(import.meta.url)

const commandOf = (server: string, ...args: ReadonlyArray<string>): ReadonlyArray<string> => [
  process.execPath,
  path.join(path.dirname(require.resolve(`@modelcontextprotocol/${server}/package.json`)), "dist/index.js"),
  ...args
]

interface Listed {
  readonly name: string
  readonly inputSchema: object
  readonly execution?: { readonly taskSupport?: string }
}

/** The tools of a server as it writes them, asked by hand. */
const listedBy = ([program = "", ...args]: ReadonlyArray<string>): Promise<ReadonlyArray<Listed>> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] })
    const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
    child.on("error", reject)
    let text = ""
    child.stdout.on("data", (chunk) => {
      text += String(chunk)
      for (const line of text.split("\n").slice(0, -1)) {
        const { id, result } = JSON.parse(line) as {
          readonly id?: number
          readonly result: { tools: ReadonlyArray<Listed> }
        }
        if (id === 1) {
          send({ method: "notifications/initialized" })
          send({ id: 2, method: "tools/list" })
        }
        if (id === 2) {
          child.kill()
          resolve(result.tools)
        }
      }
      text = text.slice(text.lastIndexOf("\n") + 1)
    })
    send({
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "by hand", version: "1" } }
    })
  })

/** All tools with unchanged schemas, and one real call. */
const shows = (
  server: string,
  args: ReadonlyArray<string>,
  tool: string,
  parameters: object,
  expected: string,
  options: Mcp.StdioOptions = {}
) =>
  Effect.gen(function*() {
    const command = commandOf(server, ...args)
    const listed = yield* Effect.promise(() => listedBy(command))
    const open = yield* Mcp.stdio(command, { name: "s", ...options })
    const offered = Object.fromEntries(
      open.tools.map((one) => [Mcp.originOf(one)?.tool, Tool.getJsonSchema(one) as unknown])
    )
    const usable = listed.filter(({ execution }) => execution?.taskSupport !== "required")
    assert.isAbove(usable.length, 0)
    assert.deepStrictEqual(offered, Object.fromEntries(usable.map(({ inputSchema, name }) => [name, inputSchema])))
    assert.deepStrictEqual(
      open.withheld.map(({ name }) => name),
      listed.filter((one) => !usable.includes(one)).map(({ name }) => name)
    )
    const { ok, result } = yield* call(open, tool, parameters)
    assert.include(String(result), expected)
    assert.isTrue(ok)
  }).pipe(Effect.scoped, provided)

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.realpathSync(fs.mkdtempSync("/tmp/mcp-"))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
)

describe("reference servers", () => {
  it.live("everything", () => shows("server-everything", [], "get-sum", { a: 2, b: 40 }, "42"))

  it.live("filesystem", () =>
    Effect.gen(function*() {
      const root = yield* folder
      fs.writeFileSync(`${root}/note.txt`, "what stands in the file")
      yield* shows(
        "server-filesystem",
        [root],
        "read_text_file",
        { path: `${root}/note.txt` },
        "what stands in the file"
      )
    }).pipe(Effect.scoped))

  it.live("memory", () =>
    Effect.gen(function*() {
      const root = yield* folder
      const environment = { MEMORY_FILE_PATH: `${root}/memory.jsonl` }
      const entities = [{ name: "Volley", entityType: "runtime", observations: ["answers each call once"] }]
      yield* shows("server-memory", [], "create_entities", { entities }, "answers each call once", { environment })
      assert.include(fs.readFileSync(`${root}/memory.jsonl`, "utf8"), "Volley")
    }).pipe(Effect.scoped))

  it.live("sequential-thinking", () =>
    shows(
      "server-sequential-thinking",
      [],
      "sequentialthinking",
      { thought: "first", thoughtNumber: 1, totalThoughts: 2, nextThoughtNeeded: true },
      "thoughtHistoryLength"
    ))

  it.live(
    "50 calls at once, one cancelled, one cut by the server's death, and no process left",
    () =>
      Effect.gen(function*() {
        const mark = `EVERYTHING_${process.pid}`
        yield* Effect.gen(function*() {
          const server = yield* Mcp.stdio(commandOf("server-everything"), { name: "s", environment: { [mark]: mark } })
          const numbers = Array.from({ length: 50 }, (_, i) => i)
          const sums = yield* Effect.forEach(numbers, (a) => call(server, "get-sum", { a, b: 1 }), {
            concurrency: "unbounded"
          })
          for (const [i, { result }] of sums.entries()) assert.include(String(result), `${i + 1}.`)
          const long = { duration: 60, steps: 60 }
          const cancelled = yield* Effect.forkChild(call(server, "trigger-long-running-operation", long))
          yield* Effect.yieldNow
          yield* Fiber.interrupt(cancelled)
          assert.isTrue((yield* call(server, "echo", { message: "after" })).ok)
          const cut = yield* Effect.forkChild(call(server, "trigger-long-running-operation", long))
          // one call later the long one is on its way
          yield* call(server, "echo", { message: "on its way" })
          for (const pid of marked(mark)) process.kill(pid, "SIGKILL")
          const report = yield* Fiber.join(cut)
          assert.deepInclude(report.failure, { kind: "transient", reason: "ConnectionLost", executed: true })
          assert.include(String((yield* call(server, "echo", { message: "again" })).result), "again")
        }).pipe(Effect.scoped)
        yield* until(() => marked(mark).length === 0)
      }).pipe(provided)
  )
})
