/**
 * The Claude Messages API over HTTP on the loopback interface, answering from a `ModelScript`.
 *
 * **Details**
 *
 * It checks each request with the `Validator`, answers a bad one as the API does, and streams or sends whole what the
 * script says, with faults on the wire where the script wants them. Pauses use the `Clock` of the effect that made it: under
 * a test clock they pass when the clock is moved. Needs Node.
 *
 * | endpoint | answer |
 * | --- | --- |
 * | `POST /v1/messages` | the next step of the script; with `max_tokens: 0` an empty reply that takes no step |
 * | `POST /v1/messages/count_tokens` | an estimate: a quarter of the characters of tools, system and messages as JSON |
 * | `GET /v1/models`, `GET /v1/models/{id}` | the models, in pages |
 * | others | 404, or 405 for another method |
 *
 * Requests want `anthropic-version` (2026-10-21 or 2023-06-01), JSON of at most 32 MB, and any credentials. Parameters and
 * blocks of a beta are refused without its `anthropic-beta` header, and accepted unread with it, but for message threads:
 * these are refused with the error code that makes a client send the whole conversation.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import type { IncomingMessage, ServerResponse } from "node:http"
import * as admission from "./internal/admission.ts"
import * as conversation from "./internal/conversation.ts"
import * as exchanges from "./internal/exchange.ts"
import * as faults from "./internal/faults.ts"
import * as models from "./internal/models.ts"
import * as player from "./internal/player.ts"
import * as wire from "./internal/wire.ts"
import * as wireBlock from "./internal/wireBlock.ts"
import * as Ledger from "./Ledger.ts"
import * as Loopback from "./Loopback.ts"
import * as ModelScript from "./ModelScript.ts"
import type * as Validator from "./Validator.ts"

/**
 * How a request ended: `open` not yet, `answered` with all that was to be sent, `faulted` by a fault of the script,
 * `aborted` by the client.
 *
 * @category models
 * @since 0.1.0
 */
export type Ending = "open" | "answered" | "faulted" | "aborted"

/**
 * A request as it arrived. It was accepted if it has no violations; headers that carry credentials have `[redacted]` as
 * their value.
 *
 * **Details**
 *
 * `prefix` is what a prompt cache sees: the length in bytes of the conversation (tools, system and messages as text,
 * without marks for the cache) and how many of them it shares with the last accepted request to `/v1/messages`, none if that
 * was of another model. A client that only appends shares all of that one. Both are 0 for requests to other endpoints.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordedRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  readonly violations: ReadonlyArray<Validator.Violation>
  readonly prefix: { readonly bytes: number; readonly shared: number }
  readonly ending: Ending
}

/**
 * What an emulator is made with.
 *
 * **Details**
 *
 * - `issued`: replies from elsewhere whose thinking blocks may come back, for conversations that did not start here
 * - `models`: all models there are; others are answered 404. Default: Claude's, and any other name is taken
 * - `host`, `port`: where it listens, default a free port of 127.0.0.1
 * - `onEnd`: called with each request when its answer has ended
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Loopback.Address {
  readonly issued?: ReadonlyArray<Validator.IssuedReply> | undefined
  readonly models?: ReadonlyArray<Validator.Model> | undefined
  readonly onEnd?: ((request: RecordedRequest) => Effect.Effect<void>) | undefined
}

/**
 * A running emulator and what it was asked.
 *
 * @category models
 * @since 0.1.0
 */
export interface Emulator {
  /** Base URL for a client, without `/v1`. */
  readonly url: string
  /** All requests so far in order of arrival, refused ones too. */
  readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
  /** Steps that nobody has asked for yet; empty if the source is a function. */
  readonly unconsumed: Effect.Effect<ReadonlyArray<ModelScript.Step>>
  /** Acceptable requests the script had no step for. */
  readonly unexpected: Effect.Effect<ReadonlyArray<RecordedRequest>>
  /** The most requests that were open at the same time. */
  readonly inFlightMax: Effect.Effect<number>
}

