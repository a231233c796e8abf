import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import * as path from "node:path"
import { mutants } from "./simulation/mutants.ts"

// These tests run live: each command is a process of its own.

interface Ended {
  readonly code: unknown
  readonly lines: ReadonlyArray<string>
  readonly errors: ReadonlyArray<string>
}

const linesOf = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

/** As `npm run sim` (`main.ts`) and `npm run mutants` (`runMutants.ts`) start it. */
const start = (script: "main.ts" | "runMutants.ts", ...options: ReadonlyArray<string>): Promise<Ended> =>
  new Promise((resolve) => {
    const file = path.join(import.meta.dirname, "simulation", script)
    execFile(process.execPath, ["--conditions=@volley/source", file, ...options], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, lines: linesOf(stdout), errors: linesOf(stderr) })
    })
  })

/** A bug that the first world shows. */
const mutant = "key-per-attempt"

describe("npm run sim", () => {
  it("--seeds - exits 0 and ends with how many there were and how fast; --mutant - exits 1 and says how to replay", async () => {
    const [clean, planted, unknown] = await Promise.all([
      start("main.ts", "--seeds", "5"),
      start("main.ts", "--mutant", mutant),
      start("main.ts", "--mutant", "no-such-bug")
    ])
    assert.strictEqual(clean.code, 0, clean.errors.join("\n"))
    assert.match(clean.lines.at(-1) ?? "", /^5 seeds, 0 violations, \d+ seeds\/s$/)

    assert.strictEqual(planted.code, 1, planted.errors.join("\n"))
    assert.match(planted.lines[0] ?? "", /^seed 1: G4: /)
    assert.match(planted.lines.at(-2) ?? "", new RegExp(`^replay: npm run sim -- --seed 1 --mutant ${mutant}$`))
    assert.match(planted.lines.at(-1) ?? "", /^1 seed, \d+ violations, \d+ seeds\/s$/)

    assert.deepStrictEqual(unknown, { code: 2, lines: [], errors: ["no mutant is named \"no-such-bug\""] })
  })
})

describe("npm run mutants", () => {
  it("--list - names all, one a line; a name - exits 0 when it is caught, 2 when there is none of it", async () => {
    const [list, caught, unknown] = await Promise.all([
      start("runMutants.ts", "--list"),
      start("runMutants.ts", mutant),
      start("runMutants.ts", "no-such-bug")
    ])
    assert.deepStrictEqual(list, { code: 0, lines: mutants.map(({ name }) => name), errors: [] })
    assert.isAtLeast(list.lines.length, 20)

    assert.strictEqual(caught.code, 0, caught.errors.join("\n"))
    assert.strictEqual(caught.lines.length, 1)
    assert.match(caught.lines[0] ?? "", new RegExp(`^caught +${mutant} +seed 1: G4: `))

    assert.deepStrictEqual(unknown, {
      code: 2,
      lines: [],
      errors: ["no mutant is named \"no-such-bug\"; npm run mutants -- --list names them"]
    })
  })
})
