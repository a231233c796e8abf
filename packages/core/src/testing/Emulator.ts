/**
 * The Claude Messages API over HTTP on the loopback interface, answering from a `ModelScript`.
 *
 * **Details**
 *
 * It checks each request with the `Validator`, answers a bad one as the API does, and streams or sends whole what the
 * script says, with faults on the wire where the script wants them. It serves `POST /v1/messages` only, takes any
 * credentials, and never looks at the model's name. Pauses use the `Clock` of the effect that made it: under a test clock
 * they pass when the clock is moved. Needs Node.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import type { IncomingMessage, ServerResponse } from "node:http"
import * as admission from "./internal/admission.ts"
import * as exchanges from "./internal/exchange.ts"
import * as player from "./internal/player.ts"
import * as wire from "./internal/wire.ts"
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
 * A request as it arrived. It was accepted if it has no violations; headers that carry credentials are left out.
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
  readonly ending: Ending
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
 * Starts an emulator on a free port of 127.0.0.1. It answers its n-th acceptable request with the n-th step of the script,
 * or by a function of the request; a request without a step is answered with status 500 and a message that says so. All
 * sockets are destroyed when the scope ends.
 *
 * **Details**
 *
 * `issued` are replies from elsewhere whose thinking blocks may come back, for conversations that did not start here.
 * Faults of a request that does not stream: `cut` drops the connection before the answer, `eof` ends the body half way,
 * `error` is answered with the status of its type, `stall` never answers.
 *
 * **Example** (One overload, then an answer)
 *
 * ```ts
 * import { Emulator, ModelScript } from "@volley/core/testing"
 * import { Effect } from "effect"
 *
 * export const program = Effect.gen(function*() {
 *   const emulator = yield* Emulator.make([ModelScript.status(529), ModelScript.text("Hello")])
 *   return emulator.url
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  source: ModelScript.Source<RecordedRequest>,
  options?: { readonly issued?: ReadonlyArray<Validator.IssuedReply> }
) {
  const script = yield* player.make(source)
  const ledger = yield* Ledger.make
  const recorded = yield* Ref.make<ReadonlyArray<RecordedRequest>>([])
  const issued = yield* Ref.make<ReadonlyArray<Validator.IssuedReply>>(options?.issued ?? [])
  const run = yield* FiberSet.makeRuntime()

  const respond = Effect.fnUntraced(function*(request: RecordedRequest, exchange: exchanges.Exchange) {
    const [violation] = request.violations
    if (violation !== undefined) return yield* exchanges.sendError(exchange, violation)
    const { n, step } = yield* script.next(request).pipe(
      Effect.catchDefect((defect) =>
        Effect.succeed({ n: 0, step: ModelScript.status(500, { message: `The script failed: ${describe(defect)}` }) })
      )
    )
    if (step === undefined) return yield* exchanges.sendStatus(exchange, { status: 500, message: player.exhausted(n) })
    if (step.delay !== undefined) yield* Effect.sleep(step.delay)
    if (!ModelScript.isReply(step)) return yield* exchanges.sendStatus(exchange, step)
    yield* Ref.update(
      issued,
      (all) => [...all, { content: wire.content(step, n), stopReason: wire.stopReason(step) }]
    )
    const context = { step: n, model: requestedModel(request.body) }
    return yield* isStreaming(request.body)
      ? exchanges.sendEvents(exchange, step, context)
      : exchanges.sendWhole(exchange, step, context)
  })

  const handle = Effect.fnUntraced(function*(incoming: IncomingMessage, response: ServerResponse) {
    const received = yield* receive(incoming)
    const { body, violations } = admission.examine(received, yield* Ref.get(issued))
    const { method, path } = received
    const headers = admission.withoutSecrets(received.headers)
    const request: RecordedRequest = { method, path, headers, body, violations, ending: "open" }
    const index = yield* Ref.modify(recorded, (all) => [all.length, [...all, request]])
    const exchange = { response, id: `req_${index}` }
    const ending = yield* respond(request, exchange).pipe(
      Effect.raceFirst(Effect.as(Loopback.gone(response), "aborted" as const))
    )
    yield* Ref.update(recorded, (all) => all.with(index, { ...all[index]!, ending }))
  })

  const url = yield* Loopback.serve((incoming, response) => {
    const broken = Effect.sync(() => response.destroy())
    run(ledger.track("request", Effect.onError(handle(incoming, response), () => broken)))
  })

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
  Effect.map(Loopback.readBody(incoming, admission.sizeLimit), ({ size, text }) => ({
    method: incoming.method ?? "GET",
    path: (incoming.url ?? "/").replace(/\?.*$/, ""),
    headers: Object.fromEntries(
      Object.entries(incoming.headers).map((
        [name, value]
      ) => [name, Array.isArray(value) ? value.join(", ") : value ?? ""])
    ),
    size,
    text
  }))

const describe = (defect: unknown): string => Predicate.isError(defect) ? defect.message : JSON.stringify(defect)

const isStreaming = (body: unknown): boolean => Predicate.hasProperty(body, "stream") && body.stream === true

const requestedModel = (body: unknown): string => Predicate.hasProperty(body, "model") ? String(body.model) : "unknown"
