import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Fiber, Result, Schedule } from "effect"
import * as fs from "node:fs"
import * as v8 from "node:v8"
import * as vm from "node:vm"
import { report } from "../files/workspace.ts"
import { call, environment, within } from "./workspace.ts"

// Real time throughout: what runs are processes of the system.
const long = process.env["VOLLEY_LONG"] === "1"
const linux = fs.existsSync("/proc/self/environ")

/** Processes, zombies left out, that have a text in their environment. */
const marked = (text: string): ReadonlyArray<number> =>
  fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return fs.readFileSync(`/proc/${pid}/environ`, "latin1").includes(text)
    } catch {
      return false
    }
  })

const until = (condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.repeat({ until: (met) => met, schedule: Schedule.spaced("5 millis") }),
    Effect.timeoutOrElse({ duration: "20 seconds", orElse: () => Effect.die("waited too long") })
  )

const sh = (code: string, timeout?: number) => ({
  argv: ["sh", "-c", code] as const,
  ...(timeout === undefined ? {} : { timeout })
})

/**
 * By how much the memory of this process grows. Node reads a pipe into ever new buffers: some 60 MiB of garbage, whatever
 * the amount, that are not counted.
 */
const watchMemory = () => {
  v8.setFlagsFromString("--expose-gc")
  const collect = vm.runInNewContext("gc") as () => void
  const rss = () => {
    collect()
    return process.memoryUsage.rss()
  }
  const before = rss()
  let most = before
  // From the end of one collection to the next: on a busy machine one takes longer than that, and nothing else would run.
  const sample = (): NodeJS.Timeout =>
    setTimeout(() => {
      most = Math.max(most, rss())
      timer = sample()
    }, 50)
  let timer = sample()
  return {
    stop: (): number => {
      clearTimeout(timer)
      return Math.max(most, rss()) - before
    }
  }
}

