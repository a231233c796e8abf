import { assert, describe, it } from "@effect/vitest"
import { Anthropic } from "@volley/core/anthropic"
import { Emulator, ModelScript, ScriptedModel } from "@volley/core/testing"
import { Clock, Duration, Effect, Fiber, Layer, Schema, Stream, Struct } from "effect"
import { LanguageModel, Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"

const toolkit = Toolkit.make(Tool.make("get_weather", {
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
}))

const options = {
  prompt: "Weather?",
  toolkit: { tools: toolkit.tools, handle: () => Effect.die("handled") },
  disableToolCallResolution: true,
  toolCallValidation: "deferred"
} as const

/** All parts of a streamed reply, as plain data. */
const stream = Effect.gen(function*() {
  const parts = yield* Stream.runCollect(LanguageModel.streamText(options))
  return JSON.parse(JSON.stringify(parts)) as ReadonlyArray<any>
})

/** The parts of a reply up to its end, and the reason and its wait if that was a failure. */
const transcript = Effect.gen(function*() {
  const parts: Array<unknown> = []
  const failed = yield* LanguageModel.streamText(options).pipe(
    Stream.runForEach((part) => Effect.sync(() => parts.push(part))),
    Effect.match({
      onSuccess: () => undefined,
      onFailure: ({ reason }: any) => [reason._tag, reason.isRetryable, reason.retryAfter]
    })
  )
  return { parts: JSON.parse(JSON.stringify(parts)), failed }
})

/** The reply with its fault somewhere in it; nobody waits here. */
const withinReach = ({ fault, ...reply }: ModelScript.Reply): ModelScript.Reply => {
  if (fault === undefined || fault.type === "stall" || fault.type === "slowStart") return reply
  const least = { afterBytes: 2000, afterEvents: 30, insideBlock: 4 }
  const places = Object.entries(least).flatMap(([key, size]) =>
    Object.hasOwn(fault, key) ? [[key, Number(fault[key as keyof typeof fault]) % size] as const] : []
  )
  return { ...reply, fault: { ...fault, ...Object.fromEntries(places) } }
}

const play = (step: ModelScript.Step) =>
  Effect.flatMap(ScriptedModel.make([step]), (scripted) => Effect.provide(stream, scripted.layer))

const failure = (step: ModelScript.Step) => Effect.map(Effect.flip(play(step)), (error: any) => error.reason)

const everyBlock = ModelScript.reply({
  content: [
    { type: "thinking", thinking: "Two cities.", signature: "c2ln" },
    { type: "redacted_thinking", data: "b3Bh" },
    { type: "text", text: "I look." },
    { type: "tool_use", name: "get_weather", input: { city: "Oslo" } }
  ],
  usage: { inputTokens: 7, outputTokens: 30, cacheReadTokens: 5, cacheWriteTokens: 3, thinkingTokens: 9 },
  chunkSize: 6
})

describe("ScriptedModel", () => {
  it.effect("make - streams the parts of every kind of block", () =>
    Effect.gen(function*() {
      const parts = yield* play(everyBlock)
      assert.deepStrictEqual(
        parts.map(({ delta, type }) => delta === undefined ? type : `${type} ${delta}`),
        [
          "response-metadata",
          "reasoning-start",
          "reasoning-delta Two ci",
          "reasoning-delta ties.",
          "reasoning-end",
          "reasoning-start",
          "reasoning-end",
          "text-start",
          "text-delta I look",
          "text-delta .",
          "text-end",
          "tool-params-start",
          "tool-params-delta {\"city",
          "tool-params-delta \":\"Osl",
          "tool-params-delta o\"}",
          "tool-params-end",
          "tool-call",
          "finish"
        ]
      )
      const ends = parts.filter(({ type }) => type === "reasoning-end")
      assert.deepStrictEqual(ends.map(({ metadata }) => metadata.anthropic.info), [
        { type: "thinking", signature: "c2ln" },
        { type: "redacted_thinking", data: "b3Bh" }
      ])
      assert.deepInclude(parts.at(-2), { id: "toolu_0_0", name: "get_weather", params: { city: "Oslo" } })
      assert.deepInclude(parts.at(-1), {
        reason: "tool-calls",
        usage: {
          inputTokens: { uncached: 7, total: 15, cacheRead: 5, cacheWrite: 3 },
          outputTokens: { total: 30, text: 21, reasoning: 9 }
        },
        metadata: {
          anthropic: { stopReason: "tool_use", serviceTier: "standard", speed: "standard", thinkingTokens: 9 }
        }
      })
    }))

  it.effect("make - keeps calls that no tool or schema fits, and cut arguments as the raw text", () =>
    Effect.gen(function*() {
      const parts = yield* play(ModelScript.toolUse([
        { name: "get_weather", partialJson: "{\"city\":\"Os" },
        { name: "get_weather", partialJson: "{\"__proto__\":{\"city\":\"Oslo\"}}" },
        { name: "get_weather", input: { city: 7 } },
        { name: "launch" }
      ], { stopReason: "max_tokens" }))
      assert.deepStrictEqual(
        parts.filter(({ type }) => type === "tool-call").map(({ id, name, params }) => [id, name, params]),
        [
          ["toolu_0_0", "get_weather", "{\"city\":\"Os"],
          ["toolu_0_1", "get_weather", "{\"__proto__\":{\"city\":\"Oslo\"}}"],
          ["toolu_0_2", "get_weather", { city: 7 }],
          ["toolu_0_3", "launch", "{}"]
        ]
      )
      assert.strictEqual(parts.at(-1).reason, "length")
    }))

  it.effect.each<readonly [string, string]>([
    ["end_turn", "stop"],
    ["stop_sequence", "stop"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "length"],
    ["tool_use", "tool-calls"],
    ["pause_turn", "pause"],
    ["refusal", "content-filter"],
    ["something_new", "other"],
    ["toString", "other"]
  ])("make - finishes a reply stopped by %s as %s", ([stopReason, reason]) =>
    Effect.gen(function*() {
      const finish = (yield* play(ModelScript.text("x", { stopReason }))).at(-1)
      assert.deepStrictEqual([finish.reason, finish.metadata.anthropic.stopReason], [reason, stopReason])
    }))

  it.effect("make - tells the details of a refusal", () =>
    Effect.gen(function*() {
      const parts = yield* play(ModelScript.refusal("cyber", "Not this"))
      assert.deepInclude(parts.at(-1).metadata.anthropic, {
        stopReason: "refusal",
        stopDetails: { category: "cyber", explanation: "Not this" }
      })
    }))

  it.effect("make - generates the same blocks whole", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedModel.make([everyBlock])
      const response = yield* LanguageModel.generateText(options).pipe(Effect.provide(scripted.layer))
      const { content } = JSON.parse(JSON.stringify({ content: response.content }))
      assert.deepStrictEqual(content.map((part: any) => [part.type, part.text ?? part.params]), [
        ["response-metadata", undefined],
        ["reasoning", "Two cities."],
        ["reasoning", ""],
        ["text", "I look."],
        ["tool-call", { city: "Oslo" }],
        ["finish", undefined]
      ])
      assert.strictEqual(content[1].metadata.anthropic.info.signature, "c2ln")
      const cut = yield* ScriptedModel.make([ModelScript.cut(everyBlock)])
      const error = yield* LanguageModel.generateText(options).pipe(Effect.provide(cut.layer), Effect.flip)
      assert.strictEqual((error as any).reason._tag, "NetworkError")
    }))

  it.effect("make - fails the stream at a fault, after what was sent before it", () =>
    Effect.gen(function*() {
      for (const fault of [ModelScript.cut, ModelScript.eof, ModelScript.error]) {
        const scripted = yield* ScriptedModel.make([fault(everyBlock, { insideBlock: 2 })])
        const seen: Array<string> = []
        const error: any = yield* LanguageModel.streamText(options).pipe(
          Stream.runForEach((part: any) => Effect.sync(() => seen.push(part.type))),
          Effect.provide(scripted.layer),
          Effect.flip
        )
        assert.strictEqual(error._tag, "AiError")
        assert.isTrue(error.isRetryable)
        assert.deepStrictEqual(seen.slice(-2), ["text-start", "text-delta"])
      }
    }))

  it.effect("make - never finishes, wherever a fault strikes", () =>
    Effect.gen(function*() {
      for (const afterEvents of [0, 1, 8, 1000]) {
        assert.strictEqual((yield* failure(ModelScript.eof(everyBlock, { afterEvents })))._tag, "NetworkError")
      }
      assert.strictEqual((yield* failure(ModelScript.eof(everyBlock, { insideBlock: 99 })))._tag, "NetworkError")
    }))

  it.effect.each<readonly [number, string, boolean]>([
    [400, "InvalidRequestError", false],
    [401, "AuthenticationError", false],
    [402, "QuotaExhaustedError", false],
    [403, "AuthenticationError", false],
    [409, "InternalProviderError", true],
    [413, "InvalidRequestError", false],
    [429, "RateLimitError", true],
    [500, "InternalProviderError", true],
    [529, "InternalProviderError", true]
  ])("make - fails with status %i as %s", ([status, tag, retryable]) =>
    Effect.gen(function*() {
      const reason = yield* failure(ModelScript.status(status))
      assert.deepStrictEqual([reason._tag, reason.isRetryable], [tag, retryable])
      assert.strictEqual(reason.http.response.status, status)
    }))

  it.effect("make - passes on retry-after, and a spend limit as an exhausted quota", () =>
    Effect.gen(function*() {
      const limited = yield* failure(ModelScript.status(429, { retryAfter: 3 }))
      assert.strictEqual(Duration.toSeconds(limited.retryAfter), 3)
      const spent = yield* failure(ModelScript.status(429, { errorCode: "contract_spend_limit_reached" }))
      assert.strictEqual(spent._tag, "QuotaExhaustedError")
    }))

  it.effect("make - pauses by the clock, and stalls until it is interrupted", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedModel.make([
        ModelScript.stall(ModelScript.text("Hello", { delay: "1 hour", interval: "1 minute" }), { afterEvents: 4 })
      ])
      const seen: Array<[string, number]> = []
      const fiber = yield* LanguageModel.streamText(options).pipe(
        Stream.runForEach((part: any) =>
          Effect.map(Clock.currentTimeMillis, (at) => seen.push([part.type, at / 60_000]))
        ),
        Effect.provide(scripted.layer),
        Effect.forkChild
      )
      yield* TestClock.adjust("59 minutes")
      assert.deepStrictEqual(seen, [])
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(seen, [["response-metadata", 60], ["text-start", 62], ["text-delta", 63]])
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("make - answers from a function of the request, and keeps requests and what was not expected", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedModel.make(
        (request, n) => n === 2 ? undefined : ModelScript.text(`${n} ${request.tools.map((tool) => tool.name).join()}`),
        { modelName: "echo" }
      )
      const ask = LanguageModel.generateText(options).pipe(Effect.provide(scripted.layer))
      assert.strictEqual((yield* ask).text, "0 get_weather")
      assert.strictEqual((yield* ask).text, "1 get_weather")
      const error: any = yield* Effect.flip(ask)
      assert.match(error.message, /no step for request 3/)
      assert.isFalse(error.isRetryable)
      assert.lengthOf(yield* scripted.requests, 3)
      assert.strictEqual((yield* scripted.unexpected)[0], (yield* scripted.requests)[2])
    }))

  it.effect("unconsumed - is what nobody has asked for", () =>
    Effect.gen(function*() {
      const script = [ModelScript.text("a"), ModelScript.text("b")]
      const scripted = yield* ScriptedModel.make(script)
      yield* Effect.provide(stream, scripted.layer)
      assert.deepStrictEqual(yield* scripted.unconsumed, script.slice(1))
    }))

  it.effect.prop("make - emits what the Anthropic provider makes of the same script on the wire", [
    Schema.Struct({
      ...Struct.omit(ModelScript.Reply.fields, ["delay", "interval"]),
      chunkSize: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })),
      fault: Schema.optionalKey(ModelScript.Fault)
    })
  ], ([reply]) =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedModel.make([withinReach(reply)], { modelName: "claude-sonnet-5-5" })
      const { url } = yield* Emulator.make([withinReach(reply)])
      const provider = Layer.provide(
        Anthropic.model("claude-sonnet-5-5", { retries: 0 }),
        Anthropic.layer({ baseUrl: url })
      )
      const real = yield* Effect.provide(transcript, provider)
      assert.deepStrictEqual(yield* Effect.provide(transcript, scripted.layer), real)
    }).pipe(Effect.scoped), { arbitrary: { runs: 150 } })
})
