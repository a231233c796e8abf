/**
 * Which faults met a run in which phase.
 *
 * @internal
 */
import * as RunState from "../../../RunState.ts"
import type { Cast, Member } from "./cast.ts"
import { places, type Strike } from "./plan.ts"
import { ofTag, type View, viewOf } from "./view.ts"
import type { World } from "./world.ts"

const modelFaults = [
  "429",
  "429 with Retry-After",
  "500",
  "529",
  "cut",
  "eof",
  "error"
] as const

const when = ["first turn", "later turn"] as const

/** What a handler does, as far as it is worth telling apart. */
const fates = [
  "ok",
  "transient",
  "permanent",
  "unknown",
  "fatal",
  "die",
  "hang",
  "deaf",
  "flood",
  "acts and fails"
] as const

type Told = typeof fates[number]

/** What a tool of the class and its failures may do. */
const fatesOf = ({ effectClass, failures, flood, results }: Member): ReadonlyArray<Told> => {
  const kinds = new Set(failures.map(({ kind }) => kind))
  const [result] = results
  return fates.filter((fate) => {
    switch (fate) {
      case "transient":
      case "permanent":
      case "unknown":
      case "fatal":
        return kinds.has(fate)
      case "flood":
        return result !== undefined && flood(result, 100) !== undefined
      case "acts and fails":
        return effectClass !== "readonly"
          && failures.some(({ executed, kind }) => executed && (kind === "transient" || kind === "unknown"))
      default:
        return true
    }
  })
}

const phases = ["ready", "requested", "dispatching"] as const

/** Where a journal may be struck. */
const journalPhases = ["new", "ready", "requested", "responded", "dispatching", "finished"] as const

const sides = ["before", "after"] as const

const strikeOf = ({ at, does, side }: Strike): string => `${does} ${side} ${at}`

/** What many seeds of an agent together have to reach. @internal */
export const all = ({ members }: Cast): ReadonlyArray<string> => {
  const has = (holds: (member: Member) => boolean): boolean => members.some(holds)
  const classes = Map.groupBy(members, ({ effectClass }) => effectClass)
  const struck = places.filter((place) => {
    switch (place) {
      case "append":
        return false
      case "cache":
        return has(({ policy }) => policy.cache !== undefined)
      case "reconcile":
        return has(({ policy }) => policy.reconcile !== undefined)
      case "approver":
        return has(({ gated }) => gated)
      case "effect":
        return members.length > 0
      case "store":
        return has((member) => fatesOf(member).includes("flood"))
      default:
        return true
    }
  })
  return [
    ...modelFaults.flatMap((fault) => when.map((turn) => `model ${fault} × ${turn}`)),
    ...(members.length === 0 ? [] : ["broken arguments", "unknown tool", "repeated id", "too many calls"]
      .map((fault) => `${fault} × dispatching`)),
    "no calls × responded",
    ...Array.from(classes).flatMap(([effectClass, own]) =>
      Array.from(new Set(own.flatMap(fatesOf))).map((fate) => `${effectClass} ${fate} × dispatching`)
    ),
    ...(has(({ effectClass, gated, policy }) => effectClass === "readonly" && !gated && policy.after === undefined)
      ? ["readonly ok × requested", "readonly hang × requested"]
      : []),
    ...phases.filter((phase) => phase !== "dispatching" || members.length > 0).map((phase) => `cancel × ${phase}`),
    ...struck.flatMap((at) =>
      (["fail", "crash"] as const).flatMap((does) =>
        sides.map((side) => `${strikeOf({ at, does, side, nth: 1 })} × any`)
      )
    ),
    ...journalPhases.flatMap((phase) =>
      (["fail", "crash"] as const).flatMap((does) =>
        sides.map((side) => `${strikeOf({ at: "append", does, side, nth: 1 })} × ${phase}`)
      )
    )
  ]
}

const phaseAt = (view: View, events: number): RunState.Phase =>
  view.run.events.slice(0, events).reduce(RunState.apply, RunState.initial).phase

const fateOf = ({ failure, fate }: View["executions"][number]): Told => {
  if (fate.acts === true && fate.does === "fail") return "acts and fails"
  if (fate.does !== "fail") return fate.does
  const kind = failure?.kind
  return kind === undefined || kind === "defect" ? "unknown" : kind
}

const ofModel = ({ run }: View): ReadonlyArray<string> =>
  run.plan.turns.flatMap(({ faults }, turn) =>
    faults.slice(0, run.asked.get(turn) ?? 0).map((fault) => {
      const what = "status" in fault
        ? `${fault.status}${fault.retryAfter === undefined ? "" : " with Retry-After"}`
        : fault.type
      return `model ${what} × ${turn === 0 ? "first turn" : "later turn"}`
    })
  )

const ofCalls = ({ calls, limits, noted, run }: View): ReadonlyArray<string> => [
  ...calls.flatMap(({ answer, index, member, planned }) => [
    ...(answer.failure?.reason === "InvalidArguments" ? ["broken arguments × dispatching"] : []),
    ...(member === undefined && planned !== undefined ? ["unknown tool × dispatching"] : []),
    ...(planned?.id === undefined ? [] : ["repeated id × dispatching"]),
    ...(index >= limits.toolCallsPerTurn ? ["too many calls × dispatching"] : [])
  ]),
  ...ofTag(noted, "ModelResponded").flatMap(({ event }) =>
    run.plan.turns[event.turn - 1]?.calls.length === 0 ? ["no calls × responded"] : []
  )
]

const ofHandlers = (view: View): ReadonlyArray<string> => {
  const complete = new Map(ofTag(view.noted, "ModelResponded").map(({ event, position }) => [event.turn, position]))
  return view.executions.flatMap((execution) => {
    const member = view.world.cast.all.get(execution.tool)
    if (member === undefined) return []
    const isEarly = execution.from <= (complete.get(execution.turn) ?? Number.POSITIVE_INFINITY)
    const cell = `${member.effectClass} ${fateOf(execution)}`
    return isEarly ? [`${cell} × requested`, `${cell} × dispatching`] : [`${cell} × dispatching`]
  })
}

/** The cells that a world has reached. @internal */
export const reached = (world: World): ReadonlySet<string> => {
  const cells = new Set<string>()
  for (const [i, run] of world.runs.entries()) {
    const view = viewOf(world, i)
    for (const { strike, struck } of world.processes) {
      if (strike === undefined || struck === undefined) continue
      if (strike.at !== "append") cells.add(`${strikeOf(strike)} × any`)
      else if (struck.run === run) {
        // after an event has been written, the run is still where it was before
        const events = strike.side === "after" ? struck.events - 1 : struck.events
        cells.add(`${strikeOf(strike)} × ${events === 0 || view === undefined ? "new" : phaseAt(view, events)}`)
      }
    }
    if (view === undefined) continue
    for (const cell of [...ofModel(view), ...ofCalls(view), ...ofHandlers(view)]) cells.add(cell)
    if (run.cancelled !== undefined) cells.add(`cancel × ${phaseAt(view, run.cancelled)}`)
  }
  return cells
}
