import type { Anthropic as Sdk } from "@anthropic-ai/sdk"
import { Anthropic } from "@volley/core/anthropic"
import type { Config, Layer, Redacted } from "effect"
import type { LanguageModel, Model } from "effect/ai"
import { describe, expectTypeOf, it } from "vitest"

declare const apiKey: Redacted.Redacted

describe("Anthropic", () => {
  it("an SDK client is a client", () => {
    expectTypeOf<Sdk>().toExtend<Anthropic.Client>()
  })

  it("a client of another platform, which has messages only, is a client", () => {
    expectTypeOf<{ readonly messages: Omit<Sdk["messages"], "batches" | "countTokens"> }>().toExtend<Anthropic.Client>()
    expectTypeOf<{ readonly messages: { readonly create: () => Promise<string> } }>().not.toExtend<Anthropic.Client>()
  })

  it("layer wants a key, a token or an address", () => {
    expectTypeOf(Anthropic.layer({ apiKey, baseUrl: "http://localhost" })).toEqualTypeOf<
      Layer.Layer<Anthropic.AnthropicClient>
    >()
    // @ts-expect-error none of the three
    Anthropic.layer({ timeout: "1 minute" })
    // @ts-expect-error a key in clear text
    Anthropic.layer({ apiKey: "key" })
  })

  it("model needs a client, modelFromEnv may fail instead", () => {
    expectTypeOf(Anthropic.model("claude-test")).toEqualTypeOf<
      Model.Model<"anthropic", LanguageModel.LanguageModel, Anthropic.AnthropicClient>
    >()
    expectTypeOf(Anthropic.modelFromEnv("claude-test")).toEqualTypeOf<
      Layer.Layer<LanguageModel.LanguageModel | Model.ProviderName | Model.ModelName, Config.ConfigError>
    >()
  })
})
