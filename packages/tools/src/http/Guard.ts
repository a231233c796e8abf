/**
 * An HTTP client that cannot be led astray: for requests whose URLs come from a model, a page or a user.
 *
 * **Details**
 *
 * It is an `HttpClient` for any program, and differs from others in what it refuses:
 *
 * - Schemes other than `http` and `https`, user names and passwords in URLs, ports and hosts that are not allowed.
 * - Addresses that are not public. Literals are checked in every spelling; of the addresses of a name only those that are
 *   allowed are dialled, and it is the checked answer itself that is dialled, so a name that changes its address in between gains
 *   nothing; the address at the other end is checked once more.
 * - Redirects that lead to any of these, from https to http, more than 5 of them, and those that would send a body to another
 *   origin. Of the headers only `Accept`, `Accept-Language`, `Range` and `User-Agent` go to another origin.
 * - Answers whose head is larger than 16 KiB, whose decoded body is larger than `maxSize` or, above 1 MiB, 200 times as large
 *   as what was sent; more than one content encoding, and others than gzip, br and zstd. The connection is then cut.
 *
 * A request fails with an `HttpClientError` whose cause is `Blocked`, `TooLarge` or `Undecodable`. Proxies of the
 * environment are not used, HTTP/2 is not spoken, and a header that belongs to the connection (`Host` among them) is not sent.
 *
 * It does not bound time: use the timeout of a tool's policy or `Effect.timeout`. It does not resist a public server that
 * forwards requests into your network.
 *
 * **Example** (A client for the public web and one server of your own)
 *
 * ```ts
 * import { Loopback } from "@volley/core/testing"
 * import { Guard } from "@volley/tools/http"
 * import { Effect } from "effect"
 * import { HttpClient } from "effect/http"
 *
 * const program = Effect.gen(function*() {
 *   const site = yield* Loopback.serve((_, response) => response.end("well"))
 *   const { status } = yield* HttpClient.get(`${site}/health`).pipe(
 *     Effect.provide(Guard.layer({ allowPrivate: [new URL(site).host] }))
 *   )
 *   return status
 * }).pipe(Effect.scoped)
 * console.log(await Effect.runPromise(program))
 * ```
 *
 * ```text
 * 200
 * ```
 *
 * @since 0.1.0
 */
import type * as ToolPolicy from "@volley/core/ToolPolicy"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { OptionUnusable } from "./GuardError.ts"
import * as client from "./internal/client.ts"
import * as rules from "./internal/rules.ts"

export * from "./GuardError.ts"

/**
 * What may be asked. A host is a name (`example.com`), all names below one (`*.example.com`) or an address (`10.0.0.7`,
 * `[::1]`); with a port (`localhost:8080`) it is meant on that port alone, which is then allowed too.
 *
 * - `allowHosts`: only these hosts, and those of `allowPrivate`; default every host.
 * - `allowPrivate`: hosts that may have an address that is not public; default none. A name may have loopback, private,
 *   unique local and shared addresses, an address stands for itself. Link-local addresses, where clouds serve their
 *   credentials, are reached by their literal only.
 * - `ports`: 1 to 65,535, default 80 and 443.
 * - `maxSize`: of a decoded body, 1 byte to 1 GiB, default 5 MiB; a number is bytes.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  readonly allowHosts?: ReadonlyArray<string>
  readonly allowPrivate?: ReadonlyArray<string>
  readonly ports?: ReadonlyArray<number>
  readonly maxSize?: ToolPolicy.Size
}

const defaultSize = 5 * 1024 * 1024
const mostSize = 1024 ** 3

const hostsOf = (name: string, entries: ReadonlyArray<string>) =>
  Effect.forEach(entries, (text) => {
    const host = rules.parseHost(text.trim())
    return host === undefined
      ? Effect.fail(
        new OptionUnusable({ name, expected: "a list of hosts such as \"example.com\" or \"localhost:8080\"" })
      )
      : Effect.succeed(host)
  })

const portsOf = (ports: ReadonlyArray<number>) =>
  ports.length > 0 && ports.every(rules.isPort)
    ? Effect.succeed(new Set(ports.map(String)))
    : Effect.fail(new OptionUnusable({ name: "ports", expected: "a list of ports from 1 to 65535" }))

const sizeOf = (size: ToolPolicy.Size) => {
  const parsed = typeof size === "number" ? ByteSize.fromInput(size) : ByteSize.fromString(size)
  const bytes = Option.getOrElse(Option.flatMap(parsed, ByteSize.toNumber), () => 0)
  return bytes >= 1 && bytes <= mostSize
    ? Effect.succeed(bytes)
    : Effect.fail(new OptionUnusable({ name: "maxSize", expected: "a size from 1 byte to 1 GiB" }))
}

/**
 * Makes a guarded client; its connections are closed when the scope ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options?: Options
) => Effect.Effect<HttpClient.HttpClient, OptionUnusable, Scope.Scope> = Effect.fnUntraced(function*(
  options: Options = {}
) {
  const { allowHosts, allowPrivate = [], maxSize = defaultSize, ports = [80, 443] } = options
  const limits: rules.Rules = {
    allowed: allowHosts === undefined ? undefined : yield* hostsOf("allowHosts", allowHosts),
    privates: yield* hostsOf("allowPrivate", allowPrivate),
    ports: yield* portsOf(ports)
  }
  return yield* client.make(limits, yield* sizeOf(maxSize))
})

/**
 * A guarded client in the place of any other. Building it fails with `OptionUnusable` where an option is not as `Options`
 * says.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<HttpClient.HttpClient, OptionUnusable> =>
  Layer.effect(HttpClient.HttpClient)(make(options))
