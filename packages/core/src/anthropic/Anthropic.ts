/**
 * `LanguageModel` of `effect/ai` over `@anthropic-ai/sdk`.
 *
 * **Details**
 *
 * Every request is streamed, also those of `generateText`. A stream that ends early always fails, with an `AiError`.
 * Requests are sent again only while nothing of their reply was emitted. Reasoning keeps its signature under
 * `metadata.anthropic.info`, the raw stop reason is `metadata.anthropic.stopReason` of the `finish` part, and the
 * arguments of a tool call that are not complete JSON arrive as the raw string.
 *
 * Not supported: structured output (`generateObject`), tools that run on the server, prompt caching.
 *
 * @since 0.1.0
 */
import type {
  MessageCreateParamsStreaming,
  Metadata,
  OutputConfig,
  RawMessageStreamEvent,
  ThinkingConfigParam
} from "@anthropic-ai/sdk/resources/messages"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Redactor from "../Redactor.ts"
import * as sdk from "./internal/client.ts"
import * as languageModel from "./internal/languageModel.ts"

/**
 * The part of an SDK client that is used. The clients of `@anthropic-ai/sdk`, of its Bedrock and Vertex packages, and a
 * hand-written one for a gateway or a test fit.
 *
 * **Details**
 *
 * `create` has to stop when `signal` aborts and must not retry by itself. What it throws is read by the fields of the
 * SDK's errors (`status`, `headers`, `error`), not by class.
 *
 * @category models
 * @since 0.1.0
 */
export interface Client {
  readonly messages: {
    readonly create: (
      body: MessageCreateParamsStreaming,
      options: { readonly signal: AbortSignal; readonly maxRetries: 0; readonly headers: Record<string, string> }
    ) => PromiseLike<AsyncIterable<RawMessageStreamEvent>>
  }
}

/**
 * Who asks: an API key, a bearer token (the key wins when both are given), or, for a local server, only its address.
 *
 * @category configuration
 * @since 0.1.0
 */
export type Credentials =
  | { readonly apiKey: Redacted.Redacted; readonly authToken?: Redacted.Redacted | undefined }
  | { readonly apiKey?: undefined; readonly authToken: Redacted.Redacted }
  | { readonly apiKey?: undefined; readonly authToken?: undefined; readonly baseUrl: string }

/**
 * How to reach the API.
 *
 * - `baseUrl`: address without `/v1`, default `https://api.anthropic.com`. The environment is not read.
 * - `timeout`: longest wait for the response headers, default 10 minutes. The reply itself is not timed.
 * - `headers`: sent with every request.
 *
 * @category configuration
 * @since 0.1.0
 */
export type ClientOptions = Credentials & {
  readonly baseUrl?: string | undefined
  readonly timeout?: Duration.Input | undefined
  readonly headers?: Record<string, string> | undefined
}

/**
 * Settings of every request of a model.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Settings {
  /** Longest reply in tokens, thinking included; 1 up to the model's own limit. Default 16,000. */
  readonly maxTokens?: number | undefined
  /** When the model thinks, in the API's words. Default: the model's own. */
  readonly thinking?: ThinkingConfigParam | undefined
  /** How much the model spends on an answer. Default: the model's own. */
  readonly effort?: NonNullable<OutputConfig["effort"]> | undefined
  /** Texts that end the reply. Default none. */
  readonly stopSequences?: ReadonlyArray<string> | undefined
  /** `user_id`: an opaque id of the end user. Default none. */
  readonly metadata?: Metadata | undefined
  /** Values of the `anthropic-beta` header. Default none. */
  readonly betas?: ReadonlyArray<string> | undefined
  /**
   * How often a request is sent again after 408, 409, 429, 5xx or a broken connection, while nothing of its reply was
   * emitted; 0 or more. Default 2, after 0.5 s × 2ⁿ ± 20 % (at most 8 s) or the `Retry-After` of the response. A
   * `Retry-After` above 30 s and a spend limit are not retried.
   */
  readonly retries?: number | undefined
}

/**
 * The client that the models of this module send their requests with.
 *
 * @category services
 * @since 0.1.0
 */
