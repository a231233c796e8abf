import { isObject } from "./json.ts"
import { callText, failureText, summarise } from "./summary.ts"

/**
 * What the planner calls itself wherever it speaks.
 *
 * @internal
 */
export const modelName = "offline planner (not a language model)"

interface Call {
  readonly name: string
  readonly params: unknown
  readonly outcome?: { readonly isFailure: boolean; readonly result: unknown } | undefined
}

/**
 * What an answer is composed from.
 *
 * @internal
 */
export interface Findings {
  readonly calls: ReadonlyArray<Call>
  /** Tools that fit the question and were not called, and why. */
  readonly skipped: ReadonlyArray<{ readonly name: string; readonly reason: string }>
  /** How many further calls of the same tools were not made. */
  readonly left: number
  readonly offered: ReadonlyArray<{ readonly name: string; readonly description: string }>
}

const longestDescription = 100

/** Whether a field of a result is an argument of one of the calls, which the reader sees there. */
const asArgument = (calls: ReadonlyArray<Call>) => {
  const known = new Set(
    calls.flatMap(({ params }) =>
      isObject(params) ? Object.entries(params).map(([name, value]) => JSON.stringify([name, value])) : []
    )
  )
  return (name: string, value: unknown): boolean =>
    typeof value === "string" && known.has(JSON.stringify([name, value]))
}

const section = (call: Call, _: number, calls: ReadonlyArray<Call>): ReadonlyArray<string> => {
  const { name, outcome, params } = call
  const others = calls.filter((other) => other !== call && other.name === name).map((other) => other.params)
  const text = callText(name, params, others)
  if (outcome === undefined) return [`${text} has no result.`]
  if (outcome.isFailure) return [`${text} failed:`, `  ${failureText(outcome.result)}`]
  return [text, ...summarise(outcome.result, asArgument(calls)).map((line) => `  ${line}`)]
}

const firstLine = ({ calls, offered, skipped }: Findings): string => {
  const failed = calls.filter(({ outcome }) => outcome?.isFailure === true).length
  const self = `This answer is from the ${modelName}`
  if (calls.length > 0) {
    const count = `${calls.length} tool ${calls.length === 1 ? "call" : "calls"}`
    return `${self}: it matched the question to tools and shows what ${count} returned${
      failed > 0 ? `, ${failed} of them failed` : ""
    }.`
  }
  if (skipped.length > 0) return `${self}: no tool was called.`
  return offered.length > 0
    ? `${self}: none of the offered tools fits the question.`
    : `${self}: no tools were offered.`
}

const offer = ({ description, name }: Findings["offered"][number]): string => {
  const text = description.replaceAll(/\s+/g, " ").trim()
  const short = text.length > longestDescription ? `${text.slice(0, longestDescription).toWellFormed()}…` : text
  return short === "" ? `- ${name}` : `- ${name}: ${short}`
}

/**
 * The answer as plain text: what each call returned or why it failed, and which tools were not called and why.
 *
 * @internal
 */
export const compose = (findings: Findings): string => {
  const { calls, left, offered, skipped } = findings
  const isLost = calls.length === 0 && skipped.length === 0 && offered.length > 0
  const blocks = [
    [firstLine(findings)],
    ...calls.map(section),
    ...left > 0 ? [[`Not made: ${left} more ${left === 1 ? "call" : "calls"} of these tools.`]] : [],
    ...skipped.length > 0 ? [skipped.map(({ name, reason }) => `${name} was not called: ${reason}.`)] : [],
    ...isLost ? [["Offered were:", ...offered.map(offer)]] : []
  ]
  return blocks.map((lines) => lines.join("\n")).join("\n\n")
}

/**
 * One line about the calls that are about to be made.
 *
 * @internal
 */
export const announce = (calls: ReadonlyArray<Call>): string => {
  const counts = [...new Set(calls.map(({ name }) => name))].map((name) => {
    const times = calls.filter((call) => call.name === name).length
    return times === 1 ? name : `${name} (${times} times)`
  })
  return `The ${modelName} calls ${counts.join(", ")}.`
}
