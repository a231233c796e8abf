import { isImperative } from "./clause.ts"
import { textOf } from "./json.ts"
import * as lexicon from "./lexicon.ts"
import type { Parameter } from "./parameter.ts"
import { isFileName, type Token, type TokenKind } from "./question.ts"
import { terms } from "./terms.ts"
import type { ToolSpec } from "./tool.ts"
import { pathForm, suits } from "./value.ts"
import { split, stem } from "./words.ts"

/**
 * A tool and how well it fits a clause.
 *
 * @internal
 */
export interface Ranked {
  readonly tool: ToolSpec
  /** The fit: 1 is one rare word of the clause found in the tool's description. */
  readonly score: number
  /** The same, lowered for each noun in the tool's name that the clause does not have: for comparing tools. */
  readonly rank: number
  /** How well the verbs of the clause suit it, from 0. */
  readonly asked: number
  /** The words of the clause that the tool has and that are not verbs of reading. */
  readonly explained: ReadonlySet<string>
  /** The part of the score that comes from each word of the tool's name. */
  readonly named: ReadonlyMap<string, number>
}

const weights = { name: 3, parameter: 0.75, description: 1, remark: 0.5, member: 1, parameterDescription: 0.5 }
const partialMatch = 0.5
const shortestPrefix = 4
const sameVerb = 1.2
const similarVerb = 0.8
const listingCue = 0.4
const besideNoun = 0.8
const anyPath = 0.6
const perMissingNoun = 0.85
// As many tools without a word as this are imagined beside the offered ones, so that a word of the only tool counts.
const imaginedTools = 4

type Vocabulary = ReadonlyMap<string, number>

const parametersOf = (tool: ToolSpec): ReadonlyArray<Parameter> => tool.variants.flat()

