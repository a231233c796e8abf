/**
 * Stage: another tool stands in where this one fails for now and its retries are over, or while its circuit is open.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import {
  attemptOf,
  type Call,
  type Execute,
  type Failed,
  keyOf,
  type Plan,
  recorded,
  type Result,
  type Stage
} from "./stage.ts"

type Substitute = NonNullable<Plan["fallback"]>

/** Only where a second execution cannot count twice. */
const mayStandIn = ({ effectClass }: Plan, { executed, kind }: Failed): boolean =>
  kind === "transient" && (effectClass === "readonly" || !executed)

/** Where a result is from and why; a substitute may have one of its own. */
const noteOf = (plan: Plan, { name }: Substitute, { message, reason }: Failed, note: string | undefined): string => {
  const since = `since "${plan.name}" failed (${reason}): ${message}`
  return note === undefined ? `from "${name}", ${since}` : `${note}; "${name}" was asked ${since}`
}

const bothFailed = ({ name }: Substitute, first: Failed, second: Failed): Failed =>
  second.kind === "fatal" ? second : {
    ...first,
    executed: first.executed || second.executed,
    message: `${first.message} ("${name}", which stood in, failed as well: ${second.reason})`
  }

const standIn = Effect.fnUntraced(function*(
  plan: Plan,
  call: Call,
  substitute: Substitute,
  failed: Failed
): Effect.fn.Return<Result, Failed> {
  if ((yield* Clock.currentTimeMillis) >= call.deadline) return yield* Effect.fail(failed)
  const { execute, name } = substitute
  yield* call.shared.emit((at) => ({
    _tag: "FallbackStarted",
    ...keyOf(call),
    at,
    tool: name,
    failure: recorded(failed)
  }))
  return yield* execute(attemptOf(call)).pipe(
    Effect.map(({ note, value }): Result => ({ value, note: noteOf(plan, substitute, failed, note) })),
    Effect.mapError((second) => bothFailed(substitute, failed, second))
  )
})

/** @internal */
export const fallback: Stage = (plan) => {
  const { fallback } = plan
  if (fallback === undefined) return undefined
  return (next): Execute => (call) =>
    Effect.catch(
      next(call),
      (failed) => mayStandIn(plan, failed) ? standIn(plan, call, fallback, failed) : Effect.fail(failed)
    )
}
