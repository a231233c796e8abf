/**
 * From what a call came to, to its one answer: the text of a failure, the note of a result, both within their size.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redactor from "../../Redactor.ts"
import type * as RunEvent from "../../RunEvent.ts"
import { boundResult, boundText } from "./bound.ts"
import { type Call, type Failed, notExecuted, type Plan, recorded, type Result } from "./stage.ts"
import { failureText } from "./texts.ts"

/** `result` is what the model reads; `fatal` is the error that the run has to end with. @internal */
export interface Answer {
  readonly ok: boolean
  readonly result: unknown
  readonly attempts: number
  readonly failure: RunEvent.Failure | undefined
  readonly fatal: Option.Option<unknown>
}

const failedOf = (cause: Cause.Cause<Failed>): Failed =>
  Cause.hasDies(cause)
    ? { kind: "defect", reason: "Defect", message: "the dispatcher failed", executed: true, error: cause }
    : Option.getOrElse(
      Cause.findErrorOption(cause),
      () => notExecuted("permanent", "Cancelled", "the call was interrupted")
    )

const withNote = ({ note, value }: Result): unknown =>
  note === undefined ? value : typeof value === "string" ? `${value}\n\n(${note})` : { result: value, note }

/** @internal */
export const answer = (call: Call, exit: Exit.Exit<Result, Failed>, plan: Plan | undefined): Effect.Effect<Answer> =>
  Effect.map(Redactor.current, (redactor): Answer => {
    const { attempts } = call.history
    if (Exit.isSuccess(exit)) {
      const result = boundResult(withNote(exit.value), plan?.maxResultSize)
      return { ok: true, result, attempts, failure: undefined, fatal: Option.none() }
    }
    const failed = failedOf(exit.cause)
    return {
      ok: false,
      result: boundText(redactor.redact(failureText(failed, attempts, plan?.effectClass ?? "readonly"))),
      attempts,
      failure: recorded(failed),
      fatal: failed.kind === "fatal" ? Option.some(failed.error) : Option.none()
    }
  })
