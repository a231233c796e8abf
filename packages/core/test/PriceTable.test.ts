import { assert, describe, it } from "@effect/vitest"
import * as PriceTable from "@volley/core/PriceTable"
import { Effect, Layer } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { modelName } from "../src/offline/internal/answer.ts"
import { integer, oneOf } from "./support/arbitraries.ts"

const november = Date.UTC(2026, 10, 20)
const nothing = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

const price = (extra: Partial<PriceTable.Price> = {}): PriceTable.Price => ({
  model: "m",
  input: 2,
  output: 10,
  ...extra
})

const found = (table: PriceTable.PriceTable, request: Partial<PriceTable.Request> = {}) =>
  PriceTable.find(table, { model: "m", at: november, inputTokens: 1, ...request })

const usd = (expected: number, actual: number | undefined) => {
  assert.isDefined(actual)
  assert.closeTo(actual, expected, 1e-12)
}

/** Tokens by what they cost. */
interface Tokens {
  readonly plain: number
  readonly read: number
  readonly short: number
  readonly long: number
  readonly output: number
}

const usageOf = ({ long, output, plain, read, short }: Tokens) => ({
  inputTokens: plain + read + short + long,
  outputTokens: output,
  cacheReadTokens: read,
  cacheWriteTokens: short + long,
  cacheWriteLongTokens: long
})

describe("find", () => {
  it("model - its own id and its dated ids, nothing else", () => {
    const table = [price()]
    for (const model of ["m", "m-20251001"]) assert.strictEqual(found(table, { model }), table[0])
    for (
      const model of ["", "M", "m-", "m-2025100", "m-202510011", "m20251001", "m-latest", "m-20251001-x", "xm", "m "]
    ) {
      assert.isUndefined(found(table, { model }), model)
    }
  })

  it("model - a pattern character stands for itself", () => {
    assert.isUndefined(found([price({ model: "a.c" })], { model: "abc" }))
  })

  it("model - the longest wins, wherever it stands", () => {
    const any = price()
    const dated = price({ model: "m-20251001" })
    for (const table of [[any, dated], [dated, any]]) {
      assert.strictEqual(found(table, { model: "m-20251001" }), dated)
      assert.strictEqual(found(table, { model: "m-20251002" }), any)
    }
  })

  it("model - claude-opus-5 is not taken for claude-opus-5-5, nor the other way round", () => {
    const opus5 = [price({ model: "claude-opus-5" })]
    assert.isUndefined(found(opus5, { model: "claude-opus-5-5" }))
    assert.isUndefined(found(opus5, { model: "claude-opus-5-5-20261001" }))
    assert.isUndefined(found([price({ model: "claude-opus-5-5" })], { model: "claude-opus-5" }))
    assert.strictEqual(found(PriceTable.defaults, { model: "claude-opus-5" })?.input, 5)
    assert.strictEqual(found(PriceTable.defaults, { model: "claude-opus-5-5" })?.input, 4)
  })

  it("from - holds from midnight UTC of its day, the latest wins, wherever it stands", () => {
    const always = price()
    const first = price({ from: "2026-01-01" })
    const second = price({ from: "2026-03-01" })
    const [january, march] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 2, 1)]
    for (const table of [[always, first, second], [second, first, always], [first, second, always]]) {
      for (
        const [at, expected] of [[january - 1, always], [january, first], [march - 1, first], [march, second]] as const
      ) {
        assert.strictEqual(found(table, { at }), expected)
      }
    }
    assert.isUndefined(found([first], { at: january - 1 }))
  })

  it("from - one that is no day never holds", () => assert.isUndefined(found([price({ from: "soon" })])))

  it("above - holds for larger prompts only, the highest wins, wherever it stands", () => {
    const any = price()
    const large = price({ above: 100 })
    const huge = price({ above: 200 })
    for (const table of [[any, large, huge], [huge, large, any], [large, huge, any]]) {
      for (const [inputTokens, expected] of [[0, any], [100, any], [101, large], [200, large], [201, huge]] as const) {
        assert.strictEqual(found(table, { inputTokens }), expected)
      }
    }
    assert.isUndefined(found([large], { inputTokens: 100 }))
  })

  it("above - goes before from: a price of a later day leaves the higher bands as they are", () => {
    const large = price({ above: 100 })
    const later = price({ from: "2026-01-01" })
    assert.strictEqual(found([later, large], { inputTokens: 101 }), large)
    assert.strictEqual(found([later, large], { inputTokens: 100 }), later)
  })

  it("of prices that hold alike, the first in the table wins", () => {
    const table = [price({ input: 1 }), price({ input: 3 })]
    assert.strictEqual(found(table), table[0])
  })

  it("tier - standard where none is given, and no tier stands for another", () => {
    const table = [price(), price({ tier: "priority", input: 4 })]
    assert.strictEqual(found(table), table[0])
    assert.strictEqual(found(table, { tier: undefined }), table[0])
    assert.strictEqual(found(table, { tier: "standard" }), table[0])
    assert.strictEqual(found(table, { tier: "priority" }), table[1])
    assert.isUndefined(found(table, { tier: "fast" }))
    assert.isUndefined(found([price({ tier: "priority" })]))
  })

  it("tier - batch is half of standard in every amount", () => {
    assert.deepStrictEqual(found([price({ cacheRead: 0.4, from: "2026-01-01" })], { tier: "batch" }), {
      model: "m",
      from: "2026-01-01",
      tier: "batch",
      input: 1,
      output: 5,
      cacheRead: 0.2,
      cacheWrite: 1.25,
      cacheWriteLong: 2
    })
    assert.isUndefined(found([price({ tier: "priority" })], { tier: "batch" }))
  })

  it("tier - a batch price of the table goes before the half", () => {
    const own = price({ tier: "batch", input: 7 })
    assert.strictEqual(found([price(), own], { tier: "batch" }), own)
  })
})

