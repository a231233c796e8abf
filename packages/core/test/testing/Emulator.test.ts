import { APIConnectionError, APIError, BadRequestError, OverloadedError, RateLimitError } from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import { Emulator, ModelScript } from "@volley/core/testing"
import { Clock, Deferred, Effect, Exit, Fiber, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import { client, events, post, question, request, until } from "./support/http.ts"

const streamed = { ...question, stream: true }

const plain = { "content-type": "application/json", "anthropic-version": "2026-10-21" }

const everyBlock = ModelScript.reply({
  content: [
    { type: "thinking", thinking: "Two cities, two calls.", signature: "c2lnbmF0dXJl" },
    { type: "redacted_thinking", data: "b3BhcXVl" },
    { type: "text", text: "I look at both 🏐." },
    { type: "tool_use", name: "get_weather", input: { city: "Oslo" } },
    { type: "tool_use", id: "toolu_own", name: "now" }
  ],
  usage: { inputTokens: 7, outputTokens: 30, cacheReadTokens: 5, cacheWriteTokens: 3, thinkingTokens: 9 },
  chunkSize: 4
})

const types = (text: string): ReadonlyArray<string> => events(text).map((event) => event.type)

const inputOf = (json: string): unknown => {
  try {
    return json === "" ? {} : JSON.parse(json)
  } catch {
    return {}
  }
}

const caught = <A>(evaluate: () => PromiseLike<A>): Effect.Effect<any> =>
  Effect.promise(() => evaluate().then((value) => assert.fail(`answered ${JSON.stringify(value)}`), (error) => error))

describe("Emulator", () => {
  it.effect("make - streams the events of the real API in its order", () =>
    Effect.gen(function*() {
      const { url } = yield* Emulator.make([ModelScript.text("Hello world", { chunkSize: 6 })])
      const { headers, status, text } = yield* post(url, streamed)
      assert.strictEqual(status, 200)
      assert.match(headers.get("content-type")!, /^text\/event-stream/)
      assert.strictEqual(headers.get("request-id"), "req_0")
      assert.deepStrictEqual(types(text), [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop"
      ])
      const [start, , open, first, second, , end] = events(text)
      assert.deepInclude(start.message, {
        id: "msg_0",
        role: "assistant",
        model: question.model,
        content: [],
        stop_reason: null
      })
      assert.deepStrictEqual(open.content_block, { type: "text", text: "", citations: null })
      assert.deepStrictEqual([first.delta.text, second.delta.text], ["Hello ", "world"])
      assert.strictEqual(end.delta.stop_reason, "end_turn")
    }))

  it.effect("make - streams arguments in pieces after an empty input", () =>
    Effect.gen(function*() {
      const { url } = yield* Emulator.make([
        ModelScript.toolUse([{ name: "read", input: { path: "a" } }], { chunkSize: 5 })
      ])
      const all = events((yield* post(url, streamed)).text)
      const open = all.find((event) => event.type === "content_block_start")
      assert.deepStrictEqual(open.content_block, {
        type: "tool_use",
        id: "toolu_0_0",
        name: "read",
        input: {},
        caller: { type: "direct" }
      })
      assert.deepStrictEqual(
        all.filter((event) => event.type === "content_block_delta").map((event) => event.delta),
        ["", "{\"pat", "h\":\"a", "\"}"].map((partial_json) => ({ type: "input_json_delta", partial_json }))
      )
    }))

  it.effect("make - is understood by the SDK's message stream", () =>
    Effect.gen(function*() {
      const { url } = yield* Emulator.make([everyBlock])
      const message = yield* Effect.promise(() => client(url).messages.stream(question).finalMessage())
      assert.deepStrictEqual<unknown>(message.content, [
        { type: "thinking", thinking: "Two cities, two calls.", signature: "c2lnbmF0dXJl" },
        { type: "redacted_thinking", data: "b3BhcXVl" },
        { type: "text", text: "I look at both 🏐.", citations: null },
        { type: "tool_use", id: "toolu_0_0", name: "get_weather", input: { city: "Oslo" }, caller: { type: "direct" } },
        { type: "tool_use", id: "toolu_own", name: "now", input: {}, caller: { type: "direct" } }
      ])
      assert.strictEqual(message.stop_reason, "tool_use")
      assert.deepInclude(message.usage, {
        input_tokens: 7,
        output_tokens: 30,
        cache_read_input_tokens: 5,
        cache_creation_input_tokens: 3
      })
    }))

  it.effect("make - answers whole to a request that does not stream, with the same content", () =>
    Effect.gen(function*() {
      const { url } = yield* Emulator.make([everyBlock, everyBlock])
      const whole = yield* Effect.promise(() => client(url).messages.create(question))
      const assembled = yield* Effect.promise(() => client(url).messages.stream(question).finalMessage())
      const withoutIds = (content: unknown) => JSON.parse(JSON.stringify(content).replaceAll(/toolu_\d/g, "toolu_n"))
      assert.deepStrictEqual(withoutIds(whole.content), withoutIds(assembled.content))
      assert.strictEqual(whole.stop_reason, assembled.stop_reason)
      assert.deepStrictEqual(whole.usage, assembled.usage)
    }))

  it.effect("make - sends a refusal as the real API does", () =>
    Effect.gen(function*() {
      const { url } = yield* Emulator.make([ModelScript.refusal("cyber", "Not this")])
      const message = yield* Effect.promise(() => client(url).messages.create(question))
      assert.deepInclude(message, {
        content: [],
        stop_reason: "refusal",
        stop_details: { type: "refusal", category: "cyber", explanation: "Not this" }
      })
    }))

  it.effect.prop("make - any script in any chunk size accumulates to what is answered whole", [
    Schema.Array(ModelScript.Block),
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))
  ], ([content, chunkSize]) =>
    Effect.gen(function*() {
      const { url } = yield* Emulator.make(() => ModelScript.reply({ content, chunkSize }))
      const blocks: Array<any> = []
      for (const event of events((yield* post(url, streamed)).text)) {
        if (event.type === "content_block_start") blocks.push({ ...event.content_block })
        if (event.type !== "content_block_delta") continue
        const { delta: { type, ...delta }, index } = event
        const block = blocks[index]
        if (type === "input_json_delta") block.json = (block.json ?? "") + delta.partial_json
        else if (type === "citations_delta") block.citations.push(delta.citation)
        else if (type === "compaction_delta" || type === "signature_delta") Object.assign(block, delta)
        else for (const [key, piece] of Object.entries(delta)) block[key] += piece
      }
      const whole = JSON.parse((yield* post(url, question)).text).content
      assert.deepStrictEqual(
        blocks.map(({ json, ...block }) => ({ ...block, ...(json !== undefined && { input: inputOf(json) }) })),
        whole.map(({ id, ...block }: any) => ({ ...block, ...(id !== undefined && { id: id.replace("_1_", "_0_") }) }))
      )
      for (const [index, block] of content.entries()) {
        if (block.type === "text") assert.strictEqual(blocks[index].text, block.text)
        if (block.type === "thinking") assert.deepInclude(blocks[index], block)
        if ("partialJson" in block) assert.strictEqual(blocks[index].json, block.partialJson)
        if ("tool_use_id" in block) assert.deepEqual(blocks[index], JSON.parse(JSON.stringify(block)))
      }
    }).pipe(Effect.scoped), { arbitrary: { runs: 60 } })

  describe("faults of a stream", () => {
    const reply = ModelScript.text("Hello world", { chunkSize: 2 })

    it.effect("cut - destroys the socket after the given number of events", () =>
      Effect.gen(function*() {
        const emulator = yield* Emulator.make([ModelScript.cut(reply, { afterEvents: 4 })])
        const { text, torn } = yield* post(emulator.url, streamed)
        assert.isTrue(torn)
        assert.deepStrictEqual(types(text), ["message_start", "ping", "content_block_start", "content_block_delta"])
        yield* until(Effect.map(emulator.requests, ([request]) => request?.ending === "faulted"))
      }))

    it.effect("cut - leaves a block open, with half of its deltas sent", () =>
      Effect.gen(function*() {
        const { url } = yield* Emulator.make([ModelScript.cut(reply, { insideBlock: 0 })])
        const { text, torn } = yield* post(url, streamed)
        assert.isTrue(torn)
        assert.deepStrictEqual(types(text).slice(2), [
          "content_block_start",
          ...Array<string>(3).fill("content_block_delta")
        ])
      }))

    it.effect("cut - reaches the SDK as a broken connection", () =>
      Effect.gen(function*() {
        const { url } = yield* Emulator.make([ModelScript.cut(reply)])
        const error = yield* caught(() => client(url).messages.stream(question).finalMessage())
        assert.match(error.message, /terminated/)
      }))

    it.effect("eof - ends in good order without message_stop", () =>
      Effect.gen(function*() {
        const { url } = yield* Emulator.make([ModelScript.eof(reply), ModelScript.eof(reply, { afterEvents: 0 })])
        const { text, torn } = yield* post(url, streamed)
        assert.isFalse(torn)
        assert.strictEqual(types(text).at(-1), "message_delta")
        assert.deepInclude(yield* post(url, streamed), { status: 200, text: "", torn: false })
      }))

    it.effect("error - sends an error event with its type and ends", () =>
      Effect.gen(function*() {
        const { url } = yield* Emulator.make([
          ModelScript.error(reply, { afterEvents: 3 }),
          ModelScript.error(reply, { errorType: "api_error", message: "Internal server error" })
        ])
        const { text, torn } = yield* post(url, streamed)
        assert.isFalse(torn)
        assert.deepStrictEqual(types(text), ["message_start", "ping", "content_block_start", "error"])
        assert.deepInclude(events(text).at(-1), { request_id: "req_0" })
        assert.strictEqual(events(text).at(-1).error.type, "overloaded_error")
        const error = yield* caught(() => client(url).messages.stream(question).finalMessage())
        assert.instanceOf(error, APIError)
        assert.strictEqual(error.type, "api_error")
        assert.match(error.message, /Internal server error/)
      }))

    it.effect("stall - sends no more, and sees when the client goes away", () =>
      Effect.gen(function*() {
        const emulator = yield* Emulator.make([ModelScript.stall(reply, { afterEvents: 3 })])
        const stream = yield* Effect.promise(() => client(emulator.url).messages.create({ ...question, stream: true }))
        const iterator = stream[Symbol.asyncIterator]()
        const seen = yield* Effect.promise(async () => [await iterator.next(), await iterator.next()])
        assert.deepStrictEqual(seen.map((next) => next.value.type), ["message_start", "content_block_start"])
        assert.strictEqual((yield* emulator.requests)[0]?.ending, "open")
        stream.controller.abort()
        yield* until(Effect.map(emulator.requests, ([request]) => request?.ending === "aborted"))
      }))
  })

  it.effect("make - has a form of each fault for requests that do not stream", () =>
    Effect.gen(function*() {
      const reply = ModelScript.text("Hello")
      const { url } = yield* Emulator.make([ModelScript.cut(reply), ModelScript.eof(reply), ModelScript.error(reply)])
      assert.instanceOf(yield* caught(() => client(url).messages.create(question)), APIConnectionError)
      const { status, text, torn } = yield* post(url, question)
      assert.deepStrictEqual([status, torn], [200, false])
      assert.throws(() => JSON.parse(text))
      const error = yield* caught(() => client(url).messages.create(question))
      assert.deepStrictEqual([error.status, error.type], [529, "overloaded_error"])
    }))

  it.effect("make - answers a status with the API's error shape and headers", () =>
    Effect.gen(function*() {
      const { url } = yield* Emulator.make([
        ModelScript.status(429, { retryAfter: 7, errorCode: "contract_spend_limit_reached", message: "Slow down" }),
        ModelScript.status(529),
        ModelScript.status(418, { type: "teapot_error", headers: { "x-should-retry": "false" } })
      ])
      const limited = yield* caught(() => client(url).messages.create(question))
      assert.instanceOf(limited, RateLimitError)
      assert.deepInclude(limited, {
        status: 429,
        type: "rate_limit_error",
        errorCode: "contract_spend_limit_reached",
        requestID: "req_0"
      })
      assert.strictEqual(limited.headers.get("retry-after"), "7")
      assert.instanceOf(yield* caught(() => client(url).messages.create(question)), OverloadedError)
      const { headers, status, text } = yield* post(url, question)
      assert.deepStrictEqual([status, headers.get("x-should-retry")], [418, "false"])
      assert.deepStrictEqual(JSON.parse(text), {
        type: "error",
        error: { type: "teapot_error", message: "Scripted teapot_error", details: null },
        request_id: "req_2"
      })
    }))

  describe("requests it refuses", () => {
    it.effect("make - answers 400 to a request against the rules, records why, and keeps its step", () =>
      Effect.gen(function*() {
        const emulator = yield* Emulator.make([ModelScript.text("Hello")])
        const bad = { ...question, messages: [{ role: "user" as const, content: "" }] }
        const error = yield* caught(() => client(emulator.url).messages.create(bad))
        assert.instanceOf(error, BadRequestError)
        assert.deepStrictEqual(error.error, {
          type: "error",
          error: {
            type: "invalid_request_error",
            message: "messages.0: user messages must have non-empty content",
            details: null
          },
          request_id: "req_0"
        })
        assert.lengthOf(yield* emulator.unconsumed, 1)
        assert.lengthOf((yield* emulator.requests)[0]!.violations, 1)
        const message = yield* Effect.promise(() => client(emulator.url).messages.create(question))
        assert.strictEqual(message.id, "msg_0")
        assert.isEmpty((yield* emulator.requests)[1]!.violations)
      }))

    const key = { "x-api-key": "sk-secret" }

    it.effect.each<readonly [string, string, RequestInit, number, string, string]>([
      ["another path", "/v1/complete", {}, 404, "not_found_error", "Not found: /v1/complete"],
      ["another path below", "/v1/messages/batches", {}, 404, "not_found_error", "Not found: /v1/messages/batches"],
      ["another method", "/v1/messages", { method: "PUT" }, 405, "invalid_request_error", "Method Not Allowed"],
      [
        "a method to read with",
        "/v1/messages/count_tokens",
        { method: "GET" },
        405,
        "invalid_request_error",
        "Method Not Allowed"
      ],
      [
        "a method to write with",
        "/v1/models",
        { method: "POST", body: "{}" },
        405,
        "invalid_request_error",
        "Method Not Allowed"
      ],
      [
        "no credentials",
        "/v1/messages",
        { headers: plain },
        401,
        "authentication_error",
        "Authorization or x-api-key header is required"
      ],
      [
        "an empty token",
        "/v1/messages",
        { headers: { ...plain, authorization: "Bearer " } },
        401,
        "authentication_error",
        "Authorization or x-api-key header is required"
      ],
      [
        "no version",
        "/v1/messages",
        { headers: { ...key, "content-type": "application/json" } },
        400,
        "invalid_request_error",
        "anthropic-version: header is required"
      ],
      [
        "no version to read with",
        "/v1/models",
        { method: "GET", headers: key },
        400,
        "invalid_request_error",
        "anthropic-version: header is required"
      ],
      [
        "another version",
        "/v1/messages",
        { headers: { ...plain, ...key, "anthropic-version": "2020-01-01" } },
        400,
        "invalid_request_error",
        "anthropic-version: \"2020-01-01\" is not a valid version"
      ],
      [
        "another type",
        "/v1/messages",
        { headers: { ...plain, ...key, "content-type": "text/plain" } },
        400,
        "invalid_request_error",
        "content-type: must be application/json"
      ],
      [
        "no JSON",
        "/v1/messages",
        { body: "{\"model\":" },
        400,
        "invalid_request_error",
        "The request body is not valid JSON"
      ],
      ["no object", "/v1/messages", { body: "[]" }, 400, "invalid_request_error", "Input should be a valid dictionary"],
      [
        "too many models a page",
        "/v1/models?limit=1001",
        { method: "GET" },
        400,
        "invalid_request_error",
        "limit: Input should be less than or equal to 1000"
      ],
      [
        "no model a page",
        "/v1/models?limit=0",
        { method: "GET" },
        400,
        "invalid_request_error",
        "limit: Input should be greater than or equal to 1"
      ],
      [
        "half a model a page",
        "/v1/models?limit=x",
        { method: "GET" },
        400,
        "invalid_request_error",
        "limit: Input should be a valid integer"
      ]
    ])("make - refuses %s", ([, path, init, status, type, message]) =>
      Effect.gen(function*() {
        const emulator = yield* Emulator.make([ModelScript.text("Hello")])
        const answer = yield* Effect.promise(() => request(`${emulator.url}${path}`, question, init))
        assert.strictEqual(answer.status, status)
        assert.deepStrictEqual(yield* Effect.promise(() => answer.json()), {
          type: "error",
          error: { type, message, details: null },
          request_id: "req_0"
        })
        assert.lengthOf(yield* emulator.unconsumed, 1)
        assert.deepStrictEqual((yield* emulator.requests)[0]!.violations, [{ status, type, message }])
      }))

    it.effect("make - refuses a body of more than 32 MB", () =>
      Effect.gen(function*() {
        const { url } = yield* Emulator.make([])
        const body = JSON.stringify(question)
        const space = 32 * 1024 * 1024 - body.length
        const { status, text } = yield* post(url, " ".repeat(space + 1) + body)
        assert.strictEqual(status, 413)
        assert.deepInclude(JSON.parse(text).error, {
          type: "request_too_large",
          message: "Request exceeds the maximum size of 32 MB"
        })
        assert.strictEqual((yield* post(url, " ".repeat(space) + body)).status, 500)
      }))

    it.effect("make - takes a bearer token or an API key, and records neither", () =>
      Effect.gen(function*() {
        const emulator = yield* Emulator.make([ModelScript.text("a"), ModelScript.text("b")])
        yield* post(emulator.url, question)
        yield* post(emulator.url, question, {
          headers: { ...plain, authorization: "Bearer sk-secret", cookie: "id=sk-secret" }
        })
        const requests = yield* emulator.requests
        assert.deepStrictEqual(requests.map((request) => request.violations), [[], []])
        assert.strictEqual(requests[0]!.headers["content-type"], "application/json")
        assert.deepInclude(requests[1]!.headers, { authorization: "[redacted]", cookie: "[redacted]" })
        assert.notInclude(JSON.stringify(requests), "secret")
      }))

    it.effect("make - refuses thinking that it did not issue, and accepts what it did", () =>
      Effect.gen(function*() {
        const issued = { type: "thinking" as const, thinking: "hm", signature: "c2ln" }
        const call = { type: "tool_use" as const, id: "toolu_0_0", name: "read", input: {} }
        const emulator = yield* Emulator.make([
          ModelScript.reply({ content: [issued, { type: "tool_use", name: "read" }] }),
          ModelScript.text("Done")
        ])
        const ask = (thinking: typeof issued) =>
          client(emulator.url).messages.create({
            ...question,
            messages: [
              ...question.messages,
              { role: "assistant", content: [thinking, call] },
              { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "x" }] }
            ]
          })
        yield* Effect.promise(() => client(emulator.url).messages.create(question))
        const error = yield* caught(() => ask({ ...issued, thinking: "hmm" }))
        assert.match(error.message, /Invalid `signature` in `thinking` block/)
        const done = yield* Effect.promise(() => ask(issued))
        assert.strictEqual(done.stop_reason, "end_turn")
      }))

    it.effect("make - refuses thinking after another conversation, of a model that binds it", () =>
      Effect.gen(function*() {
        const thinking = { type: "thinking" as const, thinking: "hm", signature: "c2ln" }
        const emulator = yield* Emulator.make([
          ModelScript.reply({ content: [thinking, { type: "tool_use", name: "read" }] }),
          ModelScript.text("Done")
        ])
        const opus = { ...question, model: "claude-opus-5-5" }
        const ask = (content: string) =>
          client(emulator.url).messages.create({
            ...opus,
            messages: [
              { role: "user", content },
              {
                role: "assistant",
                content: [thinking, { type: "tool_use", id: "toolu_0_0", name: "read", input: {} }]
              },
              { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_0_0", content: "x" }] }
            ]
          })
        yield* Effect.promise(() => client(emulator.url).messages.create(opus))
        const error = yield* caught(() => ask("Ho"))
        assert.match(error.message, /messages\.1\.content\.0: The block is bound to a different conversation/)
        const done = yield* Effect.promise(() => ask("Hi"))
        assert.strictEqual(done.stop_reason, "end_turn")
      }))
  })

  it.effect("make - answers a request for no token without a step", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.make([ModelScript.text("Hello")])
      const message = yield* Effect.promise(() => client(emulator.url).messages.create({ ...question, max_tokens: 0 }))
      assert.deepInclude(message, { content: [], stop_reason: "max_tokens" })
      assert.lengthOf(yield* emulator.unconsumed, 1)
    }))

  describe("requests", () => {
    const tools = [{ name: "read", input_schema: { type: "object" } }]
    const hello = { role: "assistant", content: [{ type: "text", text: "Hello 🏐" }] }
    const marked = [{ type: "text", text: "Hi", cache_control: { type: "ephemeral" } }]
    const body = (messages: ReadonlyArray<unknown>, fields: object = {}) => ({
      ...question,
      system: "Be brief",
      tools,
      messages,
      ...fields
    })
    const begun = body([{ role: "user", content: "Hi" }])

    const prefixes = (...bodies: ReadonlyArray<object>) =>
      Effect.gen(function*() {
        const emulator = yield* Emulator.make(() => ModelScript.text("Hello"))
        for (const body of bodies) yield* post(emulator.url, body)
        return (yield* emulator.requests).map(({ prefix }) => prefix)
      })

    it.effect("prefix - is all of the request before for a client that only appends, and moves its marks", () =>
      Effect.gen(function*() {
        const [first, second, third] = yield* prefixes(
          body([{ role: "user", content: marked }]),
          body([{ role: "user", content: "Hi" }, hello, { role: "user", content: marked }], { max_tokens: 5 }),
          body([
            { role: "user", content: "Hi" },
            hello,
            { role: "user", content: [{ type: "text", text: "Hi" }] },
            { role: "user", content: "🏐" }
          ])
        )
        assert.strictEqual(first!.shared, 0)
        assert.strictEqual(second!.shared, first!.bytes)
        assert.strictEqual(third!.shared, second!.bytes)
        // one more block of the same message
        assert.strictEqual(
          third!.bytes - second!.bytes,
          Buffer.byteLength(JSON.stringify({ type: "text", text: "🏐" })) + 1
        )
        // text of the assistant and what is around it, in bytes
        const lines = [
          "# assistant",
          JSON.stringify(hello.content[0]),
          "# user",
          JSON.stringify({ type: "text", text: "Hi" })
        ]
        assert.strictEqual(second!.bytes - first!.bytes, Buffer.byteLength(lines.join("\n")) + 1)
      }))

    it.effect("prefix - ends where tools, system or an earlier message differ, in this order", () =>
      Effect.gen(function*() {
        const shared = (later: object) => Effect.map(prefixes(begun, later), ([, second]) => second!.shared)
        const inTools = yield* shared({
          ...begun,
          tools: [{ name: "read", input_schema: { type: "object", title: "x" } }]
        })
        const inSystem = yield* shared({ ...begun, system: "Be long" })
        const inMessage = yield* shared(body([{ role: "user", content: "Ho" }]))
        const text = JSON.stringify(tools[0]) + "\n{\"type\":\"text\",\"text\":\"Be "
        assert.strictEqual(inSystem, text.length)
        assert.isBelow(inTools, inSystem)
        assert.isAbove(inMessage, inSystem)
        assert.strictEqual(yield* shared({ ...begun, model: "claude-haiku-5-5" }), 0)
      }))

    it.effect("prefix - compares with what was accepted, and with no other endpoint", () =>
      Effect.gen(function*() {
        const emulator = yield* Emulator.make(() => ModelScript.text("Hello"))
        yield* post(emulator.url, begun)
        yield* post(emulator.url, { ...begun, system: "Other", temperature: 1 })
        yield* Effect.promise(() =>
          client(emulator.url).messages.countTokens({ model: "x", messages: question.messages })
        )
        yield* post(emulator.url, begun)
        const [first, refused, counted, last] = yield* emulator.requests
        assert.lengthOf(refused!.violations, 1)
        assert.isBelow(refused!.prefix.shared, first!.prefix.bytes)
        assert.deepStrictEqual(counted!.prefix, { bytes: 0, shared: 0 })
        assert.strictEqual(last!.prefix.shared, first!.prefix.bytes)
      }))

    it.effect("onEnd - is told each request with its end", () =>
      Effect.gen(function*() {
        const ended: Array<Emulator.RecordedRequest> = []
        const emulator = yield* Emulator.make([ModelScript.cut(ModelScript.text("x")), ModelScript.text("y")], {
          onEnd: (request) => Effect.sync(() => ended.push(request))
        })
        yield* post(emulator.url, streamed)
        yield* post(emulator.url, {})
        yield* post(emulator.url, question)
        yield* until(Effect.sync(() => ended.length === 3))
        assert.deepStrictEqual(ended.map(({ ending, violations }) => [ending, violations.length > 0]), [
          ["faulted", false],
          ["answered", true],
          ["answered", false]
        ])
        assert.deepStrictEqual(yield* emulator.requests, ended)
      }))
  })

  it.effect("make - listens where it is told to", () =>
    Effect.gen(function*() {
      const first = yield* Emulator.make([])
      const port = Number(new URL(first.url).port)
      for (const host of ["localhost", "0.0.0.0"]) {
        const other = yield* Emulator.make([ModelScript.text("Hello")], { host })
        assert.match(other.url, /^http:\/\/(127\.0\.0\.1|\[::1\]):\d+$/)
        assert.strictEqual((yield* post(other.url, question)).status, 200)
      }
      const exit = yield* Effect.exit(Emulator.make([], { port }))
      assert.isTrue(Exit.isFailure(exit))
      assert.match(String(exit), /EADDRINUSE/)
    }))

  it.effect("make - says so when the script is at its end, and what is left of it", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.make([ModelScript.text("a"), ModelScript.text("b")])
      yield* post(emulator.url, question)
      assert.deepStrictEqual(yield* emulator.unconsumed, [ModelScript.text("b")])
      assert.isEmpty(yield* emulator.unexpected)
      yield* post(emulator.url, question)
      const { status, text } = yield* post(emulator.url, question)
      assert.strictEqual(status, 500)
      assert.match(JSON.parse(text).error.message, /no step for request 3/)
      assert.lengthOf(yield* emulator.unexpected, 1)
      assert.isEmpty(yield* emulator.unconsumed)
    }))

  it.effect("make - answers from a function that reads the request, may wait, and may fail", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const emulator = yield* Emulator.make((request, n) => {
        const { max_tokens } = request.body as typeof question
        if (max_tokens === 1) throw new Error("no idea")
        return Effect.as(Deferred.await(gate), ModelScript.text(`${n}: ${max_tokens}`))
      })
      const ask = (max_tokens: number) => post(emulator.url, { ...question, max_tokens })
      const fibers = yield* Effect.forEach([100, 200], (max_tokens) => Effect.forkChild(ask(max_tokens)))
      yield* until(Effect.map(emulator.requests, (requests) => requests.length === 2))
      assert.deepStrictEqual((yield* emulator.requests).map((request) => request.ending), ["open", "open"])
      yield* Deferred.succeed(gate, undefined)
      const texts = yield* Effect.forEach(fibers, (fiber) => Effect.map(Fiber.join(fiber), ({ text }) => text))
      assert.deepStrictEqual(
        texts.map((text) => JSON.parse(text).content[0].text.slice(3)),
        ["100", "200"]
      )
      assert.strictEqual(yield* emulator.inFlightMax, 2)
      const failed = yield* ask(1)
      assert.strictEqual(failed.status, 500)
      assert.match(failed.text, /The script failed: no idea/)
    }))

  it.effect("make - pauses by the clock of the test", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.make([ModelScript.text("Hello", { delay: "1 hour", interval: "1 minute" })])
      const fiber = yield* Effect.forkChild(post(emulator.url, streamed))
      yield* until(Effect.map(emulator.requests, (requests) => requests.length === 1))
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual((yield* emulator.requests)[0]?.ending, "open")
      yield* TestClock.adjust("1 minute")
      yield* until(Effect.andThen(TestClock.adjust("1 minute"), Effect.sync(() => fiber.pollUnsafe() !== undefined)))
      const { text } = yield* Fiber.join(fiber)
      const intervals = types(text).length - 1
      assert.isAtLeast(yield* Clock.currentTimeMillis, (60 + intervals) * 60_000)
      assert.strictEqual(types(text).at(-1), "message_stop")
    }))

  it.effect("make - destroys all sockets at the end of its scope", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const emulator = yield* Scope.provide(Emulator.make([ModelScript.stall(ModelScript.text("Hello"))]), scope)
      const fiber = yield* Effect.forkChild(post(emulator.url, streamed))
      yield* until(Effect.map(emulator.requests, (requests) => requests.length === 1))
      yield* Scope.close(scope, Exit.void)
      const { torn } = yield* Fiber.join(fiber)
      assert.isTrue(torn)
      const refused = yield* Effect.exit(post(emulator.url, question))
      assert.isTrue(Exit.isFailure(refused))
    }))
})
