import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Dispatcher } from "@volley/core"
import { ConfigProvider, Effect, FileSystem, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Search } from "../../src/search/index.ts"
import { plant, type Tree, workspace } from "../files/workspace.ts"

type Found = typeof Search.SearchDocs.successSchema.Type
type Read = typeof Search.ReadDoc.successSchema.Type

const search = (query: string, options: { readonly folder?: string; readonly limit?: number } = {}) =>
  Effect.map(Dispatcher.call(Search.SearchDocs, { query, ...options }), ({ ok, result }) => {
    assert.isTrue(ok, JSON.stringify(result))
    return result as Found
  })

const placesOf = (...args: Parameters<typeof search>) =>
  Effect.map(search(...args), ({ sections }) => sections.map(({ line, path }) => `${path}:${line}`))

const read = (path: string, line?: number) =>
  Dispatcher.call(Search.ReadDoc, { path, ...(line === undefined ? {} : { line }) })

const readOf = (...args: Parameters<typeof read>) =>
  Effect.map(read(...args), ({ ok, result }) => {
    assert.isTrue(ok, JSON.stringify(result))
    return result as Read
  })

const reasonOf = (...args: Parameters<typeof read>) => Effect.map(read(...args), ({ failure }) => failure?.reason)

interface Place {
  readonly base: string
  readonly root: string
  readonly index: string
}

