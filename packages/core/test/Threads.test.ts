import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Journal, Redactor, Threads } from "@volley/core"
import { Deferred, Effect, Fiber, FileSystem, Layer, PlatformError, Redacted } from "effect"
import { Prompt } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import { json, oneOf, utf16 } from "./support/arbitraries.ts"
import { parts } from "./support/events.ts"

const said = (text: string): Prompt.Message => Prompt.userMessage({ content: [Prompt.textPart({ text })] })
const answered = (text: string): Prompt.Message => Prompt.assistantMessage({ content: [Prompt.textPart({ text })] })

const partsOf = <Type extends Prompt.Part["type"]>(...types: ReadonlyArray<Type>) =>
  parts.filter((part): part is Extract<Prompt.Part, { type: Type }> => types.some((type) => type === part.type))

/** Messages of every role with parts of every type. */
const message: Arbitrary.Arbitrary<Prompt.Message> = Arbitrary.flatMap(
  Arbitrary.all({ text: utf16(20), name: utf16(6), value: json(2), flag: oneOf([true, false]) }),
  ({ flag, name, text, value }) => {
    const options = { anthropic: { signature: text, value } }
    const call = { id: name, name: "look", providerExecuted: flag }
    const result = Prompt.toolResultPart({ ...call, isFailure: flag, result: value, options })
    return oneOf<Prompt.Message>([
      Prompt.systemMessage({ content: text, options }),
      Prompt.userMessage({ content: [Prompt.textPart({ text, options }), ...partsOf("text", "file")], options }),
      Prompt.assistantMessage({
        content: [
          Prompt.reasoningPart({ text, options }),
          Prompt.toolCallPart({ ...call, params: value, options }),
          result,
          ...partsOf("text", "reasoning", "file", "tool-call", "tool-result", "tool-approval-request")
        ],
        options
      }),
      Prompt.toolMessage({ content: [result, ...partsOf("tool-result", "tool-approval-response")], options })
    ])
  }
)

const temporaryDirectory = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

