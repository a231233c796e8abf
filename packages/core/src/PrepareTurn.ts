/**
 * What an agent asks of the model turn by turn.
 *
 * **Details**
 *
 * A function from the state of the run to the settings of its next turn. It is pure, so that a journal read back gives the
 * same settings. On the last turn of a run that reached a limit the tools are withheld, whatever it says.
 *
 * **Example** (Search before the answer)
 *
 * ```ts
 * import { Agent, PrepareTurn } from "@volley/core"
 *
 * const agent = Agent.make("researcher", { prepareTurn: PrepareTurn.gatherThenAnswer(3) })
 * ```
 *
 * @since 0.1.0
 */
import type * as RunEvent from "./RunEvent.ts"
import type * as RunState from "./RunState.ts"

/**
 * The settings of the turn after `state`; its number is `state.turn + 1`.
 *
 * @category models
 * @since 0.1.0
 */
export type PrepareTurn = (state: RunState.RunState) => Omit<RunEvent.TurnSettings, "output">

const count = (name: string, value: number): void => {
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`${name} must be a whole number of at least 1`)
}

/**
 * The model may call tools on the first `turns` turns, and has to answer on the next.
 *
 * @param turns - at least 1
 * @throws `RangeError` for fewer
 * @category constructors
 * @since 0.1.0
 */
export const gatherThenAnswer = (turns: number): PrepareTurn => {
  count("gatherThenAnswer", turns)
  return (state) => state.turn < turns ? {} : { toolChoice: "none" }
}

/**
 * One model gathers with the tools, until it calls none or `turns` turns are over; another writes the answer from that, without
 * tools.
 *
 * @param options.gather - id of the model that gathers, usually a small one
 * @param options.answer - id of the model that answers, of the same provider
 * @param options.turns - most turns to gather, default 5, at least 1
 * @throws `RangeError` for fewer turns
 * @category constructors
 * @since 0.1.0
 */
export const routeByPhase = (options: {
  readonly gather: string
  readonly answer: string
  readonly turns?: number
}): PrepareTurn => {
  const { answer, gather, turns = 5 } = options
  count("routeByPhase.turns", turns)
  return (state) =>
    state.turn < turns && !state.gathered
      ? { model: gather, gathering: true }
      : { model: answer, toolChoice: "none" }
}
