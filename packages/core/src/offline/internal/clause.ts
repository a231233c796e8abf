import * as lexicon from "./lexicon.ts"
import { isCapitalised, type Token } from "./question.ts"

const openers = new Set(
  "are can do does give how is tell what when where which who why".split(" ")
)

/**
 * Words that a noun phrase begins with ("the x").
 *
 * @internal
 */
export const determiners: ReadonlySet<string> = new Set("all her his its my our the their".split(" "))

const beforeImperative = new Set(["also", "and", "just", "kindly", "lets", "now", "or", "please", "then", "you"])
const polite = new Set(["also", "just", "kindly", "now", "please"])

/**
 * Whether a word stands where a request begins ("list x", "please list x", "and list x").
 *
 * @internal
 */
export const isImperative = (tokens: ReadonlyArray<Token>, i: number): boolean => {
  const [token, before, earlier] = [tokens[i]!, tokens[i - 1], tokens[i - 2]]
  if (before === undefined || token.initial || /[,;:]/.test(token.gap)) return true
  return beforeImperative.has(before.folded) || before.folded === "to" && earlier?.folded !== "how"
}

const isVerb = (token: Token): boolean =>
  !isCapitalised(token) && (lexicon.readingVerbs.has(token.folded) || lexicon.changingVerbs.has(token.folded))

const opens = (tokens: ReadonlyArray<Token>, i: number): boolean => {
  const [token, before] = [tokens[i]!, tokens[i - 1]]
  if (before === undefined || token.initial || token.gap.includes(";") || token.folded === "then") return true
  const isJoined = lexicon.connectors.has(before.folded)
  if (isJoined && determiners.has(token.folded)) return true
  return (openers.has(token.folded) || isVerb(token)) &&
    (isJoined || polite.has(before.folded) || token.gap.includes(","))
}

const forbids = ([first, second]: ReadonlyArray<Token>): boolean =>
  /^(?:don['’]?t|never)$/.test(first?.folded ?? "") || first?.folded === "do" && second?.folded === "not"

/**
 * The clauses of a question, in order: what stands between two places where something else may be asked. A clause that
 * says what not to do is left out, unless there is no other.
 *
 * @internal
 */
export const clausesOf = (tokens: ReadonlyArray<Token>): ReadonlyArray<ReadonlyArray<Token>> => {
  const starts = tokens.map((_, i) => i).filter((i) => opens(tokens, i))
  const clauses = starts.map((start, n) => tokens.slice(start, starts[n + 1] ?? tokens.length))
  const wanted = clauses.filter((clause) => !forbids(clause))
  return wanted.length > 0 ? wanted : clauses
}
