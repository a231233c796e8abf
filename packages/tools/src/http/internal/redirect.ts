/**
 * Where a redirect leads, and what may be sent there: pure.
 *
 * @internal
 */
import * as Headers from "effect/http/Headers"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpMethod } from "effect/http/HttpMethod"
import { Blocked } from "../GuardError.ts"
import { bare } from "./rules.ts"

/** @internal */
export const most = 5

/** What goes along to another origin: every other header may hold a credential. */
const harmless: ReadonlySet<string> = new Set(["accept", "accept-language", "range", "user-agent"])

const isHarmless = (name: string): boolean => harmless.has(name)
const tellsOfBody = (name: string): boolean => name.startsWith("content-")

const keep = (headers: Headers.Headers, isKept: (name: string) => boolean): Headers.Headers =>
  Headers.fromInput(Object.entries(headers).filter(([name]) => isKept(name)))

/** Whether a status with a `Location` is followed. @internal */
export const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status)

/**
 * The request after a redirect, by https://fetch.spec.whatwg.org/#http-redirect-fetch but for three things: none from https
 * to http, no method that writes goes to another origin, and there go only headers that hold no credentials.
 *
 * @internal
 */
export const follow = (
  request: HttpClientRequest.HttpClientRequest,
  from: URL,
  { location, status }: { readonly status: number; readonly location: string }
): HttpClientRequest.HttpClientRequest | Blocked => {
  const host = bare(from.hostname)
  const to = URL.parse(location, from.href)
  if (to === null) return new Blocked({ reason: "Location", host })
  if (from.protocol === "https:" && to.protocol === "http:") return new Blocked({ reason: "Downgrade", host })
  const isRead = request.method === "GET" || request.method === "HEAD"
  const becomesGet = !isRead && (status === 303 || (request.method === "POST" && status < 303))
  const isSame = to.origin === from.origin
  if (!isSame && !isRead && !becomesGet) return new Blocked({ reason: "CrossOriginWrite", host })
  const headers = keep(request.headers, (name) => (isSame || isHarmless(name)) && !(becomesGet && tellsOfBody(name)))
  return becomesGet
    ? HttpClientRequest.get(to.href, { headers })
    : HttpClientRequest.make(request.method as HttpMethod)(to.href, { headers, body: request.body })
}
