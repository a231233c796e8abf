import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, PlatformError, Schema } from "effect"
import type { Tool } from "effect/ai"
import { execFileSync } from "node:child_process"
import * as nodeFs from "node:fs"
import * as changes from "../../src/files/internal/changes.ts"
import { occurrences } from "../../src/files/internal/occurrences.ts"
import { Files } from "../../src/index.ts"
import { call, plant, type Tools, within } from "./workspace.ts"

type Handlers = Tool.HandlersFor<Tools>

const text = (path: string) => nodeFs.readFileSync(path, "utf8")
const modeOf = (path: string) => nodeFs.statSync(path).mode & 0o777
const left = (base: string) =>
  nodeFs.readdirSync(`${base}/inside`, { recursive: true }).filter((name) => String(name).includes(".volley"))

const failed = (_tag: "Unknown" | "PermissionDenied") =>
  Effect.fail(PlatformError.systemError({ _tag, module: "FileSystem", method: "test" }))

describe("write_file", () => {
  it.effect("content - makes the file and its directories, for the owner alone", () =>
    within({}, (base) =>
      Effect.gen(function*() {
        const path = "a/b/c.txt"
        assert.deepStrictEqual(yield* call("write_file", { path, content: "é\r\n😀" }), { path, size: 8 })
        assert.strictEqual(text(`${base}/inside/${path}`), "é\r\n😀")
        assert.deepStrictEqual([`${base}/inside/a`, `${base}/inside/a/b`, `${base}/inside/${path}`].map(modeOf), [
          0o700,
          0o700,
          0o600
        ])
        assert.deepStrictEqual(left(base), [])
      })))

  it.effect("AlreadyExists - without overwrite nothing that stands there changes; with it the mode stays", () =>
    within({ "a.txt": "old", dir: null }, (base) =>
      Effect.gen(function*() {
        nodeFs.chmodSync(`${base}/inside/a.txt`, 0o754)
        for (const [path, kind] of [["a.txt", "file"], ["dir", "directory"], ["dir/", "directory"]] as const) {
          const error = yield* Effect.flip(call("write_file", { path, content: "new" }))
          assert.deepStrictEqual<unknown>(error, new Files.AlreadyExists({ path, kind }))
        }
        assert.strictEqual(text(`${base}/inside/a.txt`), "old")
        yield* call("write_file", { path: "a.txt", content: "new", overwrite: true })
        assert.deepStrictEqual([text(`${base}/inside/a.txt`), modeOf(`${base}/inside/a.txt`)], ["new", 0o754])
        const error = yield* Effect.flip(call("write_file", { path: "dir", content: "new", overwrite: true }))
        assert.deepStrictEqual<unknown>(error, new Files.NotAFile({ path: "dir", kind: "directory" }))
      })))

  it.effect("again - the same call once more succeeds and changes nothing", () =>
    within({}, (base) =>
      Effect.gen(function*() {
        const write = call("write_file", { path: "a.txt", content: "same" })
        yield* write
        const first = nodeFs.statSync(`${base}/inside/a.txt`).ino
        assert.deepStrictEqual(yield* write, { path: "a.txt", size: 4 })
        assert.strictEqual(nodeFs.statSync(`${base}/inside/a.txt`).ino, first)
      })))

  it.effect("links - written through to where they point below the root, never replaced, never out of it", () =>
    within({ "dir/a": "a" }, (base) =>
      Effect.gen(function*() {
        yield* plant(`${base}/inside`, {
          leaf: { link: "dir/a" },
          dangling: { link: "dir/made" },
          out: { link: "../outside/made" },
          outDir: { link: `${base}/outside` },
          outFile: { link: "../outside/secret" }
        })
        yield* call("write_file", { path: "leaf", content: "b", overwrite: true })
        yield* call("write_file", { path: "dangling", content: "c" })
        assert.deepStrictEqual([text(`${base}/inside/dir/a`), text(`${base}/inside/dir/made`)], ["b", "c"])
        assert.isTrue(nodeFs.lstatSync(`${base}/inside/leaf`).isSymbolicLink())
        for (const path of ["out", "outDir/made", "outFile", "../outside/made", `${base}/outside/made`]) {
          const error = yield* Effect.flip(call("write_file", { path, content: "x", overwrite: true }))
          assert.deepStrictEqual<unknown>(error, new Files.OutsideRoot({ path }))
        }
        assert.deepStrictEqual(nodeFs.readdirSync(`${base}/outside`), ["secret"])
        assert.strictEqual(text(`${base}/outside/secret`), "secret")
      }), { outside: { secret: "secret" } }))

  it.effect("hard link - the other name keeps the old content", () =>
    within({}, (base) =>
      Effect.gen(function*() {
        nodeFs.linkSync(`${base}/outside/secret`, `${base}/inside/hard`)
        yield* call("write_file", { path: "hard", content: "new", overwrite: true })
        assert.strictEqual(text(`${base}/outside/secret`), "secret")
      }), { outside: { secret: "secret" } }))

  it.effect("NotAFile - a pipe is neither opened nor replaced", () =>
    within({}, (base) =>
      Effect.gen(function*() {
        execFileSync("mkfifo", [`${base}/inside/pipe`])
        for (const overwrite of [true, false]) {
          const error = yield* Effect.flip(call("write_file", { path: "pipe", content: "x", overwrite }))
          assert.include(["NotAFile", "AlreadyExists"], error._tag)
        }
        assert.isTrue(nodeFs.lstatSync(`${base}/inside/pipe`).isFIFO())
      })))

  for (const method of ["chmod", "rename"] as const) {
    it.effect(`atomic - where ${method} fails the old file stands and nothing is left`, () =>
      within({ "a.txt": "old" }, (base) =>
        Effect.gen(function*() {
          nodeFs.chmodSync(`${base}/inside/a.txt`, 0o640)
          const error = yield* Effect.flip(call("write_file", { path: "a.txt", content: "new", overwrite: true }))
          assert.deepStrictEqual<unknown>(error, new Files.IoFailed({ path: "a.txt" }))
          assert.strictEqual(text(`${base}/inside/a.txt`), "old")
          assert.deepStrictEqual(left(base), [])
        }), { fileSystem: () => ({ [method]: () => failed("Unknown") }) }))
  }

  for (const at of ["writeAll", "sync"] as const) {
    it.effect(`atomic - where ${at} of the new file fails or is interrupted the old one stands and nothing is left`, () =>
      Effect.gen(function*() {
        const reached = yield* Deferred.make<void>()
        let fails = true
        const stop = Effect.suspend(() =>
          fails ? failed("Unknown") : Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
        )
        yield* within({ "a.txt": "old" }, (base) =>
          Effect.gen(function*() {
            const write = call("write_file", { path: "a.txt", content: "new", overwrite: true })
            assert.strictEqual((yield* Effect.flip(write))._tag, "IoFailed")
            assert.deepStrictEqual([text(`${base}/inside/a.txt`), left(base)], ["old", []])
            fails = false
            const fiber = yield* Effect.forkChild(write)
            yield* Deferred.await(reached)
            assert.strictEqual(left(base).length, 1)
            yield* Fiber.interrupt(fiber)
            assert.deepStrictEqual([text(`${base}/inside/a.txt`), left(base)], ["old", []])
          }), {
          fileSystem: (fs) => ({
            open: (path, options) =>
              Effect.map(fs.open(path, options), (file) =>
                options?.flag !== "wx" ? file : {
                  ...file,
                  stat: file.stat,
                  sync: at === "sync" ? stop : file.sync,
                  writeAll: (bytes) => at === "writeAll" ? stop : file.writeAll(bytes)
                })
          })
        })
      }))
  }

  it.effect("atomic - a file that appears meanwhile is not replaced", () =>
    within({}, (base) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(call("write_file", { path: "a.txt", content: "ours" }))
        assert.strictEqual(error._tag, "IoFailed")
        assert.strictEqual(text(`${base}/inside/a.txt`), "theirs")
        assert.deepStrictEqual(left(base), [])
      }), {
      fileSystem: (fs, base) => ({
        open: (path, options) =>
          Effect.tap(
            fs.open(path, options),
            () => options?.flag === "wx" ? fs.writeFileString(`${base}/inside/a.txt`, "theirs") : Effect.void
          )
      })
    }))

  it.effect("swap - of the directory for a link before the new file is made: no content is written", () => {
    let written = 0
    return within({ "dir/a.txt": "old" }, (base) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(call("write_file", { path: "dir/a.txt", content: "leak", overwrite: true }))
        assert.include(["OutsideRoot", "IoFailed"], error._tag)
        assert.strictEqual(written, 0)
        assert.deepStrictEqual(nodeFs.readdirSync(`${base}/outside`), [])
        assert.notInclude(JSON.stringify(error), base)
      }), {
      fileSystem: (fs, base) => ({
        open: (path, options) =>
          Effect.suspend(() => {
            if (options?.flag !== "wx") return fs.open(path, options)
            nodeFs.rmSync(`${base}/inside/dir`, { recursive: true })
            nodeFs.symlinkSync(`${base}/outside`, `${base}/inside/dir`)
            return Effect.map(fs.open(path, options), (file) => ({
              ...file,
              stat: file.stat,
              sync: file.sync,
              writeAll: (bytes) => (written += bytes.length, file.writeAll(bytes))
            }))
          })
      })
    })
  })
})

