import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Agent, Journal, Redactor, type RunEvent } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { ByteSize, Effect, FileSystem, Layer, Option, PlatformError, Redacted, Result, Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { suite } from "./suites/journal.ts"
import { integer, oneOf } from "./support/arbitraries.ts"
import { answered, encode, event, goodRun, started, text, usage, user } from "./support/events.ts"

const temporaryFile = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  return `${yield* fs.makeTempDirectoryScoped()}/run.jsonl`
})

suite("Journal.layerMemory", Journal.layerMemory)
suite(
  "Journal.layerFile",
  Layer.unwrap(Effect.map(temporaryFile, Journal.layerFile)).pipe(Layer.provide(NodeFileSystem.layer), Layer.orDie)
)

suite(
  "Journal.layerDirectory",
  Layer.unwrap(Effect.map(temporaryFile, Journal.layerDirectory)).pipe(Layer.provide(NodeFileSystem.layer), Layer.orDie)
)

/** A file and the journal in it. */
const inFile = <A, E>(
  use: (path: string, journal: Journal.Journal, fs: FileSystem.FileSystem) => Effect.Effect<A, E, FileSystem.FileSystem>
) =>
  Effect.gen(function*() {
    const path = yield* temporaryFile
    return yield* use(path, yield* Journal.makeFile(path), yield* FileSystem.FileSystem)
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

const write = (journal: Journal.Journal, events: ReadonlyArray<RunEvent.RunEvent>) =>
  Effect.scoped(Effect.flatMap(journal.open("run"), ({ append }) => Effect.forEach(events, append, { discard: true })))

const linesOf = (events: ReadonlyArray<RunEvent.RunEvent>) =>
  Effect.map(
    Effect.forEach(events, (found) => encode(found)),
    (all) => all.map((json) => `${JSON.stringify(json)}\n`).join("")
  )

describe("file", () => {
  it.effect("makeFile - a line an event, in a file that only its owner may read", () =>
    inFile((path, journal, fs) =>
      Effect.gen(function*() {
        yield* write(journal, goodRun)
        const content = yield* fs.readFileString(path)
        assert.strictEqual(content, yield* linesOf(goodRun))
        assert.strictEqual(content.split("\n").length, goodRun.length + 1)
        assert.strictEqual((yield* fs.stat(path)).mode & 0o777, 0o600)
      })
    ))

  it.effect("T5 - the file is private from the start: it is created with its mode, and never followed", () =>
    Effect.gen(function*() {
      const opened: Array<unknown> = []
      const fs = FileSystem.makeNoop({
        open: (_, options) => {
          opened.push(options)
          return Effect.fail(PlatformError.systemError({ _tag: "Busy", module: "FileSystem", method: "open" }))
        }
      })
      const journal = yield* Journal.makeFile("run.jsonl").pipe(Effect.provideService(FileSystem.FileSystem, fs))
      const error = yield* Effect.flip(Effect.scoped(journal.open("run")))
      assert.strictEqual(error.message, "Journal \"run.jsonl\" cannot be created: Busy")
      assert.deepStrictEqual(opened, [{ flag: "ax", mode: 0o600 }])
    }))

  it.effect("open - refuses a file that exists, and a link to nowhere", () =>
    inFile((path, journal, fs) =>
      Effect.gen(function*() {
        yield* fs.writeFileString(path, "precious")
        const error = yield* Effect.flip(Effect.scoped(journal.open("run")))
        assert.strictEqual(error.message, `Journal "${path}" exists already; name a new file`)
        assert.strictEqual(yield* fs.readFileString(path), "precious")
        const link = `${path}.link`
        yield* fs.symlink(`${path}.nowhere`, link)
        const linked = yield* Journal.makeFile(link)
        assert.match((yield* Effect.flip(Effect.scoped(linked.open("run")))).message, /exists already/)
        assert.isFalse(yield* fs.exists(`${path}.nowhere`))
      })
    ))

  it.effect("open - a folder that is missing is a failure that names the file", () =>
    inFile((path) =>
      Effect.gen(function*() {
        const journal = yield* Journal.makeFile(`${path}/missing/run.jsonl`)
        const error = yield* Effect.flip(Effect.scoped(journal.open("run")))
        assert.strictEqual(error.operation, "open")
        assert.strictEqual(error.message, `Journal "${path}/missing/run.jsonl" cannot be created: NotFound`)
      })
    ))

  it.effect("read - a file that is missing is a failure", () =>
    inFile((path, journal) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(journal.read("run"))
        assert.strictEqual(error.operation, "read")
        assert.strictEqual(error.message, `Journal "${path}" cannot be read: NotFound`)
        assert.isUndefined(error.line)
      })
    ))

  it.effect("readFile - a line that is not an event is named", () =>
    inFile((path, _, fs) =>
      Effect.gen(function*() {
        yield* fs.writeFileString(path, `${yield* linesOf(goodRun.slice(0, 2))}{}\n${yield* linesOf([goodRun[2]!])}`)
        const error = yield* Effect.flip(Journal.readFile(path))
        assert.strictEqual(error.message, `Journal "${path}", line 3 is not an event`)
        assert.strictEqual(error.line, 3)
      })
    ))

  it.effect("readFile - is not limited to the events that this process wrote: a torn tail is left out", () =>
    inFile((path, journal, fs) =>
      Effect.gen(function*() {
        yield* write(journal, goodRun)
        const bytes = yield* fs.readFile(path)
        yield* fs.writeFile(path, bytes.slice(0, -7))
        assert.deepStrictEqual(yield* Journal.readFile(path), goodRun.slice(0, -1))
      })
    ))
})

