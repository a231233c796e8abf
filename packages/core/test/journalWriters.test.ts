import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Journal, Redactor, type RunEvent } from "@volley/core"
import { Effect, FileSystem, Layer, PlatformError, Redacted, type Scope } from "effect"
import { encode, goodRun, started, text } from "./support/events.ts"

const resumed = (at: number): RunEvent.RunEvent => ({ _tag: "RunResumed", at })

const linesOf = (events: ReadonlyArray<RunEvent.RunEvent>) =>
  Effect.map(
    Effect.forEach(events, (found) => encode(found)),
    (all) => all.map((json) => `${JSON.stringify(json)}\n`)
  )

const temporaryDirectory = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

const onDisk = <A, E>(
  use: (directory: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, FileSystem.FileSystem>
) =>
  Effect.gen(function*() {
    return yield* use(yield* temporaryDirectory, yield* FileSystem.FileSystem)
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

const layers: Record<string, Layer.Layer<never>> = {
  layerMemory: Journal.layerMemory,
  layerFile: Layer.unwrap(Effect.map(temporaryDirectory, (path) => Journal.layerFile(`${path}/run.jsonl`))).pipe(
    Layer.provide(NodeFileSystem.layer),
    Layer.orDie
  ),
  layerDirectory: Layer.unwrap(Effect.map(temporaryDirectory, Journal.layerDirectory)).pipe(
    Layer.provide(NodeFileSystem.layer),
    Layer.orDie
  )
}

for (const [name, layer] of Object.entries(layers)) {
  const withJournal = <A, E, R>(use: (journal: Journal.Journal) => Effect.Effect<A, E, R>) =>
    Effect.flatMap(Journal.current, use).pipe(Effect.provide(layer), Effect.scoped)

  describe(`Journal.${name}: continuing`, () => {
    it.effect("reopen - gives the events so far, and a writer that goes on after them", () =>
      withJournal((journal) =>
        Effect.gen(function*() {
          const { append } = yield* journal.open("run")
          yield* Effect.forEach(goodRun.slice(0, 5), append)
          const { events, writer } = yield* journal.reopen("run")
          assert.deepStrictEqual(events, goodRun.slice(0, 5))
          yield* writer.append(resumed(1))
          yield* writer.append(goodRun[5]!)
          const all = [...goodRun.slice(0, 5), resumed(1), goodRun[5]!]
          assert.deepStrictEqual(yield* journal.read("run"), all)
          assert.deepStrictEqual((yield* journal.reopen("run")).events, all)
          assert.strictEqual(events.length, 5)
        })
      ))

    it.effect("reopen - writes nothing itself", () =>
      withJournal((journal) =>
        Effect.gen(function*() {
          const { append } = yield* journal.open("run")
          yield* append(goodRun[0]!)
          yield* journal.reopen("run")
          yield* journal.reopen("run")
          assert.deepStrictEqual(yield* journal.read("run"), goodRun.slice(0, 1))
        })
      ))

    it.effect("reopen - a run that is not there is refused, and is not there afterwards", () =>
      withJournal((journal) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(journal.reopen("run"))
          assert.instanceOf(error, Journal.JournalFailure)
          assert.deepStrictEqual([error.operation, error.runId], ["open", "run"])
          yield* journal.open("run")
        })
      ))

    it.effect("reopen - a run that was killed before its first event has none", () =>
      withJournal((journal) =>
        Effect.gen(function*() {
          yield* journal.open("run")
          const { events, writer } = yield* journal.reopen("run")
          assert.deepStrictEqual(events, [])
          yield* writer.append(started())
          assert.deepStrictEqual(yield* journal.read("run"), [started()])
        })
      ))

    it.effect("append - an earlier writer is refused for good once the run goes on elsewhere, and writes nothing", () =>
      withJournal((journal) =>
        Effect.gen(function*() {
          const first = yield* journal.open("run")
          yield* first.append(goodRun[0]!)
          const second = (yield* journal.reopen("run")).writer
          yield* second.append(resumed(1))
          const third = (yield* journal.reopen("run")).writer
          yield* third.append(resumed(2))
          for (const { append } of [first, second, first]) {
            const error = yield* Effect.flip(append(goodRun[1]!))
            assert.deepStrictEqual([error.operation, error.runId], ["append", "run"])
            assert.match(error.message, /^Run "run" was taken over by another process/)
          }
          yield* third.append(goodRun[1]!)
          assert.deepStrictEqual(yield* journal.read("run"), [goodRun[0]!, resumed(1), resumed(2), goodRun[1]!])
        })
      ))
  })
}

describe("file: continuing", () => {
  // bytes of every length, and line separators inside of texts
  const events = [started(), text(1, 1, "é漢😀\u2028\n"), ...goodRun.slice(6, 10)]

  const reopened = (path: string) => Effect.flatMap(Journal.makeFile(path), (journal) => journal.reopen("run"))

  it.effect(
    "G10 - killed at every byte: the whole lines are the events, and the run goes on after them",
    () =>
      onDisk((directory, fs) =>
        Effect.gen(function*() {
          const lines = yield* linesOf(events)
          const bytes = Buffer.from(lines.join(""))
          const next = (yield* linesOf([resumed(1)])).join("")
          const path = `${directory}/run.jsonl`
          let complete = 0
          for (let length = 0; length <= bytes.length; length++) {
            if (bytes[length - 1] === 10) complete++
            // an event that lacks nothing but its line break is whole
            const whole = complete + (bytes[length] === 10 ? 1 : 0)
            yield* fs.writeFile(path, bytes.subarray(0, length))
            yield* Effect.scoped(Effect.gen(function*() {
              const { events: found, writer } = yield* reopened(path)
              assert.deepStrictEqual(found, events.slice(0, whole), `cut at ${length}`)
              assert.deepStrictEqual(yield* Journal.readFile(path), found)
              assert.strictEqual((yield* fs.readFile(path)).length, length)
              yield* writer.append(resumed(1))
              const content = yield* fs.readFileString(path)
              assert.strictEqual(content, `${lines.slice(0, whole).join("")}${next}`, `cut at ${length}`)
              yield* writer.append(resumed(1))
              assert.strictEqual(yield* fs.readFileString(path), `${content}${next}`)
            }))
          }
          assert.strictEqual(complete, events.length)
        })
      ),
    60_000
  )

  it.effect("G10 - a line that is not an event is refused with its number, and the file stays as it was", () =>
    onDisk((directory, fs) =>
      Effect.gen(function*() {
        const lines = yield* linesOf(events)
        const path = `${directory}/run.jsonl`
        for (let i = 0; i < lines.length; i++) {
          for (const bad of ["{}\n", "\n", lines[i]!.slice(0, 9), lines[i]!.slice(9), "\0"]) {
            // at the end a line that lacks its break is torn
            const content = `${lines.with(i, bad).join("")}${lines[1]!}`
            yield* fs.writeFileString(path, content)
            const error = yield* Effect.flip(Effect.scoped(reopened(path)))
            assert.strictEqual(error.message, `Journal "${path}", line ${i + 1} is not an event`)
            assert.deepStrictEqual([error.operation, error.runId, error.line], ["open", "run", i + 1])
            assert.strictEqual(yield* fs.readFileString(path), content)
          }
        }
      })
    ))

  it.effect("reopen - refuses the file of another run, of no run and of something else, which stay as they were", () =>
    onDisk((directory, fs) =>
      Effect.gen(function*() {
        const path = `${directory}/run.jsonl`
        const other = yield* linesOf([{ ...started(), runId: "other" }, ...goodRun.slice(1, 3)])
        const headless = yield* linesOf(goodRun.slice(1, 3))
        for (const content of [other.join(""), headless.join(""), "precious", "{\"a\":1}", "{\"_tag\":\"TurnCl"]) {
          yield* fs.writeFileString(path, content)
          const error = yield* Effect.flip(Effect.scoped(reopened(path)))
          assert.strictEqual(error.operation, "open")
          assert.match(error.message, /does not hold run "run"$/)
          assert.strictEqual(yield* fs.readFileString(path), content)
        }
      })
    ))

  it.effect("reopen - does not create a file", () =>
    onDisk((directory, fs) =>
      Effect.gen(function*() {
        const path = `${directory}/run.jsonl`
        const error = yield* Effect.flip(Effect.scoped(reopened(path)))
        assert.strictEqual(error.message, `Journal "${path}" cannot be read: NotFound`)
        assert.isFalse(yield* fs.exists(path))
      })
    ))

  it.effect("append - a file that was removed, replaced, cut or added to is not written to any more", () =>
    onDisk((directory, fs) =>
      Effect.gen(function*() {
        const path = `${directory}/run.jsonl`
        const line = (yield* linesOf([started()])).join("")
        const changes: Record<string, Effect.Effect<void, PlatformError.PlatformError>> = {
          removed: fs.remove(path),
          replaced: Effect.andThen(fs.copyFile(path, `${path}.copy`), fs.rename(`${path}.copy`, path)),
          cut: fs.truncate(path, line.length - 1),
          addedTo: fs.writeFileString(path, "x", { flag: "a" })
        }
        for (const [name, change] of Object.entries(changes)) {
          yield* fs.writeFileString(path, line)
          yield* Effect.scoped(Effect.gen(function*() {
            const { append } = (yield* reopened(path)).writer
            yield* change
            const before = yield* Effect.option(fs.readFileString(path))
            for (let i = 0; i < 2; i++) {
              assert.match((yield* Effect.flip(append(resumed(1)))).message, /taken over/, name)
              assert.deepStrictEqual(yield* Effect.option(fs.readFileString(path)), before)
            }
          }))
        }
      })
    ))

  it.effect("append - of two writers at the very same moment neither overwrites the other, and both are refused then", () =>
    onDisk((directory, fs) =>
      Effect.gen(function*() {
        const path = `${directory}/run.jsonl`
        const journal = yield* Journal.makeFile(path)
        yield* Effect.scoped(Effect.gen(function*() {
          const old = yield* journal.open("run")
          yield* old.append(started())
          let meanwhile: Effect.Effect<unknown> = Effect.void
          // the file is looked at, and then the other writes
          const late = { ...fs, stat: (file: string) => Effect.tap(fs.stat(file), () => meanwhile) }
          const { writer } = yield* reopened(path).pipe(Effect.provideService(FileSystem.FileSystem, late))
          meanwhile = Effect.orDie(old.append(text(1, 1, "a longer line of the one that was taken for dead")))
          yield* writer.append(resumed(1))
          meanwhile = Effect.void
          const tags = (yield* journal.read("run")).map(({ _tag }) => _tag)
          assert.deepStrictEqual(tags, ["RunStarted", "BlockReceived", "RunResumed"])
          for (const { append } of [old, writer]) {
            assert.match((yield* Effect.flip(append(resumed(2)))).message, /taken over/)
          }
          assert.strictEqual((yield* journal.read("run")).length, 3)
        }))
      })
    ))

  it.effect("T5 - what is appended to a run that is continued passes through the redactor", () =>
    onDisk((directory, fs) =>
      Effect.gen(function*() {
        const path = `${directory}/run.jsonl`
        yield* fs.writeFileString(path, (yield* linesOf([started()])).join(""))
        const { writer } = yield* reopened(path)
        yield* writer.append(text(1, 1, "it is canary-canary"))
        assert.include(yield* fs.readFileString(path), "it is [redacted]")
      }).pipe(Effect.scoped)
    ).pipe(Effect.provide(Redactor.layer([Redacted.make("canary-canary")]))))
})

describe("file: failing", () => {
  type Operation = "stat" | "truncate" | "writeAll"

  const broken = (method: Operation) =>
    Effect.fail(PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method }))

  /** A disk of which one operation fails after so many of its kind; a write that fails leaves a part of its line. */
  const failingDisk = (fs: FileSystem.FileSystem, fails: { operation: Operation; after: number }) => {
    const isDue = (operation: Operation) => fails.operation === operation && fails.after-- === 0
    const wrapped = (file: FileSystem.File) =>
      ({
        stat: file.stat,
        truncate: (length: number) =>
          Effect.suspend(() => isDue("truncate") ? broken("truncate") : file.truncate(length)),
        writeAll: (bytes: Uint8Array) =>
          Effect.suspend(() =>
            isDue("writeAll")
              ? Effect.andThen(file.writeAll(bytes.subarray(0, 10)), broken("writeAll"))
              : file.writeAll(bytes)
          )
      }) as FileSystem.File
    return {
      ...fs,
      stat: (path: string) => Effect.suspend(() => isDue("stat") ? broken("stat") : fs.stat(path)),
      open: (...call: Parameters<FileSystem.FileSystem["open"]>) => Effect.map(fs.open(...call), wrapped)
    }
  }

  const cases: ReadonlyArray<readonly [Operation, torn: string, left: string]> = [
    ["writeAll", "", "{\"_tag\":\"R"],
    ["stat", "", ""],
    ["truncate", "{\"_tag\"", "{\"_tag\""]
  ]

  for (const [operation, torn, left] of cases) {
    it.effect(`G10 - after a ${operation} that fails nothing is appended, until the run is continued anew`, () =>
      onDisk((directory, fs) =>
        Effect.gen(function*() {
          const path = `${directory}/run.jsonl`
          const whole = (yield* linesOf(goodRun.slice(0, 3))).join("")
          yield* fs.writeFileString(path, `${whole}${torn}`)
          const disk = failingDisk(fs, { operation, after: 0 })
          const journal = yield* Journal.makeFile(path).pipe(Effect.provideService(FileSystem.FileSystem, disk))
          const { writer } = yield* journal.reopen("run")
          const error = yield* Effect.flip(writer.append(resumed(1)))
          assert.strictEqual(error.operation, "append")
          assert.strictEqual(error.message, `Journal "${path}" cannot be written: Unknown`)
          assert.strictEqual(yield* fs.readFileString(path), `${whole}${left}`)
          for (let i = 0; i < 2; i++) {
            const later = yield* Effect.flip(writer.append(resumed(2)))
            assert.strictEqual(later.message, `Journal "${path}" was not written to the end before`)
          }
          assert.strictEqual(yield* fs.readFileString(path), `${whole}${left}`)
          const again = yield* journal.reopen("run")
          assert.deepStrictEqual(again.events, goodRun.slice(0, 3))
          yield* again.writer.append(resumed(3))
          yield* again.writer.append(goodRun[3]!)
          assert.deepStrictEqual(yield* journal.read("run"), [...goodRun.slice(0, 3), resumed(3), goodRun[3]!])
        }).pipe(Effect.scoped)
      ))
  }
})

