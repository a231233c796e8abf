/**
 * The windows of range queries.
 *
 * @internal
 */
import * as Schema from "effect/Schema"

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

const mostPoints = 120

/** Steps that make readable times; beyond the last one it is whole days. */
const steps = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400]

const longest = 366 * 86_400

const secondsOf = (text: string): number => Number(text.slice(0, -1)) * units[text.slice(-1)]!

/** How far a range query reaches back. @internal */
export const Range = Schema.String.annotate({
  description: "Time range back from now, like 5m, 1h or 24h; without it: the value of now",
  examples: ["5m", "1h", "24h"]
}).check(
  Schema.isPattern(/^[1-9]\d{0,8}[smhdw]$/),
  Schema.makeFilter((text: string) => secondsOf(text) <= longest, { expected: "a range of at most 366 days" })
)

/** In seconds; with both ends at most 120 points. @internal */
export interface Window {
  readonly start: number
  readonly end: number
  readonly step: number
}

/** @internal */
export const windowOf = (range: string, now: number): Window => {
  const length = secondsOf(range)
  const fits = (step: number): boolean => Math.floor(length / step) + 1 <= mostPoints
  const step = steps.find(fits) ?? Math.ceil(length / (mostPoints - 1) / 86_400) * 86_400
  // Counted from the end, so that the last sample is of now.
  return { start: now - Math.floor(length / step) * step, end: now, step }
}
