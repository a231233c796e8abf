import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Stream } from "effect"
import { HttpBody, HttpClient, HttpClientRequest } from "effect/http"
import type { IncomingMessage, RequestListener } from "node:http"
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib"
import { Guard } from "../../src/http/index.ts"
import { follow } from "../../src/http/internal/redirect.ts"
import { allows, parseHost, refusal, type Rules } from "../../src/http/internal/rules.ts"
import { respond, serve, simulate } from "./web.ts"

/** What the guard says of a request: the text of its answer, or the cause of its error. */
const outcome = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function*() {
    const client = HttpClient.withScope(yield* HttpClient.HttpClient)
    const response = yield* client.execute(request)
    return yield* response.text
  }).pipe(Effect.scoped, Effect.catch((error) => Effect.succeed(error.cause)))

const get = (url: string, headers: Record<string, string> = {}) => outcome(HttpClientRequest.get(url, { headers }))

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** Names of a network of public hosts: each is served by the one listener, which sees them apart by the header Host. */
const publicNetwork = (answer: RequestListener, options: Guard.Options = {}) =>
  Effect.map(serve(answer), ({ asked, port }) => {
    const { layer } = simulate({ resolve: () => ["93.184.216.34"], listener: () => port })
    return { asked, layer: Guard.layer(options).pipe(Layer.provide(layer)) }
  })

const redirecting = (to: string, status = 302): RequestListener => (request, response) =>
  request.url === "/" ? respond(response, "", { location: to }, status) : respond(response, "arrived")

const blocked = (cause: unknown): Guard.BlockedReason | undefined =>
  cause instanceof Guard.Blocked ? cause.reason : undefined

