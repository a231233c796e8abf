/** The real command as a child process, against the emulator. */
import { Emulator, type ModelScript } from "@volley/core/testing"
import { Effect } from "effect"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

export const bin = path.join(import.meta.dirname, "../../src/bin.ts")

export const fixture = (name: string): string => path.join(import.meta.dirname, "../fixtures", `${name}.ts`)

/** What a command printed, and how it ended: an exit code, or the signal that killed it. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Effect.Effect<Ended>
}

export interface Options {
  readonly env?: Readonly<Record<string, string>>
  /** Piped into stdin; without it stdin is not a pipe. */
  readonly stdin?: string
  readonly cwd?: string
}

/** `script` of util-linux gives a process a terminal; without it there is nothing to look at. */
export const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") ??
  false

/** Nothing of the tester's own environment, above all no key. */
export const environment = { PATH: process.env["PATH"] ?? "", HOME: os.tmpdir() }

/** Starts a command; it is killed when the scope ends. */
export const start = (args: ReadonlyArray<string>, options: Options = {}) =>
  Effect.acquireRelease(
    Effect.sync((): Running => {
      const child = spawn(process.execPath, ["--conditions=@volley/source", bin, ...args], {
        env: { ...environment, ...options.env },
        stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
        cwd: options.cwd ?? process.cwd()
      })
      child.stdin?.end(options.stdin)
      let stdout = ""
      let stderr = ""
      child.stdout?.setEncoding("utf8").on("data", (piece: string) => stdout += piece)
      child.stderr?.setEncoding("utf8").on("data", (piece: string) => stderr += piece)
      const closed = new Promise<Ended>((resolve) => {
        child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }))
      })
      return { child, ended: Effect.promise(() => closed) }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Runs a command to its end. */
export const volley = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Ended> =>
  Effect.scoped(Effect.flatMap(start(args, options), ({ ended }) => ended))

/** An emulator, and the environment that points a command at it. */
export const emulated = (source: ModelScript.Source<Emulator.RecordedRequest>) =>
  Effect.map(Emulator.make(source), (emulator) => ({
    emulator,
    env: { ANTHROPIC_BASE_URL: emulator.url, ANTHROPIC_API_KEY: "sk-ant-test-0123456789abcdef" }
  }))

/** A folder that is removed when the scope ends. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "volley-cli-"))),
  (dir) => Effect.sync(() => fs.rmSync(dir, { recursive: true, force: true }))
)

/** Waits until a condition on files or output holds: the child runs on its own clock. */
export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => condition() ? Effect.void : Effect.andThen(Effect.sleep(20), until(condition)))

export const linesOf = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")
