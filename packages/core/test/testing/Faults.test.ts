import { assert, describe, it } from "@effect/vitest"
import { Emulator, ModelScript, ScriptedModel } from "@volley/core/testing"
import { Clock, Duration, Effect, Fiber, Stream } from "effect"
import { LanguageModel, Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import { events, post, question, request, until } from "./support/http.ts"

type Type = ModelScript.Fault["type"]

const types: ReadonlyArray<Type> = ModelScript.Fault.members.map(({ fields: { type } }) => type.literal)

/** Faults that some test has asked for. */
const asked = new Set<Type>()

const faulty = (fault: ModelScript.Fault, reply?: ModelScript.Reply): ModelScript.Reply => {
  asked.add(fault.type)
  return ModelScript.faulty(fault, reply)
}

const streamed = { ...question, stream: true }

/** What a client without any library is given for a step, streamed. */
const ask = (step: ModelScript.Step) => Effect.flatMap(Emulator.make([step]), ({ url }) => post(url, streamed))

/** What it is given whole. */
const whole = (step: ModelScript.Step) => Effect.flatMap(Emulator.make([step]), ({ url }) => post(url, question))

const hello = ModelScript.text("Hello 🏐 world", { chunkSize: 5 })

const two = ModelScript.reply({
  content: [
    { type: "text", text: "one" },
    { type: "tool_use", name: "read", input: { path: "a", line: 3 } },
    { type: "text", text: "three" },
    { type: "tool_use", id: "toolu_own", name: "write", input: { path: "b" } }
  ]
})

describe("faults in place of a reply", () => {
  interface Refused {
    readonly fault: ModelScript.Fault
    readonly status: number
    readonly type: string
    readonly errorCode?: string
    readonly headers: Readonly<Record<string, string | null>>
    readonly reason: string
  }

  const refused: ReadonlyArray<Refused> = [
    {
      fault: { type: "rateLimit" },
      status: 429,
      type: "rate_limit_error",
      headers: { "retry-after": null, "retry-after-ms": null, "x-should-retry": null },
      reason: "RateLimitError"
    },
    {
      fault: { type: "rateLimit", retryAfter: "3 seconds" },
      status: 429,
      type: "rate_limit_error",
      headers: { "retry-after": "3", "retry-after-ms": null },
      reason: "RateLimitError"
    },
    {
      fault: { type: "rateLimit", retryAfter: "2 minutes", retryAfterIn: "date" },
      status: 429,
      type: "rate_limit_error",
      headers: { "retry-after": "Thu, 01 Jan 1970 01:02:00 GMT" },
      reason: "RateLimitError"
    },
    {
      fault: { type: "rateLimit", retryAfter: 1500, retryAfterIn: "milliseconds" },
      status: 429,
      type: "rate_limit_error",
      headers: { "retry-after": null, "retry-after-ms": "1500" },
      reason: "RateLimitError"
    },
    {
      fault: { type: "spendLimit", shouldRetry: false },
      status: 429,
      type: "rate_limit_error",
      errorCode: "enforced_spend_limit_reached",
      headers: { "retry-after": null, "x-should-retry": "false" },
      reason: "QuotaExhaustedError"
    },
    {
      fault: { type: "serverError", shouldRetry: true },
      status: 500,
      type: "api_error",
      headers: { "x-should-retry": "true" },
      reason: "InternalProviderError"
    },
    {
      fault: { type: "overloaded" },
      status: 529,
      type: "overloaded_error",
      headers: {},
      reason: "InternalProviderError"
    }
  ]

  it.effect.each(refused)(
    "$fault.type ($status $headers) - as the API says it, to every client",
    ({ errorCode, fault, headers, reason, status, type }) =>
      Effect.gen(function*() {
        yield* TestClock.setTime(Duration.toMillis("1 hour"))
        const answer = yield* ask(faulty(fault, hello))
        const { error } = JSON.parse(answer.text)
        assert.deepStrictEqual([answer.status, error.type], [status, type])
        assert.deepStrictEqual(error.details, errorCode === undefined ? null : { error_code: errorCode })
        for (const [name, value] of Object.entries(headers)) assert.strictEqual(answer.headers.get(name), value, name)
        const scripted = yield* ScriptedModel.make([faulty(fault)])
        const failure: any = yield* Effect.flip(
          Effect.provide(LanguageModel.generateText({ prompt: "Hi" }), scripted.layer)
        )
        assert.strictEqual(failure.reason._tag, reason)
        const asked = "retryAfter" in fault ? fault.retryAfter : undefined
        const wait = failure.reason.retryAfter
        assert.deepStrictEqual(
          wait === undefined ? undefined : Duration.toMillis(wait),
          asked === undefined ? undefined : Duration.toMillis(Duration.fromInputUnsafe(asked as Duration.Input))
        )
      })
  )

  it.effect("rateLimit - a date counts from the answer, not from the question", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.make([
        { ...faulty({ type: "rateLimit", retryAfter: "1 minute", retryAfterIn: "date" }), delay: "1 hour" }
      ])
      const fiber = yield* Effect.forkChild(post(emulator.url, streamed))
      yield* until(Effect.map(emulator.requests, (requests) => requests.length === 1))
      yield* TestClock.adjust("1 hour")
      const { headers } = yield* Fiber.join(fiber)
      assert.strictEqual(headers.get("retry-after"), "Thu, 01 Jan 1970 01:01:00 GMT")
    }))
})

