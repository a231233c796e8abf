/**
 * A run as a chart over time: a row for each model request and tool call, a bar for each attempt, the waits between them.
 *
 * @internal
 */
import * as Differences from "./differences.ts"
import * as Layout from "./layout.ts"
import * as Place from "./place.ts"
import * as Preview from "./preview.ts"
import * as Style from "./style.ts"
import * as Timeline from "./timeline.ts"

/** `columns` is `Infinity` where there is no terminal; without colours the chart is of ASCII characters. @internal */
export interface Canvas {
  readonly columns: number
  readonly style: Style.Style
  readonly redact: Preview.Redact
}

type Kind = "model" | "ok" | "failed" | "open" | "wait"

/** What colours cannot say where there are none. */
interface Ink {
  readonly fill: { readonly [K in Kind]: string }
  readonly mark: { readonly ok: string; readonly failed: string; readonly open: string }
  readonly cut: string
  readonly times: string
  readonly tick: string
}

const drawn: Ink = {
  fill: { model: "─", ok: "█", failed: "▓", open: "▒", wait: "░" },
  mark: { ok: "✓", failed: "✗", open: "…" },
  cut: "…",
  times: "×",
  tick: "│"
}

const ascii: Ink = {
  fill: { model: "-", ok: "=", failed: "x", open: "?", wait: "." },
  mark: { ok: "ok", failed: "x", open: "?" },
  cut: "...",
  times: "x",
  tick: "|"
}

const emphasis = { model: "dim", ok: "good", failed: "bad", open: "dim", wait: "dim" } as const

const legend: { readonly [K in Kind]: string } = {
  model: "model",
  ok: "attempt",
  failed: "failed attempt",
  wait: "wait",
  open: "end not recorded"
}

interface Bar {
  readonly mark: keyof Ink["mark"] | undefined
  readonly label: string
  readonly segments: ReadonlyArray<Place.Segment<Kind>>
  /** Milliseconds; `undefined` for what has no end. */
  readonly took: number | undefined
  readonly note: string
}

/** A row without a bar says what the rows below it have in common. */
type Row = Bar | string

/** Columns of a chart that is not drawn on a terminal. */
const unbounded = 100

/** Columns below which there is no room for bars. */
const leastColumns = 40

// ---- rows

const segmentsOf = ({ answered, attempts }: Timeline.Call, end: number): ReadonlyArray<Place.Segment<Kind>> =>
  attempts.flatMap(({ ended, retry, started }, i) => {
    const to = ended?.at ?? answered?.at ?? end
    const kind = ended === undefined ? answered === undefined ? "open" : "failed" : ended.failure ? "failed" : "ok"
    const again = attempts[i + 1]?.started.at ?? (retry === undefined ? undefined : answered?.at ?? end)
    return [
      { kind, from: started.at, to } as const,
      ...(again === undefined ? [] : [{ kind: "wait", from: to, to: again } as const])
    ]
  })

const noteOf = (call: Timeline.Call, redact: Preview.Redact): string => {
  const { answered, attempts } = call
  if (answered === undefined) return "no answer"
  const detours = Timeline.detours(call).map((detour) => Preview.value(detour, redact))
  if (answered.failure !== undefined) return [...detours, Preview.value(answered.failure.reason, redact)].join(" · ")
  if (attempts.length === 0 && detours.length === 0) return "not run"
  return [...detours, ...(attempts.length > 1 ? [Layout.count(attempts.length, "attempt")] : [])].join(" · ")
}

const callBar = (call: Timeline.Call, label: string, redact: Preview.Redact, end: number): Bar => {
  const { answered } = call
  return {
    mark: answered === undefined ? "open" : answered.ok ? "ok" : "failed",
    label,
    segments: segmentsOf(call, end),
    took: answered === undefined || answered.attempts === 0 ? undefined : Timeline.callDuration(call),
    note: noteOf(call, redact)
  }
}

/** Calls of one tool side by side: what they share stands above them once. */
const groupRows = (calls: ReadonlyArray<Timeline.Call>, ink: Ink, redact: Preview.Redact, end: number): Array<Row> => {
  const name = Preview.value(calls[0]!.requested.name, redact)
  const texts = calls.map(({ requested }) => Preview.parameters(requested.params, redact))
  const found = calls.length > 1 ? Differences.between(texts) : undefined
  return found === undefined
    ? calls.map((call, i) => callBar(call, `${name} ${texts[i]!}`.trimEnd(), redact, end))
    : [
      `${calls.length} ${ink.times} ${name} ${found.head}${ink.cut}${found.tail}`,
      ...calls.map((call, i) => callBar(call, found.parts[i]!, redact, end))
    ]
}

const groupsOf = (calls: ReadonlyArray<Timeline.Call>): ReadonlyArray<ReadonlyArray<Timeline.Call>> => {
  const groups: Array<Array<Timeline.Call>> = []
  for (const call of calls) {
    const group = groups.at(-1)
    if (group?.[0]?.requested.name === call.requested.name) group.push(call)
    else groups.push([call])
  }
  return groups
}

