/**
 * The SDK client, loaded when it is first needed, and how a request is sent with a client.
 *
 * @internal
 */
import type { RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages"
import type { MessageCreateParamsStreaming } from "@anthropic-ai/sdk/resources/messages"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type { Client, ClientOptions, RequestOptions } from "../Anthropic.ts"
import * as Json from "./json.ts"
import * as Sse from "./sse.ts"

const publicApi = "https://api.anthropic.com"

const credential = (options: ClientOptions): { readonly apiKey: string } | { readonly authToken: string } => {
  if (options.apiKey !== undefined) return { apiKey: Redacted.value(options.apiKey).trim() }
  if (options.authToken !== undefined) return { authToken: Redacted.value(options.authToken).trim() }
  // A local server wants no key, but without one the SDK would look for credential files.
  return { apiKey: "none" }
}

/**
 * A client with the SDK's own retries, spans and logs off: each would double what Volley does itself, and the SDK's
 * debug log prints prompts.
 *
 * @internal
 */
export const make = (options: ClientOptions): Effect.Effect<Client> =>
  Effect.map(Effect.promise(() => import("@anthropic-ai/sdk")), ({ Anthropic }) => {
    const client = new Anthropic({
      ...credential(options),
      // Given always, because an absent one is read from the environment.
      baseURL: options.baseUrl ?? publicApi,
      timeout: Duration.toMillis(options.timeout ?? "10 minutes"),
      ...(options.headers && { defaultHeaders: options.headers }),
      maxRetries: 0,
      openTelemetry: false,
      logLevel: "off"
    })
    return Object.assign(client, {
      send: async (body: string, { headers, maxRetries, signal }: RequestOptions) => {
        const response = await client.post("/v1/messages", {
          body,
          headers: { ...headers, "content-type": "application/json" },
          signal,
          maxRetries,
          stream: true
        }).asResponse()
        return Sse.batches(response)
      }
    })
  })

const hasSpans = (client: object): boolean => {
  const traces = "openTelemetry" in client && Predicate.isObject(client.openTelemetry)
    ? client.openTelemetry["traces"]
    : undefined
  return Predicate.isObject(traces) && traces["enabled"] === true
}

/**
 * The client without spans of its own, which would double those of `LanguageModel`.
 *
 * @internal
 */
export const withoutSpans = (client: Client): Client =>
  hasSpans(client) && "withOptions" in client && typeof client.withOptions === "function"
    ? client.withOptions({ openTelemetry: false })
    : client

/** Gives the events that came since the last time, none where only the connection showed life; `undefined` at the end. */
type Batches = AsyncIterator<ReadonlyArray<RawMessageStreamEvent>>

const one = (events: AsyncIterable<RawMessageStreamEvent>): Batches => {
  const iterator = events[Symbol.asyncIterator]()
  return {
    next: async () => {
      const { done, value } = await iterator.next()
      return done === true ? { done, value: undefined } : { done: false, value: [value] }
    },
    return: async () => {
      await iterator.return?.()
      return { done: true, value: undefined }
    }
  }
}

/**
 * Sends a request, as JSON where the client takes it.
 *
 * @internal
 */
export const send = async (
  client: Client,
  body: MessageCreateParamsStreaming,
  options: RequestOptions
): Promise<Batches> =>
  client.send === undefined
    ? one(await client.messages.create(Json.wellFormed(body) as MessageCreateParamsStreaming, options))
    : (await client.send(Json.stringify(body), options))[Symbol.asyncIterator]()
