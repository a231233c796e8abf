import {
  type Candidate,
  candidate,
  type Context,
  endsPhrase,
  isName,
  isPlainName,
  isVerb,
  lastOfName,
  occurrences,
  range,
  type Source
} from "./candidate.ts"
import { textOf } from "./json.ts"
import * as lexicon from "./lexicon.ts"
import { listFrom, named, namedElsewhere } from "./named.ts"
import type { Kind, Parameter } from "./parameter.ts"
import { isCapitalised, isFileName, type Token, type TokenKind } from "./question.ts"
import { terms } from "./terms.ts"
import { read } from "./value.ts"
import { stem, stems } from "./words.ts"

const wordOf = (token: Token): string => token.folded.replaceAll(/['’]/g, "")

const isNegated = (tokens: ReadonlyArray<Token>, i: number): boolean =>
  [i - 1, i - 2].some((before) => tokens[before] !== undefined && lexicon.negations.has(wordOf(tokens[before])))

const flagWords = new Set([
  "all",
  "do",
  "enabl",
  "has",
  "include",
  "includ",
  "is",
  "only",
  "show",
  "should",
  "use",
  "with"
])

const stated: Source = {
  find: ({ tokens }, parameter) => {
    const target = parameter.item ?? parameter
    if (target.members !== undefined) {
      if (target.members.length === 1 && parameter.required) return [{ value: target.members[0], used: [] }]
      return target.members.flatMap((value) => {
        const name = stems(textOf(value))
        const telling = parameter.required || name.some((word) => !lexicon.stopWords.has(word))
        const places = telling ? occurrences(tokens, name).filter(({ first }) => !isNegated(tokens, first)) : []
        return places.slice(0, 1).map(({ first, last }) => ({ value, used: range(first, last) }))
      })
    }
    if (target.type !== "boolean") return []
    const core = target.words.filter((word) => !flagWords.has(word))
    return occurrences(tokens, core).slice(0, 1).map(({ first, last }) => ({
      value: !isNegated(tokens, first),
      used: range(first, last)
    }))
  }
}

const recognised: { readonly [kind in Kind]?: ReadonlyArray<TokenKind> } = {
  path: ["path", "file", "glob"],
  url: ["url"],
  email: ["email"],
  date: ["date", "day"],
  duration: ["duration"],
  pattern: ["glob"]
}

const sizeNames = new Set(["count", "limit", "max", "maximum", "size", "top"].map(stem))

const isSize = ({ tokens }: Context, i: number): boolean =>
  tokens[i]!.kind === "number" && (lexicon.sizeWords.has(tokens[i - 1]?.folded ?? "") ||
    lexicon.countedWords.has(tokens[i + 1]?.folded ?? ""))

/** Whether a number counts what an optional parameter is about ("3 levels"). */
const isCounted = ({ tokens }: Context, parameter: Parameter, i: number): boolean => {
  const next = tokens[i + 1]
  return next !== undefined && next.kind === "word" && next.gap === " " && !lexicon.stopWords.has(next.folded) &&
    [...parameter.words, ...terms(parameter.description)].includes(next.stem)
}

/** Whether a span of time may be meant for a parameter: an optional delay has to be named. */
const isSpan = ({ tokens }: Context, { required, words }: Parameter): boolean =>
  required || words.every((word) => !lexicon.delayNames.has(word) || tokens.some((token) => token.stem === word))

/** Whether a name is told to have two parts ("owner/name"). */
const isPaired = ({ description, examples }: Parameter): boolean =>
  [description, ...examples.map(textOf)].some((text) => /(?:^|[\s"'`(])\w+\/\w+(?![\w/])/.test(text))

const backwards = new Set(["ago", "from", "since", "start"].map(stem))

const typed: Source = {
  find: (context, parameter) => {
    const target = parameter.item ?? parameter
    const all = (...kinds: ReadonlyArray<TokenKind>): ReadonlyArray<Candidate> =>
      context.tokens.flatMap((token, i) => kinds.includes(token.kind) ? candidate(context, parameter, i) : [])
    if (target.type === "number" || target.type === "integer") {
      const wantsSize = parameter.words.some((word) => sizeNames.has(word))
      const numbers = all("number").filter(({ used: [i = 0] }) =>
        isSize(context, i) ? wantsSize : parameter.required || isCounted(context, parameter, i)
      )
      return [...numbers, ...isSpan(context, parameter) ? all("duration") : []]
    }
    if (target.type === "string" && target.kind === "identifier" && parameter.required) {
      return all("identifier").filter(({ value }) => /\p{N}/u.test(textOf(value)))
    }
    if (target.type !== "string") return []
    if (target.kind === "plain" && isPaired(target)) {
      return all("path").filter(({ value }) => /^[^/]+\/[^/]+$/.test(textOf(value)))
    }
    if (target.kind === "duration" && !isSpan(context, parameter)) return []
    const reachesBack = target.kind === "date" && parameter.words.some((word) => backwards.has(word))
    return all(...recognised[target.kind] ?? [], ...reachesBack ? ["duration" as const] : [])
  }
}

/** Kinds that a quotation is for rather than a name. */
const wordy: ReadonlySet<Kind> = new Set(["search", "pattern", "code", "ask", "prose"])

const quoted: Source = {
  find: (context, parameter) => {
    const target = parameter.item ?? parameter
    if (target.type !== "string" && target.type !== "any") return []
    const quotations = context.tokens.filter(({ kind }) => kind === "quoted").length
    const texts = context.tool.variants.flat().filter((it) => it.required && wordy.has(it.kind)).length
    if (!parameter.required || !wordy.has(target.kind) && quotations <= texts) return []
    return context.tokens.flatMap((token, i) => token.kind === "quoted" ? candidate(context, parameter, i) : [])
  }
}

const isLettersOnly = (text: string): boolean => /^[\p{Ll}-]+$/u.test(text)

/** Whether the word before an identifier says that it names something else ("lamp x-1" for a region). */
const isOther = ({ tokens, vocabulary }: Context, parameter: Parameter, i: number): boolean => {
  const before = tokens[i - 1]?.stem ?? ""
  return tokens[i]!.kind === "identifier" && vocabulary.has(before) && !parameter.words.includes(before)
}

const isGuessable = ({ tokens, ...context }: Context, i: number): boolean => {
  const token = tokens[i]!
  if (token.kind === "file") return true
  if (token.kind === "identifier") {
    const parts = token.folded.split("-")
    return !isLettersOnly(token.text) ||
      !parts.some((part) => lexicon.describingWords.has(part) || lexicon.stopWords.has(part))
  }
  if (!isName({ tokens, ...context }, token) || isVerb(token) || token.text === "I") return false
  const next = tokens[i + 1]
  if (!token.initial || next === undefined) return !token.initial
  const another = tokens[lexicon.connectors.has(next.folded) ? i + 2 : i + 1]
  const listed = another !== undefined && isCapitalised(another) &&
    (lexicon.connectors.has(next.folded) || next.gap.trim() === ",")
  return listed || context.vocabulary.has(next.stem) && !lexicon.describingWords.has(token.folded)
}

const fileNames = (context: Context, parameter: Parameter): ReadonlyArray<Candidate> =>
  context.tokens.flatMap((token, i) =>
    isFileName(token) && isName(context, token) ? candidate(context, parameter, i) : []
  )

const guessed: Source = {
  guess: true,
  find: (context, parameter) => {
    const target = parameter.item ?? parameter
    if (!parameter.required || target.type !== "string") return []
    if (target.kind === "path" && target.holds !== "directory") return fileNames(context, parameter)
    if (target.kind !== "plain") return []
    return context.tokens.reduce<{ readonly next: number; readonly found: ReadonlyArray<Candidate> }>((state, _, i) => {
      if (i < state.next || isOther(context, parameter, i) || !isGuessable(context, i)) return state
      const last = context.tokens[i]!.kind === "word" ? lastOfName(context, i) : i
      return { next: last + 1, found: [...state.found, ...candidate(context, parameter, i, last)] }
    }, { next: 0, found: [] }).found
  }
}

const located: Source = {
  guess: true,
  find: (context, parameter) => {
    const target = parameter.item ?? parameter
    const isDirectory = target.kind === "path" && target.holds !== "file"
    if (target.type !== "string" || !isDirectory && (!parameter.required || target.kind !== "plain")) return []
    const prepositions = isDirectory ? lexicon.containingWords : lexicon.locatingWords
    return context.tokens.flatMap((token, i) => {
      const [before, next] = [context.tokens[i - 1], context.tokens[i + 1]]
      if (!prepositions.has(token.folded)) return []
      if (next === undefined || !isPlainName(context, next)) return []
      if (before !== undefined && lexicon.describingWords.has(before.folded) && token.folded === "of") return []
      const after = context.tokens[i + 2]
      const ends = after === undefined || endsPhrase(context, i + 1) || lexicon.stopWords.has(after.folded) ||
        lexicon.mentioningStems.has(after.stem)
      const isActivity = next.folded.endsWith("ing") && ["for", "near", "of"].includes(token.folded)
      return ends && !isActivity && !lexicon.adverbials.has(next.folded) ? listFrom(context, parameter, i + 1) : []
    })
  }
}

const maximumSearchWords = 6

const searched: Source = {
  find: (context, parameter, used) => {
    if (parameter.type !== "string" || !parameter.required) return []
    if (parameter.kind === "ask") {
      return [{ value: context.tokens.map((token, i) => (i === 0 ? "" : token.gap) + token.text).join(""), used: [] }]
    }
    if (parameter.kind !== "search" && parameter.kind !== "pattern") return []
    const own = new Set([...stems(context.tool.name), ...parameter.words])
    const isSalient = (token: Token, i: number): boolean =>
      !used.has(i) && !own.has(token.stem) && !isVerb(token) && terms(token.text).size > 0 &&
      !lexicon.mentioningStems.has(token.stem) && !lexicon.selectingWords.has(token.folded) &&
      !["date", "day", "duration"].includes(token.kind)
    const salient = context.tokens.map((token, i) => ({ token, i })).filter(({ i, token }) => isSalient(token, i))
    const unheard = salient.filter(({ token }) => !context.vocabulary.has(token.stem))
    const told = terms(context.tool.description)
    if (!unheard.some(({ token }) => token.kind !== "number" && !told.has(token.stem))) return []
    const words = unheard.slice(0, maximumSearchWords)
    const longest = words.toSorted((a, b) => b.token.text.length - a.token.text.length).slice(0, 1)
    const chosen = parameter.kind === "pattern" ? longest : words
    const value = read(context.tool, parameter, "quoted", chosen.map(({ token }) => token.text).join(" "))
    return chosen.length === 0 || value === undefined ? [] : [{ value, used: chosen.map(({ i }) => i) }]
  }
}

/**
 * The sources of values in the question, surest first.
 *
 * @internal
 */
export const sources: ReadonlyArray<Source> = [
  stated,
  named,
  typed,
  quoted,
  guessed,
  located,
  searched,
  namedElsewhere
]
