/**
 * What the Models API says about a model.
 *
 * @internal
 */
import * as Cache from "effect/Cache"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import type { Client, ModelInfo } from "../Anthropic.ts"

const field = (value: unknown, name: string): unknown =>
  Predicate.isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined

const size = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined

const supported = (types: unknown): ReadonlyArray<string> | undefined =>
  Predicate.isObject(types)
    ? Object.keys(types).filter((type) => field(field(types, type), "supported") === true)
    : undefined

/** Only what the answer says; other fields stay absent. @internal */
export const read = (answer: unknown): ModelInfo => {
  const window = size(field(answer, "max_input_tokens"))
  const maxTokens = size(field(answer, "max_tokens"))
  const thinking = supported(field(field(field(answer, "capabilities"), "thinking"), "types"))
  return {
    ...(window !== undefined && { window }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(thinking !== undefined && { thinking })
  }
}

type Models = NonNullable<Client["models"]>

/** Who asks while an answer is awaited waits for the same one; a failure is forgotten. */
const makeCache = (models: Models) =>
  Cache.makeWith(
    (id: string) =>
      Effect.map(Effect.tryPromise((signal) => models.retrieve(id, null, { signal, maxRetries: 0 })), read),
    {
      capacity: Number.POSITIVE_INFINITY,
      timeToLive: (exit) => Exit.isSuccess(exit) ? Duration.infinity : Duration.zero
    }
  )

const caches = new WeakMap<Client, Effect.Success<ReturnType<typeof makeCache>>>()

const cacheOf = (client: Client, models: Models) =>
  Effect.suspend(() => {
    const known = caches.get(client)
    return known === undefined
      ? Effect.tap(makeCache(models), (cache) => Effect.sync(() => caches.set(client, cache)))
      : Effect.succeed(known)
  })

/**
 * Asks once for each model of a client; nothing is known where the client or its server has no Models API.
 *
 * @internal
 */
export const get = (client: Client, id: string): Effect.Effect<ModelInfo | undefined> =>
  client.models === undefined
    ? Effect.succeed(undefined)
    : cacheOf(client, client.models).pipe(
      Effect.flatMap((cache) => Cache.get(cache, id)),
      Effect.orElseSucceed(() => undefined)
    )
