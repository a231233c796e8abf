/**
 * `LanguageModel` over a Messages API client. Every request is streamed.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Telemetry from "effect/ai/Telemetry"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { Client, Settings } from "../Anthropic.ts"
import * as Accumulate from "./accumulate.ts"
import { collect } from "./collect.ts"
import * as Failure from "./failure.ts"
import { supportsSystemInHistory } from "./prompt.ts"
import * as Request from "./request.ts"
import * as Retry from "./retry.ts"

type Part = Response.StreamPartEncoded

const attempt = <A>(phase: "request" | "stream", evaluate: () => PromiseLike<A>): Effect.Effect<A, Failure.Failure> =>
  Clock.clockWith((clock) =>
    Effect.tryPromise({
      try: evaluate,
      catch: (cause) => Failure.fromUnknown(cause, phase, clock.currentTimeMillisUnsafe())
    })
  )

const ignore = (promise: PromiseLike<unknown> | undefined): void => {
  promise?.then(() => undefined, () => undefined)
}

// Leaving the stream before its `message_stop` aborts the request; the abort comes first, since an iterator does not
// return while it waits for the network.
const reply = (
  client: Client,
  body: Api.MessageCreateParamsStreaming,
  headers: Record<string, string>
): Stream.Stream<Part, Failure.Failure> =>
  Stream.unwrap(Effect.gen(function*() {
    let state = Accumulate.initial
    let events: AsyncIterator<Api.RawMessageStreamEvent> | undefined
    const controller = new AbortController()
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (state.done) return
        controller.abort()
        ignore(events?.return?.())
      })
    )
    const iterable = yield* attempt("request", () =>
      client.messages.create(body, { signal: controller.signal, maxRetries: 0, headers }))
    const iterator = iterable[Symbol.asyncIterator]()
    events = iterator
    const pull = Effect.gen(function*() {
      while (!state.done) {
        const next = yield* attempt("stream", () =>
          iterator.next())
        if (next.done) return yield* Effect.fail(Failure.connection("The reply ended before message_stop"))
        const [after, parts] = yield* Effect.try({
          try: () => Accumulate.step(state, next.value),
          catch: Failure.malformed
        })
        state = after
        if (Arr.isReadonlyArrayNonEmpty(parts)) return parts
      }
      return yield* Cause.done()
    })
    return Stream.fromPull(Effect.succeed(pull))
  }))

const annotateRequest = (span: Tracer.Span, body: Api.MessageCreateParamsStreaming): void =>
  Telemetry.addGenAIAnnotations(span, {
    provider: { name: "anthropic" },
    operation: { name: "chat" },
    request: { model: body.model, maxTokens: body.max_tokens, stopSequences: body.stop_sequences }
  })

const annotateResponse = (span: Tracer.Span, part: Part): void => {
  if (part.type === "response-metadata") {
    Telemetry.addGenAIAnnotations(span, { response: { id: part.id, model: part.modelId } })
  }
  if (part.type === "finish") {
    const { inputTokens, outputTokens } = part.usage
    Telemetry.addGenAIAnnotations(span, {
      response: { finishReasons: [part.reason] },
      usage: { inputTokens: inputTokens.total, outputTokens: outputTokens.total }
    })
    // OpenTelemetry's names for cache tokens, which `addGenAIAnnotations` does not know.
    if (inputTokens.cacheRead !== undefined) {
      span.attribute("gen_ai.usage.cache_read.input_tokens", inputTokens.cacheRead)
    }
    if (inputTokens.cacheWrite !== undefined) {
      span.attribute("gen_ai.usage.cache_creation.input_tokens", inputTokens.cacheWrite)
    }
  }
}

type Method = "generateText" | "streamText"

const toAiError = (method: Method, reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: "Anthropic", method, reason })

/**
 * The language model `model` over `client`.
 *
 * @internal
 */
export const make = (client: Client, model: string, settings: Settings): Effect.Effect<LanguageModel.LanguageModel> => {
  const headers = settings.betas && settings.betas.length > 0 ? { "anthropic-beta": settings.betas.join(",") } : {}
  const retries = Retry.schedule(settings.retries ?? 2)

  const open = (method: Method, options: LanguageModel.ProviderOptions) =>
    Effect.fromResult(Request.make(model, settings, options)).pipe(
      Effect.mapError((reason) => toAiError(method, reason)),
      Effect.tap((body) => Effect.sync(() => annotateRequest(options.span, body))),
      Effect.map((body) => reply(client, body, headers))
    )

  return LanguageModel.make({
    supportsSystemMessagesInHistory: Effect.succeed(supportsSystemInHistory(model)),
    generateText: (options) =>
      Effect.flatMap(open("generateText", options), (parts) =>
        Stream.runCollect(parts).pipe(
          Effect.retry(retries),
          Effect.mapError(({ reason }) => toAiError("generateText", reason)),
          Effect.tap((all) => Effect.sync(() => all.forEach((part) => annotateResponse(options.span, part)))),
          Effect.map(collect)
        )),
    streamText: (options) =>
      Stream.unwrap(Effect.map(open("streamText", options), (parts) => {
        let emitted = false
        return parts.pipe(
          Stream.map((part) => {
            emitted = true
            annotateResponse(options.span, part)
            return part
          }),
          // A reply that was shown in part cannot be taken back here; the consumer decides.
          Stream.mapError((failure) => emitted ? { ...failure, retryable: false } : failure),
          Stream.retry(retries),
          Stream.mapError(({ reason }) => toAiError("streamText", reason))
        )
      }))
  })
}