describe("cost", () => {
  const each: Tokens = { plain: 1_000, read: 10_000, short: 2_000, long: 500, output: 3_000 }
  const cost = (
    model: string | undefined,
    usage: Parameters<typeof PriceTable.cost>[1]["usage"] = usageOf(each),
    extra: { readonly at?: number; readonly tier?: string } = {},
    table = PriceTable.defaults
  ) => PriceTable.cost(table, { model, at: november, usage, ...extra })

  it("each kind of token has its rate, those left out follow the input", () => {
    const own = [price({ input: 1, output: 2, cacheRead: 3, cacheWrite: 4, cacheWriteLong: 5 })]
    // 1,000 * 1 + 10,000 * 3 + 2,000 * 4 + 500 * 5 + 3,000 * 2
    usd(0.0475, cost("m", usageOf(each), {}, own))
    // 1,000 * 2 + 10,000 * 0.2 + 2,000 * 2.5 + 500 * 4 + 3,000 * 10
    usd(0.041, cost("m", usageOf(each), {}, [price()]))
  })

  it("a rate of 0 is a rate, not one left out", () => {
    const free = [price({ cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0 })]
    // 1,000 * 2 + 3,000 * 10
    usd(0.032, cost("m", usageOf(each), {}, free))
  })

  it("without a count of long writes, all are short", () => {
    // 1,000,000 * 2.5
    usd(2.5, cost("m", { ...nothing, inputTokens: 1e6, cacheWriteTokens: 1e6 }, {}, [price()]))
  })

  it("a usage with more in the part than in the whole is charged for the part", () => {
    const table = [price()]
    usd(0.2, cost("m", { ...nothing, cacheReadTokens: 1e6 }, {}, table))
    usd(4, cost("m", { ...nothing, cacheWriteLongTokens: 1e6 }, {}, table))
    const banded = [price(), price({ above: 100, input: 20 })]
    // 200 * 2, at the rate above 100 tokens
    usd(0.0004, cost("m", { ...nothing, cacheReadTokens: 200 }, {}, banded))
  })

  // 4,500 times the input, 10,000 times the cache read, 3,000 times the output, each by hand
  const known: ReadonlyArray<readonly [model: string, cost: number]> = [
    ["claude-fable-5-1", 0.1975],
    ["claude-mythos-5-1", 0.1975],
    ["claude-fable-5", 0.205],
    ["claude-mythos-5", 0.205],
    ["claude-opus-5-5", 0.08],
    ["claude-opus-5", 0.1025],
    ["claude-opus-4-8", 0.1025],
    ["claude-opus-4-7", 0.1025],
    ["claude-opus-4-6", 0.1025],
    ["claude-opus-4-5", 0.1025],
    ["claude-opus-4-5-20251101", 0.1025],
    ["claude-sonnet-5-5", 0.04],
    ["claude-sonnet-5", 0.041],
    ["claude-sonnet-4-6", 0.0615],
    ["claude-sonnet-4-5", 0.0615],
    ["claude-sonnet-4-5-20250929", 0.0615],
    ["claude-haiku-5-5", 0.00205],
    ["claude-haiku-4-5", 0.0205],
    ["claude-haiku-4-5-20251001", 0.0205],
    ["scripted", 0],
    ["offline planner (not a language model)", 0]
  ]

  it.each(known)("defaults - %s costs %d USD for the same usage, half of it in a batch", (model, expected) => {
    usd(expected, cost(model))
    usd(expected / 2, cost(model, usageOf(each), { tier: "batch" }))
    assert.isUndefined(cost(model, usageOf(each), { tier: "priority" }))
    assert.isTrue(PriceTable.isKnown(PriceTable.defaults, model, november))
  })

  it("defaults - every model of the table is one of these", () => {
    const tested = new Set(known.map(([model]) => model))
    assert.deepStrictEqual(PriceTable.defaults.map(({ model }) => model).filter((model) => !tested.has(model)), [])
  })

  it("defaults - the offline planner is known by the name it reports", () => usd(0, cost(modelName)))

  it.each([
    "claude-fable-5-2",
    "claude-mythos-5-2",
    "claude-mythos-preview",
    "claude-sonnet-4",
    "claude-haiku-5",
    "gpt-5",
    ""
  ])(
    "defaults - what \"%s\" costs is unknown",
    (model) => {
      assert.isUndefined(cost(model))
      assert.isUndefined(cost(model, nothing))
      assert.isUndefined(cost(model, usageOf(each), { tier: "batch" }))
      assert.isFalse(PriceTable.isKnown(PriceTable.defaults, model, november))
    }
  )

  it("no model - unknown", () => assert.isUndefined(cost(undefined)))

  it("defaults - reading claude-sonnet-5-5's cache is half the price from 2026-10-07 on", () => {
    const usage = { ...nothing, inputTokens: 1e6, cacheReadTokens: 1e6 }
    const change = Date.UTC(2026, 9, 7)
    usd(0.2, cost("claude-sonnet-5-5", usage, { at: 0 }))
    usd(0.2, cost("claude-sonnet-5-5", usage, { at: change - 1 }))
    usd(0.1, cost("claude-sonnet-5-5", usage, { at: change }))
    usd(2, cost("claude-sonnet-5-5", { ...nothing, inputTokens: 1e6 }, { at: change - 1 }))
    usd(2, cost("claude-sonnet-5-5", { ...nothing, inputTokens: 1e6 }, { at: change }))
  })

  it("defaults - claude-haiku-5-5 prices the whole prompt by its size, cached tokens included", () => {
    const haiku = (tokens: Partial<Tokens>) =>
      cost("claude-haiku-5-5", usageOf({ plain: 0, read: 0, short: 0, long: 0, output: 0, ...tokens }))
    // 100,000 * 0.1 + 1,000 * 0.5
    usd(0.0105, haiku({ plain: 100_000, output: 1_000 }))
    // 100,001 * 0.5 + 1,000 * 2.5
    usd(0.0525005, haiku({ plain: 100_001, output: 1_000 }))
    // 1 * 0.5 + 60,000 * 0.05 + 30,000 * 0.625 + 10,000 * 1
    usd(0.0317505, haiku({ plain: 1, read: 60_000, short: 30_000, long: 10_000 }))
    // 60,000 * 0.01 + 30,000 * 0.125 + 10,000 * 0.2
    usd(0.00635, haiku({ read: 60_000, short: 30_000, long: 10_000 }))
  })

  const tokens: Arbitrary.Arbitrary<Tokens> = Arbitrary.map(
    Arbitrary.all([
      integer(0, 60_000),
      integer(0, 60_000),
      integer(0, 60_000),
      integer(0, 60_000),
      integer(0, 60_000)
    ]),
    ([plain, read, short, long, output]) => ({ plain, read, short, long, output })
  )
  const models = oneOf(known.map(([model]) => model) as [string, ...Array<string>])
  const kinds = oneOf(["plain", "read", "short", "long", "output"] as const)
  const sum = (left: Tokens, right: Tokens): Tokens => ({
    plain: left.plain + right.plain,
    read: left.read + right.read,
    short: left.short + right.short,
    long: left.long + right.long,
    output: left.output + right.output
  })
  const certain = (model: string, usage: Tokens): number => {
    const found = cost(model, usageOf(usage))
    assert.isDefined(found)
    return found
  }

  it.effect.prop(
    "more tokens of a kind never cost less, into a higher band neither",
    [models, tokens, kinds, integer(1, 200_000)],
    ([model, usage, kind, more]) =>
      Effect.sync(() => {
        const before = certain(model, usage)
        const after = certain(model, { ...usage, [kind]: usage[kind] + more })
        assert.isAtLeast(after, before)
        if (before > 0) assert.isAbove(after, before)
      })
  )

  it.effect.prop(
    "the cost of two usages together is the sum of theirs, within one band",
    [models, tokens, tokens],
    ([model, left, right]) =>
      Effect.sync(() => {
        const total = usageOf(sum(left, right)).inputTokens
        const small = (usage: Tokens) => usageOf(usage).inputTokens <= 100_000
        const oneBand = model !== "claude-haiku-5-5" || total <= 100_000 || (!small(left) && !small(right))
        if (!oneBand) return
        usd(certain(model, left) + certain(model, right), certain(model, sum(left, right)))
      }),
    { arbitrary: { runs: 300 } }
  )

  it.effect.prop(
    "no usage within the bounds costs more than most says",
    [models, tokens, tokens],
    ([model, left, right]) =>
      Effect.sync(() => {
        const bounds = usageOf(sum(left, right))
        const bound = PriceTable.find(PriceTable.defaults, { model, at: november, inputTokens: bounds.inputTokens })
        assert.isDefined(bound)
        assert.isAtMost(certain(model, left), PriceTable.most(bound, bounds) + 1e-12)
      })
  )
})