/**
 * Starts an emulator, by default on a free port of 127.0.0.1. It answers its n-th acceptable request with the n-th step of the script,
 * or by a function of the request; a request without a step is answered with status 500 and a message that says so. All
 * sockets are destroyed when the scope ends.
 *
 * **Details**
 *
 * In an answer that is not streamed, `cut` drops the connection before the answer, `eof` and `malformed` end the body half
 * way, or `cut`, `eof` and `stall` do so after the bytes of their position; `error` is answered with the status of its type.
 * `unknownEvent`, `unknownDelta` and `wrongIndex` have no effect on it.
 *
 * **Example** (One overload, then an answer)
 *
 * ```ts
 * import { Anthropic } from "@volley/core/anthropic"
 * import { Emulator, ModelScript } from "@volley/core/testing"
 * import { Effect } from "effect"
 * import { LanguageModel } from "effect/ai"
 *
 * const program = Effect.gen(function*() {
 *   const emulator = yield* Emulator.make([ModelScript.status(529), ModelScript.text("Hello")])
 *   const { text } = yield* LanguageModel.generateText({ prompt: "Hi" }).pipe(
 *     Effect.provide(Anthropic.model("claude-sonnet-5-5")),
 *     Effect.provide(Anthropic.layer({ baseUrl: emulator.url }))
 *   )
 *   return `${text}, after ${(yield* emulator.requests).length} requests`
 * }).pipe(Effect.scoped)
 * console.log(await Effect.runPromise(program))
 * ```
 *
 * ```text
 * Hello, after 2 requests
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  source: ModelScript.Source<RecordedRequest>,
  options: Options = {}
) {
  const script = yield* player.make(source)
  const ledger = yield* Ledger.make
  const recorded = yield* Ref.make<ReadonlyArray<RecordedRequest>>([])
  const issued = yield* Ref.make<ReadonlyArray<Validator.IssuedReply>>(options.issued ?? [])
  const cached = yield* Ref.make({ model: "", text: new Uint8Array() })
  const known = options.models ?? models.known
  const run = yield* FiberSet.makeRuntime()

  const next = Effect.fnUntraced(function*(request: RecordedRequest) {
    const { n, step } = yield* script.next(request).pipe(
      Effect.catchDefect((defect) =>
        Effect.succeed({ n: 0, step: ModelScript.status(500, { message: `The script failed: ${describe(defect)}` }) })
      )
    )
    if (step?.delay !== undefined) yield* Effect.sleep(step.delay)
    return { n, step: step && faults.apply(step, yield* Clock.currentTimeMillis) }
  })

  const reply = Effect.fnUntraced(function*(request: RecordedRequest, exchange: exchanges.Exchange) {
    const { body } = request
    const { n, step } = isPrewarm(body) ? prewarm : yield* next(request)
    if (step === undefined) return yield* exchanges.sendStatus(exchange, { status: 500, message: player.exhausted(n) })
    if (!ModelScript.isReply(step)) return yield* exchanges.sendStatus(exchange, step)
    const content = wireBlock.content(step, n).map(wireBlock.closed)
    yield* Ref.update(issued, (all) => [...all, { content, stopReason: wire.stopReason(step), request: body }])
    const context = { step: n, model: requestedModel(body) }
    return yield* isStreaming(body)
      ? exchanges.sendEvents(exchange, step, context)
      : exchanges.sendWhole(exchange, step, context)
  })

  const respond = (
    request: RecordedRequest,
    { query, route }: { readonly route: admission.Route | undefined; readonly query: URLSearchParams },
    exchange: exchanges.Exchange
  ) => {
    const [violation] = request.violations
    if (violation !== undefined) return exchanges.sendError(exchange, violation)
    switch (route) {
      case "count_tokens":
        return exchanges.sendValue(exchange, { input_tokens: conversation.tokens(request.body) })
      case "models":
        return exchanges.sendValue(exchange, models.list(known, query))
      case "model":
        return exchanges.sendValue(exchange, models.describe(models.find(known, admission.modelOf(request.path))!))
      default:
        return reply(request, exchange)
    }
  }

  const measure = (body: unknown, accepted: boolean) => {
    const now = { model: requestedModel(body), text: new TextEncoder().encode(conversation.text(body)) }
    return Ref.modify(cached, (before) => [
      conversation.prefix(now.text, before.model === now.model ? before.text : new Uint8Array()),
      accepted ? now : before
    ])
  }

  const handle = Effect.fnUntraced(function*(incoming: IncomingMessage, response: ServerResponse) {
    const received = yield* receive(incoming)
    const { body, route, violations } = admission.examine(received, {
      issued: yield* Ref.get(issued),
      models: known,
      closed: options.models !== undefined
    })
    const { method, path, query } = received
    const headers = admission.withoutSecrets(received.headers)
    const prefix = route === "messages" ? yield* measure(body, violations.length === 0) : { bytes: 0, shared: 0 }
    const request: RecordedRequest = { method, path, headers, body, violations, prefix, ending: "open" }
    const index = yield* Ref.modify(recorded, (all) => [all.length, [...all, request]])
    const exchange = { response, id: `req_${index}` }
    const ending = yield* respond(request, { route, query }, exchange).pipe(
      Effect.raceFirst(Effect.as(Loopback.gone(response), "aborted" as const))
    )
    const ended = { ...request, ending }
    yield* Ref.update(recorded, (all) => all.with(index, ended))
    if (options.onEnd !== undefined) yield* options.onEnd(ended)
  })

  const url = yield* Loopback.serve((incoming, response) => {
    const broken = Effect.sync(() => response.destroy())
    run(ledger.track("request", Effect.onError(handle(incoming, response), () => broken)))
  }, options)

  const emulator: Emulator = {
    url,
    requests: Ref.get(recorded),
    unconsumed: script.unconsumed,
    unexpected: script.unexpected,
    inFlightMax: Effect.map(ledger.inFlight("request"), ({ peak }) => peak)
  }
  return emulator
})

const receive = (incoming: IncomingMessage): Effect.Effect<admission.Received> =>
  Effect.map(Loopback.readBody(incoming, admission.sizeLimit), ({ size, text }) => {
    const [path = "/", query = ""] = (incoming.url ?? "/").split("?", 2)
    return {
      method: incoming.method ?? "GET",
      path,
      query: new URLSearchParams(query),
      headers: Object.fromEntries(
        Object.entries(incoming.headers).map((
          [name, value]
        ) => [name, Array.isArray(value) ? value.join(", ") : value ?? ""])
      ),
      size,
      text
    }
  })

/** A request for no token fills the cache. */
const isPrewarm = (body: unknown): boolean => Predicate.hasProperty(body, "max_tokens") && body.max_tokens === 0

const prewarm = { n: 0, step: ModelScript.reply({ content: [], stopReason: "max_tokens" }) }

const describe = (defect: unknown): string => Predicate.isError(defect) ? defect.message : JSON.stringify(defect)

const isStreaming = (body: unknown): boolean => Predicate.hasProperty(body, "stream") && body.stream === true

const requestedModel = (body: unknown): string => Predicate.hasProperty(body, "model") ? String(body.model) : "unknown"
