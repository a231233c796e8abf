/**
 * A `LanguageModel` that answers from a `ModelScript`, in process and without a network.
 *
 * **Details**
 *
 * It emits what the Anthropic provider emits for the same reply, part by part. Pauses use the `Clock`, so simulated time
 * drives it. A status or a fault fails the request with an `AiError`; there is no transport retry as in a real provider,
 * so each request consumes one step. Response formats are ignored: a script says what is answered.
 *
 * @since 0.1.0
 */
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as failures from "./internal/failures.ts"
import * as parts from "./internal/parts.ts"
import * as player from "./internal/player.ts"
import * as wire from "./internal/wire.ts"
import * as ModelScript from "./ModelScript.ts"

/**
 * A scripted model and what it was asked.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScriptedModel {
  /** The model as a service. */
  readonly model: LanguageModel.LanguageModel
  /** The model as a layer. */
  readonly layer: Layer.Layer<LanguageModel.LanguageModel>
  /** All requests so far, in order. */
  readonly requests: Effect.Effect<ReadonlyArray<LanguageModel.ProviderOptions>>
  /** Steps that nobody has asked for yet; empty if the source is a function. */
  readonly unconsumed: Effect.Effect<ReadonlyArray<ModelScript.Step>>
  /** Requests the script had no step for. */
  readonly unexpected: Effect.Effect<ReadonlyArray<LanguageModel.ProviderOptions>>
}

/**
 * Creates a model that answers its n-th request with the n-th step of the script, or by a function of the request.
 *
 * **Details**
 *
 * A request without a step fails with an `AiError` (`InvalidRequestError`, not retryable). `modelName`, default
 * `"scripted"`, is reported in the response metadata.
 *
 * **Example** (A model that says one thing)
 *
 * ```ts
 * import { ModelScript, ScriptedModel } from "@volley/core/testing"
 * import { Effect } from "effect"
 * import { LanguageModel } from "effect/ai"
 *
 * export const program = Effect.gen(function*() {
 *   const scripted = yield* ScriptedModel.make([ModelScript.text("Hello")])
 *   const response = yield* LanguageModel.generateText({ prompt: "Hi" }).pipe(Effect.provide(scripted.layer))
 *   return response.text
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  source: ModelScript.Source<LanguageModel.ProviderOptions>,
  options?: { readonly modelName?: string }
) {
  const requests = yield* Ref.make<ReadonlyArray<LanguageModel.ProviderOptions>>([])
  const script = yield* player.make(source)

  const next = Effect.fnUntraced(function*(method: string, request: LanguageModel.ProviderOptions) {
    yield* Ref.update(requests, (all) => [...all, request])
    const { n, step } = yield* script.next(request)
    if (step === undefined) return yield* failures.ofExhausted(method, player.exhausted(n))
    if (step.delay !== undefined) yield* Effect.sleep(step.delay)
    if (!ModelScript.isReply(step)) return yield* failures.ofStatus(method, step)
    return { reply: step, context: { step: n, model: options?.modelName ?? "scripted" } }
  })

  const model = yield* LanguageModel.make({
    generateText: Effect.fnUntraced(function*(request) {
      const { context, reply } = yield* next("generateText", request)
      if (reply.fault !== undefined) return yield* strike("generateText", reply.fault)
      return parts.whole(reply, context)
    }),
    streamText: (request) =>
      next("streamText", request).pipe(
        Effect.map(({ context, reply }) => play(reply, context)),
        Stream.unwrap
      )
  })

  const scripted: ScriptedModel = {
    model,
    layer: Layer.succeed(LanguageModel.LanguageModel, model),
    requests: Ref.get(requests),
    unconsumed: script.unconsumed,
    unexpected: script.unexpected
  }
  return scripted
})

const strike = (method: string, fault: ModelScript.Fault): Effect.Effect<never, AiError.AiError> => {
  const failure = failures.ofFault(method, fault)
  return failure === undefined ? Effect.never : Effect.fail(failure)
}

// One event a pull, so that a consumer may act on a part before the next one exists.
const play = (
  reply: ModelScript.Reply,
  context: wire.Context
): Stream.Stream<Response.StreamPartEncoded, AiError.AiError> => {
  const content = wire.content(reply, context.step)
  const { fault, interval } = reply
  const sent = Stream.fromIterable(wire.sent(reply, context), { chunkSize: 1 }).pipe(
    interval === undefined
      ? (events) => events
      : Stream.tap((event) => event.type === "message_start" ? Effect.void : Effect.sleep(interval)),
    Stream.map((event) => parts.ofEvent(reply, content, event)),
    Stream.flattenIterable
  )
  return fault === undefined ? sent : Stream.concat(sent, Stream.fromEffect(strike("streamText", fault)))
}