describe.skipIf(!linux)("processes", () => {
  const shell = <A, E, R>(
    test: (base: string, mark: string) => Effect.Effect<A, E, R>,
    grace: Duration.Input = "200 millis"
  ) => {
    const mark = `mark-${process.pid}-${performance.now()}`
    return within({}, { sh: "effectful" }, (base) => test(base, mark), {
      environment: { VOLLEY_MARK: mark },
      let: ["VOLLEY_MARK"],
      grace
    })
  }

  const trials = long ? 200 : 20

  it.live(
    `T3 - cancelled at any moment, ${trials} trials: no process of the group is left`,
    () =>
      shell((base, mark) =>
        Effect.gen(function*() {
          let started = 0
          const trial = Effect.fnUntraced(function*(nth: number) {
            // A program with a child, each with a grandchild; half of them ignore SIGTERM.
            const stubborn = nth % 2 === 0 ? "trap '' TERM;" : ""
            const early = `${base}/early-${nth}`
            const ready = `${base}/ready-${nth}`
            const fiber = yield* Effect.forkChild(
              call(sh(`touch ${early}; ${stubborn} (sleep 1000 & sleep 1000) & touch ${ready}; sleep 1000`))
            )
            if (nth % 5 < 2) yield* until(() => fs.existsSync(ready))
            else if (nth % 5 < 4) yield* until(() => fs.existsSync(early))
            else yield* Effect.forEach(Array.from({ length: nth % 9 }), () => Effect.yieldNow, { discard: true })
            const begin = performance.now()
            yield* Fiber.interrupt(fiber)
            if (fs.existsSync(early)) started++
            return performance.now() - begin
          })
          const waits = yield* Effect.forEach(Array.from({ length: trials }, (_, i) => i), trial, { concurrency: 10 })
          const orphans = marked(mark).length
          report("cancel", { trials, started, orphans, slowest: Math.round(Math.max(...waits)) })
          assert.strictEqual(orphans, 0)
          assert.isAtLeast(started, trials / 2)
        })
      ),
    { timeout: 300_000 }
  )

  it.live("timeout - ends the group, and gives what was written until then", () =>
    shell((_, mark) =>
      Effect.gen(function*() {
        const result = yield* call(sh("echo before; sleep 1000 & sleep 1000; echo after", 1))
        assert.deepStrictEqual(result, {
          ended: "timed-out",
          stdout: "before\n",
          stdoutSize: 7,
          stderr: "",
          stderrSize: 0
        })
        assert.deepStrictEqual(marked(mark), [])
      })
    ))

  it.live("SIGTERM - comes first: a program can clean up, and what it then says is in its output", () =>
    shell((base) =>
      Effect.gen(function*() {
        const result = yield* call(sh(`trap 'touch ${base}/clean; echo bye; exit 0' TERM; sleep 1000 & wait`, 1))
        assert.deepStrictEqual([result.ended, result.stdout], ["timed-out", "bye\n"])
        assert.isTrue(fs.existsSync(`${base}/clean`))
      }), "10 seconds"))

  it.live("background - what a program leaves running is ended with it and does not delay its result", () =>
    shell((_, mark) =>
      Effect.gen(function*() {
        const begin = performance.now()
        const result = yield* call(sh("sleep 1000 & echo done"))
        assert.deepStrictEqual([result.ended, result.exitCode, result.stdout], ["exited", 0, "done\n"])
        assert.isBelow(performance.now() - begin, 10_000)
        assert.deepStrictEqual(marked(mark), [])
      })
    ))

  it.live("group - a process that leaves it does not hold up the result for long", () =>
    shell((base) =>
      Effect.gen(function*() {
        const begin = performance.now()
        const result = yield* call(
          sh(`setsid sh -c 'echo $$ > ${base}/pid; exec sleep 1000' & until [ -s ${base}/pid ]; do :; done; echo done`)
        )
        assert.deepStrictEqual([result.ended, result.stdout], ["exited", "done\n"])
        assert.isBelow(performance.now() - begin, 10_000)
        process.kill(Number(fs.readFileSync(`${base}/pid`, "utf8")), "SIGKILL")
      })
    ))

  it.live("streams - what both outputs hold is whole, whichever is longer than a pipe", () =>
    within({}, { node: "effectful" }, () =>
      Effect.gen(function*() {
        const code = "process.stderr.write('e'.repeat(300000)); process.stdout.write('o'.repeat(300000))"
        const result = yield* call({ argv: ["node", "-e", code] })
        assert.deepStrictEqual([result.stdoutSize, result.stderrSize, result.exitCode], [300_000, 300_000, 0])
      })))

  const flood = long ? 2 * 1024 ** 3 : 128 * 1024 ** 2

  it.live(
    `T9 - ${flood} bytes of output: memory does not grow with them`,
    () =>
      within({}, { head: "effectful" }, () =>
        Effect.gen(function*() {
          const run = (bytes: number) => call({ argv: ["head", "-c", String(bytes), "/dev/zero"], timeout: 120 })
          // First what Node needs for any flood: a growth after it is what the output itself takes.
          yield* run(64 * 1024 ** 2)
          const watch = watchMemory()
          const begin = performance.now()
          const result = yield* run(flood)
          const growth = watch.stop() / 1024 ** 2
          report("flood", {
            bytes: flood,
            seconds: (performance.now() - begin) / 1000,
            growthMiB: Math.round(growth)
          })
          assert.strictEqual(result.stdoutSize, flood)
          assert.isAtMost(Buffer.byteLength(result.stdout), 16 * 1024 + 200)
          assert.isBelow(growth, 32)
        })),
    { timeout: 180_000 }
  )
})

const payloadCount = long ? 500 : 50

