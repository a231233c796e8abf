import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Dispatcher from "@volley/core/Dispatcher"
import * as ToolPolicy from "@volley/core/ToolPolicy"
import { Effect, FileSystem, PlatformError, Schema } from "effect"
import { Tool } from "effect/ai"
import { execFileSync } from "node:child_process"
import * as parameters from "../../src/files/internal/parameters.ts"
import { entriesPerYield } from "../../src/files/internal/tree.ts"
import { Files } from "../../src/index.ts"
import { call, plant, within, workspace } from "./workspace.ts"

const denied = (path: string) =>
  Effect.fail(
    PlatformError.systemError({
      _tag: "PermissionDenied",
      module: "FileSystem",
      method: "test",
      pathOrDescriptor: path
    })
  )

describe("read_file", () => {
  it.effect("content - is what the file holds, with its line ends", () =>
    within({ "a.txt": "one\r\ntwo\n😀 three" }, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* call("read_file", { path: "a.txt" }), {
          path: "a.txt",
          content: "one\r\ntwo\n😀 three",
          lines: 3,
          truncated: false
        })
      })))

  it.effect("offset, limit - give a part and tell where to go on", () =>
    within({ "a.txt": "1\n2\n3\n4\n5\n" }, () =>
      Effect.gen(function*() {
        const read = (offset: number, limit: number) => call("read_file", { path: "a.txt", offset, limit })
        const path = "a.txt"
        assert.deepStrictEqual(yield* read(1, 2), { path, content: "1\n2\n", lines: 2, truncated: true })
        assert.deepStrictEqual(yield* read(3, 2), { path, content: "3\n4\n", lines: 4, truncated: true })
        assert.deepStrictEqual(yield* read(5, 2), { path, content: "5\n", lines: 5, truncated: false })
        assert.deepStrictEqual(yield* read(6, 2), { path, content: "", lines: 5, truncated: false })
        assert.deepStrictEqual(yield* read(60, 2), { path, content: "", lines: 5, truncated: false })
      })))

  it.effect("offset - past the end of a file whose last line has no end gives all its lines", () =>
    within({ "a.txt": "1\n2\n3" }, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* call("read_file", { path: "a.txt", offset: 9 }), {
          path: "a.txt",
          content: "",
          lines: 3,
          truncated: false
        })
      })))

  it.effect("limit - 2,000 lines by default", () =>
    within({ "a.txt": "x\n".repeat(2001) }, () =>
      Effect.gen(function*() {
        const { content, lines, truncated } = yield* call("read_file", { path: "a.txt" })
        assert.deepStrictEqual([content.length, lines, truncated], [4000, 2000, true])
      })))

  it.effect("bound - at most 24 KiB in whole lines, and going on reads the rest", () => {
    const lines = Array.from({ length: 9000 }, (_, i) => `${i} ${"é".repeat(40)}\n`)
    return within({ "big.txt": lines.join("") }, () =>
      Effect.gen(function*() {
        let content = ""
        let offset = 1
        for (let parts = 1;; parts++) {
          const part = yield* call("read_file", { path: "big.txt", offset, limit: 10_000 })
          assert.isAtMost(new TextEncoder().encode(part.content).length, 24 * 1024)
          content += part.content
          offset = (part.lines ?? 0) + 1
          if (part.truncated) continue
          assert.isAbove(parts, new TextEncoder().encode(lines.join("")).length / (24 * 1024))
          break
        }
        assert.strictEqual(content, lines.join(""))
      }))
  })

  it.effect("cut - a line longer than 24 KiB loses its end between two characters", () =>
    within({ "long.txt": `x${"😀".repeat(100_000)}\nnext\n` }, () =>
      Effect.gen(function*() {
        const first = yield* call("read_file", { path: "long.txt" })
        assert.strictEqual(first.content, `x${"😀".repeat(6143)}`)
        assert.deepStrictEqual([first.lines, first.truncated, first.cut], [1, true, true])
        const second = yield* call("read_file", { path: "long.txt", offset: 2 })
        assert.deepStrictEqual(second, { path: "long.txt", content: "next\n", lines: 2, truncated: false })
      })))

  it.effect("size - a large file is not read to its end", () => {
    let bytes = 0
    return within({ "large.txt": "line\n".repeat(2_000_000) }, () =>
      Effect.gen(function*() {
        yield* call("read_file", { path: "large.txt" })
        assert.isAtMost(bytes, 128 * 1024)
        assert.isAbove(bytes, 24 * 1024)
      }), {
      fileSystem: (fs) => ({
        open: (path, options) =>
          Effect.map(fs.open(path, options), (file) => ({
            ...file,
            stat: file.stat,
            readAlloc: (size) => (bytes += size, file.readAlloc(size))
          }))
      })
    })
  })

  it.effect("text - empty file, byte order mark at the start and only there", () =>
    within({ "empty": "", "bom.txt": "\uFEFFa\n\uFEFFb\n" }, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* call("read_file", { path: "empty" }), {
          path: "empty",
          content: "",
          lines: 0,
          truncated: false
        })
        assert.strictEqual((yield* call("read_file", { path: "bom.txt" })).content, "a\n\uFEFFb\n")
        assert.strictEqual((yield* call("read_file", { path: "bom.txt", offset: 2 })).content, "\uFEFFb\n")
      })))

  it.effect("NotText - says what the file seems to be, and its size", () => {
    const binaries = {
      nul: ["binary", Uint8Array.of(0x61, 0, 0x62)],
      invalid: ["other-text", Uint8Array.of(0x61, 0xff, 0x62)],
      torn: ["other-text", Uint8Array.of(0xf0, 0x9f, 0x98)],
      surrogate: ["other-text", Uint8Array.of(0xed, 0xa0, 0x80)],
      utf16le: ["utf-16le", Uint8Array.of(0xff, 0xfe, 0x61, 0)],
      utf16be: ["utf-16be", Uint8Array.of(0xfe, 0xff, 0, 0x61)],
      utf32le: ["utf-32le", Uint8Array.of(0xff, 0xfe, 0, 0, 0x61, 0, 0, 0)],
      png: ["png", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0)],
      elf: ["elf", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0)],
      late: ["binary", Uint8Array.of(...new TextEncoder().encode("x\n".repeat(1000)), 0)]
    } as const
    return within(
      Object.fromEntries(Object.entries(binaries).map(([name, [, bytes]]) => [name, bytes])),
      () =>
        Effect.forEach(Object.entries(binaries), ([path, [format, bytes]]) =>
          Effect.gen(function*() {
            const expected = new Files.NotText({ path, format, size: bytes.length })
            for (const parameters of [{ path }, { path, bytes: { offset: 0, length: 4096 } }]) {
              const error = yield* Effect.flip(call("read_file", parameters))
              assert.deepStrictEqual<unknown>(error, expected)
            }
          }))
    )
  })

  it("NotText - is told in words", () => {
    const message = (format: Files.Format) => new Files.NotText({ path: "a", format, size: 8 }).message
    assert.strictEqual(message("utf-16le"), "\"a\" is not UTF-8 text but UTF-16 (little-endian), 8 bytes")
    assert.strictEqual(message("png"), "\"a\" is not UTF-8 text but png, 8 bytes")
  })

  it.effect.prop(
    "bytes - going on at `nextByte` reads every character once, wherever a range begins",
    [
      Schema.Array(Schema.Literals(["a", "é", "€", "😀", "\n", "\uFEFF"])).check(Schema.isMaxLength(40)),
      Schema.Int.check(Schema.isBetween({ minimum: 4, maximum: 9 })),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))
    ],
    ([letters, length, from]) => {
      const text = letters.join("")
      return within({ "a.txt": text }, () =>
        Effect.gen(function*() {
          let content = ""
          let offset = from
          for (;;) {
            const part = yield* call("read_file", { path: "a.txt", bytes: { offset, length } })
            assert.isAtMost(Buffer.byteLength(part.content), length)
            assert.isUndefined(part.lines)
            content += part.content
            if (!part.truncated) break
            assert.isAbove(part.nextByte ?? 0, offset)
            offset = part.nextByte ?? 0
          }
          const characters = Array.from(text)
          const startOf = (i: number) => Buffer.byteLength(characters.slice(0, i).join(""))
          const expected = characters.filter((_, i) => startOf(i) >= from).join("")
          // Only a byte order mark is no text.
          assert.strictEqual(content, from === 0 ? expected.replace(/^\uFEFF/, "") : expected)
        }))
    },
    { arbitrary: { runs: 60 } }
  )

  it.effect("NotAFile - a directory, and a pipe without waiting for a writer", () =>
    within({ dir: null }, (base) =>
      Effect.gen(function*() {
        execFileSync("mkfifo", [`${base}/inside/pipe`])
        const directory = yield* Effect.flip(call("read_file", { path: "dir" }))
        assert.deepStrictEqual<unknown>(directory, new Files.NotAFile({ path: "dir", kind: "directory" }))
        for (const tool of ["read_file", "search_files"] as const) {
          const pipe = yield* Effect.flip(call(tool, { path: "pipe", query: "x" }))
          assert.deepStrictEqual<unknown>(pipe, new Files.NotAFile({ path: "pipe", kind: "other" }))
        }
      })))
})

