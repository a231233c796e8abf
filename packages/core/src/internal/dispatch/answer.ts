/**
 * From what a call came to, to its one answer: the text of a failure, or the result with its note, within the room there is.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Redactor from "../../Redactor.ts"
import * as ResultStore from "../../ResultStore.ts"
import type * as RunEvent from "../../RunEvent.ts"
import type * as ToolPolicy from "../../ToolPolicy.ts"
import { boundText, bytesOf, bytesWithin, maximumBytes, type Place, type Readable, readable } from "./bound.ts"
import { inTime } from "./inTime.ts"
import { type Call, type Failed, notExecuted, type Plan, recorded, type Result as ToolResult } from "./stage.ts"
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

/** What the answer of a call needs. @internal */
export interface Answers {
  readonly place: Place
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

const noted = (text: string, note: string | undefined): string => note === undefined ? text : `${text}\n\n(${note})`

const withNote = (value: unknown, note: string | undefined): unknown =>
  typeof value === "string" ? noted(value, note) : note === undefined ? value : { result: value, note }

/** What a note takes besides its words, in bytes: `{"result":,"note":}`. */
const noteFrame = 19

const bytesOfNote = (note: string | undefined): number =>
  note === undefined ? 0 : bytesOf(JSON.stringify(note)) + noteFrame

/** In bytes. */
const longestNote = 512

/** As much of the handle's digits as makes it hard to guess. */
const handleLength = 16

/** The handle under which a text is kept, if it is. */
const keep = (results: ResultStore.ResultStore, call: Call, text: string): Effect.Effect<string | undefined> => {
  const handle = call.key.slice(0, handleLength)
  const key = ResultStore.key(call.shared.tenant, handle)
  return Effect.map(
    inTime(call, () => results.keep(key, text), "A whole result could not be kept"),
    (kept) => kept ? handle : undefined
  )
}

const readOn = `; ${ResultStore.readResult.name} with handle`

/** What was read comes with its note, within the room that its place has. */
const within = (
  { place, readable, results }: Answers,
  call: Call,
  { text, value }: Readable,
  note: string | undefined,
  maximum: number
): Effect.Effect<Answer> => {
  const answered = (result: unknown, handle: string | undefined): Answer => ({
    ok: true,
    result,
    attempts: call.history.attempts,
    failure: undefined,
    handle,
    fatal: Option.none()
  })
  const forNote = bytesOfNote(note)
  const size = bytesWithin(text, maximum) + forNote
  const room = place.take(Math.min(size, maximum))
  if (size <= room) return Effect.succeed(answered(withNote(value, note), undefined))
  const cut = (hint: string, handle: string | undefined): Answer =>
    answered(boundText(noted(boundText(text, room - forNote, hint), note), room), handle)
  // a page is kept already
  return call.name === ResultStore.readResult.name
    ? Effect.succeed(cut("; read fewer characters at once", undefined))
    : Effect.map(
      keep(results, call, text),
      (handle) => cut(readable && handle !== undefined ? `${readOn} "${handle}" gives them` : "", handle)
    )
}

/** Of a call that was begun before, the class that it had then counts as well. */
const classOf = ({ before }: Call, plan: Plan | undefined): ToolPolicy.EffectClass =>
  before?.class === "effectful" ? "effectful" : plan?.effectClass ?? "readonly"

const failed = (
  { place }: Answers,
  call: Call,
  plan: Plan | undefined,
  failure: Failed
): Effect.Effect<Answer> =>
  Effect.map(Redactor.current, (redactor) => {
    const text = redactor.redact(failureText(failure, call.history.attempts, classOf(call, plan)))
      .toWellFormed()
    return {
      ok: false,
      result: boundText(text, place.take(Math.min(bytesWithin(text, maximumBytes), maximumBytes))),
      attempts: call.history.attempts,
      failure: recorded(failure),
      handle: undefined,
      fatal: failure.kind === "fatal" ? Option.some(failure.error) : Option.none()
    }
  })

const unreadable = (error: unknown): Failed => ({
  kind: "defect",
  reason: "Defect",
  message: "the tool's result cannot be written as JSON",
  executed: true,
  error
})

const succeeded = (
  answers: Answers,
  call: Call,
  plan: Plan | undefined,
  { note, value }: ToolResult
): Effect.Effect<Answer> => {
  const found = Result.try(() => readable(value))
  if (Result.isFailure(found)) {
    const failure = unreadable(found.failure)
    return Effect.andThen(
      Effect.logError(`Tool "${call.name}" failed: ${failure.message}`, failure.error),
      failed(answers, call, plan, failure)
    )
  }
  const maximum = plan?.maxResultSize ?? maximumBytes
  return note === undefined
    ? within(answers, call, found.success, undefined, maximum)
    : Effect.flatMap(
      Redactor.current,
      (redactor) => within(answers, call, found.success, boundText(redactor.redact(note), longestNote), maximum)
    )
}

/** @internal */
export const answer = (
  answers: Answers,
  call: Call,
  plan: Plan | undefined,
  exit: Exit.Exit<ToolResult, Failed>
): Effect.Effect<Answer> =>
  Exit.isSuccess(exit)
    ? succeeded(answers, call, plan, exit.value)
    : failed(answers, call, plan, failedOf(exit.cause))
