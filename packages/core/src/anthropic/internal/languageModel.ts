/**
 * `LanguageModel` over a Messages API client. Every request is streamed.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import * as AiError from "effect/ai/AiError"
import * as AnthropicStructuredOutput from "effect/ai/AnthropicStructuredOutput"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Telemetry from "effect/ai/Telemetry"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import * as DirectReply from "../../internal/directReply.ts"
import { isTraced } from "../../internal/telemetry.ts"
import * as ModelSettings from "../../ModelSettings.ts"
import type { Client, Settings } from "../Anthropic.ts"
import * as Accumulate from "./accumulate.ts"
import * as Sdk from "./client.ts"
import { collect } from "./collect.ts"
import * as Failure from "./failure.ts"
import { followsFormat } from "./modelId.ts"
import * as Names from "./names.ts"
import { supportsSystemInHistory } from "./prompt.ts"
import * as Request from "./request.ts"
import * as Retry from "./retry.ts"
import * as Watchdog from "./watchdog.ts"

type Part = Response.StreamPartEncoded

const failed = (phase: "request" | "stream") => (cause: unknown, now: number): Failure.Failure =>
  Failure.fromUnknown(cause, phase, now)

const ignore = (promise: PromiseLike<unknown> | undefined): void => {
  promise?.then(() => undefined, () => undefined)
}

interface Taken {
  readonly state: Accumulate.State
  readonly parts: ReadonlyArray<Part>
  readonly failure?: Failure.Failure
}

type Wanted = (part: Part) => boolean

const every: Wanted = () => true

const argumentDeltas: ReadonlySet<Part["type"]> = new Set(["tool-params-start", "tool-params-delta", "tool-params-end"])

const withoutArgumentDeltas: Wanted = ({ type }) => !argumentDeltas.has(type)

/** Events up to the end of the reply or one that is malformed, which fails after the parts before it. */
const take = (
  before: Accumulate.State,
  events: ReadonlyArray<Api.RawMessageStreamEvent>,
  wanted: Wanted
): Taken => {
  const parts: Array<Part> = []
  let state = before
  try {
    for (const event of events) {
      if (state.done) break
      const [after, added] = Accumulate.step(state, event)
      state = after
      for (const part of added) if (wanted(part)) parts.push(part)
    }
  } catch (cause) {
    return { state, parts, failure: Accumulate.toFailure(cause) }
  }
  return { state, parts }
}

/** The span of a request, where somebody would see what it says. */
const seen = (span: Tracer.Span): Effect.Effect<Tracer.Span | undefined> =>
  Effect.withFiber((fiber) => Effect.succeed(isTraced(fiber) ? span : undefined))

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

type Parts = Arr.NonEmptyReadonlyArray<Part>

/** What it takes to send one request and to read its reply. */
interface Sending {
  readonly client: Client
  readonly body: Api.MessageCreateParamsStreaming
  readonly headers: Record<string, string>
  readonly limits: Watchdog.Limits
  readonly names: Names.Names
  readonly wanted: Wanted
  readonly span: Tracer.Span | undefined
}

/**
 * Sends a request; succeeds when the first parts of its reply are there. Leaving the reply before its `message_stop` aborts
 * the request.
 */
const request = Effect.fnUntraced(function*(
  { body, client, headers, limits, names, span, wanted }: Sending
): Effect.fn.Return<Stream.Stream<Part, Failure.Failure>, Failure.Failure, Scope.Scope> {
  let state = Accumulate.of(names)
  let failure: Failure.Failure | undefined
  let batches: AsyncIterator<ReadonlyArray<Api.RawMessageStreamEvent>> | undefined
  const controller = new AbortController()
  // The abort comes first, since an iterator does not return while it waits for the network.
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      if (state.done) return
      controller.abort()
      ignore(batches?.return?.())
    })
  )
  const watchdog = yield* Watchdog.make(limits)
  const iterator = yield* watchdog.request(
    () => Sdk.send(client, body, { signal: controller.signal, maxRetries: 0, headers }),
    failed("request")
  )
  batches = iterator
  const next = watchdog.next(() => iterator.next(), failed("stream"))
  const receive: Effect.Effect<Parts, Failure.Failure> = Effect.suspend(() =>
    failure === undefined ? Effect.flatMap(next, received) : Effect.fail(failure)
  )
  const received = ({ done, value }: IteratorResult<ReadonlyArray<Api.RawMessageStreamEvent>>): typeof receive => {
    if (done === true) return Effect.fail(Failure.connection("The reply ended before message_stop"))
    const taken = take(state, value, wanted)
    state = taken.state
    failure = taken.failure
    if (span !== undefined) { for (const part of taken.parts) annotateResponse(span, part) }
    return Arr.isReadonlyArrayNonEmpty(taken.parts) ? Effect.succeed(taken.parts) : receive
  }
  let first: Parts | undefined = yield* receive
  const pull = Effect.suspend((): Pull.Pull<Parts, Failure.Failure> => {
    if (first === undefined) return state.done ? Cause.done() : receive
    const parts = first
    first = undefined
    return Effect.succeed(parts)
  })
  return Stream.fromPull(Effect.succeed(pull))
})

