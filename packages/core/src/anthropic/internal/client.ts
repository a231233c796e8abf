/**
 * The SDK client, loaded when it is first needed.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Client, ClientOptions } from "../Anthropic.ts"

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
  Effect.map(Effect.promise(() => import("@anthropic-ai/sdk")), ({ Anthropic }) =>
    new Anthropic({
      ...credential(options),
      // Given always, because an absent one is read from the environment.
      baseURL: options.baseUrl ?? publicApi,
      timeout: Duration.toMillis(options.timeout ?? "10 minutes"),
      ...(options.headers && { defaultHeaders: options.headers }),
      maxRetries: 0,
      openTelemetry: false,
      logLevel: "off"
    }))
