import type { Context } from "./candidate.ts"
import { requestsIn } from "./choose.ts"
import { isImperative } from "./clause.ts"
import { fill, type Filled, type Values } from "./fill.ts"
import { changingVerbs } from "./lexicon.ts"
import { lex, type Token } from "./question.ts"
import type { Ranked } from "./rank.ts"
import type { Record } from "./record.ts"
import type { ToolSpec } from "./tool.ts"

/**
 * What a tool is to a part of the question: among the best for it, second choice, or made for a change that is not asked
 * for. A spare tool need not fit at all.
 */
type Standing = "chosen" | "second" | "unasked" | "spare"

interface Pick {
  readonly tool: ToolSpec
  readonly tokens: ReadonlyArray<Token>
  readonly standing: Standing
}

/**
 * A tool for a part of the question, and what could be filled in.
 *
 * @internal
 */
export interface Assessed extends Pick {
  readonly filled: Filled
}

const asksFor = (tokens: ReadonlyArray<Token>, change: string): boolean => {
  const verbs = changingVerbs.get(change) ?? [change]
  return tokens.some((token, i) => verbs.includes(token.folded) && isImperative(tokens, i))
}

const fillBest = (context: Context, records: ReadonlyArray<Record>): Filled => {
  const all = context.tool.variants.map((parameters) => fill(context, parameters, records, context.tool.schema))
  return all.find(({ calls }) => calls.length > 0) ?? all.toSorted((a, b) => a.missing.length - b.missing.length)[0] ??
    { calls: [], missing: [], given: new Map(), fromResults: false, fromExamples: false }
}

const picksIn = (tokens: ReadonlyArray<Token>, tools: ReadonlyArray<ToolSpec>): ReadonlyArray<Pick> => {
  const isAsked = ({ change }: ToolSpec, part: ReadonlyArray<Token>): boolean =>
    change === undefined || asksFor(part, change)
  const pick = (part: ReadonlyArray<Token>, standing: Standing) => ({ tool }: Ranked): Pick => ({
    tool,
    tokens: part,
    standing
  })
  const asked = requestsIn(tokens, tools, isAsked).flatMap(({ chosen, others, tokens: part }) => [
    ...chosen.map(pick(part, "chosen")),
    ...others.map(pick(part, "second"))
  ])
  const unasked = requestsIn(tokens, tools, () => true).flatMap(({ chosen, tokens: part }) =>
    chosen.filter(({ tool }) => !isAsked(tool, part)).map(pick(part, "unasked"))
  )
  const spare = tools.filter(({ change }) => change === undefined).map((tool): Pick => ({
    tool,
    tokens,
    standing: "spare"
  }))
  return [...asked, ...unasked, ...spare]
}

/**
 * Chooses tools for each part of a question and fills their parameters from that part, from what other parts give to
 * parameters of the same name, and from the records of earlier results. In the order of the question, best tool first.
 *
 * @param forced - the name of the only tool to consider, if the request demands one
 * @internal
 */
export const assess = (
  question: string,
  tools: ReadonlyArray<ToolSpec>,
  records: ReadonlyArray<Record>,
  forced: string | undefined
): ReadonlyArray<Assessed> => {
  const tokens = lex(question)
  const vocabulary = new Set(
    tools.flatMap((tool) => [...tool.nouns, ...tool.variants.flat().flatMap(({ words }) => words)])
  )
  const picks = forced === undefined
    ? picksIn(tokens, tools)
    : tools.filter(({ name }) => name === forced).map((tool): Pick => ({ tool, tokens, standing: "chosen" }))
  const filledIn = ({ tokens: part, tool }: Pick, elsewhere: Values): Filled =>
    fillBest({ tokens: part, question: tokens, tool, vocabulary, elsewhere }, records)
  const alone = picks.map((pick) => ({ ...pick, filled: filledIn(pick, new Map()) }))
  return alone.map((it) => {
    const others = alone.filter(({ standing, tokens: part }) => standing === "chosen" && part !== it.tokens)
    const elsewhere = new Map(others.flatMap(({ filled }) => [...filled.given]))
    return it.standing === "spare" || elsewhere.size === 0 ? it : { ...it, filled: filledIn(it, elsewhere) }
  })
}
