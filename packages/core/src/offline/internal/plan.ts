import * as answer from "./answer.ts"
import type { Context } from "./candidate.ts"
import { scopeOf } from "./clause.ts"
import { type Arguments, fill, type Filled } from "./fill.ts"
import { canonical } from "./json.ts"
import { changingVerbs, genericNames } from "./lexicon.ts"
import type { Parameter } from "./parameter.ts"
import { lex, type Token } from "./question.ts"
import { rank, type Ranked } from "./rank.ts"
import { type Record, recordsOf } from "./record.ts"
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

interface Assessed extends Ranked {
  readonly filled: Filled
  readonly isUnasked: boolean
}

const gatheringTurns = 2
const callsPerTurn = 8
/** A tool that fits worse than this is not called. */
const leastScore = 0.7
/** Nor is one that fits worse than this share of the best. */
const leastShare = 0.5

const beforeImperative = new Set(["also", "and", "just", "kindly", "lets", "now", "or", "please", "then", "you"])

const isImperative = (tokens: ReadonlyArray<Token>, i: number): boolean => {
  const [token, before, earlier] = [tokens[i]!, tokens[i - 1], tokens[i - 2]]
  if (before === undefined || token.initial || /[,;:]/.test(token.gap)) return true
  return beforeImperative.has(before.folded) || before.folded === "to" && earlier?.folded !== "how"
}

const asksFor = (tokens: ReadonlyArray<Token>, change: string): boolean => {
  const verbs = changingVerbs.get(change) ?? [change]
  return tokens.some((token, i) => verbs.includes(token.folded) && isImperative(tokens, i))
}

const keyOf = (call: { readonly name: string; readonly params: unknown }): string => canonical([call.name, call.params])

const fillBest = (context: Context, records: ReadonlyArray<Record>): Filled => {
  const all = context.tool.variants.map((parameters) => fill(context, parameters, records, context.tool.schema))
  return all.find(({ calls }) => calls.length > 0) ?? all.toSorted((a, b) => a.missing.length - b.missing.length)[0] ??
    { calls: [], missing: [], given: [], fromResults: false, fromExamples: false }
}

const assess = ({ choice, history, question, tools }: Situation): ReadonlyArray<Assessed> => {
  const tokens = lex(question)
  const named = tools.flatMap((tool) => [...tool.nouns, ...tool.variants.flat().flatMap(({ words }) => words)])
  const vocabulary = new Set(named)
  const records = history.flat().flatMap(({ name, outcome }) =>
    outcome === undefined || outcome.isFailure ? [] : recordsOf(name, outcome.result)
  )
  const isForced = (tool: ToolSpec): boolean => typeof choice === "object" && choice.tool === tool.name
  return rank(question, tokens, tools).filter(({ tool }) => typeof choice !== "object" || isForced(tool)).map(
    (ranked) => {
      const { change } = ranked.tool
      return {
        ...ranked,
        filled: fillBest(
          { tokens, tool: ranked.tool, vocabulary, scope: scopeOf(tokens, ranked.tool, tools) },
          records
        ),
        isUnasked: change !== undefined && !isForced(ranked.tool) && !asksFor(tokens, change)
      }
    }
  )
}

const callsOf = ({ filled, tool }: Assessed): ReadonlyArray<PlannedCall> =>
  filled.calls.map((params) => ({ name: tool.name, params }))

const wordsFor = (tool: ToolSpec, { words }: Parameter): ReadonlyArray<string> => {
  const telling = words.filter((word) => !genericNames.has(word))
  return telling.length > 0 ? telling : tool.nouns
}

/** Tools that need nothing more and whose name says that they list what another tool lacks. */
const feeders = (assessed: ReadonlyArray<Assessed>, wanting: ReadonlyArray<Assessed>): ReadonlyArray<Assessed> =>
  wanting.flatMap(({ filled, tool }) =>
    filled.missing.flatMap((parameter) =>
      assessed.filter((it) =>
        it.tool !== tool && it.tool.change === undefined && it.filled.calls.length > 0 && !it.filled.fromExamples &&
        wordsFor(tool, parameter).some((word) => it.tool.nouns.includes(word))
      ).slice(0, 1)
    )
  )

const fitting = (choice: Situation["choice"], assessed: ReadonlyArray<Assessed>): ReadonlyArray<Assessed> => {
  if (typeof choice === "object") return assessed
  const best = assessed.find(({ isUnasked }) => !isUnasked)?.score ?? 0
  return assessed.filter(({ score }) => score >= leastScore && score >= best * leastShare)
}

/** Whether a tool only lists what the question already names for another tool. */
const isNamedIn = ({ filled }: Assessed, { nouns, variants }: ToolSpec): boolean =>
  filled.calls.length > 0 && variants.every((parameters) => !parameters.some(({ required }) => required)) &&
  nouns.length > 0 && nouns.every((noun) => filled.given.some(({ words }) => words.includes(noun)))

const candidates = ({ choice, history }: Situation, assessed: ReadonlyArray<Assessed>): ReadonlyArray<Assessed> => {
  const allowed = assessed.filter(({ isUnasked }) => !isUnasked)
  const asked = fitting(choice, assessed).filter(({ isUnasked }) => !isUnasked)
  const isNeeded = (it: Assessed): boolean => !asked.some((other) => other !== it && isNamedIn(other, it.tool))
  const fit = asked.filter(isNeeded)
  if (history.length > 0) {
    const hasFailed = history.flat().every(({ outcome }) => outcome?.isFailure === true)
    return allowed.filter((it) => fit.includes(it) || it.score >= leastScore && (it.filled.fromResults || hasFailed))
  }
  const ready = [...fit, ...feeders(allowed, fit).filter(isNeeded)].filter(({ filled }) => filled.calls.length > 0)
  const sure = ready.filter(({ filled }) => !filled.fromExamples)
  if (ready.length > 0) return sure.length > 0 ? sure : ready
  return choice === "required" ? allowed.filter(({ filled }) => filled.calls.length > 0).slice(0, 1) : []
}

const remaining = (situation: Situation, assessed: ReadonlyArray<Assessed>): ReadonlyArray<PlannedCall> => {
  const made = new Set(situation.history.flat().map(keyOf))
  const calls = candidates(situation, assessed).flatMap(callsOf)
  return [...new Map(calls.map((call) => [keyOf(call), call])).entries()].flatMap(([key, call]) =>
    made.has(key) ? [] : [call]
  )
}

const reasonFor = ({ filled, isUnasked, tool }: Assessed, choice: Situation["choice"]): string => {
  const names = filled.missing.map(({ name }) => `\`${name}\``)
  if (isUnasked) return `it makes a change ("${tool.change}") that the question does not ask for`
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
  const uncalled = fitting(choice, assessed).filter(isUncalled)
  const left = remaining(situation, assessed).filter(({ name }) => made.some((call) => call.name === name))
  return {
    _tag: "Answer",
    text: answer.compose({
      calls: made,
      skipped: uncalled.map((it) => ({ name: it.tool.name, reason: reasonFor(it, choice) })),
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
  const assessed = assess(situation)
  const isOver = situation.choice === "none" || situation.history.length >= gatheringTurns
  const calls = isOver ? [] : remaining(situation, assessed).slice(0, callsPerTurn)
  return calls.length === 0 ? answerTo(situation, assessed) : { _tag: "Calls", calls, notes: answer.announce(calls) }
}
