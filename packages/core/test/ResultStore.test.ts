import { assert, describe, it } from "@effect/vitest"
import { Agent, Dispatcher, ResultStore, ToolPolicy } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Exit, Fiber, Layer, Logger, Schema } from "effect"
import { Persistence } from "effect/persistence"
import { TestClock } from "effect/testing"
import { integer, utf16 } from "./support/arbitraries.ts"
import { inTime, observe, ofTag } from "./support/observe.ts"
import { dispatchTurn } from "./support/turn.ts"

const text = (length: number, from = "") =>
  Agent.tool("dump", {
    description: "Writes a lot",
    class: "readonly",
    parameters: { n: Schema.optionalKey(Schema.Int) },
    run: () => `${from}${"x".repeat(length)}`
  })

const dump = (tools: ReadonlyArray<Parameters<typeof dispatchTurn>[0][number]>, options = {}) =>
  Effect.map(dispatchTurn(tools, [{ name: "dump" }], options), ({ answers }) => answers[0]!)

const handleOf = (result: unknown): string => /handle "([0-9a-f]{16})"/.exec(String(result))?.[1] ?? ""

const alone = Effect.provide(ResultStore.layerMemory())

describe("a result that is too large", () => {
  it.effect("is cut in the middle and kept whole; the handle is in the answer, told where the model can use it", () =>
    Effect.gen(function*() {
      const store = yield* ResultStore.current
      const silent = yield* dump([text(100_000)])
      assert.closeTo(Buffer.byteLength(String(silent.result)), 32_768, 2)
      assert.match(String(silent.result), /\n\[… \d+ of 100000 bytes left out …\]\n/)
      assert.strictEqual(yield* store.read(ResultStore.key(undefined, silent.handle!)), "x".repeat(100_000))
      const told = yield* dump([text(100_000), ResultStore.readResult])
      assert.strictEqual(handleOf(told.result), told.handle)
      assert.closeTo(Buffer.byteLength(String(told.result)), 32_768, 2)
      const renamed = ToolPolicy.set(ResultStore.readResult, { timeout: "1 second" })
      assert.notStrictEqual(handleOf((yield* dump([text(100_000), renamed])).result), "")
      const small = yield* dump([text(100)])
      assert.isUndefined(small.handle)
    }).pipe(alone))

  it.effect("maxResultSize - of the tool", () =>
    Effect.gen(function*() {
      const { result } = yield* dump([ToolPolicy.set(text(10_000), { maxResultSize: "2 KiB" })])
      assert.closeTo(Buffer.byteLength(String(result)), 2047, 1)
      const value = Agent.tool("dump", { description: "Lists", run: () => Array.from({ length: 9000 }, (_, i) => i) })
      const list = yield* dump([ToolPolicy.set(value, { maxResultSize: 1024 })])
      assert.closeTo(Buffer.byteLength(String(list.result)), 1023, 1)
      assert.match(String(list.result), /^\[0,1,2,/)
    }).pipe(alone))

  it.effect("all results of a turn together take at most 128 KiB", () =>
    Effect.gen(function*() {
      const calls = Array.from({ length: 12 }, (_, n) => ({ name: "dump", params: { n } }))
      const { answers } = yield* dispatchTurn([text(40_000)], calls)
      const sizes = answers.map(({ result }) => Buffer.byteLength(String(result)))
      assert.isAtMost(sizes.reduce((sum, size) => sum + size, 0), 131_072)
      assert.isAtLeast(Math.min(...sizes), 4096 - 12)
      assert.strictEqual(new Set(answers.map(({ handle }) => handle)).size, 12)
    }).pipe(alone))

  it.effect("the results of a turn stay within their room also where a slow store makes them at the same time", () =>
    Effect.gen(function*() {
      const calls = Array.from({ length: 8 }, (_, n) => ({ name: "dump", params: { n } }))
      const { answers } = yield* inTime(dispatchTurn([text(40_000)], calls, { concurrency: 8 }))
      const sizes = answers.map(({ result }) => Buffer.byteLength(String(result)))
      assert.isAtMost(sizes.reduce((sum, size) => sum + size, 0), 131_072)
      assert.isTrue(answers.every(({ at, handle }) => handle !== undefined && at === answers[0]?.at))
    }).pipe(Effect.provideService(ResultStore.current, {
      keep: () => Effect.as(Effect.sleep("100 millis"), true),
      read: () => Effect.undefined
    })))

  it.effect("a call that is interrupted while its result is kept is not answered, and gives its room back", () =>
    Effect.gen(function*() {
      const { close, submit } = Dispatcher.open(yield* Dispatcher.make([text(40_000)]), {
        runId: "run",
        tenant: undefined,
        thread: undefined,
        concurrency: 5,
        retries: { allowed: 0, left: 0 },
        emit: () => Effect.void,
        publish: () => Effect.void
      })
      const calls = yield* Effect.forEach(
        Array.from({ length: 8 }, (_, n) => n),
        (n) => submit({ turn: 1, request: 1, index: n, id: `${n}`, name: "dump", params: { n }, key: `${n}` }, 60_000)
      )
      close()
      for (const call of calls.slice(0, 4)) {
        const fiber = yield* Effect.forkChild(call)
        yield* TestClock.adjust(10)
        yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      }
      const answers = yield* inTime(Effect.all(calls.slice(4), { concurrency: "unbounded" }))
      assert.deepStrictEqual(answers.map(({ result }) => Math.round(String(result).length / 1000)), [33, 33, 33, 33])
    }).pipe(
      Effect.provideService(ResultStore.current, { keep: () => Effect.never, read: () => Effect.undefined }),
      Effect.provide(Logger.layer([]))
    ))

  const broken: Readonly<Record<string, ReturnType<ResultStore.ResultStore["keep"]>>> = {
    refuses: Effect.succeed(false),
    fails: Effect.fail("no connection"),
    dies: Effect.die("a bug"),
    hangs: Effect.never
  }

  for (const [how, keep] of Object.entries(broken)) {
    it.effect(`a store that ${how} means that there is no handle; the answer is on time`, () =>
      Effect.gen(function*() {
        const { at, handle, ok, result } = yield* inTime(dump([text(100_000), ResultStore.readResult]))
        assert.isTrue(ok)
        assert.isUndefined(handle)
        assert.strictEqual(handleOf(result), "")
        assert.match(String(result), /bytes left out …/)
        assert.isAtMost(at, 510)
        const last = yield* inTime(dump([text(100_000)], { deadline: 50 }))
        assert.isAtMost(last.at - at, 60)
      }).pipe(
        Effect.provideService(ResultStore.current, { keep: () => keep, read: () => Effect.undefined }),
        Effect.provide(Logger.layer([]))
      ))
  }
})

describe("read_result", () => {
  const read = (args: typeof ResultStore.readResult["parametersSchema"]["Encoded"], tenant?: string) =>
    Dispatcher.call(ResultStore.readResult, args, tenant === undefined ? {} : { tenant })

  it.effect.prop("reading on from offset to offset gives the whole, and never half a character", [
    utf16(60),
    integer(1, 20)
  ], ([piece, length]) =>
    Effect.gen(function*() {
      const whole = piece.toWellFormed()
      const store = yield* ResultStore.current
      yield* store.keep(ResultStore.key(undefined, "h"), whole)
      let found = ""
      let offset: number | undefined = 0
      for (let pages = 0; offset !== undefined; pages++) {
        assert.isBelow(pages, 100)
        const report: Dispatcher.CallReport = yield* read({ handle: "h", offset, length })
        assert.isTrue(report.ok)
        const [heading = "", ...lines] = String(report.result).split("\n\n")
        const page = lines.join("\n\n")
        assert.isTrue(page.isWellFormed())
        found += page
        const next: string | undefined = /the next offset is (\d+)/.exec(heading)?.[1]
        offset = next === undefined ? undefined : Number(next)
      }
      assert.strictEqual(found, whole)
    }).pipe(alone))

  it.effect("a page says where it stands and is never cut itself", () =>
    Effect.gen(function*() {
      const store = yield* ResultStore.current
      yield* store.keep(ResultStore.key(undefined, "h"), "漢".repeat(50_000))
      const first = yield* read({ handle: "h" })
      assert.match(String(first.result), /^characters 0 to 8000 of 50000; the next offset is 8000\n\n漢/)
      const largest = yield* read({ handle: "h", offset: 45_000, length: 10_000 })
      assert.match(String(largest.result), /^characters 45000 to 50000 of 50000; this is the end\n\n漢/)
      const middle = yield* read({ handle: "h", offset: 1000, length: 10_000 })
      assert.notInclude(String(middle.result), "left out")
      assert.isUndefined(middle.handle)
      const beyond = yield* read({ handle: "h", offset: 60_000 })
      assert.match(String(beyond.result), /^characters 50000 to 50000 of 50000; this is the end/)
      assert.strictEqual((yield* read({ handle: "h", length: 10_001 })).failure?.reason, "InvalidArguments")
      assert.strictEqual((yield* read({ handle: "h", offset: -1 })).failure?.reason, "InvalidArguments")
    }).pipe(alone))

  it.effect("T16 - a handle reads nothing for another tenant, nor for none", () =>
    Effect.gen(function*() {
      const tenants = [undefined, "undefined", "null", "", "a", "a\",\"h", "[\"a\"]"]
      const store = yield* ResultStore.current
      for (const tenant of tenants) {
        yield* store.keep(ResultStore.key(tenant, "h"), `of ${JSON.stringify(tenant)}`)
        for (const other of tenants) {
          const found = yield* store.read(ResultStore.key(other, "only"))
          assert.isUndefined(found)
        }
      }
      for (const tenant of tenants) {
        const { result } = yield* read({ handle: "h" }, tenant)
        assert.isTrue(String(result).endsWith(`of ${JSON.stringify(tenant)}`))
      }
      const { failure } = yield* read({ handle: "other" }, "a")
      assert.strictEqual(failure?.reason, "NotFound")
    }).pipe(alone))

  it.effect("a store that cannot be read is not a handle that is gone: the call is tried again", () => {
    let reads = 0
    return Effect.gen(function*() {
      const found = yield* inTime(read({ handle: "h" }))
      assert.deepStrictEqual([found.ok, found.attempts], [true, 2])
      reads = -10
      const { failure } = yield* inTime(read({ handle: "h" }))
      assert.deepInclude(failure, { kind: "transient", reason: "Unavailable" })
      assert.notInclude(String(failure?.message), "connection")
    }).pipe(
      Effect.provideService(ResultStore.current, {
        keep: () => Effect.succeed(true),
        read: () =>
          Effect.suspend(() => ++reads < 2 ? Effect.fail("no connection to 10.0.0.1") : Effect.succeed("text"))
      }),
      Effect.provide(Logger.layer([]))
    )
  })

  it.effect("pages that have no room together say how to read them", () =>
    Effect.gen(function*() {
      const store = yield* ResultStore.current
      yield* store.keep(ResultStore.key(undefined, "h"), "漢".repeat(100_000))
      const calls = Array.from({ length: 8 }, (_, i) => ({
        name: "read_result",
        params: { handle: "h", offset: i * 10_000, length: 10_000 }
      }))
      const { answers } = yield* dispatchTurn([ResultStore.readResult], calls)
      const cut = answers.filter(({ result }) => String(result).includes("left out; read fewer characters at once …]"))
      assert.strictEqual(cut.length, 5)
      assert.isTrue(answers.every(({ handle }) => handle === undefined))
    }).pipe(alone))

  it.effect("a model reads on in a run", () =>
    Effect.gen(function*() {
      const agent = Agent.make("reader", { tools: [text(100_000, "begin "), ResultStore.readResult] })
      const { events } = yield* observe(
        agent,
        ({ prompt }: { readonly prompt: { readonly content: ReadonlyArray<unknown> } }) => {
          const turn = prompt.content.length
          const handle = handleOf(JSON.stringify(prompt.content.at(-1)).replaceAll("\\\"", "\""))
          return turn === 1
            ? ModelScript.toolUse([{ name: "dump", input: {} }])
            : handle !== ""
            ? ModelScript.toolUse([{ name: "read_result", input: { handle, offset: 50_000, length: 10 } }])
            : ModelScript.text("done")
        }
      )
      const answers = ofTag(events, "ToolCallAnswered")
      assert.deepStrictEqual(answers.map(({ ok }) => ok), [true, true])
      assert.strictEqual(
        answers[1]?.result,
        "characters 50000 to 50010 of 100006; the next offset is 50010\n\nxxxxxxxxxx"
      )
      assert.isString(answers[0]?.handle)
      assert.isUndefined(answers[1]?.handle)
    }).pipe(alone))
})

describe("layers", () => {
  it.effect("memory - bounded in bytes, the least recently read goes first", () =>
    Effect.gen(function*() {
      const store = yield* ResultStore.current
      assert.isTrue(yield* store.keep("a", "x".repeat(400)))
      assert.isTrue(yield* store.keep("b", "x".repeat(400)))
      yield* store.read("a")
      assert.isTrue(yield* store.keep("c", "x".repeat(400)))
      assert.isUndefined(yield* store.read("b"))
      assert.isString(yield* store.read("a"))
      assert.isFalse(yield* store.keep("d", "x".repeat(2000)))
    }).pipe(Effect.provide(ResultStore.layerMemory({ maximumBytes: 2000 }))))

  it.effect("persistence - any store of effect/persistence, for a day", () =>
    Effect.gen(function*() {
      const store = yield* ResultStore.current
      assert.isTrue(yield* store.keep("a", "text"))
      yield* TestClock.adjust("23 hours")
      assert.strictEqual(yield* store.read("a"), "text")
      assert.isUndefined(yield* store.read("b"))
      yield* TestClock.adjust("2 hours")
      assert.isUndefined(yield* store.read("a"))
    }).pipe(Effect.provide(ResultStore.layerPersistence.pipe(Layer.provide(Persistence.layerBackingMemory)))))

  it.effect("persistence - what is found there and is no text is not given", () =>
    Effect.gen(function*() {
      const backing = yield* (yield* Persistence.BackingPersistence).make("volley-results")
      yield* backing.set("a", { text: 1 }, undefined)
      assert.isUndefined(yield* (yield* ResultStore.current).read("a"))
    }).pipe(Effect.provide(ResultStore.layerPersistence.pipe(Layer.provideMerge(Persistence.layerBackingMemory)))))
})
