/**
 * What a plan led to, as one static HTML page.
 *
 * @internal
 */
import * as Crypto from "node:crypto"
import type * as RunEvent from "../../../RunEvent.ts"
import type { Report } from "../../Sim.ts"

// control characters and those that change the direction of text
const unsafe = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const entities: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&#39;"
}

const escaped = (text: string): string =>
  text.toWellFormed()
    .replace(unsafe, (character) => character === "\n" ? "\n" : "\ufffd")
    .replace(/[&<>"']/g, (character) => entities[character]!)

const style = `
:root { color-scheme: light dark; --ink: #1c2024; --dim: #62686e; --line: #d8dbdf; --ground: #fff; --good: #2f7d4f;
  --bad: #b3261e; --open: #a15c00; --model: #3a6ea5; --effect: #7b3fa0 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --dim: #a0a7ae; --line: #363b41; --ground: #16181b;
  --good: #5fbf86; --bad: #ff8a80; --open: #e0a650; --model: #7fb0e6; --effect: #c792e8 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); margin: 2rem; max-width: 90rem }
h1 { font-size: 1.3rem } h2 { font-size: 1.05rem; margin-top: 2rem } code, pre, td { font-family: ui-monospace, monospace; font-size: 13px }
.scroll { overflow-x: auto; border: 1px solid var(--line) } pre { padding: 1rem; margin: 0 } li.bad { color: var(--bad) }
table { border-collapse: collapse } td, th { padding: .1rem .8rem .1rem 0; text-align: left; vertical-align: top; white-space: nowrap }
th { color: var(--dim); font-weight: normal } tr.bad td { color: var(--bad) }
svg { display: block; font: 12px ui-monospace, monospace } text { fill: var(--ink) } .dim { fill: var(--dim) }
.lane { stroke: var(--line) } .ok { fill: var(--good) } .failed { fill: var(--bad) } .lost { fill: var(--open) }
.model { fill: var(--model) } .event { fill: var(--dim) } .effect { fill: var(--effect) }
.violation { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 4 3 } .resumed { stroke: var(--open); stroke-width: 2 }
`

/** One event of one run; all events of all runs have a column each. */
interface Column {
  readonly run: number
  readonly event: RunEvent.RunEvent
  readonly position: number
  readonly at: number
}

const columnsOf = ({ runs }: Report): ReadonlyArray<Column> =>
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
const top = 30

const x = (column: number): number => left + column * width

const bar = (kind: string, from: number, to: number, lane: number, title: string): string =>
  `<rect class="${kind}" x="${x(from)}" y="${top + lane * height + 6}" width="${Math.max(width - 4, x(to) - x(from))}" height="12" rx="2">`
  + `<title>${escaped(title)}</title></rect>`

const dot = (kind: string, column: number, lane: number, title: string): string =>
  `<circle class="${kind}" cx="${x(column) + 5}" cy="${top + lane * height + 12}" r="3"><title>${escaped(title)}</title></circle>`

const described = (event: RunEvent.RunEvent): string => {
  const { _tag, ...fields } = event
  return `${_tag} ${JSON.stringify(fields).slice(0, 400)}`
}

/** Bars from where something begins to where it ends, in a lane; `to` is the last column where it does not end. */
const barsOf = (columns: ReadonlyArray<Column>, lane: ReadonlyMap<string, number>, { ledger }: Report): ReadonlyArray<string> =>
  columns.flatMap(({ event, run }, from) => {
    const until = (ends: (other: RunEvent.RunEvent) => boolean): number =>
      columns.findIndex((other, i) => i > from && other.run === run && (ends(other.event) || other.event._tag === "RunResumed"))
    if (event._tag === "ModelRequested") {
      const to = until((other) =>
        (other._tag === "ModelResponded" || other._tag === "ModelFailed") && other.turn === event.turn
        && other.request === event.request
      )
      const end = columns[to]?.event._tag
      const kind = end === "ModelResponded" ? "model" : end === "ModelFailed" ? "failed" : "lost"
      return [bar(kind, from, to < 0 ? columns.length : to, lane.get(`${run}`)!, `request ${event.turn}.${event.request}`)]
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

const timeline = (report: Report, columns: ReadonlyArray<Column>): string => {
  const lanes = new Map<string, string>()
  for (const [run, { runId }] of report.runs.entries()) {
    lanes.set(`${run}`, runId)
    for (const { event, run: of } of columns) {
      if (of === run && event._tag === "ToolCallRequested") lanes.set(`${run} ${callOf(event)}`, `${callOf(event)} ${event.name}`)
    }
  }
  const lane = new Map(Array.from(lanes.keys(), (key, i) => [key, i]))
  const bottom = top + lanes.size * height
  const right = x(columns.length) + 20
  const laneOf = ({ event, run }: Column): number =>
    lane.get(callOf(event) === undefined ? `${run}` : `${run} ${callOf(event)}`) ?? lane.get(`${run}`)!
  const names = Array.from(lanes.values(), (name, i) => {
    const y = top + i * height + 16
    return `<line class="lane" x1="0" y1="${y + 8}" x2="${right}" y2="${y + 8}"/><text x="8" y="${y}">${escaped(name.slice(0, 28))}</text>`
  })
  let labelled = Number.NEGATIVE_INFINITY
  const times = columns.flatMap(({ at }, i) => {
    if (at === columns[i - 1]?.at || i - labelled < 5) return []
    labelled = i
    return [`<text class="dim" x="${x(i)}" y="18">${at} ms</text>`]
  })
  const effects = report.ledger.flatMap(({ effects, index, run, turn }) =>
    effects.map(({ at, what }) => {
      const i = columns.findLastIndex((column) =>
        column.run === run && column.event._tag === "AttemptStarted" && column.at <= at && column.event.turn === turn
        && column.event.index === index
      )
      return i < 0 ? "" : `<g transform="translate(6 0)">${dot("effect", i, laneOf(columns[i]!), `${what} takes effect at ${at} ms`)}</g>`
    })
  )
  const verticals = columns.flatMap(({ event, position, run }, i) => {
    const found = report.violations.filter((one) => one.run === run && one.event === position)
    const kind = found.length > 0 ? "violation" : event._tag === "RunResumed" ? "resumed" : undefined
    const title = found.length > 0 ? found.map(({ guarantee, message }) => `${guarantee}: ${message}`).join("\n") : "resumed by the next process"
    return kind === undefined
      ? []
      : [`<line class="${kind}" x1="${x(i) + 5}" y1="${top - 6}" x2="${x(i) + 5}" y2="${bottom}"><title>${escaped(title)}</title></line>`]
  })
  return `<svg role="img" aria-label="Timeline of the run" width="${right}" height="${bottom + 10}" viewBox="0 0 ${right} ${bottom + 10}">`
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

const rows = (report: Report, columns: ReadonlyArray<Column>): string =>
  columns.map(({ at, event, position, run }) => {
    const isBad = report.violations.some((one) => one.run === run && one.event === position)
    const { _tag, ...fields } = event
    return `<tr${isBad ? " class=\"bad\"" : ""}><td>${run}</td><td>${position}</td><td>${at}</td><td>${_tag}</td>`
      + `<td>${escaped(JSON.stringify(fields).slice(0, 300))}</td></tr>`
  }).join("\n")

const executions = ({ ledger }: Report): string =>
  ledger.map(({ attempt, effects, end, fate, index, key, process, run, start, tool, turn }) =>
    `<tr><td>${run}</td><td>${process}</td><td>${escaped(`${tool} ${turn}.${index}`)}</td><td>${attempt}</td><td>${start}</td>`
    + `<td>${end ?? "its process died"}</td><td>${escaped(JSON.stringify(fate))}</td>`
    + `<td>${escaped(effects.map(({ at, what }) => `${what} at ${at}`).join(", "))}</td><td>${escaped(key.slice(0, 8))}</td></tr>`
  ).join("\n")

const violations = (report: Report): string =>
  report.violations.length === 0
    ? "<p>No law is broken.</p>"
    : `<ul>${
      report.violations.map(({ event, guarantee, message, run }) =>
        `<li class="bad"><strong>${guarantee}</strong> at event ${event} of run ${run}: ${escaped(message)}</li>`
      ).join("\n")
    }</ul>`

/** @internal */
export const pageOf = (report: Report): string => {
  const columns = columnsOf(report)
  const hash = Crypto.createHash("sha256").update(style).digest("base64")
  const { now, plan, steps, stop } = report
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width">
<title>A simulated run, seed ${plan.seed}</title>
<style>${style}</style>
</head>
<body>
<h1>A simulated run, seed ${plan.seed}</h1>
<p>${stop}, ${now} simulated milliseconds, ${steps} steps, ${report.ledger.length} executions.</p>
<h2>Violations</h2>
${violations(report)}
<h2>Timeline</h2>
<p>A column is an event; point at a mark to read it. Green: an attempt that succeeded. Red: one that failed. Amber: one whose process
died. Blue: the model. Violet: a side effect. Dashed red: a violation. Solid amber: the next process.</p>
<div class="scroll">${timeline(report, columns)}</div>
<h2>Plan</h2>
<div class="scroll"><pre>${escaped(JSON.stringify(plan, undefined, 2))}</pre></div>
<h2>Ledger</h2>
<div class="scroll"><table><tr><th>run</th><th>process</th><th>handler</th><th>attempt</th><th>from</th><th>to</th><th>fate</th><th>effects</th><th>key</th></tr>
${executions(report)}
</table></div>
<h2>Journal</h2>
<div class="scroll"><table><tr><th>run</th><th>event</th><th>at</th><th>what</th><th>fields</th></tr>
${rows(report, columns)}
</table></div>
</body>
</html>
`
}
