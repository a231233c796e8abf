/**
 * How long the last calls of a tool took, and how many of them may be hedged.
 *
 * @internal
 */

/** Durations that are kept. */
const kept = 100

/** Durations below which nothing is said about the slow ones. */
const enough = 20

/** Hedges allowed for each call, and the most that are saved up. */
const share = 0.05
const most = 50

/** @internal */
export interface Latencies {
  /** Keeps how long a call took, in milliseconds. */
  readonly record: (millis: number) => void
  /** The duration that 95 % of the last calls did not exceed, in milliseconds; `undefined` while there are too few. */
  readonly p95: () => number | undefined
  /** Counts a call. */
  readonly call: () => void
  /** Takes a hedge; `false` when none is left. */
  readonly takeHedge: () => boolean
}

/** @internal */
export const make = (): Latencies => {
  const durations: Array<number> = []
  let at = 0
  let hedges = 1
  return {
    record: (millis) => {
      durations[at] = millis
      at = (at + 1) % kept
    },
    p95: () =>
      durations.length < enough
        ? undefined
        : durations.toSorted((left, right) => left - right)[Math.ceil(durations.length * 0.95) - 1],
    call: () => {
      hedges = Math.min(most, hedges + share)
    },
    takeHedge: () => {
      if (hedges < 1) return false
      hedges--
      return true
    }
  }
}
