import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import * as path from "node:path"
import { promisify } from "node:util"

// These tests run live: they measure a process of their own.

const runs = process.env["VOLLEY_LONG"] === "1" ? 10_000 : 500

/** By which the pages of a process come and go whatever it runs, in bytes: they say something of a run only over many. */
const noiseOfPages = 8 * 1024 ** 2

interface Left {
  readonly fibers: number
  readonly resources: ReadonlyArray<string>
}

interface Measured {
  readonly begun: number
  readonly before: Left
  readonly after: Left
  /** Bytes a run. */
  readonly slopes: { readonly rss: number; readonly heap: number }
}

describe("what runs leave behind", () => {
  it(
    `G9 - ${runs} runs in one process: no fiber, no handle, and less than 1 kB of heap a run`,
    { timeout: 900_000 },
    async () => {
      const child = path.join(import.meta.dirname, "leak.ts")
      const { stdout } = await promisify(execFile)(process.execPath, [
        "--expose-gc",
        "--conditions=@volley/source",
        child,
        `${runs}`
      ])
      const { after, before, begun, slopes } = JSON.parse(stdout) as Measured
      // oxlint-disable-next-line no-console -- the numbers of the test
      console.log(`leak: ${JSON.stringify({ runs, begun, before, after, slopes })}`)
      assert.isAbove(begun, runs)
      assert.deepStrictEqual(after, before)
      assert.isBelow(slopes.rss, Math.max(1024, noiseOfPages / runs))
      assert.isBelow(slopes.heap, 1024)
    }
  )
})
