import { assert, describe, it } from "@effect/vitest"
import { Limits } from "@volley/core"
import { Duration, Effect, Schema } from "effect"
import { integer } from "./support/arbitraries.ts"

const refusal = (limits: Limits.Limits): string => {
  try {
    Limits.resolve(limits)
  } catch (error) {
    assert.instanceOf(error, RangeError)
    return error.message
  }
  return "accepted"
}

describe("resolve", () => {
  it("defaults", () => {
    const defaults: Limits.Resolved = {
      turns: 10,
      toolCalls: null,
      toolCallsPerTurn: 8,
      concurrency: 5,
      retries: 10,
      deadline: 300_000,
      toolTimeout: null,
      tokens: { input: null, output: null, total: null, context: null },
      cost: null,
      repetition: 3,
      depth: 3,
      subRuns: 20,
      onLimit: "answer"
    }
    assert.deepStrictEqual(Limits.resolve(), defaults)
    assert.deepStrictEqual(Limits.resolve({}), defaults)
  })

  it("the least of each is accepted", () => {
    const least = {
      turns: 1,
      toolCalls: 0,
      toolCallsPerTurn: 1,
      concurrency: 1,
      retries: 0,
      deadline: 1,
      toolTimeout: 1,
      tokens: { input: 1, output: 1, total: 1, context: 1 },
      repetition: 2,
      depth: 0,
      subRuns: 0
    }
    const cost = { usd: Number.MIN_VALUE }
    assert.deepStrictEqual(Limits.resolve({ ...least, cost }, "fail"), { ...least, cost: cost.usd, onLimit: "fail" })
  })

  const counts = [
    ["turns", 1],
    ["toolCalls", 0],
    ["toolCallsPerTurn", 1],
    ["concurrency", 1],
    ["retries", 0],
    [
      "repetition",
      2
    ],
    ["depth", 0],
    ["subRuns", 0]
  ] as const
  it.each(counts)("%s - is a whole number of at least %d, else the limit is named", (name, least) => {
    const expected = `limits.${name} must be a whole number of at least ${least}`
    for (const value of [least - 1, -7, least + 0.5, Number.NaN, Number.POSITIVE_INFINITY, "3", null]) {
      assert.strictEqual(refusal({ [name]: value }), expected, String(value))
    }
    assert.strictEqual(Limits.resolve({ [name]: 12 })[name], 12)
  })

  const durations = ["deadline", "toolTimeout"] as const
  it.each(durations)("%s - is a duration above zero, else the limit is named", (name) => {
    const expected = `limits.${name} must be a duration above zero`
    for (const value of [0, -1, Number.NaN, "0 seconds", Duration.zero, "-1 seconds", "soon", "5 parsecs", null, {}]) {
      assert.strictEqual(refusal({ [name]: value }), expected, JSON.stringify(value))
    }
    assert.strictEqual(Limits.resolve({ [name]: 250 })[name], 250)
    assert.strictEqual(Limits.resolve({ [name]: "2 minutes" })[name], 120_000)
    assert.strictEqual(Limits.resolve({ [name]: Duration.seconds(3) })[name], 3000)
  })

  it.each(durations)("%s - infinity is unbounded", (name) => {
    assert.isNull(Limits.resolve({ [name]: Duration.infinity })[name])
    assert.isNull(Limits.resolve({ [name]: Number.POSITIVE_INFINITY })[name])
  })

  const kinds = ["input", "output", "total", "context"] as const
  it.each(kinds)("tokens.%s - is a whole number of at least 1, else the limit is named", (name) => {
    const expected = `limits.tokens.${name} must be a whole number of at least 1`
    for (const value of [0, -7, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3", null]) {
      assert.strictEqual(refusal({ tokens: { [name]: value } }), expected, String(value))
    }
    const { tokens } = Limits.resolve({ tokens: { [name]: 12 } })
    assert.deepStrictEqual(tokens, { input: null, output: null, total: null, context: null, [name]: 12 })
  })

  it("tokens - a number is the total", () => {
    assert.deepStrictEqual(Limits.resolve({ tokens: 7 }), Limits.resolve({ tokens: { total: 7 } }))
    assert.strictEqual(refusal({ tokens: 0 }), "limits.tokens.total must be a whole number of at least 1")
  })

  it("cost - is in USD, above zero", () => {
    assert.strictEqual(Limits.resolve({ cost: { usd: 0.05 } }).cost, 0.05)
    for (const usd of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "1", null]) {
      assert.strictEqual(refusal({ cost: { usd: usd as number } }), "limits.cost.usd must be above zero")
    }
  })

  it.effect.prop(
    "what is resolved is what a journal can keep",
    [integer(1, 1000), integer(0, 1000)],
    ([some, any]) =>
      Effect.gen(function*() {
        const limits = Limits.resolve({
          turns: some,
          toolCalls: any,
          concurrency: some,
          retries: any,
          deadline: some,
          tokens: { input: some, context: some },
          cost: { usd: some / 100 },
          depth: any,
          subRuns: any
        }, any % 2 === 0 ? "answer" : "fail")
        const json = JSON.stringify(yield* Schema.encodeEffect(Limits.Resolved)(limits))
        assert.deepStrictEqual(yield* Schema.decodeUnknownEffect(Limits.Resolved)(JSON.parse(json)), limits)
      })
  )
})

describe("toolsUntil", () => {
  it("is nine tenths of the deadline, and never without one", () => {
    assert.strictEqual(Limits.toolsUntil(Limits.resolve({ deadline: 1000 })), 900)
    assert.strictEqual(Limits.toolsUntil(Limits.resolve({ deadline: Duration.infinity })), Number.POSITIVE_INFINITY)
  })
})
