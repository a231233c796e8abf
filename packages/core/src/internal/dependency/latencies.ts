/**
 * How long the last calls of a tool took, and how many of them may be hedged.
 *
 * @internal
 */

/** Durations that are kept. */
const kept = 100

/** Durations below which nothing is said about the slow ones. */
const enough = 20

/** So many calls pay for one that is hedged: 5 %. */
const callsPerHedge = 20

/** Hedges that are saved up at the most: slow calls come in bursts. */
const most = 20

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
  let unspent = callsPerHedge
  return {
    record: (millis) => {
      durations[at] = millis
      at = (at + 1) % kept
    },
    p95: () =>
      durations.length < enough
        ? undefined
        : durations.toSorted((left, right) => left - right)[Math.ceil((durations.length * 95) / 100) - 1],
    call: () => {
      unspent = Math.min(most * callsPerHedge, unspent + 1)
    },
    takeHedge: () => {
      if (unspent < callsPerHedge) return false
      unspent -= callsPerHedge
      return true
    }
  }
}
