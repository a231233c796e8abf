import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Prompt } from "effect/ai"
import { Base64 } from "effect/encoding"
import * as Convert from "../../src/anthropic/internal/prompt.ts"

const convert = (prompt: Prompt.RawInput, model = "claude-opus-5") => Convert.convert(Prompt.make(prompt), model)

const messages = (prompt: Prompt.RawInput, model?: string) => Result.getOrThrow(convert(prompt, model)).messages

type File = Pick<Prompt.FilePartEncoded, "data" | "mediaType" | "fileName">

const file = (part: File): Prompt.FilePartEncoded => ({ type: "file", ...part })

const asked = (...parts: ReadonlyArray<File>): Prompt.RawInput => [{ role: "user", content: parts.map(file) }]

const call: Prompt.MessageEncoded = {
  role: "assistant",
  content: [{ type: "tool-call", id: "toolu_1", name: "look", params: {}, providerExecuted: false }]
}

const answered = (...parts: ReadonlyArray<File>): Prompt.RawInput => [
  { role: "user", content: "Look" },
  call,
  {
    role: "tool",
    content: [{
      type: "tool-result",
      id: "toolu_1",
      name: "look",
      result: "unused",
      isFailure: false,
      providerExecuted: false,
      modelOutput: [{ type: "text", text: "Seen:" }, ...parts.map(file)]
    }]
  }
]

const png = new Uint8Array([137, 80, 78, 71])
const base64 = Base64.encode(png)

const image = { type: "image", source: { type: "base64", media_type: "image/png", data: base64 } }

describe("files", () => {
  const cases: ReadonlyArray<readonly [string, File, object]> = [
    ["an image of bytes", { mediaType: "image/png", data: png }, image],
    ["an image in Base64", { mediaType: "image/png", data: base64 }, image],
    ["an image in a data address", { mediaType: "image/png", data: `data:image/png;base64,${base64}` }, image],
    ["an image in a data URL", { mediaType: "image/png", data: new URL(`data:image/png;base64,${base64}`) }, image],
    [
      "an image at an address",
      { mediaType: "image/webp", data: new URL("https://example.com/a.webp") },
      { type: "image", source: { type: "url", url: "https://example.com/a.webp" } }
    ],
    [
      "a PDF of bytes, with its name",
      { mediaType: "application/pdf", data: png, fileName: "a.pdf" },
      {
        type: "document",
        source: { type: "base64", media_type: "application/pdf", data: base64 },
        title: "a.pdf"
      }
    ],
    [
      "a PDF at an address",
      { mediaType: "application/pdf", data: "https://example.com/a.pdf" },
      { type: "document", source: { type: "url", url: "https://example.com/a.pdf" } }
    ],
    [
      "plain text of bytes",
      { mediaType: "text/plain", data: new TextEncoder().encode("Hé🐟"), fileName: "a.txt" },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "Hé🐟" }, title: "a.txt" }
    ],
    [
      "plain text in Base64",
      { mediaType: "text/plain", data: Base64.encode("words") },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "words" } }
    ]
  ]

  for (const [name, part, block] of cases) {
    it(`user message, tool result - ${name}`, () => {
      assert.deepStrictEqual(messages(asked(part))[0], { role: "user", content: [block] } as never)
      assert.deepStrictEqual(messages(answered(part))[2], {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "toolu_1", content: [{ type: "text", text: "Seen:" }, block] }]
      } as never)
    })
  }

  it("user message, tool result - what the API cannot take is refused, and the media type said", () => {
    const refused: ReadonlyArray<File> = [
      { mediaType: "image/tiff", data: png },
      { mediaType: "audio/mpeg", data: png },
      { mediaType: "text/plain", data: "https://example.com/a.txt" },
      { mediaType: "text/plain", data: "?" },
      { mediaType: "image/png", data: "data:image/png,%89PNG" }
    ]
    for (const part of refused) {
      for (const prompt of [asked(part), answered(part)]) {
        const reason = Result.getOrThrow(Result.flip(convert(prompt)))
        assert.strictEqual(reason._tag, "InvalidRequestError")
        assert.include(reason.message, part.mediaType === "text/plain" ? "text" : part.mediaType)
      }
    }
  })
})

