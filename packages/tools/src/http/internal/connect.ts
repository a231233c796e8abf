/**
 * Connects to allowed addresses only: a literal is checked, of what a name resolves to only the allowed addresses are
 * dialled, and the address at the other end is checked once more.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { lookup } from "node:dns"
import { isIP, type LookupFunction } from "node:net"
import type { buildConnector } from "undici"
import { Blocked } from "../GuardError.ts"
import { allows, bare, portOf, type Rules } from "./rules.ts"

/** What connections are made with. @internal */
export interface Network {
  readonly lookup: LookupFunction
  /** A connector that resolves names by that lookup. */
  readonly dial: (lookup: LookupFunction) => buildConnector.connector
}

/** Loaded when a guard is made: undici is large. @internal */
export const undici = Effect.promise(() => import("undici"))

/** The network of this machine; tests provide another. @internal */
export const Network: Context.Reference<Effect.Effect<Network>> = Context.Reference<Effect.Effect<Network>>(
  "@volley/tools/http/Network",
  {
    defaultValue: () =>
      Effect.map(undici, ({ buildConnector }): Network => ({
        lookup,
        // HTTP/1.1, whose parser bounds the head of an answer.
        dial: (lookup) => buildConnector({ lookup, allowH2: false })
      }))
  }
)

/** @internal */
export const connector = (rules: Rules, network: Network): buildConnector.connector => (options, callback) => {
  const host = bare(options.hostname)
  const port = portOf(options)
  const isAllowed = (address: string | undefined): boolean => allows(rules, host, port, address)
  const blocked = () => new Blocked({ reason: "Address", host })

  const filtered: LookupFunction = (name, query, answer) =>
    network.lookup(name, { ...query, all: true }, (error, found) => {
      if (error !== null) return answer(error, [])
      const addresses = typeof found === "string" ? [] : found.filter(({ address }) => isAllowed(address))
      const [first] = addresses
      if (first === undefined) return answer(blocked(), [])
      return query.all === true ? answer(null, addresses) : answer(null, first.address, first.family)
    })

  if (isIP(host) !== 0 && !isAllowed(host)) return callback(blocked(), null)
  network.dial(filtered)(options, (...[error, socket]) => {
    if (error !== null) return callback(error, null)
    if (isAllowed(socket.remoteAddress)) return callback(null, socket)
    socket.destroy()
    return callback(blocked(), null)
  })
}
