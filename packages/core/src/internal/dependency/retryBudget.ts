/**
 * How many retries a dependency, or a thread, allows: a share of its calls and some more, over a sliding window.
 *
 * @internal
 */

/** The window, in milliseconds. It is kept in slices, so that a call costs nothing but a count. */
const window = 10_000
const slice = 1000
const slices = window / slice

/** One more retry is allowed for so many calls of the window (Finagle's default, as the rest is). */
const callsPerRetry = 5

/** @internal */
export interface RetryBudget {
  /** Counts a call. */
  readonly call: (now: number) => void
  /** Whether a retry is left. */
  readonly has: (now: number) => boolean
  /** Takes a retry. */
  readonly take: (now: number) => void
  /** Whether half of the allowed retries or more are left. */
  readonly plenty: (now: number) => boolean
}

interface Count {
  /** Number of the slice since the epoch. */
  readonly at: number
  calls: number
  retries: number
}

const retriesOf = (counts: ReadonlyArray<Count>): number => counts.reduce((sum, { retries }) => sum + retries, 0)

/**
 * A retry is granted only if those of the 10 seconds up to it, itself included, are then at most a fifth of the calls of these
 * 10 seconds and those that are always allowed.
 *
 * @param always - retries per second that need no calls
 * @internal
 */
export const make = (always: number): RetryBudget => {
  let counts: Array<Count> = []

  /**
   * The present slice; those that no window reaches any more are dropped. A reading of the clock may come a little late. When
   * a reading shows that the clock was set back, nobody knows how long ago the rest is: the retries are taken as granted now, the
   * calls are forgotten.
   */
  const present = (now: number): Count => {
    const at = Math.floor(now / slice)
    const last = counts.at(-1)
    if (last !== undefined && (at === last.at || at === last.at - 1)) return last
    const isSetBack = last !== undefined && at < last.at
    const count: Count = { at, calls: 0, retries: isSetBack ? retriesOf(counts) : 0 }
    counts = isSetBack ? [count] : [...counts.filter((count) => count.at >= at - slices), count]
    return count
  }

  /** A slice that is only partly in the window counts whole for retries and not at all for calls: never too many. */
  const left = (now: number): { readonly left: number; readonly allowed: number } => {
    const { at } = present(now)
    const calls = counts.reduce((sum, count) => count.at > at - slices ? sum + count.calls : sum, 0)
    const allowed = (always * window) / 1000 + calls / callsPerRetry
    return { left: allowed - retriesOf(counts), allowed }
  }

  return {
    call: (now) => {
      present(now).calls++
    },
    has: (now) => left(now).left >= 1,
    take: (now) => {
      present(now).retries++
    },
    plenty: (now) => {
      const budget = left(now)
      return budget.left >= budget.allowed / 2
    }
  }
}
