import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { index, type Indexed, rank, type Vocabulary } from "../../src/search/internal/ranking.ts"
import { endOf, headingsOf, linesOf, sectionsOf } from "../../src/search/internal/sections.ts"
import { snippet } from "../../src/search/internal/snippet.ts"
import { words } from "../../src/search/internal/words.ts"

describe("words", () => {
  const cases: ReadonlyArray<readonly [text: string, words: ReadonlyArray<string>]> = [
    ["Rotate the KEYS, now!", ["rotate", "the", "keys", "now"]],
    ["Café café CAFE\u0301", ["cafe", "cafe", "cafe"]],
    ["maxResultSize read_file HTTP2Server", ["max", "result", "size", "read", "file", "http2", "server"]],
    ["Straße Ёлка Σίσυφος", ["straße", "елка", "σισυφος"]],
    ["हिन्दी भाषा", ["हिन्दी", "भाषा"]],
    ["東京都 カタカナ a", ["東京", "京都", "カタ", "タカ", "カナ", "a"]],
    ["東", ["東"]],
    ["東京tower塔", ["東京", "tower", "塔"]],
    ["한국어 문서", ["한국어", "문서"]],
    ["ﬁle Ⅳ １２３", ["file", "iv", "123"]],
    ["… — 🙂 ---", []],
    ["", []]
  ]
  for (const [text, expected] of cases) {
    it(`of ${JSON.stringify(text)}`, () => assert.deepStrictEqual(words(text), expected))
  }

  it.prop("are never empty and well-formed where the text is", [Schema.String], ([text]) => {
    for (const word of words(text.toWellFormed())) {
      assert.isAbove(word.length, 0)
      assert.isAtMost(Array.from(word).length, 64)
    }
  })
})

const markdown = `---
title: Not a heading
---
Before.

# One

Text of one.

\`\`\`sh
# not a heading
~~~
\`\`\`

~~~md
## nor this
~~~~

Two
---

Text of two.

### Three ###

| a |
|---|

- item
---

# Four
#no heading
####### nor this
`

describe("sections", () => {
  it("headingsOf - ATX and underlined, not in code, front matter, tables or lists", () => {
    const found = headingsOf(linesOf(markdown)).map(({ level, text }) => [level, text])
    assert.deepStrictEqual(found, [[1, "One"], [2, "Two"], [3, "Three"], [1, "Four"]])
  })

  it("sectionsOf - each with the headings above it, all lines once and in order", () => {
    const lines = linesOf(markdown)
    const sections = sectionsOf(lines, headingsOf(lines))
    assert.deepStrictEqual(sections.map(({ headings }) => headings), [
      [],
      ["One"],
      ["One", "Two"],
      ["One", "Two", "Three"],
      ["Four"]
    ])
    assert.deepStrictEqual(sections.map(({ line }) => lines[line - 1]), [
      "---",
      "# One",
      "Two",
      "### Three ###",
      "# Four"
    ])
    sections.forEach(({ end }, i) => assert.strictEqual(end, (sections[i + 1]?.line ?? lines.length + 1) - 1))
  })

  it("sectionsOf - divides what is long, at an empty line where there is one", () => {
    const long = Array.from({ length: 250 }, (_, i) => i === 89 ? "" : `line ${i + 1}`)
    assert.deepStrictEqual(sectionsOf(long, []).map(({ end, line }) => [line, end]), [[1, 90], [91, 190], [191, 250]])
    assert.deepStrictEqual(sectionsOf(["", " "], []), [])
    assert.deepStrictEqual(sectionsOf([], []), [])
  })

  it("endOf - a section ends with its subsections", () => {
    const lines = linesOf("# A\n## B\nb\n## C\n# D\n")
    const headings = headingsOf(lines)
    assert.deepStrictEqual([1, 2, 3, 4, 5].map((line) => endOf(lines.length, headings, line)), [4, 3, 3, 4, 5])
    assert.strictEqual(endOf(9, [], 3), 9)
  })

  it("linesOf - of any line end", () => {
    assert.deepStrictEqual(linesOf("a\r\nb\rc\n\nd"), ["a", "b", "c", "", "d"])
    assert.deepStrictEqual(linesOf("a\n"), ["a"])
  })

  it.prop("cover every line that is not blank exactly once, whatever the text", [
    Schema.Array(Schema.Literals(["# a", "## b", "text", "", "---", "===", "```", "~~~", "- x", "####"]))
      .check(Schema.isMaxLength(300))
  ], ([lines]) => {
    const seen = sectionsOf(lines, headingsOf(lines)).flatMap(({ end, line }) =>
      Array.from({ length: end - line + 1 }, (_, i) => line + i)
    )
    assert.deepStrictEqual(seen, [...new Set(seen)].toSorted((a, b) => a - b))
    lines.forEach((line, i) => line.trim() === "" || assert.include(seen, i + 1))
  })
})