const within = <A, E, R>(tree: Tree, test: (place: Place) => Effect.Effect<A, E, R>, outside: Tree = {}) =>
  Effect.gen(function*() {
    const base = yield* workspace(tree, outside)
    const place = { base, root: `${base}/inside`, index: `${base}/cache/index.json` }
    return yield* Effect.provide(test(place), Search.layer({ folder: place.root, index: place.index }))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

/** A later process over the same folder and index. */
const later = <A, E, R>({ index, root }: Place, test: Effect.Effect<A, E, R>) =>
  Effect.provide(test, Layer.fresh(Search.layer({ folder: root, index })))

const changed = (place: Place, tree: Tree) => Effect.andThen(plant(place.root, tree), TestClock.adjust("2 seconds"))

const docs: Tree = {
  "guide/keys.md":
    "# Keys\n\nHow keys are made.\n\n## Rotation\n\nRotate signing keys every month.\n\n## Storage\n\nIn a vault.\n",
  "guide/users.md": "# Users\n\nUsers have a role.\n",
  "notes.txt": "Remember to water the plants.\n",
  "image.png": "keys keys keys",
  "node_modules/x/readme.md": "# Keys keys keys\n"
}

/** A time of modification. */
const then = new Date("2026-01-01")

describe("search_docs", () => {
  it.effect("result - sections with their headings, lines and what matches, best first", () =>
    within(docs, () =>
      Effect.gen(function*() {
        const { found, note, sections } = yield* search("rotate keys")
        assert.deepStrictEqual([found, note], [3, undefined])
        const [first] = sections
        assert.deepStrictEqual(first, {
          path: "guide/keys.md",
          heading: "Keys > Rotation",
          line: 5,
          end: 8,
          score: first!.score,
          snippet: "7: Rotate signing keys every month."
        })
        assert.isAbove(first!.score, sections[1]!.score)
        assert.deepStrictEqual(yield* placesOf("PLANTS"), ["notes.txt:1"])
        assert.deepStrictEqual(yield* placesOf("nothing of this"), [])
      })))

  it.effect("folder and limit - bound the result, not what was found", () =>
    within({ ...docs, "keys.md": "keys" }, () =>
      Effect.gen(function*() {
        assert.lengthOf((yield* search("keys", { limit: 1 })).sections, 1)
        assert.strictEqual((yield* search("keys", { limit: 1 })).found, 4)
        assert.deepStrictEqual(
          yield* placesOf("keys", { folder: "./guide/" }),
          yield* placesOf("keys", { folder: "guide" })
        )
        assert.notInclude(yield* placesOf("keys", { folder: "guide" }), "keys.md:1")
        assert.deepStrictEqual(yield* placesOf("keys", { folder: "../outside" }), [])
      })))

  it.effect("changes - what changed, came and went is seen two seconds later, not before", () =>
    within(docs, (place) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        assert.deepStrictEqual(yield* placesOf("vault"), ["guide/keys.md:9"])
        yield* plant(place.root, { "guide/keys.md": "# Keys\n\nNo more.\n", "new.md": "The vault is new.\n" })
        yield* TestClock.adjust("1999 millis")
        assert.deepStrictEqual(yield* placesOf("new"), [])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(yield* placesOf("vault"), ["new.md:1"])
        yield* fs.remove(`${place.root}/new.md`)
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* placesOf("vault"), [])
        yield* changed(place, { "users.md": "users", "guide/users.md": "none" })
        assert.deepStrictEqual(yield* placesOf("users"), ["users.md:1", "guide/users.md:1"])
      })))

  it.effect("changes - of the size alone and of the time alone are seen", () =>
    within({ "a.md": "one", "b.md": "six" }, (place) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        for (const name of ["a.md", "b.md"]) yield* fs.utimes(`${place.root}/${name}`, then, then)
        assert.deepStrictEqual(yield* placesOf("one six"), ["a.md:1", "b.md:1"])
        yield* changed(place, { "a.md": "three", "b.md": "ten" })
        yield* fs.utimes(`${place.root}/a.md`, then, then)
        assert.deepStrictEqual(yield* placesOf("three ten"), ["a.md:1", "b.md:1"])
        assert.deepStrictEqual(yield* placesOf("one six"), [])
      })))

  it.effect("index - is as if made anew after any changes, in memory and from the file", () =>
    within(docs, (place) =>
      Effect.gen(function*() {
        yield* search("keys")
        yield* changed(place, {
          "a.md": "# Vault keys\n",
          "guide/keys.md": "# Keys\n\nRotate keys.\n",
          "b.md": "plants"
        })
        const kept = yield* search("rotate the vault keys and plants")
        const fresh = yield* Effect.provide(
          search("rotate the vault keys and plants"),
          Layer.fresh(Search.layer({ folder: place.root }))
        )
        const loaded = yield* later(place, search("rotate the vault keys and plants"))
        assert.deepStrictEqual(kept, fresh)
        assert.deepStrictEqual(loaded, fresh)
        assert.isAbove(fresh.sections.length, 3)
      })))

  it.effect("index - a later process reads no document that has not changed", () =>
    within(docs, (place) =>
      Effect.gen(function*() {
        yield* search("keys")
        const fs = yield* FileSystem.FileSystem
        const opened: Array<string> = []
        const watched = Layer.succeed(FileSystem.FileSystem)({
          ...fs,
          open: (path, options) => (opened.push(path.slice(place.root.length + 1)), fs.open(path, options))
        })
        yield* plant(place.root, { "new.md": "plants" })
        const found = yield* Effect.provide(
          placesOf("plants", { limit: 1 }),
          Layer.provide(Layer.fresh(Search.layer({ folder: place.root, index: place.index })), watched)
        )
        assert.deepStrictEqual(found, ["new.md:1"])
        // once to index it, once to show its lines
        assert.deepStrictEqual(opened, ["new.md", "new.md"])
      })))

  it.effect("index - is for its owner alone, leaves nothing beside it, and one that is damaged is made again", () =>
    within(docs, (place) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const expected = yield* search("rotate keys")
        assert.strictEqual((yield* fs.stat(place.index)).mode & 0o777, 0o600)
        assert.deepStrictEqual(yield* fs.readDirectory(`${place.base}/cache`), ["index.json"])
        const text = yield* fs.readFileString(place.index)
        const parsed = JSON.parse(text) as { vocabulary: Array<string>; documents: Array<{ sections: Array<object> }> }
        const damaged = [
          "",
          "{",
          "null",
          text.slice(0, -20),
          text.replace("\"version\":1", "\"version\":2"),
          JSON.stringify({ ...parsed, vocabulary: parsed.vocabulary.slice(0, 2) }),
          text.replace(/"terms":"[^"]{8}/, "\"terms\":\""),
          text.replace(/"terms":"[^"]{4}/, "\"terms\":\"AAA="),
          text.replace(/"counts":"[^"]*"/, "\"counts\":\"AQA=\"")
        ]
        for (const content of damaged) {
          assert.notStrictEqual(content, text)
          yield* fs.writeFileString(place.index, content)
          assert.deepStrictEqual(yield* later(place, search("rotate keys")), expected, content.slice(0, 80))
        }
      })))

  it.effect("index - that cannot be written is kept in memory", () =>
    Effect.gen(function*() {
      const base = yield* workspace(docs)
      const layer = Search.layer({ folder: `${base}/inside`, index: `${base}/inside/notes.txt/index.json` })
      assert.deepStrictEqual(yield* Effect.provide(placesOf("plants"), layer), ["notes.txt:1"])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("confinement - nothing outside is indexed, whatever links there are", () =>
    within({
      "a.md": "inside",
      "link.md": { link: "../outside/secret.md" },
      "folder": { link: "../outside" },
      "loop.md": { link: "loop.md" },
      "self": { link: "." }
    }, (place) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* placesOf("inside canary"), ["a.md:1"])
        const fs = yield* FileSystem.FileSystem
        assert.notInclude(yield* fs.readFileString(place.index), "canary")
      }), { "secret.md": "canary" }))

  it.effect("what is no text is left out and counted", () =>
    within(
      { "a.md": "word", "b.md": new Uint8Array([0, 1, 2]), "c.txt": new Uint8Array([0xff, 0xfe]), "empty.md": "" },
      () =>
        Effect.gen(function*() {
          const { note, sections } = yield* search("word")
          assert.deepStrictEqual([sections.length, note], [1, "2 files or folders cannot be read as text"])
        })
    ))

  it.effect("an empty folder has no documents, and says so", () =>
    within({}, () => Effect.map(search("x"), ({ note }) => assert.strictEqual(note, "there are no documents"))))

  it.effect("concurrent searches make the index once", () =>
    within(docs, () =>
      Effect.gen(function*() {
        const all = yield* Effect.forEach(Array.from({ length: 10 }), () => search("keys"), {
          concurrency: "unbounded"
        })
        for (const found of all) assert.deepStrictEqual(found, all[0])
      })))

  it.effect("arguments - without a word, too long, out of range", () =>
    within({}, () =>
      Effect.gen(function*() {
        for (
          const args of [{ query: " " }, { query: "x".repeat(301) }, { query: "x", limit: 0 }, {
            query: "x",
            limit: 21
          }]
        ) {
          assert.strictEqual((yield* Dispatcher.call(Search.SearchDocs, args)).failure?.reason, "InvalidArguments")
        }
      })))
})

