import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Result } from "effect"
import type { Tool } from "effect/ai"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Worker } from "node:worker_threads"
import { Files } from "../../src/index.ts"
import { call, report, type Tools } from "./workspace.ts"

const long = process.env["VOLLEY_LONG"] === "1"

/** https://github.com/bryc/code/blob/master/jshash/PRNGs.md#mulberry32 */
const randomOf = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}
type Random = ReturnType<typeof randomOf>
const pick = <A>(random: Random, from: ReadonlyArray<A>): A => from[random(from.length)]!

const canary = "CANARY-91c2"
const names = ["a", "b", "c", "d", "e"]

/** A directory and everything below it; `readdir` by itself would go through links. */
const everything = (directory: string): ReadonlyArray<string> => [
  directory,
  ...fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(directory, entry.name)
    return entry.isDirectory() ? everything(file) : [file]
  })
]

/** Everything below a directory as the kernel tells it: what a change to it would change. */
const snapshot = (directory: string) =>
  everything(directory).toSorted().map((file) => {
    const { ino, mode, mtimeNs, nlink, size } = fs.lstatSync(file, { bigint: true })
    return [file, ino, mode, mtimeNs, nlink, size].join(" ")
  })

const inodes = (directory: string): ReadonlySet<bigint> =>
  new Set(everything(directory).map((file) => fs.lstatSync(file, { bigint: true }).ino))

/** Names, `..` and absolute paths, up to six levels deep; half of them lead where something was made. */
const pathOf = (random: Random, base: string, made: ReadonlyArray<string>): string => {
  if (made.length > 0 && random(2) === 0) {
    const some = pick(random, made)
    return pick(random, [some, `${some}/${pick(random, names)}`, `${base}/inside/${some}`, `${some}/..`, `./${some}`])
  }
  const steps = Array.from({ length: 1 + random(6) }, () => pick(random, [...names, ...names, "..", ".", ""]))
  return pick(random, ["", "", "", "", "../", "../../outside/", `${base}/inside/`, `${base}/outside/`, "/"]) +
      steps.join("/") ||
    "."
}

const plantTree = (random: Random, base: string): ReadonlyArray<string> => {
  const made: Array<string> = []
  for (let i = 0; i < 30; i++) {
    const parent = random(3) === 0 ? "" : pick(random, ["", ...made])
    const name = path.posix.join(parent, pick(random, names))
    const host = `${base}/inside/${name}`
    // What is planted is planted inside: the parents of some names are links.
    const above = path.dirname(host)
    const inside = fs.existsSync(above) && fs.statSync(above).isDirectory() &&
      `${fs.realpathSync(above)}/`.startsWith(`${base}/inside/`)
    if (!inside || name.split("/").length > 6 || fs.lstatSync(host, { throwIfNoEntry: false }) !== undefined) continue
    const kind = random(6)
    if (kind < 2) fs.writeFileSync(host, `inside ${name}\n`)
    else if (kind < 4) fs.mkdirSync(host)
    else {
      const target = pick(random, [
        () => pathOf(random, base, made),
        () => `${"../".repeat(random(4))}outside/${pick(random, ["", "secret", "deep", "missing"])}`,
        () => name.split("/").at(-1) ?? "",
        () => pick(random, names)
      ])()
      fs.symlinkSync(target === "" ? "." : target, host)
    }
    made.push(name)
  }
  return made
}

interface Breach {
  readonly method: string
  readonly path: string
}

/** Watches every call to the file system: what the kernel says it reaches has to be below the root. */
const watched = (
  inner: FileSystem.FileSystem,
  base: string,
  outside: ReadonlySet<bigint>,
  breaches: Array<Breach>
): FileSystem.FileSystem => {
  const root = `${base}/inside`
  const isInside = (host: string) => host === root || host.startsWith(`${root}/`)
  const real = (host: string): string | undefined => {
    try {
      return fs.realpathSync(host)
    } catch {
      return undefined
    }
  }
  const check = (method: string, host: string, follows: boolean) => {
    const parent = host === root ? root : real(path.dirname(host))
    const leaf = follows ? real(host) : undefined
    const info = follows ? fs.statSync(host, { bigint: true, throwIfNoEntry: false }) : undefined
    if (
      (parent !== undefined && !isInside(parent)) || (leaf !== undefined && !isInside(leaf)) ||
      (info !== undefined && outside.has(info.ino))
    ) breaches.push({ method, path: host })
  }
  const one = <A extends ReadonlyArray<unknown>, B>(
    method: string,
    follows: boolean,
    run: (path: string, ...rest: A) => B
  ) =>
  (host: string, ...rest: A): B => {
    check(method, host, follows)
    return run(host, ...rest)
  }
  const unused = new Proxy(inner, {
    get: (_, name) => {
      if (typeof name === "string" && name !== "~effect/FileSystem") {
        return () => {
          breaches.push({ method: name, path: "not watched" })
          return Effect.die(`${name} is not watched`)
        }
      }
      return Reflect.get(inner, name)
    }
  })
  return Object.assign(Object.create(unused), {
    realPath: inner.realPath,
    access: inner.access,
    stat: one("stat", true, inner.stat),
    lstat: one("lstat", false, inner.lstat),
    readLink: one("readLink", false, inner.readLink),
    readDirectoryEntries: one("readDirectoryEntries", true, inner.readDirectoryEntries),
    open: one("open", true, inner.open),
    chmod: one("chmod", true, inner.chmod),
    makeDirectory: one("makeDirectory", false, inner.makeDirectory),
    remove: one("remove", false, inner.remove),
    rename: (from: string, to: string) => {
      check("rename", from, false)
      check("rename", to, false)
      return inner.rename(from, to)
    }
  })
}