describe("most", () => {
  it("all of the input is written to the cache for an hour, where that is the dearest", () => {
    // 1,000 * 4 + 100 * 10
    usd(0.005, PriceTable.most(price(), { inputTokens: 1_000, outputTokens: 100 }))
  })

  it("the dearest rate of the input counts, whichever it is", () => {
    for (const name of ["input", "cacheRead", "cacheWrite", "cacheWriteLong"] as const) {
      const odd = { ...price({ cacheRead: 1, cacheWrite: 1, cacheWriteLong: 1, input: 1 }), [name]: 9 }
      usd(9, PriceTable.most(odd, { inputTokens: 1e6, outputTokens: 0 }))
    }
  })
})

describe("isKnown", () => {
  it("by time", () => {
    const table = [price({ from: "2026-01-01" })]
    assert.isFalse(PriceTable.isKnown(table, "m", Date.UTC(2026, 0, 1) - 1))
    assert.isTrue(PriceTable.isKnown(table, "m", Date.UTC(2026, 0, 1)))
  })

  it("a price for large prompts or for another tier alone is not enough", () => {
    assert.isFalse(PriceTable.isKnown([price({ above: 100 })], "m", november))
    assert.isFalse(PriceTable.isKnown([price({ tier: "priority" })], "m", november))
  })
})

