import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, PlatformError, Result, Schema } from "effect"
import { Files } from "../../src/index.ts"
import { call, plant, within } from "./workspace.ts"

const canary = "CANARY-7f3a"
const runs = process.env["VOLLEY_LONG"] === "1" ? 300 : 30

describe("confinement", () => {
  const refused = (path: string) =>
    Effect.gen(function*() {
      for (const tool of ["read_file", "list_files", "search_files"] as const) {
        const error = yield* Effect.flip(call(tool, { path, query: canary }))
        assert.deepStrictEqual<unknown>(error, new Files.OutsideRoot({ path }), tool)
      }
    })

  it.effect("OutsideRoot - .. and absolute paths, whether or not something is there", () =>
    within({ "dir/a": "" }, (base) =>
      Effect.gen(function*() {
        for (
          const path of [
            "..",
            "../outside",
            "../outside/secret",
            "../outside/nothing",
            "dir/../../outside/secret",
            "../inside/dir/a",
            "/",
            "/etc/passwd",
            "/nowhere",
            base,
            `${base}/outside/secret`,
            `${base}/insidex`,
            `${base}/inside/../outside/secret`,
            "//etc/passwd"
          ]
        ) yield* refused(path)
      }), { outside: { secret: canary } }))

  it.effect("OutsideRoot - links that leave the root: leaf, directory, chain, relative, dangling", () =>
    within({ "dir/a": "" }, (base) =>
      Effect.gen(function*() {
        yield* plant(`${base}/inside`, {
          leaf: { link: `${base}/outside/secret` },
          relative: { link: "../outside/secret" },
          door: { link: `${base}/outside` },
          chain: { link: "dir/next" },
          "dir/next": { link: "../door" },
          dangling: { link: "../outside/nothing" },
          through: { link: "dir/../../outside/secret" },
          host: { link: "/etc" }
        })
        for (
          const path of [
            "leaf",
            "relative",
            "door",
            "door/secret",
            "door/nothing",
            "chain/secret",
            "dangling",
            "through"
          ]
        ) yield* refused(path)
        yield* refused("host/passwd")
        yield* refused("door/../inside/dir/a")
      }), { outside: { secret: canary } }))

  it.effect("links - inside the root are followed, absolute ones too", () =>
    within({ "dir/a": "content" }, (base) =>
      Effect.gen(function*() {
        yield* plant(`${base}/inside`, {
          relative: { link: "dir/../dir/a" },
          absolute: { link: `${base}/inside/dir` },
          "dir/up": { link: ".." },
          "dir/absolute": { link: `${base}/inside/dir/a` },
          self: { link: "." }
        })
        for (
          const path of [
            "relative",
            "absolute/a",
            "dir/absolute",
            "dir/up/dir/a",
            "self/self/dir/./a",
            "dir//a",
            "self/absolute/up/relative"
          ]
        ) {
          assert.strictEqual((yield* call("read_file", { path })).content, "content", path)
        }
      })))

  const everythingIsADirectory = Layer.effect(
    FileSystem.FileSystem,
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = fs.stat("/")
      return {
        ...fs,
        realPath: Effect.succeed,
        stat: () => directory,
        lstat: () => directory,
        access: () => Effect.void
      }
    })
  ).pipe(Layer.provide(NodeServices.layer))

  it.effect("OutsideRoot - both separators count where the platform has two", () =>
    Effect.gen(function*() {
      for (
        const path of [
          "..\\secret",
          "a\\..\\..\\secret",
          "C:\\secret",
          "C:\\root\\..\\secret",
          "\\\\host\\share",
          "C:/rootx"
        ]
      ) {
        const error = yield* Effect.flip(call("read_file", { path }))
        assert.deepStrictEqual<unknown>(error, new Files.OutsideRoot({ path }))
      }
    }).pipe(
      Effect.provide(
        Files.writableLayer({ root: "C:\\root" }).pipe(Layer.provide([NodePath.layerWin32, everythingIsADirectory]))
      )
    ))

  it.effect("LinkLoop - a circle, and more than 40 links", () =>
    within({
      one: { link: "two" },
      two: { link: "one" },
      ...Object.fromEntries(Array.from({ length: 41 }, (_, i) => [`l${i}`, { link: `l${i + 1}` }])),
      l41: "end"
    }, () =>
      Effect.gen(function*() {
        for (const path of ["one", "l0"]) {
          const error = yield* Effect.flip(call("read_file", { path }))
          assert.deepStrictEqual<unknown>(error, new Files.LinkLoop({ path }))
        }
        assert.strictEqual((yield* call("read_file", { path: "l1" })).content, "end")
      })))

  it.effect("FileNotFound - missing, dangling, through a file, a name that is too long", () =>
    within({ "a.txt": "", dangling: { link: "nothing" } }, () =>
      Effect.gen(function*() {
        for (
          const path of [
            "nothing",
            "no/thing",
            "nothing/..",
            "dangling",
            "a.txt/b",
            "a.txt/",
            "a.txt/.",
            "a.txt/..",
            "x".repeat(300),
            "~/a"
          ]
        ) {
          const error = yield* Effect.flip(call("read_file", { path }))
          assert.deepStrictEqual<unknown>(error, new Files.FileNotFound({ path }))
        }
      })))

  it.effect("IoFailed - an error of the device", () =>
    within({ "a.txt": "" }, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(call("read_file", { path: "a.txt" }))
        assert.deepStrictEqual<unknown>(error, new Files.IoFailed({ path: "a.txt" }))
      }), {
      fileSystem: () => ({
        open: () => Effect.fail(PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method: "open" }))
      })
    }))

  type Swap = (base: string) => Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem>

  /** A file system that is changed between the check of a path and its use. */
  const swappingAt =
    (use: "open" | "readDirectoryEntries", swap: Swap) => (fs: FileSystem.FileSystem, base: string) => {
      const swapped = Effect.provideService(swap(base), FileSystem.FileSystem, fs)
      return use === "open"
        ? { open: (...call: Parameters<typeof fs.open>) => Effect.andThen(swapped, fs.open(...call)) }
        : { readDirectoryEntries: (path: string) => Effect.andThen(swapped, fs.readDirectoryEntries(path)) }
    }
  const replaceByLink = (name: string, target: string): Swap => (base) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      yield* fs.remove(`${base}/inside/${name}`, { recursive: true, force: true })
      yield* fs.symlink(`${base}/outside/${target}`, `${base}/inside/${name}`)
    })

  for (const [name, target] of [["dir", ""], ["dir/file", "file"]] as const) {
    it.effect(`open - refuses what was swapped for a link after the check: ${name}`, () =>
      within({ "dir/file": "inside" }, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(call("read_file", { path: "dir/file" }))
          assert.include(["OutsideRoot", "FileNotFound", "IoFailed"], error._tag)
        }), { outside: { file: canary }, fileSystem: swappingAt("open", replaceByLink(name, target)) }))
  }

  it.effect("entries - refuses a directory that was swapped for a link after the check", () =>
    within({ "dir/file": "inside" }, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(call("list_files", { path: "dir" }))
        assert.strictEqual(error._tag, "OutsideRoot")
      }), { outside: { [canary]: "" }, fileSystem: swappingAt("readDirectoryEntries", replaceByLink("dir", "")) }))
})