const requestRows = (request: Timeline.Request, ink: Ink, redact: Preview.Redact, end: number): Array<Row> => {
  const { calls, failed, requested, responded } = request
  const last = responded ?? failed
  const kept = failed === undefined && responded?.refusal === undefined
  const kind = failed !== undefined ? "failed" : responded === undefined ? "open" : "model"
  const model: Bar = {
    mark: kind === "model" ? undefined : kind,
    label: `model, turn ${requested.turn}`,
    segments: [{ kind, from: requested.at, to: last?.at ?? end }],
    took: last === undefined ? undefined : Math.max(0, last.at - requested.at),
    note: failed === undefined ? "" : Preview.value(failed.reason, redact)
  }
  return [model, ...(kept ? groupsOf(calls) : []).flatMap((group) => groupRows(group, ink, redact, end))]
}

/** The first and the last time that a run knows of. */
const extent = ({ ended, requests, started }: Timeline.Timeline): { readonly from: number; readonly to: number } => {
  const events = requests.flatMap(({ calls, closed, failed, requested, responded }) => [
    requested,
    responded,
    failed,
    closed,
    ...calls.flatMap(({ answered, attempts }) => [answered, ...attempts.flatMap((one) => [one.started, one.ended])])
  ])
  const times = [started, ...events, ended].flatMap((event) => event === undefined ? [] : [event.at])
  return {
    from: times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    to: times.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  }
}

// ---- lines

const pad = (text: string, columns: number): string => text + " ".repeat(Math.max(0, columns - Layout.width(text)))

const widest = (texts: ReadonlyArray<string>): number =>
  texts.reduce((most, text) => Math.max(most, Layout.width(text)), 0)

/** What follows the bars: how long, and what there is to say about it. */
const factsOf = (bars: ReadonlyArray<Bar>): ReadonlyArray<string> => {
  const times = bars.map(({ took }) => took === undefined ? "" : Layout.duration(took))
  const columns = widest(times)
  return bars.map(({ note }, i) => `${times[i]!.padStart(columns)} ${note}`.trimEnd())
}

const paint = (segments: ReadonlyArray<Place.Placed<Kind>>, cells: number, ink: Ink, style: Style.Style): string => {
  let text = ""
  let used = 0
  for (const { from, kind, to } of segments) {
    text += " ".repeat(from - used) + style[emphasis[kind]](ink.fill[kind].repeat(to - from))
    used = to
  }
  return text + " ".repeat(cells - used)
}

const kinds = ["model", "ok", "failed", "wait", "open"] as const

const footer = (bars: ReadonlyArray<Bar>, ink: Ink, style: Style.Style, columns: number): ReadonlyArray<string> => {
  const used = new Set(bars.flatMap(({ segments }) => segments.map(({ kind }) => kind)))
  const entries = kinds.filter((kind) => used.has(kind)).map((kind) => `${ink.fill[kind]} ${legend[kind]}`)
  return [style.dim(Layout.cut(entries.join("  "), columns, ink.cut))]
}

const sums = (timeline: Timeline.Timeline, wall: number): string =>
  `wall ${Layout.duration(wall)}, sum ${
    Layout.duration(Timeline.calls(timeline).reduce((sum, call) => sum + Timeline.callDuration(call), 0))
  }`

/** The chart of a run; empty for a run that has asked nothing yet. @internal */
export const lines = (
  { columns: available, redact, style }: Canvas,
  timeline: Timeline.Timeline
): ReadonlyArray<string> => {
  if (timeline.requests.length === 0) return []
  const columns = Number.isFinite(available) ? available : unbounded
  const ink = style === Style.plain ? ascii : drawn
  const { from, to } = extent(timeline)
  const total = style.bold(Layout.cut(sums(timeline, to - from), columns, ink.cut))
  if (columns < leastColumns) return [total]

  const rows = timeline.requests.flatMap((request) => requestRows(request, ink, redact, to))
  const bars = rows.filter((row) => typeof row !== "string")
  const marked = widest(Object.values(ink.mark)) + 1
  const facts = factsOf(bars)
  const ofFacts = Math.min(widest(facts), Math.floor(columns * 0.35))
  const room = columns - marked - ofFacts - 2
  const ofLabels = Math.min(widest(bars.map(({ label }) => label)), Math.floor(room / 2))
  const scale: Place.Scale = { from, span: to - from, cells: room - ofLabels }

  let next = 0
  const draw = (row: Row): string => {
    if (typeof row === "string") return " ".repeat(marked) + Layout.cut(row, columns - marked, ink.cut)
    const fact = Layout.cut(facts[next++]!, ofFacts, ink.cut)
    const mark = pad(row.mark === undefined ? "" : ink.mark[row.mark], marked)
    const label = pad(Layout.cut(row.label, ofLabels, ink.cut), ofLabels)
    const kind = row.mark ?? "model"
    const bar = paint(Place.place(row.segments, scale), scale.cells, ink, style)
    return `${style[emphasis[kind]](mark)}${row.mark === undefined ? style.dim(label) : label} ${bar} ${
      style[kind === "failed" ? "bad" : "dim"](fact)
    }`.trimEnd()
  }
  const axis = " ".repeat(marked + ofLabels + 1) + Place.axis(scale, ink.tick, Layout.duration)
  return [style.dim(axis.trimEnd()), ...rows.map(draw), "", total, ...footer(bars, ink, style, columns)]
}
