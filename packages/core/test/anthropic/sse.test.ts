import { Stream as SdkStream } from "@anthropic-ai/sdk/core/streaming"
import type { RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { type AiError, LanguageModel, type Response, Tool, Toolkit } from "effect/ai"
import { Anthropic } from "../../src/anthropic/index.ts"
import * as Sse from "../../src/anthropic/internal/sse.ts"
import * as Fixtures from "./fixtures.ts"
import * as Events from "./support/events.ts"

/** The bytes in pieces of `size`; a piece may end inside a character. */
const pieces = (bytes: Uint8Array, size: number): ReadableStream<Uint8Array> => {
  let position = 0
  return new ReadableStream({
    pull: (controller) => {
      if (position >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(position, position + size))
      position += size
    }
  })
}

const responseOf = (bytes: Uint8Array, size: number): globalThis.Response =>
  new globalThis.Response(pieces(bytes, size), { headers: { "content-type": "text/event-stream" } })

/** Clients that answer with these bytes: one that decodes as the SDK does, and one that decodes by itself. */
const clients = {
  create: (bytes: Uint8Array, size: number): Anthropic.Client => ({
    messages: {
      create: () =>
        Promise.resolve(
          SdkStream.fromSSEResponse<RawMessageStreamEvent>(responseOf(bytes, size), new AbortController())
        )
    }
  }),
  send: (bytes: Uint8Array, size: number): Anthropic.Client => ({
    messages: { create: () => Promise.reject(new Error("not this one")) },
    send: () => Promise.resolve(Sse.batches(responseOf(bytes, size)))
  })
}

const toolkit = Toolkit.make(Tool.make("search", { parameters: Schema.Struct({}) }))

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

const sse = (events: ReadonlyArray<object>, newline = "\n"): string =>
  events.map((event) =>
    [`event: ${(event as { readonly type: string }).type}`, `data: ${JSON.stringify(event)}`, "", ""].join(newline)
  ).join("")

type Received = { readonly parts: ReadonlyArray<Response.AnyPart>; readonly failure: AiError.AiError | undefined }

const receiveBy = (client: Anthropic.Client): Effect.Effect<Received> => {
  const parts: Array<Response.AnyPart> = []
  return LanguageModel.streamText({
    prompt: "Go",
    toolkit,
    disableToolCallResolution: true,
    toolCallValidation: "deferred"
  }).pipe(
    Stream.runForEach((part) => Effect.sync(() => parts.push(part))),
    Effect.provide(
      Layer.provide(Anthropic.model("claude-test", { retries: 0 }), Anthropic.layerClient(client))
    ),
    Effect.match({
      onFailure: (failure) => ({ parts, failure }),
      onSuccess: () => ({ parts, failure: undefined })
    })
  )
}

const sizes = (bytes: Uint8Array) => [1, 7, 509, bytes.length]

/** What a part says, without what `effect/ai` adds to each. */
const plain = (parts: ReadonlyArray<object>): unknown =>
  parts.map((part) =>
    JSON.parse(JSON.stringify(part, (key, value) => key === "metadata" && isEmpty(value) ? undefined : value))
  )

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0

const hologram = { type: "future_event", light: "🔦" }

const parts = (events: ReadonlyArray<object>) => Events.fold(events.map((event) => Events.event({ ...event }))).parts

const withPings = (events: ReadonlyArray<object>) => events.flatMap((event) => [event, { type: "ping" }])

describe.each(Object.entries(clients))("bytes to parts, by %s", (_, clientOf) => {
  const receive = (bytes: Uint8Array, size: number) => receiveBy(clientOf(bytes, size))

  const whole = withPings([...Fixtures.reply(Fixtures.all).slice(0, -1), hologram, { type: "message_stop" }])

  for (const [name, newline] of [["LF", "\n"], ["CRLF", "\r\n"]] as const) {
    it.effect(`every block, delta and event gives the same parts however its bytes are cut, lines ended by ${name}`, () =>
      Effect.gen(function*() {
        const bytes = encode(sse(whole, newline))
        for (const size of sizes(bytes)) {
          const { failure, parts: received } = yield* receive(bytes, size)
          assert.isUndefined(failure)
          const seen = plain(received) as ReadonlyArray<Record<string, unknown>>
          const expected = plain(parts(whole)) as ReadonlyArray<Record<string, unknown>>
          assert.strictEqual(seen.length, expected.length, `pieces of ${size}`)
          seen.forEach((part, index) => assert.deepInclude(part, expected[index]!, `pieces of ${size}`))
        }
      }))
  }

  it.effect("text of many languages is whole wherever its bytes are cut", () =>
    Effect.gen(function*() {
      const text = "é 漢字 🐟👩‍👩‍👧 \u2028 \"\\ \r\n"
      const bytes = encode(sse(Events.textReply(text)))
      for (let size = 1; size <= 40; size++) {
        const { parts } = yield* receive(bytes, size)
        const deltas = parts.flatMap((part) => part.type === "text-delta" ? [part.delta] : [])
        assert.strictEqual(deltas.join(""), text, `pieces of ${size}`)
      }
    }))

  const errors: ReadonlyArray<readonly [type: string, tag: AiError.AiErrorReason["_tag"]]> = [
    ["invalid_request_error", "InvalidRequestError"],
    ["authentication_error", "AuthenticationError"],
    ["billing_error", "QuotaExhaustedError"],
    ["permission_error", "AuthenticationError"],
    ["not_found_error", "InvalidRequestError"],
    ["request_too_large", "InvalidRequestError"],
    ["rate_limit_error", "RateLimitError"],
    ["timeout_error", "InternalProviderError"],
    ["api_error", "InternalProviderError"],
    ["overloaded_error", "InternalProviderError"],
    ["an_error_of_tomorrow", "InternalProviderError"]
  ]

  it.effect("an error event fails with its reason, after the parts before it", () =>
    Effect.gen(function*() {
      for (const [type, tag] of errors) {
        const error = { type: "error", error: { type, message: "Überlast 🐟" }, request_id: "req_1" }
        const bytes = encode(sse([...Events.textReply("Hi").slice(0, 3), error]))
        for (const size of sizes(bytes)) {
          const { failure, parts } = yield* receive(bytes, size)
          assert.strictEqual(failure?.reason._tag, tag, `${type} in pieces of ${size}`)
          assert.deepStrictEqual(parts.map((part) => part.type), ["response-metadata", "text-start", "text-delta"])
        }
      }
    }))

  it.effect("a reply that ends after any of its events but the last fails", () =>
    Effect.gen(function*() {
      const events = Events.textReply("Hi")
      for (let count = 0; count < events.length; count++) {
        const { failure, parts } = yield* receive(encode(sse(events.slice(0, count))), 7)
        assert.strictEqual(failure?.reason._tag, "NetworkError", `${count} events`)
        assert.isFalse(parts.some((part) => part.type === "finish"))
      }
    }))

  it.effect("a reply whose bytes end anywhere before its last event fails", () =>
    Effect.gen(function*() {
      const bytes = encode(sse(Events.textReply("Hi🐟")))
      const end = bytes.length - encode(sse([Events.messageStop])).length
      for (let length = 0; length <= end; length += 3) {
        const { failure } = yield* receive(bytes.slice(0, length), 509)
        assert.isDefined(failure, `${length} bytes`)
      }
    }))

  it.effect("an event that is no JSON fails after the parts before it, though good ones follow", () =>
    Effect.gen(function*() {
      const events = Events.textReply("Hi")
      const bad = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"ind\n\n"
      const bytes = encode(sse(events.slice(0, 3)) + bad + sse(events.slice(3)))
      for (const size of sizes(bytes)) {
        const { failure, parts } = yield* receive(bytes, size)
        assert.strictEqual(failure?.reason._tag, "NetworkError", `pieces of ${size}`)
        assert.deepStrictEqual(parts.map((part) => part.type), ["response-metadata", "text-start", "text-delta"])
      }
    }))

  it.effect("an event at a wrong place fails, and is not sent again", () =>
    Effect.gen(function*() {
      const bytes = encode(sse([Events.messageStart(), Events.blockStop(4)]))
      const { failure } = yield* receive(bytes, 7)
      assert.strictEqual(failure?.reason._tag, "InvalidResponseError")
      assert.include(failure?.message, "a content_block_stop came for block 4, which is not open")
      assert.isFalse(failure?.isRetryable)
    }))
})