export class AnthropicClient extends Context.Service<AnthropicClient, Client>()(
  "@volley/core/anthropic/AnthropicClient"
) {}

/** What is a credential here is a secret in every journal. */
const connect = Effect.fnUntraced(function*(options: ClientOptions) {
  const redactor = yield* Redactor.current
  for (const secret of [options.apiKey, options.authToken]) {
    if (secret !== undefined) redactor.add(secret)
  }
  return yield* sdk.make(options)
})

/**
 * Provides an `@anthropic-ai/sdk` client.
 *
 * **Details**
 *
 * The SDK is loaded when the layer is built. Its own retries, spans and logs are off.
 *
 * **Example** (A local server)
 *
 * ```ts
 * import { Anthropic } from "@volley/core/anthropic"
 *
 * const local = Anthropic.layer({ baseUrl: "http://localhost:8080" })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: ClientOptions): Layer.Layer<AnthropicClient> =>
  Layer.effect(AnthropicClient, connect(options))

const variable = (name: string): Config.Config<string | undefined> =>
  Config.String(name).pipe(
    Config.withDefault(""),
    Config.map((value) => value.trim() === "" ? undefined : value.trim())
  )

const fromEnv: Config.Config<ClientOptions> = Config.all({
  apiKey: variable("ANTHROPIC_API_KEY"),
  authToken: variable("ANTHROPIC_AUTH_TOKEN"),
  baseUrl: variable("ANTHROPIC_BASE_URL")
}).pipe(
  Config.flatMap(({ apiKey, authToken, baseUrl }): Config.Config<ClientOptions> => {
    if (apiKey !== undefined) return Config.succeed({ apiKey: Redacted.make(apiKey), baseUrl })
    if (authToken !== undefined) return Config.succeed({ authToken: Redacted.make(authToken), baseUrl })
    if (baseUrl !== undefined) return Config.succeed({ baseUrl })
    return Config.fail(
      new ConfigProvider.SourceError({
        message: "Set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN, or ANTHROPIC_BASE_URL for a local server"
      })
    )
  })
)

/**
 * Provides an `@anthropic-ai/sdk` client configured by `ANTHROPIC_API_KEY`, `ANTHROPIC_AUTH_TOKEN` and
 * `ANTHROPIC_BASE_URL`; fails with `ConfigError` when none of them is set.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv: Layer.Layer<AnthropicClient, Config.ConfigError> = Layer.effect(
  AnthropicClient,
  Effect.flatMap(fromEnv, connect)
)

/**
 * Provides a client that exists already, for example one of Bedrock or Vertex.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (client: Client): Layer.Layer<AnthropicClient> => Layer.succeed(AnthropicClient, client)

/**
 * A Claude model by its id.
 *
 * **Example** (One answer)
 *
 * ```ts
 * import { Anthropic } from "@volley/core/anthropic"
 * import { Effect } from "effect"
 * import { LanguageModel } from "effect/ai"
 *
 * const program = LanguageModel.generateText({ prompt: "Name a river in Norway" }).pipe(
 *   Effect.provide(Anthropic.model("claude-sonnet-5-5", { maxTokens: 1000 })),
 *   Effect.provide(Anthropic.layerFromEnv)
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const model = (
  id: string,
  settings: Settings = {}
): Model.Model<"anthropic", LanguageModel.LanguageModel, AnthropicClient> =>
  Model.make(
    "anthropic",
    id,
    Layer.effect(LanguageModel.LanguageModel, AnthropicClient.use((client) => languageModel.make(client, id, settings)))
  )

/**
 * A Claude model with its client from the environment, see `layerFromEnv`.
 *
 * **Details**
 *
 * A layer and not a `Model`, because a `Model` of `effect/ai` cannot fail.
 *
 * @category constructors
 * @since 0.1.0
 */
export const modelFromEnv = (
  id: string,
  settings: Settings = {}
): Layer.Layer<LanguageModel.LanguageModel | Model.ProviderName | Model.ModelName, Config.ConfigError> =>
  Layer.provide(model(id, settings), layerFromEnv)