const onDisk = <A, E>(
  use: (
    directory: string,
    threads: Threads.Threads,
    fs: FileSystem.FileSystem
  ) => Effect.Effect<A, E, FileSystem.FileSystem>
) =>
  Effect.gen(function*() {
    const directory = `${yield* temporaryDirectory}/threads`
    return yield* use(directory, yield* Threads.makeDirectory(directory), yield* FileSystem.FileSystem)
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

const messagesOf = (threads: Threads.Threads, id = "t") => Effect.map(threads.read(id), ({ content }) => content)

const layers: Record<string, Layer.Layer<never>> = {
  layerMemory: Threads.layerMemory,
  layerDirectory: Layer.unwrap(Effect.map(temporaryDirectory, Threads.layerDirectory)).pipe(
    Layer.provide(NodeFileSystem.layer),
    Layer.orDie
  )
}

for (const [name, layer] of Object.entries(layers)) {
  const withThreads = <A, E, R>(use: (threads: Threads.Threads) => Effect.Effect<A, E, R>) =>
    Effect.flatMap(Threads.current, use).pipe(Effect.provide(layer), Effect.scoped)

  describe(`Threads.${name}`, () => {
    it.effect("read - a thread that is not there has no messages", () =>
      withThreads((threads) =>
        Effect.gen(function*() {
          const found = yield* threads.read("t")
          assert.isTrue(Prompt.isPrompt(found))
          assert.deepStrictEqual(found.content, [])
        })
      ))

    it.effect("append - messages join the thread in order, and no other thread", () =>
      withThreads((threads) =>
        Effect.gen(function*() {
          yield* threads.append("t", 0, [said("a"), answered("b")])
          yield* threads.append("u", 0, [said("x")])
          const before = yield* messagesOf(threads)
          yield* threads.append("t", 2, [said("c")])
          assert.deepStrictEqual(yield* messagesOf(threads), [said("a"), answered("b"), said("c")])
          assert.deepStrictEqual(yield* messagesOf(threads, "u"), [said("x")])
          assert.deepStrictEqual(before, [said("a"), answered("b")])
        })
      ))

    it.effect("append - is refused where the thread went on meanwhile, and leaves it as it is", () =>
      withThreads((threads) =>
        Effect.gen(function*() {
          yield* threads.append("t", 0, [said("a"), answered("b")])
          for (const after of [0, 1, 3, -1]) {
            const error = yield* Effect.flip(threads.append("t", after, [said("late")]))
            assert.instanceOf(error, Journal.JournalFailure)
            assert.deepStrictEqual(
              [error.operation, error.runId, error.message],
              ["append", "", "Thread \"t\" went on meanwhile"]
            )
          }
          assert.match((yield* Effect.flip(threads.append("u", 1, []))).message, /went on meanwhile/)
          yield* threads.append("t", 2, [])
          assert.deepStrictEqual(yield* messagesOf(threads), [said("a"), answered("b")])
        })
      ))

    it.effect("append - of many at once one is kept, the others are refused", () =>
      withThreads((threads) =>
        Effect.gen(function*() {
          yield* threads.append("t", 0, [said("a")])
          const results = yield* Effect.forEach(
            Array.from({ length: 20 }, (_, i) => `${i}`),
            (text) =>
              Effect.match(threads.append("t", 1, [said(text)]), { onFailure: () => [], onSuccess: () => [text] }),
            { concurrency: "unbounded" }
          )
          const kept = results.flat()
          assert.strictEqual(kept.length, 1)
          assert.deepStrictEqual(yield* messagesOf(threads), [said("a"), ...kept.map(said)])
        })
      ))

    it.effect.prop(
      "G10 - messages of every role with parts of every type come back as they were",
      [Arbitrary.array(Arbitrary.array(message, { maxLength: 3 }), { maxLength: 3 })],
      ([appends]) =>
        withThreads((threads) =>
          Effect.gen(function*() {
            let after = 0
            for (const messages of appends) {
              yield* threads.append("t", after, messages)
              after += messages.length
            }
            assert.deepStrictEqual(yield* messagesOf(threads), appends.flat())
          })
        ),
      { arbitrary: { runs: 100 } }
    )
  })
}

describe("directory", () => {
  it("the messages of the property have parts of every type", () => {
    assert.deepStrictEqual(
      new Set(parts.map(({ type }) => type)),
      new Set([
        "text",
        "reasoning",
        "file",
        "tool-call",
        "tool-result",
        "tool-approval-request",
        "tool-approval-response"
      ])
    )
  })

  it.effect("append - a line a message, in a file and a directory that only their owner may read", () =>
    onDisk((directory, threads, fs) =>
      Effect.gen(function*() {
        yield* threads.append("t", 0, [said("a"), answered("b")])
        yield* threads.append("u", 0, [said("c")])
        const lines = (yield* fs.readFileString(`${directory}/t.ndjson`)).split("\n")
        assert.deepStrictEqual(lines.slice(0, 2).map((line) => JSON.parse(line).role), ["user", "assistant"])
        assert.deepStrictEqual(lines.slice(2), [""])
        assert.deepStrictEqual((yield* fs.readDirectory(directory)).toSorted(), ["t.ndjson", "u.ndjson"])
        assert.strictEqual((yield* fs.stat(directory)).mode & 0o777, 0o700)
        assert.strictEqual((yield* fs.stat(`${directory}/t.ndjson`)).mode & 0o777, 0o600)
      })
    ))

  it.effect(
    "G10 - killed at every byte: an append is there as a whole or not at all, and the thread goes on",
    () =>
      onDisk((directory, threads, fs) =>
        Effect.gen(function*() {
          const path = `${directory}/t.ndjson`
          const appends = [[said("é漢😀\u2028\n")], [said("a"), answered("b"), said("c")], [answered("d"), said("e")]]
          const ends: Array<number> = []
          let after = 0
          for (const messages of appends) {
            yield* threads.append("t", after, messages)
            after += messages.length
            ends.push((yield* fs.readFile(path)).length)
          }
          const bytes = yield* fs.readFile(path)
          for (let length = 0; length <= bytes.length; length++) {
            yield* fs.writeFile(path, bytes.subarray(0, length))
            // what lacks nothing but its line break is whole
            const kept = appends.filter((_, i) => ends[i]! - 1 <= length).flat()
            assert.deepStrictEqual(yield* messagesOf(threads), kept, `cut at ${length}`)
            assert.strictEqual((yield* fs.readFile(path)).length, length)
            yield* threads.append("t", kept.length, [said("next"), answered("last")])
            assert.deepStrictEqual(yield* messagesOf(threads), [...kept, said("next"), answered("last")])
          }
        })
      ),
    60_000
  )

  it.effect("G10 - a line that is not a message is refused with its number, and the file stays as it was", () =>
    onDisk((directory, threads, fs) =>
      Effect.gen(function*() {
        yield* threads.append("t", 0, [said("a"), answered("b"), said("c")])
        const path = `${directory}/t.ndjson`
        const lines = (yield* fs.readFileString(path)).split("\n")
        for (const bad of ["{}", "", "null", lines[1]!.slice(0, 9), "{\"role\":\"nobody\"}"]) {
          const content = lines.with(1, bad).join("\n")
          yield* fs.writeFileString(path, content)
          const read = yield* Effect.flip(threads.read("t"))
          const append = yield* Effect.flip(threads.append("t", 3, [said("d")]))
          assert.deepStrictEqual([read.operation, append.operation], ["read", "append"])
          for (const error of [read, append]) {
            assert.deepStrictEqual([error.message, error.line], ["Thread \"t\", line 2 is not a message", 2])
          }
          assert.strictEqual(yield* fs.readFileString(path), content)
        }
      })
    ))

  it.effect("T5 - no secret is in the file, and the thread can be read even if a secret looks like its format", () =>
    onDisk((directory, threads, fs) =>
      Effect.gen(function*() {
        yield* threads.append("t", 0, [
          said("it is canary-canary"),
          Prompt.toolMessage({
            content: [
              Prompt.toolResultPart({
                id: "c",
                name: "look",
                isFailure: false,
                result: { "canary-canary": ["x\ncanary-canary"] },
                providerExecuted: false
              })
            ]
          })
        ])
        assert.notInclude(yield* fs.readFileString(`${directory}/t.ndjson`), "canary-canary")
        const [first, second] = yield* messagesOf(threads)
        assert.deepStrictEqual(first, said("it is [redacted]"))
        assert.strictEqual(second?.role, "tool")
      })
    ).pipe(
      Effect.provide(
        Redactor.layer(["canary-canary", "content", "tool-result", "options"].map((secret) => Redacted.make(secret)))
      )
    ))

  it.effect("T5 - an id that leads elsewhere, is hidden, empty or too long is refused", () =>
    onDisk((directory, threads, fs) =>
      Effect.gen(function*() {
        for (const id of ["", ".", "..", ".t", "../t", "a/b", "a\\b", "a\0", "t\n", "é", "x".repeat(10_000)]) {
          const read = yield* Effect.flip(threads.read(id))
          const append = yield* Effect.flip(threads.append(id, 0, [said("a")]))
          assert.deepStrictEqual([read.operation, append.operation], ["read", "append"])
          for (const { message } of [read, append]) {
            assert.match(message, /^Thread id ".*" is not 1 to 128 of /)
            assert.isBelow(message.length, 300)
          }
        }
        assert.isFalse(yield* fs.exists(directory))
        yield* threads.append("x".repeat(128), 0, [said("a")])
      })
    ))

  it.effect("append - a message that JSON does not have is a failure, and nothing is written", () =>
    onDisk((directory, threads, fs) =>
      Effect.gen(function*() {
        const call = Prompt.toolCallPart({ id: "c", name: "look", params: { n: 1n }, providerExecuted: false })
        const bad = Prompt.assistantMessage({ content: [call] })
        const error = yield* Effect.flip(threads.append("t", 0, [said("a"), bad]))
        assert.strictEqual(error.message, "Thread \"t\" cannot be written: a message is not JSON")
        assert.isFalse(yield* fs.exists(directory))
      })
    ))

  it.effect("append - an append of another process is seen, also one that comes after the thread was read", () =>
    onDisk((directory, threads, fs) =>
      Effect.gen(function*() {
        yield* threads.append("t", 0, [said("a")])
        let meanwhile: Effect.Effect<void> = Effect.void
        const readFile = (path: string) => Effect.tap(fs.readFile(path), () => meanwhile)
        const slow = yield* Threads.makeDirectory(directory).pipe(
          Effect.provideService(FileSystem.FileSystem, { ...fs, readFile })
        )
        meanwhile = Effect.orDie(threads.append("t", 1, [said("theirs")]))
        assert.match((yield* Effect.flip(slow.append("t", 1, [said("ours")]))).message, /went on meanwhile/)
        meanwhile = Effect.void
        assert.deepStrictEqual(yield* messagesOf(slow), [said("a"), said("theirs")])
        // the thread that is begun twice
        const missing = (path: string) => Effect.tapError(fs.readFile(path), () => meanwhile)
        const beginning = yield* Threads.makeDirectory(directory).pipe(
          Effect.provideService(FileSystem.FileSystem, { ...fs, readFile: missing })
        )
        meanwhile = Effect.orDie(threads.append("u", 0, [said("theirs")]))
        assert.match((yield* Effect.flip(beginning.append("u", 0, [said("ours")]))).message, /went on meanwhile/)
        assert.deepStrictEqual(yield* messagesOf(threads, "u"), [said("theirs")])
      })
    ))

  it.effect("append - a thread that is slow does not hold up another", () =>
    onDisk((directory, _, fs) =>
      Effect.gen(function*() {
        const asked = yield* Deferred.make<void>()
        const go = yield* Deferred.make<void>()
        const readFile = (path: string) =>
          path.endsWith("/slow.ndjson")
            ? Effect.andThen(Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(go)), fs.readFile(path))
            : fs.readFile(path)
        const threads = yield* Threads.makeDirectory(directory).pipe(
          Effect.provideService(FileSystem.FileSystem, { ...fs, readFile })
        )
        const slow = yield* Effect.forkChild(threads.append("slow", 0, [said("a")]))
        const second = yield* Effect.forkChild(Effect.flip(threads.append("slow", 0, [said("b")])))
        yield* Deferred.await(asked)
        yield* threads.append("quick", 0, [said("a")])
        yield* Deferred.succeed(go, undefined)
        yield* Fiber.join(slow)
        assert.match((yield* Fiber.join(second)).message, /went on meanwhile/)
        assert.deepStrictEqual(yield* messagesOf(threads, "slow"), [said("a")])
      })
    ))

  it.effect("append - who comes when one has ended and the next is at work waits for that one", () =>
    onDisk((directory, _, fs) =>
      Effect.gen(function*() {
        const gates = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>(), Deferred.make<void>()])
        let inside = 0
        let most = 0
        let entered = 0
        const readFile = (path: string) =>
          Effect.suspend(() => {
            most = Math.max(most, ++inside)
            return Effect.andThen(Deferred.await(gates[entered++]!), fs.readFile(path))
          }).pipe(Effect.ensuring(Effect.sync(() => inside--)))
        const threads = yield* Threads.makeDirectory(directory).pipe(
          Effect.provideService(FileSystem.FileSystem, { ...fs, readFile })
        )
        const settle = Effect.repeat(Effect.yieldNow, { times: 20 })
        const first = yield* Effect.forkChild(threads.append("t", 0, [said("a")]))
        const second = yield* Effect.forkChild(threads.append("t", 1, [said("b")]))
        yield* settle
        yield* Deferred.succeed(gates[0], undefined)
        yield* Fiber.join(first)
        const third = yield* Effect.forkChild(threads.append("t", 2, [said("c")]))
        yield* settle
        assert.strictEqual(entered, 2)
        yield* Deferred.succeed(gates[1], undefined)
        yield* Fiber.join(second)
        yield* Deferred.succeed(gates[2], undefined)
        yield* Fiber.join(third)
        assert.strictEqual(most, 1)
      })
    ))

  it.effect("append - a disk that is full in the middle is a failure; nothing of it is kept, and the thread goes on", () =>
    onDisk((directory, threads, fs) =>
      Effect.gen(function*() {
        yield* threads.append("t", 0, [said("a")])
        const line = (yield* fs.readFile(`${directory}/t.ndjson`)).length
        const full = PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method: "writeAll" })
        let room = 0
        const open = (...call: Parameters<FileSystem.FileSystem["open"]>) =>
          Effect.map(fs.open(...call), (file) =>
            ({
              stat: file.stat,
              truncate: (length: number) => file.truncate(length),
              writeAll: (bytes: Uint8Array) => Effect.andThen(file.writeAll(bytes.subarray(0, room)), Effect.fail(full))
            }) as unknown as FileSystem.File)
        const small = yield* Threads.makeDirectory(directory).pipe(
          Effect.provideService(FileSystem.FileSystem, { ...fs, open })
        )
        for (room = 0; room < 2 * line; room += 7) {
          const error = yield* Effect.flip(small.append("t", 1, [answered("b"), said("c")]))
          assert.strictEqual(error.message, "Thread \"t\" cannot be written: Unknown")
          assert.deepStrictEqual(yield* messagesOf(threads), [said("a")])
        }
        yield* threads.append("t", 1, [answered("b")])
        assert.deepStrictEqual(yield* messagesOf(threads), [said("a"), answered("b")])
      })
    ))

  it.effect("a directory that cannot be created, and a file that cannot be read, are failures that name the thread", () =>
    onDisk((directory, threads, fs) =>
      Effect.gen(function*() {
        yield* fs.makeDirectory(`${directory}/t.ndjson`, { recursive: true })
        assert.match((yield* Effect.flip(threads.read("t"))).message, /^Thread "t" cannot be read: /)
        const elsewhere = yield* Threads.makeDirectory("/dev/null/threads")
        assert.match(
          (yield* Effect.flip(elsewhere.append("t", 0, [said("a")]))).message,
          /^Thread "t" cannot be (read|written): /
        )
      })
    ))
})

describe("current", () => {
  it.effect("by default nothing is kept, and every append is taken", () =>
    Effect.gen(function*() {
      const threads = yield* Threads.current
      yield* threads.append("t", 0, [said("a")])
      yield* threads.append("t", 5, [said("b")])
      assert.deepStrictEqual(yield* messagesOf(threads), [])
    }))
})
