import * as lexicon from "./lexicon.ts"
import type { Parameter } from "./parameter.ts"
import { isCapitalised, type Token } from "./question.ts"
import type { ToolSpec } from "./tool.ts"
import { read } from "./value.ts"
import { stems } from "./words.ts"

/**
 * What a source may look at to fill the parameters of one tool.
 *
 * @internal
 */
export interface Context {
  /** The part of the question that asks for the tool. */
  readonly tokens: ReadonlyArray<Token>
  /** The whole question. */
  readonly question: ReadonlyArray<Token>
  readonly tool: ToolSpec
  /** Stems of the names of all offered tools and parameters: such a word is not the name of something. */
  readonly vocabulary: ReadonlySet<string>
  /** What the other parts of the question give to the tools they ask for. */
  readonly elsewhere: ReadonlyMap<Parameter, ReadonlyArray<unknown>>
}

/**
 * A value found in the question and the tokens it was read from.
 *
 * @internal
 */
export interface Candidate {
  readonly value: unknown
  readonly used: ReadonlyArray<number>
}

/**
 * One way to find values for a parameter in the question.
 *
 * @internal
 */
export interface Source {
  readonly find: (context: Context, parameter: Parameter, used: ReadonlySet<number>) => ReadonlyArray<Candidate>
  /** A guess is taken only if it is clear which parameter each value belongs to; never to change something. */
  readonly guess?: true
}

/**
 * Whether a token looks like a proper name: a capital, and not a word of the offered tools.
 *
 * @internal
 */
export const isName = ({ vocabulary }: Context, token: Token): boolean =>
  isCapitalised(token) && !vocabulary.has(token.stem)

/**
 * Whether a lower-case word may be the name of something.
 *
 * @internal
 */
export const isPlainName = ({ vocabulary }: Context, token: Token): boolean =>
  token.kind === "word" && token.folded.length > 1 && !token.folded.slice(2).endsWith("ed") &&
  !vocabulary.has(token.stem) && !lexicon.mentioningStems.has(token.stem) && !lexicon.topicWords.has(token.folded) &&
  ![lexicon.stopWords, lexicon.describingWords, lexicon.readingVerbs, lexicon.changingVerbs].some((words) =>
    words.has(token.folded)
  )

/**
 * Whether a token asks for something. A capital inside a sentence is a name ("New York").
 *
 * @internal
 */
export const isVerb = (token: Token): boolean =>
  (token.initial || !isCapitalised(token)) &&
  (lexicon.readingVerbs.has(token.folded) || lexicon.changingVerbs.has(token.folded))

/**
 * The integers from the first to the last, both included.
 *
 * @internal
 */
export const range = (first: number, last: number): ReadonlyArray<number> =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i)

const particles = new Set([
  "al",
  "bin",
  "da",
  "de",
  "del",
  "der",
  "di",
  "do",
  "du",
  "el",
  "la",
  "le",
  "of",
  "van",
  "von"
])

/**
 * The last token of the proper name that begins at a token ("Rio de Janeiro").
 *
 * @internal
 */
export const lastOfName = (context: Context, first: number): number => {
  const follows = (i: number): boolean => {
    const token = context.tokens[i]
    return token !== undefined && token.gap === " " && !token.initial && isName(context, token)
  }
  const next = first + 1
  if (follows(next)) return lastOfName(context, next)
  const particle = context.tokens[next]
  return particle !== undefined && particle.gap === " " && particles.has(particle.folded) && follows(next + 1)
    ? lastOfName(context, next + 1)
    : first
}

/**
 * The value that a run of tokens has for a parameter, if it fits.
 *
 * @internal
 */
export const candidate = (
  context: Context,
  parameter: Parameter,
  first: number,
  last = first
): ReadonlyArray<Candidate> => {
  const { kind } = context.tokens[first]!
  const text = range(first, last).map((i) => context.tokens[i]!.text).join(" ")
  const value = read(context.tool, parameter, kind, text)
  return value === undefined ? [] : [{ value, used: range(first, last) }]
}

/**
 * The value for a parameter that begins at a token, if the token may name one.
 *
 * @internal
 */
export const valueAt = (context: Context, parameter: Parameter, i: number): ReadonlyArray<Candidate> => {
  const token = context.tokens[i]
  if (token === undefined) return []
  if (token.kind !== "word") return candidate(context, parameter, i)
  if (isName(context, token) && !isVerb(token)) return candidate(context, parameter, i, lastOfName(context, i))
  return isPlainName(context, token) || parameter.type === "boolean" ? candidate(context, parameter, i) : []
}

/**
 * Whether a token is a word without a capital.
 *
 * @internal
 */
export const isPlain = (token: Token): boolean => token.kind === "word" && !isCapitalised(token)

/**
 * Whether nothing that belongs to a token follows it.
 *
 * @internal
 */
export const endsPhrase = ({ tokens }: Context, i: number): boolean => {
  const next = tokens[i + 1]
  return next === undefined || /[.,;:!?)\n]/.test(next.gap) || lexicon.connectors.has(next.folded)
}

/**
 * The first and the last token of a name in the question.
 *
 * @internal
 */
export interface Occurrence {
  readonly first: number
  readonly last: number
}

/**
 * Where a name (as stems) occurs.
 *
 * @internal
 */
export const occurrences = (tokens: ReadonlyArray<Token>, name: ReadonlyArray<string>): ReadonlyArray<Occurrence> => {
  const words = tokens.flatMap((token, i) => stems(token.text).map((word) => ({ word, i })))
  return words.flatMap(({ i }, start) =>
    name.length > 0 && name.every((word, offset) => words[start + offset]?.word === word)
      ? [{ first: i, last: words[start + name.length - 1]!.i }]
      : []
  )
}