describe("edit_file", () => {
  const edit = (path: string, oldText: string, newText: string) => call("edit_file", { path, oldText, newText })

  it.effect("edit - replaces the text where it stands, and keeps the rest, the mark at its start and the mode", () =>
    within({ "a.txt": "\uFEFFone\r\ntwo\r\nthree $&\r\n" }, (base) =>
      Effect.gen(function*() {
        nodeFs.chmodSync(`${base}/inside/a.txt`, 0o644)
        assert.deepStrictEqual(yield* edit("a.txt", "two\r\nthree", "$1 $& 2"), { path: "a.txt", line: 2, size: 20 })
        assert.strictEqual(text(`${base}/inside/a.txt`), "\uFEFFone\r\n$1 $& 2 $&\r\n")
        assert.strictEqual(modeOf(`${base}/inside/a.txt`), 0o644)
        yield* edit("a.txt", "one", "")
        assert.strictEqual(text(`${base}/inside/a.txt`), "\uFEFF\r\n$1 $& 2 $&\r\n")
      })))

  it.effect("TextNotUnique - says how often the text was found, and changes nothing", () =>
    within({ "a.txt": "aaa b b\n" }, (base) =>
      Effect.gen(function*() {
        for (const [oldText, found] of [["c", 0], ["B", 0], ["b", 2], ["aa", 2], ["a", 3], ["b\r\n", 0]] as const) {
          const error = yield* Effect.flip(edit("a.txt", oldText, "x"))
          assert.deepStrictEqual<unknown>(error, new Files.TextNotUnique({ path: "a.txt", found }))
          assert.include(error.message, `${found} times`)
        }
        assert.strictEqual(text(`${base}/inside/a.txt`), "aaa b b\n")
      })))

  it.effect("failures - nothing there, no text, too large before and after, protected", () =>
    within({
      "utf16": Uint8Array.of(0xff, 0xfe, 0x61, 0),
      "large": "x".repeat(changes.maxEdited + 1),
      "full": `y${"x".repeat(changes.maxEdited - 1)}`,
      "dir": null,
      ".git/config": "a"
    }, () =>
      Effect.gen(function*() {
        const expected: ReadonlyArray<readonly [string, unknown]> = [
          ["missing", new Files.FileNotFound({ path: "missing" })],
          ["utf16", new Files.NotText({ path: "utf16", format: "utf-16le", size: 4 })],
          ["large", new Files.TooLarge({ path: "large", bound: changes.maxEdited })],
          ["full", new Files.TooLarge({ path: "full", bound: changes.maxEdited })],
          ["dir", new Files.NotAFile({ path: "dir", kind: "directory" })],
          [".git/config", new Files.Protected({ path: ".git/config" })]
        ]
        for (const [path, error] of expected) {
          assert.deepStrictEqual<unknown>(yield* Effect.flip(edit(path, path === "full" ? "y" : "a", "aa")), error)
        }
      })))

  it.effect("edits at the same time - each finds what the others left", () =>
    within({ "a.txt": Array.from({ length: 20 }, (_, i) => `<${i}>`).join("\n") }, (base) =>
      Effect.gen(function*() {
        const edits = Array.from({ length: 20 }, (_, i) => edit("a.txt", `<${i}>`, `[${i}]`))
        yield* Effect.all(edits, { concurrency: "unbounded" })
        assert.strictEqual(text(`${base}/inside/a.txt`), Array.from({ length: 20 }, (_, i) => `[${i}]`).join("\n"))
      })))

  it.effect("IoFailed - what another process wrote meanwhile is not lost", () =>
    within({ "a.txt": "old text" }, (base) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(edit("a.txt", "old", "new"))
        assert.deepStrictEqual<unknown>(error, new Files.IoFailed({ path: "a.txt" }))
        assert.strictEqual(text(`${base}/inside/a.txt`), "old text, and more")
      }), {
      fileSystem: (fs, base) => ({
        open: (path, options) =>
          Effect.tap(
            fs.open(path, options),
            () =>
              options?.flag === "wx" ? fs.writeFileString(`${base}/inside/a.txt`, "old text, and more") : Effect.void
          )
      })
    }))

  it.effect("interruption - an edit that waits for another can be given up", () =>
    Effect.gen(function*() {
      const reached = yield* Deferred.make<void>()
      yield* within({ "a.txt": "one two" }, (base) =>
        Effect.gen(function*() {
          const first = yield* Effect.forkChild(edit("a.txt", "one", "1"))
          yield* Deferred.await(reached)
          const second = yield* Effect.forkChild(edit("a.txt", "two", "2"))
          yield* Effect.yieldNow
          yield* Fiber.interrupt(second)
          yield* Fiber.interrupt(first)
          assert.strictEqual(text(`${base}/inside/a.txt`), "one two")
        }), {
        fileSystem: () => ({ open: () => Effect.andThen(Deferred.succeed(reached, undefined), Effect.never) })
      })
    }))
})

