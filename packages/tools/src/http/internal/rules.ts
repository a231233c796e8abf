/**
 * Which URLs and addresses may be asked: pure.
 *
 * @internal
 */
import ipaddr from "ipaddr.js"
import { isIP, isIPv6 } from "node:net"
import { Blocked } from "../GuardError.ts"

/** A host of a list, `*.` in front for all below it; without a port on every allowed port. @internal */
export interface Host {
  readonly name: string
  readonly port: string | undefined
}

/** @internal */
export interface Rules {
  /** `undefined` allows every host. */
  readonly allowed: ReadonlyArray<Host> | undefined
  readonly privates: ReadonlyArray<Host>
  readonly ports: ReadonlySet<string>
}

/** A host name as lists have it: an IPv6 address without brackets, a name without the dot of the root. @internal */
export const bare = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "").toLowerCase()

/** @internal */
export const portOf = ({ port, protocol }: { readonly port: string; readonly protocol: string }): string =>
  port !== "" ? port : protocol === "https:" ? "443" : "80"

/** @internal */
export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535

const entry = /^(\*\.)?(\[[^\]]+\]|[^\s:/?#@[\]\\*]+)(?::(\d{1,5}))?$/

/** The entry of a list: `name`, `name:port`, `*.name`, an address; `undefined` where it is none of these. @internal */
export const parseHost = (text: string): Host | undefined => {
  const [, wildcard = "", written, port] = entry.exec(isIPv6(text) ? `[${text}]` : text) ?? []
  const hostname = written === undefined ? undefined : URL.parse(`http://${written}`)?.hostname
  if (hostname === undefined || hostname === "" || (port !== undefined && !isPort(Number(port)))) return undefined
  const name = bare(hostname)
  return wildcard !== "" && isIP(name) !== 0
    ? undefined
    : { name: `${wildcard}${name}`, port: port === undefined ? undefined : String(Number(port)) }
}

const has = (hosts: ReadonlyArray<Host>, name: string, port: string): boolean =>
  hosts.some((host) =>
    (host.port === undefined || host.port === port) &&
    (host.name.startsWith("*.") ? name.endsWith(host.name.slice(1)) : host.name === name)
  )

/** Why a URL may not be asked, whatever its name resolves to. @internal */
export const refusal = (rules: Rules, url: URL): Blocked | undefined => {
  const { allowed, ports, privates } = rules
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return new Blocked({ reason: "Scheme", host: url.protocol.slice(0, -1) })
  }
  const host = bare(url.hostname)
  const port = portOf(url)
  const listed = [...allowed ?? [], ...privates]
  if (url.username !== "" || url.password !== "") return new Blocked({ reason: "Credentials", host })
  if (allowed !== undefined && !has(listed, host, port)) return new Blocked({ reason: "Host", host })
  const isOpen = ports.has(port) || has(listed.filter((it) => it.port !== undefined), host, port)
  return isOpen ? undefined : new Blocked({ reason: "Port", host })
}

/** Azure's WireServer answers every virtual machine on this address, which is public by its range. */
const wireServer = "168.63.129.16"

/** Of IPv6 only this is global unicast: https://www.iana.org/assignments/ipv6-address-space */
const globalUnicast = ipaddr.IPv6.parse("2000::")

const isPublic = (address: ipaddr.IPv4 | ipaddr.IPv6): boolean =>
  address.range() === "unicast" &&
  (address.kind() === "ipv4" ? address.toString() !== wireServer : address.match(globalUnicast, 3))

/** What a private name may resolve to: never the link-local addresses of a cloud's metadata. */
const inside: ReadonlySet<string> = new Set(["loopback", "private", "uniqueLocal", "carrierGradeNat"])

/**
 * Whether a connection to an address may be made for a host: the address is public, or the host is listed as private and
 * is that address or a name.
 *
 * @internal
 */
export const allows = (rules: Rules, host: string, port: string, address: string | undefined): boolean => {
  if (address === undefined || !ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  if (isPublic(parsed)) return true
  if (!has(rules.privates, host, port)) return false
  return isIP(host) === 0
    ? inside.has(parsed.range())
    : parsed.toString() === ipaddr.process(host).toString()
}
