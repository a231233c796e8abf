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
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "request-id": id
  })
  response.flushHeaders()
  for (const event of wire.sent(reply, context)) {
    if (reply.interval !== undefined && event.type !== "message_start") yield* Effect.sleep(reply.interval)
    yield* Loopback.write(response, serverSentEvent(event))
  }
  if (reply.fault?.type === "error") {
    yield* Loopback.write(response, serverSentEvent(errorBody(id, ...faultError(reply.fault))))
  }
  return yield* finish(response, "", reply.fault)
})

/** @internal */
export const sendWhole = Effect.fnUntraced(
  function*(exchange: Exchange, reply: ModelScript.Reply, context: wire.Context) {
    const { fault } = reply
    if (fault?.type === "error") {
      const [type, message] = faultError(fault)
      yield* sendError(exchange, { status: wire.statusOf(type), type, message })
      return "faulted" as const
    }
    const text = JSON.stringify(wire.whole(reply, context))
    if (fault === undefined || fault.type === "eof") {
      exchange.response.writeHead(200, { "content-type": "application/json", "request-id": exchange.id })
    }
    return yield* finish(exchange.response, fault === undefined ? text : text.slice(0, text.length / 2), fault)
  }
)

// The last act of an answer: end it in good order, tear it off, or hold it open.
const finish = (
  response: ServerResponse,
  text: string,
  fault: ModelScript.Fault | undefined
): Effect.Effect<End> => {
  switch (fault?.type) {
    case undefined:
      return Effect.as(Loopback.end(response, text), "answered")
    case "eof":
    case "error":
      return Effect.as(Loopback.end(response, text), "faulted")
    case "cut":
      return Effect.sync(() => {
        response.destroy()
        return "faulted"
      })
    case "stall":
      return Effect.never
  }
}

const faultError = (
  fault: Extract<ModelScript.Fault, { readonly type: "error" }>
): [type: string, message: string] => {
  const type = fault.errorType ?? "overloaded_error"
  return [type, fault.message ?? `Scripted ${type}`]
}

const serverSentEvent = (event: { readonly type: string }): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`

const errorBody = (id: string, type: string, message: string, details: unknown = null) => ({
  type: "error",
  error: { type, message, details },
  request_id: id
})

/** @internal */
export const sendError = (
  { id, response }: Exchange,
  error: Validator.Violation,
  options?: { readonly details?: unknown; readonly headers?: Readonly<Record<string, string>> }
): Effect.Effect<End> =>
  Effect.suspend(() => {
    response.writeHead(error.status, { ...options?.headers, "content-type": "application/json", "request-id": id })
    const body = errorBody(id, error.type, error.message, options?.details)
    return Effect.as(Loopback.end(response, JSON.stringify(body)), "answered" as const)
  })

/** @internal */
export const sendStatus = (exchange: Exchange, step: ModelScript.Status): Effect.Effect<End> => {
  const type = step.type ?? wire.errorType(step.status)
  return sendError(exchange, { status: step.status, type, message: step.message ?? `Scripted ${type}` }, {
    details: step.errorCode === undefined ? null : { error_code: step.errorCode },
    headers: { ...step.headers, ...(step.retryAfter === undefined ? {} : { "retry-after": String(step.retryAfter) }) }
  })
}