describe("faults on the wire", () => {
  it.effect("cut, eof - after any number of bytes, also inside a character", () =>
    Effect.gen(function*() {
      const { text } = yield* ask(hello)
      const bytes = Buffer.from(text)
      const stop = text.indexOf("event: message_stop")
      const before = Buffer.from(text.slice(0, stop)).length
      for (let afterBytes = 0; afterBytes < 120; afterBytes++) {
        const type = afterBytes % 2 === 0 ? "cut" : "eof"
        const { raw, torn } = yield* Effect.scoped(ask(faulty({ type, afterBytes }, hello)))
        assert.deepStrictEqual({ raw, torn }, { raw: bytes.subarray(0, afterBytes), torn: type === "cut" })
      }
      const inside = bytes.indexOf("🏐") + 2
      const half = yield* ask(faulty({ type: "eof", afterBytes: inside }, hello))
      assert.deepStrictEqual(half.raw, bytes.subarray(0, inside))
      const all = yield* ask(faulty({ type: "eof", afterBytes: 1_000_000 }, hello))
      assert.strictEqual(all.raw.length, before)
    }))

  it.effect("cut - after the bytes of so many events is after so many events, for a scripted model too", () =>
    Effect.gen(function*() {
      const sent = (yield* ask(hello)).text.split(/(?<=\n\n)/)
      const parts = (fault: ModelScript.Fault) =>
        Effect.gen(function*() {
          const scripted = yield* ScriptedModel.make([faulty(fault, hello)], { modelName: question.model })
          const seen: Array<string> = []
          yield* LanguageModel.streamText({ prompt: "Hi" }).pipe(
            Stream.runForEach(({ type }) => Effect.sync(() => seen.push(type))),
            Effect.provide(scripted.layer),
            Effect.flip
          )
          return seen
        })
      for (let afterEvents = 0; afterEvents < sent.length; afterEvents++) {
        const bytes = Buffer.byteLength(sent.slice(0, afterEvents).join(""))
        const whole = yield* parts({ type: "cut", afterEvents })
        assert.deepStrictEqual(yield* parts({ type: "cut", afterBytes: bytes }), whole)
        if (afterEvents === 0) continue
        const less = yield* parts({ type: "cut", afterBytes: bytes - 1 })
        assert.deepStrictEqual(less, yield* parts({ type: "cut", afterEvents: afterEvents - 1 }))
      }
    }))

  it.effect("cut, eof, stall - after so many bytes of an answer that is not streamed", () =>
    Effect.gen(function*() {
      const { raw: full } = yield* whole(hello)
      const cut = yield* whole(faulty({ type: "cut", afterBytes: 50 }, hello))
      assert.deepStrictEqual([cut.torn, cut.raw], [true, full.subarray(0, 50)])
      const eof = yield* whole(faulty({ type: "eof", afterBytes: 1_000_000 }, hello))
      assert.deepStrictEqual([eof.torn, eof.raw], [false, full.subarray(0, -1)])
      const emulator = yield* Emulator.make([faulty({ type: "stall", afterBytes: 50 }, hello)])
      const controller = new AbortController()
      const fiber = yield* Effect.forkChild(post(emulator.url, question, { signal: controller.signal }))
      yield* until(Effect.map(emulator.requests, ([request]) => request?.ending === "open"))
      yield* TestClock.adjust("1 day")
      assert.strictEqual((yield* emulator.requests)[0]?.ending, "open")
      controller.abort()
      yield* until(Effect.map(emulator.requests, ([request]) => request?.ending === "aborted"))
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("slowStart - headers at once, the body after the pause", () =>
    Effect.gen(function*() {
      for (const [body, pause] of [[streamed, undefined], [question, "5 minutes"]] as const) {
        const emulator = yield* Emulator.make([
          faulty({ type: "slowStart", ...(pause !== undefined && { pause }) }, hello)
        ])
        const response = yield* Effect.promise(() => request(`${emulator.url}/v1/messages`, body))
        assert.strictEqual(response.status, 200)
        let text: string | undefined
        const reading = response.text().then((all) => text = all)
        yield* TestClock.adjust(pause === undefined ? "59 seconds" : "299 seconds")
        for (let turn = 0; turn < 50; turn++) yield* until(Effect.succeed(true))
        assert.isUndefined(text)
        yield* TestClock.adjust("1 second")
        assert.include(yield* Effect.promise(() => reading), "Hello")
      }
    }))

  it.effect("slowStart - holds the first part of a scripted model back", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedModel.make([faulty({ type: "slowStart", pause: "10 seconds" }, hello)])
      const seen: Array<number> = []
      const fiber = yield* LanguageModel.streamText({ prompt: "Hi" }).pipe(
        Stream.runForEach(() => Effect.map(Clock.currentTimeMillis, (at) => seen.push(at))),
        Effect.provide(scripted.layer),
        Effect.forkChild
      )
      yield* TestClock.adjust("9999 millis")
      assert.isEmpty(seen)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual([...new Set(seen)], [10_000])
    }))

  it.effect("stall - with pings the connection shows life, and no more", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.make([
        faulty({ type: "stall", afterEvents: 3, pings: "20 seconds" }, hello)
      ])
      const controller = new AbortController()
      const response = yield* Effect.promise(() =>
        request(`${emulator.url}/v1/messages`, streamed, { signal: controller.signal })
      )
      const reader = response.body!.getReader()
      const decoder = new TextDecoder()
      let text = ""
      const readEvents = (count: number) =>
        Effect.promise(async () => {
          // oxlint-disable-next-line no-await-in-loop -- the pieces of a body come one after another
          while (events(text).length < count) text += decoder.decode((await reader.read()).value, { stream: true })
          return events(text).map(({ type }) => type)
        })
      const sent = ["message_start", "ping", "content_block_start"]
      assert.deepStrictEqual(yield* readEvents(3), sent)
      for (let pings = 1; pings < 4; pings++) {
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual(yield* readEvents(3 + pings), [...sent, ...Array<string>(pings).fill("ping")])
      }
      controller.abort()
      yield* until(Effect.map(emulator.requests, ([request]) => request?.ending === "aborted"))
    }))

  it.effect("error - takes the place of the rest", () =>
    Effect.gen(function*() {
      const { text } = yield* ask(faulty({ type: "error", insideBlock: 0, errorType: "api_error" }, hello))
      const last = events(text).at(-1)
      assert.deepStrictEqual(last.error, { type: "api_error", message: "Scripted api_error", details: null })
      assert.strictEqual(events(text).length, 6)
    }))

  it.effect("malformed - one event is not JSON, those around it are", () =>
    Effect.gen(function*() {
      const { text } = yield* ask(faulty({ type: "malformed", afterEvents: 3 }, hello))
      const full = (yield* ask(hello)).text
      const [broken, sound] = [text.split("\n\n"), full.split("\n\n")]
      assert.strictEqual(broken.length, sound.length)
      assert.deepStrictEqual(broken.toSpliced(3, 1), sound.toSpliced(3, 1))
      assert.match(broken[3]!, /^event: content_block_delta\ndata: {"type"/)
      assert.throws(() => JSON.parse(broken[3]!.split("data: ")[1]!))
      const answer = yield* whole(faulty({ type: "malformed" }, hello))
      assert.strictEqual(answer.status, 200)
      assert.throws(() => JSON.parse(answer.text))
    }))

  it.effect("unknownEvent, unknownDelta, unknownBlock - are added to what the reply has", () =>
    Effect.gen(function*() {
      const plain = events((yield* ask(two)).text)
      const withEvent = events((yield* ask(faulty({ type: "unknownEvent", afterEvents: 5 }, two))).text)
      assert.strictEqual(withEvent[5].type, "volley_unknown_event")
      assert.deepStrictEqual(withEvent.toSpliced(5, 1), plain)
      const withDelta = events((yield* ask(faulty({ type: "unknownDelta", insideBlock: 1 }, two))).text)
      const at = withDelta.findIndex(({ delta }) => delta?.type === "volley_unknown_delta")
      assert.deepStrictEqual([withDelta[at].index, withDelta[at + 1].type], [1, "content_block_stop"])
      assert.deepStrictEqual(withDelta.toSpliced(at, 1), plain)
      const withBlock = faulty({ type: "unknownBlock" }, two)
      const { content, stop_reason } = JSON.parse((yield* whole(withBlock)).text)
      assert.deepStrictEqual(content.map(({ type }: any) => type), [
        "volley_unknown",
        "text",
        "tool_use",
        "text",
        "tool_use"
      ])
      assert.strictEqual(stop_reason, "tool_use")
      const starts = events((yield* ask(withBlock)).text).filter(({ type }) => type === "content_block_start")
      assert.deepStrictEqual(starts.map(({ content_block, index }) => [index, content_block.type]), [
        [0, "volley_unknown"],
        [1, "text"],
        [2, "tool_use"],
        [3, "text"],
        [4, "tool_use"]
      ])
    }))

  it.effect("wrongIndex - a block comes under the index of the next one", () =>
    Effect.gen(function*() {
      const of = (text: string) =>
        events(text).flatMap(({ index, type }) => type === "content_block_start" ? [index] : [])
      assert.deepStrictEqual(of((yield* ask(faulty({ type: "wrongIndex", insideBlock: 2 }, two))).text), [0, 1, 3, 3])
      assert.deepStrictEqual(of((yield* ask(faulty({ type: "wrongIndex" }, two))).text), [1, 1, 2, 3])
    }))

  it.effect.each<readonly [ModelScript.Fault, string]>([
    [{ type: "wrongIndex" }, "InvalidResponseError"],
    [{ type: "malformed", afterEvents: 3 }, "NetworkError"],
    [{ type: "cut", afterBytes: 900 }, "NetworkError"],
    [{ type: "eof", afterBytes: 900 }, "NetworkError"],
    [{ type: "error" }, "InternalProviderError"]
  ])("%o - fails a scripted model with %s", ([fault, tag]) =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedModel.make([faulty(fault, hello)])
      const error: any = yield* Effect.flip(
        Effect.provide(LanguageModel.generateText({ prompt: "Hi" }), scripted.layer)
      )
      assert.strictEqual(error.reason._tag, tag)
    }))

  it.effect.each<ModelScript.Fault>([
    { type: "unknownEvent", afterEvents: 4 },
    { type: "unknownDelta" },
    { type: "unknownBlock" },
    { type: "malformed", afterEvents: 1 }
  ])("%o - is not seen in the text of a scripted model", (fault) =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedModel.make([faulty(fault, hello)])
      const { text } = yield* Effect.provide(LanguageModel.generateText({ prompt: "Hi" }), scripted.layer)
      assert.strictEqual(text, "Hello 🏐 world")
    }))
})

