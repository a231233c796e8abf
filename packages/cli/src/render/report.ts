/**
 * The JSON report of a run: a pure function of its events.
 *
 * @internal
 */
import type * as RunEvent from "@volley/core/RunEvent"
import type * as RunState from "@volley/core/RunState"
import * as Timeline from "./timeline.ts"

/** A tool call of the report; durations are milliseconds. @internal */
export interface ReportedCall {
  readonly id: string
  readonly name: string
  readonly arguments: unknown
  readonly ok: boolean
  readonly kind?: RunEvent.Failure["kind"]
  readonly reason?: string
  readonly attempts: number
  readonly durationMs: number
}

/** What `volley run --output json` prints. @internal */
export interface Report {
  readonly runId: string
  readonly outcome: "completed" | "limited" | "refused" | "failed" | "cancelled"
  readonly reason?: string
  readonly text: string
  readonly stopReason: string
  readonly turns: number
  readonly toolCalls: ReadonlyArray<ReportedCall>
  readonly usage: RunEvent.Usage
  /** USD, with the sub-agents and the replies that broke off, as `usage`; "unknown" where a price is not known. */
  readonly cost: number | "unknown"
  readonly durationMs: number
  readonly journal?: string
}

const reportCall = (call: Timeline.Call): ReportedCall => {
  const { answered, attempts, requested } = call
  const failure = answered?.failure
  return {
    id: requested.id,
    name: requested.name,
    arguments: requested.params,
    ok: answered?.ok ?? false,
    ...(failure === undefined ? {} : { kind: failure.kind, reason: failure.reason }),
    attempts: answered?.attempts ?? attempts.length,
    durationMs: Timeline.callDuration(call)
  }
}

const reasonOf = ({ ended, requests }: Timeline.Timeline): string | undefined => {
  if (ended?.outcome === "refused") return requests.at(-1)?.responded?.refusal?.category || ended.reason
  return ended?.reason
}

/** A run whose events do not end is reported as failed: its process did not live to end it. @internal */
export const fromTimeline = (
  timeline: Timeline.Timeline,
  { cost, usage }: Pick<RunState.Spent, "usage" | "cost">,
  journal?: string
): Report => {
  const reason = reasonOf(timeline)
  return {
    runId: timeline.started?.runId ?? "",
    outcome: timeline.ended?.outcome ?? "failed",
    ...(reason === undefined ? {} : { reason }),
    text: timeline.ended?.text ?? "",
    stopReason: timeline.requests.findLast(({ responded }) => responded !== undefined)?.responded?.stopReason ?? "",
    turns: Timeline.turns(timeline),
    toolCalls: Timeline.calls(timeline).map(reportCall),
    usage,
    cost: cost ?? "unknown",
    durationMs: Timeline.runDuration(timeline),
    ...(journal === undefined ? {} : { journal })
  }
}
