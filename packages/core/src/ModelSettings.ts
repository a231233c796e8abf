/**
 * What one model request asks of its provider beyond prompt, tools and tool choice.
 *
 * **Details**
 *
 * `LanguageModel` of `effect/ai` has no place for these, so a run provides them as a reference around each request. The
 * Claude provider reads it; a provider that does not goes on as it was configured.
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as JsonSchema from "effect/JsonSchema"

/**
 * Settings of one request; what is absent is as the provider was configured.
 *
 * - `model`: id of the model that is asked, of the same provider.
 * - `effort`: how much the model spends on the answer, in the provider's words.
 * - `maxTokens`: longest reply in tokens, at least 1.
 * - `parallelToolCalls`: whether one reply may have several tool calls.
 * - `previousResponse`: the provider's id of the reply before this request, `null` where there is none, so that it may say
 *   what its cache still had of that one.
 * - `output`: the reply's text is to be JSON of this schema, where the provider supports that.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelSettings {
  readonly model?: string
  readonly effort?: string
  readonly maxTokens?: number
  readonly parallelToolCalls?: boolean
  readonly previousResponse?: string | null
  readonly output?: { readonly name: string; readonly schema: JsonSchema.JsonSchema }
}

/**
 * The settings of the present request.
 *
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<ModelSettings> = Context.Reference<ModelSettings>(
  "@volley/core/ModelSettings",
  { defaultValue: () => ({}) }
)

/**
 * Whether the reply's stream is to have the parts `tool-params-start`, `tool-params-delta` and `tool-params-end`, which show a
 * call's arguments as they arrive. Default `true`. A run needs whole calls alone and reads each part that it does not get
 * faster than any that it gets.
 *
 * @category references
 * @since 0.1.0
 */
export const argumentDeltas: Context.Reference<boolean> = Context.Reference<boolean>(
  "@volley/core/ModelSettings/argumentDeltas",
  { defaultValue: () => true }
)

const structured = new WeakMap<LanguageModel.LanguageModel, Effect.Effect<boolean>>()

/**
 * States whether a model follows `output`; the effect is evaluated in the context of the request, whose settings may name
 * another model.
 *
 * @category combinators
 * @since 0.1.0
 */
export const declareOutput = (
  model: LanguageModel.LanguageModel,
  supported: Effect.Effect<boolean>
): LanguageModel.LanguageModel => {
  structured.set(model, supported)
  return model
}

/**
 * Whether a model follows `output`; not where it does not say so.
 *
 * @category combinators
 * @since 0.1.0
 */
export const followsOutput = (model: LanguageModel.LanguageModel): Effect.Effect<boolean> =>
  structured.get(model) ?? Effect.succeed(false)
