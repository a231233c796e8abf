import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { isIP } from "node:net"
import { type Guard, Http } from "../../src/http/index.ts"
import { tell } from "../support/tell.ts"
import { allowed, forbidden, insideNames, outsideNames } from "./corpus.ts"
import { ask, respond, serve, simulate } from "./web.ts"

const outside = new Set(outsideNames.values())

interface World {
  /** What the name `flip.test` has: the first at first, then the others. */
  readonly flips: Array<ReadonlyArray<string>>
  /** Where `/to` of a public host redirects. */
  target: string
}

/**
 * A network in which every address that a test does not declare public leads to a canary. Public hosts answer, and redirect
 * from `/to`.
 */
const world = Effect.gen(function*() {
  const state: World = { flips: [], target: "" }
  const canary = yield* serve((_, response) => respond(response, "the canary was reached"))
  const web = yield* serve((request, response) => {
    response.setHeader("connection", "close")
    if (request.url !== "/to") return respond(response, "public")
    // UTF-8, as servers write it.
    return respond(response, "", { location: Buffer.from(state.target).toString("latin1") }, 302)
  })
  const publicHosts = new Set(outside)
  const resolve = (name: string): ReadonlyArray<string> => {
    if (name === "flip.test") return (state.flips.length > 1 ? state.flips.shift() : state.flips[0]) ?? []
    const bare = name.replace(/\.$/, "")
    const found = outsideNames.get(bare) ?? insideNames.get(bare)
    return found === undefined ? [] : [found]
  }
  const listener = (address: string) => publicHosts.has(address) ? web.port : canary.port
  const { dialled, layer } = simulate({ resolve, listener })
  return {
    state,
    canary,
    web,
    dialled,
    publicHosts,
    http: (options: Guard.Options = {}) => Http.layer(options).pipe(Layer.provide(layer))
  }
})

const reached = ({ canary, dialled, publicHosts }: Effect.Success<typeof world>) => ({
  canary: canary.asked.length,
  inside: dialled.filter((address) => !publicHosts.has(address))
})

const none = { canary: 0, inside: [] }

describe("T1 - requests that must not be made", () => {
  it("corpus - has at least 200 URLs, each once", () => {
    assert.isAtLeast(new Set(forbidden.map(({ url }) => url)).size, 200)
    assert.strictEqual(new Set(forbidden.map(({ url }) => url)).size, forbidden.length)
  })

  it.effect("direct - none of the corpus is reached", () =>
    Effect.gen(function*() {
      const net = yield* world
      const outcomes = yield* Effect.forEach(forbidden, ({ url }) =>
        Effect.map(
          ask(Http.HttpGet, { url }),
          ({ failure }) => ({ url, kind: failure?.kind, reason: failure?.reason })
        ))
        .pipe(Effect.provide(net.http()))
      tell(`T1 direct: ${forbidden.length} URLs, ${net.canary.asked.length} reached`)
      assert.deepStrictEqual(outcomes.filter((it) => it.reason !== "Blocked" || it.kind !== "permanent"), [])
      assert.deepStrictEqual(reached(net), none)
      assert.lengthOf(net.web.asked, 0)
    }))

  it.effect("redirect - none of the corpus is reached from a public host", () =>
    Effect.gen(function*() {
      const net = yield* world
      const outcomes = yield* Effect.forEach(forbidden, ({ url }) => {
        net.state.target = new URL(url).href
        return Effect.map(ask(Http.FetchPage, { url: "http://other.test/to" }), ({ failure }) => ({
          url,
          reason: failure?.reason
        }))
      }).pipe(Effect.provide(net.http()))
      tell(`T1 redirect: ${forbidden.length} URLs, ${net.canary.asked.length} reached`)
      assert.deepStrictEqual(outcomes.filter(({ reason }) => reason !== "Blocked"), [])
      assert.deepStrictEqual(reached(net), none)
      assert.lengthOf(net.web.asked, forbidden.length)
    }))

  it.effect("redirect - spellings in the header are read as in a URL", () =>
    Effect.gen(function*() {
      const net = yield* world
      const outcomes = yield* Effect.forEach(forbidden, ({ url }) => {
        net.state.target = url.replaceAll("\n", "")
        return Effect.map(
          ask(Http.HttpGet, { url: "http://other.test/to" }),
          ({ failure, result }) => ({
            url,
            came: failure?.reason ?? (result as typeof Http.HttpGet.successSchema.Type).text
          })
        )
      }).pipe(Effect.provide(net.http()))
      // To some it is a path of the host that redirects: "http:127.0.0.1" is one where the scheme is the same.
      assert.deepStrictEqual(outcomes.filter(({ came }) => came !== "Blocked" && came !== "public"), [])
      assert.isAtLeast(outcomes.filter(({ came }) => came === "Blocked").length, 200)
      assert.deepStrictEqual(reached(net), none)
    }))

  it.effect("rebinding - a name that turns to an address inside is not reached", () =>
    Effect.gen(function*() {
      const net = yield* world
      const addresses = [...new Set(forbidden.map(({ address }) => address))]
      const outcomes = yield* Effect.forEach(forbidden, ({ address }) =>
        Effect.gen(function*() {
          net.state.flips.splice(0, Infinity, ["93.184.216.34"], [address])
          const first = yield* ask(Http.HttpGet, { url: "http://flip.test/" })
          const second = yield* ask(Http.HttpGet, { url: "http://flip.test/" })
          return { address, first: first.ok, second: second.failure?.reason }
        })).pipe(Effect.provide(net.http()))
      tell(
        `T1 rebinding: ${forbidden.length} URLs of ${addresses.length} addresses, ${net.canary.asked.length} reached`
      )
      assert.deepStrictEqual(outcomes.filter(({ first, second }) => !first || second !== "Blocked"), [])
      assert.deepStrictEqual(reached(net), none)
      assert.strictEqual(net.web.asked.length, forbidden.length)
    }))

  it.effect("rebinding - of several addresses only the public ones are dialled", () =>
    Effect.gen(function*() {
      const net = yield* world
      yield* Effect.forEach(forbidden, ({ address }) => {
        net.state.flips.splice(0, Infinity, [address, "93.184.216.34"])
        return Effect.map(ask(Http.HttpGet, { url: "http://flip.test/" }), ({ ok }) => assert.isTrue(ok, address))
      }).pipe(Effect.provide(net.http()))
      assert.deepStrictEqual(reached(net), none)
    }))

  it.effect("rebinding - what a name is asked for is what is dialled: it is resolved once a connection", () =>
    Effect.gen(function*() {
      const net = yield* world
      net.state.flips.push(["93.184.216.34"], ["10.0.0.1"], ["10.0.0.1"])
      assert.isTrue((yield* ask(Http.HttpGet, { url: "http://flip.test/" }).pipe(Effect.provide(net.http()))).ok)
      assert.deepStrictEqual(net.dialled, ["93.184.216.34"])
    }))

  it.effect("controls - every public URL is reached: direct, by redirect and by a name that changes", () =>
    Effect.gen(function*() {
      const net = yield* world
      const failed: Array<unknown> = []
      const check = (url: string, way: string) =>
        Effect.map(ask(Http.HttpGet, { url }), ({ failure, ok }) => ok || failed.push([way, url, failure?.message]))
      for (const url of allowed) {
        const host = new URL(url).hostname.replace(/^\[|\]$/g, "")
        if (isIP(host) !== 0) net.publicHosts.add(host)
      }
      yield* Effect.forEach(allowed, (url) =>
        Effect.gen(function*() {
          yield* check(url, "direct")
          net.state.target = new URL(url).href
          yield* check("https://other.test/to".replace("https", new URL(url).protocol.slice(0, -1)), "redirect")
          net.state.flips.splice(0, Infinity, ["93.184.216.34"], ["8.8.4.4"])
          yield* check("http://flip.test/", "rebinding")
          yield* check("http://flip.test/", "rebinding")
        })).pipe(Effect.provide(net.http()))
      tell(`T1 controls: ${allowed.length} public URLs in 3 ways, ${failed.length} not reached`)
      assert.deepStrictEqual(failed, [])
      assert.deepStrictEqual(reached(net), none)
    }))

  it.effect("the address at the other end counts, whatever was dialled", () =>
    Effect.gen(function*() {
      const canary = yield* serve((_, response) => respond(response, "reached"))
      for (const claimed of ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "fe80::1%eth0", undefined]) {
        const { layer } = simulate({
          resolve: () => ["93.184.216.34"],
          listener: () => canary.port,
          claims: () => claimed
        })
        const { failure } = yield* ask(Http.HttpGet, { url: "http://public.test/" }).pipe(
          Effect.provide(Http.layer().pipe(Layer.provide(layer)))
        )
        assert.strictEqual(failure?.reason, "Blocked", claimed)
      }
      assert.lengthOf(canary.asked, 0)
    }))
})

