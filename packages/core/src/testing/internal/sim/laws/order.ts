/**
 * What runs after what.
 *
 * @internal
 */
import * as Option from "effect/Option"
import { guarded } from "../../../../internal/classify.ts"
import type { Member } from "../cast.ts"
import { isDeaf, nameOf, type Report, toOf, type View } from "../view.ts"

/** The lane of a call by its decoded arguments; `undefined` where it has none. */
const laneOf = ({ policy: { serial } }: Member, params: unknown): string | undefined =>
  serial === undefined || serial === false
    ? undefined
    : serial === true
    ? ""
    : guarded(() => serial(params as never))

/** Calls of one serial key: one after another, in call order, all their attempts. @internal */
export const checkSerial = ({ executions, noted, world }: View, report: Report): void => {
  const lanes = Map.groupBy(executions, ({ params, process, request, tool, turn }) => {
    const member = world.cast.all.get(tool)
    const lane = member === undefined ? undefined : laneOf(member, params)
    return lane === undefined ? undefined : JSON.stringify([process, turn, request, tool, lane])
  })
  for (const [key, lane] of lanes) {
    if (key === undefined) continue
    for (const execution of lane) {
      for (const later of lane) {
        if (later.index > execution.index && later.from <= toOf(execution) && execution.from < toOf(later)) {
          report(
            "order",
            `${nameOf(later)} ran before the end of ${nameOf(execution)}, with the same key`,
            noted.length - 1
          )
        }
      }
    }
  }
}

/** A call that comes after others begins when they have succeeded, or not at all. @internal */
export const checkAfter = ({ calls, whole }: View, report: Report): void => {
  for (const call of calls) {
    const names = call.member?.policy.after ?? []
    if (names.length === 0 || !whole) continue
    const before = calls.filter((one) => one.turn === call.turn && one.index !== call.index && names.includes(one.name))
    const failed = before.some(({ answer }) => !answer.ok)
    const [first] = call.executions
    if (first !== undefined && failed) {
      report("order", `${call.what} ran although a call that it comes after failed`, call.answered)
    }
    if (call.answer.failure?.reason === "DependencyFailed" && call.answer.attempts === 0 && !failed) {
      report("order", `${call.what} says that its dependency failed; none did`, call.answered)
    }
    const last = Math.max(0, ...before.flatMap(({ executions }) => executions.filter((one) => !isDeaf(one)).map(toOf)))
    if (first !== undefined && first.from <= last) {
      report("order", `${call.what} began before a call that it comes after ended`, call.answered)
    }
  }
}

/** A call waits for its lane only while one before it has it. @internal */
export const checkLanes = ({ calls, executions, whole }: View, report: Report): void => {
  if (!whole) return
  const lane = (call: View["calls"][number]) =>
    call.member === undefined || Option.isNone(call.decoded) ? undefined : laneOf(call.member, call.decoded.value)
  for (const call of calls) {
    for (const [i, { at, event }] of call.events.entries()) {
      const next = call.events[i + 1]
      if (event._tag !== "CallQueued" || event.behind !== "serial" || next === undefined || next.at === at) continue
      const busy = calls.some((other) =>
        other.name === call.name && other.turn === call.turn && other.index < call.index && lane(other) === lane(call)
        && (other.answer.at >= next.at ||
          executions.some((one) =>
            one.turn === other.turn && one.index === other.index && (one.end ?? next.at) >= next.at
          ))
      )
      if (!busy) report("G19", `${call.what} waits for its turn, which is nobody's`, call.answered)
    }
  }
}
