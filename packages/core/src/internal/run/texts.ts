/**
 * What the model is told about calls that were not run to their end.
 *
 * @internal
 */
import type * as Dispatcher from "../../Dispatcher.ts"
import type * as Limits from "../../Limits.ts"
import type * as RunEvent from "../../RunEvent.ts"
import type * as RunState from "../../RunState.ts"
import type * as ToolPolicy from "../../ToolPolicy.ts"

type Text = Pick<Dispatcher.Answer, "ok" | "result" | "attempts" | "failure">

const text = (
  result: string,
  reason: string,
  call: RunState.Call,
  kind: RunEvent.Failure["kind"] = "permanent"
): Text => ({
  ok: false,
  result,
  attempts: call.attempts,
  failure: { kind, reason, message: result, executed: call.attempts > 0 }
})

/** The answer to a call that is not run. @internal */
export const withheld = (
  why: RunState.Withheld,
  limits: Limits.Resolved,
  call: RunState.Call,
  effectClass: ToolPolicy.EffectClass
): Text => {
  switch (why) {
    case "cut":
      return text(
        "The reply was cut before this call was complete; it was not executed. Ask for it again, more briefly.",
        "Cancelled",
        call
      )
    case "tooManyInTurn":
      return text(
        `Too many calls in one turn, limit ${limits.toolCallsPerTurn}; this one was not executed. Ask for it in the next turn.`,
        "FailedPrecondition",
        call
      )
    case "tooManyInRun":
      return text(
        `Too many calls in this run, limit ${limits.toolCalls}; this one was not executed.`,
        "FailedPrecondition",
        call
      )
    case "noToolsLeft":
      return text("No more tools can be called in this run; this call was not executed.", "FailedPrecondition", call)
    case "inactive":
      return text(
        `The tool "${call.requested.name}" cannot be called in this turn; this call was not executed.`,
        "FailedPrecondition",
        call
      )
    case "denied":
      return text(denied(call), "PermissionDenied", call)
    case "deadline":
      return interruptedText("The time of the run is over", call, effectClass)
  }
}

const denied = ({ approval }: RunState.Call): string => {
  const reason = typeof approval === "object" ? approval.reason : undefined
  return `This call was not approved${
    reason === undefined ? "" : `: ${reason.replace(/[.]+$/, "")}`
  }; it was not executed.`
}

const interruptedText = (why: string, call: RunState.Call, effectClass: ToolPolicy.EffectClass): Text =>
  call.attempts === 0
    ? text(`${why} before this call began; it was not executed.`, "Cancelled", call)
    : effectClass === "readonly"
    ? text(`${why} while this call was running; it gave no result.`, "Cancelled", call)
    : text(
      `${why} while this call was running; its outcome is unknown. Verify before you repeat it.`,
      "Cancelled",
      call,
      "unknown"
    )

/** The answer to a call that was open when the run was ended early. @internal */
export const cancelled = (
  call: RunState.Call,
  outcome: "failed" | "cancelled",
  effectClass: ToolPolicy.EffectClass
): Text =>
  interruptedText(
    outcome === "cancelled" ? "The run was cancelled" : "The run was ended by a failure",
    call,
    effectClass
  )
