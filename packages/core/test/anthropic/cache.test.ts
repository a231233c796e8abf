import type { MessageParam } from "@anthropic-ai/sdk/resources/messages"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as Cache from "../../src/anthropic/internal/cache.ts"
import { oneOf } from "../support/arbitraries.ts"

const text = (value: string) => ({ type: "text", text: value } as const)
const user = (...content: ReadonlyArray<object>): MessageParam => ({ role: "user", content: [...content] as never })
const assistant = (...content: ReadonlyArray<object>): MessageParam => ({
  role: "assistant",
  content: [...content] as never
})
const marked = { cache_control: { type: "ephemeral" } } as const
const policy = { ttl: "5 minutes" } as const

const tools = [{ name: "a", input_schema: { type: "object" as const } }, {
  name: "b",
  input_schema: { type: "object" as const }
}]
const call = (id: string) => ({ type: "tool_use", id, name: "a", input: {} })
const result = (id: string, content: unknown = "x") => ({ type: "tool_result", tool_use_id: id, content })

const marksIn = (value: unknown): number => JSON.stringify(value).split("\"cache_control\"").length - 1

describe("cache", () => {
  it("place - marks the last tool, the last system text and the ends of the last two user messages", () => {
    const messages = [
      user(text("one")),
      assistant(call("1"), call("2")),
      user(result("1"), result("2")),
      assistant(call("3")),
      user(result("3"))
    ]
    assert.deepStrictEqual(Cache.place({ messages, system: [text("s1"), text("s2")], tools }, policy), {
      messages: [
        user(text("one")),
        assistant(call("1"), call("2")),
        user(result("1"), { ...result("2"), ...marked }),
        assistant(call("3")),
        user({ ...result("3"), ...marked })
      ],
      system: [text("s1"), { ...text("s2"), ...marked }],
      tools: [tools[0]!, { ...tools[1]!, ...marked }]
    })
  })

  it("place - an hour is said in every mark", () => {
    const sent = Cache.place({ messages: [user(text("one"))], system: [text("s")], tools }, { ttl: "1 hour" })
    assert.strictEqual(JSON.stringify(sent).split("{\"type\":\"ephemeral\",\"ttl\":\"1h\"}").length - 1, 3)
    assert.strictEqual(marksIn(sent), 3)
  })

  it("place - takes marks away from what is sent again, also inside a tool result", () => {
    const messages = [
      user({ ...text("one"), ...marked }),
      assistant({ ...text("two"), ...marked }),
      user({ ...result("1", [{ ...text("inner"), ...marked }, text("kept")]), ...marked }),
      assistant(text("three")),
      user(text("four"))
    ]
    const bare = [
      user(text("one")),
      assistant(text("two")),
      user(result("1", [text("inner"), text("kept")])),
      assistant(text("three")),
      user(text("four"))
    ]
    assert.deepStrictEqual(Cache.place({ messages }, false), { messages: bare })
    assert.deepStrictEqual(Cache.place({ messages }, policy), Cache.place({ messages: bare }, policy))
  })

  it("place - without a policy and without marks everything stays the same object", () => {
    const body = { messages: [user(text("one"), result("1", [text("x")]))], tools }
    assert.strictEqual(Cache.place(body, false), body)
  })

  it("place - what is not marked stays the same object", () => {
    const messages = [
      user(text("one")),
      assistant(text("two")),
      user(result("1"), text("three")),
      assistant(text("four")),
      user(text("five"))
    ]
    const sent = Cache.place({ messages }, policy)
    assert.strictEqual(sent.messages[0], messages[0])
    assert.strictEqual(sent.messages[1], messages[1])
    assert.strictEqual(sent.messages[2]?.content[0], messages[2]?.content[0])
  })

  it("place - marks the last block that can be: no blank text, no block of an unknown type", () => {
    const sent = Cache.place({ messages: [user(text("one"), text(" \n"), { type: "container_upload" })] }, policy)
    assert.deepStrictEqual(sent.messages, [
      user({ ...text("one"), ...marked }, text(" \n"), { type: "container_upload" })
    ])
    assert.strictEqual(marksIn(Cache.place({ messages: [user(text(" "))] }, policy)), 0)
  })

  it("place - messages of the system between do not count as turns, and a result with images is marked as a whole", () => {
    const image = { type: "image", source: { type: "url", url: "https://example.com/a.png" } }
    const note = { role: "system", content: [text("note")] } as MessageParam
    const messages = [
      user(text("one")),
      assistant(call("1")),
      user(result("1", [text("seen"), image])),
      note,
      assistant(call("2")),
      user(result("2", [image])),
      note
    ]
    const sent = Cache.place({ messages, system: [text("s")], tools }, policy)
    assert.strictEqual(marksIn(sent), 4)
    assert.deepStrictEqual(sent.messages.map(marksIn), [0, 0, 1, 0, 0, 1, 0])
    assert.deepStrictEqual(sent.messages[5], user({ ...result("2", [image]), ...marked }))
  })

  it("place - from turn to turn the marks move on, and each turn finds what the one before it wrote", () => {
    const turn = (n: number) => [assistant(call(`${n}`)), user(result(`${n}`))]
    let messages: Array<MessageParam> = [user(text("go"))]
    let written = -1
    for (let n = 0; n < 9; n++) {
      const sent = Cache.place({ messages }, policy).messages
      const marks = sent.flatMap((message, index) => marksIn(message) === 0 ? [] : [index])
      assert.isAtMost(marks.length, 2)
      assert.strictEqual(marks.at(-1), messages.length - 1)
      if (written >= 0) assert.include(marks, written)
      written = messages.length - 1
      // what was sent is the next history, marks and all
      messages = [...sent, ...turn(n)]
    }
  })

  const block = oneOf<object>([
    text("x"),
    text(""),
    { ...text("y"), ...marked },
    result("1"),
    { ...result("2", [{ ...text("z"), ...marked }]), ...marked }
  ])
  const message = Arbitrary.map(
    Arbitrary.all([oneOf([user, assistant]), Arbitrary.array(block, { maxLength: 4 })]),
    ([from, blocks]) => from(...blocks)
  )

  it.effect.prop(
    "place - there are never more than four marks, and placing again changes nothing",
    [Arbitrary.array(message, { maxLength: 9 }), oneOf([true, false]), oneOf([true, false])],
    ([messages, hasTools, hasSystem]) =>
      Effect.sync(() => {
        const body = { messages, ...(hasTools && { tools }), ...(hasSystem && { system: [text("s")] }) }
        const once = Cache.place(body, policy)
        assert.isAtMost(marksIn(once), 4)
        assert.deepStrictEqual(Cache.place({ ...body, messages: once.messages }, policy), once)
      })
  )
})
