import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fork } from "node:child_process"
import { once } from "node:events"
import { Http } from "../../src/http/index.ts"
import { tell } from "../support/tell.ts"
import { ask, at } from "./web.ts"

const mebibyte = 1024 * 1024
/** Each kind so many times, after three that load what is loaded once. */
const rounds = process.env["VOLLEY_LONG"] === "1" ? 50 : 5

const bombs = Effect.acquireRelease(
  Effect.promise(async () => {
    const child = fork(new URL("./bombServer.ts", import.meta.url), { execArgv: [] })
    const told = async (): Promise<number> => (await once(child, "message"))[0] as number
    return { child, told, host: `127.0.0.1:${await told()}` }
  }),
  ({ child }) => Effect.sync(() => child.disconnect())
)

/** How much memory this process has at most from now on; ends with what it had more than at the start. */
const sample = () => {
  const before = process.memoryUsage().rss
  let highest = before
  const look = () => {
    highest = Math.max(highest, process.memoryUsage().rss)
  }
  const sampling = setInterval(look, 1)
  return () => {
    clearInterval(sampling)
    look()
    return highest - before
  }
}

/** What a call comes to, how many MiB the server had made by then, and how much larger this process was at most. */
const defuse = (path: string) =>
  Effect.gen(function*() {
    const { host, told } = yield* bombs
    const one = Effect.gen(function*() {
      const made = told()
      const stop = sample()
      const { failure } = yield* Effect.onError(ask(Http.HttpGet, { url: `http://${host}/${path}` }), () =>
        Effect.sync(stop))
      const growth = stop()
      return {
        failure,
        made: yield* Effect.promise(() =>
          made
        ),
        growth
      }
    })
    const results = yield* Effect.provide(Effect.forEach(Array.from({ length: rounds + 3 }), () => one), at([host]))
    return {
      failures: results.map(({ failure }) => failure),
      made: Math.max(...results.map(({ made }) => made)),
      growth: Math.max(...results.slice(3).map(({ growth }) => growth))
    }
  })

describe("T8 - decompression bombs", () => {
  for (const encoding of ["gzip", "br", "zstd"]) {
    it.effect(`10 GiB of zeros by ${encoding} are given up early, with less than 16 MiB more memory`, () =>
      Effect.gen(function*() {
        const { failures, growth, made } = yield* defuse(encoding)
        tell(`T8 ${encoding}: ${made} of 10240 MiB were made, RSS +${(growth / mebibyte).toFixed(1)} MiB`)
        for (const failure of failures) {
          assert.deepStrictEqual([failure?.kind, failure?.reason], ["permanent", "TooLarge"])
          assert.include(failure?.message, "compressed more than 200 times")
        }
        assert.isBelow(made, 10_240)
        assert.isBelow(growth, 16 * mebibyte)
      }))
  }

  it.effect("T9 - a body without an end is given up at its bound", () =>
    Effect.gen(function*() {
      const { failures, growth, made } = yield* defuse("plain")
      tell(`T9: ${made} of 10240 MiB were sent, RSS +${(growth / mebibyte).toFixed(1)} MiB`)
      for (const failure of failures) {
        assert.strictEqual(failure?.message, "The answer is larger than 5242880 bytes: ask for a part of it")
      }
      assert.isBelow(made, 64)
      assert.isBelow(growth, 32 * mebibyte)
    }))
})