describe("occurrences", () => {
  it.effect.prop(
    "occurrences - every place, overlapping ones too",
    [
      Schema.Array(Schema.Literals(["a", "b", "ab", "😀"])).check(Schema.isMaxLength(30)),
      Schema.Array(Schema.Literals(["a", "b", "😀"])).check(Schema.isMinLength(1), Schema.isMaxLength(5))
    ],
    ([letters, part]) =>
      Effect.sync(() => {
        const whole = letters.join("")
        const expected = Array.from(whole.matchAll(new RegExp(`(?=${part.join("")})`, "gv")), ({ index }) => index)
        assert.deepStrictEqual(occurrences(whole, part.join("")), expected)
      }),
    { arbitrary: { runs: 1000 } }
  )

  it("occurrences - texts made to be slow take time in proportion", () => {
    const whole = "a".repeat(4_000_000)
    const begin = performance.now()
    for (const part of [`${"a".repeat(100_000)}b${"a".repeat(100_000)}`, `b${"a".repeat(200_000)}`]) {
      assert.deepStrictEqual(occurrences(whole, part), [])
    }
    assert.isBelow(performance.now() - begin, 2000)
  })
})

describe("move_file", () => {
  const move = (path: string, to: string) => call("move_file", { path, to })

  it.effect("move - a file, a directory with what it holds, a link itself", () =>
    within(
      { "a.txt": "a", "dir/b": "b", link: { link: "dir" }, dangling: { link: "nowhere" } },
      (base) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* move("a.txt", "x/y/a.txt"), { path: "a.txt", to: "x/y/a.txt" })
          yield* move("link", "x/link")
          yield* move("dangling", "x/dangling")
          yield* move("dir", "moved")
          assert.deepStrictEqual(nodeFs.readdirSync(`${base}/inside`).toSorted(), ["moved", "x"])
          assert.strictEqual(text(`${base}/inside/x/y/a.txt`), "a")
          assert.strictEqual(text(`${base}/inside/moved/b`), "b")
          assert.strictEqual(nodeFs.readlinkSync(`${base}/inside/x/link`), "dir")
        })
    ))

  it.effect("failures - nothing there, something there, into itself, protected, outside", () =>
    within(
      { "a.txt": "a", "dir/b": "b", ".git/HEAD": "", link: { link: "dir" }, out: { link: "../outside" } },
      (base) =>
        Effect.gen(function*() {
          const cases: ReadonlyArray<readonly [string, string, unknown]> = [
            ["missing", "x", new Files.FileNotFound({ path: "missing" })],
            ["a.txt", "dir", new Files.AlreadyExists({ path: "dir", kind: "directory" })],
            ["a.txt", "dir/b", new Files.AlreadyExists({ path: "dir/b", kind: "file" })],
            ["a.txt", "link", new Files.AlreadyExists({ path: "link", kind: "symlink" })],
            ["dir", "dir/sub/dir", new Files.CannotMove({ path: "dir", to: "dir/sub/dir", reason: "IntoItself" })],
            [".", "x", new Files.Protected({ path: "." })],
            [".git", "x", new Files.Protected({ path: ".git" })],
            ["a.txt", ".git/hooks/pre-commit", new Files.Protected({ path: ".git/hooks/pre-commit" })],
            ["a.txt", "out/a.txt", new Files.OutsideRoot({ path: "out/a.txt" })],
            ["out/secret", "x", new Files.OutsideRoot({ path: "out/secret" })],
            ["../outside/secret", "x", new Files.OutsideRoot({ path: "../outside/secret" })]
          ]
          for (const [path, to, error] of cases) {
            assert.deepStrictEqual<unknown>(yield* Effect.flip(move(path, to)), error, `${path} to ${to}`)
          }
          assert.deepStrictEqual(nodeFs.readdirSync(`${base}/outside`), ["secret"])
          assert.strictEqual(text(`${base}/inside/a.txt`), "a")
        }),
      { outside: { secret: "secret" } }
    ))

  it.effect("CannotMove - to another file system", () =>
    within({ "a.txt": "a" }, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(move("a.txt", "b.txt"))
        assert.deepStrictEqual<unknown>(
          error,
          new Files.CannotMove({ path: "a.txt", to: "b.txt", reason: "OtherFileSystem" })
        )
      }), {
      fileSystem: () => ({
        rename: () =>
          Effect.fail(PlatformError.systemError({
            _tag: "Unknown",
            module: "FileSystem",
            method: "rename",
            cause: Object.assign(new Error("EXDEV: /host/path"), { code: "EXDEV" })
          }))
      })
    }))
})

