/**
 * `LanguageModel` of `effect/ai` over `@anthropic-ai/sdk`.
 *
 * **Details**
 *
 * Every request is streamed, also those of `generateText`. A stream that ends early always fails, with an `AiError`, and so
 * does one that falls silent: `Settings.idleTimeout`. Requests are sent again only while nothing of their reply was emitted;
 * `Settings.retries` and `Settings.retry` say when.
 *
 * A tool call is emitted at the end of its block where its arguments are a whole JSON object, else when the next block or a stop
 * reason shows that it was not cut. The arguments of a call that may have been cut, or are not JSON, arrive as the raw text. A tool with a name that the API refuses (dots,
 * more than 128 characters) is known to it by another, and its calls come under its own.
 *
 * Blocks are sent back as they came, whatever they are: what `effect/ai` has no place for travels under `anthropic.info` in
 * metadata and options, a block that has no part (a search of the server, a compaction, one of a type yet unknown) in an
 * empty reasoning part. The container of a reply is asked for again.
 *
 * The metadata of the `finish` part say under `anthropic`, each where the API says it:
 *
 * - `stopReason`, `stopSequence`, `stopDetails` (of a refusal)
 * - `serviceTier`, `speed`, `inferenceGeo`
 * - `thinkingTokens`, `cacheWriteLongTokens` (written to the cache for an hour), `serverToolUse`, `iterations`,
 *   `fallbackCredit`; the tokens of a compaction are in the usage, those of an advisor only in `iterations`
 * - `cacheMissReason`: why the prompt cache did not have what the request before had. It is asked for where
 *   `ModelSettings.previousResponse` says which that was, `Settings.cache` is not `false` and the client has `send`
 * - `contextManagement`, `inputTransformations`
 * - `events`: those of unknown types, as they came
 *
 * The usage known when a reply begins is `metadata.anthropic.usage` of its `response-metadata` part.
 *
 * Requests are marked for the prompt cache at the end of the tools, of the instructions and of the last two user messages,
 * so that each finds what the one before it has written; see `Settings.cache`.
 *
 * Each request follows `ModelSettings`. Structured output, its own or that of `generateObject`, is sent as
 * `output_config.format`: constraints of values are said in descriptions, a schema that the API would refuse (recursive,
 * a map, more than 24 optional properties or 16 unions) fails with `UnsupportedSchemaError` before anything is sent. So
 * does, with `InvalidRequestError`, a forced tool choice on a model that has none (Opus and Sonnet from 5.5, Fable and
 * Mythos from 5.1), and a type of thinking that the model is known to refuse.
 *
 * A tool that the API knows by its type is a `Tool.providerDefined` with that type in its id: its arguments are sent beside
 * type and name. Where it has `parameters` and `success` (for errors: `failure`), what the server does with it arrives as calls
 * and results; with `requiresHandler` it is called like any other tool.
 *
 * **Example** (A search that the server runs)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Tool } from "effect/ai"
 *
 * const WebSearch = Tool.providerDefined({
 *   id: "anthropic.web_search_20260318",
 *   customName: "WebSearch",
 *   providerName: "web_search",
 *   args: Schema.Struct({ max_uses: Schema.optionalKey(Schema.Int) }),
 *   parameters: Schema.Struct({ query: Schema.String }),
 *   success: Schema.Array(Schema.Struct({ title: Schema.String, url: Schema.String }))
 * })
 *
 * const search = WebSearch({ max_uses: 3 })
 * ```
 *
 * **Gotchas**
 *
 * Not supported: toolsets (`browser_toolset`, `computer_toolset`, `mcp_toolset`) as tools of a request; `mcp_servers`,
 * `fallbacks`, `context_management`, message threads and other fields of the beta API in requests, though their blocks are
 * sent back; batches; token counts.
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
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Schedule from "effect/Schedule"
import * as Redactor from "../Redactor.ts"
import * as sdk from "./internal/client.ts"
import * as languageModel from "./internal/languageModel.ts"
import * as models from "./internal/modelInfo.ts"
import * as Retry from "./internal/retry.ts"

/**
 * How one request is sent: without retries, ended by `signal`, with these headers.
 *
 * @category models
 * @since 0.1.0
 */
export interface RequestOptions {
  readonly signal: AbortSignal
  readonly maxRetries: 0
  readonly headers: Record<string, string>
}

/**
 * The part of an SDK client that is used. The clients of `@anthropic-ai/sdk`, of its Bedrock and Vertex packages, and a
 * hand-written one for a gateway or a test fit.
 *
 * - `messages.create`: has to stop when `signal` aborts and must not retry by itself. What it throws is read by the fields
 *   of the SDK's errors (`status`, `headers`, `error`), not by class.
 * - `send`: the same with a body that is JSON already, of which only what is new is written; gives the events in batches, as
 *   they arrive, and an empty batch for a sign of life. Used instead of `create` where it is there; it has to reach the API
 *   itself, which alone knows `diagnostics` of the cache.
 * - `models.retrieve`: what the Models API says about a model, see `modelInfo`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Client {
  readonly messages: {
    readonly create: (
      body: MessageCreateParamsStreaming,
      options: RequestOptions
    ) => PromiseLike<AsyncIterable<RawMessageStreamEvent>>
  }
  readonly send?: (
    body: string,
    options: RequestOptions
  ) => PromiseLike<AsyncIterable<ReadonlyArray<RawMessageStreamEvent>>>
  readonly models?: {
    readonly retrieve: (
      id: string,
      params: null,
      options: { readonly signal: AbortSignal; readonly maxRetries: 0 }
    ) => PromiseLike<unknown>
  }
}

/**
 * A request that failed: why, and how long the response asks to wait, where it does.
 *
 * @category models
 * @since 0.1.0
 */
