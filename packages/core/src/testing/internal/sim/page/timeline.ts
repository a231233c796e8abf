/**
 * The runs of a report as lanes, one column an event.
 *
 * @internal
 */
import type * as RunEvent from "../../../../RunEvent.ts"
import type { Report } from "../../../Simulation.ts"
import { escaped } from "./escaped.ts"

/** One event of one run; all events of all runs have a column each. @internal */
export interface Column {
  readonly run: number
  readonly event: RunEvent.RunEvent
  readonly position: number
  readonly at: number
}

/** @internal */
export const columnsOf = ({ runs }: Report): ReadonlyArray<Column> =>
  runs.flatMap(({ events }, run) => {
    let at = 0
    return events.map((event, position): Column => {
      if ("at" in event) at = event.at
      return { run, event, position, at }
    })
  }).toSorted((left, right) => left.at - right.at)

const callOf = (event: RunEvent.RunEvent): string | undefined =>
  "index" in event ? `${event.turn}.${event.request}.${event.index}` : undefined

const width = 14
const height = 24
const left = 230
const top = 44

const x = (column: number): number => left + column * width

const bar = (kind: string, from: number, to: number, lane: number, title: string): string =>
  `<rect class="${kind}" x="${x(from)}" y="${top + lane * height + 6}" width="${
    Math.max(width - 4, x(to) - x(from))
  }" height="12" rx="2">`
  + `<title>${escaped(title)}</title></rect>`

const dot = (kind: string, column: number, lane: number, title: string): string =>
  `<circle class="${kind}" cx="${x(column) + 5}" cy="${top + lane * height + 12}" r="3"><title>${
    escaped(title)
  }</title></circle>`

const diamond = (column: number, lane: number, title: string): string =>
  `<path class="effect" d="m${x(column) + 10} ${top + lane * height + 5} 7 7 -7 7 -7 -7z"><title>${
    escaped(title)
  }</title></path>`

const described = (event: RunEvent.RunEvent): string => {
  const { _tag, ...fields } = event
  return `${_tag} ${JSON.stringify(fields).slice(0, 400)}`
}

/** What stands above a line. */
const marked = (found: Report["violations"]): string =>
  found.length === 0 ? "resumed" : Array.from(new Set(found.map(({ guarantee }) => guarantee))).join(" ")

/** Bars from where something begins to where it ends, in a lane; `to` is the last column where it does not end. */
const barsOf = (
  columns: ReadonlyArray<Column>,
  lane: ReadonlyMap<string, number>,
  { ledger }: Report
): ReadonlyArray<string> =>
  columns.flatMap(({ event, run }, from) => {
    const until = (ends: (other: RunEvent.RunEvent) => boolean): number =>
      columns.findIndex((other, i) =>
        i > from && other.run === run && (ends(other.event) || other.event._tag === "RunResumed")
      )
    if (event._tag === "ModelRequested") {
      const to = until((other) =>
        (other._tag === "ModelResponded" || other._tag === "ModelFailed") && other.turn === event.turn
        && other.request === event.request
      )
      const end = columns[to]?.event._tag
      const kind = end === "ModelResponded" ? "model" : end === "ModelFailed" ? "failed" : "lost"
      return [
        bar(kind, from, to < 0 ? columns.length : to, lane.get(`${run}`)!, `request ${event.turn}.${event.request}`)
      ]
    }
    if (event._tag !== "AttemptStarted") return []
    const to = until((other) =>
      other._tag === "AttemptEnded" && callOf(other) === callOf(event) && other.attempt === event.attempt
    )
    const end = columns[to]?.event
    const { fate, tool } = ledger.find((one) =>
      one.run === run && one.turn === event.turn && one.index === event.index && one.attempt === event.attempt
    ) ?? {}
    const failure = end?._tag === "AttemptEnded" ? end.failure : undefined
    const kind = end?._tag !== "AttemptEnded" ? "lost" : failure === undefined ? "ok" : "failed"
    const title = `${tool ?? ""} attempt ${event.attempt}: ${JSON.stringify(fate)} ${JSON.stringify(failure) ?? ""}`
    return [bar(kind, from, to < 0 ? columns.length : to, lane.get(`${run} ${callOf(event)}`)!, title)]
  })

/** @internal */
export const timeline = (report: Report, columns: ReadonlyArray<Column>): string => {
  const lanes = new Map<string, string>()
  for (const [run, { runId }] of report.runs.entries()) {
    lanes.set(`${run}`, runId)
    for (const { event, run: of } of columns) {
      if (of === run && event._tag === "ToolCallRequested") {
        lanes.set(`${run} ${callOf(event)}`, `${callOf(event)} ${event.name}`)
      }
    }
  }
  const lane = new Map(Array.from(lanes.keys(), (key, i) => [key, i]))
  const bottom = top + lanes.size * height
  const right = x(columns.length) + 80
  const laneOf = ({ event, run }: Column): number =>
    lane.get(callOf(event) === undefined ? `${run}` : `${run} ${callOf(event)}`) ?? lane.get(`${run}`)!
  const names = Array.from(lanes.values(), (name, i) => {
    const y = top + i * height + 16
    return `<line class="lane" x1="0" y1="${y + 8}" x2="${right}" y2="${y + 8}"/><text x="8" y="${y}">${
      escaped(name.slice(0, 28))
    }</text>`
  })
  let labelled = Number.NEGATIVE_INFINITY
  const times = columns.flatMap(({ at }, i) => {
    if (at === columns[i - 1]?.at || i - labelled < 6) return []
    labelled = i
    return [`<text class="dim" x="${x(i)}" y="14">${at} ms</text>`]
  })
  const effects = report.ledger.flatMap(({ effects, index, run, turn }) =>
    effects.map(({ at, what }) => {
      const i = columns.findLastIndex((column) =>
        column.run === run && column.event._tag === "AttemptStarted" && column.at <= at && column.event.turn === turn
        && column.event.index === index
      )
      return i < 0 ? "" : diamond(i, laneOf(columns[i]!), `${what} takes effect at ${at} ms`)
    })
  )
  const verticals = columns.flatMap(({ event, position, run }, i) => {
    const found = report.violations.filter((one) => one.run === run && one.event === position)
    const kind = found.length > 0 ? "violation" : event._tag === "RunResumed" ? "resumed" : undefined
    const title = found.length > 0
      ? found.map(({ guarantee, message }) => `${guarantee}: ${message}`).join("\n")
      : "resumed by the next process"
    return kind === undefined
      ? []
      : [
        `<line class="${kind}" x1="${x(i) + 5}" y1="${top - 6}" x2="${x(i) + 5}" y2="${bottom}">`
        + `<title>${escaped(title)}</title></line>`
        + `<text class="${kind}" x="${x(i) + 5}" y="${top - 12}" text-anchor="middle">${marked(found)}</text>`
      ]
  })
  return `<svg role="img" aria-label="Timeline of the run" width="${right}" height="${
    bottom + 10
  }" viewBox="0 0 ${right} ${bottom + 10}">`
    + [
      ...names,
      ...times,
      ...barsOf(columns, lane, report),
      ...columns.map((column, i) => dot("event", i, laneOf(column), described(column.event))),
      ...effects,
      ...verticals
    ].join("\n")
    + "</svg>"
}
