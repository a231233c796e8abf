import { assert, describe, it } from "@effect/vitest"
import { ModelScript } from "@volley/core/testing"
import { Schema } from "effect"

const decode = Schema.decodeUnknownSync(ModelScript.Script, { onExcessProperty: "error" })

describe("ModelScript", () => {
  it.prop("Script - is plain data that survives JSON", [ModelScript.Script], ([script]) => {
    const json = JSON.parse(JSON.stringify(script))
    assert.deepStrictEqual(JSON.parse(JSON.stringify(decode(json))), json)
  })

  it("constructors - build what the schema accepts", () => {
    const hello = ModelScript.text("Hello", { chunkSize: 1, delay: "1 second", interval: 5 })
    const script = [
      hello,
      ModelScript.toolUse([{ name: "read" }, { id: "x", name: "read", partialJson: "{\"a" }]),
      ModelScript.refusal("cyber"),
      ModelScript.status(429, { retryAfter: "Wed, 21 Oct 2026 07:28:00 GMT" }),
      ModelScript.cut(hello, { afterEvents: 2 }),
      ModelScript.eof(hello),
      ModelScript.error(hello, { insideBlock: 0, errorType: "api_error", message: "x" }),
      ModelScript.stall(hello),
      ModelScript.faulty({ type: "rateLimit", retryAfter: "2 seconds", retryAfterIn: "date", shouldRetry: false }),
      ModelScript.faulty({ type: "cut", afterBytes: 7 }, hello)
    ]
    assert.deepStrictEqual(decode(script), script)
    assert.deepStrictEqual(script.map(ModelScript.isReply), [
      true,
      true,
      true,
      false,
      true,
      true,
      true,
      true,
      true,
      true
    ])
    assert.deepStrictEqual(script.at(-2), {
      content: [],
      fault: { type: "rateLimit", retryAfter: "2 seconds", retryAfterIn: "date", shouldRetry: false }
    })
  })

  it.each([
    ["no content and no status", {}],
    ["a status of success", { status: 200 }],
    ["an unknown block", { content: [{ type: "image" }] }],
    ["a chunk of nothing", { content: [], chunkSize: 0 }],
    ["a negative pause", { content: [], delay: -1 }],
    ["a pause in no unit", { content: [], delay: "5 moons" }],
    ["a negative pause as a text", { content: [], delay: "-5 seconds" }],
    ["a pause with an exponent", { content: [], delay: "1e3 millis" }],
    ["an unknown fault", { content: [], fault: { type: "fire" } }],
    ["a fault of value without its aspect", { content: [], fault: { type: "truncated" } }],
    ["an error inside an event", { content: [], fault: { type: "error", afterBytes: 3 } }],
    ["a result of the server's tools without a call", { content: [{ type: "web_search_tool_result", content: [] }] }],
    ["a misspelt option", { content: [], stop_reason: "end_turn" }]
  ])("Script - refuses %s", (_, step) => {
    assert.throws(() => decode([step]))
  })
})
