/**
 * Stage: calls with the same key run one after another, in call order.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { occupy } from "./occupy.ts"
import * as Permits from "./permits.ts"
import type { Call, Failed, Stage } from "./stage.ts"

const laneOf = (call: Call, key: string): Permits.Permits => {
  const lane = call.shared.lanes.get(key) ?? Permits.make(1)
  call.shared.lanes.set(key, lane)
  return lane
}

const keyFailed = (error: unknown): Failed => ({
  kind: "defect",
  reason: "Defect",
  message: "the tool's serial key could not be computed",
  executed: false,
  error
})

/** @internal */
export const serial: Stage = (plan) => {
  const { serial: keyOf } = plan
  if (keyOf === undefined) return undefined
  return (next) => (call) => {
    let key: string
    try {
      key = `${plan.name}\n${keyOf(call.params as never)}`
    } catch (error) {
      return Effect.fail(keyFailed(error))
    }
    const place = laneOf(call, key).ask()
    return occupy(call, () => place, "The call before this one", Effect.suspend(() => next(call)))
  }
}