describe("delete_file", () => {
  const remove = (path: string) => call("delete_file", { path })

  it.effect("delete - a file; a link and not what it points to; again says that nothing was there", () =>
    within(
      { "a.txt": "a", link: { link: "a.txt" }, dangling: { link: "../outside/x" } },
      (base) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* remove("link"), { path: "link", existed: true })
          assert.strictEqual(text(`${base}/inside/a.txt`), "a")
          yield* remove("dangling")
          yield* remove("a.txt")
          assert.deepStrictEqual(yield* remove("a.txt"), { path: "a.txt", existed: false })
          assert.deepStrictEqual(nodeFs.readdirSync(`${base}/inside`), [])
        })
    ))

  it.effect("failures - a directory, a pipe, protected, outside", () =>
    within({ "dir/a": "", out: { link: "../outside" } }, (base) =>
      Effect.gen(function*() {
        execFileSync("mkfifo", [`${base}/inside/pipe`])
        const cases: ReadonlyArray<readonly [string, unknown]> = [
          ["dir", new Files.NotAFile({ path: "dir", kind: "directory" })],
          ["pipe", new Files.NotAFile({ path: "pipe", kind: "other" })],
          [".", new Files.Protected({ path: "." })],
          ["dir/..", new Files.Protected({ path: "dir/.." })],
          ["out/secret", new Files.OutsideRoot({ path: "out/secret" })],
          ["..", new Files.OutsideRoot({ path: ".." })]
        ]
        for (const [path, error] of cases) {
          assert.deepStrictEqual<unknown>(yield* Effect.flip(remove(path)), error, path)
        }
        assert.deepStrictEqual(nodeFs.readdirSync(`${base}/outside`), ["secret"])
      }), { outside: { secret: "" } }))
})

