/**
 * Stage: bounds how many handlers run at the same time, per tool and per dispatch.
 *
 * The tool's place comes first, so that no call holds a place of the dispatch while it waits for its tool.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { occupy } from "./occupy.ts"
import type { Execute, Stage } from "./stage.ts"

/** @internal */
export const bulkhead: Stage = ({ name, permits }) => (next) => {
  const inDispatch: Execute = (call) =>
    occupy(call, call.shared.permits.ask, "A place to run", Effect.suspend(() => next(call)))
  if (permits === undefined) return inDispatch
  return (call) => occupy(call, permits.ask, `A place of tool "${name}"`, inDispatch(call))
}