describe("tool results", () => {
  it("the result of a tool of a toolset names the toolset", () => {
    const options = { anthropic: { info: { type: "tool_use", fields: { toolset_name: "browser" } } } }
    const calls = [
      { type: "tool-call", id: "a", name: "click", params: {}, providerExecuted: false, options },
      { type: "tool-call", id: "b", name: "look", params: {}, providerExecuted: false }
    ] as const
    const result = { type: "tool-result", name: "x", result: "ok", isFailure: false, providerExecuted: false } as const
    const all = messages([
      { role: "user", content: "Go" },
      { role: "assistant", content: calls },
      { role: "tool", content: [{ ...result, id: "b" }, { ...result, id: "a" }] }
    ])
    assert.deepStrictEqual(all[1]?.content, [
      { type: "tool_use", id: "a", name: "click", input: {}, toolset_name: "browser" },
      { type: "tool_use", id: "b", name: "look", input: {} }
    ])
    assert.deepStrictEqual(all[2]?.content, [
      { type: "tool_result", tool_use_id: "b", content: "ok" },
      { type: "tool_result", tool_use_id: "a", content: "ok", toolset_name: "browser" }
    ] as never)
  })
})

describe("system messages", () => {
  const late = (...after: ReadonlyArray<Prompt.MessageEncoded>): Prompt.RawInput => [
    { role: "system", content: "First" },
    { role: "user", content: "Question" },
    { role: "system", content: "Late" },
    { role: "system", content: "Later" },
    ...after
  ]

  it("those before the conversation become `system`, later ones stay where they were said", () => {
    for (const after of [[], [call]]) {
      const { messages, system } = Result.getOrThrow(convert(late(...after)))
      assert.deepStrictEqual(system, [{ type: "text", text: "First" }])
      assert.deepStrictEqual(messages.slice(0, 2), [
        { role: "user", content: [{ type: "text", text: "Question" }] },
        { role: "system", content: [{ type: "text", text: "Late" }, { type: "text", text: "Later" }] }
      ])
    }
  })

  it("one that the API would not take at its place, or from its model, is said in a user message", () => {
    const content = ["Question", "<system>\nLate\n</system>", "<system>\nLater\n</system>"]
    const texts = content.map((text) => ({ type: "text", text }))
    assert.deepStrictEqual(messages(late(), "claude-opus-4-5"), [{ role: "user", content: texts }] as never)
    const followed = messages(late({ role: "user", content: "More" }))
    assert.deepStrictEqual(followed, [{ role: "user", content: [...texts, { type: "text", text: "More" }] }] as never)
  })
})

describe("convert", () => {
  it("the blocks of a message are the same objects in each request that repeats it", () => {
    const first = Prompt.make(answered())
    const more = Prompt.concat(first, "And now?")
    const [before, after] = [first, more].map((prompt) => Result.getOrThrow(Convert.convert(prompt, "claude-test")))
    const blocksOf = ({ messages }: Convert.Conversation) => messages.flatMap<unknown>(({ content }) => content)
    const blocks = blocksOf(before!)
    const again = blocksOf(after!)
    assert.strictEqual(again.length, blocks.length + 1)
    blocks.forEach((block, index) => assert.strictEqual(again[index], block))
  })

  it("messages that are joined are joined anew with another one before them, and are one object with the same", () => {
    const messagesOf = (...parts: ReadonlyArray<Prompt.Message>) =>
      Result.getOrThrow(Convert.convert(Prompt.fromMessages(parts), "claude-test")).messages
    const [one, two, last] = ["one", "two", "last"].map((text) => Prompt.make(text).content[0]!)
    const [joined] = messagesOf(one!, last!)
    assert.strictEqual(messagesOf(one!, last!)[0], joined)
    const texts = (["two", "last"] as const).map((text) => ({ type: "text", text }))
    assert.deepStrictEqual<unknown>(messagesOf(two!, last!), [{ role: "user", content: texts }])
  })

  it("the container is that of the latest reply that names one", () => {
    const reply = (id: string): Prompt.MessageEncoded => ({
      role: "assistant",
      content: [
        { type: "text", text: "ok" },
        { type: "reasoning", text: "", options: { anthropic: { info: { type: "container", container: { id } } } } }
      ]
    })
    const { container } = Result.getOrThrow(
      convert([{ role: "user", content: "a" }, reply("c1"), { role: "user", content: "b" }, reply("c2"), {
        role: "user",
        content: "c"
      }, call])
    )
    assert.strictEqual(container, "c2")
  })
})
