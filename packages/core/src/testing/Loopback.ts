/**
 * A server on this machine for tests and demos: the little of `node:http` that an emulated service needs, as effects.
 *
 * **Details**
 *
 * Handlers are Node's own, so that a service can be emulated down to its sockets. It is no HTTP server for anything else:
 * for that there is `effect/http`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as http from "node:http"
import type { AddressInfo } from "node:net"

/**
 * Where to listen: `host` is a name or an address of this machine, default 127.0.0.1; `port` is 0 to 65535, default 0, a
 * free one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Address {
  readonly host?: string | undefined
  readonly port?: number | undefined
}

/**
 * Serves until the scope ends, then destroys all sockets; gives the base URL. An address that cannot be had is a defect,
 * Node's error with its `code`.
 *
 * @category testing
 * @since 0.1.0
 */
export const serve = (
  handle: http.RequestListener,
  address: Address = {}
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(listen(handle, address), close).pipe(
    Effect.map((server) => urlOf(server.address() as AddressInfo))
  )

// A server that listens on all interfaces is also reached on this machine.
const urlOf = ({ address, family, port }: AddressInfo): string => {
  if (address === "0.0.0.0" || address === "::") return `http://127.0.0.1:${port}`
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`
}

const listen = (handle: http.RequestListener, { host = "127.0.0.1", port = 0 }: Address) =>
  Effect.callback<http.Server>((resume) => {
    const server = http.createServer((request, response) => {
      // A write to a client that has just gone reports an error, which would end the process if nobody listened.
      response.on("error", () => {})
      handle(request, response)
    })
    server.once("error", (error) => resume(Effect.die(error)))
    server.listen(port, host, () => resume(Effect.succeed(server)))
  })

const close = (server: http.Server) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

/**
 * The body as text with its size in bytes; those beyond the limit are read and dropped.
 *
 * @param limit - of the text, in bytes
 * @category testing
 * @since 0.1.0
 */
export const readBody = (request: http.IncomingMessage, limit: number) =>
  Effect.callback<{ readonly text: string; readonly size: number }>((resume) => {
    const chunks: Array<Buffer> = []
    let size = 0
    request.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size <= limit) chunks.push(chunk)
    })
    request.once("end", () => resume(Effect.succeed({ text: Buffer.concat(chunks).toString("utf8"), size })))
    request.once("close", () => resume(Effect.interrupt))
  })

/**
 * Sends a piece of the body; resumes once it is on its way to the client.
 *
 * @category testing
 * @since 0.1.0
 */
export const write = (response: http.ServerResponse, piece: string | Uint8Array) =>
  Effect.callback<void>((resume) => {
    response.write(piece, () => resume(Effect.void))
  })

/**
 * Sends the last piece of the body; resumes once it is on its way to the client.
 *
 * @category testing
 * @since 0.1.0
 */
export const end = (response: http.ServerResponse, piece: string | Uint8Array = "") =>
  Effect.callback<void>((resume) => {
    response.end(piece, () => resume(Effect.void))
  })

/**
 * Resumes when the connection of a response is gone.
 *
 * @category testing
 * @since 0.1.0
 */
export const gone = (response: http.ServerResponse) =>
  Effect.callback<void>((resume) => {
    const onClose = () => resume(Effect.void)
    if (response.closed) onClose()
    else response.once("close", onClose)
    return Effect.sync(() => response.off("close", onClose))
  })
