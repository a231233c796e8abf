import { APIError } from "@anthropic-ai/sdk"
import type { MessageCreateParamsStreaming } from "@anthropic-ai/sdk/resources/messages"
import { assert, describe, it } from "@effect/vitest"
import { ModelSettings } from "@volley/core"
import { Anthropic } from "@volley/core/anthropic"
import { Clock, Deferred, Effect, Exit, Fiber, Layer, Schema, Stream, Tracer } from "effect"
import { type AiError, LanguageModel, Model, Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import * as Events from "./support/events.ts"
import * as FakeClient from "./support/fakeClient.ts"

const apiError = (status: number, type: string, headers: Record<string, string> = {}) =>
  APIError.generate(status, { type: "error", error: { type, message: "It failed" } }, undefined, new Headers(headers))

const overloaded = apiError(529, "overloaded_error")

const modelOver = (client: Anthropic.Client, settings?: Anthropic.Settings) =>
  Layer.provide(Anthropic.model("claude-test", settings), Anthropic.layerClient(client))

const generate = LanguageModel.generateText({ prompt: "Hello" })
const parts = LanguageModel.streamText({ prompt: "Hello" })
const stream = Stream.runCollect(parts)

/** The virtual milliseconds until the effect ended, and how. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>, steps = 1200) =>
  Effect.gen(function*() {
    const clock = yield* Effect.clockWith(Effect.succeed)
    const start = clock.currentTimeMillisUnsafe()
    const fiber = yield* Effect.forkChild(
      Effect.map(Effect.exit(effect), (exit) => ({ exit, millis: clock.currentTimeMillisUnsafe() - start }))
    )
    let exit = fiber.pollUnsafe()
    for (let step = 0; step < steps && exit === undefined; step++) {
      yield* TestClock.adjust("100 millis")
      exit = fiber.pollUnsafe()
    }
    return yield* Fiber.join(fiber)
  })

const reasonOf = <A>(exit: Exit.Exit<A, AiError.AiError>) => {
  assert.isTrue(Exit.isFailure(exit))
  const error = Exit.isFailure(exit) ? exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error : undefined
  assert.isDefined(error)
  return error.reason
}

type Method = Effect.Effect<unknown, AiError.AiError, LanguageModel.LanguageModel>

const methods: ReadonlyArray<readonly [name: string, effect: Method]> = [["generateText", generate], [
  "streamText",
  stream
]]

describe("languageModel", () => {
  it.effect("generateText - joins the streamed reply", () =>
    Effect.gen(function*() {
      const client = FakeClient.make({
        events: Events.reply([
          [{ type: "thinking", signature: "sig" }, ["h", "m"]],
          [{ type: "text" }, ["He", "llo"]]
        ])
      })
      const response = yield* Effect.provide(generate, modelOver(client))
      assert.strictEqual(response.text, "Hello")
      assert.strictEqual(response.reasoningText, "hm")
      assert.deepStrictEqual(response.reasoning[0]?.metadata, {
        anthropic: { info: { type: "thinking", signature: "sig" } }
      })
      assert.strictEqual(response.finishReason, "stop")
      assert.strictEqual(response.usage.outputTokens.total, 5)
      assert.isTrue(client.bodies[0]?.stream)
    }))

  it.effect("streamText - gives each part as it comes", () =>
    Effect.gen(function*() {
      const client = FakeClient.make({ events: Events.textReply("Hello") })
      const collected = yield* Effect.provide(stream, modelOver(client))
      assert.deepStrictEqual(collected.map((part) => part.type), [
        "response-metadata",
        "text-start",
        "text-delta",
        "text-end",
        "finish"
      ])
    }))

  it.effect("streamText - a cut tool call reaches a deferring consumer as raw text", () =>
    Effect.gen(function*() {
      const tool = { type: "tool_use", id: "toolu_1", name: "search" }
      const client = FakeClient.make({ events: Events.reply([[tool, ["{\"q\":\"fj"]]], "max_tokens") })
      const toolkit = Toolkit.make(Tool.make("search", { parameters: Schema.Struct({ q: Schema.String }) }))
      const collected = yield* LanguageModel.streamText({
        prompt: "Go",
        toolkit,
        disableToolCallResolution: true,
        toolCallValidation: "deferred"
      }).pipe(Stream.runCollect, Effect.provide(modelOver(client)))
      const call = collected.find((part) => part.type === "tool-call")
      assert.strictEqual(call?.params, "{\"q\":\"fj")
      assert.strictEqual(client.bodies[0]?.tools?.length, 1)
    }))

  it.effect("settings - betas become a header, the client must not retry", () =>
    Effect.gen(function*() {
      const client = FakeClient.make({ events: Events.textReply("Hello") })
      yield* Effect.provide(generate, modelOver(client, { betas: ["a-1", "b-2"], maxTokens: 7 }))
      assert.deepStrictEqual(client.options[0]?.headers, { "anthropic-beta": "a-1,b-2" })
      assert.strictEqual(client.options[0]?.maxRetries, 0)
      assert.strictEqual(client.bodies[0]?.max_tokens, 7)
    }))

  it.effect("model - provides its provider and its name", () =>
    Effect.gen(function*() {
      const provided = Effect.all([Model.ProviderName, Model.ModelName])
      assert.deepStrictEqual(
        yield* Effect.provide(provided, modelOver(FakeClient.make({ pending: true }))),
        ["anthropic", "claude-test"]
      )
    }))

  const Answer = Schema.Struct({
    city: Schema.String.check(Schema.isMaxLength(9)),
    note: Schema.optionalKey(Schema.String),
    counts: Schema.Record(Schema.String, Schema.Int)
  })
  const object = LanguageModel.generateObject({ prompt: "x", schema: Answer })

  it.effect("generateObject - decodes the text that follows the format it has sent", () =>
    Effect.gen(function*() {
      const text = JSON.stringify({ city: "Oslo", note: null, counts: [{ 0: "a", 1: 1 }] })
      const client = FakeClient.make({ events: Events.textReply(text) })
      const response = yield* Effect.provide(object, modelOver(client))
      assert.deepStrictEqual(response.value, { city: "Oslo", counts: { a: 1 } })
      const format = client.bodies[0]?.output_config?.format
      assert.isOk(format)
      assert.strictEqual(format.type, "json_schema")
      const properties = format.schema["properties"] as Record<string, Record<string, unknown>>
      assert.deepStrictEqual(Object.keys(properties), ["city", "note", "counts"])
      assert.notProperty(properties["city"], "maxLength")
      assert.strictEqual(format.schema["additionalProperties"], false)
    }))

  it.effect("generateObject - text that does not fit the schema fails", () =>
    Effect.gen(function*() {
      const text = JSON.stringify({ city: "Longyearbyen", note: null, counts: [] })
      const client = FakeClient.make({ events: Events.textReply(text) })
      const error = yield* Effect.flip(Effect.provide(object, modelOver(client)))
      assert.strictEqual(error.reason._tag, "StructuredOutputError")
    }))

  it.effect("generateObject - a recursive schema is refused before anything is sent", () =>
    Effect.gen(function*() {
      interface Tree {
        readonly children: ReadonlyArray<Tree>
      }
      const Tree = Schema.Struct({ children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree)) })
        .annotate({ identifier: "Tree" })
      const client = FakeClient.make({ pending: true })
      const tree = LanguageModel.generateObject({ prompt: "x", schema: Tree })
      const error = yield* Effect.flip(Effect.provide(tree, modelOver(client)))
      assert.strictEqual(error.reason._tag, "UnsupportedSchemaError")
      assert.strictEqual(client.bodies.length, 0)
    }))
})

describe("languageModel ModelSettings", () => {
  const asking = (settings: ModelSettings.ModelSettings) => Effect.provideService(ModelSettings.current, settings)

  for (const [name, effect] of methods) {
    it.effect(`${name} - sends what is asked of this request, and the next one as configured`, () =>
      Effect.gen(function*() {
        const client = FakeClient.make({ events: Events.textReply("{}") })
        const schema = { type: "object", properties: {}, additionalProperties: false }
        yield* Effect.gen(function*() {
          yield* effect.pipe(
            asking({ model: "claude-opus-5", effort: "high", maxTokens: 5, output: { name: "answer", schema } })
          )
          yield* effect
        }).pipe(Effect.provide(modelOver(client, { cache: false })))
        const messages: MessageCreateParamsStreaming["messages"] = [
          { role: "user", content: [{ type: "text", text: "Hello" }] }
        ]
        assert.deepStrictEqual(client.bodies, [
          {
            model: "claude-opus-5",
            max_tokens: 5,
            output_config: { effort: "high", format: { type: "json_schema", schema } },
            messages,
            stream: true
          },
          { model: "claude-test", max_tokens: 16_000, messages, stream: true }
        ])
      }))

    it.effect(`${name} - a schema that the API refuses fails before anything is sent`, () =>
      Effect.gen(function*() {
        const client = FakeClient.make({ pending: true })
        const exit = yield* effect.pipe(
          asking({ output: { name: "answer", schema: { $ref: "#" } } }),
          Effect.provide(modelOver(client)),
          Effect.exit
        )
        assert.strictEqual(reasonOf(exit)._tag, "UnsupportedSchemaError")
        assert.strictEqual(client.bodies.length, 0)
      }))
  }

  it.effect("the abilities of the model are those of the id that is asked", () =>
    Effect.gen(function*() {
      const model = yield* LanguageModel.LanguageModel
      const abilities = Effect.all([
        model.supportsSystemMessagesInHistory ?? Effect.succeed(false),
        ModelSettings.followsOutput(model)
      ])
      assert.deepStrictEqual(yield* abilities, [true, false])
      assert.deepStrictEqual(yield* asking({ model: "claude-opus-5-5" })(abilities), [true, true])
      assert.deepStrictEqual(yield* asking({ model: "claude-haiku-4-5" })(abilities), [false, true])
      assert.deepStrictEqual(yield* asking({ model: "claude-sonnet-4-20250514" })(abilities), [false, false])
    }).pipe(Effect.provide(modelOver(FakeClient.make({ pending: true })))))

  it.effect("a late system message is placed as the model that is asked takes it", () =>
    Effect.gen(function*() {
      const client = FakeClient.make({ events: Events.textReply("Hi") })
      const prompt = [{ role: "user", content: "Hello" }, { role: "system", content: "Note" }] as const
      const late = LanguageModel.generateText({ prompt })
      yield* Effect.all([late, asking({ model: "claude-haiku-4-5" })(late)]).pipe(Effect.provide(modelOver(client)))
      assert.deepStrictEqual(client.bodies.map(({ messages }) => messages.map(({ role }) => role)), [
        ["user", "system"],
        ["user"]
      ])
    }))

  it.effect("streamText - a reply that breaks off has said what it cost", () =>
    Effect.gen(function*() {
      const events = Events.textReply("Hello").slice(0, 3)
      const client = FakeClient.make({ events, ending: { thrown: new TypeError("terminated") } })
      const seen: Array<unknown> = []
      const watched = Stream.runForEach(parts, (part) => Effect.sync(() => seen.push(part.metadata)))
      yield* Effect.exit(Effect.provide(watched, modelOver(client, { retries: 0 })))
      assert.deepStrictEqual(seen[0], {
        anthropic: { usage: { inputTokens: 3, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 } }
      })
    }))
})

describe("languageModel failures", () => {
  for (const [name, effect] of methods) {
    it.effect(`${name} - a reply without message_stop fails`, () =>
      Effect.gen(function*() {
        const client = FakeClient.make({ events: Events.textReply("Hello").slice(0, -1), ending: "eof" })
        const exit = yield* Effect.exit(Effect.provide(effect, modelOver(client, { retries: 0 })))
        const reason = reasonOf(exit)
        assert.strictEqual(reason._tag, "NetworkError")
        assert.isTrue(reason.isRetryable)
      }))

    it.effect(`${name} - a reply that breaks off fails`, () =>
      Effect.gen(function*() {
        const events = Events.textReply("Hello").slice(0, 3)
        const client = FakeClient.make({ events, ending: { thrown: new TypeError("terminated") } })
        const exit = yield* Effect.exit(Effect.provide(effect, modelOver(client, { retries: 0 })))
        assert.strictEqual(reasonOf(exit)._tag, "NetworkError")
      }))

    it.effect(`${name} - an event that is malformed fails and is not retried`, () =>
      Effect.gen(function*() {
        const client = FakeClient.make({ events: [Events.event({ type: "message_start" })] })
        const exit = yield* Effect.exit(Effect.provide(effect, modelOver(client)))
        assert.strictEqual(reasonOf(exit)._tag, "InvalidResponseError")
        assert.strictEqual(client.bodies.length, 1)
      }))

    it.effect(`${name} - is sent again twice by default, after 0.5 and 1 s ± 20 %`, () =>
      Effect.gen(function*() {
        const client = FakeClient.make({ refused: overloaded })
        const { exit, millis } = yield* timed(Effect.provide(effect, modelOver(client)))
        assert.strictEqual(reasonOf(exit)._tag, "InternalProviderError")
        assert.strictEqual(client.bodies.length, 3)
        assert.isAtLeast(millis, 1200)
        assert.isAtMost(millis, 1900)
      }))

    it.effect(`${name} - succeeds when a later request does`, () =>
      Effect.gen(function*() {
        const client = FakeClient.make({ refused: overloaded }, { events: Events.textReply("Hello") })
        const { exit } = yield* timed(Effect.provide(effect, modelOver(client)))
        assert.isTrue(Exit.isSuccess(exit))
        assert.strictEqual(client.bodies.length, 2)
        assert.deepStrictEqual(client.bodies[0], client.bodies[1])
      }))

    it.effect(`${name} - an error event before any part is retried`, () =>
      Effect.gen(function*() {
        const client = FakeClient.make(
          { events: [], ending: { thrown: new APIError(undefined, {}, "Overloaded", undefined, "overloaded_error") } },
          { events: Events.textReply("Hello") }
        )
        const { exit } = yield* timed(Effect.provide(effect, modelOver(client)))
        assert.isTrue(Exit.isSuccess(exit))
      }))

    it.effect(`${name} - waits for the whole Retry-After`, () =>
      Effect.gen(function*() {
        const refused = apiError(429, "rate_limit_error", { "retry-after": "25" })
        const client = FakeClient.make({ refused }, { events: Events.textReply("Hello") })
        const { exit, millis } = yield* timed(Effect.provide(effect, modelOver(client)))
        assert.isTrue(Exit.isSuccess(exit))
        assert.strictEqual(millis, 25_000)
      }))

    it.effect(`${name} - a Retry-After above 30 s is handed to the caller at once`, () =>
      Effect.gen(function*() {
        const client = FakeClient.make({ refused: apiError(429, "rate_limit_error", { "retry-after": "31" }) })
        const { exit, millis } = yield* timed(Effect.provide(effect, modelOver(client)))
        assert.strictEqual(reasonOf(exit)._tag, "RateLimitError")
        assert.strictEqual(client.bodies.length, 1)
        assert.strictEqual(millis, 0)
      }))

    for (
      const [status, type] of [[400, "invalid_request_error"], [401, "authentication_error"], [
        402,
        "billing_error"
      ]] as const
    ) {
      it.effect(`${name} - ${status} is not retried`, () =>
        Effect.gen(function*() {
          const client = FakeClient.make({ refused: apiError(status, type) })
          assert.isTrue(Exit.isFailure((yield* timed(Effect.provide(effect, modelOver(client)))).exit))
          assert.strictEqual(client.bodies.length, 1)
        }))
    }

    it.effect(`${name} - retries: 0 sends once, retries: 6 waits at most 8 s each time`, () =>
      Effect.gen(function*() {
        const once = FakeClient.make({ refused: overloaded })
        yield* timed(Effect.provide(effect, modelOver(once, { retries: 0 })))
        assert.strictEqual(once.bodies.length, 1)
        const often = FakeClient.make({ refused: overloaded })
        const { millis } = yield* timed(Effect.provide(effect, modelOver(often, { retries: 6 })))
        assert.strictEqual(often.bodies.length, 7)
        assert.isAtLeast(millis, (500 + 1000 + 2000 + 4000 + 8000) * 0.8 + 8000)
        assert.isAtMost(millis, (500 + 1000 + 2000 + 4000) * 1.2 + 8000 * 2 + 600)
      }))
  }

  it.effect("streamText - a silent reply fails after the time that is set, 5 minutes with a client that hides the pings", () =>
    Effect.gen(function*() {
      const events = Events.textReply("Hello").slice(0, 3)
      for (const [settings, millis] of [[{}, 300_000], [{ idleTimeout: "7 seconds" }, 7000]] as const) {
        const client = FakeClient.make({ events, ending: "stall" })
        const silent = yield* timed(Effect.provide(stream, modelOver(client, settings)), 4000)
        assert.strictEqual(reasonOf(silent.exit)._tag, "NetworkError")
        assert.strictEqual(silent.millis, millis)
        assert.isTrue(client.options[0]?.signal.aborted)
      }
    }))

  it.effect("generateText - a reply that does not begin is aborted and asked for again", () =>
    Effect.gen(function*() {
      const client = FakeClient.make({ pending: true }, { events: Events.textReply("Hello") })
      const { exit, millis } = yield* timed(
        Effect.provide(generate, modelOver(client, { firstEventTimeout: "3 seconds" }))
      )
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(client.options.map(({ signal }) => signal.aborted), [true, false])
      assert.isAtLeast(millis, 3400)
    }))

  it.effect("streamText - a client that takes JSON shows life by empty batches, and gives parts in batches", () =>
    Effect.gen(function*() {
      const batches = [Events.textReply("Hello").slice(0, 3), [], [], [], Events.textReply("Hello").slice(3)]
      const sent: Array<string> = []
      const client: Anthropic.Client = {
        messages: { create: () => Promise.reject(new Error("not this one")) },
        send: (body) => {
          sent.push(body)
          return Promise.resolve(slow(batches))
        }
      }
      const clock = yield* Effect.clockWith(Effect.succeed)
      const slow = (all: typeof batches) =>
        Stream.fromIterable(all).pipe(
          Stream.tap(() => Effect.sleep("50 seconds")),
          Stream.provideService(Clock.Clock, clock),
          Stream.toAsyncIterable
        )
      const { exit, millis } = yield* timed(Effect.provide(stream, modelOver(client)), 4000)
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(millis, 250_000)
      assert.strictEqual(JSON.parse(sent[0] ?? "").model, "claude-test")
    }))

  it.effect("streamText - a malformed event fails after the parts that came with it", () =>
    Effect.gen(function*() {
      const events = [...Events.textReply("Hello").slice(0, 3), Events.event({ type: "message_start" })]
      const client: Anthropic.Client = {
        messages: { create: () => Promise.reject(new Error("not this one")) },
        send: () => Promise.resolve(ReadableStream.from([events]))
      }
      const seen: Array<string> = []
      const watched = Stream.runForEach(parts, (part) => Effect.sync(() => seen.push(part.type)))
      const exit = yield* Effect.exit(Effect.provide(watched, modelOver(client)))
      assert.strictEqual(reasonOf(exit)._tag, "InvalidResponseError")
      assert.deepStrictEqual(seen, ["response-metadata", "text-start", "text-delta"])
    }))

  const midway: FakeClient.Script = {
    events: Events.textReply("Hello").slice(0, 3),
    ending: { thrown: new TypeError("terminated") }
  }

  it.effect("streamText - a reply that was shown in part is not retried", () =>
    Effect.gen(function*() {
      const client = FakeClient.make(midway, { events: Events.textReply("Hello") })
      const seen: Array<string> = []
      const watched = Stream.runForEach(parts, (part) => Effect.sync(() => seen.push(part.type)))
      const { exit } = yield* timed(Effect.provide(watched, modelOver(client)))
      const reason = reasonOf(exit)
      assert.isTrue(reason.isRetryable)
      assert.strictEqual(client.bodies.length, 1)
      assert.deepStrictEqual(seen, ["response-metadata", "text-start", "text-delta"])
    }))

  it.effect("generateText - a reply that breaks off is retried, for nobody has seen it", () =>
    Effect.gen(function*() {
      const client = FakeClient.make(midway, { events: Events.textReply("Hello") })
      const { exit } = yield* timed(Effect.provide(generate, modelOver(client)))
      assert.strictEqual(Exit.isSuccess(exit) ? exit.value.text : undefined, "Hello")
      assert.strictEqual(client.bodies.length, 2)
    }))
})

describe("languageModel cancellation", () => {
  for (const [name, effect] of methods) {
    it.effect(`${name} - interruption aborts a request that waits for its response`, () =>
      Effect.gen(function*() {
        const client = FakeClient.make({ pending: true })
        const fiber = yield* Effect.forkChild(Effect.provide(effect, modelOver(client)))
        while (client.options.length === 0) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        assert.isTrue(client.options[0]?.signal.aborted)
      }))

    it.effect(`${name} - interruption during a retry delay ends it`, () =>
      Effect.gen(function*() {
        const client = FakeClient.make({ refused: overloaded })
        const fiber = yield* Effect.forkChild(Effect.provide(effect, modelOver(client)))
        while (client.options.length === 0) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(client.bodies.length, 1)
      }))
  }

  it.effect("streamText - interruption aborts a reply that stalls", () =>
    Effect.gen(function*() {
      const client = FakeClient.make({ events: Events.textReply("Hello").slice(0, 3), ending: "stall" })
      const seen = yield* Deferred.make<void>()
      const fiber = yield* parts.pipe(
        Stream.runForEach((part) => part.type === "text-delta" ? Deferred.succeed(seen, undefined) : Effect.void),
        Effect.provide(modelOver(client)),
        Effect.forkChild
      )
      yield* Deferred.await(seen)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(client.options[0]?.signal.aborted)
    }))

  it.effect("streamText - leaving the stream early aborts the request", () =>
    Effect.gen(function*() {
      const client = FakeClient.make({ events: Events.textReply("Hello"), ending: "stall" })
      yield* Effect.provide(Stream.runDrain(Stream.take(parts, 2)), modelOver(client))
      assert.isTrue(client.options[0]?.signal.aborted)
    }))

  it.effect("streamText - a complete reply is not aborted, even if the connection stays open", () =>
    Effect.gen(function*() {
      const client = FakeClient.make({ events: Events.textReply("Hello"), ending: "stall" })
      yield* Effect.provide(stream, modelOver(client))
      assert.isFalse(client.options[0]?.signal.aborted)
    }))

  for (const [name, effect] of methods) {
    it.effect(`${name} - a request that failed is aborted before the next one`, () =>
      Effect.gen(function*() {
        const client = FakeClient.make({ events: [], ending: "eof" }, { events: Events.textReply("Hello") })
        const atSecond: Array<boolean | undefined> = []
        const watched: Anthropic.Client = {
          messages: {
            create: (body, options) => {
              if (client.options.length === 1) atSecond.push(client.options[0]?.signal.aborted)
              return client.messages.create(body, options)
            }
          }
        }
        yield* timed(Effect.provide(effect, modelOver(watched)))
        assert.deepStrictEqual(atSecond, [true])
        assert.isFalse(client.options[1]?.signal.aborted)
      }))
  }
})

describe("languageModel telemetry", () => {
  for (const [name, effect] of methods) {
    it.effect(`${name} - the span says what was asked and used`, () =>
      Effect.gen(function*() {
        const spans: Array<Tracer.NativeSpan> = []
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            spans.push(span)
            return span
          }
        })
        const usage = { input_tokens: 3, cache_read_input_tokens: 10, cache_creation_input_tokens: 2, output_tokens: 1 }
        const events = [Events.messageStart(usage), ...Events.textReply("Hello").slice(1)]
        yield* effect.pipe(
          Effect.provide(modelOver(FakeClient.make({ events }), { stopSequences: ["END"] })),
          Effect.provideService(Tracer.Tracer, tracer)
        )
        const attributes = Object.fromEntries(
          spans.find((span) => span.name === `LanguageModel.${name}`)?.attributes ?? []
        )
        assert.deepInclude(attributes, {
          "gen_ai.provider.name": "anthropic",
          "gen_ai.operation.name": "chat",
          "gen_ai.request.model": "claude-test",
          "gen_ai.request.max_tokens": 16_000,
          "gen_ai.request.stop_sequences": ["END"],
          "gen_ai.response.id": "msg_1",
          "gen_ai.response.model": "claude-test",
          "gen_ai.response.finish_reasons": ["stop"],
          "gen_ai.usage.input_tokens": 15,
          "gen_ai.usage.output_tokens": 5,
          "gen_ai.usage.cache_read.input_tokens": 10,
          "gen_ai.usage.cache_creation.input_tokens": 2
        })
      }))
  }
})