describe("read_doc", () => {
  it.effect("a section with its subsections, or the whole document", () =>
    within({ "a.md": "# A\ntext\n## B\nb\n### C\nc\n## D\nd\n# E\n" }, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* readOf("a.md"), {
          text: "# A\ntext\n## B\nb\n### C\nc\n## D\nd\n# E",
          line: 1,
          end: 9,
          lines: 9
        })
        assert.deepStrictEqual(yield* readOf("a.md", 3), { text: "## B\nb\n### C\nc", line: 3, end: 6, lines: 9 })
        assert.strictEqual((yield* readOf("a.md", 4)).text, "b\n### C\nc")
        assert.strictEqual((yield* readOf("a.md", 9)).text, "# E")
        assert.deepStrictEqual((yield* read("a.md", 10)).failure?.reason, "LineNotFound")
      })))

  it.effect("what is long - is read on from `next`, each line once; the headings of the rest are told", () => {
    const lines = Array.from({ length: 3000 }, (_, i) => i % 500 === 0 ? `# Part ${i}` : `line ${i + 1} 😀`)
    return within(
      { "long.txt": lines.join("\n"), "long.md": lines.join("\n"), "wide.txt": "é".repeat(20_000) },
      () =>
        Effect.gen(function*() {
          const parts: Array<string> = []
          let next: number | undefined = 1
          while (next !== undefined) {
            const part: Read = yield* readOf("long.txt", next)
            assert.isAtMost(new TextEncoder().encode(part.text).length, 16 * 1024)
            parts.push(part.text)
            next = part.next
          }
          assert.strictEqual(parts.join("\n"), lines.join("\n"))
          assert.isAbove(parts.length, 2)
          const { end, headings } = yield* readOf("long.md")
          assert.deepStrictEqual(
            headings?.map(({ line }) => line),
            [501, 1001, 1501, 2001, 2501].filter((it) => it > end)
          )
          const wide = yield* readOf("wide.txt")
          assert.isTrue(wide.text.isWellFormed())
          assert.isAtMost(new TextEncoder().encode(wide.text).length, 16 * 1024 + 4)
        })
    )
  })

  it.effect("failures - what is no document, outside, or no text", () =>
    within({
      "a.md": "x",
      "b.md": new Uint8Array([0]),
      ".env": "SECRET",
      "sub.md": null,
      "out.md": { link: "../outside/secret.md" },
      "in.md": { link: "a.md" },
      "loop.md": { link: "loop.md" }
    }, (place) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* reasonOf("none.md"), "DocNotFound")
        assert.strictEqual(yield* reasonOf(".env"), "DocNotFound")
        assert.strictEqual(yield* reasonOf("sub.md"), "DocNotFound")
        assert.strictEqual(yield* reasonOf("loop.md"), "DocNotFound")
        assert.strictEqual(yield* reasonOf("b.md"), "DocUnreadable")
        assert.strictEqual(yield* reasonOf("out.md"), "OutsideFolder")
        assert.strictEqual(yield* reasonOf("../outside/secret.md"), "OutsideFolder")
        assert.strictEqual(yield* reasonOf(`${place.base}/outside/secret.md`), "OutsideFolder")
        assert.strictEqual(yield* reasonOf("/etc/hosts.md"), "OutsideFolder")
        assert.strictEqual((yield* readOf("in.md")).text, "x")
        const { failure } = yield* read("none.md")
        assert.notInclude(failure!.message, place.base)
      }), { "secret.md": "canary" }))
})

