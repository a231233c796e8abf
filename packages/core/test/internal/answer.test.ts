import { assert, describe, it } from "@effect/vitest"
import { Agent, Dispatcher, Redactor, ResultStore } from "@volley/core"
import { Cause, Effect, Exit, Logger, Redacted, Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { answer } from "../../src/internal/dispatch/answer.ts"
import { makeRoom } from "../../src/internal/dispatch/bound.ts"
import type { Failed, Result } from "../../src/internal/dispatch/stage.ts"
import { integer, json, oneOf, utf16 } from "../support/arbitraries.ts"

const byteLength = (value: unknown): number =>
  Buffer.byteLength(typeof value === "string" ? value : JSON.stringify(value))

const call = {
  name: "tool",
  key: "0123456789abcdef0123456789abcdef",
  deadline: 1000,
  shared: { tenant: undefined },
  history: { attempts: 1, handlers: [] }
} as unknown as Parameters<typeof answer>[1]

const answerOf = Effect.fnUntraced(function*(
  exit: Exit.Exit<Result, Failed>,
  { maximum = 32_768, readable = false, room = 131_072 } = {}
) {
  const plan = { maxResultSize: maximum, effectClass: "readonly" } as unknown as Parameters<typeof answer>[2]
  const calls = makeRoom(room)
  const place = calls.add()
  calls.close()
  return yield* answer({ place, results: yield* ResultStore.current, readable }, call, plan, exit)
})

const logged = (into: Array<string>) =>
  Effect.provide(Logger.layer([Logger.make(({ message }) => void into.push(String(message)))]))

const alone = Effect.provide(ResultStore.layerMemory())

/** Makes what JSON has no word for, or says in its own way. */
const hostile: Readonly<Record<string, () => unknown>> = {
  bigint: () => 1n,
  symbol: () => Symbol("s"),
  function: () => () => 1,
  "not a number": () => Number.NaN,
  "undefined inside": () => ({ a: undefined, b: [undefined] }),
  "nothing at all": () => undefined,
  "an empty text": () => "",
  "half a character": () => "\ud800",
  "half characters inside": () => ({ "\ud800": ["\udc00"] }),
  "a cycle": () => {
    const value: { self?: unknown } = {}
    value.self = value
    return [value]
  },
  "toJSON that throws": () => ({
    toJSON: () => {
      throw new Error("toJSON")
    }
  }),
  "toJSON that gives nothing": () => ({ toJSON: () => undefined }),
  "toJSON that gives an empty text": () => ({ toJSON: () => "" }),
  "a getter that throws": () =>
    Object.defineProperty({}, "a", {
      enumerable: true,
      get: () => {
        throw new Error("getter")
      }
    }),
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  "keys of the prototype": () => JSON.parse("{\"__proto__\":{\"a\":1},\"constructor\":2}") as unknown,
  "no prototype": () => Object.create(null) as unknown,
  "an error": () => new Error("boom"),
  "an invalid date": () => new Date(Number.NaN),
  "a map": () => new Map([[{}, 1]]),
  "a sparse array": () => Object.assign([], { length: 1000 }),
  "a large array": () => Array.from({ length: 100_000 }, (_, i) => i),
  "deeply nested": () => {
    let value: unknown = []
    for (let i = 0; i < 100_000; i++) value = [value]
    return value
  }
}

/** What the model can be sent: JSON, not empty, whole characters. */
const assertReadable = (result: unknown): void => {
  if (typeof result === "string") assert.isTrue(result.isWellFormed())
  assert.notStrictEqual(result, "")
  const text = JSON.stringify(result)
  assert.isString(text)
  assert.deepStrictEqual(JSON.parse(text), result)
}

describe("answer", () => {
  it.effect.prop(
    "T10 - is always JSON, well-formed, not empty and within its maximum, with a note or without",
    [
      Arbitrary.flatMap(integer(0, 2), (kind): Arbitrary.Arbitrary<() => unknown> =>
        kind === 0
          ? Arbitrary.map(json(4), (value) => () => value)
          : kind === 1
          ? Arbitrary.map(utf16(400), (text) => () => text)
          : oneOf(Object.values(hostile) as [() => unknown])),
      oneOf([true, false]),
      Arbitrary.flatMap(integer(0, 1), (kind) => kind === 0 ? Arbitrary.Constant(undefined) : utf16(200)),
      integer(64, 4000)
    ],
    ([make, inside, note, maximum]) =>
      Effect.gen(function*() {
        const value = inside ? { in: [make()] } : make()
        const result = yield* answerOf(Exit.succeed(note === undefined ? { value } : { value, note }), { maximum })
        assertReadable(result.result)
        if (!result.ok) return assert.strictEqual(result.failure?.kind, "defect")
        assert.isAtMost(byteLength(result.result), maximum)
      }).pipe(alone, logged([])),
    { arbitrary: { runs: 500 } }
  )

  it.effect("what has no JSON text is a defect that is logged; siblings and the loop go on", () =>
    Effect.gen(function*() {
      const logs: Array<string> = []
      for (const [name, make] of Object.entries(hostile)) {
        const tool = Agent.tool("tool", { description: "Gives anything", success: Schema.Any, run: make })
        const report = yield* Dispatcher.call(tool, {}).pipe(logged(logs))
        assertReadable(report.result)
        if (!report.ok) {
          assert.strictEqual(report.failure?.kind, "defect", name)
          assert.match(String(report.result), /^Outcome unknown: the tool had an internal error/)
        }
      }
      assert.isAtLeast(logs.filter((log) => log.includes("cannot be written as JSON")).length, 6)
    }).pipe(alone))

  describe("a note", () => {
    const note = "from the cache, 2 min old"

    it.effect("follows a text, stands beside a value, and survives the cutting", () =>
      Effect.gen(function*() {
        const noted = (value: unknown, maximum?: number) =>
          Effect.map(
            answerOf(Exit.succeed({ value, note }), maximum === undefined ? {} : { maximum }),
            ({ result }) => result
          )
        assert.strictEqual(yield* noted("7 °C"), `7 °C\n\n(${note})`)
        assert.deepStrictEqual(yield* noted([7]), { result: [7], note })
        assert.strictEqual(yield* noted(undefined), `done\n\n(${note})`)
        for (const value of ["x".repeat(5000), Array.from({ length: 5000 }, () => 1)]) {
          const cut = yield* noted(value, 1024)
          assert.isAtMost(byteLength(cut), 1024)
          assert.isAbove(byteLength(cut), 1000)
          assert.include(String(cut), ` of ${byteLength(value)} bytes left out …]`)
          assert.isTrue(String(cut).endsWith(`\n\n(${note})`))
        }
      }).pipe(alone))

    it.effect("T10 - of a failure is redacted, well-formed and short, as the failure itself would be", () =>
      Effect.gen(function*() {
        const secret = "correct-horse-battery"
        const long = `refused ${secret} \ud800 ${"漢".repeat(5000)}`
        const { result } = yield* answerOf(Exit.succeed({ value: "7 °C", note: long })).pipe(
          Effect.provide(Redactor.layer([Redacted.make(secret)]))
        )
        assertReadable(result)
        assert.notInclude(String(result), secret)
        assert.match(String(result), /^7 °C\n\n\(refused \[redacted\] \ufffd 漢/)
        assert.isAtMost(byteLength(result), 600)
      }).pipe(alone))
  })

  it.effect.prop("T10 - the text of a failure is within its room, well-formed and not empty", [
    utf16(300),
    integer(0, 3000)
  ], ([message, room]) =>
    Effect.gen(function*() {
      const failure: Failed = { kind: "permanent", reason: "NotFound", message, executed: true }
      const { ok, result } = yield* answerOf(Exit.fail(failure), { room })
      assert.isFalse(ok)
      assertReadable(result)
      assert.isAtMost(byteLength(result), Math.max(room, 64))
    }).pipe(alone))

  it.effect("a defect of the dispatcher itself is an answer, too", () =>
    Effect.gen(function*() {
      const { failure, ok, result } = yield* answerOf(Exit.failCause(Cause.die(new Error("secret path"))))
      assert.isFalse(ok)
      assert.strictEqual(failure?.kind, "defect")
      assert.notInclude(String(result), "secret path")
    }).pipe(alone))

  it.effect("the hint is there only where the model can follow it", () =>
    Effect.gen(function*() {
      const value = "x".repeat(5000)
      const told = yield* answerOf(Exit.succeed({ value }), { maximum: 1024, readable: true })
      assert.match(
        String(told.result),
        /\[… \d+ of 5000 bytes left out; read_result with handle "0123456789abcdef" gives them …\]/
      )
      assert.strictEqual(told.handle, "0123456789abcdef")
      const silent = yield* answerOf(Exit.succeed({ value }), { maximum: 1024 })
      assert.match(String(silent.result), /\[… \d+ of 5000 bytes left out …\]/)
      assert.strictEqual(silent.handle, "0123456789abcdef")
    }).pipe(alone))
})
