import { type ModelScript, Validator } from "@volley/core/testing"
import { Result } from "effect"
import type { LanguageModel } from "effect/ai"
import * as Request from "../../src/anthropic/internal/request.ts"

/** What the Messages API would refuse of a request that follows these replies, as the provider of Claude would send it. */
export const refused = (
  options: LanguageModel.ProviderOptions,
  replies: ReadonlyArray<ModelScript.Reply>
): ReadonlyArray<string> => {
  const body = Request.make("claude-haiku-4-5", {}, options)
  if (Result.isFailure(body)) return [`not even a request: ${body.failure.message}`]
  const issued = replies.map(({ content, stopReason = "end_turn" }) => ({
    content: content.filter((block) => block.type !== "tool_use"),
    stopReason
  }))
  return Validator.validate(JSON.parse(JSON.stringify(body.success)), { issued }).map(({ message }) => message)
}