const names = Schema.Literals(["a", "b", "c", "d"])
const place = Schema.Struct({
  prefix: Schema.Literals(["", "", "", "", "ROOT/", "OUTSIDE/", "/"]),
  steps: Schema.Array(Schema.Literals(["a", "b", "c", "d", "..", ".", ""])).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(5)
  )
})
const node = Schema.Struct({
  path: Schema.Array(names).check(Schema.isMinLength(1), Schema.isMaxLength(4)),
  kind: Schema.Literals(["file", "directory", "link", "link", "link"]),
  up: Schema.Literals(["", "", "../", "../../", "../../outside/", "../../../outside/"]),
  target: place
})
const operation = Schema.Struct({
  tool: Schema.Literals(["read_file", "read_file", "list_files", "search_files"]),
  place
})

const textOf = (base: string, { prefix, steps }: typeof place.Type, up = "") =>
  (prefix === "" ? up : prefix.replace("ROOT", `${base}/inside`).replace("OUTSIDE", `${base}/outside`)) +
    steps.join("/") || "."

describe("generated trees", () => {
  const seen = { operations: 0, successes: 0, refusals: 0, contents: 0 }
  const inside = { "a/b/c": "inside", "a/d": { link: "../c" }, "b": "inside", "c/a": "inside" }
  /** No generated node takes the place of this file. */
  const there: typeof operation.Type = { tool: "read_file", place: { prefix: "", steps: ["b"] } }
  const outside = { a: canary, [`b/${canary}`]: canary, "b/a": canary, "c/d/a": canary, d: { link: "../inside" } }

  /** Some nodes cannot be made, for example below a file; none is made outside. */
  const make = Effect.fnUntraced(function*(base: string, { kind, path, target, up }: typeof node.Type) {
    const fs = yield* FileSystem.FileSystem
    const parent = yield* fs.realPath([base, "inside", ...path.slice(0, -1)].join("/"))
    if (!`${parent}/`.startsWith(`${base}/inside/`)) return
    const name = `${parent}/${path.at(-1)}`
    if (kind === "link") return yield* fs.symlink(textOf(base, target, up), name)
    yield* kind === "file" ? fs.writeFileString(name, "inside", { flag: "wx" }) : fs.makeDirectory(name)
  }, (made) => Effect.ignore(made))

  it.effect.prop(
    "nothing outside the root is ever shown, and what is shown stands where it was asked for",
    [
      Schema.Array(node).check(Schema.isMaxLength(30)),
      Schema.Array(operation).check(Schema.isMinLength(25), Schema.isMaxLength(40))
    ],
    ([nodes, operations]) =>
      within(inside, (base) =>
        Effect.gen(function*() {
          const fs = yield* FileSystem.FileSystem
          yield* Effect.forEach(nodes, (node) => make(base, node))
          for (const { place, tool } of [there, ...operations]) {
            const path = textOf(base, place)
            // The kernel is the oracle: it follows `..` and links by itself.
            const host = path.startsWith("/") ? path : `${base}/inside/${path}`
            const result = yield* Effect.result(call(tool, { path, query: canary.slice(0, 6), depth: 5 }))
            seen.operations++
            if (Result.isFailure(result)) {
              const error = result.failure
              if (error._tag === "OutsideRoot") seen.refusals++
              if (error._tag === "FileNotFound") {
                assert.isTrue(Result.isFailure(yield* Effect.result(fs.stat(host))), path)
              }
              // The error repeats the path that was asked for and says nothing else about the host.
              assert.notInclude(`${error.message}${JSON.stringify(error)}`.replaceAll(path, ""), base)
              continue
            }
            seen.successes++
            const encoded = JSON.stringify(result.success)
            assert.notInclude(encoded, canary)
            const schema = Files.toolkit.tools[tool].successSchema as Schema.Codec<unknown>
            assert.deepStrictEqual<unknown>(
              yield* Schema.decodeUnknownEffect(schema)(JSON.parse(encoded)),
              result.success
            )
            if ("content" in result.success) {
              seen.contents++
              assert.strictEqual(result.success.content, yield* fs.readFileString(host))
            }
            if ("entries" in result.success) assert.isAtMost(result.success.entries.length, 500)
          }
        }), { outside }),
    { arbitrary: { runs } }
  )

  it("the property above had something to do", () => {
    assert.isAtLeast(seen.operations, 13 * runs)
    assert.isAtLeast(seen.successes, 2 * runs)
    assert.isAtLeast(seen.refusals, 2 * runs)
    assert.isAtLeast(seen.contents, runs)
  })
})
