import { textOf } from "./json.ts"
import { readingVerbs } from "./lexicon.ts"
import type { Parameter } from "./parameter.ts"
import type { Token, TokenKind } from "./question.ts"
import { terms } from "./terms.ts"
import type { ToolSpec } from "./tool.ts"
import { stem } from "./words.ts"

/**
 * A tool and how well it fits a question. A fit of 1 is one rare word of the question found in the tool's description.
 *
 * @internal
 */
export interface Ranked {
  readonly tool: ToolSpec
  readonly score: number
}

const weights = { name: 3, parameter: 0.75, description: 1, member: 1, parameterDescription: 0.5 }
const partialMatch = 0.5
const verbWeight = 0.4
const shortestPrefix = 4
// As many tools without a word as this are imagined beside the offered ones, so that a word of the only tool counts.
const imaginedTools = 4

type Vocabulary = ReadonlyMap<string, number>

const parametersOf = (tool: ToolSpec): ReadonlyArray<Parameter> => tool.variants.flat()

const vocabularyOf = (tool: ToolSpec): Vocabulary => {
  const weighted = [
    ...parametersOf(tool).flatMap((parameter) => [
      [parameter.description, weights.parameterDescription] as const,
      [(parameter.item ?? parameter).members?.map(textOf).join(" ") ?? "", weights.member] as const,
      [parameter.name, weights.parameter] as const
    ]),
    [tool.description, weights.description] as const,
    [tool.name, weights.name] as const
  ].flatMap(([text, weight]) => [...terms(text)].map((word) => [word, weight] as const))
  return new Map(weighted.toSorted(([, a], [, b]) => a - b))
}

const verbs = new Set([...readingVerbs].map(stem))

const isPrefix = (a: string, b: string): boolean =>
  a.length >= shortestPrefix && b.length >= shortestPrefix && (a.startsWith(b) || b.startsWith(a))

const match = (word: string, vocabulary: Vocabulary): number =>
  vocabulary.get(word) ??
    Math.max(0, ...[...vocabulary].map(([other, weight]) => isPrefix(word, other) ? weight * partialMatch : 0))

const telling: { readonly [kind in Parameter["kind"]]?: ReadonlyArray<TokenKind> } = {
  path: ["path", "file"],
  url: ["url"],
  email: ["email"],
  date: ["date"],
  search: ["quoted"],
  pattern: ["quoted", "glob"]
}

const evidenceWeight = 1

const evidence = (tool: ToolSpec, tokens: ReadonlyArray<Token>): number =>
  tool.change === undefined &&
    parametersOf(tool).some((parameter) =>
      parameter.required && (parameter.item ?? parameter).type === "string" &&
      tokens.some(({ kind, text }) => telling[parameter.kind]?.includes(kind) === true && !text.endsWith("/"))
    )
    ? evidenceWeight
    : 0

/**
 * Ranks tools by the words they share with a question, best first: a word in the name of a tool counts more than one in
 * its description, a word that few of the tools have counts more than a common one, and a verb of reading ("list")
 * counts only beside another word, unless it is all of the name. A path or URL in the question speaks for the tools
 * that require one.
 *
 * @internal
 */
export const rank = (
  question: string,
  tokens: ReadonlyArray<Token>,
  tools: ReadonlyArray<ToolSpec>
): ReadonlyArray<Ranked> => {
  const words = [...terms(question)]
  const vocabularies = tools.map(vocabularyOf)
  const rarity = (having: number): number =>
    Math.log(1 + (tools.length + imaginedTools - having + 0.5) / (having + 0.5))
  const weightOf = new Map(words.map((word) => {
    const having = vocabularies.filter((vocabulary) => vocabulary.has(word)).length
    return [word, rarity(Math.max(1, having)) / rarity(1)]
  }))
  const scoreOf = (tool: ToolSpec, vocabulary: Vocabulary): number => {
    const matched = words.map((word) => ({ word, score: match(word, vocabulary) * weightOf.get(word)! }))
      .filter(({ score }) => score > 0)
    const isVerbOnly = tool.nouns.length === 0
    const proof = evidence(tool, tokens)
    const decides = isVerbOnly || proof > 0 || matched.some(({ word }) => !verbs.has(word))
    const shared = matched.reduce(
      (sum, { score, word }) => sum + score * (verbs.has(word) && !isVerbOnly ? verbWeight : 1),
      0
    )
    return decides ? shared + proof : 0
  }
  return tools.map((tool, i) => ({ tool, score: scoreOf(tool, vocabularies[i]!) })).toSorted((a, b) =>
    b.score - a.score
  )
}