const operations: {
  readonly [Name in keyof Tools]: (path: string, to: string) => Tool.ParametersEncoded<Tools[Name]>
} = {
  read_file: (path) => ({ path }),
  list_files: (path) => ({ path, depth: 5 }),
  glob_files: (path) => ({ path, pattern: "*" }),
  search_files: (path) => ({ path, query: "CANARY" }),
  write_file: (path, to) => ({ path, content: `written ${to}\n`, overwrite: to.length % 2 === 0 }),
  edit_file: (path) => ({ path, oldText: "n", newText: "n." }),
  move_file: (path, to) => ({ path, to }),
  delete_file: (path) => ({ path })
}

const treeSize = 50

/** One generated tree, and so many operations on it. */
const tree = (seed: number, done: Map<string, number>, breaches: Array<Breach>) =>
  Effect.gen(function*() {
    const random = randomOf(seed)
    const base = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "volley-oracle-")))
    yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(base, { recursive: true })))
    fs.mkdirSync(`${base}/inside`)
    fs.mkdirSync(`${base}/outside/deep`, { recursive: true })
    fs.writeFileSync(`${base}/outside/secret`, canary)
    for (const name of names) fs.writeFileSync(`${base}/outside/${name}`, canary)
    fs.writeFileSync(`${base}/outside/deep/a`, canary)
    fs.symlinkSync("../inside", `${base}/outside/back`)
    const made = plantTree(random, base)
    const before = snapshot(`${base}/outside`)
    const inner = yield* FileSystem.FileSystem
    const platform = Layer.succeed(FileSystem.FileSystem)(watched(inner, base, inodes(`${base}/outside`), breaches))
    yield* Effect.gen(function*() {
      for (let i = 0; i < treeSize; i++) {
        const tool = pick(random, Object.keys(operations) as ReadonlyArray<keyof Tools>)
        const given = pathOf(random, base, made)
        const parameters = operations[tool](given, pathOf(random, base, made))
        const result = yield* Effect.result(call(tool, parameters as never))
        const tag = Result.isSuccess(result) ? "ok" : result.failure._tag
        done.set(`${tool} ${tag}`, (done.get(`${tool} ${tag}`) ?? 0) + 1)
        const said = JSON.stringify(Result.isSuccess(result) ? result.success : result.failure)
        assert.notInclude(said, canary)
        // What a path says that was asked for is repeated; the host says no more.
        if (Result.isFailure(result)) {
          assert.notInclude(said.replaceAll(/"(?:path|to)":"[^"]*"/g, "").replaceAll(given, ""), base)
        }
      }
    }).pipe(Effect.provide(Files.writableLayer({ root: `${base}/inside` }).pipe(Layer.provide(platform))))
    assert.deepStrictEqual(snapshot(`${base}/outside`), before, `seed ${seed}`)
    assert.deepStrictEqual(fs.readdirSync(base).toSorted(), ["inside", "outside"], `seed ${seed}`)
    assert.deepStrictEqual(breaches, [], `seed ${seed}`)
  }).pipe(Effect.scoped)

const wanted = long ? 10_000 : 1000

