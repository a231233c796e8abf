import {
  type Candidate,
  type Context,
  endsPhrase,
  isName,
  isPlain,
  type Occurrence,
  occurrences,
  range,
  type Source,
  valueAt
} from "./candidate.ts"
import { determiners } from "./clause.ts"
import * as lexicon from "./lexicon.ts"
import { isGeneric, type Parameter } from "./parameter.ts"
import type { Token } from "./question.ts"
import type { ToolSpec } from "./tool.ts"
import { stems } from "./words.ts"

const isNumber = (token: Token): boolean => token.kind === "number"

/**
 * The values of the list that begins at a token ("Anna, Ben and Carl").
 *
 * @internal
 */
export const listFrom = (context: Context, parameter: Parameter, i: number): ReadonlyArray<Candidate> => {
  const [head] = valueAt(context, parameter, i)
  if (head === undefined) return []
  const next = head.used.at(-1)! + 1
  const [separator, after] = [context.tokens[next], context.tokens[next + 1]]
  if (separator === undefined) return [head]
  const joined = lexicon.connectors.has(separator.folded)
  const following = joined ? next + 1 : next
  const continues = (joined || separator.gap.trim() === ",") && !(joined && after === undefined)
  const token = context.tokens[following]
  if (!continues || token === undefined || isPlain(token) !== isPlain(context.tokens[i]!)) return [head]
  if (isNumber(token) !== isNumber(context.tokens[i]!)) return [head]
  if (isPlain(token) && !endsPhrase(context, following)) return [head]
  return [head, ...listFrom(context, parameter, following)]
}

const places = { file: ["file"], directory: ["folder", "directory"], any: ["file", "folder", "directory"] } as const

const placesOf = ({ holds, kind }: Parameter): ReadonlyArray<ReadonlyArray<string>> =>
  kind === "path" ? [...places[holds], "path"].map((word) => stems(word)) : []

const namesOf = (tool: ToolSpec, parameter: Parameter): ReadonlyArray<ReadonlyArray<string>> => {
  const { words } = parameter
  const short = words.length > 1 && lexicon.genericNames.has(words.at(-1)!) ? [words.slice(0, -1)] : []
  const subject = isGeneric(parameter) ? tool.nouns.slice(-1).map((noun) => [noun]) : []
  return [words, ...short, ...subject, ...placesOf(parameter)].filter((name) => name.join("").length > 1)
}

const valuesAfter = (context: Context, parameter: Parameter, last: number): ReadonlyArray<Candidate> => {
  const joins = (i: number): boolean => !/[.,;!?\n]/.test(context.tokens[i]?.gap ?? "\n")
  const skip = (i: number, links: number): number =>
    links > 0 && joins(i) && lexicon.linkWords.has(context.tokens[i]!.folded) ? skip(i + 1, links - 1) : i
  const start = skip(last + 1, 2)
  return range(last + 1, start).every(joins) ? listFrom(context, parameter, start) : []
}

const valuesBefore = (context: Context, parameter: Parameter, first: number): ReadonlyArray<Candidate> => {
  const [named, token] = [context.tokens[first]!, context.tokens[first - 1]]
  if (token === undefined || named.gap !== " " || token.kind === "number" && parameter.type === "string") return []
  const isPlural = named.folded.endsWith("s") && named.folded !== parameter.name.toLowerCase()
  const begins = (i: number): number =>
    i > 0 && isName(context, context.tokens[i - 1]!) && context.tokens[i]!.gap === " " &&
      isName(context, context.tokens[i]!)
      ? begins(i - 1)
      : i
  const start = begins(first - 1)
  const values = valueAt(context, parameter, start).filter((it) => it.used.at(-1) === first - 1)
  const isDetermined = determiners.has(context.tokens[start - 1]?.folded ?? "")
  const joint = isDetermined ? start - 2 : start - 1
  const isJoined = lexicon.connectors.has(context.tokens[joint]?.folded ?? "")
  const rest = isJoined && (isPlural || isDetermined)
    ? valueAt(context, parameter, begins(joint - 1)).filter((it) => it.used.at(-1) === joint - 1)
    : []
  return isPlain(token) && isPlural && rest.length === 0 ? [] : [...rest, ...values]
}

/** Several things of a kind ("the files ...") name none of them. */
const isCollective = ({ tokens }: Context, parameter: Parameter, { last }: Occurrence): boolean =>
  parameter.kind === "path" && tokens[last]!.folded.endsWith("s") && isPlain(tokens[last + 1] ?? tokens[last]!)

const valuesBeside = (
  context: Context,
  parameter: Parameter,
  name: ReadonlyArray<string>
): ReadonlyArray<Candidate> =>
  occurrences(context.tokens, name).flatMap((place) => {
    const after = isCollective(context, parameter, place) ? [] : valuesAfter(context, parameter, place.last)
    return after.length > 0 ? after : valuesBefore(context, parameter, place.first)
  })

/**
 * Values that stand beside the name of their parameter ("colour: x", "the x colour", "from x").
 *
 * @internal
 */
export const named: Source = {
  find: (context, parameter) => {
    const found = namesOf(context.tool, parameter).flatMap((name) => valuesBeside(context, parameter, name))
    if (found.length > 0) return found
    const leads = new Set(parameter.words.flatMap((word) => lexicon.leadingWords.get(word) ?? []))
    return context.tokens.flatMap((token, i) => {
      const next = context.tokens[i + 1]
      return leads.has(token.folded) && next !== undefined && !isPlain(next)
        ? valueAt(context, parameter, i + 1)
        : []
    }).slice(0, 1)
  }
}

/**
 * Values that stand beside the whole name of their parameter in another part of the question.
 *
 * @internal
 */
export const namedElsewhere: Source = {
  guess: true,
  find: (context, parameter) => {
    const isTelling = parameter.kind === "plain" && !isGeneric(parameter)
    if (!isTelling || context.tokens.length === context.question.length) return []
    return valuesBeside({ ...context, tokens: context.question }, parameter, parameter.words).map(({ value }) => ({
      value,
      used: []
    }))
  }
}