describe("faults of value", () => {
  const one = ModelScript.toolUse([{ name: "read", input: { path: "a", line: 3 } }])
  const raw = ModelScript.toolUse([{ name: "read", partialJson: "{\"a\":1" }, { name: "now" }])

  interface Changed {
    readonly fault: ModelScript.Fault
    readonly reply: ModelScript.Reply
    /** Texts, and calls as id and the text of their arguments. */
    readonly expected: ReadonlyArray<string | readonly [string, string]>
  }

  const changed: ReadonlyArray<Changed> = [
    {
      fault: { type: "empty", of: "text" },
      reply: two,
      expected: ["", ["toolu_0_0", "{\"path\":\"a\",\"line\":3}"], "", ["toolu_own", "{\"path\":\"b\"}"]]
    },
    {
      fault: { type: "empty", of: "arguments" },
      reply: two,
      expected: ["one", ["toolu_0_0", ""], "three", ["toolu_own", ""]]
    },
    {
      fault: { type: "truncated", of: "text" },
      reply: two,
      expected: ["o", ["toolu_0_0", "{\"path\":\"a\",\"line\":3}"], "th", ["toolu_own", "{\"path\":\"b\"}"]]
    },
    {
      fault: { type: "truncated", of: "arguments" },
      reply: two,
      expected: ["one", ["toolu_0_0", "{\"path\":\"a"], "three", ["toolu_own", "{\"path"]]
    },
    {
      fault: { type: "truncated", of: "arguments" },
      reply: raw,
      expected: [["toolu_0_0", "{\"a"], ["toolu_0_1", "{"]]
    },
    {
      fault: { type: "swapped", of: "text" },
      reply: two,
      expected: ["three", ["toolu_0_0", "{\"path\":\"a\",\"line\":3}"], "one", ["toolu_own", "{\"path\":\"b\"}"]]
    },
    {
      fault: { type: "swapped", of: "arguments" },
      reply: two,
      expected: ["one", ["toolu_0_0", "{\"path\":\"b\"}"], "three", ["toolu_own", "{\"path\":\"a\",\"line\":3}"]]
    },
    {
      fault: { type: "swapped", of: "arguments" },
      reply: raw,
      expected: [["toolu_0_0", ""], ["toolu_0_1", "{\"a\":1"]]
    },
    {
      fault: { type: "swapped", of: "arguments" },
      reply: one,
      expected: [["toolu_0_0", "{\"path\":3,\"line\":\"a\"}"]]
    },
    {
      fault: { type: "corrupted", of: "text" },
      reply: two,
      expected: ["o\ufffde", ["toolu_0_0", "{\"path\":\"a\",\"line\":3}"], "t\ufffdr\ufffde", [
        "toolu_own",
        "{\"path\":\"b\"}"
      ]]
    },
    {
      fault: { type: "corrupted", of: "arguments" },
      reply: two,
      expected: ["one", ["toolu_0_0", "{\"path\":null,\"line\":\"3\"}"], "three", ["toolu_own", "{\"path\":null}"]]
    },
    {
      fault: { type: "missingCall" },
      reply: two,
      expected: ["one", ["toolu_0_0", "{\"path\":\"a\",\"line\":3}"], "three"]
    },
    { fault: { type: "missingCall" }, reply: one, expected: [] },
    {
      fault: { type: "repeatedCall" },
      reply: two,
      expected: [
        "one",
        ["toolu_0_0", "{\"path\":\"a\",\"line\":3}"],
        "three",
        ["toolu_own", "{\"path\":\"b\"}"],
        ["toolu_own_again", "{\"path\":\"b\"}"]
      ]
    },
    {
      fault: { type: "repeatedCall" },
      reply: one,
      expected: [["toolu_0_0", "{\"path\":\"a\",\"line\":3}"], ["toolu_0_1", "{\"path\":\"a\",\"line\":3}"]]
    },
    {
      fault: { type: "duplicateId" },
      reply: two,
      expected: ["one", ["toolu_0_0", "{\"path\":\"a\",\"line\":3}"], "three", ["toolu_0_0", "{\"path\":\"b\"}"]]
    }
  ]

  it.effect.each(changed)(
    "$fault.type $fault.of - says something else, for the same stop reason",
    ({ expected, fault, reply }) =>
      Effect.gen(function*() {
        const all = events((yield* ask(faulty(fault, reply))).text)
        const found = all.filter(({ type }) => type === "content_block_start").map(({ content_block, index }) => {
          const deltas = all.filter((event) => event.type === "content_block_delta" && event.index === index)
          const text = deltas.map(({ delta }) => delta.text ?? delta.partial_json).join("")
          return content_block.type === "text" ? text : [content_block.id, text]
        })
        assert.deepStrictEqual<unknown>(found, expected)
        assert.strictEqual(all.at(-2).delta.stop_reason, "tool_use")
      })
  )

  it.effect.each<ModelScript.Fault>([
    ...(["empty", "truncated", "swapped", "corrupted"] as const).map((type) => ({ type, of: "arguments" as const })),
    { type: "missingCall" },
    { type: "repeatedCall" },
    { type: "duplicateId" }
  ])("%o - leaves a reply without calls as it is", (fault) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* ask(faulty(fault, hello))).text, (yield* ask(hello)).text)
    }))

  it.effect("empty - reaches the handlers of a scripted model", () =>
    Effect.gen(function*() {
      const toolkit = Toolkit.make(Tool.make("read"))
      const scripted = yield* ScriptedModel.make([faulty({ type: "corrupted", of: "arguments" }, one)])
      const { toolCalls } = yield* LanguageModel.generateText({
        prompt: "Hi",
        toolkit: { tools: toolkit.tools, handle: () => Effect.die("handled") },
        disableToolCallResolution: true,
        toolCallValidation: "deferred"
      }).pipe(Effect.provide(scripted.layer))
      assert.deepStrictEqual<unknown>(toolCalls.map(({ params }) => params), [{ path: null, line: "3" }])
    }))
})

it("every kind of fault was asked for above", () => {
  assert.deepStrictEqual([...asked].toSorted(), types.toSorted())
})
