/**
 * Stage: bounds how many handlers run at the same time, per tool and per dispatch.
 *
 * The tool's place comes first, so that no call holds a place of the dispatch while it waits for its tool.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { occupy, type Wanted } from "./occupy.ts"
import type { Call, Execute, Stage } from "./stage.ts"

const until: Wanted["until"] = ({ handler }) => handler === undefined ? [] : [handler]

const ofDispatch = ({ shared }: Call): Wanted => ({
  ask: shared.permits.ask,
  behind: "dispatch",
  until,
  what: "A place to run"
})

/** @internal */
export const bulkhead: Stage = ({ name, permits }) => (next) => {
  const inDispatch: Execute = (call) => occupy(call, ofDispatch(call), Effect.suspend(() => next(call)))
  if (permits === undefined) return inDispatch
  const ofTool: Wanted = { ask: permits.ask, behind: "tool", until, what: `A place of tool "${name}"` }
  return (call) => occupy(call, ofTool, inDispatch(call))
}