describe("redirects", () => {
  it.effect("five are followed, a sixth is not", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* publicNetwork((request, response) => {
        const left = Number(request.url!.slice(1))
        return left === 0 ? respond(response, "end") : respond(response, "", { location: `/${left - 1}` }, 302)
      })
      assert.strictEqual(yield* get("http://a.test/5").pipe(Effect.provide(layer)), "end")
      asked.length = 0
      assert.strictEqual(blocked(yield* get("http://a.test/6").pipe(Effect.provide(layer))), "TooManyRedirects")
      assert.lengthOf(asked, 6)
    }))

  it.effect("a loop between two hosts ends", () =>
    Effect.gen(function*() {
      const { asked, layer } = yield* publicNetwork((request, response) =>
        respond(
          response,
          "",
          { location: request.headers.host === "a.test" ? "http://b.test/" : "http://a.test/" },
          307
        )
      )
      assert.strictEqual(blocked(yield* get("http://a.test/").pipe(Effect.provide(layer))), "TooManyRedirects")
      assert.lengthOf(asked, 6)
    }))

  const refused: ReadonlyArray<readonly [from: string, to: string, reason: Guard.BlockedReason]> = [
    ["http", "http://169.254.169.254/latest/meta-data/", "Address"],
    ["http", "http://127.0.0.1/", "Address"],
    ["http", "http://[::1]/", "Address"],
    ["http", "//10.0.0.1/x", "Address"],
    ["http", "file:///etc/passwd", "Scheme"],
    ["http", "data:text/html,x", "Scheme"],
    ["http", "http://user:secret@b.test/", "Credentials"],
    ["http", "http://b.test:22/", "Port"],
    ["http", "http://[/", "Location"],
    ["https", "http://a.test/x", "Downgrade"],
    ["https", "http://b.test/x", "Downgrade"],
    ["https", "//[::ffff:7f00:1]/", "Address"]
  ]

  for (const [scheme, to, reason] of refused) {
    it.effect(`${reason} - from ${scheme} to ${to}`, () =>
      Effect.gen(function*() {
        const { asked, layer } = yield* publicNetwork(redirecting(to))
        assert.strictEqual(blocked(yield* get(`${scheme}://a.test/`).pipe(Effect.provide(layer))), reason)
        assert.lengthOf(asked, 1)
      }))
  }

  it.effect("http to https, a path and another host are followed; the response has the last URL", () =>
    Effect.gen(function*() {
      for (
        const [to, url] of [
          ["https://a.test/x", "https://a.test/x"],
          ["x?y=1", "http://a.test/x?y=1"],
          ["//b.test/x#z", "http://b.test/x"]
        ] as const
      ) {
        const { layer } = yield* publicNetwork(redirecting(to))
        const response = yield* HttpClient.get("http://a.test/").pipe(Effect.provide(layer))
        assert.deepStrictEqual([response.status, response.url], [200, url])
      }
    }))

  it.effect("credentials stay at the origin that they were for", () =>
    Effect.gen(function*() {
      const headers = {
        authorization: "Bearer secret",
        cookie: "session=secret",
        "x-api-key": "secret",
        accept: "text/plain",
        "user-agent": "me"
      }
      const sent = (to: string) =>
        Effect.gen(function*() {
          const { asked, layer } = yield* publicNetwork(redirecting(to))
          yield* get("http://a.test/", headers).pipe(Effect.provide(layer))
          return asked[1]!.headers
        })
      const same = yield* sent("/x")
      assert.deepStrictEqual(
        [same.authorization, same.cookie, same["x-api-key"]],
        ["Bearer secret", "session=secret", "secret"]
      )
      for (const to of ["http://b.test/x", "http://a.test:443/x", "https://a.test/x"]) {
        const other = yield* sent(to)
        assert.notInclude(JSON.stringify(other), "secret", to)
        assert.deepStrictEqual([other.accept, other["user-agent"]], ["text/plain", "me"])
      }
    }))

  const base = HttpClientRequest.post("http://a.test/", {
    headers: { "x-own": "1" },
    body: HttpBody.text("written", "text/plain")
  })
  const next = (request: HttpClientRequest.HttpClientRequest, status: number, location: string) => {
    const followed = follow(request, new URL("http://a.test/"), { status, location })
    return followed instanceof Guard.Blocked ? followed.reason : [
      followed.method,
      followed.url,
      followed.body._tag === "Empty" ? "" : "body",
      Object.keys(followed.headers).toSorted().join(" ")
    ]
  }

  it("methods - a write becomes GET by 301, 302 and 303, stays at its origin by 307 and 308", () => {
    for (const status of [301, 302, 303]) {
      assert.deepStrictEqual(next(base, status, "/x"), ["GET", "http://a.test/x", "", "x-own"])
      assert.deepStrictEqual(next(base, status, "http://b.test/"), ["GET", "http://b.test/", "", ""])
    }
    for (const status of [307, 308]) {
      assert.deepStrictEqual(next(base, status, "/x"), [
        "POST",
        "http://a.test/x",
        "body",
        "content-length content-type x-own"
      ])
      assert.strictEqual(next(base, status, "http://b.test/"), "CrossOriginWrite")
      assert.strictEqual(next(base, status, "https://a.test/"), "CrossOriginWrite")
    }
    const put = HttpClientRequest.setMethod(base, "PUT")
    assert.strictEqual(next(put, 302, "http://b.test/"), "CrossOriginWrite")
    assert.strictEqual((next(put, 303, "http://b.test/") as Array<string>)[0], "GET")
    assert.strictEqual((next(HttpClientRequest.head("http://a.test/"), 303, "/") as Array<string>)[0], "HEAD")
  })
})

