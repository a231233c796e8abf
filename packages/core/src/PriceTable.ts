/**
 * What models cost, as data.
 *
 * **Details**
 *
 * Providers do not report prices: they are a table that you can replace (`layer`) or add to (`layerAdd`). What has no
 * price is unknown, which is `undefined` and never 0; a model that costs nothing says 0.
 *
 * It knows nothing of discounts, regions, fast modes and server tools. Give what is priced apart a tier of its own.
 *
 * Amounts are plain numbers in USD: not rounded, and sums of them are exact to about 1e-12 USD.
 *
 * **Example** (What a reply costs)
 *
 * ```ts
 * import * as PriceTable from "@volley/core/PriceTable"
 *
 * const table = PriceTable.make([{ model: "my-model", input: 2, output: 10 }])
 * const usage = { inputTokens: 1_000, outputTokens: 100, cacheReadTokens: 500, cacheWriteTokens: 0 }
 * console.log(PriceTable.cost(table, { model: "my-model", at: 0, usage }))
 * ```
 *
 * ```text
 * 0.0021
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { once } from "./internal/once.ts"
import type * as RunEvent from "./RunEvent.ts"

/**
 * What the tokens of a model cost, in USD per million, at least 0.
 *
 * - `model`: an id. It stands for its dated ids as well: `"claude-haiku-4-5"` for `"claude-haiku-4-5-20251001"`, with
 *   a date of 8 digits and nothing else.
 * - `from`: the day, `"YYYY-MM-DD"`, from whose midnight UTC it holds; default always.
 * - `tier`: the service tier it holds for; default `"standard"`.
 * - `above`: it holds for prompts of more input tokens than this, cached ones included, and then for the whole prompt;
 *   default any prompt.
 * - `input`, `output`: neither read from nor written to the cache; written by the model.
 * - `cacheRead`, `cacheWrite`, `cacheWriteLong`: read from the cache, written to it for minutes, for an hour; default
 *   0.1, 1.25 and 2 times `input`.
 * - `window`: the context window of the model in tokens; default unknown.
 *
 * @category models
 * @since 0.1.0
 */
export interface Price {
  readonly model: string
  readonly from?: string
  readonly tier?: string
  readonly above?: number
  readonly input: number
  readonly output: number
  readonly cacheRead?: number
  readonly cacheWrite?: number
  readonly cacheWriteLong?: number
  readonly window?: number
}

/**
 * Prices of models. Of those that hold, the longest `model` wins, then the highest `above`, then the latest `from`, then
 * the first in the table.
 *
 * @category models
 * @since 0.1.0
 */
export type PriceTable = ReadonlyArray<Price>

/**
 * What a price is looked up for.
 *
 * - `at`: when, in milliseconds since the epoch.
 * - `tier`: the service tier; default `"standard"`.
 * - `inputTokens`: all of the prompt, cached ones included.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly model: string
  readonly at: number
  readonly tier?: string | undefined
  readonly inputTokens: number
}

const standard = "standard"
const batch = "batch"

/** When a price begins to hold, in ms since the epoch: always where it has no day, never where its day is none. */
const start = once(({ from }: Price): number => {
  if (from === undefined) return -Infinity
  const time = /^\d{4}-\d{2}-\d{2}$/.test(from) ? Date.parse(from) : Number.NaN
  // Date.parse takes 30 February for 2 March
  return Number.isFinite(time) && new Date(time).toISOString().startsWith(from) ? time : Infinity
})

const threshold = ({ above }: Price): number => above ?? -Infinity
const tierOf = ({ tier }: { readonly tier?: string | undefined }): string => tier ?? standard

interface Rates {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
  readonly cacheWriteLong: number
}

const rates = ({ cacheRead, cacheWrite, cacheWriteLong, input, output }: Price): Rates => ({
  input,
  output,
  cacheRead: cacheRead ?? input / 10,
  cacheWrite: cacheWrite ?? input * 1.25,
  cacheWriteLong: cacheWriteLong ?? input * 2
})

const validate = (price: Price): void => {
  const { above = 0, from, model } = price
  if (model.trim() === "") throw new RangeError("A price must name its model")
  for (const [name, value] of Object.entries({ ...rates(price), above })) {
    if (!(Number.isFinite(value) && value >= 0)) {
      throw new RangeError(`${name} of the price of "${model}" must be a finite number of at least 0, not ${value}`)
    }
  }
  if (start(price) === Infinity) {
    throw new RangeError(`from of the price of "${model}" must be a day as YYYY-MM-DD, not "${from}"`)
  }
}

/**
 * The prices, if each is one.
 *
 * @throws `RangeError` naming a number that is negative or not finite, a `from` that is no day, or an empty `model`
 * @category constructors
 * @since 0.1.0
 */