describe("layers", () => {
  it.effect("a folder that cannot be used fails the layer", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Search.layer({ folder: "/no/such/folder" }))))
      assert.deepStrictEqual([error._tag, error.reason], ["RootUnusable", "NotFound"])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("layerFromEnv - reads DOCS_FOLDER and DOCS_INDEX", () =>
    Effect.gen(function*() {
      const base = yield* workspace(docs)
      const fs = yield* FileSystem.FileSystem
      const env = { DOCS_FOLDER: `${base}/inside`, DOCS_INDEX: `${base}/index.json` }
      const layer = Layer.provide(Search.layerFromEnv, ConfigProvider.layer(ConfigProvider.fromUnknown(env)))
      assert.deepStrictEqual(yield* Effect.provide(placesOf("plants"), layer), ["notes.txt:1"])
      assert.isTrue(yield* fs.exists(`${base}/index.json`))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

const isLong = process.env["VOLLEY_LONG"] !== undefined
const count = isLong ? 10_000 : 1000

describe("many documents", () => {
  // Real time: what is promised is how long it takes.
  it.live(
    `${count} documents are indexed in seconds, searched at once, and read from the file faster`,
    () =>
      Effect.gen(function*() {
        const base = yield* workspace({})
        const fs = yield* FileSystem.FileSystem
        let seed = 7
        const word = () => `word${(seed = seed * 1103515245 + 12345 & 0x7fffffff) % 5000}`
        const text = (i: number) =>
          Array.from(
            { length: 4 },
            (_, s) => `## Section ${s} of ${i}\n\n${Array.from({ length: 60 }, word).join(" ")}\n`
          ).join("\n")
        for (let d = 0; d < 100; d++) yield* fs.makeDirectory(`${base}/inside/d${d}`)
        yield* Effect.forEach(
          Array.from({ length: count }, (_, i) => i),
          (i) =>
            fs.writeFileString(`${base}/inside/d${i % 100}/doc${i}.md`, i === 777 ? `${text(i)}\nneedle` : text(i)),
          { concurrency: 16, discard: true }
        )
        const options = { folder: `${base}/inside`, index: `${base}/index.json` }
        const searches = Effect.gen(function*() {
          const found = yield* placesOf("needle word1")
          assert.strictEqual(found[0]?.split(":")[0], "d77/doc777.md")
          const started = performance.now()
          yield* placesOf("word1 word2 word3")
          return performance.now() - started
        })
        const started = performance.now()
        const search = yield* Effect.provide(searches, Search.layer(options))
        const cold = performance.now() - started
        const again = performance.now()
        yield* Effect.provide(searches, Layer.fresh(Search.layer(options)))
        const warm = performance.now() - again
        process.stderr.write(
          `${count} documents: indexed and searched in ${cold.toFixed(0)} ms, from the file ${
            warm.toFixed(0)
          } ms, a search ${search.toFixed(0)} ms\n`
        )
        assert.isBelow(cold, 30_000)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    120_000
  )
})
