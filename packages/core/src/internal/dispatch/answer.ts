/**
 * From what a call came to, to its one answer: the text of a failure, or the result with its note, within the room there is.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redactor from "../../Redactor.ts"
import * as ResultStore from "../../ResultStore.ts"
import type * as RunEvent from "../../RunEvent.ts"
import { boundText, bytesOf, bytesOfResult, fit, maximumBytes, type Room } from "./bound.ts"
import { type Call, type Failed, notExecuted, type Plan, recorded, type Result } from "./stage.ts"
import { failureText } from "./texts.ts"

/**
 * `result` is what the model reads; `fatal` is the error that the run has to end with; `handle` names the whole result in the
 * `ResultStore` where it was cut.
 *
 * @internal
 */
export interface Answer {
  readonly ok: boolean
  readonly result: unknown
  readonly attempts: number
  readonly failure: RunEvent.Failure | undefined
  readonly handle: string | undefined
  readonly fatal: Option.Option<unknown>
}

/** What the answers of a dispatch need. @internal */
export interface Answers {
  readonly room: Room
  readonly results: ResultStore.ResultStore
  /** Whether the model can read what was left out of a result. */
  readonly readable: boolean
}

const failedOf = (cause: Cause.Cause<Failed>): Failed =>
  Cause.hasDies(cause)
    ? { kind: "defect", reason: "Defect", message: "the dispatcher failed", executed: true, error: cause }
    : Option.getOrElse(
      Cause.findErrorOption(cause),
      () => notExecuted("permanent", "Cancelled", "the call was interrupted")
    )

const withNote = (value: unknown, note: string | undefined): unknown =>
  note === undefined ? value : typeof value === "string" ? `${value}\n\n(${note})` : { result: value, note }

/** What a note takes besides its words, in bytes. */
const noteFrame = 32

/** As much of the handle's digits as makes it hard to guess. */
const handleLength = 16

const cut = Effect.fnUntraced(function*({ readable, results }: Answers, call: Call, text: string, maximum: number) {
  const handle = call.key.slice(0, handleLength)
  const kept = call.name !== ResultStore.readResult.name
    && (yield* results.keep(ResultStore.key(call.shared.tenant, handle), text))
  const hint = kept && readable ? `; ${ResultStore.readResult.name} with handle "${handle}" gives them` : ""
  return { value: boundText(text, maximum, hint), handle: kept ? handle : undefined }
})

const succeeded = (
  answers: Answers,
  call: Call,
  plan: Plan | undefined,
  { note, value }: Result
): Effect.Effect<Answer> => {
  const answered = (value: unknown, handle: string | undefined): Answer => ({
    ok: true,
    result: withNote(value, note),
    attempts: call.history.attempts,
    failure: undefined,
    handle,
    fatal: Option.none()
  })
  const reserved = note === undefined ? 0 : bytesOf(JSON.stringify(note)) + noteFrame
  const maximum = Math.max(0, Math.min(plan?.maxResultSize ?? maximumBytes, answers.room.share()) - reserved)
  const found = fit(value, maximum)
  return "tooLarge" in found
    ? Effect.map(cut(answers, call, found.tooLarge, maximum), ({ handle, value }) => answered(value, handle))
    : Effect.succeed(answered(found.value, undefined))
}

const failed = ({ room }: Answers, call: Call, plan: Plan | undefined, failure: Failed): Effect.Effect<Answer> =>
  Effect.map(Redactor.current, (redactor) => {
    const text = redactor.redact(failureText(failure, call.history.attempts, plan?.effectClass ?? "readonly"))
    return {
      ok: false,
      result: boundText(text, Math.min(maximumBytes, room.share())),
      attempts: call.history.attempts,
      failure: recorded(failure),
      handle: undefined,
      fatal: failure.kind === "fatal" ? Option.some(failure.error) : Option.none()
    }
  })

/** @internal */
export const answer = (
  answers: Answers,
  call: Call,
  plan: Plan | undefined,
  exit: Exit.Exit<Result, Failed>
): Effect.Effect<Answer> =>
  Effect.tap(
    Exit.isSuccess(exit)
      ? succeeded(answers, call, plan, exit.value)
      : failed(answers, call, plan, failedOf(exit.cause)),
    ({ result }) => Effect.sync(() => answers.room.take(bytesOfResult(result)))
  )
