/**
 * Builds the body of a Messages API request.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import * as AiError from "effect/ai/AiError"
import * as AnthropicStructuredOutput from "effect/ai/AnthropicStructuredOutput"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as JsonSchema from "effect/JsonSchema"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type { ModelSettings } from "../../ModelSettings.ts"
import type { Settings } from "../Anthropic.ts"
import * as Cache from "./cache.ts"
import { refusesThinking } from "./models.ts"
import * as OutputFormat from "./outputFormat.ts"
import * as Prompt from "./prompt.ts"
import * as Tools from "./tools.ts"

const convertSchema = (schema: Schema.Constraint): Result.Result<JsonSchema.JsonSchema, AiError.AiErrorReason> =>
  Result.try({
    try: () => AnthropicStructuredOutput.toCodecAnthropic(schema as Schema.ConstraintCodec<unknown>).jsonSchema,
    catch: (cause) =>
      new AiError.UnsupportedSchemaError({ description: cause instanceof Error ? cause.message : String(cause) })
  })

/** The form of the reply's text: what `generateObject` wants, else what the settings of the request say. */
const format = (
  { responseFormat }: LanguageModel.ProviderOptions,
  { output }: ModelSettings
): Result.Result<Api.JSONOutputFormat | undefined, AiError.AiErrorReason> => {
  if (responseFormat.type === "json") {
    return Result.flatMap(
      convertSchema(responseFormat.schema),
      (schema) => OutputFormat.make(responseFormat.objectName, schema)
    )
  }
  return output === undefined ? Result.succeed(undefined) : OutputFormat.make(output.name, output.schema)
}

const outputConfig = (
  effort: string | undefined,
  format: Api.JSONOutputFormat | undefined
): Pick<Api.MessageCreateParams, "output_config"> =>
  effort === undefined && format === undefined
    ? {}
    : {
      output_config: {
        // The words of effort differ from model to model; the API refuses one it does not know.
        ...(effort !== undefined && { effort: effort as NonNullable<Api.OutputConfig["effort"]> }),
        ...(format !== undefined && { format })
      }
    }

/** A type of thinking that a model is known to refuse is refused here, in words that say what to do. */
const thinking = (
  model: string,
  { thinking }: Settings
): Result.Result<Pick<Api.MessageCreateParams, "thinking">, AiError.AiErrorReason> => {
  if (thinking === undefined) return Result.succeed({})
  if (!refusesThinking(model, thinking.type)) return Result.succeed({ thinking })
  return Result.fail(
    new AiError.InvalidRequestError({
      parameter: "thinking",
      constraint: `is "${thinking.type}"`,
      description: `${model} always thinks; use "adaptive", and effort to say how much`
    })
  )
}

/** The API knows the ids of its own replies only; `null` asks it to remember this request, which the next one can then name. */
const diagnostics = ({ previousResponse }: ModelSettings): Pick<Api.MessageCreateParams, "diagnostics"> =>
  previousResponse === undefined
    ? {}
    : { diagnostics: { previous_message_id: previousResponse?.startsWith("msg_") === true ? previousResponse : null } }

/**
 * The body for one request of `model`, with what is `asked` of this one before the settings of all; key order is fixed, so
 * equal prompts give equal bytes. `diagnosed` is whether the reply is to say what the cache did not have.
 *
 * @internal
 */
export const make = (
  model: string,
  settings: Settings,
  options: LanguageModel.ProviderOptions,
  asked: ModelSettings = {},
  diagnosed = false
): Result.Result<Api.MessageCreateParamsStreaming, AiError.AiErrorReason> =>
  Result.gen(function*() {
    const conversation = yield* Prompt.convert(options.prompt, model)
    const tools = yield* Tools.definitions(options.tools, settings.strictTools ?? false)
    const { messages, system, ...rest } = Cache.place(
      {
        ...conversation,
        ...(tools.length > 0 && { tools })
      },
      settings.cache ?? { ttl: "5 minutes" }
    )
    return {
      model,
      max_tokens: asked.maxTokens ?? settings.maxTokens ?? 16_000,
      ...(yield* thinking(model, settings)),
      ...outputConfig(asked.effort ?? settings.effort, yield* format(options, asked)),
      ...(settings.serviceTier && { service_tier: settings.serviceTier }),
      ...(settings.stopSequences && { stop_sequences: [...settings.stopSequences] }),
      ...(settings.metadata && { metadata: settings.metadata }),
      ...(diagnosed && settings.cache !== false && diagnostics(asked)),
      ...rest,
      ...(tools.length > 0 && {
        tool_choice: yield* Tools.choice(model, options, asked.parallelToolCalls ?? true)
      }),
      ...(system.length > 0 && { system }),
      messages,
      stream: true
    }
  })