describe("directory", () => {
  it.effect("two runs are kept apart, each in a file that only its owner may read", () =>
    onDisk((parent, fs) =>
      Effect.gen(function*() {
        const directory = `${parent}/new/journals`
        const journal = yield* Journal.makeDirectory(directory)
        const started2 = { ...started(), runId: "run.2" }
        const one = yield* journal.open("run")
        const two = yield* journal.open("run.2")
        yield* one.append(started())
        yield* two.append(started2)
        yield* one.append(goodRun[1]!)
        const { events, writer } = yield* journal.reopen("run.2")
        assert.deepStrictEqual(events, [started2])
        yield* writer.append(resumed(1))
        yield* one.append(goodRun[2]!)
        assert.deepStrictEqual(yield* journal.read("run"), goodRun.slice(0, 3))
        assert.deepStrictEqual(yield* journal.read("run.2"), [started2, resumed(1)])
        const files = yield* fs.readDirectory(directory)
        assert.deepStrictEqual(files.toSorted(), ["run.2.ndjson", "run.ndjson"])
        assert.strictEqual((yield* fs.stat(directory)).mode & 0o777, 0o700)
        for (const file of files) assert.strictEqual((yield* fs.stat(`${directory}/${file}`)).mode & 0o777, 0o600)
      }).pipe(Effect.scoped)
    ))

  it.effect("T5 - an id that leads elsewhere, is hidden, empty or too long is refused by open, reopen and read", () =>
    onDisk((parent, fs) =>
      Effect.gen(function*() {
        const directory = `${parent}/journals`
        const journal = yield* Journal.makeDirectory(directory)
        for (
          const id of [
            "",
            ".",
            "..",
            ".run",
            "../run",
            "a/b",
            "a\\b",
            "a\0",
            "a\n",
            "run\n",
            "é",
            "a b",
            "x".repeat(129)
          ]
        ) {
          for (
            const [operation, refused] of [
              ["open", Effect.asVoid(journal.open(id))],
              ["open", Effect.asVoid(journal.reopen(id))],
              ["read", Effect.asVoid(journal.read(id))]
            ] as const
          ) {
            const error = yield* Effect.flip(Effect.scoped<void, Journal.JournalFailure, Scope.Scope>(refused))
            assert.deepStrictEqual([error.operation, error.runId], [operation, id])
            assert.match(error.message, /^Run id ".*" is not 1 to 128 of /)
          }
        }
        assert.deepStrictEqual(yield* fs.readDirectory(parent), [])
        yield* Effect.scoped(journal.open("x".repeat(128)))
        yield* Effect.scoped(journal.open("-_.A9"))
      })
    ))

  it.effect("open - a directory that cannot be created is a failure", () =>
    onDisk((parent, fs) =>
      Effect.gen(function*() {
        yield* fs.writeFileString(`${parent}/file`, "")
        const journal = yield* Journal.makeDirectory(`${parent}/file/journals`)
        const error = yield* Effect.flip(Effect.scoped(journal.open("run")))
        assert.strictEqual(error.operation, "open")
        assert.match(error.message, /^Directory ".*" cannot be created: /)
      })
    ))
})
