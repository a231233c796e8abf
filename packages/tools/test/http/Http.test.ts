import { assert, describe, it } from "@effect/vitest"
import { Dispatcher, Redactor, ResultStore, ToolFailure } from "@volley/core"
import { ConfigProvider, Effect, Fiber, Layer, Redacted, Schema } from "effect"
import type { Tool } from "effect/ai"
import { TestClock } from "effect/testing"
import type { RequestListener } from "node:http"
import { gzipSync } from "node:zlib"
import { type Guard, Http } from "../../src/http/index.ts"
import { ask, at, respond, serve, simulate } from "./web.ts"

type Get = Omit<Tool.ParametersEncoded<typeof Http.HttpGet>, "url">

/** The whole result, also where the dispatcher cut what the model reads. */
const resultOf = <T extends Tool.Any>(tool: T, { failure, handle, result }: Dispatcher.CallReport) =>
  Effect.gen(function*() {
    assert.isUndefined(failure, JSON.stringify(failure))
    const store = yield* ResultStore.current
    const kept = handle === undefined ? undefined : yield* store.read(ResultStore.key(undefined, handle))
    const schema = tool.successSchema as unknown as Schema.Codec<Tool.Success<T>>
    return yield* Schema.decodeUnknownEffect(schema)(kept === undefined ? result : JSON.parse(kept))
  })

/** What `http_get` gives of an answer. */
const got = (answer: RequestListener, parameters: Get = {}, options: Guard.Options = {}) =>
  Effect.gen(function*() {
    const { asked, host, url } = yield* serve(answer)
    const report = yield* ask(Http.HttpGet, { url: `${url}/path`, ...parameters }).pipe(
      Effect.provide(at([host], options))
    )
    return { asked, host, report }
  })

const reply = (answer: RequestListener, parameters?: Get, options?: Guard.Options) =>
  Effect.flatMap(got(answer, parameters, options), ({ report }) => resultOf(Http.HttpGet, report))

const sends =
  (body: string | Uint8Array, headers: Record<string, string> = {}, status = 200): RequestListener => (_, response) =>
    respond(response, body, headers, status)

/** Lets pass whatever needs no time. */
const settled = Effect.repeat(
  Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void))),
  { times: 300 }
)

/** Calls with all waits skipped. */
const through = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    for (let i = 0; i < 20 && fiber.pollUnsafe() === undefined; i++) {
      yield* settled
      if (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("3 seconds")
    }
    return yield* Fiber.join(fiber)
  })

