/**
 * The windows of range queries.
 *
 * @internal
 */
import * as Schema from "effect/Schema"

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** As many points as a step is chosen for. */
const wantedPoints = 120

/** As many points as a step that is asked for may give. */
const mostPoints = 1000

/** Steps that make readable times; beyond the last one it is whole days. */
const steps = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400]

const longest = 366 * 86_400

const secondsOf = (text: string): number => Number(text.slice(0, -1)) * units[text.slice(-1)]!

/** The description stands before the checks: after one that JSON Schema cannot say, the model would not see it. */
const Span = (annotations: { readonly description: string; readonly examples: ReadonlyArray<string> }) =>
  Schema.String.annotate(annotations).check(
    Schema.isPattern(/^[1-9]\d{0,8}[smhdw]$/),
    Schema.makeFilter((text: string) => secondsOf(text) <= longest, { expected: "a span of at most 366 days" })
  )

/** How far a range query reaches back. @internal */
export const Range = Span({
  description: "Time range back from now, like 5m, 1h or 24h; without it: the value of now",
  examples: ["5m", "1h", "24h"]
})

/** How far apart the samples of a range query are. @internal */
export const Step = Span({
  description: `Only with \`range\`: time between two samples, raised where there would be more than ${mostPoints}; ` +
    `default chosen for at most ${wantedPoints}`,
  examples: ["30s", "5m"]
})

/** In seconds, both ends included. @internal */
export interface Window {
  readonly start: number
  readonly end: number
  readonly step: number
}

const pointsOf = (length: number, step: number): number => Math.floor(length / step) + 1

const chosen = (length: number, most: number): number =>
  steps.find((step) => pointsOf(length, step) <= most) ?? Math.ceil(length / (most - 1) / 86_400) * 86_400

/**
 * The window of a range that ends now: with the step that is asked for, unless that gives more than 1,000 points, or else
 * with one that gives at most 120.
 *
 * @internal
 */
export const windowOf = (range: string, step: string | undefined, now: number): Window => {
  const length = secondsOf(range)
  const asked = step === undefined ? undefined : secondsOf(step)
  const taken = asked === undefined
    ? chosen(length, wantedPoints)
    : pointsOf(length, asked) <= mostPoints
    ? asked
    : chosen(length, mostPoints)
  // Counted from the end, so that the last sample is of now.
  return { start: now - Math.floor(length / taken) * taken, end: now, step: taken }
}

/** What is said of a step that was asked for and not taken. @internal */
export const stepNote = (step: string | undefined, window: Window | undefined): ReadonlyArray<string> =>
  step === undefined || window === undefined || secondsOf(step) === window.step
    ? []
    : [`the step is ${window.step} s instead of ${step}: a series has at most ${mostPoints} points`]
