// From samples to a page.
import { peers, scenarios } from "./tables.mjs"

const sorted = (values) => values.toSorted((left, right) => left - right)

const median = (values) => {
  const all = sorted(values)
  const half = all.length >> 1
  return all.length % 2 === 1 ? all[half] : (all[half - 1] + all[half]) / 2
}

const commonest = (values) =>
  values.toSorted((left, right) =>
    values.filter((value) => value === right).length - values.filter((value) => value === left).length
  )[0]

const digits = (value) => Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2

const number = (value) => Number.isInteger(value) ? value.toLocaleString("en") : value.toFixed(digits(value))

const numbers = (values) => values.filter((value) => typeof value === "number")

const words = (values) => values.filter((value) => typeof value === "string")

/** Of one column: of each round that both have, the value of a peer over that of the floor. */
const ratios = (samples, peer, metric) =>
  samples.flatMap((round) => {
    const [own, floor] = [round[peer]?.[metric], round.handWritten?.[metric]]
    return typeof own === "number" && typeof floor === "number" ? [own / floor] : []
  })

export const ofColumn = (samples, peer, { metric, relative }) => {
  const values = samples.flatMap((round) => round[peer]?.[metric] === undefined ? [] : [round[peer][metric]])
  const own = numbers(values)
  if (own.length === 0 || words(values).length > own.length) return { said: commonest(words(values)) ?? "failed" }
  const compared = relative === true ? ratios(samples, peer, metric) : own
  return {
    median: median(own),
    least: Math.min(...own),
    most: Math.max(...own),
    rounds: own.length,
    ...(compared.length === 0 ? {} : { judged: median(compared) })
  }
}

const spread = ({ least, most, rounds }) =>
  rounds > 1 && number(least) !== number(most) ? ` (${number(least)}–${number(most)})` : ""

const cell = (column, value) => {
  if (value.said !== undefined) return value.said
  const unit = column.unit === undefined ? "" : ` ${column.unit}`
  const multiple = column.relative === true && value.judged !== undefined ? `**${value.judged.toFixed(2)}×** ` : ""
  return `${multiple}${number(value.median)}${unit}${spread(value)}`
}

const row = (cells) => `| ${cells.join(" | ")} |`

/** What Volley is meant to reach in a column, and whether it does. */
export const judged = (column, value) => {
  const { least, relative, target } = column
  if (target === undefined && least === undefined) return undefined
  const wanted = target === undefined
    ? `≥ ${number(least)}`
    : `≤ ${target}${relative === true ? "×" : ` ${column.unit}`}`
  const got = value?.judged
  const met = got !== undefined && (target === undefined ? got >= least : got <= target)
  return { wanted, met }
}

/** Less of a difference says nothing. */
const noise = 1.05

const better = (column, one, other) => column.least === undefined ? one * noise < other : one > other

/** Who is ahead of Volley in a column, best first; where Volley has no number, whoever has one. */
export const ahead = (samples, column) => {
  const volley = ofColumn(samples, "volley", column).judged
  return Object.keys(peers).flatMap((peer) => {
    const value = ofColumn(samples, peer, column)
    const isAhead = value.judged !== undefined && (volley === undefined || better(column, value.judged, volley))
    return peer !== "volley" && isAhead ? [{ peer, value }] : []
  }).toSorted((left, right) => (left.value.judged - right.value.judged) * (column.least === undefined ? 1 : -1))
}

const targets = (samples, columns) => {
  const wanted = columns.map((column) => judged(column, ofColumn(samples, "volley", column)))
  return wanted.every((one) => one === undefined)
    ? []
    : [
      row([
        "*wanted of Volley*",
        ...wanted.map((one) => one === undefined ? "" : `*${one.wanted}: ${one.met ? "met" : "not met"}*`)
      ])
    ]
}

const behind = (samples, columns) => {
  const said = columns.flatMap((column) => {
    const [best, ...others] = ahead(samples, column)
    if (best === undefined) return []
    const more = others.length === 0 ? "" : ` and ${others.length} more`
    const own = cell(column, ofColumn(samples, "volley", column))
    return [`${column.title} (${peers[best.peer]} ${cell(column, best.value)}${more}; Volley ${own})`]
  })
  return said.length === 0 ? [] : ["", `Volley is not the best in: ${said.join("; ")}.`]
}

const failures = (samples) => {
  const said = Object.keys(peers).flatMap((peer) => {
    const error = samples.map((round) => round[peer]?.error).find((error) => error !== undefined)
    return error === undefined ? [] : [`${peers[peer]}: ${error.replaceAll(/\s+/gu, " ").slice(0, 300)}`]
  })
  return said.length === 0 ? [] : ["", ...said.map((text) => `- ${text}`)]
}

const section = (name, samples, profiles = []) => {
  const { columns, note, own, title } = scenarios[name]
  const shown = Object.keys(peers).filter((peer) => samples.some((round) => round[peer] !== undefined))
  return [
    `## ${title}`,
    "",
    row([samples.length > 1 ? `${samples.length} rounds` : "one round", ...columns.map(({ title }) => title)]),
    row(["---", ...columns.map(() => "---")]),
    ...shown.map((peer) =>
      row([
        peer === "volley" ? `**${peers[peer]}**` : peers[peer],
        ...columns.map((column) => cell(column, ofColumn(samples, peer, column)))
      ])
    ),
    ...(own === true ? [row(["the others", ...columns.map(() => "–")])] : []),
    ...targets(samples, columns),
    ...behind(samples, columns),
    ...(note === undefined ? [] : ["", note]),
    ...failures(samples),
    ...profiles.flatMap((lines) => ["", ...lines]),
    ""
  ]
}

export const report = ({ absent, facts, profiles, results }) =>
  [
    "# Volley beside its peers",
    "",
    "Written by `npm run bench`. Every peer runs the same agent with the same tool against the same emulated model, which "
    + "is a process of its own and speaks the Messages API over HTTP. All stream and keep their defaults, but for early tool "
    + "starts and limits, which are turned on where a peer has them. Each measurement is a process of its own, one at a time; "
    + "in each round all peers take turns. A cell is the median of the rounds with least and most; a **multiple** is the "
    + "median of the ratios to the hand-written loop in the same round. CPU is user and system time of the "
    + "measured process alone. What only Volley promises is measured in the same way, of Volley alone.",
    "",
    ...facts.map(([what, value]) => `- ${what}: ${value}`),
    ...Object.entries(absent).map(([name, why]) => `- not run: ${name}, ${why}`),
    "",
    ...Object.entries(results).flatMap(([name, samples]) => section(name, samples, profiles[name]))
  ].join("\n").trimEnd() + "\n"