/** What a description says the tool does: not what it says to use other tools for. */
const remarksOf = ({ description, name }: ToolSpec, tools: ReadonlyArray<ToolSpec>): ReadonlyArray<string> =>
  tools.filter((other) => other.name !== name && split(other.name).length > 1)
    .reduce((text, other) => text.replaceAll(other.name, " "), description)
    .split(/(?<=[.!?])\s+|\n+/).filter((sentence) => !/^\s*(?:do not|don['’]t|never|not)\b/i.test(sentence))

const vocabularyOf = (tool: ToolSpec, tools: ReadonlyArray<ToolSpec>): Vocabulary => {
  const [summary = "", ...remarks] = remarksOf(tool, tools)
  const weighted = [
    ...parametersOf(tool).flatMap((parameter) => [
      [parameter.description, weights.parameterDescription] as const,
      [(parameter.item ?? parameter).members?.map(textOf).join(" ") ?? "", weights.member] as const,
      [parameter.name, weights.parameter] as const
    ]),
    [remarks.join(" "), weights.remark] as const,
    [summary, weights.description] as const,
    [tool.name, weights.name] as const
  ].flatMap(([text, weight]) => [...terms(text)].map((word) => [word, weight] as const))
  return new Map(weighted.toSorted(([, a], [, b]) => a - b))
}

const verbStems = new Set([...lexicon.readingVerbs].map(stem))

const isRelation = (word: string): boolean => verbStems.has(word) || lexicon.mentioningStems.has(word)

const isPrefix = (a: string, b: string): boolean =>
  a.length >= shortestPrefix && b.length >= shortestPrefix && (a.startsWith(b) || b.startsWith(a))

const match = (word: string, vocabulary: Vocabulary): number =>
  vocabulary.get(word) ??
    Math.max(0, ...[...vocabulary].map(([other, weight]) => isPrefix(word, other) ? weight * partialMatch : 0))

const isCode = (text: string): boolean => /^[\p{Ll}\p{N}]+\p{Lu}|_/u.test(text)

/** Whether a token speaks about a subject. A value ("a/b.txt") and a name out of a program do not, but a tool's name does. */
const isSubject = (token: Token, tools: ReadonlyArray<ToolSpec>): boolean =>
  ["word", "day", "duration"].includes(token.kind) ||
  token.kind === "identifier" && (!isCode(token.text) || tools.some(({ name }) => name === token.text))

/** What a clause asks to do, as verbs of reading with their weights. */
const verbsIn = (tokens: ReadonlyArray<Token>): Vocabulary => {
  const heads = tokens.filter((token, i) => lexicon.readingVerbs.has(token.folded) && isImperative(tokens, i)).map((
    { folded }
  ) => folded)
  const isQuoting = tokens.some(({ kind }) => kind === "quoted")
  const isListing = tokens.some(({ folded }, i) =>
    ["what", "which"].includes(tokens[i - 1]?.folded ?? "") && /[^s]s$/.test(folded) && !lexicon.stopWords.has(folded)
  )
  const seeks = tokens.some((token, i) =>
    lexicon.mentioningStems.has(token.stem) && (isQuoting || !lexicon.contentStems.has(token.stem)) ||
    lexicon.topicWords.has(token.folded) && i + 1 < tokens.length
  )
  const reads = !isQuoting && tokens.some((token) => lexicon.contentStems.has(token.stem))
  const holds = reads && tokens.some((token) => token.stem === "contain" || token.stem === "content")
  const cues = [
    ...isListing ? [["list", listingCue]] as const : [],
    ...seeks ? [["search", similarVerb], ["find", similarVerb]] as const : [],
    ...reads ? [["read", similarVerb]] as const : [],
    ...holds ? [["list", similarVerb]] as const : [],
    ...heads.flatMap(lexicon.similarVerbs).map((verb) => [verb, similarVerb] as const),
    ...heads.map((verb) => [verb, sameVerb] as const)
  ]
  return new Map(cues)
}

const telling: { readonly [kind in Parameter["kind"]]?: ReadonlyArray<TokenKind> } = {
  url: ["url"],
  email: ["email"],
  date: ["date"],
  code: ["quoted"],
  search: ["quoted"],
  pattern: ["quoted", "glob"]
}

const isSought = ({ folded, kind, text }: Token, isExplicit: boolean): boolean =>
  kind === "identifier" || kind === "word" && (isExplicit ? !lexicon.stopWords.has(folded) : /^\p{Lu}{2,}$/u.test(text))

/** How much a clause's path, or its word that may be the name of a file, speaks for a parameter. */
const pathEvidence = ({ holds, required }: Parameter, token: Token, asked: number): number => {
  const form = pathForm(token) ?? (asked > 0 && isFileName(token) ? "file" : undefined)
  return form === undefined ? 0 : (required || holds !== "any" ? 1 : anyPath) * suits(holds, form)
}

/** How much the values of a clause speak for a tool by their form: the best-fitting one decides. */
const evidence = (tool: ToolSpec, tokens: ReadonlyArray<Token>, asked: number): number => {
  if (tool.change !== undefined) return 0
  const isNumbered = tokens.some((token, i) =>
    ["number", "identifier"].includes(token.kind) && tool.nouns.includes(tokens[i - 1]?.stem ?? "")
  )
  const isSearch = asked === sameVerb && tokens.some(({ folded }) => folded === "for")
  const proofs = parametersOf(tool).map((parameter) => {
    const { kind, required } = parameter
    const { type } = parameter.item ?? parameter
    if (required && isNumbered && (type === "integer" || type === "number" || kind === "identifier")) return besideNoun
    if (type !== "string") return 0
    if (kind === "path") return Math.max(0, ...tokens.map((token) => pathEvidence(parameter, token, asked)))
    const isTold = tokens.some((token) =>
      telling[kind]?.includes(token.kind) === true || kind === "search" && asked > 0 && isSought(token, isSearch)
    )
    return required && isTold ? 1 : 0
  })
  return Math.max(0, ...proofs)
}

/** Whether a clause asks to do with something said before what the tool does ("and read it"). */
const isFollowUp = (tool: ToolSpec, tokens: ReadonlyArray<Token>, asked: number): boolean =>
  asked === sameVerb && tokens.some(({ folded }) => folded === "it" || folded === "them") &&
  parametersOf(tool).some(({ required }) => required)

/**
 * Prepares to rank tools against clauses, best first: a word in the name of a tool counts more than one in its
 * description, a word that few of the tools have counts more than a common one, and a verb of reading ("list") counts
 * only beside another word, unless it is all of the name. A path, URL or quotation speaks for the tools that take one.
 *
 * @internal
 */
export const ranker = (tools: ReadonlyArray<ToolSpec>) => {
  const vocabularies = tools.map((tool) => vocabularyOf(tool, tools))
  const rarity = (having: number): number =>
    Math.log(1 + (tools.length + imaginedTools - having + 0.5) / (having + 0.5))
  const weightOf = (word: string): number => {
    const having = vocabularies.filter((vocabulary) => vocabulary.has(word)).length
    return rarity(Math.max(1, having)) / rarity(1)
  }
  return (tokens: ReadonlyArray<Token>): ReadonlyArray<Ranked> => {
    const text = tokens.filter((token) => isSubject(token, tools)).map((token) => token.text).join(" ")
    const words = [...terms(text)].map((word) => ({ word, weight: weightOf(word) }))
    const verbs = verbsIn(tokens)
    const rankedOf = (tool: ToolSpec, vocabulary: Vocabulary): Ranked => {
      const isVerbOnly = tool.nouns.length === 0
      const matched = words.filter(({ word }) => isVerbOnly || !isRelation(word) || tool.nouns.includes(word)).map((
        { weight, word }
      ) => ({ word, score: match(word, vocabulary) * weight })).filter(({ score }) => score > 0)
      const asked = isVerbOnly ? 0 : Math.max(0, ...tool.verbs.map((verb) => verbs.get(verb) ?? 0))
      const proof = evidence(tool, tokens, asked)
      const shared = matched.reduce((sum, { score }) => sum + score, 0)
      const counts = matched.length > 0 || proof > 0 || isFollowUp(tool, tokens, asked)
      const score = counts ? shared + asked + proof : 0
      const explained = new Set(matched.map(({ word }) => word))
      const missing = tool.nouns.filter((noun) => ![...explained].some((word) => word === noun || isPrefix(word, noun)))
      const named = matched.filter(({ word }) => tool.nouns.includes(word))
      return {
        tool,
        score,
        rank: score * perMissingNoun ** missing.length,
        asked,
        explained,
        named: new Map(named.map((it) => [it.word, it.score]))
      }
    }
    return tools.map((tool, i) => rankedOf(tool, vocabularies[i]!)).toSorted((a, b) => b.rank - a.rank)
  }
}
