/**
 * How a run ends.
 *
 * **Details**
 *
 * A run succeeds `Completed`, or `Limited` when a limit was reached and the model answered with what it had. It fails with
 * an `AiError` of the model, `Refused`, `JournalFailure`, or a fatal failure of one of the agent's tools. A cancelled run is
 * an interrupted effect.
 *
 * @since 0.1.0
 */
import type * as AiError from "effect/ai/AiError"
import * as Prompt from "effect/ai/Prompt"
import * as Schema from "effect/Schema"
import type * as Journal from "./Journal.ts"
import type * as Limits from "./Limits.ts"
import * as RunEvent from "./RunEvent.ts"

/**
 * What every successful end has: the answer, the tokens used, the number of turns and of tool calls that were run, the
 * model's own last stop reason, and the conversation, which a next run takes as `history`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answered {
  readonly runId: string
  readonly text: string
  readonly usage: RunEvent.Usage
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
export interface Completed extends Answered {
  readonly _tag: "Completed"
}

/**
 * A limit was reached; `text` is what the model answered with what it had, possibly nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limited extends Answered {
  readonly _tag: "Limited"
  readonly limit: Limits.Reached
}

/**
 * How a run succeeds.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = Completed | Limited

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
 * The failures that any run may end with; the fatal failures of an agent's tools come on top.
 *
 * @category errors
 * @since 0.1.0
 */
export type RunError = AiError.AiError | Refused | Journal.JournalFailure
