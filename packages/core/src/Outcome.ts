/**
 * How a run ends.
 *
 * **Details**
 *
 * A run succeeds `Completed`, or `Limited` when a limit was reached and the model answered with what it had. It fails with
 * an `AiError` of the model, `Refused`, `JournalFailure`, or a fatal failure of one of the agent's tools; an agent with
 * `onLimit: "fail"` also with `LimitReached`, one with `output` also with `OutputInvalid`, one whose `partialFailure` says so
 * also with `TooManyFailed`. A cancelled run is an interrupted effect.
 *
 * @since 0.1.0
 */
import type * as AiError from "effect/ai/AiError"
import * as Prompt from "effect/ai/Prompt"
import * as Schema from "effect/Schema"
import type * as Journal from "./Journal.ts"
import * as Limits from "./Limits.ts"
import * as RunEvent from "./RunEvent.ts"

/**
 * What every successful end has: the answer, the tokens used and what they cost (with those of sub-agents and of replies that
 * broke off), the number of turns and of tool calls that were run, the model's own last stop reason, and the conversation, which
 * a next run takes as `history`.
 *
 * `cost` is in USD, or "unknown" where `PriceTable` does not know the price of a reply; `excess` is by how many USD it is above
 * the cost limit, 0 without one. `output` is the structured output
 * of an agent that has one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answered<out Output = undefined> {
  readonly runId: string
  readonly text: string
  readonly output: Output
  readonly usage: RunEvent.Usage
  readonly cost: number | "unknown"
  readonly excess: number
  readonly turns: number
  readonly toolCalls: number
  readonly stopReason: string
  readonly transcript: Prompt.Prompt
}

/**
 * The model came to its answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Completed<out Output = undefined> extends Answered<Output> {
  readonly _tag: "Completed"
}

/**
 * A limit was reached; `text` is what the model answered with what it had, possibly nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limited<out Output = undefined> extends Answered<Output | undefined> {
  readonly _tag: "Limited"
  readonly limit: Limits.Reached
}

/**
 * How a run succeeds.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome<Output = undefined> = Completed<Output> | Limited<Output>

/**
 * The model refused. The refused reply is not in the transcript, which stays usable.
 *
 * @category errors
 * @since 0.1.0
 */
export class Refused extends Schema.TaggedError<Refused>("@volley/core/Refused")("Refused", {
  runId: Schema.String,
  category: Schema.String,
  explanation: Schema.String,
  transcript: Prompt.Prompt,
  usage: RunEvent.Usage
}) {
  /** @since 0.1.0 */
  override get message(): string {
    return `The model refused (${this.category})${this.explanation === "" ? "" : `: ${this.explanation}`}`
  }
}

/**
 * A limit was reached by an agent with `onLimit: "fail"`.
 *
 * @category errors
 * @since 0.1.0
 */
export class LimitReached extends Schema.TaggedError<LimitReached>("@volley/core/LimitReached")("LimitReached", {
  runId: Schema.String,
  limit: Limits.Reached,
  transcript: Prompt.Prompt,
  usage: RunEvent.Usage
}) {
  /** @since 0.1.0 */
  override get message(): string {
    return `The run reached its limit of ${this.limit}`
  }
}

/**
 * The answer was not the structured output that was asked for, twice; `problem` names what is wrong with it.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutputInvalid extends Schema.TaggedError<OutputInvalid>("@volley/core/OutputInvalid")("OutputInvalid", {
  runId: Schema.String,
  problem: Schema.String,
  text: Schema.String,
  transcript: Prompt.Prompt,
  usage: RunEvent.Usage
}) {
  /** @since 0.1.0 */
  override get message(): string {
    return `The answer does not have the form that was asked for: ${this.problem}`
  }
}

/**
 * More calls of one turn failed than the agent's `partialFailure` allows; `failed` names their tools.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyFailed extends Schema.TaggedError<TooManyFailed>("@volley/core/TooManyFailed")("TooManyFailed", {
  runId: Schema.String,
  calls: Schema.Int,
  failed: Schema.Array(Schema.String),
  transcript: Prompt.Prompt,
  usage: RunEvent.Usage
}) {
  /** @since 0.1.0 */
  override get message(): string {
    return `${this.failed.length} of ${this.calls} tool calls failed: ${this.failed.join(", ")}`
  }
}

/**
 * The failures that any run may end with; the fatal failures of an agent's tools come on top.
 *
 * @category errors
 * @since 0.1.0
 */
export type RunError = AiError.AiError | Refused | Journal.JournalFailure