describe("protected", () => {
  it("isProtected - the root and whatever a file system may take for .git", () => {
    const yes = [
      [],
      [".git"],
      ["a", ".git", "config"],
      [".GIT"],
      [".Git "],
      [".git."],
      [".g\u200cit"],
      ["git~1"],
      [
        "GIT~1"
      ],
      [".git::$INDEX_ALLOCATION"],
      ["．git"]
    ]
    const no = [["a"], [".gitignore"], [".github", "x"], ["git"], ["a.git"], ["git~2"]]
    for (const segments of yes) assert.isTrue(changes.isProtected(segments), JSON.stringify(segments))
    for (const segments of no) assert.isFalse(changes.isProtected(segments), JSON.stringify(segments))
  })

  it.effect("Protected - .git is read and not changed, whatever link leads there", () =>
    within({ ".git/config": "x", link: { link: ".git" }, "a.txt": "" }, (base) =>
      Effect.gen(function*() {
        assert.strictEqual((yield* call("read_file", { path: "link/config" })).content, "x")
        for (const path of [".git/config", "link/config", ".git/hooks/pre-commit", "sub/.GIT/config"]) {
          const calls: ReadonlyArray<Effect.Effect<unknown, unknown, Handlers>> = [
            call("write_file", { path, content: "y", overwrite: true }),
            call("edit_file", { path, oldText: "x", newText: "y" }),
            call("delete_file", { path }),
            call("move_file", { path: "a.txt", to: path })
          ]
          for (const change of calls) {
            assert.deepStrictEqual<unknown>(yield* Effect.flip(change), new Files.Protected({ path }))
          }
        }
        assert.strictEqual(text(`${base}/inside/.git/config`), "x")
      })))
})