/** Texts that make a shell, a program or a loader do something else; each would make the canary. */
const payloadsFor = (canary: string): ReadonlyArray<string> => {
  const touch = `touch ${canary}`
  const commands = [
    `; ${touch}`,
    `;${touch};`,
    `| ${touch}`,
    `|| ${touch}`,
    `& ${touch} &`,
    `&& ${touch}`,
    `$(${touch})`,
    `\`${touch}\``,
    `\n${touch}\n`,
    `\r\n${touch}`,
    `> ${canary}`,
    `>>${canary}`,
    `2>${canary}`,
    `<(${touch})`,
    `\${IFS}${touch}`,
    `$(touch\${IFS}${canary})`,
    `\${x:-$(${touch})}`,
    `{touch,${canary}}`,
    `() { :;}; ${touch}`,
    `!${touch}`,
    `<<EOF\n$(${touch})\nEOF`,
    `-o ${canary}`,
    `-o${canary}`,
    `--output=${canary}`,
    `--exec=${touch}`,
    `-exec ${touch} ;`,
    `--upload-pack=${touch}`,
    `-oProxyCommand=${touch}`,
    `-c core.pager=${touch}`,
    `--open-files-in-pager=${touch}`,
    `-e ${touch}`,
    `--to-command=${touch}`,
    `--checkpoint-action=exec=${touch}`,
    `-I${touch}`,
    `@${canary}`,
    `LD_PRELOAD=${canary}`,
    `GIT_EXTERNAL_DIFF=${touch}`,
    `BASH_ENV=${canary}`,
    `ext::sh -c ${touch}`,
    `file://${canary}`,
    `%0a${touch}`,
    `\u2028${touch}`,
    `\u037e ${touch}`,
    `a\\; ${touch}`,
    `*`,
    `~`,
    `..`,
    `$HOME`,
    `-`,
    `--`
  ]
  const wrappings: ReadonlyArray<(text: string) => string> = [
    (text) => text,
    (text) => `a${text}`,
    (text) => `'${text}`,
    (text) => `'${text}'`,
    (text) => `"${text}"`,
    (text) => `a"${text}"b`,
    (text) => `'; ${text} #`,
    (text) => `\\"${text}\\"`,
    (text) => ` ${text} `,
    (text) => `${text}${text}`
  ]
  return wrappings.flatMap((wrap) => commands.map(wrap))
}

describe("injection", () => {
  it.live(
    `T3 - ${payloadCount} payloads as argument, program and directory: one process each at most, with just that argv`,
    () =>
      within({ "a.txt": "" }, { recorder: "effectful", "git log": "readonly" }, (base) =>
        Effect.gen(function*() {
          const canary = `${base}/canary`
          const log = `${base}/log`
          const payloads = payloadsFor(canary).filter((_, i) => long || i % 10 === Math.floor(i / 50))
          const counts = { payloads: payloads.length, runs: 0, refused: 0, different: 0, canaries: 0 }
          const expectCalm = () => {
            if (fs.existsSync(canary)) counts.canaries++
          }
          for (const [i, payload] of payloads.entries()) {
            fs.writeFileSync(log, "")
            const rest = [["x", payload], [payload], [payload, payload], ["--", payload]][i % 4] ?? []
            const { exitCode } = yield* call({ argv: ["recorder", ...rest] })
            const recorded = fs.readFileSync(log, "utf8").split("\u0001")
            counts.runs += recorded.length - 1
            if (exitCode !== 0 || recorded[0] !== rest.map((text) => `${text}\0`).join("")) counts.different++
            for (
              const argv of [[payload], [`recorder ${payload}`], [`recorder${payload}`], ["git", payload]] as const
            ) {
              const refused = yield* Effect.result(call({ argv }))
              if (Result.isFailure(refused) && refused.failure._tag === "CommandRefused") counts.refused++
            }
            const directory = yield* Effect.result(call({ argv: ["recorder"], directory: payload }))
            const inRoot = ["~", "*", "$HOME", "-", "--"].includes(payload)
            if (Result.isSuccess(directory) && !inRoot) counts.different++
            expectCalm()
          }
          report("injection", counts)
          assert.deepStrictEqual(counts, {
            payloads: payloadCount,
            runs: payloadCount,
            refused: 4 * payloadCount,
            different: 0,
            canaries: 0
          })
          assert.deepStrictEqual(fs.readdirSync(`${base}/inside`), ["a.txt"])
        }), {
        let: ["LOG"],
        prepare: (base) => {
          fs.writeFileSync(
            `${base}/outside/recorder`,
            "#!/bin/sh\n[ $# -eq 0 ] || { printf '%s\\000' \"$@\"; printf '\\001'; } >> \"$LOG\"\n",
            { mode: 0o755 }
          )
          return { LOG: `${base}/log`, PATH: `${base}/outside:${environment.PATH}` }
        }
      }),
    { timeout: 120_000 }
  )

  it.live("the canary - is made where a payload reaches a shell", () =>
    within({}, { sh: "effectful" }, (base) =>
      Effect.gen(function*() {
        const canary = `${base}/canary`
        let made = 0
        for (const payload of payloadsFor(canary).slice(0, 21)) {
          fs.rmSync(canary, { force: true })
          yield* call({ argv: ["sh", "-c", `echo a ${payload}`] })
          if (fs.existsSync(canary)) made++
        }
        assert.isAtLeast(made, 14)
      })))
})
