/**
 * What the model is told about calls that were not run to their end, and about the last turn.
 *
 * @internal
 */
import type * as Dispatcher from "../../Dispatcher.ts"
import type * as Limits from "../../Limits.ts"
import type * as RunEvent from "../../RunEvent.ts"
import type * as RunState from "../../RunState.ts"
import type * as ToolPolicy from "../../ToolPolicy.ts"

const reached: { readonly [limit in Limits.Reached]: string } = {
  turns: "The limit of turns of this run is reached.",
  toolCalls: "The limit of tool calls of this run is reached.",
  deadline: "The time of this run is nearly over.",
  outputTokens: "The limit of output tokens is reached."
}

/** The message that asks for the answer on the last turn. @internal */
export const askForAnswer = (limit: Limits.Reached): string =>
  `${reached[limit]} No more tools can be called. Answer now with what you have, and say what is missing.`

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
    case "deadline":
      return interruptedText("The time of the run is over", call, effectClass)
  }
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