describe("confinement by an inode oracle", () => {
  it.effect(
    `T2 - ${wanted} operations of all tools on generated trees: nothing outside the root is read or changed`,
    () =>
      Effect.gen(function*() {
        const done = new Map<string, number>()
        const breaches: Array<Breach> = []
        for (let seed = 1; seed <= wanted / treeSize; seed++) yield* tree(seed, done, breaches)
        const sum = (of: (key: string) => boolean) =>
          Array.from(done).reduce((total, [key, count]) => of(key) ? total + count : total, 0)
        const successes = Object.fromEntries(Object.keys(operations).map((tool) => [tool, done.get(`${tool} ok`) ?? 0]))
        const refused = sum((key) => key.endsWith("OutsideRoot"))
        report("files", { operations: sum(() => true), outside: breaches.length, refused, successes })
        assert.strictEqual(sum(() => true), wanted)
        assert.isAtLeast(refused, wanted / 10)
        for (const [tool, count] of Object.entries(successes)) assert.isAtLeast(count, wanted / 250, tool)
      }).pipe(Effect.provide(NodeServices.layer)),
    { timeout: 300_000 }
  )

  it("the oracle - tells what it is there to tell", () => {
    const base = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "volley-oracle-")))
    fs.mkdirSync(`${base}/inside`)
    fs.mkdirSync(`${base}/outside`)
    fs.writeFileSync(`${base}/outside/secret`, canary)
    fs.symlinkSync("../outside", `${base}/inside/door`)
    fs.symlinkSync("../outside/secret", `${base}/inside/leaf`)
    fs.linkSync(`${base}/outside/secret`, `${base}/inside/hard`)
    const breaches: Array<Breach> = []
    const oracle = watched(FileSystem.makeNoop({}), base, inodes(`${base}/outside`), breaches)
    // The last is not refused: a link may be looked at.
    const calls: ReadonlyArray<unknown> = [
      oracle.open(`${base}/inside/leaf`),
      oracle.open(`${base}/inside/hard`),
      oracle.lstat(`${base}/inside/door/secret`),
      oracle.lstat(`${base}/outside/secret`),
      oracle.readDirectoryEntries(`${base}/inside/door`),
      oracle.rename(`${base}/inside/x`, `${base}/outside/x`),
      oracle.lstat(`${base}/inside/leaf`)
    ]
    assert.strictEqual(breaches.length, calls.length - 1)
    assert.deepStrictEqual(breaches.map(({ method }) => method), [
      "open",
      "open",
      "lstat",
      "lstat",
      "readDirectoryEntries",
      "rename"
    ])
    fs.rmSync(base, { recursive: true })
  })
})

/** Swaps a directory for a link out of the root and back, as fast as a thread can. */
const swapper = `
  const fs = require("node:fs")
  const { parentPort, workerData: { base, flag } } = require("node:worker_threads")
  const stop = new Int32Array(flag)
  const dir = base + "/inside/dir"
  // The tool may make the directory in between.
  const insist = (step) => {
    for (;;) {
      try { return step() } catch { try { fs.rmSync(dir, { recursive: true }) } catch {} }
    }
  }
  let swaps = 0
  while (Atomics.load(stop, 0) === 0) {
    fs.renameSync(dir, base + "/inside/aside")
    insist(() => fs.symlinkSync(base + "/outside", dir))
    fs.unlinkSync(dir)
    insist(() => fs.renameSync(base + "/inside/aside", dir))
    swaps++
  }
  parentPort.postMessage(swaps)
`

describe("a swapper at the same time", () => {
  it.live(
    // Real time: the other thread races with the system calls.
    `T2 - for ${long ? 30 : 1} s: what wins the race is counted, and no content is written outside`,
    () =>
      Effect.gen(function*() {
        const base = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "volley-swap-")))
        yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(base, { recursive: true })))
        fs.mkdirSync(`${base}/inside/dir`, { recursive: true })
        fs.mkdirSync(`${base}/outside`)
        fs.writeFileSync(`${base}/outside/file`, canary)
        fs.writeFileSync(`${base}/inside/dir/file`, "inside")
        const flag = new SharedArrayBuffer(4)
        const worker = new Worker(swapper, { eval: true, workerData: { base, flag } })
        const swaps = new Promise<number>((resolve) => worker.once("message", resolve))
        const counts = { reads: 0, readsOutside: 0, writes: 0, writesOutside: 0, refused: 0 }
        yield* Effect.gen(function*() {
          const end = performance.now() + (long ? 30_000 : 1000)
          while (performance.now() < end) {
            const read = yield* Effect.result(call("read_file", { path: "dir/file" }))
            counts.reads++
            if (Result.isFailure(read)) counts.refused++
            else if (read.success.content === canary) counts.readsOutside++
            const write = yield* Effect.result(
              call("write_file", { path: "dir/file", content: "inside", overwrite: true })
            )
            counts.writes++
            if (Result.isFailure(write)) counts.refused++
            if (fs.readFileSync(`${base}/outside/file`, "utf8") !== canary) {
              counts.writesOutside++
              fs.writeFileSync(`${base}/outside/file`, canary)
            }
          }
        }).pipe(Effect.provide(Files.writableLayer({ root: `${base}/inside` })))
        Atomics.store(new Int32Array(flag), 0, 1)
        const swapped = yield* Effect.promise(() => Promise.race([swaps, sleep(5000, -1)]))
        report("swaps", { swapped, ...counts })
        assert.isAbove(swapped, 100)
        assert.isAbove(counts.refused, 0)
        // Without openat the race cannot be closed, only narrowed: see the page of the family.
        assert.isBelow(counts.readsOutside, counts.reads / 50)
        assert.isBelow(counts.writesOutside, counts.writes / 50)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { timeout: 60_000 }
  )
})
