import { clausesOf, determiners } from "./clause.ts"
import type { Token } from "./question.ts"
import { type Ranked, ranker } from "./rank.ts"
import type { ToolSpec } from "./tool.ts"

/** A part of the question, and the tools that fit it. */
interface Request {
  readonly tokens: ReadonlyArray<Token>
  /** The tools to call, best first. */
  readonly chosen: ReadonlyArray<Ranked>
  /** The other tools that fit, best first: worth a try if what was chosen fails. */
  readonly others: ReadonlyArray<Ranked>
}

/** A tool that fits worse than this is not called. */
const leastScore = 0.7
/** Tools that fit as well as this share of the best are called beside it. */
const equalShare = 0.9

const covering = (
  fitting: ReadonlyArray<Ranked>,
  chosen: ReadonlyArray<Ranked>
): ReadonlyArray<Ranked> => {
  const isOpen = (word: string): boolean => !chosen.some(({ explained }) => explained.has(word))
  const gains = fitting.map((it) => ({
    it,
    gain: [...it.named].reduce((sum, [word, score]) => sum + (isOpen(word) ? score : 0), 0)
  })).filter(({ gain, it }) => gain >= leastScore && !chosen.includes(it))
  const best = gains.toSorted((a, b) => b.gain - a.gain || b.it.rank - a.it.rank)[0]
  return best === undefined ? chosen : covering(fitting, [...chosen, best.it])
}

/** Of tools that make a change only the best is called. */
const isEqual = ({ asked, rank, tool }: Ranked, best: Ranked): boolean =>
  tool.change === undefined && asked >= best.asked && rank >= best.rank * equalShare

/** The best tool, those that fit as well, and those named by words of the clause that these do not have. */
const choose = (ranked: ReadonlyArray<Ranked>): Omit<Request, "tokens"> => {
  const fitting = ranked.filter(({ score }) => score >= leastScore)
  const best = fitting[0]
  const chosen = best === undefined
    ? []
    : covering(fitting, fitting.filter((it) => it === best || isEqual(it, best)))
  return { chosen, others: fitting.filter((it) => !chosen.includes(it)) }
}

/** Whether a clause only names one more value for the tool of the clause before ("and the north region"). */
const continues = ({ chosen, tokens }: Request, before: Request): boolean => {
  const parameters = new Set(
    before.chosen.flatMap(({ tool }) => tool.variants.flat().flatMap(({ words }) => words))
  )
  return determiners.has(tokens[0]?.folded ?? "") &&
    chosen.every(({ explained }) => [...explained].every((word) => parameters.has(word)))
}

/** A clause that fits no tool says more about the one before it, or about the first one that does. */
const merged = (requests: ReadonlyArray<Request>): ReadonlyArray<Request> => {
  const done: Array<Request> = []
  for (const request of requests) {
    const last = done.at(-1)
    if (last === undefined || request.chosen.length > 0 && last.chosen.length > 0 && !continues(request, last)) {
      done.push(request)
    } else {
      const fit = last.chosen.length > 0 ? last : request
      done[done.length - 1] = { ...fit, tokens: [...last.tokens, ...request.tokens] }
    }
  }
  return done
}

/**
 * Divides a question into what it asks for and chooses the tools for each part.
 *
 * @internal
 */
export const requestsIn = (
  tokens: ReadonlyArray<Token>,
  tools: ReadonlyArray<ToolSpec>,
  isAllowed: (tool: ToolSpec, part: ReadonlyArray<Token>) => boolean
): ReadonlyArray<Request> => {
  const rank = ranker(tools)
  const requestOf = (part: ReadonlyArray<Token>): Request => ({
    tokens: part,
    ...choose(rank(part).filter(({ tool }) => isAllowed(tool, part)))
  })
  const requests = merged(clausesOf(tokens).map(requestOf))
  return requests.some(({ chosen }) => chosen.length > 0) ? requests : [requestOf(tokens)]
}
