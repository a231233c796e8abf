import { assert, describe, it, vi } from "@effect/vitest"
import { Redactor } from "@volley/core"
import { Effect, Fiber, Redacted } from "effect"
import { Mcp } from "../../src/mcp/index.ts"
import { call, until } from "./support/open.ts"
import { type Behaviour, web } from "./support/web.ts"

// Real time throughout: the requests go over sockets.
vi.setConfig({ testTimeout: 60_000 })

const opened = Effect.fnUntraced(function*(behaviour: Behaviour = {}, options: Mcp.HttpOptions = {}) {
  const site = yield* web(behaviour)
  return { site, server: yield* Mcp.http(site.url, { name: "web", ...options }) }
})

describe("Mcp.http", () => {
  it.live("tools are listed and called, answered by JSON or by a stream, in a session that is ended", () =>
    Effect.forEach([false, true], (streams) =>
      Effect.gen(function*() {
        const { requests } = yield* Effect.scoped(Effect.gen(function*() {
          const { server, site } = yield* opened({ streams })
          assert.strictEqual(server.protocolVersion, "2025-11-25")
          assert.strictEqual((yield* call(server, "echo", { text: "hi" })).result, "hi")
          return yield* Effect.addFinalizer(() => Effect.void).pipe(Effect.as(site))
        }))
        const last = requests.at(-1)
        assert.strictEqual(last?.method, "DELETE")
        assert.match(String(last?.headers["mcp-session-id"]), /^session-/)
      }), { discard: true }))

  it.live("2026-07-28: parameters that are wanted as headers are sent as such, wrong ones are withheld", () =>
    Effect.gen(function*() {
      const { server, site } = yield* opened({ modern: true })
      assert.strictEqual(server.protocolVersion, "2026-07-28")
      assert.deepStrictEqual(server.withheld, [{
        name: "misrouted",
        reason: "it asks for a header whose name is not valid"
      }])
      assert.strictEqual((yield* call(server, "routed", { region: "eu-north" })).result, "eu-north")
      assert.isTrue(site.requests.every(({ headers }) => headers["mcp-session-id"] === undefined))
    }).pipe(Effect.scoped))

  it.live("headers are sent with each request, and the redactor learns them", () =>
    Effect.gen(function*() {
      const { server, site } = yield* opened({ token: "canary-of-header" }, {
        headers: { authorization: Redacted.make("Bearer canary-of-header") }
      })
      assert.isTrue((yield* call(server, "echo", { text: "a" })).ok)
      assert.isTrue(site.requests.every(({ headers }) => headers.authorization === "Bearer canary-of-header"))
      assert.notInclude((yield* Redactor.current).redact("it was Bearer canary-of-header"), "canary")
    }).pipe(Effect.scoped, Effect.provide(Redactor.layer())))

  it.live("credentials that are missing, and access that is denied, are said so", () =>
    Effect.gen(function*() {
      const wanted = yield* Effect.flip(opened({ token: "secret" }))
      assert.deepInclude(wanted, { _tag: "Unauthorized", status: 401 })
      assert.strictEqual(wanted.message, `MCP server "web" wants other credentials (HTTP 401)`)
      const denied = yield* Effect.flip(opened({ status: 403 }))
      assert.deepInclude(denied, { _tag: "Unauthorized", status: 403 })
    }).pipe(Effect.scoped))

  it.live("a redirect to another host is not followed, and gets no header", () =>
    Effect.gen(function*() {
      const other = yield* web()
      const error = yield* Effect.flip(opened({ redirect: other.url }, { headers: { authorization: "Bearer secret" } }))
      assert.strictEqual(error._tag, "ConnectionFailed")
      assert.deepStrictEqual(other.requests, [])
    }).pipe(Effect.scoped))

  it.live("an address that is none, of another scheme or with a login is refused", () =>
    Effect.gen(function*() {
      for (const url of ["", "nowhere", "file:///etc/passwd", "ftp://host/", "http://user:secret@host/mcp"]) {
        const error = yield* Effect.flip(Effect.scoped(Mcp.http(url)))
        assert.strictEqual(error._tag, "ServerUnusable", url)
        assert.notInclude(error.message, "secret")
      }
    }))

  it.live("nobody listens; the server fails", () =>
    Effect.gen(function*() {
      const { url } = yield* Effect.scoped(web())
      assert.strictEqual((yield* Effect.flip(Mcp.http(url)))._tag, "ConnectionFailed")
      assert.strictEqual((yield* Effect.flip(opened({ status: 500 })))._tag, "ConnectionFailed")
    }).pipe(Effect.scoped))

  it.live("a stream that ends without the answer fails its call at once; one that can be resumed is", () =>
    Effect.gen(function*() {
      const { server } = yield* opened()
      assert.deepInclude((yield* call(server, "cut")).failure, {
        kind: "transient",
        reason: "ConnectionLost",
        executed: true
      })
      assert.strictEqual((yield* call(server, "resume")).result, "resumed")
    }).pipe(Effect.scoped))

  it.live("a session that the server forgot is opened again, and the call is made once more: nothing was executed", () =>
    Effect.gen(function*() {
      const { server, site } = yield* opened()
      yield* call(server, "forget")
      const { attempts, result } = yield* call(server, "echo", { text: "again" })
      assert.deepStrictEqual({ attempts, result }, { attempts: 2, result: "again" })
      assert.strictEqual(site.requests.filter(({ body }) => body["method"] === "initialize").length, 2)
    }).pipe(Effect.scoped))

  it.live("an interrupted call is told to the server", () =>
    Effect.gen(function*() {
      const { server, site } = yield* opened()
      const hanging = yield* Effect.forkChild(call(server, "hang"))
      yield* until(() => site.requests.some(({ body }) => body["params"]?.name === "hang"))
      yield* Fiber.interrupt(hanging)
      yield* until(() => site.requests.some(({ body }) => body["method"] === "notifications/cancelled"))
    }).pipe(Effect.scoped))

  it.live(
    "an answer beyond all bounds is refused",
    () =>
      Effect.forEach([false, true], (streams) =>
        Effect.gen(function*() {
          const { server } = yield* opened({ streams })
          const report = yield* call(server, "huge")
          assert.isFalse(report.ok)
          assert.notStrictEqual(report.failure?.reason, "Timeout")
          assert.isTrue((yield* call(server, "echo", { text: "a" })).ok)
        }).pipe(Effect.scoped), { discard: true })
  )
})
