import { assert, describe, it } from "@effect/vitest"
import { callText, failureText, summarise } from "../../src/offline/internal/summary.ts"

describe("summary", () => {
  it("summarise - shows scalars, text and JSON in text", () => {
    assert.deepStrictEqual(summarise(7), ["7"])
    assert.deepStrictEqual(summarise(null), ["null"])
    assert.deepStrictEqual(summarise(undefined), ["nothing"])
    assert.deepStrictEqual(summarise("a\nb"), ["a", "b"])
    assert.deepStrictEqual(summarise(""), ["(empty text)"])
    assert.deepStrictEqual(summarise("{\"a\":1}"), ["a: 1"])
    assert.deepStrictEqual(summarise("{broken"), ["{broken"])
  })

  it("summarise - shows nested fields indented", () => {
    assert.deepStrictEqual(summarise({ a: { b: "x" }, d: [1, 2] }), [
      "a:",
      "  b: x",
      "d:",
      "  - 1",
      "  - 2"
    ])
  })

  it("summarise - leaves out fields that say nothing beside entries or a text", () => {
    const nothing = { skipped: 0, more: false, note: "", next: null }
    assert.deepStrictEqual(summarise({ ...nothing, errors: [], found: ["x"], seen: 3 }), ["found: - x", "seen: 3"])
    assert.deepStrictEqual(summarise({ text: "a\nb", ...nothing }), ["text:", "  a", "  b"])
    assert.deepStrictEqual(summarise({ found: [], ...nothing, seen: 3 }), ["found: none", "seen: 3"])
  })

  it("summarise - keeps what is false or zero where it is the finding", () => {
    assert.deepStrictEqual(summarise({ service: "api", healthy: false, errors: 0 }), [
      "service: api",
      "healthy: false",
      "errors: 0"
    ])
    assert.deepStrictEqual(summarise([{ id: 1, up: false }, { id: 2, up: true }]), ["id  up", "1   false", "2   true"])
  })

  it("summarise - shows one flat record of a list as a row, with room in the last column", () => {
    const text = "x".repeat(90)
    assert.deepStrictEqual(summarise({ found: [{ path: "a", line: 1, text }] }), [
      "found:",
      "  path  line  text",
      `  a     1     ${text}`
    ])
    assert.deepStrictEqual(summarise([{ name: "x" }]), ["- name: x"])
  })

  it("summarise - shows records as a table, missing fields empty", () => {
    assert.deepStrictEqual(summarise([{ pod: "api", up: true }, { pod: "web-1" }]), [
      "pod    up",
      "api    true",
      "web-1"
    ])
  })

  it("summarise - cuts long text and says how much is left", () => {
    const lines = summarise("x".repeat(1300))
    assert.deepStrictEqual(lines, ["x".repeat(1200), "… (100 more characters)"])
  })

  it("summarise - cuts long tables and lists and says how much is left", () => {
    const rows = Array.from({ length: 12 }, (_, i) => ({ a: i, b: i, c: i, d: i, e: i, f: i, g: i }))
    assert.strictEqual(summarise(rows).at(-1), "… (2 more rows, 1 more column)")
    assert.strictEqual(summarise(rows).length, 12)
    assert.strictEqual(summarise(Array.from({ length: 13 }, (_, i) => i)).at(-1), "… (1 more item)")
  })

  it("summarise - shows records that are too wide for a table one below the other, blank fields left out", () => {
    const rows = [
      { name: "n".repeat(40), status: "s".repeat(30), ready: "0/1", reason: "a long story" },
      { name: "m".repeat(40), status: "t".repeat(30), ready: "1/1" }
    ]
    assert.deepStrictEqual(summarise(rows), [
      "n".repeat(40),
      `  status: ${"s".repeat(30)} · ready: 0/1 · reason: a long story`,
      "m".repeat(40),
      `  status: ${"t".repeat(30)} · ready: 1/1`
    ])
  })

  it("summarise - leaves out what the reader knows, unless nothing else is there", () => {
    const isKnown = (name: string, value: unknown): boolean => name === "city" && value === "Oslo"
    assert.deepStrictEqual(summarise({ city: "Oslo", days: [{ city: "Oslo", sky: "clear" }] }, isKnown), [
      "days: - sky: clear"
    ])
    assert.deepStrictEqual(summarise({ city: "Bergen", sky: "rain" }, isKnown), ["city: Bergen", "sky: rain"])
    assert.deepStrictEqual(summarise({ city: "Oslo" }, isKnown), ["city: Oslo"])
  })

  it("failureText - finds the message", () => {
    assert.strictEqual(failureText("no such\n city"), "no such city")
    assert.strictEqual(failureText({ _tag: "X", error: { message: "gone" } }), "gone")
    assert.strictEqual(failureText({ code: 5 }), "{\"code\":5}")
  })

  it("callText - writes the arguments, long ones cut", () => {
    assert.strictEqual(callText("get", { a: "x", b: [1] }), "get(a: \"x\", b: [1])")
    assert.isBelow(callText("get", { a: "x".repeat(500) }).length, 70)
    assert.strictEqual(callText("get", "raw"), "get()")
  })

  it("callText - shows of long arguments in what they differ", () => {
    const query = (pod: string) =>
      `sum by (pod) (container_memory_working_set_bytes{namespace="production",pod="${pod}"})`
    const calls = ["api-1", "worker-2"].map((pod) => ({ query: query(pod), range: "5m" }))
    assert.strictEqual(callText("ask", calls[0], [calls[1]]), "ask(query: \"…api-1…\", range: \"5m\")")
    assert.strictEqual(callText("ask", { query: "short" }, [{ query: "shore" }]), "ask(query: \"short\")")
  })
})
