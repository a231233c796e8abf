/**
 * The answers of an emulator on the wire.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { ServerResponse } from "node:http"
import * as Loopback from "../Loopback.ts"
import type * as ModelScript from "../ModelScript.ts"
import type * as Validator from "../Validator.ts"
import * as apiError from "./apiError.ts"
import * as transmission from "./transmission.ts"
import * as wire from "./wire.ts"

/** @internal */
export interface Exchange {
  readonly response: ServerResponse
  /** Value of the `request-id` header. */
  readonly id: string
}

type End = "answered" | "faulted"

/** @internal */
export const sendEvents = Effect.fnUntraced(function*(
  { id, response }: Exchange,
  reply: ModelScript.Reply,
  context: wire.Context
) {
  const { end, pause, pieces, rest } = transmission.streamed(reply, { ...context, requestId: id })
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "request-id": id
  })
  response.flushHeaders()
  if (pause !== undefined) yield* Effect.sleep(pause)
  for (const piece of pieces) {
    if (reply.interval !== undefined && piece.type !== "message_start") yield* Effect.sleep(reply.interval)
    yield* Loopback.write(response, transmission.encode(piece))
  }
  if (rest.length > 0) yield* Loopback.write(response, rest)
  switch (end) {
    case "whole":
    case "eof":
      yield* Loopback.end(response)
      break
    case "cut":
      yield* Effect.sync(() => response.destroy())
      break
    case "stall":
      return yield* stall(response, reply.fault)
  }
  return reply.fault === undefined ? "answered" as const : "faulted" as const
})

const stall = (response: ServerResponse, fault: ModelScript.Fault | undefined): Effect.Effect<never> => {
  if (fault?.type !== "stall" || fault.pings === undefined) return Effect.never
  return Effect.sleep(fault.pings).pipe(
    Effect.andThen(Loopback.write(response, transmission.encode({ type: "ping" }))),
    Effect.forever
  )
}

/** @internal */
export const sendWhole = Effect.fnUntraced(
  function*(exchange: Exchange, reply: ModelScript.Reply, context: wire.Context) {
    const { id, response } = exchange
    const { fault } = reply
    const bytes = new TextEncoder().encode(JSON.stringify(wire.whole(reply, context)))
    const begin = () => response.writeHead(200, { "content-type": "application/json", "request-id": id })
    const part = (afterBytes = 0) => bytes.subarray(0, Math.min(afterBytes, bytes.length - 1))
    switch (fault?.type) {
      case "error": {
        const { error } = transmission.errorOf(fault, id)
        yield* sendError(exchange, { ...error, status: apiError.statusOf(error.type) })
        break
      }
      case "cut":
      case "stall": {
        const sent = part(fault.afterBytes)
        if (sent.length > 0) {
          begin()
          yield* Loopback.write(response, sent)
        }
        if (fault.type === "stall") return yield* Effect.never
        response.destroy()
        break
      }
      case "eof":
        begin()
        yield* Loopback.end(response, part(fault.afterBytes ?? bytes.length / 2))
        break
      case "malformed":
        begin()
        yield* Loopback.end(response, part(bytes.length / 2))
        break
      case "slowStart":
        begin().flushHeaders()
        yield* Effect.sleep(transmission.pauseOf(fault))
        yield* Loopback.end(response, bytes)
        break
      default:
        begin()
        yield* Loopback.end(response, bytes)
    }
    return fault === undefined ? "answered" as const : "faulted" as const
  }
)

/** @internal */
export const sendError = (
  { id, response }: Exchange,
  violation: Validator.Violation
): Effect.Effect<End> =>
  sendJson(response, { status: violation.status, body: apiError.body(id, violation), headers: {}, id })

/** @internal */
export const sendStatus = ({ id, response }: Exchange, step: ModelScript.Status): Effect.Effect<End> =>
  sendJson(response, { status: step.status, ...apiError.refusal(step, id), id })

/** @internal */
export const sendValue = ({ id, response }: Exchange, body: unknown): Effect.Effect<End> =>
  sendJson(response, { status: 200, body, headers: {}, id })

const sendJson = (
  response: ServerResponse,
  { body, headers, id, status }: {
    readonly status: number
    readonly body: unknown
    readonly headers: Readonly<Record<string, string>>
    readonly id: string
  }
): Effect.Effect<End> =>
  Effect.suspend(() => {
    response.writeHead(status, { ...headers, "content-type": "application/json", "request-id": id })
    return Effect.as(Loopback.end(response, JSON.stringify(body)), "answered" as const)
  })
