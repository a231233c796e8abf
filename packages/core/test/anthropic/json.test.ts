import type { MessageCreateParamsStreaming } from "@anthropic-ai/sdk/resources/messages"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as Json from "../../src/anthropic/internal/json.ts"
import { json, oneOf, utf16 } from "../support/arbitraries.ts"

const written = (body: unknown): string => Json.stringify(body as MessageCreateParamsStreaming)

const list = <A>(item: Arbitrary.Arbitrary<A>) => Arbitrary.array(item, { maxLength: 4 })
const textBlock = Arbitrary.map(utf16(), (text) => ({ type: "text", text }))
const toolUse = Arbitrary.map(Arbitrary.all([utf16(6), json(2)]), ([id, input]) => ({ type: "tool_use", id, input }))
const blocks = Arbitrary.map(
  Arbitrary.all([list(textBlock), list(toolUse)]),
  ([texts, calls]): ReadonlyArray<object> => [...texts, ...calls]
)
const content = Arbitrary.flatMap(
  oneOf([true, false]),
  (plain): Arbitrary.Arbitrary<string | ReadonlyArray<object>> => plain ? utf16() : blocks
)
const message = Arbitrary.map(
  Arbitrary.all([oneOf(["user", "assistant", "system"]), content]),
  ([role, content]) => ({ role, content })
)
const tool = Arbitrary.map(Arbitrary.all([utf16(6), json(2)]), ([name, input_schema]) => ({ name, input_schema }))
const body = Arbitrary.map(
  Arbitrary.all([utf16(8), list(message), list(tool), list(textBlock), oneOf([true, false])]),
  ([model, messages, tools, system, bare]) => ({
    model,
    max_tokens: 5,
    stop_sequences: undefined,
    ...(!bare && { tools, system }),
    messages,
    stream: true
  })
)

describe("json", () => {
  it.effect.prop(
    "stringify - gives the well-formed body as JSON, the first time and again",
    [body],
    ([value]) =>
      Effect.sync(() => {
        const expected = JSON.stringify(Json.wellFormed(value))
        assert.strictEqual(written(value), expected)
        assert.strictEqual(written(value), expected)
        assert.strictEqual(written(structuredClone(value)), expected)
      })
  )

  it("stringify - a body grows by what is new: a block that was written is not read again", () => {
    let reads = 0
    const counted = {
      type: "text",
      get text() {
        reads++
        return "Hello"
      }
    }
    const messages = [{ role: "user", content: [counted] }]
    written({ messages })
    const after = reads
    assert.isAbove(after, 0)
    written({ messages: [...messages, { role: "assistant", content: [{ type: "text", text: "Hi" }] }] })
    assert.strictEqual(reads, after)
  })
})
