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
    assert.deepStrictEqual(summarise({ a: { b: "x" }, c: [], d: [1, 2] }), [
      "a:",
      "  b: x",
      "c: none",
      "d:",
      "  - 1",
      "  - 2"
    ])
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
})
