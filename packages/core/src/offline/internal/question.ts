import { stopWords } from "./lexicon.ts"
import { fold, stem } from "./words.ts"

/**
 * The shape of a token: what a reader recognises without knowing any tool.
 *
 * @internal
 */
export type TokenKind =
  | "quoted"
  | "url"
  | "email"
  | "date"
  | "day"
  | "duration"
  | "path"
  | "file"
  | "glob"
  | "number"
  | "identifier"
  | "word"

/**
 * One word, value or quotation of a question.
 *
 * @internal
 */
export interface Token {
  readonly kind: TokenKind
  /** The text without quotes. */
  readonly text: string
  readonly folded: string
  readonly stem: string
  /** What stands between the token before and this one. */
  readonly gap: string
  /** Whether it begins a sentence. */
  readonly initial: boolean
}

const months = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ")
const month = "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|" +
  "oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
const unit = "(?:milliseconds?|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?)"
const inPath = String.raw`[\p{L}\p{N}_.@$+~\[\]-]`
const end = String.raw`(?![\p{L}\p{N}_])`

// Every repetition is bounded, so that the time to read a question grows with its length only.
const lexeme = new RegExp(
  [
    String
      .raw`(?:"(?<double>[^"\n]{1,500})"|“(?<curly>[^”\n]{1,500})”|«(?<angle>[^»\n]{1,500})»|\x60(?<tick>[^\x60\n]{1,500})\x60)`,
    String.raw`(?<![\p{L}\p{N}])'(?<single>[^'\n]{1,500})'(?![\p{L}\p{N}])`,
    String.raw`(?<url>[a-z][a-z0-9+.-]{1,20}:\/\/[^\s<>"'\x60)\]}]{1,2000})`,
    String.raw`(?<email>[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8})`,
    String.raw`(?<date>\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?)${end}`,
    String.raw`(?<dayFirst>\d{1,2}(?:st|nd|rd|th)?\s(?:of\s)?${month}\.?,?\s\d{4})${end}`,
    String.raw`(?<monthFirst>${month}\.?\s\d{1,2}(?:st|nd|rd|th)?,?\s\d{4})${end}`,
    String.raw`(?<=\b(?:last|past|previous)\s)(?<single_unit>hour|minute|day|week)${end}`,
    String.raw`(?<duration>(?:\d{1,9}(?:\.\d{1,3})?(?:ms|[smhdw])){1,4}|\d{1,9}(?:\.\d{1,3})?[ -]?${unit})${end}`,
    String.raw`(?<glob>[\p{L}\p{N}_.\/{},-]{0,100}\*[\p{L}\p{N}_.\/*{},-]{1,100})`,
    String
      .raw`(?<path>(?:(?:[a-z]:|~|\.{1,2})?[\\/]${inPath}{1,200}|${inPath}{1,200}\/${inPath}{0,200})(?:[\\/]${inPath}{0,200}){0,40})`,
    String.raw`(?<file>[\p{L}\p{N}_-]{1,100}(?:\.[\p{L}\p{N}_-]{1,100}){0,6}\.[a-z][a-z0-9]{0,7})(?![\p{L}\p{N}_-])`,
    String.raw`(?<number>[-+]?\d{1,15}(?:,\d{3}){0,4}(?:\.\d{1,15})?)(?![\p{L}\p{N}_-]|[.:]\d)`,
    String.raw`(?<day>today|tomorrow|yesterday|(?:mon|tues|wednes|thurs|fri|satur|sun)day)${end}`,
    String.raw`(?<word>[\p{L}\p{N}_$](?:[\p{L}\p{M}\p{N}_$]|[-.:'’@](?=[\p{L}\p{N}_])){0,200})`
  ].join("|"),
  "giu"
)

const isoDate = (text: string): string => {
  const year = /\d{4}/.exec(text)![0]
  const day = /\d{1,2}(?!\d)/.exec(text.replace(year, ""))![0]
  const index = months.findIndex((name) => new RegExp(`\\b${name}`, "i").test(text))
  return `${year}-${String(index + 1).padStart(2, "0")}-${day.padStart(2, "0")}`
}

const isIdentifier = (text: string): boolean =>
  /[\p{N}_.:@$]/u.test(text) || /\p{Ll}\p{Lu}/u.test(text) || /[\p{L}\p{N}]-[\p{L}\p{N}]/u.test(text)

const kindAndText = (groups: { readonly [name: string]: string | undefined }): readonly [TokenKind, string] => {
  const [name, text] = Object.entries(groups).find((entry): entry is [string, string] => entry[1] !== undefined)!
  switch (name) {
    case "url":
    case "path":
    case "glob":
      return [name, text.replace(/[.,;:!?]+$/, "")]
    case "dayFirst":
    case "monthFirst":
      return ["date", isoDate(text)]
    case "single_unit":
      return ["duration", `1 ${text}`]
    case "email":
    case "date":
    case "day":
    case "duration":
    case "number":
      return [name, text]
    case "file":
      return /^(?:[a-z]\.)+[a-z]$/i.test(text) ? ["word", text] : ["file", text]
    case "word":
      return [isIdentifier(text) && !/['’]/.test(text) ? "identifier" : "word", text.replace(/['’]s$/, "")]
    default:
      return ["quoted", text.trim()]
  }
}

const maximumLength = 20_000

/**
 * Reads a question as tokens. Only the first 20,000 characters are read.
 *
 * @internal
 */
export const lex = (text: string): ReadonlyArray<Token> => {
  const source = text.slice(0, maximumLength)
  const tokens: Array<Token> = []
  let position = 0
  for (const match of source.matchAll(lexeme)) {
    const gap = source.slice(position, match.index)
    const [kind, value] = kindAndText(match.groups!)
    position = match.index + match[0].length
    if (value === "") continue
    const folded = fold(value)
    const initial = tokens.length === 0 || /[.!?\n]/.test(gap)
    tokens.push({ kind, text: value, folded, stem: stem(folded), gap, initial })
  }
  return tokens
}

/**
 * Whether a word has the form of names that files without an extension have ("LICENSE", "Makefile").
 *
 * @internal
 */
export const isFileName = ({ kind, text }: Token): boolean =>
  kind === "word" && /^(?:\p{Lu}{3,}|\p{Lu}\p{Ll}+file)$/u.test(text)

/**
 * Whether a word begins with a capital and may be (part of) the name of something.
 *
 * @internal
 */
export const isCapitalised = (token: Token): boolean =>
  (token.kind === "word" || token.kind === "identifier") && /^\p{Lu}/u.test(token.text) && !stopWords.has(token.folded)
