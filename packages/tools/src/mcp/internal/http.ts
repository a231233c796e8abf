/**
 * A server behind an address: Streamable HTTP by the official client, with bounds on what it sends.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type { Channel } from "./connection.ts"
import { largestMessage, type Package } from "./sdk.ts"
import { tooLarge, Wire } from "./wire.ts"

/** @internal */
export interface Address {
  readonly url: URL
  readonly headers: { readonly [name: string]: string }
}

const isBlank = /\n\r?\n/

/** Fails the body when a message in it is too large: the whole of it, or one event of a stream. */
const bounded = (isStream: boolean): TransformStream<Uint8Array, Uint8Array> => {
  let size = 0
  return new TransformStream({
    transform: (chunk, controller) => {
      size += chunk.length
      if (isStream && isBlank.test(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1"))) {
        size = 0
      }
      if (size > largestMessage) controller.error(Object.assign(new RangeError(tooLarge.message), { data: tooLarge }))
      else controller.enqueue(chunk)
    }
  })
}

const limited = (fetch: typeof globalThis.fetch): typeof globalThis.fetch => async (input, init) => {
  const response = await fetch(input, init)
  if (response.body === null) return response
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true
  const body = response.body.pipeThrough(bounded(isStream))
  const copy = new Response(body, {
    status: response.status,
    statusText: response.statusText,
    headers: response.headers
  })
  Object.defineProperties(copy, { url: { value: response.url }, type: { value: response.type } })
  return copy
}

/** @internal */
export const open = Effect.fnUntraced(function*(
  { headers, url }: Address,
  sdk: Package
): Effect.fn.Return<Channel> {
  const fetch = yield* FetchHttpClient.Fetch
  // redirects within the origin are followed, others are not
  const transport = new sdk.StreamableHTTPClientTransport(url, {
    fetch: limited(fetch),
    requestInit: { headers },
    redirectPolicy: "same-origin"
  })
  return {
    transport,
    wire: new Wire(transport),
    bye: Effect.ignore(Effect.tryPromise(() => transport.terminateSession()))
  }
})
