/**
 * Stage: calls with the same key run one after another, in call order.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Permits from "../permits.ts"
import { occupy, type Wanted } from "./occupy.ts"
import { type Call, notExecuted, type Stage } from "./stage.ts"

const laneOf = (call: Call, key: string): Permits.Permits => {
  const lane = call.shared.lanes.get(key) ?? Permits.make(1)
  call.shared.lanes.set(key, lane)
  return lane
}

const until: Wanted["until"] = ({ history }) => history.handlers

/** @internal */
export const serial: Stage = ({ name, policy }) => {
  const { serial: keyOf } = policy
  if (keyOf === undefined || keyOf === false) return undefined
  return (next) => (call) => {
    let key: string
    try {
      key = `${name}\n${keyOf === true ? "" : keyOf(call.decoded as never)}`
    } catch (error) {
      const message = "the tool's serial key could not be computed"
      return Effect.fail(notExecuted("defect", "Defect", message, { error }))
    }
    // asked for here, in call order
    const place = laneOf(call, key).ask()
    const wanted: Wanted = { ask: () => place, behind: "serial", until, what: "The call before this one" }
    return occupy(call, wanted, Effect.suspend(() => next(call)))
  }
}
