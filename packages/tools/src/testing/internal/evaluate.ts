/**
 * Evaluates PromQL over the series of a plan at one moment.
 *
 * @internal
 */
import type { Series } from "../Cluster.ts"
import type { Expression, Matcher } from "./promql.ts"

/** @internal */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

type Value = number | ReadonlyArray<Sample>

const period = 900

const valueAt = ({ labels, level, name, swing, type }: Series, time: number): number => {
  if (type === "counter") return Math.round(100 * level * (time % 1_000_000)) / 100
  const phase = `${name}${labels.pod ?? ""}`.length
  const value = level * (1 + swing * Math.sin((2 * Math.PI * time) / period + phase))
  return level > 1000 ? Math.round(value) : value
}

const matches = (all: Readonly<Record<string, string>>, { label, operator, value }: Matcher): boolean => {
  const own = all[label] ?? ""
  const isLike = operator.endsWith("~") ? new RegExp(`^(?:${value})$`).test(own) : own === value
  return isLike === !operator.startsWith("!")
}

const select = (series: ReadonlyArray<Series>, matchers: ReadonlyArray<Matcher>): ReadonlyArray<Series> =>
  series.filter(({ labels, name }) => matchers.every((it) => matches({ ...labels, __name__: name }, it)))

const unnamed = (labels: Sample["labels"]): Sample["labels"] =>
  Object.fromEntries(Object.entries(labels).filter(([label]) => label !== "__name__"))

/** Values of a window are near the level; a counter's rate is its level. */
const overTime: Readonly<Record<string, (series: Series, time: number) => number>> = {
  rate: ({ level, type }) => type === "counter" ? level : 0,
  irate: ({ level, type }) => type === "counter" ? level : 0,
  increase: ({ level, type }) => type === "counter" ? level * 300 : 0,
  delta: ({ level, type }) => type === "counter" ? level * 300 : 0,
  avg_over_time: valueAt,
  max_over_time: ({ swing, ...series }, time) => valueAt({ ...series, swing: 0 }, time) * (1 + swing),
  min_over_time: ({ swing, ...series }, time) => valueAt({ ...series, swing: 0 }, time) * (1 - swing)
}

const folds: Readonly<Record<string, (values: ReadonlyArray<number>) => number>> = {
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  avg: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  count: (values) => values.length
}

/** Equal for equal labels, in whatever order. @internal */
export const keyOf = (labels: Sample["labels"]): string =>
  JSON.stringify(Object.keys(labels).toSorted().map((label) => [label, labels[label]]))

const aggregate = (
  { labels, name, without }: Extract<Expression, { readonly _tag: "Aggregate" }>,
  samples: ReadonlyArray<Sample>
): ReadonlyArray<Sample> => {
  const kept = (all: Sample["labels"]): Sample["labels"] =>
    Object.fromEntries(Object.entries(unnamed(all)).filter(([label]) => labels.includes(label) !== without))
  const groups = Map.groupBy(samples, (sample) => keyOf(kept(sample.labels)))
  return [...groups.values()].map((group) => ({
    labels: kept(group[0]!.labels),
    value: folds[name]!(group.map(({ value }) => value))
  }))
}

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b
}

const comparison: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b
}

const combined = (operator: string, left: number, right: number): number =>
  arithmetic[operator]?.(left, right) ?? (comparison[operator]?.(left, right) === true ? 1 : 0)

const paired = (operator: string, { labels, value }: Sample, left: number, right: number): ReadonlyArray<Sample> => {
  const compare = comparison[operator]
  if (compare !== undefined) return compare(left, right) ? [{ labels, value }] : []
  return [{ labels: unnamed(labels), value: combined(operator, left, right) }]
}

const binary = (operator: string, left: Value, right: Value): Value => {
  if (typeof left === "number" && typeof right === "number") return combined(operator, left, right)
  if (typeof left === "number") {
    return (right as ReadonlyArray<Sample>).flatMap((sample) => paired(operator, sample, left, sample.value))
  }
  if (typeof right === "number") return left.flatMap((sample) => paired(operator, sample, sample.value, right))
  const others = new Map(right.map((sample) => [keyOf(unnamed(sample.labels)), sample]))
  if (operator === "or") {
    const own = new Set(left.map(({ labels }) => keyOf(unnamed(labels))))
    return [...left, ...right.filter(({ labels }) => !own.has(keyOf(unnamed(labels))))]
  }
  if (operator === "and") return left.filter(({ labels }) => others.has(keyOf(unnamed(labels))))
  if (operator === "unless") return left.filter(({ labels }) => !others.has(keyOf(unnamed(labels))))
  return left.flatMap((sample) => {
    const other = others.get(keyOf(unnamed(sample.labels)))
    return other === undefined ? [] : paired(operator, sample, sample.value, other.value)
  })
}

/** @internal */
export const evaluate = (series: ReadonlyArray<Series>, expression: Expression, time: number): Value => {
  switch (expression._tag) {
    case "Number":
      return expression.value
    case "Selector":
      return select(series, expression.matchers).map((it) => ({
        labels: { __name__: it.name, ...it.labels },
        value: valueAt(it, time)
      }))
    case "Aggregate": {
      const value = evaluate(series, expression.of, time)
      return typeof value === "number" ? value : aggregate(expression, value)
    }
    case "Binary":
      return binary(
        expression.operator,
        evaluate(series, expression.left, time),
        evaluate(series, expression.right, time)
      )
    case "Call": {
      const [first] = expression.arguments
      if (first === undefined) return []
      const over = overTime[expression.name]
      if (over !== undefined && first._tag === "Selector") {
        return select(series, first.matchers).map((it) => ({ labels: it.labels, value: over(it, time) }))
      }
      const value = evaluate(series, first, time)
      return typeof value === "number"
        ? Math.abs(value)
        : value.map((sample) => ({ labels: unnamed(sample.labels), value: Math.abs(sample.value) }))
    }
  }
}