const build = (texts: Readonly<Record<string, string>>) => {
  const vocabulary: Vocabulary = new Map()
  const documents = Object.entries(texts).map(([path, text]): readonly [string, ReadonlyArray<Indexed>] => [
    path,
    [index(vocabulary, path, { line: 1, end: 1, headings: [] }, text)]
  ])
  return { documents, vocabulary }
}

const ranked = (texts: Readonly<Record<string, string>>, query: string, folder?: string) => {
  const { documents, vocabulary } = build(texts)
  return rank(documents, vocabulary, query, { limit: 20, folder }).best.map(({ path, score }) => [path, score] as const)
}

describe("rank", () => {
  it("scores are those of BM25", () => {
    // paths have no words of their own: "-" is none
    const texts = { "-": "cat", "--": "cat cat dog", "---": "dog bird", "----": "bird bird bird bird" }
    // N = 4, average length = 10 / 4; idf(cat) = ln(1 + 2.5 / 2.5), idf(bird) the same
    const idf = Math.log(2)
    const bm25 = (count: number, length: number) => idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / 2.5))
    const close = (
      actual: ReadonlyArray<readonly [string, number]>,
      expected: ReadonlyArray<readonly [string, number]>
    ) => {
      assert.deepStrictEqual(actual.map(([path]) => path), expected.map(([path]) => path))
      actual.forEach(([, score], i) => assert.closeTo(score, expected[i]![1], 1e-12))
    }
    close(
      ranked(texts, "cat"),
      [["-", bm25(1, 1)], ["--", bm25(2, 3)]].toSorted((a, b) => Number(b[1]) - Number(a[1])) as never
    )
    close(ranked(texts, "bird Bird"), [["----", bm25(4, 4)], ["---", bm25(1, 2)]])
    const both = ranked(texts, "cat dog")
    assert.strictEqual(both[0]?.[0], "--")
    assert.closeTo(both[0]![1], bm25(2, 3) + bm25(1, 3), 1e-12)
    // computed by hand: ln 2 * 2.2 / (1 + 1.2 * 0.55)
    assert.closeTo(ranked(texts, "cat").find(([path]) => path === "-")![1], 0.91862879, 1e-8)
    assert.deepStrictEqual(ranked(texts, "fish"), [])
    assert.deepStrictEqual(ranked(texts, "…"), [])
    assert.deepStrictEqual(ranked({}, "cat"), [])
  })

  it("a rare word says more than a frequent one, a short text more than a long one", () => {
    const texts = {
      a: "key key key rotation",
      b: "key key key key",
      c: "key key key value",
      d: `key rotation ${"filler ".repeat(200)}`
    }
    assert.deepStrictEqual(ranked(texts, "key rotation").map(([path]) => path).slice(0, 2), ["a", "d"])
  })

  it("words of headings and of the path count", () => {
    const vocabulary: Vocabulary = new Map()
    const section = (path: string, headings: ReadonlyArray<string>) =>
      [path, [index(vocabulary, path, { line: 1, end: 1, headings }, "about several things")]] as const
    const documents = [section("x.md", []), section("y.md", ["Backups"]), section("backups.md", [])]
    const found = rank(documents, vocabulary, "backups", { limit: 9, folder: undefined }).best.map(({ path }) => path)
    assert.deepStrictEqual(found, ["y.md", "backups.md"])
  })

  it("equal scores are in the order of path and line, whatever the order of the documents", () => {
    const texts = { "b.md": "cat", "a.md": "cat", "c/a.md": "dog", "a/b.md": "cat x" }
    const expected = ranked(texts, "cat")
    const reversed = ranked(Object.fromEntries(Object.entries(texts).toReversed()), "cat")
    assert.deepStrictEqual(reversed, expected)
    assert.deepStrictEqual(expected.map(([path]) => path).slice(0, 2), ["a.md", "b.md"])
  })

  it("a folder keeps the scores and leaves out what is not in it", () => {
    const texts = { "a/x.md": "cat", "ab/x.md": "cat", "a.md": "cat", "a/b/y.md": "cat dog" }
    const all = ranked(texts, "cat")
    assert.deepStrictEqual(ranked(texts, "cat", "a"), all.filter(([path]) => path.startsWith("a/")))
  })
})

describe("snippet", () => {
  const lines = ["# Keys", "", "Keys are made once.", "They are kept.", "Rotate a key", "every month.", "", "End"]

  it("the lines with the most words of the query, with their numbers", () => {
    assert.strictEqual(snippet(lines, 1, 8, "rotate month"), "5: Rotate a key\n6: every month.")
    assert.strictEqual(snippet(lines, 3, 4, "rotate"), "3: Keys are made once.\n4: They are kept.")
    assert.strictEqual(snippet(lines, 8, 8, "x"), "8: End")
  })

  it("cuts long lines by characters", () => {
    const text = snippet([`${"😀".repeat(500)} key`], 1, 1, "key")
    assert.isTrue(text.isWellFormed())
    assert.strictEqual(Array.from(text).length, "1: ".length + 241)
  })
})
