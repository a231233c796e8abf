import { isIP } from "node:net"

/** A URL that must not be reached, and the address that a name in its place would change to. */
export interface Forbidden {
  readonly url: string
  readonly address: string
}

const octets = (address: string): ReadonlyArray<number> => address.split(".").map(Number)
const number = (address: string): number => octets(address).reduce((sum, octet) => sum * 256 + octet, 0)
const hex = (value: number, width: number): string => value.toString(16).padStart(width, "0")
const pair = (address: string): readonly [string, string] => {
  const [a, b, c, d] = octets(address) as [number, number, number, number]
  return [hex(a * 256 + b, 4), hex(c * 256 + d, 4)]
}

/** The spellings of an IPv4 address that a URL parser takes for it. */
const spellings: ReadonlyArray<(address: string) => string> = [
  (it) => it,
  (it) => String(number(it)),
  (it) => `0x${number(it).toString(16)}`,
  (it) => `0${number(it).toString(8)}`,
  (it) => octets(it).map((octet) => `0${octet.toString(8)}`).join("."),
  (it) => octets(it).map((octet) => `0x${octet.toString(16)}`).join("."),
  (it) => `${octets(it)[0]}.${number(it) % 2 ** 24}`,
  (it) => `${octets(it).slice(0, 2).join(".")}.${number(it) % 2 ** 16}`,
  (it) => `${it}.`,
  (it) => it.replaceAll(".", "。"),
  (it) => it.replaceAll(".", "%2E"),
  (it) => Array.from(it, (c) => c === "." ? "．" : String.fromCodePoint(0xff10 + Number(c))).join("")
]

/** Addresses of IPv6 that hold one of IPv4. */
const embeddings: ReadonlyArray<(address: string) => string> = [
  (it) => `::ffff:${it}`,
  (it) => `::FFFF:${pair(it).join(":")}`,
  (it) => `0:0:0:0:0:ffff:${it}`,
  (it) => `::${pair(it).join(":")}`,
  (it) => `::ffff:0:${it}`,
  (it) => `64:ff9b::${it}`,
  (it) => `64:ff9b:1::${it}`,
  (it) => `2002:${pair(it).join(":")}::1`
]

const insideV4 = [
  "127.0.0.1",
  "127.255.255.254",
  "0.0.0.0",
  "10.0.0.1",
  "10.255.255.255",
  "172.16.0.1",
  "172.31.255.254",
  "192.168.0.1",
  "192.168.255.254",
  "169.254.169.254",
  "169.254.170.2",
  "100.64.0.1",
  "100.100.100.200",
  "192.0.0.192",
  "192.0.2.1",
  "192.88.99.1",
  "198.18.0.1",
  "198.19.255.255",
  "198.51.100.1",
  "203.0.113.1",
  "224.0.0.1",
  "239.255.255.250",
  "240.0.0.1",
  "255.255.255.255",
  "168.63.129.16"
]

const insideV6 = [
  "::",
  "::1",
  "0000:0000:0000:0000:0000:0000:0000:0001",
  "fe80::1",
  "febf::1",
  "fec0::1",
  "fc00::1",
  "fd00:ec2::254",
  "fdff:ffff::1",
  "ff02::1",
  "ff0e::1",
  "2001::1",
  "2001:2::1",
  "2001:db8::1",
  "2001:10::1",
  "2002:7f00:1::",
  "100::1",
  "3fff::1",
  "4000::1",
  "5f00::1",
  "8000::1"
]

/** Names that lead inside, as the resolver of the tests has them. */
export const insideNames: ReadonlyMap<string, string> = new Map([
  ["localhost", "127.0.0.1"],
  ["app.localhost", "127.0.0.1"],
  ["ip6-localhost", "::1"],
  ["metadata.google.internal", "169.254.169.254"],
  ["127.0.0.1.nip.test", "127.0.0.1"],
  ["intranet", "10.0.0.8"],
  ["db.corp.test", "192.168.7.7"],
  ["ula.test", "fd12::7"],
  ["mapped.test", "::ffff:10.0.0.1"],
  ["nat64.test", "64:ff9b::a00:1"],
  ["any.test", "0.0.0.0"],
  ["any6.test", "::"],
  ["linklocal.test", "fe80::1"],
  ["xn--bcher-kva.test", "10.1.1.1"]
])

