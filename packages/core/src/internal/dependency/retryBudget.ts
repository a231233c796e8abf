/**
 * How many retries a dependency, or a thread, allows: a share of its calls and some more, over a sliding window.
 *
 * @internal
 */

/** The window, in milliseconds. It is kept in slices, so that a call costs nothing but a count. */
const window = 10_000
const slice = 1000
const slices = window / slice

/** Retries allowed for each call of the window (Finagle's default, as the rest is). */
const share = 0.2

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

/**
 * Of the retries granted in the 10 seconds before any moment at most a fifth of the calls of these 10 seconds come on top
 * of those that are always allowed.
 *
 * @param always - retries per second that need no calls
 * @internal
 */
export const make = (always: number): RetryBudget => {
  let counts: Array<Count> = []

  /** The present slice; those that no window reaches any more are dropped, as is the future after a clock was set back. */
  const present = (now: number): Count => {
    const at = Math.floor(now / slice)
    const last = counts.at(-1)
    if (last?.at === at) return last
    counts = counts.filter((count) => count.at >= at - slices && count.at < at)
    const count: Count = { at, calls: 0, retries: 0 }
    counts.push(count)
    return count
  }

  /** A slice that is only partly in the window counts whole for retries and not at all for calls: never too many. */
  const left = (now: number): { readonly left: number; readonly allowed: number } => {
    const { at } = present(now)
    let allowed = (always * window) / 1000
    let taken = 0
    for (const count of counts) {
      if (count.at > at - slices) allowed += count.calls * share
      taken += count.retries
    }
    return { left: allowed - taken, allowed }
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