const unguarded = async (url: string) => (await fetch(url)).text()

/** Sets the variables that name a proxy; gives what sets them back. */
const proxied = (proxy: string) => {
  const names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NODE_USE_ENV_PROXY"]
  const before = names.map((name) => process.env[name])
  for (const name of names) process.env[name] = name === "NODE_USE_ENV_PROXY" ? "1" : proxy
  return () => {
    for (const [i, name] of names.entries()) {
      if (before[i] === undefined) delete process.env[name]
      else process.env[name] = before[i]
    }
  }
}

describe("T1 - on the real network of this machine", () => {
  const loopbacks = (port: number) =>
    [
      "127.0.0.1",
      "2130706433",
      "0x7f000001",
      "0x7f.1",
      "127.1",
      "0177.0.0.1",
      "0.0.0.0",
      "localhost",
      "127.0.0.1.",
      "[::ffff:127.0.0.1]"
    ]
      .map((host) => `http://${host}:${port}/`)

  it.effect("loopback - every spelling reaches a server without the guard, and none with it", () =>
    Effect.gen(function*() {
      const { asked, port } = yield* serve((_, response) => respond(response, "reached"))
      const urls = loopbacks(port)
      const statuses = yield* Effect.forEach(urls, (url) => Effect.promise(() => unguarded(url)))
      assert.deepStrictEqual(statuses, urls.map(() => "reached"))
      asked.length = 0
      const outcomes = yield* Effect.forEach(
        urls,
        (url) => Effect.map(ask(Http.HttpGet, { url }), ({ failure }) => failure?.reason)
      ).pipe(
        Effect.provide(Http.layer({ ports: [port] }))
      )
      assert.deepStrictEqual(outcomes, urls.map(() => "Blocked"))
      assert.lengthOf(asked, 0)
    }))

  it.effect("proxies of the environment are not used", () =>
    Effect.gen(function*() {
      const proxy = yield* serve((_, response) => respond(response, "proxied"))
      const server = yield* serve((_, response) => respond(response, "direct"))
      yield* Effect.acquireRelease(Effect.sync(() => proxied(proxy.url)), (restore) => Effect.sync(restore))
      const { result } = yield* ask(Http.HttpGet, { url: server.url }).pipe(
        Effect.provide(Http.layer({ allowPrivate: [server.host] }))
      )
      assert.strictEqual((result as { readonly text: string }).text, "direct")
      assert.lengthOf(proxy.asked, 0)
    }))
})
