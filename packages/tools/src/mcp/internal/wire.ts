/**
 * What goes over the wire, seen before the official client sees it: listings are kept as they are, and a request whose answer
 * is lost fails at once.
 *
 * **Details**
 *
 * The official client reads a listing as a whole, so that one bad tool would cost all of them.
 *
 * @internal
 */
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Predicate from "effect/Predicate"
import type { JSONRPCMessage, Transport } from "./sdk.ts"

type Id = string | number
type Deliver = (message: JSONRPCMessage) => void
type Send = Transport["send"]

const isId = (value: unknown): value is Id => typeof value === "string" || typeof value === "number"

const requestOf = (message: Parameters<Send>[0]) =>
  !Array.isArray(message) && "method" in message && "id" in message && isId(message.id)
    ? { id: message.id, method: message.method }
    : undefined

/** @internal */
export class Wire {
  /** The newest listing, one page of it, as the server wrote it. */
  listing: unknown
  /** Whether the server has announced that its tools changed since they were listed. */
  isStale = false
  /** The protocol version that the server answered with. */
  offered: unknown
  readonly #pending = new Map<Id, string>()
  #deliver: Deliver | undefined

  constructor(transport: Transport) {
    // the client sets its own and sets it again
    Object.defineProperty(transport, "onmessage", {
      get: () => this.#deliver === undefined ? undefined : this.#receive,
      set: (deliver: Deliver | undefined) => {
        if (deliver !== this.#receive) this.#deliver = deliver
      }
    })
    const send = transport.send.bind(transport)
    transport.send = (message, options) => {
      const request = requestOf(message)
      if (request === undefined) return send(message, options)
      this.#pending.set(request.id, request.method)
      return send(message, {
        ...options,
        onRequestStreamEnd: () => {
          options?.onRequestStreamEnd?.()
          if (request.method !== "subscriptions/listen") this.fail(request.id, lost)
        }
      })
    }
  }

  readonly #receive = (message: JSONRPCMessage): void => this.#deliver?.(this.#seen(message))

  #seen(message: JSONRPCMessage): JSONRPCMessage {
    if ("method" in message && message.method === "notifications/tools/list_changed") this.isStale = true
    if (!("id" in message) || !isId(message.id) || "method" in message) return message
    const method = this.#pending.get(message.id)
    this.#pending.delete(message.id)
    if (!("result" in message)) return message
    if (method === "initialize") this.offered = message.result["protocolVersion"]
    if (method !== "tools/list") return message
    this.listing = message.result["tools"]
    return { ...message, result: { ...message.result, tools: [] } }
  }

  /** Answers a request in place of the server. */
  fail(id: Id, failure: ToolFailure.ToolFailure): boolean {
    if (!this.#pending.has(id)) return false
    this.#receive({
      jsonrpc: "2.0",
      id,
      error: { code: -32_000, message: failure.message, data: failure }
    })
    return true
  }
}

const lost = ToolFailure.transient({
  reason: "ConnectionLost",
  message: "the server ended the connection before it answered"
})

/** @internal */
export const tooLarge = new ToolFailure.Permanent({ reason: "TooLarge", message: "the server's answer is too large" })

/** @internal */
export const malformed = new ToolFailure.Unknown({ message: "the server's answer is not a message of MCP" })

const identifier = /"id"\s*:\s*(\d{1,15}|"[^"\\]{1,64}")/g

/** The request that a broken message seems to answer. @internal */
export const answered = (text: string): Id | undefined => {
  if (!text.trimStart().startsWith("{") || !text.includes("\"jsonrpc\"")) return undefined
  const found = Array.from(text.matchAll(identifier)).at(-1)?.[1]
  return found === undefined ? undefined : JSON.parse(found) as Id
}

/** Whether a value may be a message; its parts are checked where they are read. @internal */
export const isMessage = (value: unknown): value is JSONRPCMessage =>
  Predicate.isObject(value) && Predicate.hasProperty(value, "jsonrpc") && value.jsonrpc === "2.0"
