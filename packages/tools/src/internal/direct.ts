/**
 * A client for a service whose address is configured.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"

/**
 * Takes a redirect of `fetch` for the answer: where a configured service leads is not configured, and neither it nor the
 * credentials are asked there.
 *
 * @internal
 */
export const direct: (client: HttpClient.HttpClient) => HttpClient.HttpClient = HttpClient.transform((effect) =>
  Effect.updateContext(effect, (context: Context.Context<never>) =>
    Context.add(context, FetchHttpClient.RequestInit, {
      ...Context.getOrUndefined(context, FetchHttpClient.RequestInit),
      redirect: "manual"
    }))
)