describe("parse", () => {
  // bytes of every length, and line separators inside of texts
  const events = [started(), text(1, 1, "é漢😀\u2028\n"), ...goodRun.slice(6, 12)]

  it.effect("G10 - cut at every byte: a prefix of the events, never an error, never another event", () =>
    Effect.gen(function*() {
      const bytes = Buffer.from(yield* linesOf(events))
      let complete = 0
      for (let length = 0; length <= bytes.length; length++) {
        const parsed = Journal.parse(new TextDecoder().decode(bytes.subarray(0, length)))
        if (Result.isFailure(parsed)) return assert.fail(`cut at ${length}: line ${parsed.failure.line}`)
        if (bytes[length - 1] === 10) complete++
        // an event that lacks nothing but its line break is whole
        const whole = complete + (bytes[length] === 10 ? 1 : 0)
        assert.deepStrictEqual(parsed.success, events.slice(0, whole), `cut at ${length}`)
      }
      assert.strictEqual(complete, events.length)
    }))

  it.effect.prop(
    "G10 - a corrupt byte in any line that is complete is refused with the number of the line",
    [integer(0, 1_000_000), oneOf([0, 1, 8, 10, 27, 31])],
    ([where, byte]) =>
      Effect.gen(function*() {
        const bytes = Buffer.from(yield* linesOf(events))
        const at = where % bytes.length
        const line = bytes.subarray(0, at).filter((found) => found === 10).length + 1
        // a control character is in no JSON text, a line break makes two lines of one
        if (bytes[at] === 10) return
        bytes[at] = byte
        const parsed = Journal.parse(new TextDecoder().decode(bytes))
        assert.deepStrictEqual(parsed, Result.fail({ line }))
      }),
    { arbitrary: { runs: 400 } }
  )

  it.effect.prop("G10 - a line that is lost in part, merged or empty is refused", [integer(0, 6), integer(1, 400)], (
    [index, length]
  ) =>
    Effect.gen(function*() {
      const lines = (yield* linesOf(events)).split("\n").slice(0, -1)
      const line = lines[index]!
      const refused = Result.fail({ line: index + 1 })
      const join = (all: ReadonlyArray<string>) => Journal.parse(`${all.join("\n")}\n`)
      assert.deepStrictEqual(join(lines.with(index, line.slice(0, -Math.min(length, line.length)))), refused)
      assert.deepStrictEqual(join(lines.with(index, line.slice(Math.min(length, line.length)))), refused)
      assert.deepStrictEqual(join(lines.toSpliced(index, 0, "")), refused)
      assert.deepStrictEqual(
        join(lines.toSpliced(index, 2, `${line}${lines[index + 1] ?? ""}`)),
        index + 1 < lines.length ? refused : join(lines)
      )
    }))

  it.effect("G10 - readFile - bytes that are not UTF-8 are refused with the number of the line", () =>
    inFile((path, _, fs) =>
      Effect.gen(function*() {
        const bytes = Buffer.from(yield* linesOf([started(), text(1, 1, "abc"), ...goodRun.slice(3, 5)]))
        bytes[bytes.indexOf("abc")] = 0xff
        yield* fs.writeFile(path, bytes)
        assert.strictEqual((yield* Effect.flip(Journal.readFile(path))).line, 2)
      })
    ))

  it("parse - an empty journal has no events", () => {
    assert.deepStrictEqual(Journal.parse(""), Result.succeed([]))
    assert.deepStrictEqual(Journal.parse("{"), Result.succeed([]))
  })

  it("parse - JSON that is no event is refused, in the last line as well once it is complete", () => {
    for (const line of ["{}", "[]", "1", "null", "\"x\"", "{\"_tag\":\"RunEnded\"}", "{\"_tag\":\"constructor\"}"]) {
      assert.deepStrictEqual(Journal.parse(`${line}\n`), Result.fail({ line: 1 }))
    }
  })
})

