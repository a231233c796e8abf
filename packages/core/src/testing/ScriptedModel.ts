/**
 * A `LanguageModel` that answers from a `ModelScript`, in process and without a network.
 *
 * **Details**
 *
 * It emits what the Anthropic provider emits for the same reply, part by part. Pauses use the `Clock`, so simulated time
 * drives it. A status, and a fault that a client does not survive, fails the request with an `AiError`; there is no
 * transport retry as in a real provider, so each request consumes one step. Response formats are ignored: a script says
 * what is answered.
 *
 * @since 0.1.0
 */
import type { RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages"
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import type * as Response from "effect/ai/Response"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as Accumulate from "../anthropic/internal/accumulate.ts"
import { collect } from "../anthropic/internal/collect.ts"
import * as Failure from "../anthropic/internal/failure.ts"
import * as DirectReply from "../internal/directReply.ts"
import * as failures from "./internal/failures.ts"
import * as faults from "./internal/faults.ts"
import * as player from "./internal/player.ts"
import * as transmission from "./internal/transmission.ts"
import type * as wire from "./internal/wire.ts"
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
 * const program = Effect.gen(function*() {
 *   const scripted = yield* ScriptedModel.make([ModelScript.text("Hello")])
 *   const response = yield* LanguageModel.generateText({ prompt: "Hi" }).pipe(Effect.provide(scripted.layer))
 *   return response.text
 * })
 * console.log(await Effect.runPromise(program))
 * ```
 *
 * ```text
 * Hello
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
    const { n, step: scripted } = yield* script.next(request)
    if (scripted === undefined) return yield* failures.ofExhausted(method, player.exhausted(n))
    if (scripted.delay !== undefined) yield* Effect.sleep(scripted.delay)
    const step = faults.apply(scripted, yield* Clock.currentTimeMillis)
    if (!ModelScript.isReply(step)) return yield* failures.ofStatus(method, step)
    return play(method, step, { step: n, model: options?.modelName ?? "scripted" })
  })

  const streamText = (request: LanguageModel.ProviderOptions) => Stream.unwrap(next("streamText", request))
  const made = yield* LanguageModel.make({
    generateText: (request) => Effect.map(Effect.flatMap(next("generateText", request), Stream.runCollect), collect),
    streamText
  })
  const model = yield* DirectReply.declare(made, streamText)

  const scripted: ScriptedModel = {
    model,
    layer: Layer.merge(
      Layer.succeed(LanguageModel.LanguageModel, model),
      Layer.succeed(Model.ModelName, options?.modelName ?? "scripted")
    ),
    requests: Ref.get(requests),
    unconsumed: script.unconsumed,
    unexpected: script.unexpected
  }
  return scripted
})

/**
 * Provides a model that answers by a script, for programs that ask it nothing afterwards; see `make`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  source: ModelScript.Source<LanguageModel.ProviderOptions>,
  options?: { readonly modelName?: string }
): Layer.Layer<LanguageModel.LanguageModel> => Layer.unwrap(Effect.map(make(source, options), (model) => model.layer))

const follow = (method: string) => (state: Accumulate.State, piece: transmission.Piece) =>
  Effect.try({
    try: () => Accumulate.step(state, read(piece)),
    catch: (cause) =>
      failures.make(
        method,
        piece.type === "malformed" ? Failure.fromUnknown(cause, "stream", 0) : Accumulate.toFailure(cause)
      )
  })

// The provider leaves the data of a ping unread.
const read = (piece: transmission.Piece) => {
  const event = piece.type !== "malformed" ? piece : piece.name === "ping" ? { type: "ping" } : JSON.parse(piece.data)
  return event as RawMessageStreamEvent
}

// One event a pull, so that a consumer may act on a part before the next one exists.
const play = (
  method: string,
  reply: ModelScript.Reply,
  context: wire.Context
): Stream.Stream<Response.StreamPartEncoded, AiError.AiError> => {
  const { interval } = reply
  const { end, pause, pieces } = transmission.streamed(reply, context)
  const parts = Stream.fromIterable(pieces, { chunkSize: 1 }).pipe(
    interval === undefined
      ? (pieces) => pieces
      : Stream.tap((piece) => piece.type === "message_start" ? Effect.void : Effect.sleep(interval)),
    Stream.mapAccumEffect(() => Accumulate.initial, follow(method))
  )
  const all = end === "whole" ? parts : Stream.concat(parts, Stream.fromEffect(failures.ofEnd(method, end)))
  return pause === undefined ? all : Stream.unwrap(Effect.as(Effect.sleep(pause), all))
}
