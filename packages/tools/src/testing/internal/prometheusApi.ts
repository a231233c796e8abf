/**
 * The Prometheus API of a plan, as a function. Forms and messages are those of Prometheus' HTTP API v1.
 *
 * @internal
 */
import type { Fault, Plan } from "../Cluster.ts"
import { evaluate, keyOf, type Sample } from "./evaluate.ts"
import * as promql from "./promql.ts"
import type { Asked, Reply, Situation } from "./reply.ts"

const failure = (status: number, errorType: string, error: string): Reply => ({
  status,
  body: { status: "error", errorType, error }
})

const badData = (parameter: string, message: string): Reply =>
  failure(400, "bad_data", `invalid parameter "${parameter}": ${message}`)

/** @internal */
export const refuse = (fault: Fault): Reply => {
  switch (fault.kind) {
    case "rateLimited":
      return {
        ...failure(429, "too_many_requests", "too many requests"),
        headers: { "retry-after": String(fault.retryAfter) }
      }
    case "notFound":
      return failure(404, "not_found", "not found")
    case "expired":
      return failure(410, "gone", "gone")
    case "forbidden":
      return failure(403, "forbidden", "forbidden")
    default:
      return failure(503, "unavailable", "service unavailable")
  }
}

const mostPoints = 11_000

const units: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
  y: 31_536_000
}

const secondsOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text)
  const parts = [...text.matchAll(/(\d+)(ms|[smhdwy])/g)]
  return parts.length > 0 && parts.map(([part]) => part).join("") === text
    ? parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0)
    : undefined
}

const momentOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const seconds = /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1000
  return Number.isFinite(seconds) ? seconds : undefined
}

const textOf = (value: number): string => {
  if (Number.isNaN(value)) return "NaN"
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf"
}

const success = (resultType: string, result: unknown): Reply => ({
  status: 200,
  body: { status: "success", data: { resultType, result } }
})

const instant = (plan: Plan, expression: promql.Expression, { parameters }: Asked, now: number): Reply => {
  const time = parameters.time === undefined ? now : momentOf(parameters.time)
  if (time === undefined) return badData("time", `cannot parse "${parameters.time}" to a valid timestamp`)
  const found = evaluate(plan.series, expression, time)
  return typeof found === "number"
    ? success("scalar", [time, textOf(found)])
    : success("vector", found.map(({ labels, value }) => ({ metric: labels, value: [time, textOf(value)] })))
}

const range = (plan: Plan, expression: promql.Expression, { parameters }: Asked): Reply => {
  const [start, end, step] = [momentOf(parameters.start), momentOf(parameters.end), secondsOf(parameters.step)]
  if (start === undefined) return badData("start", `cannot parse "${parameters.start ?? ""}" to a valid timestamp`)
  if (end === undefined) return badData("end", `cannot parse "${parameters.end ?? ""}" to a valid timestamp`)
  if (end < start) return badData("end", "end timestamp must not be before start time")
  if (step === undefined || step <= 0) {
    return badData("step", "zero or negative query resolution step widths are not accepted")
  }
  if ((end - start) / step > mostPoints) {
    return failure(
      400,
      "bad_data",
      "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
    )
  }
  const times = Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, i) => start + i * step)
  const matrix = new Map<string, { readonly metric: Sample["labels"]; readonly values: Array<[number, string]> }>()
  for (const time of times) {
    const found = evaluate(plan.series, expression, time)
    for (const sample of typeof found === "number" ? [{ labels: {}, value: found }] : found) {
      const key = keyOf(sample.labels)
      const series = matrix.get(key) ?? { metric: sample.labels, values: [] }
      matrix.set(key, series)
      series.values.push([time, textOf(sample.value)])
    }
  }
  return success("matrix", [...matrix.values()])
}

const parsed = (query: string): promql.Expression | string => {
  try {
    return promql.parse(query)
  } catch (error) {
    if (error instanceof SyntaxError) return error.message
    throw error
  }
}

const found = (data: unknown): Reply => ({ status: 200, body: { status: "success", data } })

/** The labels of the series that `match[]` selects, which here have samples at all times. */
const selected = (plan: Plan, { parameters }: Asked, now: number): ReadonlyArray<Sample["labels"]> | Reply => {
  const match = parameters["match[]"]
  if (match === undefined) return plan.series.map(({ labels, name }) => ({ __name__: name, ...labels }))
  const expression = parsed(match)
  if (typeof expression === "string") return badData("match[]", expression)
  if (expression._tag !== "Selector") return badData("match[]", "1:1: parse error: unexpected expression")
  const all = evaluate(plan.series, expression, now)
  return typeof all === "number" ? [] : all.map(({ labels }) => labels)
}

const sorted = (texts: Iterable<string>): ReadonlyArray<string> => [...new Set(texts)].toSorted()

const labelOf = (path: string): string | undefined => /^\/api\/v1\/label\/([^/]+)\/values$/.exec(path)?.[1]

const discovered = (plan: Plan, asked: Asked, now: number): Reply => {
  const all = selected(plan, asked, now)
  if ("status" in all) return all
  const label = labelOf(asked.path)
  if (label !== undefined) {
    return found(sorted(all.flatMap((labels) => Object.hasOwn(labels, label) ? [labels[label]!] : [])))
  }
  if (asked.path.endsWith("labels")) return found(sorted(all.flatMap((labels) => Object.keys(labels))))
  return asked.parameters["match[]"] === undefined
    ? badData("match[]", "no match[] parameter provided")
    : found(all)
}

/** A histogram has three series or more, and is known by the name that they have in common. */
const familyOf = (name: string): string => name.replace(/_(?:bucket|sum|count)$/, "")

const metadata = ({ series }: Plan): Reply =>
  found(Object.fromEntries(series.map(({ name, type }) => {
    const family = familyOf(name)
    return [family, [{ type: family === name ? type : "histogram", help: `Planned as ${family}.`, unit: "" }]]
  })))

const isDiscovery = (path: string): boolean =>
  path === "/api/v1/labels" || path === "/api/v1/series" || labelOf(path) !== undefined

/** @internal */
export const answer = (plan: Plan, asked: Asked, { now }: Situation): Reply => {
  if (asked.path === "/-/healthy") return { status: 200, body: "Prometheus Server is Healthy.\n" }
  const isQuery = asked.path === "/api/v1/query" || asked.path === "/api/v1/query_range"
  const isMetadata = asked.path === "/api/v1/metadata"
  if (!isQuery && !isMetadata && !isDiscovery(asked.path)) return { status: 404, body: "404 page not found\n" }
  if (asked.method !== "GET" && asked.method !== "POST") return { status: 405, body: "Method Not Allowed\n" }
  if (isMetadata) return metadata(plan)
  if (!isQuery) return discovered(plan, asked, now)
  const expression = parsed(asked.parameters.query ?? "")
  if (typeof expression === "string") return badData("query", expression)
  return asked.path.endsWith("range") ? range(plan, expression, asked) : instant(plan, expression, asked, now)
}
