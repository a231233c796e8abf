/**
 * What is told of the series of a result.
 *
 * @internal
 */
import { boundedItems, oneLine } from "../../internal/boundedText.ts"
import type { Result, Series } from "./api.ts"
import * as statistics from "./statistics.ts"

const mostSeries = 20
const mostValues = 12
const mostBytes = 24 * 1024
const longestLabels = 600

/** A number as JSON can hold it. @internal */
export type Value = number | "NaN" | "+Inf" | "-Inf"

type Told<A> = { readonly [K in keyof A]: Value }

/** @internal */
export interface ToldSeries extends Partial<Told<statistics.Statistics>> {
  readonly name?: string
  readonly labels?: string
  readonly first?: Value
  readonly last?: Value
  readonly count?: number
  readonly values?: ReadonlyArray<Value>
  readonly histogram?: Told<statistics.HistogramStatistics>
}

/** @internal */
export interface Summary {
  readonly shared?: string
  readonly series: ReadonlyArray<ToldSeries>
  readonly not_listed?: number
}

type Labels = ReadonlyArray<readonly [string, string]>

const textOf = (labels: Labels): string =>
  oneLine(labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", "), longestLabels)

const valueOf = (number: number): Value => {
  if (Number.isNaN(number)) return "NaN"
  return Number.isFinite(number) ? number : number > 0 ? "+Inf" : "-Inf"
}

const told = <A extends Readonly<Record<string, number>>>(numbers: A): Told<A> =>
  Object.fromEntries(Object.entries(numbers).map(([name, number]) => [name, valueOf(number)])) as unknown as Told<A>

const labelsOf = (metric: Series["metric"]): Labels => Object.entries(metric).filter(([name]) => name !== "__name__")

/** The labels that all series have with the same value; of a single series these are all. */
const sharedBy = ([first, ...others]: ReadonlyArray<Series["metric"]>): Labels =>
  first === undefined
    ? []
    : labelsOf(first).filter(([name, value]) => others.every((metric) => metric[name] === value))

/** How series are named: each by its name and the labels that not all of them have. @internal */
export const named = (metrics: ReadonlyArray<Series["metric"]>) => {
  const shared = sharedBy(metrics)
  const names = new Set(shared.map(([name]) => name))
  const nameOf = (metric: Series["metric"]): { readonly name?: string; readonly labels?: string } => {
    const labels = textOf(labelsOf(metric).filter(([name]) => !names.has(name)))
    const name = metric["__name__"]
    return {
      ...(name === undefined ? {} : { name: oneLine(name, longestLabels) }),
      ...(labels === "" ? {} : { labels })
    }
  }
  return { ...(shared.length === 0 ? {} : { shared: textOf(shared) }), nameOf }
}

const overTime = (numbers: ReadonlyArray<number>) => ({
  first: valueOf(numbers[0] ?? Number.NaN),
  ...told(statistics.statisticsOf(numbers)),
  count: numbers.length,
  ...(numbers.length <= mostValues ? { values: numbers.map(valueOf) } : {})
})

const tell = ({ histograms, values }: Series, isRange: boolean): ToldSeries => {
  const numbers = values.map(([, text]) => statistics.numberOf(text))
  const histogram = histograms.at(-1)?.[1]
  return {
    ...(numbers.length === 0 ? {} : { last: valueOf(numbers.at(-1)!) }),
    ...(isRange && numbers.length > 0 ? overTime(numbers) : {}),
    ...(histogram === undefined ? {} : { histogram: told(statistics.ofHistogram(histogram)) })
  }
}

/** @internal */
export const summarise = ({ series }: Result, isRange: boolean): Summary => {
  const { nameOf, ...shared } = named(series.map(({ metric }) => metric))
  const all = series.slice(0, mostSeries).map((it) => ({ ...nameOf(it.metric), ...tell(it, isRange) }))
  const listed = boundedItems(all, mostBytes)
  return {
    ...shared,
    series: listed,
    ...(series.length > listed.length ? { not_listed: series.length - listed.length } : {})
  }
}

/** Whether a summary leaves something out: series, samples or buckets. @internal */
export const isPart = ({ series }: Result, summary: Summary): boolean =>
  summary.not_listed !== undefined ||
  series.some(({ histograms, values }) => values.length > mostValues || histograms.length > 0)
