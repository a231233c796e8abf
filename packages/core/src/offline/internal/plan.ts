import * as answer from "./answer.ts"
import { assess, type Assessed } from "./assess.ts"
import type { Arguments } from "./fill.ts"
import { canonical } from "./json.ts"
import { genericNames } from "./lexicon.ts"
import type { Parameter } from "./parameter.ts"
import { recordsOf } from "./record.ts"
import type { ToolSpec } from "./tool.ts"

/**
 * A call made for the present question, and how it ended if it has.
 *
 * @internal
 */
export interface MadeCall {
  readonly name: string
  readonly params: unknown
  readonly outcome: { readonly isFailure: boolean; readonly result: unknown } | undefined
}

/**
 * All a plan depends on.
 *
 * @internal
 */
export interface Situation {
  readonly question: string
  readonly tools: ReadonlyArray<ToolSpec>
  /** The calls made for this question, one list for each turn. */
  readonly history: ReadonlyArray<ReadonlyArray<MadeCall>>
  readonly choice: "auto" | "none" | "required" | { readonly tool: string }
}

/**
 * A call to make.
 *
 * @internal
 */
export interface PlannedCall {
  readonly name: string
  readonly params: Arguments
}

/**
 * What to do next: make calls, or answer.
 *
 * @internal
 */
export type Decision =
  | { readonly _tag: "Calls"; readonly calls: ReadonlyArray<PlannedCall>; readonly notes: string }
  | { readonly _tag: "Answer"; readonly text: string }

const gatheringTurns = 2
const callsPerTurn = 8

const keyOf = (call: { readonly name: string; readonly params: unknown }): string => canonical([call.name, call.params])

const callsOf = ({ filled, tool }: Assessed): ReadonlyArray<PlannedCall> =>
  filled.calls.map((params) => ({ name: tool.name, params }))

const wordsFor = (tool: ToolSpec, { words }: Parameter): ReadonlyArray<string> => {
  const telling = words.filter((word) => !genericNames.has(word))
  return telling.length > 0 ? telling : tool.nouns
}

const gives = ({ filled }: Assessed, { words }: Parameter): boolean =>
  [...filled.given.keys()].some((given) => given.words.join(" ") === words.join(" "))

/** Tools that need nothing more and whose name says that they list what another tool lacks. */
const feeders = (assessed: ReadonlyArray<Assessed>, wanting: ReadonlyArray<Assessed>): ReadonlyArray<Assessed> =>
  wanting.flatMap(({ filled, tool }) =>
    filled.missing.filter((parameter) => !wanting.some((other) => gives(other, parameter))).flatMap((parameter) =>
      assessed.filter((it) =>
        it.standing === "spare" && it.tool !== tool && it.filled.calls.length > 0 && !it.filled.fromExamples &&
        wordsFor(tool, parameter).some((word) => it.tool.nouns.includes(word))
      ).slice(0, 1)
    )
  )

/** Whether a tool only lists what the question already names for another tool. */
const isNamedIn = ({ filled }: Assessed, { nouns, variants }: ToolSpec): boolean =>
  filled.calls.length > 0 && variants.every((parameters) => !parameters.some(({ required }) => required)) &&
  nouns.length > 0 && nouns.every((noun) => [...filled.given.keys()].some(({ words }) => words.includes(noun)))

const candidates = ({ choice, history }: Situation, assessed: ReadonlyArray<Assessed>): ReadonlyArray<Assessed> => {
  const chosen = assessed.filter(({ standing }) => standing === "chosen")
  const isNeeded = (it: Assessed): boolean =>
    !chosen.some((other) =>
      other !== it && (it.standing === "spare" || other.tokens === it.tokens) && isNamedIn(other, it.tool)
    )
  const fit = chosen.filter(isNeeded)
  if (history.length > 0) {
    const hasFailed = history.flat().every(({ outcome }) => outcome?.isFailure === true)
    const second = assessed.filter(({ filled, standing, tool }) =>
      standing === "second" && tool.change === undefined && filled.given.size > 0 && !filled.fromExamples
    )
    return hasFailed ? [...fit, ...second] : fit
  }
  const isReady = ({ filled }: Assessed): boolean => filled.calls.length > 0
  const ready = [...fit, ...feeders(assessed, fit).filter(isNeeded)].filter(isReady)
  const sure = ready.filter(({ filled }) => !filled.fromExamples)
  if (ready.length > 0) return sure.length > 0 ? sure : ready
  return choice === "required" ? assessed.filter((it) => it.standing !== "unasked" && isReady(it)).slice(0, 1) : []
}

const remaining = (situation: Situation, assessed: ReadonlyArray<Assessed>): ReadonlyArray<PlannedCall> => {
  const made = new Set(situation.history.flat().map(keyOf))
  const calls = candidates(situation, assessed).flatMap(callsOf)
  return [...new Map(calls.map((call) => [keyOf(call), call])).entries()].flatMap(([key, call]) =>
    made.has(key) ? [] : [call]
  )
}

const reasonFor = ({ filled, standing, tool }: Assessed, choice: Situation["choice"]): string => {
  const names = filled.missing.map(({ name }) => `\`${name}\``)
  if (standing === "unasked") return `it makes a change ("${tool.change}") that the question does not ask for`
  if (tool.variants.length === 0) return "its parameters have no JSON Schema"
  if (names.length > 0) {
    return `required ${names.length === 1 ? "parameter" : "parameters"} ${
      names.join(", ")
    } could not be filled from the ` +
      "question or from earlier results"
  }
  if (filled.calls.length === 0) return "the values found do not satisfy its parameters"
  return choice === "none" ? "the request allows no tool calls" : "no turn was left"
}

const answerTo = (situation: Situation, assessed: ReadonlyArray<Assessed>): Decision => {
  const { choice, history, tools } = situation
  const made = history.flat()
  const isUncalled = ({ tool }: Assessed): boolean => !made.some(({ name }) => name === tool.name)
  const of = (wanted: Assessed["standing"]) => assessed.filter(({ standing }) => standing === wanted)
  const fit = (of("chosen").length > 0 ? of("chosen") : of("unasked")).filter(isUncalled)
  const uncalled = new Map(fit.map((it) => [it.tool.name, it]))
  const left = remaining(situation, assessed).filter(({ name }) => made.some((call) => call.name === name))
  return {
    _tag: "Answer",
    text: answer.compose({
      calls: made,
      skipped: [...uncalled.values()].map((it) => ({ name: it.tool.name, reason: reasonFor(it, choice) })),
      left: left.length,
      offered: tools
    })
  }
}

/**
 * Decides what to do about a question: which tools to call with which arguments, or the answer. Calls are made in at
 * most two turns, at most eight in each, and never the same call twice.
 *
 * @internal
 */
export const plan = (situation: Situation): Decision => {
  const { choice, history, question, tools } = situation
  const records = history.flat().flatMap(({ name, outcome }) =>
    outcome === undefined || outcome.isFailure ? [] : recordsOf(name, outcome.result)
  )
  const assessed = assess(question, tools, records, typeof choice === "object" ? choice.tool : undefined)
  const isOver = choice === "none" || history.length >= gatheringTurns
  const calls = isOver ? [] : remaining(situation, assessed).slice(0, callsPerTurn)
  return calls.length === 0 ? answerTo(situation, assessed) : { _tag: "Calls", calls, notes: answer.announce(calls) }
}