const tricks: ReadonlyArray<string> = [
  "http://public.test@127.0.0.1/",
  "http://public.test:80@127.0.0.1/",
  "http://127.0.0.1@public.test/",
  "http://user:secret@public.test/",
  "http://:secret@public.test/",
  "https://user@public.test/",
  "http://public.test%40127.0.0.1@10.0.0.1/",
  "http://LOCALHOST/",
  "http://localhost./",
  "http://LocalHost.:80/",
  "http://①②⑦.⓪.⓪.①/",
  "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
  "http:127.0.0.1",
  "http:///127.0.0.1/",
  "http:/\\127.0.0.1/",
  "http:\\\\127.0.0.1\\",
  "ht\ntp://127.0.0.1/",
  "http://127.0.0.1\\@public.test/",
  "http://127.0.0.1#@public.test/",
  "http://127.0.0.1?@public.test/",
  "http://127.0.0.1/;@public.test/",
  "http://bücher.test/",
  "http://BÜCHER.test/",
  "file:///etc/passwd",
  "file://public.test/etc/passwd",
  "ftp://public.test/",
  "gopher://127.0.0.1:6379/_FLUSHALL",
  "dict://127.0.0.1:11211/stats",
  "ldap://127.0.0.1/",
  "ws://public.test/",
  "wss://public.test/",
  "data:text/plain,hello",
  "javascript:alert(1)",
  "blob:http://public.test/1",
  "about:blank",
  "view-source:http://127.0.0.1/",
  ...[1, 22, 23, 25, 110, 445, 2375, 2379, 3306, 5432, 6379, 8080, 8443, 9200, 10250, 11211, 27017, 65535].map((port) =>
    `http://public.test:${port}/`
  ),
  "https://public.test:80443/",
  "https://127.0.0.1/",
  "https://[::1]/",
  "https://localhost/"
]

const bracketed = (address: string): string => isIP(address) === 6 ? `[${address}]` : address

/** At least 200 of them: spellings of addresses, embedded addresses, names, tricks of parsers, schemes and ports. */
export const forbidden: ReadonlyArray<Forbidden> = [
  ...insideV4.flatMap((address) => spellings.map((spell) => ({ url: `http://${spell(address)}/`, address }))),
  ...insideV4.slice(0, 12).flatMap((address) => embeddings.map((embed) => embed(address))).map((address) => ({
    url: `http://[${address}]/`,
    address
  })),
  ...insideV6.map((address) => ({ url: `http://${bracketed(address)}/`, address })),
  ...Array.from(insideNames, ([name, address]) => ({ url: `http://${name}/`, address })),
  ...tricks.map((url) => ({ url, address: "127.0.0.1" }))
].filter(({ url }) => URL.canParse(url))

/** What must be reached: addresses around those inside, spellings, names and the allowed ports. */
const outsideV4 = [
  "1.1.1.1",
  "8.8.8.8",
  "9.255.255.255",
  "11.0.0.0",
  "93.184.216.34",
  "100.63.255.255",
  "100.128.0.1",
  "126.255.255.255",
  "128.0.0.1",
  "169.253.255.255",
  "169.255.0.1",
  "172.15.255.255",
  "172.32.0.1",
  "192.0.1.1",
  "192.167.255.255",
  "192.169.0.1",
  "198.17.255.255",
  "198.20.0.1",
  "203.0.112.1",
  "223.255.255.254"
]
const outsideV6 = ["2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1", "2400:cb00::1", "2003::1"]

/** The public names, as the resolver of the tests has them. */
export const outsideNames: ReadonlyMap<string, string> = new Map([
  ["public.test", "93.184.216.34"],
  ["other.test", "8.8.4.4"],
  ["six.test", "2606:4700::6810:1"],
  ["xn--mnchen-3ya.test", "85.10.0.1"],
  ["127.0.0.1.public.test", "93.184.216.35"],
  ["localhost.public.test", "93.184.216.36"],
  ["10.test", "93.184.216.37"]
])

export const allowed: ReadonlyArray<string> = [
  ...outsideV4.flatMap((address) => [`http://${address}/`, `https://${address}/`]),
  ...spellings.map((spell) => `http://${spell("8.8.8.8")}/`),
  ...outsideV6.map((address) => `http://[${address}]/`),
  "http://[::ffff:8.8.8.8]/",
  ...Array.from(outsideNames.keys(), (name) => `http://${name}/`),
  "https://public.test/",
  "http://public.test:443/",
  "https://public.test:80/",
  "http://PUBLIC.test./",
  "http://münchen.test/",
  "http://public.test\\@127.0.0.1/",
  "http://public.test/@127.0.0.1/",
  "http://public.test/?url=http://127.0.0.1/",
  "http://public.test/#@127.0.0.1"
]