describe("options", () => {
  const rules = (
    rules: Partial<Rules> & { readonly hosts?: ReadonlyArray<string>; readonly own?: ReadonlyArray<string> }
  ): Rules => ({
    allowed: rules.hosts?.map((text) => parseHost(text)!),
    privates: (rules.own ?? []).map((text) => parseHost(text)!),
    ports: rules.ports ?? new Set(["80", "443"])
  })

  it("allowHosts - only these, on the port that is given with one or on the allowed ports", () => {
    const some = rules({
      hosts: ["example.com", "*.example.org", "api.test:8443", "bücher.test"],
      own: ["inside.test"]
    })
    const verdicts: Record<string, Guard.BlockedReason | undefined> = {
      "http://example.com/": undefined,
      "https://EXAMPLE.com./": undefined,
      "http://example.com:8443/": "Port",
      "http://www.example.com/": "Host",
      "http://notexample.com/": "Host",
      "http://example.com.evil.test/": "Host",
      "http://a.b.example.org/": undefined,
      "http://example.org/": "Host",
      "http://badexample.org/": "Host",
      "https://api.test:8443/": undefined,
      "https://api.test/": "Host",
      "http://xn--bcher-kva.test/": undefined,
      "http://inside.test/": undefined,
      "http://8.8.8.8/": "Host"
    }
    for (const [url, reason] of Object.entries(verdicts)) {
      assert.strictEqual(refusal(some, new URL(url))?.reason, reason, url)
    }
    assert.strictEqual(refusal(rules({ hosts: [] }), new URL("http://example.com/"))?.reason, "Host")
  })

  it("allowPrivate - opens private addresses to that host and port, and link-local ones to their literal alone", () => {
    const own = rules({
      own: ["intranet", "localhost:8080", "10.0.0.7", "[::1]:9090", "169.254.169.254", "*.corp.test"]
    })
    const verdicts: ReadonlyArray<readonly [host: string, port: string, address: string, allowed: boolean]> = [
      ["intranet", "80", "10.1.2.3", true],
      ["intranet", "443", "127.0.0.1", true],
      ["intranet", "80", "fd00::1", true],
      ["intranet", "80", "100.64.0.1", true],
      ["intranet", "80", "::ffff:10.1.2.3", true],
      ["intranet", "80", "93.184.216.34", true],
      ["intranet", "80", "169.254.169.254", false],
      ["intranet", "80", "fe80::1", false],
      ["intranet", "80", "0.0.0.0", false],
      ["intranet", "80", "224.0.0.1", false],
      ["localhost", "8080", "127.0.0.1", true],
      ["localhost", "8081", "127.0.0.1", false],
      ["localhost", "80", "127.0.0.1", false],
      ["10.0.0.7", "80", "10.0.0.7", true],
      ["10.0.0.7", "80", "10.0.0.8", false],
      ["10.0.0.8", "80", "10.0.0.8", false],
      ["::1", "9090", "::1", true],
      ["::1", "80", "::1", false],
      ["169.254.169.254", "80", "169.254.169.254", true],
      ["db.corp.test", "80", "10.0.0.1", true],
      ["corp.test", "80", "10.0.0.1", false],
      ["other.test", "80", "10.0.0.7", false]
    ]
    for (const [host, port, address, allowed] of verdicts) {
      assert.strictEqual(allows(own, host, port, address), allowed, `${host}:${port} ${address}`)
    }
    assert.isFalse(allows(own, "public.test", "80", "not an address"))
    assert.strictEqual(refusal(own, new URL("http://localhost:8080/")), undefined)
    assert.strictEqual(refusal(own, new URL("http://localhost:8081/"))?.reason, "Port")
  })

  it("hosts - are read as a URL reads them", () => {
    const read: Record<string, string | undefined> = {
      "Example.COM": "example.com",
      "example.com.": "example.com",
      "example.com:80": "example.com:80",
      "0x7f.1": "127.0.0.1",
      "::1": "::1",
      "[::1]:8080": "::1:8080",
      "*.Example.com": "*.example.com",
      "münchen.test": "xn--mnchen-3ya.test",
      "": undefined,
      " ": undefined,
      "*": undefined,
      "*.": undefined,
      "*.10.0.0.1": undefined,
      "a*.test": undefined,
      "http://example.com": undefined,
      "example.com/path": undefined,
      "me@example.com": undefined,
      "example.com:0": undefined,
      "example.com:65536": undefined,
      "example.com:http": undefined,
      "[::1": undefined,
      "256.0.0.1": undefined,
      "10.0.0.0/8": undefined
    }
    for (const [text, host] of Object.entries(read)) {
      const parsed = parseHost(text)
      const written = parsed === undefined
        ? undefined
        : `${parsed.name}${parsed.port === undefined ? "" : `:${parsed.port}`}`
      assert.strictEqual(written, host, text)
    }
  })

  const unusable: ReadonlyArray<readonly [options: Guard.Options, name: string]> = [
    [{ allowHosts: ["https://example.com"] }, "allowHosts"],
    [{ allowPrivate: ["localhost:99999"] }, "allowPrivate"],
    [{ ports: [] }, "ports"],
    [{ ports: [80, 0] }, "ports"],
    [{ ports: [80.5] }, "ports"],
    [{ ports: [65_536] }, "ports"],
    [{ maxSize: 0 }, "maxSize"],
    [{ maxSize: -1 }, "maxSize"],
    [{ maxSize: 1.5 }, "maxSize"],
    [{ maxSize: Number.NaN }, "maxSize"],
    [{ maxSize: "1025 MiB" }, "maxSize"],
    [{ maxSize: "much MiB" as "1 MiB" }, "maxSize"]
  ]

  for (const [options, name] of unusable) {
    it.effect(`OptionUnusable - ${JSON.stringify(options)}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Guard.make(options))
        assert.deepStrictEqual([error._tag, error.name], ["OptionUnusable", name])
        assert.match(error.message, new RegExp(`^"${name}" is not a `))
      }))
  }

  it.effect("a private host is asked, others are not", () =>
    Effect.gen(function*() {
      const { asked, host, port, url } = yield* serve((_, response) => respond(response, "inside"))
      const layer = Guard.layer({ allowPrivate: [`localhost:${port}`, host] })
      assert.strictEqual(yield* get(url).pipe(Effect.provide(layer)), "inside")
      assert.strictEqual(yield* get(`http://localhost:${port}/`).pipe(Effect.provide(layer)), "inside")
      asked.length = 0
      assert.strictEqual(blocked(yield* get(`http://127.0.0.2:${port}/`).pipe(Effect.provide(layer))), "Port")
      assert.lengthOf(asked, 0)
    }))
})

