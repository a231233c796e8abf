import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Agent, Journal, type RunEvent, RunState } from "@volley/core"
import { Effect, Layer } from "effect"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as readline from "node:readline"
import * as Killed from "./killed.ts"
import { refused } from "./refused.ts"
import { checked } from "./verdict.ts"

// These tests run live: a process is killed by the system, at a line of what it prints.

const child = path.join(import.meta.dirname, "child.ts")

interface Death {
  /** The tags of the events that were acknowledged, and of the deltas between them. */
  readonly lines: ReadonlyArray<string>
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A child that is killed once it has printed so many lines. */
const killedAfter = (what: "run" | "resume", journal: string, ledger: string, count: number): Promise<Death> =>
  new Promise((resolve, reject) => {
    const process_ = spawn(process.execPath, ["--conditions=@volley/source", child, what, journal, ledger], {
      stdio: ["ignore", "pipe", "inherit"],
      // most of the time of a child goes into reading its program
      env: { ...process.env, NODE_COMPILE_CACHE: path.join(path.dirname(journal), "compiled") }
    })
    const lines: Array<string> = []
    const reader = readline.createInterface({ input: process_.stdout })
    reader.on("line", (line) => {
      lines.push(line)
      if (lines.length === count) process_.kill("SIGKILL")
    })
    process_.on("error", reject)
    let end: Omit<Death, "lines"> | undefined
    let isRead = false
    const settle = () => {
      if (end !== undefined && isRead) resolve({ ...end, lines })
    }
    reader.on("close", () => {
      isRead = true
      settle()
    })
    process_.on("exit", (code, signal) => {
      end = { code, signal }
      settle()
    })
  })

/** What a whole run prints, at least. */
const linesOfRun = 58

const deltas = new Set(["TextDelta", "ThinkingDelta", "Progress"])

const acknowledged = ({ lines }: Death): ReadonlyArray<string> => lines.filter((tag) => !deltas.has(tag))

const wholeLines = (journal: string): string => {
  const text = fs.existsSync(journal) ? fs.readFileSync(journal, "utf8") : ""
  return text.slice(0, text.lastIndexOf("\n") + 1)
}

const read = (journal: string): Promise<ReadonlyArray<RunEvent.RunEvent>> =>
  Effect.runPromise(Effect.provide(Journal.readFile(journal), NodeFileSystem.layer))

const resumeHere = (journal: string, ledger: string) =>
  Effect.runPromise(
    Effect.gen(function*() {
      const { layer, requests } = yield* Killed.model
      const outcome = yield* Effect.provide(Agent.resume(Killed.agent(ledger), Killed.runId), layer)
      return { outcome, requests: yield* requests }
    }).pipe(Effect.provide(Layer.provide(Journal.layerFile(journal), NodeFileSystem.layer)))
  )

const counts = (lines: ReadonlyArray<Killed.Line>): ReadonlyArray<number> =>
  Array.from(Map.groupBy(lines, ({ n }) => n).values(), ({ length }) => length)

interface Trial {
  readonly kills: number
  readonly events: number
  readonly duplicates: number
  readonly unknown: number
}

/** A run that is killed, some of them again while they go on, and that this process ends. */
const trial = async (directory: string, nth: number): Promise<Trial> => {
  const journal = path.join(directory, `${nth}.jsonl`)
  const ledger = path.join(directory, `${nth}.ledger`)
  const deaths = [await killedAfter("run", journal, ledger, 1 + nth * 7 % linesOfRun)]
  let before = wholeLines(journal)
  if (nth % 10 === 0) {
    deaths.push(await killedAfter("resume", journal, ledger, 2 + nth / 5))
    assert.isTrue(wholeLines(journal).startsWith(before), `trial ${nth}: the second process changed what was there`)
    before = wholeLines(journal)
  }
  const kept = (await read(journal)).map(({ _tag }) => _tag)
  const shown = deaths.flatMap(acknowledged)
  assert.isAtLeast(kept.length, shown.length, `trial ${nth}: an acknowledged event is lost`)
  const first = acknowledged(deaths[0]!)
  assert.deepStrictEqual(kept.slice(0, first.length), first, `trial ${nth}: an acknowledged event is lost`)
  const { outcome, requests } = await resumeHere(journal, ledger)
  assert.isTrue(wholeLines(journal).startsWith(before), `trial ${nth}: what was acknowledged has changed`)
  assert.strictEqual(outcome.text, "done")
  const events = await read(journal)
  assert.deepStrictEqual(checked(events), [], `trial ${nth}`)
  assert.strictEqual(events.reduce(RunState.apply, RunState.initial).phase, "ended")
  for (const request of requests) assert.deepStrictEqual(refused(request, Killed.replies), [], `trial ${nth}`)
  return {
    kills: deaths.filter(({ signal }) => signal === "SIGKILL").length,
    events: before.split("\n").length - 1,
    duplicates: counts(Killed.linesOf(ledger)).filter((times) => times > 1).length,
    unknown:
      events.filter((event) => event._tag === "ToolCallAnswered" && String(event.result).startsWith("Outcome unknown"))
        .length
  }
}

const wanted = process.env["VOLLEY_LONG"] === "1" ? 1000 : 50

describe("kill -9", () => {
  it(`G4, G10 - ${wanted} killed processes: nothing that was acknowledged is lost, and no effect takes place twice`, {
    timeout: 900_000
  }, async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "volley-kill-"))
    try {
      const trials: Array<Trial> = []
      let nth = 0
      const kills = () => trials.reduce((sum, trial) => sum + trial.kills, 0)
      const worker = async (): Promise<void> => {
        if (kills() >= wanted) return
        trials.push(await trial(directory, nth++))
        return worker()
      }
      await Promise.all([worker(), worker()])
      const sum = (of: (trial: Trial) => number) => trials.reduce((sum, trial) => sum + of(trial), 0)
      const places = new Set(trials.map(({ events }) => events))
      // oxlint-disable-next-line no-console -- the numbers of the test
      console.log(`kill -9: ${
        JSON.stringify({
          kills: kills(),
          runs: trials.length,
          places: places.size,
          duplicates: sum((trial) => trial.duplicates),
          unknown: sum((trial) => trial.unknown)
        })
      }`)
      assert.strictEqual(sum((trial) => trial.duplicates), 0)
      assert.isAbove(places.size, 10)
    } finally {
      fs.rmSync(directory, { recursive: true, force: true })
    }
  })
})