export interface FailedRequest {
  readonly reason: AiError.AiErrorReason
  readonly retryAfter: Duration.Duration | undefined
}

/**
 * How long and how often to wait before a failed request is sent again.
 *
 * @category models
 * @since 0.1.0
 */
export type RetrySchedule = Schedule.Schedule<unknown, FailedRequest>

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
  /** `auto` uses priority capacity where there is any, `standard_only` never. Default: the API's own, `auto`. */
  readonly serviceTier?: "auto" | "standard_only" | undefined
  /**
   * For how long what is written to the prompt cache lives, or `false` for requests without marks. Default 5 minutes; an
   * hour is written at a higher price. A prefix that is too short for the model is not written, which does no harm.
   */
  readonly cache?: { readonly ttl: "5 minutes" | "1 hour" } | false | undefined
  /**
   * Whether the arguments of tools always follow their schema; the annotation `Tool.Strict` of a tool goes before. Default
   * no. The API then takes a subset of JSON Schema: objects are closed, constraints of values are said in descriptions,
   * and a map, a tuple, a recursive schema, more than 20 strict tools, or more than 24 optional properties or 16 unions in
   * all of them fail with `UnsupportedSchemaError`.
   */
  readonly strictTools?: boolean | undefined
  /**
   * How often a request is sent again after 408, 409, 429, 5xx or a broken connection, while nothing of its reply was
   * emitted; 0 or more. Default 2, after 0.5 s × 2ⁿ ± 20 % (at most 8 s) or the `Retry-After` of the response. A
   * `Retry-After` above 30 s or beyond the `deadline`, a spend limit and an invalid request are not retried.
   */
  readonly retries?: number | undefined
  /**
   * Replaces the waits and, without `retries`, the number of retries. A `Retry-After` that is longer is still waited for,
   * and what cannot succeed is still not retried. Default as `retries` says.
   */
  readonly retry?: RetrySchedule | undefined
  /** Longest wait for the first event of a reply, from the request on; a reply that takes longer fails. Default 10 minutes. */
  readonly firstEventTimeout?: Duration.Input | undefined
  /**
   * Longest silence of a reply that has begun; pings count as life. Default 60 seconds, and 5 minutes with a client without
   * `send`, which does not show the pings.
   */
  readonly idleTimeout?: Duration.Input | undefined
}

/**
 * When the requests of an effect are of no more use, in milliseconds since the epoch: no wait for a retry goes beyond it, the
 * failure is handed over at once. Default `Infinity`. A request that is being answered is not ended.
 *
 * @category references
 * @since 0.1.0
 */
export const deadline: Context.Reference<number> = Retry.deadline

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
 * import { Emulator, ModelScript } from "@volley/core/testing"
 * import { Effect } from "effect"
 * import { LanguageModel } from "effect/ai"
 *
 * const program = Effect.gen(function*() {
 *   // stands for the server
 *   const { url } = yield* Emulator.make([ModelScript.text("Glomma")])
 *   const { text } = yield* LanguageModel.generateText({ prompt: "Name a river in Norway" }).pipe(
 *     Effect.provide(Anthropic.model("claude-sonnet-5-5")),
 *     Effect.provide(Anthropic.layer({ baseUrl: url }))
 *   )
 *   console.log(text)
 * }).pipe(Effect.scoped)
 * await Effect.runPromise(program)
 * ```
 *
 * ```text
 * Glomma
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
 * Provides a client that exists already, for example one of Bedrock or Vertex. The spans of an SDK client are turned off,
 * since `LanguageModel` has its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (client: Client): Layer.Layer<AnthropicClient> =>
  Layer.sync(AnthropicClient, () => sdk.withoutSpans(client))

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
 * const { text } = await Effect.runPromise(program)
 * console.log(text)
 * ```
 *
 * ```text
 * Glomma
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

/**
 * What the Models API says about a model; what it does not say is absent.
 *
 * - `window`: longest input in tokens.
 * - `maxTokens`: longest reply in tokens.
 * - `thinking`: the types of `thinking` that the model accepts.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelInfo {
  readonly window?: number
  readonly maxTokens?: number
  readonly thinking?: ReadonlyArray<string>
}

/**
 * Asks the Models API about a model, once for each client. Nothing is guessed: `undefined` where the API cannot be reached,
 * has no such model or the client has no `models`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const modelInfo = (id: string): Effect.Effect<ModelInfo | undefined, never, AnthropicClient> =>
  AnthropicClient.use((client) => models.get(client, id))
