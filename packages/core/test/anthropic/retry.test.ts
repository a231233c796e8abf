import { assert, describe, it } from "@effect/vitest"
import { Anthropic } from "@volley/core/anthropic"
import { Emulator, ModelScript } from "@volley/core/testing"
import { Clock, Effect, Exit, Fiber, Layer, Logger, Random, References, Schedule, Stream } from "effect"
import { type AiError, LanguageModel } from "effect/ai"
import { TestClock } from "effect/testing"

const epoch = Date.UTC(2026, 10, 20, 12, 0, 0)

type Headers = Record<string, string>

const refused = (status: number, type: string, headers: Headers = {}, errorCode?: string) =>
  ModelScript.status(status, { type, headers, ...(errorCode !== undefined && { errorCode }) })

const answered = ModelScript.text("Hello")
const broken = ModelScript.cut(answered)

/** A client of the emulator that notes the virtual time of each request. */
const timedClient = Effect.fnUntraced(function*(baseUrl: string, times: Array<number>) {
  const clock = yield* Clock.Clock
  const client = yield* Effect.provide(Anthropic.AnthropicClient, Anthropic.layer({ baseUrl }))
  return {
    ...client,
    messages: client.messages,
    send: (...request: Parameters<NonNullable<Anthropic.Client["send"]>>) => {
      times.push(clock.currentTimeMillisUnsafe() - epoch)
      return client.send!(...request)
    }
  }
})

/** Waits, in real time, for what comes over the network. */
const until = Effect.fnUntraced(function*(isThere: () => boolean) {
  while (!isThere()) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
})

/**
 * The virtual milliseconds since the first at which requests arrived at an emulator that gives these answers, the last one
 * again and again. Time moves only while a retry is waited for.
 */
const arrivals = (
  steps: readonly [ModelScript.Step, ...Array<ModelScript.Step>],
  settings: Anthropic.Settings = {},
  effect: Effect.Effect<unknown, AiError.AiError, LanguageModel.LanguageModel> = LanguageModel.generateText({
    prompt: "Hello"
  })
) =>
  Effect.gen(function*() {
    yield* TestClock.setTime(epoch)
    const emulator = yield* Emulator.make([...steps, ...Array.from({ length: 9 }, () => steps.at(-1)!)])
    const times: Array<number> = []
    const client = yield* timedClient(emulator.url, times)
    let retries = 0
    const logger = Logger.make(({ message }) => {
      if (String(message).includes("retry")) retries++
    })
    const model = Layer.provide(Anthropic.model("claude-test", settings), Anthropic.layerClient(client))
    const fiber = yield* Effect.exit(Effect.provide(effect, model)).pipe(
      Effect.provideService(References.MinimumLogLevel, "Debug"),
      Effect.provide(Logger.layer([logger])),
      Effect.forkChild
    )
    for (let wait = 1; fiber.pollUnsafe() === undefined; wait++) {
      yield* until(() => retries === wait || fiber.pollUnsafe() !== undefined)
      for (let step = 0; step < 1000 && fiber.pollUnsafe() === undefined && times.length === wait; step++) {
        yield* TestClock.adjust("100 millis")
      }
    }
    const exit = yield* Fiber.join(fiber)
    assert.strictEqual((yield* emulator.requests).length, times.length)
    return { times, exit }
  }).pipe(Effect.scoped, Random.withSeed("retry"))

/** The waits between requests, to a tenth of a second. */
const waits = ({ times }: { readonly times: ReadonlyArray<number> }): ReadonlyArray<number> =>
  times.slice(1).map((time, index) => Math.round((time - times[index]!) / 100) / 10)

const twoBackoffs = (found: ReadonlyArray<number>): boolean =>
  found.length === 2 && found[0]! >= 0.4 && found[0]! <= 0.7 && found[1]! >= 0.8 && found[1]! <= 1.3

const date = new Date(epoch + 7000).toUTCString()