describe("glob_files", () => {
  const tree = { "a.ts": "", "x/y/b.ts": "", "x/y/c.md": "", "x/d.ts/e": "", ".git/a.ts": "", link: { link: "x" } }

  it.effect("paths - files at any depth, or directories with a / at the end", () =>
    within(tree, () =>
      Effect.gen(function*() {
        const glob = (pattern: string, path = ".") =>
          Effect.map(call("glob_files", { pattern, path }), ({ paths }) => paths)
        assert.deepStrictEqual(yield* glob("*.ts"), ["a.ts", "x/y/b.ts"])
        assert.deepStrictEqual(yield* glob("x/**/*.{md,ts}"), ["x/y/b.ts", "x/y/c.md"])
        assert.deepStrictEqual(yield* glob("y/*", "x"), ["x/y/b.ts", "x/y/c.md"])
        assert.deepStrictEqual(yield* glob("*.ts/"), ["x/d.ts"])
        assert.deepStrictEqual(yield* glob("l*"), ["link"])
      })))

  it.effect("bound - 500 paths, then it says that there may be more", () =>
    within(Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`d/${i}`, ""])), () =>
      Effect.gen(function*() {
        const { paths, truncated } = yield* call("glob_files", { pattern: "*" })
        assert.deepStrictEqual([paths.length, truncated], [500, true])
        assert.isFalse((yield* call("glob_files", { pattern: "1*" })).truncated)
      })))

  it.effect("failures - outside the root, not a directory", () =>
    within(tree, () =>
      Effect.gen(function*() {
        const outside = yield* Effect.flip(call("glob_files", { pattern: "*", path: ".." }))
        assert.deepStrictEqual<unknown>(outside, new Files.OutsideRoot({ path: ".." }))
        const file = yield* Effect.flip(call("glob_files", { pattern: "*", path: "a.ts" }))
        assert.deepStrictEqual<unknown>(file, new Files.NotADirectory({ path: "a.ts", kind: "file" }))
      })))
})

it.effect("AccessDenied - is said by its code alone", () =>
  within({ "a.txt": "a" }, (base) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(call("write_file", { path: "b.txt", content: "" }))
      assert.deepStrictEqual<unknown>(error, new Files.AccessDenied({ path: "b.txt" }))
      assert.notInclude(`${error.message}${JSON.stringify(error)}`, base)
    }), {
    fileSystem: (fs) => ({
      open: (path, options) => options?.flag === "wx" ? failed("PermissionDenied") : fs.open(path, options)
    })
  }))