describe("make", () => {
  it("gives back prices that are in order", () => {
    const prices = [price({ input: 0, output: 0, above: 0, cacheRead: 0, from: "2028-02-29", tier: "batch" })]
    assert.strictEqual(PriceTable.make(prices), prices)
  })

  it.each(["input", "output", "cacheRead", "cacheWrite", "cacheWriteLong", "above"])(
    "refuses %s out of range",
    (name) => {
      for (const value of [-1, -1e-9, Number.NaN, Infinity, -Infinity]) {
        assert.throws(
          () => PriceTable.make([price(), price({ [name]: value })]),
          RangeError,
          `${name} of the price of "m" must be a finite number of at least 0, not ${value}`
        )
      }
    }
  )

  it.each(["input", "output"])("refuses a price read from elsewhere that has no %s", (name) => {
    const { [name]: _, ...rest } = { ...price() } as Record<string, unknown>
    assert.throws(() => PriceTable.make([rest as unknown as PriceTable.Price]), RangeError, name)
  })

  it.each(["", "soon", "2026", "2026-10", "2026-13-01", "2026-02-30", "2027-02-29", "2026-10-07T00:00", "7 Oct 2026"])(
    "refuses \"%s\" as a day",
    (from) => assert.throws(() => PriceTable.make([price({ from })]), RangeError, `not "${from}"`)
  )

  it("refuses a price without a model", () => {
    for (const model of ["", " "]) assert.throws(() => PriceTable.make([price({ model })]), RangeError, "model")
  })
})