export const make = (prices: PriceTable): PriceTable => {
  for (const price of prices) validate(price)
  return prices
}

const withWindows = (prices: PriceTable): PriceTable =>
  prices.map((price) =>
    price.model.startsWith("claude-")
      ? { ...price, window: price.model === "claude-haiku-4-5" ? 200_000 : 1_000_000 }
      : price
  )

/**
 * The prices in use by default, in USD per million tokens, as found in October and November 2026. None is from an API.
 *
 * | model | input / output | cache read | source |
 * | --- | --- | --- | --- |
 * | Fable 5.1, Mythos 5.1 | 10 / 50 | 0.25 | Anthropic's documentation or third party; cache read third party |
 * | Fable 5, Mythos 5 | 10 / 50 | 1 | Anthropic's documentation or third party |
 * | Opus 5.5 | 4 / 20 | 0.20 | Anthropic's documentation |
 * | Opus 4.5 to 5 | 5 / 25 | 0.50 | Anthropic's documentation or third party |
 * | Sonnet 5.5 | 2 / 10 | 0.20, from 2026-10-07 on 0.10 | Anthropic's documentation or third party; cache read third party |
 * | Sonnet 5 | 2 / 10 | 0.20 | Anthropic's documentation or third party |
 * | Sonnet 4.5, 4.6 | 3 / 15 | 0.30 | Anthropic's documentation or third party |
 * | Haiku 5.5, to 100,000 input tokens | 0.10 / 0.50 | 0.01 | Anthropic's documentation; that it ends there third party |
 * | Haiku 5.5, above | 0.50 / 2.50 | 0.05 | third party |
 * | Haiku 4.5 | 1 / 5 | 0.10 | Anthropic's documentation or third party |
 *
 * Writing to the cache costs 1.25 times the input, for an hour 2 times. The models of `@volley/core/offline` and
 * `@volley/core/testing` cost nothing. What was not found is absent: Fable 5.2, Mythos 5.2, Mythos Preview, the priority
 * tier and the fast mode of all. The window of each is 1,000,000 tokens, that of Haiku 4.5 200,000 (same sources).
 *
 * @category models
 * @since 0.1.0
 */
export const defaults: PriceTable = withWindows(make([
  { model: "claude-fable-5-1", input: 10, output: 50, cacheRead: 0.25 },
  { model: "claude-mythos-5-1", input: 10, output: 50, cacheRead: 0.25 },
  { model: "claude-fable-5", input: 10, output: 50 },
  { model: "claude-mythos-5", input: 10, output: 50 },
  { model: "claude-opus-5-5", input: 4, output: 20, cacheRead: 0.2 },
  { model: "claude-opus-5", input: 5, output: 25 },
  { model: "claude-opus-4-8", input: 5, output: 25 },
  { model: "claude-opus-4-7", input: 5, output: 25 },
  { model: "claude-opus-4-6", input: 5, output: 25 },
  { model: "claude-opus-4-5", input: 5, output: 25 },
  { model: "claude-sonnet-5-5", input: 2, output: 10 },
  { model: "claude-sonnet-5-5", from: "2026-10-07", input: 2, output: 10, cacheRead: 0.1 },
  { model: "claude-sonnet-5", input: 2, output: 10 },
  { model: "claude-sonnet-4-6", input: 3, output: 15 },
  { model: "claude-sonnet-4-5", input: 3, output: 15 },
  { model: "claude-haiku-5-5", input: 0.1, output: 0.5 },
  { model: "claude-haiku-5-5", above: 100_000, input: 0.5, output: 2.5 },
  { model: "claude-haiku-4-5", input: 1, output: 5 },
  { model: "offline planner (not a language model)", input: 0, output: 0 },
  { model: "scripted", input: 0, output: 0 }
]))

/**
 * The prices in use; by default `defaults`.
 *
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<PriceTable> = Context.Reference<PriceTable>("@volley/core/PriceTable", {
  defaultValue: () => defaults
})

/** Whether one price holds wherever the other does. */
const covers = (price: Price, other: Price): boolean =>
  price.model === other.model && tierOf(price) === tierOf(other)
  && start(price) <= start(other) && threshold(price) <= threshold(other)

/**
 * A table with these prices first. Prices of the table are left out where one of these, of the same model and tier, holds
 * whenever they do: a price without `from` and `above` is the only one of its model, one with `from` changes it from then
 * on.
 *
 * @throws `RangeError` as `make` does
 * @category combinators
 * @since 0.1.0
 */
export const add = (table: PriceTable, prices: PriceTable): PriceTable => [
  ...make(prices),
  ...table.filter((old) => !prices.some((price) => covers(price, old)))
]