/** In a scope that ends at once with a failure, otherwise with the scope around it. */
const attempt = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Scope.fork(yield* Effect.scope)
    return yield* effect.pipe(
      Effect.provideService(Scope.Scope, scope),
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
  })

type Method = "generateText" | "streamText"

const toAiError = (method: Method, reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: "Anthropic", method, reason })

/**
 * The language model `model` over `client`; each request reads `ModelSettings.current`.
 *
 * @internal
 */
export const make = (client: Client, model: string, settings: Settings): Effect.Effect<LanguageModel.LanguageModel> => {
  const headers = settings.betas && settings.betas.length > 0 ? { "anthropic-beta": settings.betas.join(",") } : {}
  // The pings of a reply are not seen where the SDK reads it, so silence says less there.
  const silence = client.send === undefined ? "5 minutes" : "60 seconds"
  const limits = { first: settings.firstEventTimeout, idle: settings.idleTimeout ?? silence } as const

  const untilEver = Retry.schedule(settings, Number.POSITIVE_INFINITY)
  const retries = (end: number) => end === Number.POSITIVE_INFINITY ? untilEver : Retry.schedule(settings, end)

  const idNow = Effect.map(ModelSettings.current, (asked) => asked.model ?? model)

  const open = Effect.fnUntraced(function*(method: Method, options: LanguageModel.ProviderOptions) {
    const asked = yield* ModelSettings.current
    const body = yield* Effect.fromResult(
      Request.make(asked.model ?? model, settings, options, asked, client.send !== undefined)
    ).pipe(
      Effect.mapError((reason) => toAiError(method, reason))
    )
    const span = yield* seen(options.span)
    if (span !== undefined) annotateRequest(span, body)
    const { tools } = options
    const wanted = (yield* ModelSettings.argumentDeltas) ? every : withoutArgumentDeltas
    return {
      reply: request({ client, body, headers, limits, names: Names.make(tools), span, wanted }),
      retries: retries(yield* Retry.deadline)
    }
  })

  // A reply that was shown in part cannot be taken back here; the consumer decides.
  const streamText = (options: LanguageModel.ProviderOptions): Stream.Stream<Part, AiError.AiError> =>
    Stream.unwrap(Effect.flatMap(open("streamText", options), ({ reply, retries }) => {
      const fail = ({ reason }: Failure.Failure) => toAiError("streamText", reason)
      return attempt(reply).pipe(
        Effect.retry(retries),
        Effect.mapBoth({ onFailure: fail, onSuccess: Stream.mapError(fail) })
      )
    }))

  const made = LanguageModel.make({
    codecTransformer: AnthropicStructuredOutput.toCodecAnthropic,
    supportsSystemMessagesInHistory: Effect.map(idNow, supportsSystemInHistory),
    generateText: (options) =>
      Effect.flatMap(
        open("generateText", options),
        ({ reply, retries }) =>
          Effect.scoped(Effect.flatMap(reply, Stream.runCollect)).pipe(
            Effect.retry(retries),
            Effect.mapBoth({ onFailure: ({ reason }) => toAiError("generateText", reason), onSuccess: collect })
          )
      ),
    streamText
  })
  return Effect.flatMap(made, (languageModel) =>
    DirectReply.declare(
      ModelSettings.declareOutput(languageModel, Effect.map(idNow, followsFormat)),
      streamText
    ))
}