describe("requests", () => {
  it.effect("bodies of every kind arrive; headers of the connection are the guard's", () =>
    Effect.gen(function*() {
      const bodies: Array<Promise<string>> = []
      const { asked, host, url } = yield* serve((request, response) => {
        const body = bodyOf(request)
        bodies.push(body)
        void body.then((text) => respond(response, text))
      })
      const form = new FormData()
      form.append("field", "value")
      const post = HttpClientRequest.post(url, {
        headers: {
          host: "evil.test",
          connection: "upgrade",
          upgrade: "websocket",
          te: "trailers",
          "accept-encoding": "deflate"
        }
      })
      const layer = Guard.layer({ allowPrivate: [host] })
      const send = (body: HttpBody.HttpBody) =>
        outcome(HttpClientRequest.setBody(post, body)).pipe(Effect.provide(layer))
      assert.strictEqual(yield* send(HttpBody.text("text", "text/plain")), "text")
      assert.strictEqual(yield* send(HttpBody.raw("raw")), "raw")
      assert.strictEqual(yield* send(HttpBody.empty), "")
      assert.include(yield* send(HttpBody.formData(form)), "name=\"field\"\r\n\r\nvalue")
      assert.strictEqual(
        yield* send(HttpBody.stream(Stream.make(new TextEncoder().encode("streamed")), "text/plain")),
        "streamed"
      )
      for (const { headers } of asked) {
        assert.deepStrictEqual(
          [headers.host, headers.connection, headers.upgrade, headers.te, headers["accept-encoding"]],
          [host, "keep-alive", undefined, undefined, "gzip, br, zstd"]
        )
        assert.strictEqual(headers["user-agent"], "volley")
      }
      assert.match(asked[3]!.headers["content-type"]!, /^multipart\/form-data; boundary=/)
    }))

  /** A server that tells when a connection to it is gone, and a client that lives as long as the test. */
  const watched = (answer: RequestListener) =>
    Effect.gen(function*() {
      const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
      const { promise: gone, resolve: leave } = Promise.withResolvers<void>()
      const { host, url } = yield* serve((request, response) => {
        request.socket.once("close", () => leave())
        answer(request, response)
        arrive()
      })
      const client = yield* Guard.make({ allowPrivate: [host] })
      return { url, client, arrived: Effect.promise(() => arrived), gone: Effect.promise(() => gone) }
    })

  it.effect("the connection is closed when the caller is interrupted, while it waits and while it reads", () =>
    Effect.gen(function*() {
      for (const begins of [false, true]) {
        const { arrived, client, gone, url } = yield* watched((_, response) => begins && response.write("beginning"))
        const fiber = yield* Effect.forkChild(get(url).pipe(Effect.provideService(HttpClient.HttpClient, client)))
        yield* arrived
        yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
        yield* gone
      }
    }))

  const givenUp: Record<string, RequestListener> = {
    "too much": (_, response) => response.writeHead(200).write(Buffer.alloc(6_000_000)),
    "an encoding that is not read": (_, response) =>
      response.writeHead(200, { "content-encoding": "deflate" }).write("x"),
    "data that is broken": (_, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).write("no gzip".repeat(100)),
    "a redirect that is refused": (_, response) => response.writeHead(302, { location: "http://10.0.0.1/" }).write("x")
  }

  for (const [name, answer] of Object.entries(givenUp)) {
    it.effect(`the connection is closed at once: ${name}`, () =>
      Effect.gen(function*() {
        const { client, gone, url } = yield* watched(answer)
        const error = yield* Effect.flip(Effect.flatMap(client.get(url), ({ text }) => text))
        assert.isTrue(error.cause instanceof Error && "_tag" in error.cause)
        yield* gone
        assert.isDefined(error.response ?? error.request)
      }))
  }

  it.effect("connections end with the scope of the client", () =>
    Effect.gen(function*() {
      const { promise: gone, resolve: leave } = Promise.withResolvers<void>()
      const { host, url } = yield* serve((request, response) => {
        request.socket.once("close", () => leave())
        response.writeHead(200).write("beginning")
      })
      const response = yield* Effect.scoped(
        Effect.flatMap(Guard.make({ allowPrivate: [host] }), (client) => client.get(url))
      )
      yield* Effect.promise(() => gone)
      // A response that nobody holds is cut as well, some time.
      assert.strictEqual(response.status, 200)
    }))
})