describe("redaction", () => {
  const secrets = ["p\"a\\ss\nwörd", "1234567", "\"_tag\":\"", "readonly", "result", "canary-canary"]
  const withSecrets = Redactor.layer(secrets.map((secret) => Redacted.make(secret)))
  const key = `sk-ant-${"a1".repeat(20)}`

  it.effect("T5 - no secret is in the file, however it is written there", () =>
    inFile((path, journal, fs) =>
      Effect.gen(function*() {
        const [password, pin] = secrets as [string, string]
        const params = { [password]: password, pin, nested: [{ json: JSON.stringify({ password, key: `x\n${key}` }) }] }
        const events: ReadonlyArray<RunEvent.RunEvent> = [
          { ...started(), input: user(`the password is ${password}`), metadata: { [password]: key } },
          { _tag: "ToolCallRequested", turn: 1, request: 1, index: 0, at: 0, id: "c", name: "look", params },
          {
            _tag: "ToolCallAnswered",
            turn: 1,
            request: 1,
            index: 0,
            at: 0,
            ok: false,
            attempts: 1,
            result: `env:\n${key}\nbasic ${Buffer.from(`user:${password}`).toString("base64")}`,
            failure: { kind: "permanent", reason: "NotFound", message: encodeURIComponent(password), executed: true }
          }
        ]
        yield* write(journal, events)
        const content = yield* fs.readFileString(path)
        for (const found of [password, JSON.stringify(password).slice(1, -1), pin, key, encodeURIComponent(password)]) {
          assert.notInclude(content, found)
        }
        assert.notInclude(content, Buffer.from(password).toString("base64").slice(4, -4))
        const back = yield* Journal.readFile(path)
        assert.deepStrictEqual(back.map(({ _tag }) => _tag), events.map(({ _tag }) => _tag))
        assert.include(content, "the password is [redacted]")
      })
    ).pipe(Effect.provide(withSecrets)))

  it.effect.prop(
    "T5 - a secret that looks like a number, a word or a piece of the format does not make the journal unreadable",
    [Arbitrary.array(event, { maxLength: 6 })],
    ([events]) =>
      inFile((path, journal) =>
        Effect.gen(function*() {
          const numbered = [{ ...started(), at: 12_345_678 }, ...events]
          yield* write(journal, numbered)
          const back = yield* Journal.readFile(path)
          assert.deepStrictEqual(back.map(({ _tag }) => _tag), numbered.map(({ _tag }) => _tag))
          assert.deepStrictEqual(back[0], numbered[0])
        })
      ).pipe(Effect.provide(withSecrets)),
    { arbitrary: { runs: 40 } }
  )

  it.effect("G15 - a run whose journal keeps no secrets is replayed without a divergence, and a change is still found", () =>
    inFile((path, journal) =>
      Effect.gen(function*() {
        const look = Agent.tool("look", {
          description: "Looks",
          class: "readonly",
          parameters: { at: Schema.String.check(Schema.isMinLength(11)) },
          run: ({ at }) => Effect.succeed(`saw ${at}`)
        })
        const agentWith = (instructions: string) =>
          Agent.make("keeper", { instructions, tools: [look], output: Schema.Struct({ token: Schema.String }) })
        const agent = agentWith("Use canary-canary")
        yield* Agent.run(agent, "The token is canary-canary", { runId: "run" }).pipe(
          Effect.provide(ScriptedModel.layer([
            ModelScript.toolUse([{ name: "look", input: { at: "canary-canary" } }]),
            ModelScript.toolUse([{ name: "final_answer", input: { token: "canary-canary" } }])
          ])),
          Effect.provideService(Journal.current, journal)
        )
        const events = yield* Journal.readFile(path)
        assert.notInclude(JSON.stringify(events), "canary-canary")
        const { divergence, events: decided } = yield* Agent.replay(agent, events)
        assert.isUndefined(divergence)
        assert.deepStrictEqual(decided, events)
        const changed = yield* Agent.replay(agentWith("Use canary-canary well"), events)
        assert.include(changed.divergence?.message, "instructions")
      })
    ).pipe(Effect.provide(withSecrets)))
})

