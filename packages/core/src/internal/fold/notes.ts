/**
 * What the run itself says to the model between turns.
 *
 * @internal
 */
import type * as Limits from "../../Limits.ts"

const reached: { readonly [limit in Limits.Reached]: string } = {
  turns: "The limit of turns of this run is reached.",
  toolCalls: "The limit of tool calls of this run is reached.",
  deadline: "The time of this run is nearly over.",
  inputTokens: "The limit of input tokens of this run is nearly reached.",
  outputTokens: "The limit of output tokens of this run is nearly reached.",
  totalTokens: "The limit of tokens of this run is nearly reached.",
  context: "The context window is nearly full.",
  cost: "The budget of this run is nearly spent.",
  repetition: "The same call gave the same result again and again.",
  maxTokens: "The reply was cut at its greatest length.",
  pauses: "The reply was paused too often.",
  depth: "Runs may not be nested deeper.",
  subRuns: "No more runs may be started."
}

/** Asks for the answer on the last turn. @internal */
export const lastTurn = (limit: Limits.Reached): string =>
  `${reached[limit]} No more tools can be called. Answer now with what you have, and say what is missing.`

/** @internal */
export const repeated = (names: ReadonlyArray<string>, times: number): string =>
  `You called ${
    names.map((name) => `"${name}"`).join(" and ")
  } ${times} times with the same arguments, and the result was the `
  + "same each time. Do something else, or answer with what you have."

/** @internal */
export const emptyReply = "Your reply was empty. Continue, or answer with what you have."

/** @internal */
export const gathered = "Now answer, from what was gathered."

/** @internal */
export const outputInvalid = (message: string): string =>
  `Your answer does not have the form that was asked for: ${message}. Give it again, in that form.`

/** @internal */
export const outputMissing = (tool: string): string => `Give your answer by calling the tool "${tool}".`
