/**
 * From the state that a run ends in to what its caller gets.
 *
 * @internal
 */
import * as AiError from "effect/ai/AiError"
import * as Effect from "effect/Effect"
import type * as Limits from "../../Limits.ts"
import * as Outcome from "../../Outcome.ts"
import type * as RunState from "../../RunState.ts"
import type { Output } from "./output.ts"

/** Of a request that another process sent, the journal has the words alone. */
const failedBefore = ({ failed }: RunState.RunState): AiError.AiError =>
  AiError.make({
    module: "Agent",
    method: "resume",
    reason: new AiError.UnknownError({ description: failed?.message ?? "the model failed" })
  })

/**
 * How a run went, from the state that its journal ends in.
 *
 * @param modelError - what the model's last request failed with, where this process knows it
 * @internal
 */
export const outcomeOf = Effect.fnUntraced(function*(
  state: RunState.RunState,
  output: Output | undefined,
  modelError: AiError.AiError | undefined
): Effect.fn.Return<Outcome.Outcome<unknown>, unknown> {
  const { ended, partial, response, spent, started, transcript } = state
  const { cost, toolCalls, turns, usage } = spent
  const runId = started?.runId ?? ""
  const answered = {
    runId,
    text: ended?.text ?? "",
    output: output === undefined ? undefined : yield* output.of(state),
    usage,
    cost: cost ?? "unknown" as const,
    excess: Math.max(0, (cost ?? 0) - (started?.limits.cost ?? Number.POSITIVE_INFINITY)),
    turns,
    toolCalls,
    stopReason: response?.stopReason ?? "",
    transcript
  }
  switch (ended?.outcome) {
    case "completed":
      return { _tag: "Completed", ...answered }
    case "limited": {
      const limit = ended.reason as Limits.Reached
      if (started?.limits.onLimit === "fail") {
        return yield* new Outcome.LimitReached({ runId, limit, transcript, usage })
      }
      return { _tag: "Limited", limit, ...answered }
    }
    case "refused": {
      const { category = "", explanation = "" } = response?.refusal ?? {}
      return yield* new Outcome.Refused({ runId, category, explanation, transcript, usage })
    }
    default:
      if (ended?.reason === "OutputInvalid") {
        return yield* new Outcome.OutputInvalid({
          runId,
          problem: state.output.message,
          text: answered.text,
          transcript,
          usage
        })
      }
      if (ended?.reason === "PartialFailure" && partial === "fail") {
        const failed = state.calls.filter((call) => call.answered?.ok === false)
        return yield* new Outcome.TooManyFailed({
          runId,
          calls: state.calls.length,
          failed: failed.map((call) => call.requested.name),
          transcript,
          usage
        })
      }
      return yield* Effect.fail(modelError ?? failedBefore(state))
  }
})
