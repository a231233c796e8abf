/**
 * Stage: another tool stands in where this one fails for now and its retries are over, or while its circuit is open.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { emit } from "./emit.ts"
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

/** Only where a second execution cannot count twice. */
const mayStandIn = ({ effectClass }: Plan, { executed, kind }: Failed): boolean =>
  kind === "transient" && (effectClass === "readonly" || !executed)

const standIn = (call: Call, { execute, name }: NonNullable<Plan["fallback"]>, failed: Failed) =>
  emit(call, (at) => ({ _tag: "FallbackStarted", ...keyOf(call), at, tool: name, failure: recorded(failed) })).pipe(
    Effect.andThen(execute(attemptOf(call))),
    Effect.map(({ value }): Result => ({
      value,
      note: `from "${name}", since "${call.name}" failed (${failed.reason}): ${failed.message}`
    })),
    Effect.catch((second) =>
      Effect.fail(
        second.kind === "fatal"
          ? second
          : {
            ...failed,
            executed: failed.executed || second.executed,
            message: `${failed.message} ("${name}", which stood in, failed as well: ${second.reason})`
          }
      )
    )
  )

/** @internal */
export const fallback: Stage = (plan) => {
  const { fallback } = plan
  if (fallback === undefined) return undefined
  return (next): Execute => (call) =>
    Effect.catch(
      next(call),
      (failed) => mayStandIn(plan, failed) ? standIn(call, fallback, failed) : Effect.fail(failed)
    )
}