describe("http_get", () => {
  it.effect("result - status, type, URL, chosen headers and text", () =>
    Effect.gen(function*() {
      const { asked, host, report } = yield* got(
        sends("{\"a\":1}", {
          "content-type": "application/json; charset=utf-8",
          etag: "\"1\"",
          link: "</path?page=2>; rel=\"next\"",
          "set-cookie": "session=1",
          "x-other": "1",
          server: "test"
        }),
        { headers: { "X-Key": "k", accept: "application/json" } }
      )
      assert.deepStrictEqual(report.result, {
        url: `http://${host}/path`,
        status: 200,
        contentType: "application/json",
        headers: { etag: "\"1\"", link: "</path?page=2>; rel=\"next\"" },
        bytes: 7,
        text: "{\"a\":1}"
      })
      const [{ headers, method, url } = assert.fail("not asked")] = asked
      assert.deepStrictEqual([method, url, headers["x-key"], headers.accept], ["GET", "/path", "k", "application/json"])
      assert.deepStrictEqual(
        Object.keys(headers).filter((name) => /trace|b3|cookie|referer/.test(name)),
        [],
        "nothing tells strangers of the run"
      )
    }))

  it.effect("result - the URL is the last one after redirects, without the values of secrets in its query", () =>
    Effect.gen(function*() {
      const { host, report } = yield* got((request, response) =>
        request.url === "/path"
          ? respond(response, "", { location: "/b?page=2&X-Amz-Signature=abc&access_token=def&sig=ghi&monkey=1" }, 302)
          : respond(response, "moved")
      )
      assert.strictEqual(
        (yield* resultOf(Http.HttpGet, report)).url,
        `http://${host}/b?page=2&X-Amz-Signature=REDACTED&access_token=REDACTED&sig=REDACTED&monkey=1`
      )
    }))

  it.effect("HEAD - status and headers alone", () =>
    Effect.gen(function*() {
      const { asked, report } = yield* got(sends("", { "content-length": "123", "content-type": "image/png" }), {
        method: "HEAD"
      })
      const { bytes, contentType, headers, note, text } = yield* resultOf(Http.HttpGet, report)
      assert.deepStrictEqual([asked[0]?.method, bytes, contentType, text, note], [
        "HEAD",
        0,
        "image/png",
        undefined,
        undefined
      ])
      assert.deepStrictEqual(headers, { "content-length": "123" })
    }))

  it.effect("statuses below 400 - are results, with or without a body", () =>
    Effect.gen(function*() {
      for (const status of [200, 201, 203, 204, 205, 206, 226, 300, 304]) {
        assert.strictEqual((yield* reply(sends("", {}, status))).status, status)
      }
    }))

  const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 0xff])
  const kinds: ReadonlyArray<readonly [type: string | undefined, body: string | Uint8Array, text: string | undefined]> =
    [
      ["text/plain", "plain", "plain"],
      ["text/csv; header=present", "a,b", "a,b"],
      ["application/json", "{}", "{}"],
      ["application/problem+json", "{}", "{}"],
      ["application/ld+json;profile=x", "{}", "{}"],
      ["application/atom+xml", "<a/>", "<a/>"],
      ["application/xml", "<a/>", "<a/>"],
      ["application/x-ndjson", "{}\n{}", "{}\n{}"],
      ["application/javascript", "x()", "x()"],
      ["image/svg+xml", "<svg/>", "<svg/>"],
      ["TEXT/HTML", "<p>", "<p>"],
      [undefined, "bare", "bare"],
      ["application/octet-stream", "bare", "bare"],
      [undefined, png, undefined],
      ["application/octet-stream", png, undefined],
      ["text/plain", Buffer.from([65, 0, 66]), undefined],
      ["image/png", png, undefined],
      ["application/pdf", "%PDF-1.7", undefined],
      ["application/zip", "PK", undefined],
      ["video/mp4", "x", undefined],
      ["nonsense", "x", undefined]
    ]

  for (const [type, body, expected] of kinds) {
    it.effect(`body - ${type ?? "no type"}, ${body.length} bytes, ${expected === undefined ? "described" : "as text"}`, () =>
      Effect.gen(function*() {
        const { bytes, note, text } = yield* reply(sends(body, type === undefined ? {} : { "content-type": type }))
        assert.strictEqual(text, expected)
        assert.strictEqual(bytes, body.length)
        const named = type?.split(";")[0]!.toLowerCase() ?? "no type is given"
        assert.strictEqual(
          note,
          expected === undefined ? `The body is not text and is not shown: ${named}, ${body.length} bytes` : undefined
        )
      }))
  }

  const utf16 = (text: string, bigEndian: boolean) => {
    const bytes = Buffer.from(`\ufeff${text}`, "utf16le")
    return bigEndian ? bytes.swap16() : bytes
  }
  const charsets: ReadonlyArray<readonly [type: string, body: Uint8Array, text: string]> = [
    ["text/plain; charset=utf-8", Buffer.from("é€😀"), "é€😀"],
    ["text/plain", Buffer.from("é€😀"), "é€😀"],
    ["text/plain", Buffer.from("\ufeffé"), "é"],
    ["text/plain; charset=iso-8859-1", Buffer.from([0xe9, 0x80]), "é€"],
    ["text/plain; charset=\"windows-1251\"", Buffer.from([0xcf, 0xf0]), "Пр"],
    ["text/plain;charset=Shift_JIS", Buffer.from([0x93, 0xfa, 0x96, 0x7b]), "日本"],
    ["text/plain; charset=gb18030", Buffer.from([0xd6, 0xd0]), "中"],
    ["text/plain", Buffer.from([0x63, 0x61, 0x66, 0xe9]), "café"],
    ["text/plain; charset=no-such", Buffer.from("é"), "é"],
    ["text/plain; charset=no-such", Buffer.from([0xe9]), "é"],
    ["text/plain; charset=iso-8859-1", Buffer.from("\ufeffé"), "é"],
    ["text/plain", utf16("é😀", false), "é😀"],
    ["text/plain", utf16("é😀", true), "é😀"],
    ["text/plain; charset=utf-16le", Buffer.from("é", "utf16le"), "é"],
    ["text/html", Buffer.from("<meta charset=koi8-r>\xf0", "latin1"), "<meta charset=koi8-r>П"],
    [
      "text/html",
      Buffer.from("<META http-equiv=content-type content=\"text/html; charset=windows-1251\">\xcf", "latin1"),
      "<META http-equiv=content-type content=\"text/html; charset=windows-1251\">П"
    ],
    ["text/html; charset=utf-8", Buffer.from("<meta charset=koi8-r>é"), "<meta charset=koi8-r>é"],
    ["text/html", Buffer.from("<meta charset=utf-16>é"), "<meta charset=utf-16>é"],
    [
      "text/xml",
      Buffer.from("<?xml version=\"1.0\" encoding=\"ISO-8859-2\"?>\xb1", "latin1"),
      "<?xml version=\"1.0\" encoding=\"ISO-8859-2\"?>ą"
    ],
    ["application/json", Buffer.from("<meta charset=koi8-r>é"), "<meta charset=koi8-r>é"]
  ]

  for (const [i, [type, body, expected]] of charsets.entries()) {
    it.effect(`charset - ${type} ${i}`, () =>
      Effect.map(reply(sends(body, { "content-type": type })), ({ text }) => assert.strictEqual(text, expected)))
  }

  it.effect("text - at most 256 KiB of UTF-8, cut between characters and well-formed", () =>
    Effect.gen(function*() {
      for (const before of ["", "x", "xx", "xxx"]) {
        const { bytes, note, text } = yield* reply(
          sends(before + "😀".repeat(80_000), { "content-type": "text/plain; charset=utf-8" })
        )
        assert.strictEqual(bytes, before.length + 320_000)
        assert.strictEqual(note, "The text is cut after 256 KiB")
        assert.isTrue(text!.isWellFormed() && text!.startsWith(before))
        assert.isAtMost(Buffer.byteLength(text!), 262_144)
        assert.isAbove(Buffer.byteLength(text!), 262_140)
      }
      const whole = yield* reply(sends("x".repeat(262_144), { "content-type": "text/plain" }))
      assert.deepStrictEqual([whole.text?.length, whole.note], [262_144, undefined])
    }))

  it.effect.prop("T10 - any bytes as any text give a well-formed result", {
    bytes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))),
    charset: Schema.Literals(["utf-8", "utf-16le", "utf-16be", "windows-1252", "shift_jis", "gb18030", "none"])
  }, ({ bytes, charset }) =>
    Effect.map(
      reply(sends(Buffer.from(bytes), { "content-type": `text/plain; charset=${charset}` })),
      (result) => assert.isTrue(JSON.stringify(result).isWellFormed() && (result.text ?? "").isWellFormed())
    ), { arbitrary: { runs: process.env["VOLLEY_LONG"] === "1" ? 1000 : 50 } })

  it.effect("arguments - what is no URL, and headers of the connection are refused without a request", () =>
    Effect.gen(function*() {
      const { asked, host, url } = yield* serve(sends("reached"))
      const refused: ReadonlyArray<Tool.ParametersEncoded<typeof Http.HttpGet>> = [
        { url: "" },
        { url: "/path" },
        { url: "example.com" },
        { url: "http://" },
        { url: "http://[::1" },
        { url: `${url}/${"x".repeat(8192)}` },
        { url, method: "POST" as "GET" },
        ...[
          "Host",
          "connection",
          "Transfer-Encoding",
          "content-length",
          "upgrade",
          "Proxy-Authorization",
          "te",
          "a b",
          "",
          "é"
        ]
          .map((name) => ({ url, headers: { [name]: "x" } })),
        { url, headers: { a: "x\r\nHost: evil" } },
        { url, headers: { a: "x\0" } },
        { url, headers: { a: "x".repeat(4097) } },
        { url, headers: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`x-${i}`, "1"])) }
      ]
      for (const parameters of refused) {
        const { failure } = yield* ask(Http.HttpGet, parameters).pipe(Effect.provide(at([host])))
        assert.strictEqual(failure?.reason, "InvalidArguments", JSON.stringify(parameters).slice(0, 100))
      }
      assert.lengthOf(asked, 0)
    }))
})

