/**
 * What is told of the series of a result.
 *
 * @internal
 */
import type { Result, Series } from "./api.ts"

const mostSeries = 20
const mostValues = 12

/** A sample as JSON can hold it. @internal */
export type Value = number | "NaN" | "+Inf" | "-Inf"

/** @internal */
export interface Told {
  readonly name?: string
  readonly labels?: string
  readonly last: Value
  readonly min?: Value
  readonly max?: Value
  readonly values?: ReadonlyArray<Value>
}

/** @internal */
export interface Summary {
  readonly shared?: string
  readonly series: ReadonlyArray<Told>
  readonly not_listed?: number
  readonly note?: string
}

const textOf = (labels: ReadonlyArray<readonly [string, string]>): string =>
  labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")

const numberOf = (text: string): number =>
  /^[+-]?Inf$/i.test(text) ? (text.startsWith("-") ? -Infinity : Infinity) : Number(text)

const valueOf = (number: number): Value => {
  if (Number.isNaN(number)) return "NaN"
  return Number.isFinite(number) ? number : number > 0 ? "+Inf" : "-Inf"
}

const labelsOf = ({ metric }: Series): ReadonlyArray<readonly [string, string]> =>
  Object.entries(metric).filter(([name]) => name !== "__name__")

/** The labels that all series have with the same value; of a single series these are all. */
const sharedBy = ([first, ...others]: ReadonlyArray<Series>): ReadonlyArray<readonly [string, string]> =>
  first === undefined
    ? []
    : labelsOf(first).filter(([name, value]) => others.every(({ metric }) => metric[name] === value))

const tell = (series: Series, shared: ReadonlySet<string>, isRange: boolean): Told => {
  const numbers = series.values.map(([, text]) => numberOf(text))
  const known = numbers.filter((number) => !Number.isNaN(number))
  const labels = textOf(labelsOf(series).filter(([name]) => !shared.has(name)))
  const name = series.metric["__name__"]
  return {
    ...(name === undefined ? {} : { name }),
    ...(labels === "" ? {} : { labels }),
    last: valueOf(numbers.at(-1) ?? Number.NaN),
    ...(isRange ? { min: valueOf(least(known)), max: valueOf(most(known)) } : {}),
    ...(isRange && numbers.length <= mostValues ? { values: numbers.map(valueOf) } : {})
  }
}

// Math.min of nothing is infinite, which would be told as a value.
const least = (numbers: ReadonlyArray<number>): number => numbers.length === 0 ? Number.NaN : Math.min(...numbers)
const most = (numbers: ReadonlyArray<number>): number => numbers.length === 0 ? Number.NaN : Math.max(...numbers)

const noteOf = ({ series, skipped, warnings }: Result): string =>
  [
    ...(series.length === 0 && skipped === 0 ? ["no series matches the query"] : []),
    ...(skipped > 0 ? [`${skipped} native ${skipped === 1 ? "histogram is" : "histograms are"} left out`] : []),
    ...warnings.slice(0, 3)
  ].join("; ").slice(0, 500).toWellFormed()

/** @internal */
export const summarise = (result: Result, isRange: boolean): Summary => {
  const { series } = result
  const shared = sharedBy(series)
  const names = new Set(shared.map(([name]) => name))
  const note = noteOf(result)
  return {
    ...(shared.length === 0 ? {} : { shared: textOf(shared) }),
    series: series.slice(0, mostSeries).map((it) => tell(it, names, isRange)),
    ...(series.length > mostSeries ? { not_listed: series.length - mostSeries } : {}),
    ...(note === "" ? {} : { note })
  }
}
