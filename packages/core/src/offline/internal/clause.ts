import { changingVerbs, connectors, readingVerbs } from "./lexicon.ts"
import type { Token } from "./question.ts"
import { terms } from "./terms.ts"
import type { ToolSpec } from "./tool.ts"
import { stems } from "./words.ts"

const openers = new Set(["are", "can", "do", "does", "how", "is", "what", "when", "where", "which", "who", "why"])

const opens = (tokens: ReadonlyArray<Token>, i: number): boolean => {
  const [token, before] = [tokens[i]!, tokens[i - 1]]
  if (before === undefined || token.initial || token.gap.includes(";")) return true
  const isOpener = openers.has(token.folded) || readingVerbs.has(token.folded) || changingVerbs.has(token.folded)
  return isOpener && (connectors.has(before.folded) || token.gap.includes(","))
}

const clauses = (tokens: ReadonlyArray<Token>): ReadonlyArray<ReadonlyArray<number>> => {
  const starts = tokens.map((_, i) => i).filter((i) => opens(tokens, i))
  return starts.map((start, n) => {
    const end = starts[n + 1] ?? tokens.length
    return Array.from({ length: end - start }, (_, i) => start + i)
  })
}

/**
 * The tokens of a question that may be about a tool: all but the clauses that name other tools and not this
 * one, or simply all if that leaves none.
 *
 * @internal
 */
export const scopeOf = (
  tokens: ReadonlyArray<Token>,
  tool: ToolSpec,
  tools: ReadonlyArray<ToolSpec>
): ReadonlySet<number> => {
  const all = new Set(tools.flatMap(({ nouns }) => nouns))
  const own = new Set([...tool.nouns, ...terms(tool.description)])
  const related = clauses(tokens).filter((clause) => {
    const words = clause.flatMap((i) => stems(tokens[i]!.text))
    return words.some((word) => own.has(word)) || !words.some((word) => all.has(word))
  })
  return new Set(related.length > 0 ? related.flat() : tokens.keys())
}