describe("answers", () => {
  const text = "An answer, encoded. ".repeat(500)
  const encoded: ReadonlyArray<readonly [encoding: string, body: Uint8Array]> = [
    ["gzip", gzipSync(text)],
    ["x-gzip", gzipSync(text)],
    ["GZIP", gzipSync(text)],
    ["br", brotliCompressSync(text)],
    ["zstd", zstdCompressSync(text)],
    ["identity", Buffer.from(text)],
    ["", Buffer.from(text)],
    ["gzip, identity", gzipSync(text)]
  ]
  const answer = (encoding: string, body: Uint8Array, options: Guard.Options = {}) =>
    Effect.gen(function*() {
      const { host, url } = yield* serve((_, response) => respond(response, body, { "content-encoding": encoding }))
      return yield* get(url).pipe(Effect.provide(Guard.layer({ ...options, allowPrivate: [host] })))
    })

  for (const [encoding, body] of encoded) {
    it.effect(`encodings - "${encoding}" is decoded`, () =>
      Effect.map(answer(encoding, body), (read) => assert.strictEqual(read, text)))
  }

  const undecodable: ReadonlyArray<readonly [encoding: string, body: Uint8Array]> = [
    ["gzip, gzip", gzipSync(gzipSync(text))],
    ["br, gzip", gzipSync(brotliCompressSync(text))],
    ["deflate", Buffer.from(text)],
    ["compress", Buffer.from(text)],
    ["gzip", Buffer.from(text)],
    ["br", Buffer.from(text)],
    ["zstd", Buffer.from(text)],
    ["gzip", gzipSync(text).subarray(0, 60)],
    ["br", brotliCompressSync(text).subarray(0, 20)],
    ["zstd", zstdCompressSync(text).subarray(0, 30)]
  ]

  for (const [encoding, body] of undecodable) {
    it.effect(`Undecodable - "${encoding}" of ${body.length} bytes`, () =>
      Effect.map(answer(encoding, body), (cause) => {
        assert.instanceOf(cause, Guard.Undecodable)
        assert.strictEqual(cause.encoding, encoding)
      }))
  }

  it.effect("encodings - an empty body is empty, whatever its encoding", () =>
    Effect.gen(function*() {
      for (const encoding of ["gzip", "br", "zstd", ""]) {
        assert.strictEqual(yield* answer(encoding, new Uint8Array()), "", encoding)
      }
    }))

  it.effect("headers of the encoded body go with it", () =>
    Effect.gen(function*() {
      const { host, url } = yield* serve((request, response) =>
        respond(
          response,
          request.url === "/gzip" ? gzipSync(text) : text,
          request.url === "/gzip" ? { "content-encoding": "gzip", "x-a": "1" } : { "content-length": "10000" }
        )
      )
      const layer = Guard.layer({ allowPrivate: [host] })
      const gzip = yield* HttpClient.get(`${url}/gzip`).pipe(Effect.provide(layer))
      assert.deepStrictEqual(
        [gzip.headers["content-encoding"], gzip.headers["content-length"], gzip.headers["x-a"]],
        [undefined, undefined, "1"]
      )
      const head = yield* HttpClient.head(`${url}/`).pipe(Effect.provide(layer))
      assert.deepStrictEqual([head.headers["content-length"], yield* head.text], ["10000", ""])
    }))

  it.effect("size - the last byte that fits, and the first that does not", () =>
    Effect.gen(function*() {
      const body = Buffer.alloc(10_000, "x")
      for (const [encoding, sent] of [["", body], ["gzip", gzipSync(body)]] as const) {
        assert.strictEqual(yield* answer(encoding, sent, { maxSize: 10_000 }), body.toString())
        const cause = yield* answer(encoding, sent, { maxSize: 9999 })
        assert.instanceOf(cause, Guard.TooLarge)
        assert.deepStrictEqual([cause.part, cause.limit], ["body", 9999])
      }
    }))

  it.effect("ratio - above 1 MiB at most 200 times what was sent", () =>
    Effect.gen(function*() {
      const zeros = gzipSync(Buffer.alloc(2 * 1024 * 1024))
      const cause = yield* answer("gzip", zeros)
      assert.deepStrictEqual([(cause as Guard.TooLarge).part, (cause as Guard.TooLarge).limit], ["ratio", 200])
      const small = Buffer.alloc(1024 * 1024)
      assert.lengthOf((yield* answer("gzip", gzipSync(small))) as string, small.length)
    }))

  it.effect("head - 16 KiB are read, not more, and a head without end is given up", () =>
    Effect.gen(function*() {
      const { promise: gone, resolve: leave } = Promise.withResolvers<number>()
      const { host, url } = yield* serve((request, response) => {
        if (request.url === "/fits") return respond(response, "fits", { "x-long": "x".repeat(15_000) })
        if (request.url === "/long") return respond(response, "long", { "x-long": "x".repeat(17_000) })
        let sent = 0
        const { socket } = request
        socket.write("HTTP/1.1 200 OK\r\n")
        const more = (): void => {
          if (socket.destroyed) return leave(sent)
          const line = `x-${sent}: ${"y".repeat(1000)}\r\n`
          sent += line.length
          socket.write(line, more)
        }
        socket.on("error", () => {})
        more()
      })
      const layer = Guard.layer({ allowPrivate: [host] })
      assert.strictEqual(yield* get(`${url}/fits`).pipe(Effect.provide(layer)), "fits")
      for (const path of ["/long", "/endless"]) {
        const cause = yield* get(`${url}${path}`).pipe(Effect.provide(layer))
        assert.strictEqual((cause as Guard.TooLarge).part, "head", path)
      }
      yield* Effect.promise(() => gone)
    }))

  it.effect("statuses - one that is none of HTTP is a failure of the request", () =>
    Effect.gen(function*() {
      const { host, url } = yield* serve((request) =>
        void request.socket.end("HTTP/1.1 777 What\r\ncontent-length: 0\r\n\r\n")
      )
      const cause = yield* get(url).pipe(Effect.provide(Guard.layer({ allowPrivate: [host] })))
      assert.instanceOf(cause, RangeError)
    }))
})
