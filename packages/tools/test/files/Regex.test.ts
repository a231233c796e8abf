import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schema } from "effect"
import { existsSync, readdirSync } from "node:fs"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as Lines from "../../src/files/internal/lines.ts"
import { call, report, within } from "./workspace.ts"

const long = process.env["VOLLEY_LONG"] === "1"

/** Patterns that take exponential or quadratic time where an engine tries one way after another. */
const all: ReadonlyArray<string> = [
  "^(a+)+$",
  "^(a|a)*$",
  "^(a|aa)+$",
  "^(a*)*$",
  "^(a?)*$",
  "^((a+)*)+$",
  "(a*)*b",
  "(a+)+b",
  "(a|a?)+b",
  "(.*a){12}$",
  "(.*)*x$",
  "(.+)+x$",
  "^(.*?,){11}P",
  "^([a-zA-Z0-9])(([-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}$",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "^(([a-zA-Z0-9_\\-.]+)@([a-zA-Z0-9\\-]+))+$",
  "(x+x+)+y",
  "(a|b|ab)*c",
  "(aa|aab?)*c",
  "^(?:a+)+(?:b+)+$",
  "([a]+)*$b",
  "(\\w+\\s?)*!",
  "(\\w*)*!",
  "(\\d+|\\w+)*!",
  "^(\\w+\\W?)+$",
  "\\s*,\\s*a+$z",
  "a*a*a*a*a*a*b",
  "a?a?a?a?a?a?a?a?a?a?aaaaaaaaaab",
  "(a?){40}a{40}b",
  "(a{1,9}){1,9}b",
  "(a|b)*a(a|b){12}$",
  "(a|b)*a(a|b){14}c",
  "[ab]*a[ab]{10}[ab]{10}c",
  "(?:(?:a|b)+c?)+d",
  "((a|b)+)+c",
  "(((a+)?)+)?b",
  "^(?:.*a)+$x",
  "(?i)(A+)+$b",
  "(\\pL+)+!",
  "(\\p{L}|\\w)+!",
  "^(\\S+\\s*)+!$",
  "<[^>]*(a+)*>",
  "(\"|')(a|\\\\.)*(\"|')",
  "^(([^<>()]+)+)+x",
  "a{50}a{50}a{50}b",
  "(a{0,30}){0,30}b",
  ".*.*=.*",
  ".*a.*a.*a.*b",
  "(?s).*?.*?.*?b",
  "(a+){10}y"
]

const evil = all.filter((_, i) => long || i % 5 === 0)

describe("patterns made to be slow", () => {
  it.live(
    // Real time: what is measured is how long the thread is held up.
    `T7 - ${evil.length} patterns on 100 kB: the event loop goes on`,
    () =>
      within({ "a.txt": `${"a".repeat(50_000)}\n${"ab ".repeat(17_000)}\n` }, () =>
        Effect.gen(function*() {
          yield* call("search_files", { query: "a", regex: true })
          const delay = monitorEventLoopDelay({ resolution: 5 })
          delay.enable()
          const begin = performance.now()
          for (const query of evil) {
            const { searched } = yield* call("search_files", { query, regex: true })
            assert.strictEqual(searched, 1, query)
          }
          delay.disable()
          const milliseconds = (nanoseconds: number) => Math.round(nanoseconds / 1e5) / 10
          report("regex", {
            patterns: evil.length,
            seconds: milliseconds((performance.now() - begin) * 1e3),
            delay: { p99: milliseconds(delay.percentile(99)), max: milliseconds(delay.max) }
          })
          // The greatest delay is also that of a machine that is busy.
          assert.isBelow(milliseconds(delay.percentile(99)), 50)
        })),
    { timeout: 120_000 }
  )

  it.live(
    // Real time: the thread that is ended is one of the system.
    "interruption - ends a search that would take very long",
    () =>
      Effect.gen(function*() {
        let reading = Deferred.makeUnsafe<void>()
        const threads = () => existsSync("/proc/self/task") ? readdirSync("/proc/self/task").length : 0
        yield* within({ "a.txt": `${"a".repeat(60_000)}\n`.repeat(50) }, () =>
          Effect.gen(function*() {
            yield* call("search_files", { query: "b", regex: true })
            const before = threads()
            const query = `${"(a?){500}".repeat(20)}b`
            reading = Deferred.makeUnsafe<void>()
            const fiber = yield* Effect.forkChild(call("search_files", { query, regex: true }))
            yield* Deferred.await(reading)
            const begin = performance.now()
            yield* Fiber.interrupt(fiber)
            assert.isBelow(performance.now() - begin, 1000)
            assert.strictEqual(threads(), before)
          }), {
          fileSystem: (fs) => ({
            open: (path, options) =>
              Effect.map(fs.open(path, options), (file) => ({
                ...file,
                stat: file.stat,
                readAlloc: (size) => Effect.tap(file.readAlloc(size), () => Deferred.succeed(reading, undefined))
              }))
          })
        })
      }),
    { timeout: 30_000 }
  )
})

const pieces = Schema.Array(Schema.Literals(["a", "b", "\n", "\r\n", "😀"])).check(Schema.isMaxLength(40))

describe("lines", () => {
  it.effect.prop(
    "step - finds the lines that match, wherever the text is cut",
    [pieces, Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))],
    ([letters, size]) =>
      Effect.sync(() => {
        const text = letters.join("")
        const find = (line: string) => line.search(/^b|a$|^$/)
        let state = Lines.start
        const found: Array<number> = []
        for (let i = 0; i <= text.length; i += size) {
          const [next, matches] = Lines.step(find, state, text.slice(i, i + size), i + size > text.length)
          state = next
          found.push(...matches.map(({ line }) => line))
        }
        const lines = text.split("\n")
        if (lines.at(-1) === "") lines.pop()
        const expected = lines.flatMap((line, i) => find(line.replace(/\r$/, "")) === -1 ? [] : [i + 1])
        assert.deepStrictEqual(found, expected)
      }),
    { arbitrary: { runs: 1000 } }
  )

  it("step - what is kept between pieces does not grow with the text", () => {
    let state = Lines.start
    const searched: Array<number> = []
    for (let i = 0; i < 100; i++) {
      ;[state] = Lines.step((line) => (searched.push(line.length), -1), state, "y".repeat(65_536), false)
      assert.isAtMost(state.held?.length ?? 0, 2 * Lines.maxLength)
    }
    assert.deepStrictEqual(searched, [Lines.maxLength])
  })
})
