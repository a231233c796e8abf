/**
 * What is told of many numbers: of samples, and of the buckets of a native histogram.
 *
 * @internal
 */
import type { Histogram } from "./api.ts"

/** A number as Prometheus writes it. @internal */
export const numberOf = (text: string): number =>
  /^[+-]?Inf$/i.test(text) ? (text.startsWith("-") ? -Infinity : Infinity) : Number(text)

/** As `quantile_over_time`: between two numbers in proportion. NaN of none. */
const quantile = (sorted: ReadonlyArray<number>, q: number): number => {
  const at = q * (sorted.length - 1)
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN]
  const share = at - Math.floor(at)
  // Of an infinite number there is no part.
  return low === high || share === 0 ? low : low + (high - low) * share
}

const mean = (numbers: ReadonlyArray<number>): number =>
  numbers.length === 0 ? Number.NaN : numbers.reduce((sum, number) => sum + number / numbers.length, 0)

/** @internal */
export type Statistics = Readonly<Record<"min" | "max" | "mean" | "p50" | "p90" | "p99", number>>

/** NaN is left out; of nothing else all are NaN. @internal */
export const statisticsOf = (samples: ReadonlyArray<number>): Statistics => {
  const sorted = samples.filter((number) => !Number.isNaN(number)).toSorted((a, b) => a - b)
  return {
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
    mean: mean(sorted),
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99)
  }
}

/** @internal */
export type HistogramStatistics = Readonly<Record<"count" | "sum" | "mean" | "p50" | "p90" | "p99", number>>

/** Within the bucket that has it, in proportion. */
const quantileIn = (
  buckets: ReadonlyArray<{ readonly low: number; readonly high: number; readonly count: number }>,
  q: number
): number => {
  const rank = q * buckets.reduce((sum, { count }) => sum + count, 0)
  let before = 0
  for (const { count, high, low } of buckets) {
    if (count > 0 && before + count >= rank) return low + (high - low) * ((rank - before) / count)
    before += count
  }
  return Number.NaN
}

/** @internal */
export const ofHistogram = ({ buckets = [], count, sum }: typeof Histogram.Type): HistogramStatistics => {
  const [all, total] = [numberOf(count), numberOf(sum)]
  const filled = buckets.map(([, low, high, count]) => ({
    low: numberOf(low),
    high: numberOf(high),
    count: numberOf(count)
  }))
  return {
    count: all,
    sum: total,
    mean: total / all,
    p50: quantileIn(filled, 0.5),
    p90: quantileIn(filled, 0.9),
    p99: quantileIn(filled, 0.99)
  }
}
