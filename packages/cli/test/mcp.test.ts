// Real child processes: every test here needs the real clock.
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Dispatcher, Redactor } from "@volley/core"
import { ConfigProvider, Effect, Redacted } from "effect"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import * as McpSources from "../src/mcp.ts"
import { folder } from "./support/volley.ts"

const require = createRequire(import.meta.url)

const memory = path.join(
  path.dirname(require.resolve("@modelcontextprotocol/server-memory/package.json")),
  "dist/index.js"
)

const env = { PATH: process.env["PATH"] ?? "" }

const sources = (asked: Partial<McpSources.Asked>, environment: { readonly [name: string]: string } = {}) =>
  McpSources.sources({ mcp: [], config: undefined, ...asked }).pipe(
    Effect.provide([
      NodeServices.layer,
      ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...env, ...environment } }))
    ])
  )

const written = Effect.fnUntraced(function*(servers: object | string) {
  const file = path.join(yield* folder, ".mcp.json")
  fs.writeFileSync(file, typeof servers === "string" ? servers : JSON.stringify({ mcpServers: servers }))
  return file
})

describe("--mcp", () => {
  it.live("a command line, named and not", () =>
    Effect.gen(function*() {
      const command = `"${process.execPath}" '${memory}'`
      const [named, unnamed] = yield* sources({ mcp: [`notes=${command}`, command] })
      assert.strictEqual(named?.name, `MCP server "notes"`)
      assert.match(String(unnamed?.name), /^MCP server "server-memory-[0-9a-f]{4}"$/)
      assert.isTrue(named?.tools.every(({ name }) => name.startsWith("notes__")))
      const tool = named?.tools.find(({ name }) => name === "notes__search_nodes")
      const called: Effect.Effect<Dispatcher.CallReport, unknown, unknown> = Dispatcher.call(tool!, { query: "a" })
      assert.isTrue((yield* called as Effect.Effect<Dispatcher.CallReport>).ok)
    }).pipe(Effect.scoped), 30_000)

  it.live("what cannot be used is said in one line", () =>
    Effect.gen(function*() {
      const said = (text: string) => Effect.flip(Effect.scoped(sources({ mcp: [text] })))
      assert.deepInclude(yield* said("node 'server"), { code: 2 })
      assert.deepInclude(yield* said("http://user:secret@host/mcp"), {
        code: 2,
        message: `--mcp: MCP server "http://host" must be an address of http or https without a login in it`
      })
      const missing = yield* said("/no/such/server")
      assert.strictEqual(missing.code, 1)
      assert.include(missing.message, "could not be started (ENOENT)")
      assert.strictEqual((yield* said("http://127.0.0.1:1/mcp")).code, 1)
    }))
})

describe("--mcp-config", () => {
  it.live("servers of a file, with variables of the environment, secrets learned", () =>
    Effect.gen(function*() {
      const config = yield* written({
        notes: {
          command: "${NODE}",
          args: ["${SERVER:-nowhere}", "${NOT_SET:-}"],
          env: { MEMORY_FILE_PATH: "${HOME_OF_TEST:-/tmp}/memory.jsonl", MY_TOKEN: "canary-${SECRET_PART}" },
          trust: "hints",
          pins: { search_nodes: "0".repeat(64) }
        }
      })
      const [source, ...rest] = yield* sources({ config }, {
        NODE: process.execPath,
        SERVER: memory,
        SECRET_PART: "of-config"
      })
      assert.deepStrictEqual(rest, [])
      assert.isTrue(source?.tools.some(({ name }) => name === "notes__read_graph"))
      assert.deepStrictEqual(source?.withheld.find(({ name }) => name === "search_nodes"), {
        name: "search_nodes",
        reason: "each call wants approval: its definition differs from the pinned one"
      })
      assert.strictEqual((yield* Redactor.current).redact("canary-of-config"), Redactor.mask)
    }).pipe(Effect.scoped, Effect.provide(Redactor.layer([Redacted.make("unrelated")]))), 30_000)

  it.live("a file that is missing, is not JSON, has another form or a variable that is not set", () =>
    Effect.gen(function*() {
      const said = (config: string) => Effect.flip(sources({ config }))
      assert.deepInclude(yield* said("/no/such/.mcp.json"), {
        code: 2,
        message: `"/no/such/.mcp.json" does not exist`
      })
      for (
        const wrong of ["{", "[]", { a: {} }, { a: { type: "sse", url: "https://host/sse" } }, { a: { command: 7 } }, {
          a: { command: "node", args: "server.js" }
        }]
      ) {
        const { code, message } = yield* said(yield* written(wrong))
        assert.strictEqual(code, 2, JSON.stringify(wrong))
        assert.include(message, "is not a list of MCP servers")
      }
      const { code, message } = yield* said(yield* written({ a: { type: "http", url: "https://${NO_HOST}/mcp" } }))
      assert.strictEqual(code, 2)
      assert.strictEqual(message, `MCP server "a" needs the variable "NO_HOST", which is not set`)
    }).pipe(Effect.scoped))
})