describe("failures", () => {
  it.effect("statuses from 400 to 599 - mean what the table of the runtime says", () =>
    Effect.gen(function*() {
      const { host, url } = yield* serve((request, response) =>
        respond(response, "", {}, Number(request.url!.slice(1)))
      )
      const layer = at([host])
      yield* Effect.forEach(Array.from({ length: 200 }, (_, i) => 400 + i), (status) =>
        Effect.gen(function*() {
          const { failure } = yield* ask(Http.HttpGet, { url: `${url}/${status}` })
          const known = ToolFailure.fromUnknown({ status })
          assert.strictEqual(failure?.kind, known._tag.toLowerCase(), String(status))
          const reason = known._tag === "Permanent" ? "Refused" : status === 429 ? "RateLimited" : "Unavailable"
          assert.strictEqual(failure?.reason, reason, String(status))
          assert.include(failure?.message, host)
        })).pipe(Effect.provide(layer))
    }))

  it.effect("Refused - tells what the server says, where that is text or JSON", () =>
    Effect.gen(function*() {
      const said = (type: string, body: string) =>
        Effect.map(got(sends(body, { "content-type": type }, 422)), ({ report }) => report.failure!.message)
      const json = yield* said("application/problem+json", "{\"detail\":\n\t\"name is missing\u202e\u001b[31m\"}")
      assert.match(
        json,
        /refuses the request, so change it: HTTP 422: request refused; it says "\{\\"detail\\": \\"name is missing \[31m\\"\}"/
      )
      assert.notMatch(yield* said("text/html", "<h1>Oops</h1>"), /Oops/)
      const long = yield* said("text/plain", "😀".repeat(10_000))
      assert.isTrue(long.isWellFormed() && Buffer.byteLength(long) < 700)
    }))

  it.effect("Refused - a bomb as the body of an error is not read", () =>
    Effect.gen(function*() {
      const { report } = yield* got(
        sends(gzipSync(Buffer.alloc(20_000_000)), { "content-encoding": "gzip", "content-type": "text/plain" }, 400)
      )
      assert.strictEqual(report.failure?.reason, "Refused")
    }))

  it.effect("ConnectionFailed - refused, or cut before, in and after the head", () =>
    Effect.gen(function*() {
      const closed = yield* ask(Http.HttpGet, { url: "http://127.0.0.1:9/" }).pipe(Effect.provide(at(["127.0.0.1:9"])))
      assert.deepStrictEqual(
        [closed.failure?.kind, closed.failure?.reason, closed.failure?.executed],
        ["transient", "ConnectionFailed", false]
      )
      for (const part of ["", "HTTP/1.1 200 OK\r\ncontent-", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"]) {
        const { report } = yield* got((request) => void request.socket.end(part))
        assert.deepStrictEqual(
          [report.failure?.kind, report.failure?.reason, report.failure?.executed],
          ["transient", "ConnectionFailed", true],
          part
        )
      }
    }))

  it.effect("ConnectionFailed - an encoded body that is cut is lost, not undecodable", () =>
    Effect.gen(function*() {
      const body = gzipSync(Buffer.from(Array.from({ length: 5000 }, (_, i) => i * 7919 % 251)))
      const { report } = yield* got((request) =>
        void request.socket.end(
          Buffer.concat([
            Buffer.from(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`),
            body.subarray(0, body.length / 2)
          ])
        )
      )
      assert.strictEqual(report.failure?.reason, "ConnectionFailed")
    }))

  it.effect("Unreachable - no such host, no HTTP and no certificate that can be trusted", () =>
    Effect.gen(function*() {
      const { layer } = simulate({ resolve: () => [], listener: () => 0 })
      const { failure } = yield* ask(Http.HttpGet, { url: "http://nowhere.test/" }).pipe(
        Effect.provide(Http.layer().pipe(Layer.provide(layer)))
      )
      assert.deepStrictEqual([failure?.kind, failure?.reason], ["permanent", "Unreachable"])
      assert.strictEqual(failure?.message, "\"nowhere.test\" cannot be asked: no such host; check the URL")
    }))

  it.effect("Undecodable and TooLarge - are permanent and say what to do", () =>
    Effect.gen(function*() {
      const two = yield* got(sends("x", { "content-encoding": "gzip, br" }))
      assert.deepStrictEqual([two.report.failure?.kind, two.report.failure?.reason], ["permanent", "Undecodable"])
      const large = yield* got(sends("x".repeat(2000)), {}, { maxSize: "1 KiB" })
      assert.deepStrictEqual([large.report.failure?.kind, large.report.failure?.message], [
        "permanent",
        "The answer is larger than 1024 bytes: ask for a part of it"
      ])
    }))

  it.effect("retries - a read is repeated after 503 and 429, as long as the server wants to wait", () =>
    Effect.gen(function*() {
      const statuses = [503, 429, 200]
      const { asked, host, url } = yield* serve((_, response) =>
        respond(response, "done", { "retry-after": "2" }, statuses.shift())
      )
      const report = yield* through(Dispatcher.call(Http.HttpGet, { url })).pipe(Effect.provide(at([host])))
      assert.deepStrictEqual([report.ok, report.attempts, asked.length], [true, 3, 3])
      const starts = report.events.flatMap((event) => event._tag === "AttemptStarted" ? [event.at] : [])
      assert.isTrue(starts.slice(1).every((at, i) => at - starts[i]! >= 2000), JSON.stringify(starts))
    }))

  it.effect("retries - a refused read is not repeated", () =>
    Effect.gen(function*() {
      const { asked, host, url } = yield* serve(sends("", {}, 404))
      const report = yield* through(Dispatcher.call(Http.HttpGet, { url })).pipe(Effect.provide(at([host])))
      assert.deepStrictEqual([report.ok, report.attempts, asked.length], [false, 1, 1])
    }))

  it.effect("time - a body that trickles is given up after the timeout of the tool, and its connection closed", () =>
    Effect.gen(function*() {
      for (const tool of [Http.HttpGet, Http.FetchPage]) {
        const { promise: gone, resolve: leave } = Promise.withResolvers<void>()
        const { promise: began, resolve: begin } = Promise.withResolvers<void>()
        const { host, url } = yield* serve((request, response) => {
          request.socket.once("close", () => leave())
          response.writeHead(200, { "content-type": "text/plain" }).write("slow")
          begin()
        })
        const fiber = yield* Effect.forkChild(
          ask(tool as typeof Http.FetchPage, { url }).pipe(Effect.provide(at([host])))
        )
        yield* Effect.promise(() => began)
        yield* settled
        yield* TestClock.adjust("19 seconds")
        yield* settled
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        const { failure } = yield* Fiber.join(fiber)
        assert.deepStrictEqual([failure?.kind, failure?.reason], ["transient", "Timeout"])
        yield* Effect.promise(() => gone)
      }
    }))
})

describe("http_request", () => {
  const read = async (request: AsyncIterable<unknown>) => {
    let text = ""
    for await (const chunk of request) text += String(chunk)
    return text
  }

  it.effect("method, body and its type arrive; JSON unless said otherwise", () =>
    Effect.gen(function*() {
      const { asked, host, url } = yield* serve((request, response) =>
        void read(request).then((text) =>
          respond(response, text, { "content-type": "text/plain", location: "/1" }, 201)
        )
      )
      const send = (parameters: Omit<Tool.ParametersEncoded<typeof Http.HttpRequest>, "url">) =>
        ask(Http.HttpRequest, { url, ...parameters }).pipe(Effect.provide(at([host])))
      const made = yield* Effect.flatMap(
        send({ method: "POST", body: "{\"a\":\"é\"}" }),
        (report) => resultOf(Http.HttpRequest, report)
      )
      assert.deepStrictEqual([made.status, made.text, made.headers["location"]], [201, "{\"a\":\"é\"}", "/1"])
      yield* send({ method: "PUT", body: "a=1", contentType: "application/x-www-form-urlencoded" })
      yield* send({ method: "PATCH", body: "", headers: { "Idempotency-Key": "mine" } })
      yield* send({ method: "DELETE" })
      assert.deepStrictEqual(asked.map(({ headers, method }) => [method, headers["content-type"]]), [
        ["POST", "application/json"],
        ["PUT", "application/x-www-form-urlencoded"],
        ["PATCH", "application/json"],
        ["DELETE", undefined]
      ])
      assert.deepStrictEqual(asked.slice(0, 3).map(({ headers }) => headers["content-length"]), ["10", "3", "0"])
      assert.strictEqual(asked[2]!.headers["idempotency-key"], "mine")
    }))

  it.effect("is executed once: repeated only where nothing happened, with the same idempotency key", () =>
    Effect.gen(function*() {
      const outcomes = (statuses: Array<number>) =>
        Effect.gen(function*() {
          const { asked, host, url } = yield* serve((_, response) => respond(response, "", {}, statuses.shift()))
          const { attempts, ok } = yield* through(Dispatcher.call(Http.HttpRequest, { method: "POST", url })).pipe(
            Effect.provide(at([host]))
          )
          const keys = new Set(asked.map(({ headers }) => headers["idempotency-key"]))
          assert.strictEqual(keys.size, 1)
          assert.match([...keys][0] as string, /^[0-9a-f]{64}$/)
          return [ok, attempts, asked.length]
        })
      assert.deepStrictEqual(yield* outcomes([429, 200]), [true, 2, 2])
      for (const status of [408, 409, 500, 502, 503, 504]) {
        assert.deepStrictEqual(yield* outcomes([status, 200]), [false, 1, 1], String(status))
      }
      const cut = yield* serve((request) => void request.socket.destroy())
      const report = yield* through(Dispatcher.call(Http.HttpRequest, { method: "POST", url: cut.url })).pipe(
        Effect.provide(at([cut.host]))
      )
      assert.deepStrictEqual([report.attempts, cut.asked.length], [1, 1])
      const refused = yield* through(Dispatcher.call(Http.HttpRequest, { method: "POST", url: "http://127.0.0.1:9/" }))
        .pipe(
          Effect.provide(at(["127.0.0.1:9"]))
        )
      assert.deepStrictEqual([refused.ok, refused.attempts], [false, 3])
    }))

  it.effect("arguments - methods that read and types that are none are refused", () =>
    Effect.gen(function*() {
      const { asked, host, url } = yield* serve(sends("reached"))
      for (
        const parameters of [
          { method: "GET" },
          { method: "HEAD" },
          { method: "CONNECT" },
          { method: "POST", contentType: "json" },
          { method: "POST", contentType: "a/b\r\nx: y" },
          { method: "POST", body: "x".repeat(256 * 1024 + 1) }
        ]
      ) {
        const { failure } = yield* ask(Http.HttpRequest, { url, ...parameters } as never).pipe(
          Effect.provide(at([host]))
        )
        assert.strictEqual(failure?.reason, "InvalidArguments", JSON.stringify(parameters).slice(0, 80))
      }
      assert.lengthOf(asked, 0)
    }))
})

describe("fetch_page", () => {
  const page = (body: string | Uint8Array, headers: Record<string, string> = { "content-type": "text/html" }) =>
    Effect.gen(function*() {
      const { host, url } = yield* serve((request, response) =>
        request.url === "/start"
          ? respond(response, "", { location: "/docs/page" }, 301)
          : respond(response, body, headers)
      )
      const report = yield* ask(Http.FetchPage, { url: `${url}/start` }).pipe(Effect.provide(at([host])))
      return { ...(yield* resultOf(Http.FetchPage, report)), base: url }
    })

  it.effect("result - URL, title and Markdown with links of where the page was found", () =>
    Effect.map(
      page("<!doctype html><title> A\n page </title><h1>Head</h1><p>See <a href='x?y=1#z'>this</a>."),
      ({ base, ...result }) =>
        assert.deepStrictEqual(result, {
          url: `${base}/docs/page`,
          contentType: "text/html",
          title: "A page",
          text: `# Head\n\nSee [this](${base}/docs/x?y=1#z).`
        })
    ))

  it.effect("other types - text as it is, the rest named", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        (yield* page("# Not <b>HTML</b>", { "content-type": "text/markdown" })).text,
        "# Not <b>HTML</b>"
      )
      const pdf = yield* page("%PDF", { "content-type": "application/pdf" })
      assert.deepStrictEqual(
        [pdf.contentType, pdf.text, pdf.note],
        ["application/pdf", undefined, "The body is not text and is not shown: application/pdf, 4 bytes"]
      )
      assert.strictEqual((yield* page("\n<!DOCTYPE html><p>Sniffed", {})).text, "Sniffed")
      assert.strictEqual((yield* page("<p>Not sniffed", {})).text, "<p>Not sniffed")
      assert.strictEqual(
        (yield* page("<p>XHTML</p>", { "content-type": "application/xhtml+xml; charset=utf-8" })).text,
        "XHTML"
      )
    }))

  it.effect("charset - of the page itself", () =>
    Effect.map(
      page(Buffer.from("<meta charset=windows-1251><title>\xcf\xf0</title><p>\xcf", "latin1")),
      ({ text, title }) => assert.deepStrictEqual([title, text], ["Пр", "П"])
    ))

  it.effect("length - at most 256 KiB", () =>
    Effect.gen(function*() {
      const { note, text } = yield* page(`<p>${"word ".repeat(100_000)}`)
      assert.strictEqual(note, "The text is cut after 256 KiB")
      assert.strictEqual(Buffer.byteLength(text!), 262_144)
    }))
})

describe("T5 - secrets", () => {
  const secret = "canary-secret-7f3a91"
  const redactor = Layer.succeed(Redactor.current)(Redactor.make([Redacted.make(secret)]))
  const show = (answer: RequestListener, tool: typeof Http.HttpGet | typeof Http.FetchPage = Http.HttpGet) =>
    Effect.gen(function*() {
      const { host, url } = yield* serve(answer)
      const report = yield* ask(tool as typeof Http.HttpGet, { url }).pipe(
        Effect.provide(at([host]).pipe(Layer.provide(redactor)))
      )
      return JSON.stringify([report.result, report.failure])
    })

  it.effect("what the redactor knows is in no result and in no message", () =>
    Effect.gen(function*() {
      const html = { "content-type": "text/html" }
      const shown = [
        yield* show(sends(`a ${secret} b`, { "content-type": "text/plain" })),
        yield* show(sends(`${"x".repeat(262_144 - 10)}${secret}`, { "content-type": "text/plain" })),
        yield* show(sends("x", { "cache-control": `${"x".repeat(1990)}${secret}` })),
        yield* show(sends(`${"x".repeat(480)}${" ".repeat(1510)}${secret}`, { "content-type": "text/plain" }, 400)),
        yield* show(sends("x", { etag: secret, link: `<${secret}>`, location: `/${secret}` })),
        yield* show(sends(`{"echo":"${secret}"}`, { "content-type": "application/json" }, 400)),
        yield* show(sends(`${"x".repeat(490)}${secret}`, { "content-type": "text/plain" }, 403)),
        yield* show(
          sends(`<title>${secret}</title><p>${secret} <a href="/${secret}">${secret}</a>`, html),
          Http.FetchPage
        ),
        yield* show((request, response) =>
          request.url === "/" ? respond(response, "", { location: `/${secret}` }, 302) : respond(response, "x")
        )
      ]
      for (const text of shown) {
        assert.notInclude(text, secret.slice(0, 12), text.slice(0, 200))
      }
    }))

  it.effect("names and passwords of a URL are refused and not repeated", () =>
    Effect.gen(function*() {
      const { failure } = yield* ask(Http.HttpGet, { url: "http://me:hunter2@example.com/" }).pipe(
        Effect.provide(Http.layer())
      )
      assert.strictEqual(
        failure?.message,
        "\"example.com\" is asked for with a name and password in the URL: leave them out"
      )
      const shown = yield* show(
        sends("<a href='http://me:hunter2@example.com/x'>there</a>", { "content-type": "text/html" }),
        Http.FetchPage
      )
      assert.include(shown, "[there](http://example.com/x)")
    }))
})

describe("layers", () => {
  const env = (variables: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnvRecord(variables))
  const get = (url: string, variables: Record<string, string>) =>
    ask(Http.HttpGet, { url }).pipe(Effect.provide(Http.layerFromEnv.pipe(Layer.provide(env(variables)))))

  it.effect("layerFromEnv - reads each variable", () =>
    Effect.gen(function*() {
      const { host, port, url } = yield* serve(sends("x".repeat(2000), { "content-type": "text/plain" }))
      const reason = (variables: Record<string, string>, target = url) =>
        Effect.map(get(target, variables), ({ failure, ok }) => ok || failure?.message)
      assert.match(String(yield* reason({})), /may not be asked on that port/)
      assert.match(String(yield* reason({ HTTP_PORTS: `80, ${port}` })), /no public address/)
      assert.isTrue(yield* reason({ HTTP_ALLOW_PRIVATE: `intranet, ${host}` }))
      assert.match(
        String(yield* reason({ HTTP_ALLOW_PRIVATE: host, HTTP_MAX_SIZE: "1 KiB" })),
        /larger than 1024 bytes/
      )
      const hosts = { HTTP_ALLOW_HOSTS: "example.com,*.example.org", HTTP_ALLOW_PRIVATE: host }
      assert.isTrue(yield* reason(hosts))
      assert.match(String(yield* reason(hosts, "http://example.net/")), /not on the list of allowed hosts/)
    }))

  it.effect("layerFromEnv - an unusable variable is named", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [name: string, value: string, tag: string]> = [
        ["HTTP_ALLOW_HOSTS", "https://example.com", "OptionUnusable"],
        ["HTTP_ALLOW_HOSTS", "example.com,,", "OptionUnusable"],
        ["HTTP_ALLOW_PRIVATE", "10.0.0.0/8", "OptionUnusable"],
        ["HTTP_PORTS", "0", "OptionUnusable"],
        ["HTTP_PORTS", "eighty", "OptionUnusable"],
        ["HTTP_MAX_SIZE", "2 GiB", "OptionUnusable"],
        ["HTTP_MAX_SIZE", "large", "ConfigError"]
      ]
      for (const [name, value, tag] of wrong) {
        const error = yield* Effect.flip(get("http://example.com/", { [name]: value }))
        assert.strictEqual(error._tag, tag, `${name}=${value}`)
        assert.include(error.message, name)
      }
    }))
})
