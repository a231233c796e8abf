import { isDeaf, nameOf, type Report, toOf, type View } from "../view.ts"

/** Calls of one serial key: one after another, in call order, all their attempts. */
export const checkSerial = ({ executions }: View, report: Report): void => {
  const lanes = Map.groupBy(
    executions.filter(({ tool }) => tool === "put" || tool === "pay"),
    ({ item, tool, turn }) => `${tool} ${item} ${turn}`
  )
  for (const lane of lanes.values()) {
    for (const execution of lane) {
      for (const later of lane) {
        if (later.call > execution.call && later.from <= toOf(execution)) {
          report(`order: ${nameOf(later)} ran before the end of ${nameOf(execution)}, with the same key`)
        }
      }
    }
  }
}

/** A call that comes after others begins when they have succeeded, or not at all. */
export const checkAfter = ({ calls }: View, report: Report): void => {
  for (const call of calls) {
    if (call.name !== "later") continue
    const pays = calls.filter((one) => one.name === "pay" && one.turn === call.turn)
    const failed = pays.some(({ answer }) => !answer.ok)
    const [first] = call.executions
    if (first !== undefined && failed) report(`${call.what} ran although a call that it comes after failed`)
    if (call.answer.failure?.reason === "DependencyFailed" && !failed) {
      report(`${call.what} says that its dependency failed; none did`)
    }
    const last = Math.max(0, ...pays.flatMap(({ executions }) => executions.filter((one) => !isDeaf(one)).map(toOf)))
    if (first !== undefined && first.from <= last) report(`${call.what} began before a call that it comes after ended`)
  }
}

/** A call waits for its lane only while one before it has it. */
export const checkLanes = ({ calls, executions }: View, report: Report): void => {
  for (const call of calls) {
    for (const [i, { at, event }] of call.events.entries()) {
      const next = call.events[i + 1]
      if (event._tag !== "CallQueued" || event.behind !== "serial" || next === undefined || next.at === at) continue
      const busy = calls.some((other) =>
        other.name === call.name && other.turn === call.turn && other.index < call.index
        && other.params?.item === call.params?.item
        && (other.answer.at >= next.at ||
          executions.some((one) =>
            one.turn === other.turn && one.call === other.index && (one.end ?? next.at) >= next.at
          ))
      )
      if (!busy) report(`G19: ${call.what} waits for its turn, which is nobody's`)
    }
  }
}