/**
 * Provides these prices and no others.
 *
 * @throws `RangeError` as `make` does, when it is called
 * @category layers
 * @since 0.1.0
 */
export const layer = (prices: PriceTable): Layer.Layer<never> => Layer.succeed(current, make(prices))

/**
 * Provides the prices in use where it is built with these added, as `add` does.
 *
 * @throws `RangeError` as `make` does, when it is called
 * @category layers
 * @since 0.1.0
 */
export const layerAdd = (prices: PriceTable): Layer.Layer<never> => {
  const added = make(prices)
  return Layer.effect(current, Effect.map(Effect.service(current), (table) => add(table, added)))
}

const names = (model: string, id: string): boolean => id.startsWith(model) && /^(-\d{8})?$/.test(id.slice(model.length))

const wins = (price: Price, other: Price): boolean => {
  if (price.model.length !== other.model.length) return price.model.length > other.model.length
  if (threshold(price) !== threshold(other)) return threshold(price) > threshold(other)
  return start(price) > start(other)
}

const holds = (price: Price, { at, inputTokens, model, tier }: Request): boolean =>
  tierOf(price) === tier && names(price.model, model) && start(price) <= at && threshold(price) < inputTokens

const pick = (table: PriceTable, request: Request): Price | undefined => {
  let found: Price | undefined
  for (const price of table) {
    if (holds(price, request) && (found === undefined || wins(price, found))) found = price
  }
  return found
}

const halved = (price: Price): Price => {
  const { cacheRead, cacheWrite, cacheWriteLong, input, output } = rates(price)
  return {
    ...price,
    tier: batch,
    input: input / 2,
    output: output / 2,
    cacheRead: cacheRead / 2,
    cacheWrite: cacheWrite / 2,
    cacheWriteLong: cacheWriteLong / 2
  }
}

/**
 * The price of a request, or `undefined` where there is none. The tier `"batch"` is half of `"standard"` where the table
 * has no price of its own for it; other tiers are unknown then.
 *
 * @category combinators
 * @since 0.1.0
 */
export const find = (table: PriceTable, request: Request): Price | undefined => {
  const tier = tierOf(request)
  const found = pick(table, { ...request, tier })
  if (found !== undefined || tier !== batch) return found
  const whole = pick(table, { ...request, tier: standard })
  return whole === undefined ? undefined : halved(whole)
}

/**
 * Whether what a model costs at a time, in milliseconds since the epoch, is known in the standard tier for a prompt of any
 * size.
 *
 * @category guards
 * @since 0.1.0
 */
export const isKnown = (table: PriceTable, model: string, at: number): boolean =>
  find(table, { model, at, inputTokens: 0 }) !== undefined

const million = 1e6

/**
 * What a reply costs in USD, or `undefined` where that is unknown: no model, or no price for it.
 *
 * **Details**
 *
 * `inputTokens` has those read from and written to the cache in it, `cacheWriteTokens` those kept for an hour. A usage
 * that has more in the part than in the whole is charged for the part.
 *
 * @param reply.at - when, in milliseconds since the epoch
 * @param reply.tier - the service tier; default `"standard"`
 * @category combinators
 * @since 0.1.0
 */
export const cost = (table: PriceTable, { at, model, tier, usage }: {
  readonly model: string | undefined
  readonly at: number
  readonly tier?: string | undefined
  readonly usage: RunEvent.Usage
}): number | undefined => {
  const { cacheReadTokens, cacheWriteLongTokens = 0, cacheWriteTokens, inputTokens, outputTokens } = usage
  const short = Math.max(0, cacheWriteTokens - cacheWriteLongTokens)
  const cached = cacheReadTokens + short + cacheWriteLongTokens
  const whole = Math.max(inputTokens, cached)
  const price = model === undefined ? undefined : find(table, { model, at, tier, inputTokens: whole })
  if (price === undefined) return undefined
  const rate = rates(price)
  return (
    (whole - cached) * rate.input
    + cacheReadTokens * rate.cacheRead
    + short * rate.cacheWrite
    + cacheWriteLongTokens * rate.cacheWriteLong
    + outputTokens * rate.output
  ) / million
}

/**
 * The most that a request can cost in USD which reads and writes at most so many tokens: all of the input at the dearest
 * rate of the price, cached or not. Take the price that `find` gives for as many input tokens; a table whose price falls
 * above a size can make a smaller prompt dearer.
 *
 * @internal
 */
export const most = (price: Price, { inputTokens, outputTokens }: {
  readonly inputTokens: number
  readonly outputTokens: number
}): number => {
  const { cacheRead, cacheWrite, cacheWriteLong, input, output } = rates(price)
  return (inputTokens * Math.max(input, cacheRead, cacheWrite, cacheWriteLong) + outputTokens * output) / million
}