describe("add", () => {
  const old = price({ input: 1 })
  const oldLarge = price({ input: 2, above: 100 })
  const oldLater = price({ input: 3, from: "2026-01-01" })
  const table = [old, oldLarge, oldLater]

  it("a price without from and above takes the place of all of its model and tier", () => {
    const mine = price({ input: 9 })
    assert.deepStrictEqual(PriceTable.add(table, [mine]), [mine])
    const other = price({ model: "n" })
    assert.deepStrictEqual(PriceTable.add(table, [other]), [other, ...table])
    const priority = price({ tier: "priority" })
    assert.deepStrictEqual(PriceTable.add(table, [priority]), [priority, ...table])
  })

  it("a price from a day on leaves what held before, and other bands", () => {
    const mine = price({ input: 9, from: "2025-01-01" })
    assert.deepStrictEqual(PriceTable.add(table, [mine]), [mine, old, oldLarge])
  })

  it("a price of a band leaves smaller prompts", () => {
    const mine = price({ input: 9, above: 50 })
    assert.deepStrictEqual(PriceTable.add(table, [mine]), [mine, old, oldLater])
  })

  it("a flat price of one's own holds at every time and size, whatever the defaults say", () => {
    for (const model of ["claude-sonnet-5-5", "claude-haiku-5-5"]) {
      const mine = price({ model, input: 9 })
      const both = PriceTable.add(PriceTable.defaults, [mine])
      for (const at of [0, november]) {
        for (const inputTokens of [1, 1e6]) assert.strictEqual(found(both, { model, at, inputTokens }), mine)
      }
    }
  })

  it("refuses what make refuses", () => {
    assert.throws(() => PriceTable.add([], [price({ input: -1 })]), RangeError, "input")
  })
})

describe("current", () => {
  const model = "claude-opus-5-5"
  const input = (id: string) => Effect.map(PriceTable.current, (table) => found(table, { model: id })?.input)
  const mine = [price({ model: "mine", input: 7 })]

  it.effect("is the defaults where nothing is provided", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* PriceTable.current, PriceTable.defaults)
    }))

  it.effect("layer - these prices and no others", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* input("mine"), 7)
      assert.isUndefined(yield* input(model))
    }).pipe(Effect.provide(PriceTable.layer(mine))))

  it.effect("layerAdd - the defaults stay, these go before", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* input("mine"), 7)
      assert.strictEqual(yield* input(model), 9)
      assert.strictEqual(yield* input("claude-opus-5"), 5)
    }).pipe(Effect.provide(PriceTable.layerAdd([...mine, price({ model, input: 9 })]))))

  it.effect("layerAdd - adds to what is provided around it", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* input("mine"), 7)
      assert.strictEqual(yield* input("other"), 8)
      assert.isUndefined(yield* input(model))
    }).pipe(
      Effect.provide(
        Layer.provide(PriceTable.layerAdd([price({ model: "other", input: 8 })]), PriceTable.layer(mine))
      )
    ))

  it("layer, layerAdd - refuse what make refuses when they are called", () => {
    const wrong = [price({ output: Number.NaN })]
    assert.throws(() => PriceTable.layer(wrong), RangeError, "output")
    assert.throws(() => PriceTable.layerAdd(wrong), RangeError, "output")
  })
})