describe("failing writes", () => {
  const infoOf = (content: string) =>
    ({ dev: 1n, ino: Option.some(2n), size: ByteSize.bytes(Buffer.byteLength(content)) }) as FileSystem.File.Info

  /** A file system whose file takes so many bytes, then is full; it has `room` again when that is set. */
  const smallDisk = (disk: { room: number; content: string; writes: number }) =>
    FileSystem.makeNoop({
      stat: () => Effect.sync(() => infoOf(disk.content)),
      open: () =>
        Effect.succeed(
          {
            stat: Effect.sync(() => infoOf(disk.content)),
            writeAll: (bytes: Uint8Array) =>
              Effect.suspend(() => {
                const taken = Math.min(bytes.length, disk.room)
                disk.room -= taken
                disk.writes++
                disk.content += new TextDecoder().decode(bytes.subarray(0, taken))
                const cause = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })
                return taken === bytes.length
                  ? Effect.void
                  : Effect.fail(
                    PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method: "writeAll", cause })
                  )
              })
          } as unknown as FileSystem.File
        )
    })

  const onDisk = (room: number) => {
    const disk = { room, content: "", writes: 0 }
    const journal = Journal.makeFile("run.jsonl").pipe(Effect.provideService(FileSystem.FileSystem, smallDisk(disk)))
    return Effect.map(journal, (made) => ({ disk, journal: made }))
  }

  it.effect("append - is one write an event", () =>
    Effect.gen(function*() {
      const { disk, journal } = yield* onDisk(Number.POSITIVE_INFINITY)
      yield* write(journal, goodRun)
      assert.strictEqual(disk.writes, goodRun.length)
    }))

  it.effect("G10 - a full disk is a failure; what was acknowledged can be read, wherever the disk was full", () =>
    Effect.gen(function*() {
      const size = Buffer.byteLength(yield* linesOf(goodRun))
      for (let room = 0; room < size; room += 13) {
        const { disk, journal } = yield* onDisk(room)
        const writer = yield* Effect.scoped(journal.open("run"))
        let acknowledged = 0
        for (const found of goodRun) {
          const appended = yield* Effect.result(writer.append(found))
          if (Result.isFailure(appended)) {
            assert.strictEqual(appended.failure.operation, "append")
            assert.strictEqual(appended.failure.message, "Journal \"run.jsonl\" cannot be written: Unknown")
            break
          }
          acknowledged++
        }
        const parsed = Journal.parse(disk.content)
        if (Result.isFailure(parsed)) return assert.fail(`room ${room}: line ${parsed.failure.line}`)
        assert.isAtLeast(parsed.success.length, acknowledged)
        assert.deepStrictEqual(parsed.success, goodRun.slice(0, parsed.success.length))
      }
    }))

  it.effect("G10 - nothing follows a line that was written in part, even when there is room again", () =>
    Effect.gen(function*() {
      const first = Buffer.byteLength(yield* linesOf(goodRun.slice(0, 2)))
      const { disk, journal } = yield* onDisk(first + 10)
      const { append } = yield* Effect.scoped(journal.open("run"))
      yield* append(goodRun[0]!)
      yield* append(goodRun[1]!)
      yield* Effect.flip(append(goodRun[2]!))
      disk.room = Number.POSITIVE_INFINITY
      const error = yield* Effect.flip(append(goodRun[3]!))
      assert.strictEqual(error.operation, "append")
      assert.deepStrictEqual(Journal.parse(disk.content), Result.succeed(goodRun.slice(0, 2)))
    }))

  it.effect("append - an event that JSON does not have is a failure, and the journal goes on", () =>
    Effect.gen(function*() {
      const { disk, journal } = yield* onDisk(Number.POSITIVE_INFINITY)
      const { append } = yield* Effect.scoped(journal.open("run"))
      const error = yield* Effect.flip(append({ ...answered(1, 1, 0), result: 10n } as RunEvent.RunEvent))
      assert.strictEqual(error.message, "Event ToolCallAnswered is not JSON")
      yield* append(goodRun[0]!)
      assert.deepStrictEqual(Journal.parse(disk.content), Result.succeed([goodRun[0]!]))
    }))

  it.effect("a run whose journal cannot be written fails before it acts, and leaves a journal that can be read", () =>
    Effect.gen(function*() {
      let ran = 0
      const tool = Agent.tool("look", { description: "Looks", class: "readonly", run: () => ++ran })
      const model = yield* ScriptedModel.make([
        ModelScript.toolUse([{ name: "look", input: {} }]),
        ModelScript.text("Done.")
      ])
      const { disk, journal } = yield* onDisk(0)
      const error = yield* Agent.run(Agent.make("agent", { tools: [tool] }), "Go").pipe(
        Effect.provide(model.layer),
        Effect.provideService(Journal.current, journal),
        Effect.flip
      )
      assert.instanceOf(error, Journal.JournalFailure)
      assert.strictEqual(ran, 0)
      assert.deepStrictEqual(yield* model.requests, [])
      assert.strictEqual(disk.content, "")
    }))
})

describe("current", () => {
  it.effect("by default events are kept nowhere", () =>
    Effect.gen(function*() {
      const journal = yield* Journal.current
      yield* write(journal, goodRun)
      yield* write(journal, goodRun)
      assert.deepStrictEqual(yield* journal.read("run"), [])
      const error = yield* Effect.flip(Effect.scoped(journal.reopen("run")))
      assert.strictEqual(error.operation, "open")
      assert.strictEqual(error.message, "Run \"run\" cannot be continued: nothing is kept")
    }))

  it("endedRun - keeps the failure and adds how far the run was", () => {
    const failure = new Journal.JournalFailure({ runId: "run", operation: "append", message: "full", line: 3 })
    const ended = Journal.endedRun(failure, user("Go"), usage(1, 2))
    assert.deepStrictEqual(
      [ended.runId, ended.operation, ended.message, ended.line, ended.usage],
      ["run", "append", "full", 3, usage(1, 2)]
    )
    assert.strictEqual(ended.transcript?.content.length, 1)
  })
})
