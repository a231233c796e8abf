import { assert, describe, it, vi } from "@effect/vitest"
import { Agent, Dispatcher, Redactor, ToolPolicy } from "@volley/core"
import { Effect, Fiber, Logger, Redacted, References } from "effect"
import { Tool } from "effect/ai"
import { Mcp } from "../../src/mcp/index.ts"
import { call, command, ledger, marked, open, provided, until } from "./support/open.ts"

// Real time throughout: what runs are processes of the system.
vi.setConfig({ testTimeout: 60_000 })
const failure = (report: Dispatcher.CallReport) => {
  assert.isFalse(report.ok)
  return { kind: report.failure?.kind, reason: report.failure?.reason, executed: report.failure?.executed }
}

const logged = (lines: Array<string>) =>
  Logger.layer([Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${String(message)}`))])

describe("Mcp.stdio", () => {
  it.live("the newest version that the server speaks is spoken", () =>
    Effect.gen(function*() {
      const versions = yield* Effect.forEach(
        ["modern", "normal", "old", "strict-old", "exit-on-probe"],
        (mode) => Effect.scoped(Effect.map(open(mode), ({ protocolVersion }) => protocolVersion)),
        { concurrency: 2 }
      )
      assert.deepStrictEqual(versions, ["2026-07-28", "2025-11-25", "2025-06-18", "2025-06-18", "2025-11-25"])
    }).pipe(provided))

  it.live("tools carry their handlers, and stand beside others in an agent", () =>
    Effect.gen(function*() {
      const server = yield* open()
      const weather = Agent.tool("get_weather", { description: "Weather", run: () => "7 °C" })
      const agent = Agent.make("both", { tools: [weather, ...server] })
      assert.strictEqual(Object.keys(agent.tools).length, server.tools.length + 1)
      assert.strictEqual(server.instructions, "Be careful")
      const { ok, result } = yield* call(server, "echo", { text: "héllo 👋" })
      assert.deepStrictEqual({ ok, result }, { ok: true, result: "héllo 👋" })
    }).pipe(Effect.scoped, provided))

  it.live("a schema is kept as it is, and arguments are checked against it before the server sees them", () =>
    Effect.gen(function*() {
      const server = yield* open()
      const echo = server.tools[0]
      assert.deepStrictEqual(Tool.getJsonSchema(echo!) as unknown, {
        type: "object",
        properties: { text: { type: "string", maxLength: 100 } },
        required: ["text"]
      })
      const report = yield* call(server, "echo", { text: 7 })
      assert.deepInclude(failure(report), { kind: "permanent", reason: "InvalidArguments" })
      assert.include(String(report.result), "text")
    }).pipe(Effect.scoped, provided))

  it.live("isError, errors of the protocol and results that are not as declared are typed failures", () =>
    Effect.gen(function*() {
      const server = yield* open()
      const reports = yield* Effect.all({
        isError: call(server, "fail", { message: "no such city" }),
        silent: call(server, "fail"),
        invalid: call(server, "error", { code: -32602 }),
        missing: call(server, "error", { code: -32601 }),
        internal: call(server, "error", { code: -32603 }),
        structured: call(server, "structured"),
        wrong: call(server, "structured", { value: { degrees: "7" } }),
        list: call(server, "structured", { value: [1] }),
        none: call(server, "structured", { value: "none" })
      })
      assert.deepStrictEqual(failure(reports.isError), { kind: "unknown", reason: "Unknown", executed: true })
      assert.include(String(reports.isError.result), "no such city")
      assert.include(String(reports.silent.result), "does not say why")
      assert.deepInclude(failure(reports.invalid), { kind: "permanent", reason: "InvalidArguments" })
      assert.deepInclude(failure(reports.missing), { kind: "permanent", reason: "NotFound" })
      assert.deepInclude(failure(reports.internal), { kind: "unknown" })
      assert.include(String(reports.internal.result), "as it was asked")
      assert.strictEqual(reports.structured.result, `{"degrees":7}`)
      for (const report of [reports.wrong, reports.none]) {
        assert.deepInclude(failure(report), { kind: "unknown" })
        assert.include(String(report.result), "the form that the server declares")
      }
      assert.include(String(reports.list.result), "not a result of MCP")
    }).pipe(Effect.scoped, provided))

  it.live("text is carried, images, audio and resources are named", () =>
    Effect.gen(function*() {
      const { result } = yield* call(yield* open(), "media")
      assert.strictEqual(
        result,
        [
          "Here:",
          "[image image/png, 3 KiB, not shown]",
          "[audio audio/wav, 3 B, not shown]",
          "[resource file:///a.txt, a.txt, text/plain]",
          "[resource file:///b.txt, text/plain]",
          "b's text",
          "[resource file:///c.bin, 3 B, not shown]"
        ].join("\n")
      )
    }).pipe(Effect.scoped, provided))

  it.live("elicitation, sampling and roots are refused with a reason", () =>
    Effect.gen(function*() {
      const { result } = yield* call(yield* open(), "ask")
      const errors = JSON.parse(String(result)) as ReadonlyArray<{ readonly code: number; readonly message: string }>
      assert.deepStrictEqual(errors.map(({ code }) => code), [-32601, -32601, -32601])
      for (const { message } of errors) assert.include(message, "no person and no model")
    }).pipe(Effect.scoped, provided))

  it.live("a call that is interrupted is cancelled at the server, and others go on", () =>
    Effect.gen(function*() {
      const { file, lines } = yield* ledger
      const server = yield* open("normal", { ledger: file })
      const hanging = yield* Effect.forkChild(call(server, "hang"))
      assert.strictEqual((yield* call(server, "echo", { text: "meanwhile" })).result, "meanwhile")
      yield* until(() => lines().includes("hang"))
      yield* Fiber.interrupt(hanging)
      yield* until(() => lines().includes("cancelled with a reason"))
      assert.strictEqual((yield* call(server, "echo", { text: "after" })).result, "after")
    }).pipe(Effect.scoped, provided))

  it.live("a call that is never answered fails at its timeout and is cancelled", () =>
    Effect.gen(function*() {
      const { file, lines } = yield* ledger
      const server = yield* open("normal", { ledger: file, timeout: "200 millis" })
      assert.deepInclude(failure(yield* call(server, "hang")), { kind: "transient", reason: "Timeout" })
      yield* until(() => lines().includes("cancelled with a reason"))
    }).pipe(Effect.scoped, provided))

  it.live("a server that dies in mid-call is connected again by the next call", () =>
    Effect.gen(function*() {
      const server = yield* open()
      const [died, other] = yield* Effect.all([call(server, "die"), call(server, "hang")], { concurrency: 2 })
      for (const report of [died, other]) {
        assert.deepInclude(failure(report), { kind: "transient", reason: "ConnectionLost", executed: true })
        assert.strictEqual(report.attempts, 1)
        assert.include(String(report.result), "Outcome unknown")
      }
      assert.strictEqual((yield* call(server, "echo", { text: "again" })).result, "again")
    }).pipe(Effect.scoped, provided))

  it.live("hints are a stranger's word: no class, no retry, until they are trusted", () =>
    Effect.gen(function*() {
      const { file } = yield* ledger
      const stranger = yield* open("normal", { ledger: file })
      const classes = (server: Mcp.Server) => new Set(server.tools.map(ToolPolicy.effectClass))
      assert.deepStrictEqual(classes(stranger), new Set(["effectful"]))
      assert.strictEqual((yield* call(stranger, "die_once")).attempts, 1)
      const { file: other } = yield* ledger
      const trusted = yield* open("normal", { ledger: other, trust: "hints" })
      assert.deepStrictEqual(classes(trusted), new Set(["readonly", "effectful"]))
      const { attempts, result } = yield* call(trusted, "die_once")
      assert.deepStrictEqual({ attempts, result }, { attempts: 2, result: "alive" })
    }).pipe(Effect.scoped, provided))

  it.live("a server's word that a tool destroys something is believed: its calls want approval", () =>
    Effect.gen(function*() {
      const { file, lines } = yield* ledger
      const server = yield* open("normal", { ledger: file })
      assert.include(String((yield* unapproved(server, "drop")).result), "wants approval")
      assert.deepStrictEqual(lines(), [])
      assert.strictEqual((yield* call(server, "drop")).result, "dropped")
    }).pipe(Effect.scoped, provided))

  it.live("T17: a definition that changes while the server is open is not called any more", () =>
    Effect.gen(function*() {
      const server = yield* open("normal", { trust: "hints" })
      assert.strictEqual((yield* call(server, "echo", { text: "before" })).result, "before")
      yield* call(server, "change")
      const report = yield* call(server, "echo", { text: "secret" })
      assert.deepInclude(failure(report), { kind: "permanent", reason: "PermissionDenied" })
      assert.include(String(report.result), "changed the definition")
      const now = yield* server.refresh
      assert.deepStrictEqual(now.unapproved, [{
        name: "echo",
        reason: "its definition differs from the pinned one"
      }])
      assert.include(String((yield* unapproved(now, "echo", { text: "secret" })).result), "wants approval")
      assert.strictEqual((yield* call(now, "echo", { text: "approved" })).result, "approved")
      assert.isTrue((yield* call(server, "media")).ok, "the others stand")
    }).pipe(Effect.scoped, provided))

  it.live("T17: a tool that is renamed between listings is gone", () =>
    Effect.gen(function*() {
      const server = yield* open()
      yield* call(server, "rename")
      assert.deepInclude(failure(yield* call(server, "echo", { text: "a" })), { kind: "permanent", reason: "NotFound" })
      const now = yield* server.refresh
      assert.deepStrictEqual(now.unapproved, [{ name: "renamed_echo", reason: "its definition is not pinned" }])
    }).pipe(Effect.scoped, provided))

  it.live("T17: a definition that differs from its pin wants approval for each call", () =>
    Effect.gen(function*() {
      const first = yield* open()
      const pins = { ...first.pins, media: "0".repeat(64) }
      const server = yield* open("normal", { pins })
      assert.deepStrictEqual(server.unapproved, [{
        name: "media",
        reason: "its definition differs from the pinned one"
      }])
      assert.include(String((yield* unapproved(server, "media")).result), "wants approval")
      assert.isTrue((yield* unapproved(server, "echo", { text: "a" })).ok)
    }).pipe(Effect.scoped, provided))

  it.live("names are mapped to the rule, deterministically, and equal names of two servers are kept apart", () =>
    Effect.gen(function*() {
      const [one, two] = yield* Effect.all([Mcp.stdio(command()), Mcp.stdio(command("normal", "/dev/null"))])
      assert.notStrictEqual(one.name, two.name)
      const names = [...one, ...two].map(({ name }) => name)
      assert.strictEqual(new Set(names).size, names.length)
      for (const name of names) assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/)
      Agent.make("both", { tools: [...one, ...two] })
      const odd = one.tools.find((tool) => Mcp.originOf(tool)?.tool.startsWith("a name"))!
      assert.include(odd.description, "a name outside of the rule!")
      assert.match(odd.name, /^server-[0-9a-f]{4}__a_name_outside_of_the_rule.*_[0-9a-f]{8}$/)
      assert.isTrue((yield* Dispatcher.call(odd, {})).ok)
    }).pipe(Effect.scoped, provided))

  it.live("a program gets the variables of the list and those it is given, and its stderr is logged without secrets", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      vi.stubEnv("VOLLEY_NOT_FOR_SERVERS", "host secret")
      yield* Effect.gen(function*() {
        const server = yield* open("normal", { environment: { GIVEN: "yes", TOKEN: Redacted.make("canary-of-env") } })
        const { result } = yield* call(server, "variables")
        const variables = JSON.parse(String(result)) as { readonly [name: string]: string }
        assert.strictEqual(variables["GIVEN"], "yes")
        assert.strictEqual(variables["TOKEN"], "canary-of-env")
        assert.isUndefined(variables["VOLLEY_NOT_FOR_SERVERS"])
        assert.isString(variables["PATH"])
        assert.strictEqual((yield* Redactor.current).redact("canary-of-env"), Redactor.mask)
        yield* until(() => lines.some((line) => line.includes("ready")))
      }).pipe(
        Effect.scoped,
        Effect.provide(logged(lines)),
        Effect.provideService(References.MinimumLogLevel, "Debug")
      )
      assert.include(lines, `Debug MCP server "test", stderr: ready`)
    }).pipe(provided, Effect.provide(Redactor.layer())))

  it.live("progress is told while the call runs", () =>
    Effect.gen(function*() {
      const told: Array<unknown> = []
      const server = yield* open()
      const tool = server.tools.find((one) => Mcp.originOf(one)?.tool === "progress")!
      const dispatcher = yield* Dispatcher.make([tool])
      const dispatch = Dispatcher.open(dispatcher, {
        ...quiet,
        publish: (delta) => Effect.sync(() => void told.push("value" in delta ? delta.value : delta))
      })
      const running = yield* dispatch.submit(request(tool.name), Number.POSITIVE_INFINITY)
      dispatch.close()
      assert.strictEqual((yield* running).result, "three steps")
      assert.deepStrictEqual(told, ["1/3 step 1", "2/3 step 2", "3/3 step 3"])
    }).pipe(Effect.scoped, provided))

  it.live("50 calls at the same time are answered each its own", () =>
    Effect.gen(function*() {
      const server = yield* open()
      const texts = Array.from({ length: 50 }, (_, i) => `call ${i}`)
      const reports = yield* Effect.forEach(texts, (text) => call(server, "echo", { text }), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(reports.map(({ result }) => result), texts)
    }).pipe(Effect.scoped, provided))

  it.live(
    "no process is left, not even of a server that does not want to end or of what it started",
    () =>
      Effect.gen(function*() {
        const mark = `MARK_${process.pid}`
        const environment = { [mark]: mark }
        yield* Effect.scoped(Effect.gen(function*() {
          yield* call(yield* open("normal", { environment }), "children")
          yield* open("stubborn", { environment })
          assert.isAtLeast(marked(mark).length, 3)
        }))
        assert.deepStrictEqual(marked(mark), [])
      }).pipe(provided)
  )
})

const request = (name: string, params: object = {}) => ({
  turn: 1,
  request: 1,
  index: 0,
  id: "call",
  name,
  params,
  key: "k"
})

const quiet = {
  runId: "run",
  tenant: undefined,
  thread: undefined,
  concurrency: 5,
  retries: { allowed: 0, left: 0 },
  emit: () => Effect.void,
  publish: () => Effect.void
}

/** One call that nobody has approved. */
const unapproved = Effect.fnUntraced(function*(server: Mcp.Tools, name: string, params: object = {}) {
  const tool = server.tools.find((one) => Mcp.originOf(one)?.tool === name)!
  const dispatch = Dispatcher.open(yield* Dispatcher.make([tool]), quiet)
  const running = yield* dispatch.submit(request(tool.name, params), Number.POSITIVE_INFINITY)
  dispatch.close()
  return yield* running
})
