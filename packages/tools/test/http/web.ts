import { Dispatcher, type Limits } from "@volley/core"
import { Loopback } from "@volley/core/testing"
import { Effect, Layer } from "effect"
import type { Tool } from "effect/ai"
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http"
import { connect, isIP, type LookupFunction } from "node:net"
import { type Guard, Http } from "../../src/http/index.ts"
import { Network } from "../../src/http/internal/connect.ts"

/** Calls a tool once, without retries. */
export const ask = <T extends Tool.Any>(tool: T, parameters: Tool.ParametersEncoded<T>) =>
  Dispatcher.call(tool, parameters, { limits: { retries: 0 } satisfies Limits.Limits })

/** Serves on a port of this machine: the base URL, and what it was asked, in order. */
export const serve = (answer: RequestListener) =>
  Effect.gen(function*() {
    const asked: Array<IncomingMessage> = []
    const url = yield* Loopback.serve((request, response) => {
      asked.push(request)
      answer(request, response)
    })
    return { url, port: Number(new URL(url).port), host: new URL(url).host, asked }
  })

export const respond = (
  response: ServerResponse,
  body: string | Uint8Array,
  headers: Record<string, string> = { "content-type": "text/plain" },
  status = 200
) => response.writeHead(status, headers).end(body)

/** The handlers of the family, allowed to ask the servers of this machine. */
export const at = (hosts: ReadonlyArray<string>, options: Guard.Options = {}) =>
  Http.layer({ ...options, allowPrivate: hosts })

const noSuchHost = (name: string) => Object.assign(new Error(`no ${name}`), { code: "ENOTFOUND" })

/**
 * A network of names and addresses of its own: every connection to an address ends at a listener of this machine, and
 * claims to come from that address.
 */
export const simulate = (options: {
  readonly resolve: (name: string) => ReadonlyArray<string>
  /** The port of the listener behind an address. */
  readonly listener: (address: string) => number
  /** What the other end claims to be; default the address that was dialled. */
  readonly claims?: (address: string) => string | undefined
}) => {
  const dialled: Array<string> = []
  const lookup: LookupFunction = (name, _query, answer) => {
    const found = options.resolve(name)
    return found.length === 0
      ? answer(noSuchHost(name), [])
      : answer(null, found.map((address) => ({ address, family: isIP(address) })))
  }
  const network: Network = {
    lookup,
    dial: (filtered) => ({ hostname }, callback) => {
      const to = (address: string) => {
        dialled.push(address)
        const socket = connect(options.listener(address), "127.0.0.1")
        Object.defineProperty(socket, "remoteAddress", { value: (options.claims ?? ((it) => it))(address) })
        socket.once("connect", () => callback(null, socket)).once("error", (error) => callback(error, null))
      }
      if (isIP(hostname) !== 0) return to(hostname)
      filtered(hostname, { all: true }, (error, found) => {
        if (error !== null) return callback(error, null)
        to((found as ReadonlyArray<{ readonly address: string }>)[0]!.address)
      })
    }
  }
  return { dialled, layer: Layer.succeed(Network)(Effect.succeed(network)) }
}
