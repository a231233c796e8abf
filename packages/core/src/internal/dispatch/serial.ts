/**
 * Stage: calls with the same key run one after another, in call order.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Permits from "../permits.ts"
import { computedKey } from "./computedKey.ts"
import { occupy, type Wanted } from "./occupy.ts"
import type { Call, Stage } from "./stage.ts"

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
    const computed = computedKey(keyOf === true ? () => "" : keyOf, call, "order")
    if (typeof computed !== "string") return Effect.fail(computed)
    const key = `${name}\n${computed}`
    // asked for here, in call order
    const place = laneOf(call, key).ask()
    const wanted: Wanted = { ask: () => place, behind: "serial", until, what: "The call before this one" }
    return occupy(call, wanted, Effect.suspend(() => next(call)))
  }
}
