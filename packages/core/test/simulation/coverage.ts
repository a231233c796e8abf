import type { RunEvent } from "@volley/core"
import type { Fate } from "./plan.ts"
import { ofTag, viewOf } from "./view.ts"
import type { Seen } from "./world.ts"

/** What became of a call, as far as it is worth telling apart. */
const what = (event: RunEvent.RunEvent): string => {
  switch (event._tag) {
    case "CallQueued":
      return `queued: ${event.behind}`
    case "CacheHit":
      return event.stale ? "stale from the cache" : "fresh from the cache"
    case "RetryRefused":
      return `not retried: ${event.why}`
    case "CallReconciled":
      return event.executed ? "reconciled: executed" : "reconciled: not executed"
    case "ToolCallAnswered":
      return event.ok ? "answered" : `answered: ${event.failure?.reason}`
    case "RunEnded":
      return `ended: ${event.outcome}`
    default:
      return event._tag
  }
}

/** What a seed has reached: the events of its runs, and what followed each fate of a handler. */
export const reached = (seen: Seen): ReadonlySet<string> => {
  const cells = new Set<string>()
  for (const run of seen.runs) {
    const { calls, noted, state } = viewOf(run, seen)
    for (const { event } of noted) cells.add(what(event))
    const end = noted.findIndex(({ event }) => event._tag === "RunEnded")
    if (state.ended?.outcome === "cancelled") cells.add(`cancelled after ${noted[end - 1]?.event._tag}`)
    for (const { events, executions } of calls) {
      for (const { event: { attempt }, position } of ofTag(events, "AttemptEnded")) {
        const fate = executions.find((one) => one.attempt === attempt)?.fate
        const next = events.find((one) => one.position > position)
        if (fate !== undefined && next !== undefined) cells.add(`${fate} → ${what(next.event)}`)
      }
    }
  }
  return cells
}

const notRetried = ["not retried: run", "not retried: deadline"]
const tried = ["RetryScheduled", "CircuitOpened", ...notRetried]

/** What has to follow each fate of a handler in some world. */
const followers: { readonly [fate in Fate]: ReadonlyArray<string> } = {
  ok: ["answered", "answered: Cancelled", "not retried: deadline"],
  slow: ["answered", "answered: Cancelled", "not retried: deadline"],
  transient: [...tried, "answered: Unavailable", "reconciled: not executed"],
  refused: [...tried, "answered: Unavailable"],
  throttled: [...tried, "answered: RateLimited"],
  distant: ["not retried: retryAfter"],
  committed: [...tried, "answered: Unavailable", "reconciled: executed"],
  permanent: ["answered: NotFound"],
  unknown: [...tried, "answered: Unknown", "reconciled: not executed"],
  die: ["answered: Defect", "CircuitOpened"],
  hang: [...tried, "answered: Timeout", "answered: Cancelled", "reconciled: not executed"],
  deaf: ["RetryScheduled", ...notRetried, "answered: Timeout", "answered: Cancelled", "reconciled: executed"],
  fatal: ["answered: Sealed"]
}

/** What many seeds together have to reach: a cell that stays empty is a fault that is not met. */
export const cells: ReadonlyArray<string> = [
  "queued: dependency",
  "queued: serial",
  "queued: tool",
  "queued: dispatch",
  "CallJoined",
  "fresh from the cache",
  "stale from the cache",
  "HedgeStarted",
  "RateLimited",
  "FallbackStarted",
  "AttemptAbandoned",
  "AttemptReleased",
  "ModelFailed",
  "answered: CircuitOpen",
  "answered: DependencyFailed",
  "answered: FailedPrecondition",
  "answered: InvalidArguments",
  "ended: completed",
  "ended: limited",
  "ended: failed",
  "ended: cancelled",
  "cancelled after ModelRequested",
  "cancelled after ToolCallRequested",
  "cancelled after ModelFailed",
  "cancelled after TurnClosed",
  ...Object.entries(followers).flatMap(([fate, events]) => events.map((event) => `${fate} → ${event}`))
]
