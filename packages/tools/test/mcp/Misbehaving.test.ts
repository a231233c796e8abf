import { assert, describe, it, vi } from "@effect/vitest"
import { Effect } from "effect"
import { Mcp } from "../../src/mcp/index.ts"
import { call, ledger, marked, open, provided } from "./support/open.ts"

// Real time throughout: what runs are processes of the system.
vi.setConfig({ testTimeout: 60_000 })

/** What a server that cannot be opened comes to; no process of it may be left. */
const refused = Effect.fnUntraced(function*(mode: string, options: Mcp.StdioOptions = {}) {
  const mark = `REFUSED_${mode.replaceAll("-", "_")}_${process.pid}`
  const error = yield* Effect.flip(Effect.scoped(open(mode, { ...options, environment: { [mark]: mark } })))
  assert.deepStrictEqual(marked(mark), [], `a process of "${mode}" is left`)
  return error
})

describe("a server that cannot be opened", () => {
  it.live("another protocol", () =>
    Effect.gen(function*() {
      const error = yield* refused("wrong-version")
      assert.strictEqual(error._tag, "VersionUnsupported")
      assert.strictEqual(
        error.message,
        `MCP server "test" speaks protocol version "1999-01-01"; known are 2026-07-28, 2025-11-25, 2025-06-18`
      )
    }).pipe(provided))

  it.live("lines that are no messages: the error quotes them", () =>
    Effect.gen(function*() {
      const error = yield* refused("garbage")
      assert.strictEqual(error._tag, "ConnectionFailed")
      assert.include(error.message, "hello, I speak something else")
    }).pipe(provided))

  it.live("no answer at all", () =>
    Effect.gen(function*() {
      const error = yield* refused("silent", { connectTimeout: "1 second" })
      assert.strictEqual(error._tag, "ConnectionFailed")
      assert.include(error.message, "did not answer within 1s")
    }).pipe(provided))

  it.live("a program that ends: the error quotes its last words, without secrets", () =>
    Effect.gen(function*() {
      const error = yield* refused("crash")
      assert.strictEqual(error._tag, "ConnectionFailed")
      assert.include(error.message, "cannot read my configuration: [redacted]")
      assert.notInclude(error.message, "sk-ant-0123")
    }).pipe(provided))

  it.live("no list of tools", () =>
    Effect.gen(function*() {
      const error = yield* refused("listless")
      assert.strictEqual(error._tag, "ConnectionFailed")
    }).pipe(provided))

  it.live("no such program, no program, a quote without an end", () =>
    Effect.gen(function*() {
      const failed = (command: string) => Effect.flip(Effect.scoped(Mcp.stdio(command)))
      assert.include((yield* failed("/no/such/program")).message, "could not be started (ENOENT)")
      for (const command of ["", "  ", `node "server`, `node 'server`]) {
        assert.strictEqual((yield* failed(command))._tag, "ServerUnusable", command)
      }
    }).pipe(provided))
})

describe("a server that is open", () => {
  it.live("schema bombs are withheld, each with its reason, and the others stand", () =>
    Effect.gen(function*() {
      const server = yield* open("bombs")
      assert.deepStrictEqual(server.tools.map(({ name }) => name), [
        "test__good",
        "test__exploding",
        "test__twice",
        "test__also_good"
      ])
      const reasons = server.withheld.map(({ name, reason }) => [name, reason])
      const has = (name: string, reason: string) =>
        assert.isTrue(
          reasons.some(([of, why]) => of === name && why?.includes(reason)),
          `${name}: ${reason} in ${JSON.stringify(reasons)}`
        )
      has("deep", "deeper than 64 levels")
      has("large", "larger than 256 KiB")
      has("dangling", "names no part of it")
      has("pattern", "not a regular expression")
      has("remote", "names no part of it")
      has("schemaless", "inputSchema")
      has("twice", "the same name")
      has("(no name)", "not valid")
      has("task", "task")
      has("odd_output", "its results")
      assert.strictEqual(reasons.length, 11)
      // what a schema makes the validator do is bounded
      const report = yield* call(server, "exploding", { a: 1 })
      assert.strictEqual(report.failure?.reason, "InvalidArguments")
      assert.isTrue((yield* call(server, "good")).ok)
    }).pipe(Effect.scoped, provided))

  it.live("no more than 512 tools, and no listing without an end", () =>
    Effect.gen(function*() {
      const many = yield* open("many")
      assert.strictEqual(many.tools.length, 512)
      assert.deepStrictEqual(many.withheld, [{
        name: "88 more",
        reason: "the server lists more than 512 tools"
      }])
      assert.strictEqual((yield* open("endless")).tools.length, 100)
      assert.strictEqual((yield* open("circle")).tools.length, 1)
      assert.strictEqual((yield* open("toolless")).tools.length, 0)
    }).pipe(Effect.scoped, provided))

  it.live("a huge result is cut, one beyond all bounds is refused, and the server goes on", () =>
    Effect.gen(function*() {
      const server = yield* open()
      const large = yield* call(server, "huge", { bytes: 1024 * 1024 })
      assert.isTrue(large.ok)
      assert.isAtMost(Buffer.byteLength(String(large.result)), 32 * 1024 + 200)
      const beyond = yield* call(server, "huge", { bytes: 17 * 1024 * 1024 })
      assert.deepInclude(beyond.failure, { kind: "permanent", reason: "TooLarge" })
      assert.strictEqual((yield* call(server, "echo", { text: "still here" })).result, "still here")
    }).pipe(Effect.scoped, provided))

  it.live("a broken answer fails its call at once, lines that answer nothing fail it in time", () =>
    Effect.gen(function*() {
      const server = yield* open("normal", { timeout: "20 seconds" })
      const broken = yield* call(server, "broken")
      assert.deepInclude(broken.failure, { kind: "unknown" })
      assert.include(String(broken.result), "not a message of MCP")
      const garbage = yield* call(server, "garbage", {}, { limits: { toolTimeout: "200 millis" } })
      assert.deepInclude(garbage.failure, { kind: "transient", reason: "Timeout" })
      assert.strictEqual((yield* call(server, "echo", { text: "still here" })).result, "still here")
    }).pipe(Effect.scoped, provided))

  it.live("a server that cannot be started again: the calls after say that nothing was executed", () =>
    Effect.gen(function*() {
      const { file, lines } = yield* ledger
      const server = yield* open("once", { ledger: file })
      assert.deepInclude((yield* call(server, "die")).failure, { reason: "ConnectionLost", executed: true })
      const report = yield* call(server, "echo", { text: "a" }, { limits: { retries: 1 } })
      assert.deepInclude(report.failure, { kind: "transient", reason: "Unavailable", executed: false })
      assert.strictEqual(report.attempts, 2)
      assert.isAbove(lines().length, 1)
    }).pipe(Effect.scoped, provided))
})
