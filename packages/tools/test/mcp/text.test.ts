import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as commandLine from "../../src/mcp/internal/commandLine.ts"
import { hashOf } from "../../src/mcp/internal/hash.ts"
import * as Lines from "../../src/mcp/internal/lines.ts"
import * as names from "../../src/mcp/internal/names.ts"

const rule = /^[a-zA-Z0-9_-]{1,64}$/
const texts = Schema.Array(Schema.String)

describe("names", () => {
  it.prop("any server and tool - within the rule, and apart where the originals are", [
    Schema.String,
    Schema.String,
    Schema.String,
    Schema.String
  ], ([server, tool, otherServer, otherTool]) => {
    const one = names.ofTool(names.ofServer(server), tool)
    const other = names.ofTool(names.ofServer(otherServer), otherTool)
    assert.match(one, rule)
    assert.strictEqual(one, names.ofTool(names.ofServer(server), tool))
    assert.strictEqual(one === other, server === otherServer && tool === otherTool)
  })

  it("a name that fits stays, one that is cut or changed ends in a hash of its own", () => {
    const of = (server: string, tool: string) => names.ofTool(names.ofServer(server), tool)
    assert.strictEqual(of("files", "read_file"), "files__read_file")
    assert.notStrictEqual(of("a_", "b"), of("a", "_b"))
    assert.notStrictEqual(of("a__b", "c"), of("a", "b__c"))
    assert.notStrictEqual(of("a", "b c"), of("a", "b.c"))
    assert.strictEqual(of("a", "x".repeat(100)).length, 64)
    assert.notStrictEqual(of("a", "x".repeat(100)), of("a", "x".repeat(101)))
  })

  it("a command is called after what it runs, not after what runs it", () => {
    const named = (...words: ReadonlyArray<string>) => names.ofCommand(words).replace(/-[0-9a-f]{4}$/, "")
    assert.strictEqual(named("npx", "-y", "@modelcontextprotocol/server-memory@2026.8.31"), "server-memory")
    assert.strictEqual(named("/usr/bin/node", "/srv/server-memory/dist/index.js"), "server-memory")
    assert.strictEqual(named("docker", "run", "-i", "mcp/fetch"), "fetch")
    assert.strictEqual(named("/opt/tickets"), "tickets")
    assert.notStrictEqual(names.ofCommand(["files", "/a"]), names.ofCommand(["files", "/b"]))
  })
})

describe("commandLine", () => {
  it.prop("words in single quotes come back as they are", [texts], ([words]) => {
    const plain = words.map((word) => word.replaceAll("'", ""))
    assert.deepStrictEqual(commandLine.split(plain.map((word) => `'${word}'`).join(" ")), plain)
  })

  it("quotes, escapes and what has no end", () => {
    assert.deepStrictEqual(commandLine.split(`node  "a b"'c'd\\ e "x\\"y" '' $HOME;ls`), [
      "node",
      "a bcd e",
      `x"y`,
      "",
      "$HOME;ls"
    ])
    for (const line of [`a "b`, `a 'b`, "a\\"]) assert.isUndefined(commandLine.split(line), line)
  })
})

describe("lines", () => {
  it.prop("however a text is cut into chunks, its lines are the same", [texts, Schema.Int], ([parts, seed]) => {
    const text = parts.map((part) => part.replaceAll("\n", "").toWellFormed()).join("\n")
    const bytes = Buffer.from(`${text}\n`)
    const split = Lines.make(1024 * 1024)
    const size = 1 + Math.abs(seed % 5)
    const found = Array.from(
      { length: Math.ceil(bytes.length / size) },
      (_, i) => split(Uint8Array.from(bytes.subarray(i * size, (i + 1) * size)))
    ).flat()
    assert.deepStrictEqual(found.map((line) => line.text), text.split("\n"))
  })

  it("of a line that is too long the ends are kept, and the next one is whole", () => {
    const split = Lines.make(10_000)
    const chunk = Buffer.from("x".repeat(4000))
    const found = [Buffer.from("HEAD"), ...Array.from({ length: 100 }, () => chunk), Buffer.from("TAIL\nnext\n")]
      .flatMap((one) => split(one))
    assert.strictEqual(found.length, 2)
    assert.isFalse(found[0]?.isWhole)
    assert.isTrue(found[0]?.text.startsWith("HEAD") && found[0].text.endsWith("TAIL"))
    assert.isAtMost(found[0]?.text.length ?? 0, 16 * 1024)
    assert.deepStrictEqual(found[1], { text: "next", isWhole: true })
  })
})

describe("hashOf", () => {
  it("is the same for any order of keys, and another for any other value", () => {
    assert.strictEqual(hashOf({ a: 1, b: { d: [1, 2], c: 2 } }), hashOf({ b: { c: 2, d: [1, 2] }, a: 1 }))
    const values = [{ a: 1 }, { a: "1" }, { a: [1] }, { b: 1 }, {}, JSON.parse(`{"__proto__":1}`) as object]
    assert.strictEqual(new Set(values.map(hashOf)).size, values.length)
  })
})
