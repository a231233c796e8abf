/**
 * Builds the body of a Messages API request.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Result from "effect/Result"
import type { Settings } from "../Anthropic.ts"
import * as Prompt from "./prompt.ts"
import * as Tools from "./tools.ts"

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

// The API refuses a body with a lone surrogate, for example text that was cut in the middle of an emoji.
const wellFormed = (value: unknown): unknown => {
  if (typeof value === "string") return value.toWellFormed()
  if (Array.isArray(value)) return value.map(wellFormed)
  if (typeof value !== "object" || value === null || !isPlain(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)]))
}

/**
 * The body for one request of `model`; key order is fixed, so equal prompts give equal bytes.
 *
 * @internal
 */
export const make = (
  model: string,
  settings: Settings,
  options: LanguageModel.ProviderOptions
): Result.Result<Api.MessageCreateParamsStreaming, AiError.AiErrorReason> =>
  Result.gen(function*() {
    if (options.responseFormat.type === "json") {
      return yield* Result.fail(
        new AiError.InvalidRequestError({
          parameter: "responseFormat",
          constraint: "is \"json\"",
          description: "Structured output is not supported; ask for text or give the model a tool"
        })
      )
    }
    const { messages, system } = yield* Prompt.convert(options.prompt, model)
    const tools = yield* Tools.definitions(options.tools)
    const body: Api.MessageCreateParamsStreaming = {
      model,
      max_tokens: settings.maxTokens ?? 16_000,
      ...(settings.thinking && { thinking: settings.thinking }),
      ...(settings.effort && { output_config: { effort: settings.effort } }),
      ...(settings.stopSequences && { stop_sequences: [...settings.stopSequences] }),
      ...(settings.metadata && { metadata: settings.metadata }),
      ...(tools.length > 0 && { tools, tool_choice: Tools.choice(options.toolChoice) }),
      ...(system.length > 0 && { system }),
      messages,
      stream: true
    }
    return wellFormed(body) as Api.MessageCreateParamsStreaming
  })
