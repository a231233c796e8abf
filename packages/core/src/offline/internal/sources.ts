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
import { listFrom, named } from "./named.ts"
import type { Kind } from "./parameter.ts"
import { isCapitalised, type Token, type TokenKind } from "./question.ts"
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

const backwards = new Set(["ago", "from", "since", "start"].map(stem))

const typed: Source = {
  find: (context, parameter) => {
    const target = parameter.item ?? parameter
    const all = (...kinds: ReadonlyArray<TokenKind>): ReadonlyArray<Candidate> =>
      context.tokens.flatMap((token, i) => kinds.includes(token.kind) ? candidate(context, parameter, i) : [])
    if (target.type === "number" || target.type === "integer") {
      const wantsSize = parameter.words.some((word) => sizeNames.has(word))
      const numbers = all("number").filter(({ used: [i = 0] }) => isSize(context, i) ? wantsSize : parameter.required)
      return [...numbers, ...all("duration")]
    }
    if (target.type === "string" && target.kind === "identifier" && parameter.required) {
      return all("identifier").filter(({ value }) => /\p{N}/u.test(textOf(value)))
    }
    if (target.type !== "string") return []
    const reachesBack = target.kind === "date" && parameter.words.some((word) => backwards.has(word))
    return all(...recognised[target.kind] ?? [], ...reachesBack ? ["duration" as const] : [])
  }
}

const quoted: Source = {
  find: (context, parameter) => {
    const target = parameter.item ?? parameter
    if (target.type !== "string" && target.type !== "any") return []
    if (!parameter.required && !["search", "pattern", "code", "ask"].includes(target.kind)) return []
    return context.tokens.flatMap((token, i) => token.kind === "quoted" ? candidate(context, parameter, i) : [])
  }
}

const isLettersOnly = (text: string): boolean => /^[\p{Ll}-]+$/u.test(text)

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

const guessed: Source = {
  guess: true,
  find: (context, parameter) => {
    const target = parameter.item ?? parameter
    if (!parameter.required || target.type !== "string" || target.kind !== "plain") return []
    return context.tokens.reduce<{ readonly next: number; readonly found: ReadonlyArray<Candidate> }>((state, _, i) => {
      if (i < state.next || !context.scope.has(i) || !isGuessable(context, i)) return state
      const last = context.tokens[i]!.kind === "word" ? lastOfName(context, i) : i
      return { next: last + 1, found: [...state.found, ...candidate(context, parameter, i, last)] }
    }, { next: 0, found: [] }).found
  }
}

const located: Source = {
  guess: true,
  find: (context, parameter) => {
    const target = parameter.item ?? parameter
    if (!parameter.required || target.type !== "string" || target.kind !== "plain") return []
    return context.tokens.flatMap((token, i) => {
      const [before, next] = [context.tokens[i - 1], context.tokens[i + 1]]
      if (!lexicon.locatingWords.has(token.folded) || !context.scope.has(i)) return []
      if (next === undefined || !isPlainName(context, next)) return []
      if (before !== undefined && lexicon.describingWords.has(before.folded) && token.folded === "of") return []
      const ends = endsPhrase(context, i + 1) || lexicon.stopWords.has(context.tokens[i + 2]!.folded)
      const isActivity = next.folded.endsWith("ing") && ["for", "near", "of"].includes(token.folded)
      return ends && !isActivity && !lexicon.adverbials.has(next.folded) ? listFrom(context, parameter, i + 1) : []
    })
  }
}

const maximumSearchWords = 6

const searched: Source = {
  find: (context, parameter, used) => {
    const searches = context.tool.name.split(/[^a-z]/i).some((word) =>
      ["find", "search", "query", "lookup"].includes(word.toLowerCase())
    )
    if (parameter.type !== "string" || !parameter.required && !searches) return []
    if (parameter.kind === "ask") {
      return [{ value: context.tokens.map((token, i) => (i === 0 ? "" : token.gap) + token.text).join(""), used: [] }]
    }
    if (parameter.kind !== "search" && parameter.kind !== "pattern") return []
    const own = new Set([...stems(context.tool.name), ...parameter.words])
    const isSalient = (token: Token, i: number): boolean =>
      context.scope.has(i) && !used.has(i) && !own.has(token.stem) && !isVerb(token) && terms(token.text).size > 0 &&
      !lexicon.selectingWords.has(token.folded) && !["date", "day", "duration"].includes(token.kind)
    const salient = context.tokens.map((token, i) => ({ token, i })).filter(({ i, token }) => isSalient(token, i))
    const unheard = salient.filter(({ token }) => !context.vocabulary.has(token.stem))
    if (salient.every(({ token }) => token.kind === "number")) return []
    const words = (unheard.length > 0 ? unheard : salient).slice(0, maximumSearchWords)
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
export const sources: ReadonlyArray<Source> = [stated, named, typed, quoted, guessed, located, searched]