describe("list_files", () => {
  const tree = {
    "b.txt": "12345",
    "a/deep/c.ts": "",
    "a/x.ts": "é",
    ".env": "k",
    "node_modules/p/index.ts": "",
    ".git/config": "",
    link: { link: "a" }
  }

  it.effect("entries - one level by default, sorted, with kinds and sizes", () =>
    within(tree, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* call("list_files", {}), {
          path: ".",
          entries: [
            { path: ".env", kind: "file", size: 1 },
            { path: ".git", kind: "directory" },
            { path: "a", kind: "directory" },
            { path: "b.txt", kind: "file", size: 5 },
            { path: "link", kind: "symlink" },
            { path: "node_modules", kind: "directory" }
          ],
          unreadable: 0,
          truncated: false
        })
      })))

  it.effect("depth - goes down, but not into links, .git and node_modules", () =>
    within(tree, () =>
      Effect.gen(function*() {
        const { entries } = yield* call("list_files", { depth: 5 })
        assert.deepStrictEqual(entries.map(({ path }) => path), [
          ".env",
          ".git",
          "a",
          "a/deep",
          "a/deep/c.ts",
          "a/x.ts",
          "b.txt",
          "link",
          "node_modules"
        ])
        const modules = yield* call("list_files", { path: "node_modules", depth: 2 })
        assert.deepStrictEqual(modules.entries.map(({ path }) => path), ["node_modules/p", "node_modules/p/index.ts"])
      })))

  it.effect("path - follows a link inside the root and shows paths that can be read", () =>
    within(tree, () =>
      Effect.gen(function*() {
        const { entries } = yield* call("list_files", { path: "link" })
        assert.deepStrictEqual(entries.map(({ path }) => path), ["a/deep", "a/x.ts"])
        assert.strictEqual((yield* call("read_file", { path: entries[1]!.path })).content, "é")
      })))

  it.effect("pattern - names at any depth, paths below the directory, directories only", () =>
    within(tree, () =>
      Effect.gen(function*() {
        const list = (pattern: string, path = ".") =>
          Effect.map(call("list_files", { path, pattern, depth: 5 }), ({ entries }) => entries.map(({ path }) => path))
        assert.deepStrictEqual(yield* list("*.ts"), ["a/deep/c.ts", "a/x.ts"])
        assert.deepStrictEqual(yield* list("a/*.{ts,tsx}"), ["a/x.ts"])
        assert.deepStrictEqual(yield* list("deep/*", "a"), ["a/deep/c.ts"])
        assert.deepStrictEqual(yield* list("d*/"), ["a/deep"])
        assert.deepStrictEqual(yield* list(".e*"), [".env"])
        assert.deepStrictEqual(yield* list("*e*"), [".env", "a/deep", "node_modules"])
      })))

  it.effect("bound - 500 entries, upper levels first", () =>
    within(
      Object.fromEntries([
        ...Array.from({ length: 600 }, (_, i) => [`a/${i}`, ""]),
        ...Array.from({ length: 100 }, (_, i) => [`z${i}`, ""])
      ]),
      () =>
        Effect.gen(function*() {
          const { entries, truncated } = yield* call("list_files", { depth: 2 })
          assert.strictEqual(entries.length, 500)
          assert.strictEqual(entries.filter(({ path }) => path.startsWith("z")).length, 100)
          assert.isTrue(truncated)
        })
    ))

  it.effect("bound - exactly 500 entries are not truncated", () =>
    within(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${i}`, ""])), () =>
      Effect.gen(function*() {
        const { entries, truncated } = yield* call("list_files", {})
        assert.deepStrictEqual([entries.length, truncated], [500, false])
      })))

  it.effect("kinds - a pipe is other; a dangling link is shown", () =>
    within({ dangling: { link: "nowhere" } }, (base) =>
      Effect.gen(function*() {
        execFileSync("mkfifo", [`${base}/inside/pipe`])
        const { entries } = yield* call("list_files", {})
        assert.deepStrictEqual(entries, [{ path: "dangling", kind: "symlink" }, { path: "pipe", kind: "other" }])
      })))

  it.effect("unreadable - directories below are counted, the one asked for fails", () =>
    within(tree, () =>
      Effect.gen(function*() {
        const { entries, unreadable } = yield* call("list_files", { depth: 2, pattern: "*.ts" })
        assert.deepStrictEqual([entries.length, unreadable], [0, 1])
        const error = yield* Effect.flip(call("list_files", { path: "a" }))
        assert.deepStrictEqual<unknown>(error, new Files.AccessDenied({ path: "a" }))
      }), {
      fileSystem: (fs) => ({
        readDirectoryEntries: (path) => path.endsWith("/a") ? denied(path) : fs.readDirectoryEntries(path)
      })
    }))

  it.effect("NotADirectory - a file", () =>
    within(tree, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(call("list_files", { path: "b.txt" }))
        assert.deepStrictEqual<unknown>(error, new Files.NotADirectory({ path: "b.txt", kind: "file" }))
      })))
})

describe("search_files", () => {
  const tree = {
    "a.ts": "export const make = 1\nmake make\r\nMAKE(.*)\n",
    "src/b.md": "# make\n",
    "src/binary": Uint8Array.of(...new TextEncoder().encode("make\n"), 0),
    "node_modules/p/index.ts": "make\n",
    link: { link: "src" }
  }

  it.effect("matches - one a line, upper levels first, binary files counted", () =>
    within(tree, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* call("search_files", { query: "make" }), {
          matches: [
            { path: "a.ts", line: 1, text: "export const make = 1" },
            { path: "a.ts", line: 2, text: "make make" },
            { path: "src/b.md", line: 1, text: "# make" }
          ],
          searched: 2,
          binary: 1,
          unreadable: 0,
          truncated: false
        })
      })))

  it.effect("query - is literal, and case counts unless told otherwise", () =>
    within(tree, () =>
      Effect.gen(function*() {
        const lines = (query: string, ignoreCase: boolean) =>
          Effect.map(
            call("search_files", { query, ignoreCase, path: "a.ts" }),
            ({ matches }) => matches.map(({ line }) => line)
          )
        assert.deepStrictEqual(yield* lines("(.*)", false), [3])
        assert.deepStrictEqual(yield* lines("m.ke", false), [])
        assert.deepStrictEqual(yield* lines("MAKE", false), [3])
        assert.deepStrictEqual(yield* lines("MaKe", true), [1, 2, 3])
      })))

  it.effect("path, pattern - narrow the search", () =>
    within(tree, () =>
      Effect.gen(function*() {
        const paths = (options: { path?: string; pattern?: string }) =>
          Effect.map(call("search_files", { query: "make", ...options }), ({ matches }) => [
            ...new Set(matches.map(({ path }) => path))
          ])
        assert.deepStrictEqual(yield* paths({ pattern: "*.md" }), ["src/b.md"])
        assert.deepStrictEqual(yield* paths({ pattern: "src/**" }), ["src/b.md"])
        assert.deepStrictEqual(yield* paths({ path: "link" }), ["src/b.md"])
        assert.deepStrictEqual(yield* paths({ path: "link/b.md" }), ["src/b.md"])
        assert.deepStrictEqual(yield* paths({ path: "node_modules" }), ["node_modules/p/index.ts"])
        assert.strictEqual((yield* call("search_files", { query: "make", path: "src/binary" })).binary, 1)
      })))

  it.effect("maxResults - bounds the matches, and says whether there are more", () =>
    within({ "a.txt": "x\n".repeat(30), "b.txt": "x\n".repeat(30) }, () =>
      Effect.gen(function*() {
        const search = (maxResults?: number) =>
          Effect.map(
            call("search_files", { query: "x", ...(maxResults === undefined ? {} : { maxResults }) }),
            ({ matches, truncated }) => [matches.length, truncated]
          )
        assert.deepStrictEqual(yield* search(), [50, true])
        assert.deepStrictEqual(yield* search(30), [30, true])
        assert.deepStrictEqual(yield* search(59), [59, true])
        assert.deepStrictEqual(yield* search(60), [60, false])
      })))

  it.effect("bound - ends after 64 MiB and says so", () =>
    within(
      { "a.txt": "y".repeat(40 * 1024 * 1024), "b.txt": "y".repeat(40 * 1024 * 1024), "c.txt": "x\n" },
      () =>
        Effect.gen(function*() {
          const { matches, searched, truncated } = yield* call("search_files", { query: "x" })
          assert.deepStrictEqual([matches.length, searched, truncated], [0, 2, true])
        })
    ))

  it.effect("large file - lines are numbered across chunks and a byte order mark is no text", () =>
    within(
      { "log.txt": `\uFEFFstart\n${"filler line\n".repeat(50_000)}the needle\n${"x".repeat(200_000)}needle` },
      () =>
        Effect.gen(function*() {
          const { matches } = yield* call("search_files", { query: "needle" })
          assert.deepStrictEqual(matches.map(({ line }) => line), [50_002, 50_003])
          assert.strictEqual(matches[0]!.text, "the needle")
          assert.include(matches[1]!.text, "needle")
          const [first] = (yield* call("search_files", { query: "start" })).matches
          assert.deepStrictEqual(first, { path: "log.txt", line: 1, text: "start" })
        })
    ))

  it.effect("unreadable - files below are counted, the one asked for fails", () =>
    within(tree, () =>
      Effect.gen(function*() {
        const { matches, unreadable } = yield* call("search_files", { query: "make" })
        assert.deepStrictEqual([matches.length, unreadable], [1, 1])
        const error = yield* Effect.flip(call("search_files", { query: "make", path: "a.ts" }))
        assert.deepStrictEqual<unknown>(error, new Files.AccessDenied({ path: "a.ts" }))
      }), {
      fileSystem: (fs) => ({
        open: (path, options) => path.endsWith("/a.ts") ? denied(path) : fs.open(path, options)
      })
    }))
})

describe("search_files with regex", () => {
  it.effect("regex - matches line by line, with anchors and without case", () =>
    within({ "a.ts": "import a\r\n  import b\nimport c", "b.ts": "IMPORT\n\n" }, () =>
      Effect.gen(function*() {
        const search = (query: string, ignoreCase = false) =>
          Effect.map(
            call("search_files", { query, regex: true, ignoreCase }),
            ({ matches }) => matches.map(({ line, path, text }) => `${path}:${line}:${text}`)
          )
        assert.deepStrictEqual(yield* search("^import .$"), ["a.ts:1:import a", "a.ts:3:import c"])
        assert.deepStrictEqual(yield* search("^import", true), ["a.ts:1:import a", "a.ts:3:import c", "b.ts:1:IMPORT"])
        assert.deepStrictEqual(yield* search("^$"), ["b.ts:2:"])
        assert.deepStrictEqual(yield* search("import (a|b)"), ["a.ts:1:import a", "a.ts:2:  import b"])
      })))

  it.effect("regex - off by default", () =>
    within({ "a.txt": "abc\na.c\n" }, () =>
      Effect.gen(function*() {
        const { matches } = yield* call("search_files", { query: "a.c" })
        assert.deepStrictEqual(matches.map(({ line }) => line), [2])
      })))

  it.effect("PatternInvalid - malformed, or with what has no linear time", () =>
    within({ "a.txt": "a" }, () =>
      Effect.gen(function*() {
        for (const query of ["(", "a{1001}", "(?=a)", "(a)\\1", "[z-a]", "((a{100}){100}){100}"]) {
          const error = yield* Effect.flip(call("search_files", { query, regex: true }))
          assert.strictEqual(error._tag, "PatternInvalid", query)
          assert.notInclude(error.message, "node_modules")
        }
      })))

  it.live("bound - ends a long line at 65,536 characters, and the search at `maxResults`", () =>
    within({ "a.txt": `${"x".repeat(65_530)}near y${"x".repeat(70_000)}far\nz far\n` }, () =>
      Effect.gen(function*() {
        const lines = (query: string) =>
          Effect.map(call("search_files", { query, regex: true }), ({ matches }) => matches.map(({ line }) => line))
        assert.deepStrictEqual(yield* lines("nea."), [1])
        assert.deepStrictEqual(yield* lines("fa."), [2])
        const { matches, truncated } = yield* call("search_files", { query: ".", regex: true, maxResults: 1 })
        assert.deepStrictEqual([matches.length, truncated], [1, true])
      })))
})

describe("parameters", () => {
  it.effect("decode - refuses what no handler should see", () =>
    Effect.gen(function*() {
      const refused: ReadonlyArray<readonly [Tool.Any, unknown]> = [
        [Files.ReadFile, {}],
        [Files.ReadFile, { path: "" }],
        [Files.ReadFile, { path: "a\0b" }],
        [Files.ReadFile, { path: "a".repeat(4097) }],
        [Files.ReadFile, { path: "a", offset: 0 }],
        [Files.ReadFile, { path: "a", offset: 1.5 }],
        [Files.ReadFile, { path: "a", limit: 0 }],
        [Files.ReadFile, { path: "a", limit: 10_001 }],
        [Files.ReadFile, { path: "a", bytes: { offset: -1, length: 4 } }],
        [Files.ReadFile, { path: "a", bytes: { offset: 0, length: 3 } }],
        [Files.ReadFile, { path: "a", bytes: { offset: 0, length: 24 * 1024 + 1 } }],
        [Files.GlobFiles, {}],
        [Files.WriteFile, { path: "a", content: "\ud800" }],
        [Files.WriteFile, { path: "a", content: "a".repeat(1024 * 1024 + 1) }],
        [Files.EditFile, { path: "a", oldText: "", newText: "" }],
        [Files.EditFile, { path: "a", oldText: "a", newText: "\udfff" }],
        [Files.MoveFile, { path: "a", to: "b\0" }],
        [Files.DeleteFile, { path: "" }],
        [Files.ListFiles, { depth: 0 }],
        [Files.ListFiles, { depth: 6 }],
        [Files.ListFiles, { pattern: "" }],
        [Files.ListFiles, { pattern: "{a,b}{a,b}{a,b}" }],
        [Files.ListFiles, { pattern: `{${"a,".repeat(17)}}` }],
        [Files.ListFiles, { pattern: "a".repeat(201) }],
        [Files.SearchFiles, { query: "" }],
        [Files.SearchFiles, { query: "a\nb" }],
        [Files.SearchFiles, { query: "a".repeat(257) }],
        [Files.SearchFiles, { query: "a", maxResults: 0 }],
        [Files.SearchFiles, { query: "a", maxResults: 201 }]
      ]
      for (const [tool, parameters] of refused) {
        const schema = tool.parametersSchema as Schema.Codec<unknown>
        const error = yield* Effect.flip(Schema.decodeUnknownEffect(schema)(parameters))
        assert.isTrue(Schema.isSchemaError(error), JSON.stringify(parameters))
      }
    }))
})

describe("pattern", () => {
  const start = { requested: ".", segments: [], type: "Directory" } as const

  it("matcher - patterns made to be slow hold up nobody: less than 50 ms of work between two yields of a walk", () => {
    const alternatives = `{${Array.from({ length: 9 }, () => "*a").join()}}`
    const evil = [
      `**/${alternatives}${alternatives}`,
      `**/${alternatives}/**/${alternatives}`,
      "**/".repeat(60) + "x",
      "*a".repeat(100),
      "[a-b]*".repeat(33)
    ]
    for (const pattern of evil) {
      assert.isTrue(Schema.is(parameters.pattern)(pattern))
      const matches = parameters.matcher(pattern, start)
      const entry = { ...start, segments: Array.from({ length: 6 }, () => "a".repeat(255) + "c") }
      const work = (): number => {
        const begin = process.cpuUsage()
        for (let i = 0; i < entriesPerYield; i++) matches(entry)
        return process.cpuUsage(begin).user
      }
      // the least of some: what else the machine does is not counted
      assert.isBelow(Math.min(work(), work(), work()), 50_000, pattern)
    }
  })
})

describe("toolkit", () => {
  it("toolkit - all that it has is read-only; the other has it too", () => {
    const readers = Object.values(Files.toolkit.tools).map((
      tool: Tool.Any
    ) => [tool.name, ToolPolicy.effectClass(tool)])
    assert.deepStrictEqual(readers, [
      ["read_file", "readonly"],
      ["list_files", "readonly"],
      ["glob_files", "readonly"],
      ["search_files", "readonly"]
    ])
    for (const [name, tool] of Object.entries(Files.toolkit.tools)) {
      assert.strictEqual<unknown>(Files.writableToolkit.tools[name as keyof typeof Files.toolkit.tools], tool)
    }
  })

  it.effect("approval - replacing, editing and deleting want it; reading, making and moving do not", () =>
    within({}, () =>
      Effect.gen(function*() {
        const dispatcher = yield* Dispatcher.make(Object.values(Files.writableToolkit.tools))
        const wants = (name: string, params: object) =>
          Dispatcher.wantsApproval(
            dispatcher,
            { id: "1", name, params: { path: "a", ...params }, turn: 0, request: 0, index: 0, key: "1" },
            []
          )
        assert.deepStrictEqual(
          yield* Effect.forEach([
            wants("write_file", { content: "", overwrite: true }),
            wants("edit_file", { oldText: "a", newText: "b" }),
            wants("delete_file", {}),
            wants("write_file", { content: "" }),
            wants("write_file", { content: "", overwrite: false }),
            wants("move_file", { to: "b" }),
            wants("read_file", {}),
            wants("list_files", {})
          ], (wanted) => wanted),
          [true, true, true, false, false, false, false, false]
        )
      })))

  it("tools - each parameter has an example", () => {
    for (const tool of Object.values(Files.writableToolkit.tools)) {
      const { properties } = Tool.getJsonSchema(tool) as {
        readonly properties: { readonly [name: string]: { readonly description?: string; readonly examples?: unknown } }
      }
      for (const [name, property] of Object.entries(properties)) {
        assert.isString(property.description, `${tool.name}.${name}`)
        assert.isArray(property.examples, `${tool.name}.${name}`)
      }
    }
  })

  it.effect("errors - survive encoding and name the path that was asked for, in well-formed text", () =>
    Effect.gen(function*() {
      const path = "a \"b\"\u001b[31m\ud800"
      const errors = [
        new Files.FileNotFound({ path }),
        new Files.OutsideRoot({ path }),
        new Files.LinkLoop({ path }),
        new Files.AccessDenied({ path }),
        new Files.NotAFile({ path, kind: "other" }),
        new Files.NotText({ path, format: "png", size: 1 }),
        new Files.IoFailed({ path })
      ]
      for (const error of errors) {
        const encoded = yield* Schema.encodeUnknownEffect(Files.ReadFile.failureSchema)(error)
        const decoded = yield* Schema.decodeEffect(Files.ReadFile.failureSchema)(encoded)
        assert.deepStrictEqual(decoded, error)
        assert.include(error.message, "a \\\"b\\\"\\u001b[31m\uFFFD")
        assert.isTrue(error.message.isWellFormed())
      }
    }))
})

describe("layer", () => {
  const build = (root: string) => Effect.flip(Effect.provide(Effect.void, Files.layer({ root })))

  it.effect("RootUnusable - missing, a file, or unreadable; said with the root as given", () =>
    Effect.gen(function*() {
      const base = yield* workspace({ "a.txt": "" })
      const fs = yield* FileSystem.FileSystem
      const missing = `${base}/inside/../nowhere`
      assert.deepStrictEqual<unknown>(
        yield* build(missing),
        new Files.RootUnusable({ root: missing, reason: "NotFound" })
      )
      assert.include((yield* build(missing)).message, missing)
      const file = `${base}/inside/a.txt`
      assert.deepStrictEqual<unknown>(
        yield* build(file),
        new Files.RootUnusable({ root: file, reason: "NotADirectory" })
      )
      const unreadable = yield* build(base).pipe(
        Effect.provideService(FileSystem.FileSystem, { ...fs, access: denied })
      )
      assert.deepStrictEqual<unknown>(unreadable, new Files.RootUnusable({ root: base, reason: "Unreadable" }))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("root - may be a symbolic link; absolute paths work through it and through its target", () =>
    Effect.gen(function*() {
      const base = yield* workspace({ "a.txt": "a" })
      yield* plant(base, { alias: { link: "inside" } })
      const read = (path: string) => Effect.map(call("read_file", { path }), ({ content }) => content)
      const contents = yield* Effect.forEach(["a.txt", `${base}/alias/a.txt`, `${base}/inside/a.txt`], read).pipe(
        Effect.provide(Files.writableLayer({ root: `${base}/alias` }))
      )
      assert.deepStrictEqual(contents, ["a", "a", "a"])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
