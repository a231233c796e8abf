/**
 * What an error of the official client means for a call.
 *
 * @internal
 */
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Predicate from "effect/Predicate"
import { harmless } from "./said.ts"

/** Of what a server says about its error, in characters. */
const longest = 500

const { permanent, transient } = ToolFailure

type Known = (message: string) => ToolFailure.ToolFailure

const unknown: Known = (message) => new ToolFailure.Unknown({ message })

/** JSON-RPC errors of the server. */
const protocolErrors: { readonly [code: number]: Known } = {
  [-32602]: (message) => permanent({ reason: "InvalidArguments", message }),
  [-32601]: (message) => permanent({ reason: "NotFound", message }),
  [-32600]: (message) => permanent({ reason: "Unsupported", message }),
  [-32002]: (message) => permanent({ reason: "NotFound", message })
}

/** Errors of the client itself. */
const clientErrors: { readonly [code: string]: ToolFailure.ToolFailure } = {
  NOT_CONNECTED: transient({ reason: "ConnectionLost", message: "the server is not connected", executed: false }),
  CONNECTION_CLOSED: transient({
    reason: "ConnectionLost",
    message: "the connection was lost before the server answered"
  }),
  SEND_FAILED: transient({ reason: "ConnectionLost", message: "the call could not be sent" }),
  REQUEST_TIMEOUT: transient({ reason: "Timeout", message: "the server did not answer in time" }),
  INVALID_RESULT: unknown("the server's answer is not a result of MCP"),
  UNSUPPORTED_RESULT_TYPE: permanent({
    reason: "Unsupported",
    message: "the server asks for input from a person or a model, which is not given"
  }),
  CAPABILITY_NOT_SUPPORTED: permanent({
    reason: "Unsupported",
    message: "the server asks for input from a person or a model, which is not given"
  })
}

const field = (error: unknown, name: string): unknown => Predicate.hasProperty(error, name) ? error[name] : undefined

/** The HTTP status that an error stands for. @internal */
export const statusOf = (error: unknown): number | undefined => {
  const status = field(field(error, "data"), "status") ?? field(error, "status")
  return typeof status === "number" ? status : undefined
}

/** @internal */
export const isProtocolError = (error: unknown): boolean => typeof field(error, "code") === "number"

/** A session that the server does not know any more: nothing was done. @internal */
export const sessionLost = transient({
  reason: "ConnectionLost",
  message: "the server ended the session",
  executed: false
})

/** @internal */
export const failureOf = (error: unknown): ToolFailure.ToolFailure => {
  const data = field(error, "data")
  if (
    data instanceof ToolFailure.Transient || data instanceof ToolFailure.Permanent ||
    data instanceof ToolFailure.Unknown
  ) {
    return data
  }
  const code = field(error, "code")
  const message = harmless(error instanceof Error ? error.message : String(error), longest)
  if (typeof code === "number") return (protocolErrors[code] ?? unknown)(message)
  const status = statusOf(error)
  if (status !== undefined) return ToolFailure.fromUnknown({ status })
  const known = typeof code === "string" && Object.hasOwn(clientErrors, code) ? clientErrors[code] : undefined
  return known ?? ToolFailure.fromUnknown(error)
}