describe("retry", () => {
  type Row = readonly [
    status: number,
    type: string,
    headers: Headers,
    waits: "backoff" | ReadonlyArray<number>,
    code?: string
  ]
  const table: ReadonlyArray<Row> = [
    [400, "invalid_request_error", {}, []],
    [400, "invalid_request_error", { "x-should-retry": "true" }, []],
    [401, "authentication_error", {}, []],
    [401, "authentication_error", { "x-should-retry": "true" }, "backoff"],
    [402, "billing_error", {}, []],
    [402, "billing_error", { "x-should-retry": "true", "retry-after": "1" }, []],
    [403, "permission_error", {}, []],
    [404, "not_found_error", {}, []],
    [408, "timeout_error", {}, "backoff"],
    [409, "conflict_error", {}, "backoff"],
    [413, "request_too_large", {}, []],
    [422, "invalid_request_error", {}, []],
    [429, "rate_limit_error", {}, "backoff"],
    [429, "rate_limit_error", { "retry-after-ms": "2500" }, [2.5, 2.5]],
    [429, "rate_limit_error", { "retry-after": "3" }, [3, 3]],
    [429, "rate_limit_error", { "retry-after-ms": "1500", "retry-after": "9" }, [1.5, 1.5]],
    [408, "timeout_error", { "retry-after": "4" }, [4, 4]],
    [409, "conflict_error", { "x-should-retry": "false" }, []],
    [500, "api_error", { "x-should-retry": "true", "retry-after-ms": "700" }, "backoff"],
    [413, "request_too_large", { "x-should-retry": "true" }, []],
    [429, "rate_limit_error", { "retry-after": "30" }, [30, 30]],
    [429, "rate_limit_error", { "retry-after": "31" }, []],
    [429, "rate_limit_error", { "retry-after": "3", "x-should-retry": "false" }, []],
    [429, "rate_limit_error", {}, "backoff", "ramp_limit_exceeded"],
    [429, "rate_limit_error", { "retry-after": "3" }, [], "contract_spend_limit_reached"],
    [429, "rate_limit_error", { "retry-after": "3" }, [], "enforced_spend_limit_reached"],
    [500, "api_error", {}, "backoff"],
    [502, "api_error", {}, "backoff"],
    [504, "timeout_error", {}, "backoff"],
    [400, "invalid_request_error", {}, "backoff", "request_body_timeout"],
    [503, "api_error", { "retry-after": "2" }, [2, 2]],
    [529, "overloaded_error", {}, "backoff"],
    [529, "overloaded_error", { "x-should-retry": "false" }, []]
  ]
  for (const [status, type, headers, expected, code] of table) {
    const title = [status, code ?? type, ...Object.entries(headers).map((header) => header.join(": "))].join(", ")
    it.effect(`${title} - ${expected.length === 0 ? "is sent once" : "is sent three times"}`, () =>
      Effect.gen(function*() {
        const found = yield* arrivals([refused(status, type, headers, code)])
        assert.isTrue(Exit.isFailure(found.exit))
        if (expected === "backoff") assert.isTrue(twoBackoffs(waits(found)), String(waits(found)))
        else assert.deepStrictEqual(waits(found), expected)
      }))
  }

  it.effect("a Retry-After that is a date is waited for until then", () =>
    Effect.gen(function*() {
      const found = yield* arrivals([refused(429, "rate_limit_error", { "retry-after": date }), answered])
      assert.isTrue(Exit.isSuccess(found.exit))
      assert.deepStrictEqual(waits(found), [7])
    }))

  it.effect("a connection that is lost and a reply that breaks off unseen are sent again", () =>
    Effect.gen(function*() {
      const found = yield* arrivals([broken, ModelScript.eof(answered), answered])
      assert.isTrue(Exit.isSuccess(found.exit))
      assert.isTrue(twoBackoffs(waits(found)))
    }))

  it.effect("retries - exactly so many more requests are made, whatever the client would do by itself", () =>
    Effect.gen(function*() {
      for (const retries of [0, 1, 4]) {
        const { times } = yield* arrivals([refused(529, "overloaded_error")], { retries })
        assert.strictEqual(times.length, retries + 1)
      }
    }))

  it.effect("retry - a schedule decides when and how often", () =>
    Effect.gen(function*() {
      const retry = Schedule.upTo(Schedule.spaced("4 seconds"), { times: 3 })
      assert.deepStrictEqual(waits(yield* arrivals([refused(500, "api_error")], { retry })), [4, 4, 4])
      assert.deepStrictEqual(waits(yield* arrivals([refused(500, "api_error")], { retry, retries: 1 })), [4])
    }))

  it.effect("retry - a schedule does not send what cannot succeed, nor before the Retry-After", () =>
    Effect.gen(function*() {
      const retry = Schedule.upTo(Schedule.spaced("1 second"), { times: 1 })
      assert.deepStrictEqual(waits(yield* arrivals([refused(400, "invalid_request_error")], { retry })), [])
      assert.deepStrictEqual(
        waits(yield* arrivals([refused(429, "rate_limit_error", { "retry-after": "5" })], { retry })),
        [5]
      )
    }))

  it.effect("retry - a schedule is told what failed", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const retry: Anthropic.RetrySchedule = Schedule.spaced("1 second").pipe(
        Schedule.setInputType<Anthropic.FailedRequest>(),
        Schedule.while(({ input }) => Effect.sync(() => seen.push(input.reason._tag) < 2))
      )
      yield* arrivals([refused(429, "rate_limit_error"), refused(500, "api_error")], { retry })
      assert.deepStrictEqual(seen, ["RateLimitError", "InternalProviderError"])
    }))

  it.effect("deadline - a wait that would end after it is not begun", () =>
    Effect.gen(function*() {
      const within = (seconds: number) =>
        Effect.provideService(
          LanguageModel.generateText({ prompt: "Hello" }),
          Anthropic.deadline,
          epoch + seconds * 1000
        )
      const answers = [refused(429, "rate_limit_error", { "retry-after": "5" }), answered] as const
      const early = yield* arrivals(answers, {}, within(5))
      assert.deepStrictEqual(early.times, [0])
      assert.isTrue(Exit.isFailure(early.exit))
      const late = yield* arrivals(answers, {}, within(6))
      assert.deepStrictEqual(waits(late), [5])
      assert.isTrue(Exit.isSuccess(late.exit))
    }))

  it.effect("a stream that has shown a part is not sent again", () =>
    Effect.gen(function*() {
      const found = yield* arrivals(
        [ModelScript.eof(answered), answered],
        {},
        Stream.runDrain(LanguageModel.streamText({ prompt: "Hello" }))
      )
      assert.deepStrictEqual(found.times, [0])
      assert.isTrue(Exit.isFailure(found.exit))
    }))
})
