/**
 * Which limit a run has reached, or would reach with its next turn but one.
 *
 * @internal
 */
import * as Limits from "../../Limits.ts"
import type { RunState } from "../../RunState.ts"

/** Share of the context window that a run fills before it takes its last turn. */
const contextShare = 0.9

interface Metered {
  readonly name: Limits.Reached
  readonly limit: number | null
  readonly spent: number
  /** What the last request took, which the next will hardly fall short of. */
  readonly last: number
}

const meters = ({ response, spent, started }: RunState): ReadonlyArray<Metered> => {
  const { cost, tokens } = started!.limits
  const { inputTokens = 0, outputTokens = 0 } = response?.usage ?? {}
  return [
    { name: "inputTokens", limit: tokens.input, spent: spent.usage.inputTokens, last: inputTokens },
    { name: "outputTokens", limit: tokens.output, spent: spent.usage.outputTokens, last: outputTokens },
    {
      name: "totalTokens",
      limit: tokens.total,
      spent: spent.usage.inputTokens + spent.usage.outputTokens,
      last: inputTokens + outputTokens
    },
    // what is not known may be any amount
    { name: "cost", limit: cost, spent: spent.cost ?? Number.POSITIVE_INFINITY, last: response?.cost ?? 0 }
  ]
}

/** The limit that allows no further request. @internal */
export const over = (state: RunState): Limits.Reached | undefined => {
  const { limits } = state.started!
  if (state.spent.turns >= limits.turns) return "turns"
  return meters(state).find(({ limit, spent }) => limit !== null && spent >= limit)?.name
}

/** The limit that allows one request more, which has to be the answer. @internal */
export const last = (state: RunState, elapsed: number): Limits.Reached | undefined => {
  const { limits, tools } = state.started!
  if (tools.length > 0 && state.spent.turns + 1 >= limits.turns) return "turns"
  if (limits.toolCalls !== null && state.spent.toolCalls >= limits.toolCalls && tools.length > 0) return "toolCalls"
  if (elapsed >= Limits.toolsUntil(limits) && tools.length > 0) return "deadline"
  if (state.repeated > limits.repetition) return "repetition"
  const tight = meters(state).find(({ last, limit, spent }) => limit !== null && spent + 2 * last > limit)
  if (tight !== undefined) return tight.name
  const window = limits.tokens.context ?? state.response?.window ?? Number.POSITIVE_INFINITY
  const { inputTokens = 0, outputTokens = 0 } = state.response?.usage ?? {}
  return inputTokens + outputTokens >= window * contextShare ? "context" : undefined
}

/** The limit that the last turn asked for more than, or the next would take more than. @internal */
export const exceeded = (state: RunState): Limits.Reached | undefined => {
  const { calls, repeated, spent, started } = state
  const { limits } = started!
  const left = limits.toolCalls === null ? Number.POSITIVE_INFINITY : limits.toolCalls - spent.toolCalls
  if (left <= 0 && calls.some(({ key }) => key === undefined)) return "toolCalls"
  if (repeated > limits.repetition) return "repetition"
  return meters(state).find(({ last, limit, spent }) => limit !== null && spent + last > limit)?.name
}
