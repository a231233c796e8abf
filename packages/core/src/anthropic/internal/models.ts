/**
 * What is known of the Claude models that the API does not tell beforehand, as data with its date and source.
 *
 * @internal
 */
import { version } from "./modelId.ts"

/** The types of `thinking` that a request can have. @internal */
export type ThinkingType = "adaptive" | "between_tools" | "disabled" | "enabled"

/**
 * A fact about the models of a family from a version on (major × 100 + minor) up to, but without, another.
 *
 * @internal
 */
export interface Fact {
  readonly family: string
  readonly from: number
  readonly below?: number
  /** Day of the source, year-month-day. */
  readonly asOf: string
  readonly source: string
  readonly forcedToolChoice?: false
  readonly refusedThinking?: ReadonlyArray<ThinkingType>
}

const toolChoice = "platform.claude.com: tool_choice any and tool are not supported"
const thinking = "platform.claude.com: thinking is always on"
const asOf = "2026-11-20"

/** @internal */
export const facts: ReadonlyArray<Fact> = [
  { family: "opus", from: 505, asOf, source: toolChoice, forcedToolChoice: false },
  { family: "sonnet", from: 505, asOf, source: toolChoice, forcedToolChoice: false },
  { family: "fable", from: 501, asOf, source: toolChoice, forcedToolChoice: false },
  { family: "mythos", from: 501, asOf, source: toolChoice, forcedToolChoice: false },
  { family: "opus", from: 505, below: 506, asOf, source: thinking, refusedThinking: ["disabled", "enabled"] },
  { family: "fable", from: 500, below: 503, asOf, source: thinking, refusedThinking: ["disabled", "enabled"] }
]

const factsOf = (model: string): ReadonlyArray<Fact> => {
  const known = version(model)
  return known === undefined ?
    [] :
    facts.filter(({ below = Infinity, family, from }) =>
      family === known.family && known.number >= from && known.number < below
    )
}

/**
 * Whether a model is known to refuse to be made to call a tool.
 *
 * @internal
 */
export const refusesForcedTools = (model: string): boolean =>
  factsOf(model).some(({ forcedToolChoice }) => forcedToolChoice === false)

/**
 * Whether a model is known to refuse a type of thinking.
 *
 * @internal
 */
export const refusesThinking = (model: string, type: string): boolean =>
  factsOf(model).some(({ refusedThinking = [] }) => refusedThinking.some((refused) => refused === type))
