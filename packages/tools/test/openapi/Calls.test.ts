import { assert, describe, it } from "@effect/vitest"
import { Agent, Redactor, ToolFailure } from "@volley/core"
import { ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Cause, ConfigProvider, Effect, Exit, Fiber, Schema, Tracer } from "effect"
import { HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { gzipSync } from "node:zlib"
import { OpenApi } from "../../src/openapi/index.ts"
import { simulate } from "../http/web.ts"
import { call, json, serve, small, toolkit, toolOf } from "./api.ts"

const id = { name: "id", in: "path", required: true, schema: { type: "string" } }

const items = (more: object = {}, security: object = {}) =>
  small({
    "/items/{id}": {
      get: { operationId: "get", parameters: [id], responses: {}, ...more },
      put: { operationId: "put", parameters: [id], responses: {}, ...more },
      delete: { operationId: "delete", parameters: [id], responses: {}, ...more }
    },
    "/items": { post: { operationId: "post", responses: {}, ...more } }
  }, security)

const keyed = (scheme: object, more: object = {}) =>
  items(more, { security: [{ theKey: [] }], components: { securitySchemes: { theKey: scheme } } })

const seeds = process.env["VOLLEY_LONG"] === "1" ? 200 : 15

const secret = "s3cret-of-the-api"
const bearer = keyed({ type: "http", scheme: "bearer" })

/** Lets pass whatever needs no time. */
const settled = Effect.repeat(
  Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void))),
  { times: 300 }
)

/** Runs with all waits skipped. */
const through = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    for (let i = 0; i < 20 && fiber.pollUnsafe() === undefined; i++) {
      yield* settled
      if (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("3 seconds")
    }
    return yield* Fiber.join(fiber)
  })

describe("answers", () => {
  const answered = (body: string | Uint8Array, headers: Record<string, string>, status = 200) =>
    Effect.gen(function*() {
      const { url } = yield* serve((response) => response.writeHead(status, headers).end(body))
      return yield* call(toolOf(yield* toolkit(items(), url), "get"), { id: "1" })
    })
  const resultOf = (...args: Parameters<typeof answered>) => Effect.map(answered(...args), ({ result }) => result)

  it.effect("JSON, text, nothing, and what is neither", () =>
    Effect.gen(function*() {
      const type = (value: string) => ({ "content-type": value })
      assert.deepStrictEqual(yield* resultOf("{\"a\":[1,null]}", type("application/problem+json; charset=utf-8")), {
        status: 200,
        body: { a: [1, null] }
      })
      assert.deepStrictEqual(yield* resultOf("a: 1", type("text/plain"), 201), { status: 201, body: "a: 1" })
      assert.deepStrictEqual(yield* resultOf("{no", type("application/json")), { status: 200, body: "{no" })
      assert.deepStrictEqual(yield* resultOf("", type("application/json"), 204), { status: 204 })
      assert.deepStrictEqual(yield* resultOf(new Uint8Array([0, 1, 2]), type("application/zip")), {
        status: 200,
        note: "The body is not text and is not shown: application/zip, 3 bytes"
      })
      assert.deepStrictEqual(
        yield* resultOf("[]", { ...type("application/json"), link: "<?page=2>; rel=next", "set-cookie": "a=1" }),
        { status: 200, headers: { link: "<?page=2>; rel=next" }, body: [] }
      )
    }))

  it.effect("numbers that are more exact than a number can be are given as they are written", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* resultOf("{\"id\":9007199254740993,\"a\":[-12345678901234567890,1.5,7]}", {
          "content-type": "application/json"
        }),
        { status: 200, body: { id: "9007199254740993", a: ["-12345678901234567890", 1.5, 7] } }
      )
    }))

  it.effect("a deep answer is given as text, a large one cut, a bomb refused", () =>
    Effect.gen(function*() {
      const headers = { "content-type": "application/json" }
      const deep = `${"[".repeat(100)}${"]".repeat(100)}`
      const { ok, result } = yield* answered(deep, headers)
      assert.deepStrictEqual([ok, result], [true, { status: 200, body: deep }])
      const large = yield* answered(JSON.stringify("x".repeat(100_000)), headers)
      assert.isTrue(large.ok)
      assert.isBelow(JSON.stringify(large.result).length, 40_000)
      const bomb = yield* answered(gzipSync(new Uint8Array(20 * 1024 * 1024)), {
        ...headers,
        "content-encoding": "gzip"
      })
      assert.deepStrictEqual([bomb.failure?.kind, bomb.failure?.reason], ["permanent", "TooLarge"])
    }))

  it.effect("statuses - each means what the table of failures says, with what the API says and how long to wait", () =>
    Effect.gen(function*() {
      const expected = {
        400: "permanent InvalidArguments",
        401: "permanent Unauthenticated",
        403: "permanent PermissionDenied",
        404: "permanent NotFound",
        408: "transient Timeout",
        409: "transient Conflict",
        410: "permanent NotFound",
        412: "permanent FailedPrecondition",
        415: "permanent Unsupported",
        422: "permanent InvalidArguments",
        425: "transient Unavailable",
        429: "transient RateLimited",
        500: "transient Unavailable",
        501: "permanent Unsupported",
        503: "transient Unavailable",
        504: "transient Timeout"
      }
      for (const [status, meaning] of Object.entries(expected)) {
        const { failure, result } = yield* answered("{\"message\": \"why\\n so\"}", {
          "content-type": "application/json",
          "retry-after": "7"
        }, Number(status))
        assert.strictEqual(`${failure?.kind} ${failure?.reason}`, meaning)
        assert.include(String(result), "why\\\\n so")
        if (failure?.kind === "transient") assert.strictEqual(failure.retryAfter, 7000)
      }
      const html = yield* answered("<h1>secret page</h1>", { "content-type": "text/html" }, 404)
      assert.notInclude(String(html.result), "secret page")
    }))
})

describe("hostile arguments", () => {
  const path = (argument: string) =>
    Effect.gen(function*() {
      const { asked, url } = yield* serve()
      const report = yield* call(toolOf(yield* toolkit(items(), `${url}/v1`), "delete"), { id: argument })
      return asked[0]?.url ?? report.failure?.reason
    })

  it.effect("a path never leads elsewhere, not even to what is above it", () =>
    Effect.gen(function*() {
      for (const argument of ["", ".", "..", "%2e%2e"]) {
        const at = yield* path(argument)
        assert.strictEqual(at, argument === "%2e%2e" ? "/v1/items/%252e%252e" : "InvalidArguments")
      }
      assert.strictEqual(yield* path("../../admin"), "/v1/items/..%2F..%2Fadmin")
      assert.strictEqual(yield* path("a?b#c"), "/v1/items/a%3Fb%23c")
      assert.strictEqual(yield* path("\\..\\x"), "/v1/items/%5C..%5Cx")
      assert.strictEqual(yield* path("@evil.example/"), "/v1/items/%40evil.example%2F")
      assert.strictEqual(yield* path("\ud800"), "InvalidArguments")
      assert.strictEqual(yield* path("x".repeat(20_000)), "InvalidArguments")
    }))

  it.effect("an object that says its own names cannot say those of another parameter or of a secret", () =>
    Effect.gen(function*() {
      const { asked, url } = yield* serve()
      const parameters = [
        { name: "filter", in: "query", schema: { type: "object", additionalProperties: { type: "string" } } },
        { name: "page", in: "query", schema: { type: "integer" } },
        { name: "session", in: "cookie", schema: { type: "object", additionalProperties: { type: "string" } } }
      ]
      const document = small({ "/a": { get: { operationId: "a", parameters, responses: {} } } }, {
        security: [{ inQuery: [], inCookie: [] }],
        components: {
          securitySchemes: {
            inQuery: { type: "apiKey", in: "query", name: "api_key" },
            inCookie: { type: "apiKey", in: "cookie", name: "sid" }
          }
        }
      })
      const api = yield* toolkit(document, url, {}, {
        OPENAPI_IN_QUERY: "query-secret",
        OPENAPI_IN_COOKIE: "cookie-secret"
      })
      const tool = toolOf(api, "a")
      for (const args of [{ filter: { api_key: "mine" } }, { filter: { page: "2" } }, { session: { sid: "mine" } }]) {
        const { failure } = yield* call(tool, args)
        assert.strictEqual(failure?.reason, "InvalidArguments")
      }
      assert.deepStrictEqual(asked, [])
      yield* call(tool, { filter: { color: "red&api_key=x" }, session: { theme: "a; sid=x" } })
      assert.deepStrictEqual([asked[0]?.url, asked[0]?.headers.cookie], [
        "/a?api_key=query-secret&color=red%26api_key%3Dx",
        "sid=cookie-secret; theme=a%3B%20sid%3Dx"
      ])
    }))

  it.effect("headers - no line breaks, and none of the connection or with credentials", () =>
    Effect.gen(function*() {
      const { asked, url } = yield* serve()
      const names = ["X-Note", "Host", "Authorization", "Content-Length", "Cookie", "Transfer-Encoding"]
      const parameters = names.map((name) => ({ name, in: "header", required: false, schema: { type: "string" } }))
      const api = yield* toolkit(small({ "/a": { get: { operationId: "a", parameters, responses: {} } } }), url)
      const tool = toolOf(api, "a")
      for (const args of [{ "X-Note": "a\r\nX-Other: 1" }, { "X-Note": "日" }, { Host: "evil.example" }]) {
        assert.strictEqual((yield* call(tool, args)).failure?.reason, "InvalidArguments")
      }
      assert.deepStrictEqual(asked, [])
      yield* call(tool, { "X-Note": "a, b" })
      assert.strictEqual(asked[0]?.headers["x-note"], "a, b")
    }))

  it.effect("an item that has what stands between items is refused where nothing is encoded", () =>
    Effect.gen(function*() {
      const { asked, url } = yield* serve()
      const object = { type: "object", additionalProperties: { type: "string" } }
      const parameters = [
        { name: "list", in: "header", schema: { type: "array", items: { type: "string" } } },
        { name: "map", in: "header", explode: true, schema: object },
        { name: "pipes", in: "query", style: "pipeDelimited", explode: false, schema: object },
        { name: "deep", in: "query", style: "deepObject", schema: object }
      ]
      const api = yield* toolkit(small({ "/a": { get: { operationId: "a", parameters, responses: {} } } }), url)
      const wrong = [{ list: ["a,b"] }, { map: { "a=b": "c" } }, { map: { a: "b,c" } }, { pipes: { a: "b|c" } }, {
        deep: { "a][b": "c" }
      }]
      for (const args of wrong) {
        assert.strictEqual((yield* call(toolOf(api, "a"), args)).failure?.reason, "InvalidArguments")
      }
      assert.deepStrictEqual(asked, [])
      yield* call(toolOf(api, "a"), { list: ["a", "b=c"], map: { a: "b=c" }, pipes: { a: "b" } })
      const [{ headers, url: sent } = assert.fail("not asked")] = asked
      assert.deepStrictEqual([headers["list"], headers["map"], sent], ["a,b=c", "a=b=c", "/a?pipes=a%7Cb"])
    }))
})

describe("hosts", () => {
  const made = (document: object, options: Partial<OpenApi.Options> = {}, secrets: Record<string, string> = {}) =>
    OpenApi.toolkit(document, { include: ["* /**"], ...options }).pipe(
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(secrets))
    )

  it.effect("an address that is not public is not asked, unless it is allowed", () =>
    Effect.gen(function*() {
      const { asked, url } = yield* serve()
      const { port } = new URL(url)
      for (
        const server of [
          url,
          `http://localhost:${port}`,
          "http://169.254.169.254/latest",
          "http://[::1]",
          "http://10.0.0.1"
        ]
      ) {
        const api = yield* made(items(), { server })
        const { failure, result } = yield* call(toolOf(api, "get"), { id: "1" })
        assert.deepStrictEqual([failure?.kind, failure?.reason], ["permanent", "PermissionDenied"], server)
        assert.include(String(result), "no public address")
      }
      const metadata = yield* made(items(), { server: "http://metadata.example", allowPrivate: ["metadata.example"] })
      const { layer } = simulate({ resolve: () => ["169.254.169.254"], listener: () => Number(port) })
      const named = yield* Effect.provide(call(toolOf(metadata, "get"), { id: "1" }), layer)
      assert.isFalse(named.ok)
      assert.deepStrictEqual(asked, [])
    }))

  it.effect("redirects - to no other host, whatever is allowed elsewhere; within the host they are followed", () =>
    Effect.gen(function*() {
      const other = yield* serve()
      const { asked, url } = yield* serve((response, { url }) =>
        url === "/items/home"
          ? response.writeHead(302, { location: "/items/new?x=1" }).end()
          : url.startsWith("/items/new")
          ? json(response, { url })
          : response.writeHead(307, { location: url === "/items/meta" ? "http://169.254.169.254/" : other.url }).end()
      )
      const api = yield* toolkit(keyed({ type: "apiKey", in: "header", name: "X-Key" }), url, {
        allowPrivate: [new URL(url).host, other.host]
      }, { OPENAPI_THE_KEY: secret })
      for (const argument of ["away", "meta"]) {
        const { failure } = yield* call(toolOf(api, "get"), { id: argument })
        assert.deepStrictEqual([failure?.kind, failure?.reason], ["permanent", "PermissionDenied"])
      }
      assert.deepStrictEqual(other.asked, [])
      const { result } = yield* call(toolOf(api, "get"), { id: "home" })
      assert.deepStrictEqual(result, { status: 200, body: { url: "/items/new?x=1" } })
      assert.deepStrictEqual(asked.map(({ headers }) => headers["x-key"]), [secret, secret, secret, secret])
    }))

  it.effect("a secret is not sent unencrypted, except to a server that is allowed to be private", () =>
    Effect.gen(function*() {
      const { tools, withheld } = yield* made(bearer, { server: "http://api.example.com" }, { OPENAPI_THE_KEY: secret })
      assert.deepStrictEqual(tools, [])
      assert.include(withheld[0]?.reason ?? "", "its secret would be sent unencrypted to api.example.com")
      assert.strictEqual(
        (yield* made(bearer, { server: "https://api.example.com" }, { OPENAPI_THE_KEY: secret })).tools.length,
        4
      )
    }))
})

describe("secrets", () => {
  it.effect("what the server repeats of them is not in results, failures, events and spans", () =>
    Effect.gen(function*() {
      const schemes = [
        [{ type: "http", scheme: "bearer" }, secret],
        [{ type: "http", scheme: "basic" }, `user:${secret}`],
        [{ type: "apiKey", in: "query", name: "weird" }, secret],
        [{ type: "apiKey", in: "header", name: "x-weird" }, secret],
        [{ type: "apiKey", in: "cookie", name: "weird" }, secret]
      ] as const
      for (const [scheme, given] of schemes) {
        const spans: Array<unknown> = []
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            spans.push(span)
            return span
          }
        })
        const { asked, url } = yield* serve((response, { headers, url }) =>
          json(response, { url, headers, secret, [secret]: 1 }, url.includes("/bad") ? 400 : 200, {
            link: `<?k=${secret}>`
          })
        )
        const seen = yield* Effect.gen(function*() {
          const api = yield* toolkit(keyed(scheme), url, {}, { OPENAPI_THE_KEY: given })
          const tool = toolOf(api, "get")
          return [
            yield* call(tool, { id: "good" }),
            yield* call(tool, { id: "bad" }),
            api.tools.map(({ description, name }) => [name, description])
          ]
        }).pipe(
          Effect.provideService(Redactor.current, Redactor.make()),
          Effect.provideService(HttpClient.TracerHeaderFilter, () => true),
          Effect.withTracer(tracer)
        )
        const sent = JSON.stringify(asked)
        assert.isTrue(sent.includes(secret) || sent.includes(Buffer.from(given).toString("base64")))
        const shown = JSON.stringify([seen, spans.map((span) => [...(span as Tracer.NativeSpan).attributes])])
        assert.notInclude(shown, secret)
        assert.notInclude(shown, Buffer.from(given).toString("base64"))
        assert.include(shown, "[redacted]")
      }
    }))

  it.effect("401 - fatal where a secret was sent: the run fails and the model does not see it", () =>
    Effect.gen(function*() {
      const { host, url } = yield* serve((response) => json(response, { error: "bad token" }, 401))
      const api = yield* toolkit(bearer, url, {}, { OPENAPI_THE_KEY: secret })
      const exit = yield* Effect.exit(call(toolOf(api, "get"), { id: "1" }))
      assert.isTrue(Exit.isFailure(exit))
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      assert.deepStrictEqual(error, new OpenApi.BadCredentials({ host }))
      assert.isTrue(ToolFailure.isFatal(error))
    }))

  it.effect("a secret with a line break at its end is trimmed, with one inside refused", () =>
    Effect.gen(function*() {
      const { asked, url } = yield* serve()
      const api = yield* toolkit(bearer, url, {}, { OPENAPI_THE_KEY: `${secret}\n` })
      yield* call(toolOf(api, "get"), { id: "1" })
      assert.strictEqual(asked[0]?.headers.authorization, `Bearer ${secret}`)
      const broken = yield* toolkit(bearer, url, {}, { OPENAPI_THE_KEY: "a\r\nX-Other: 1" })
      assert.strictEqual(
        broken.withheld[0]?.reason,
        "it needs a secret that is not configured: OPENAPI_THE_KEY (it has characters that cannot be sent)"
      )
    }))

  it.effect("keys - by the name of the API and of the scheme", () =>
    Effect.gen(function*() {
      assert.strictEqual(OpenApi.secretKey("bearerAuth"), "OPENAPI_BEARER_AUTH")
      assert.strictEqual(OpenApi.secretKey("api_key-v2.x", "gitHub"), "OPENAPI_GIT_HUB_API_KEY_V2_X")
      const { url } = yield* serve()
      const api = yield* toolkit(bearer, url, { name: "shop" }, { OPENAPI_THE_KEY: secret })
      assert.include(api.withheld[0]?.reason ?? "", "OPENAPI_SHOP_THE_KEY")
    }))
})

describe("runs", () => {
  /** The answers of one call in a run, and how often the server was asked. */
  const run = (tool: string, answer: Parameters<typeof serve>[0], more: object = {}) =>
    Effect.gen(function*() {
      const { asked, url } = yield* serve(answer)
      const { tools } = yield* toolkit(items(more), url)
      const agent = Agent.make("shop", { tools: [...tools] })
      const input = tool === "post" ? {} : { id: "1" }
      const script = [ModelScript.toolUse([{ name: tool, input }]), ModelScript.text("done")]
      const { layer, requests } = yield* ScriptedModel.make(script)
      const outcome = yield* through(Effect.provide(Agent.run(agent, "go"), layer))
      return { asked, outcome, told: JSON.stringify((yield* requests)[1]?.prompt) }
    })
  const once = (status: number) => (response: Parameters<typeof json>[0], _: unknown, count: number) =>
    json(response, { count }, count === 1 ? status : 200)

  it.effect("503 - a GET, a PUT and a DELETE are asked again, a POST is not", () =>
    Effect.gen(function*() {
      for (const tool of ["get", "put", "delete"]) {
        const { asked, told } = yield* run(tool, once(503))
        assert.strictEqual(asked.length, 2, tool)
        assert.include(told, "\"count\":2")
      }
      const { asked, told } = yield* run("post", once(503))
      assert.strictEqual(asked.length, 1)
      assert.include(told, "service unavailable")
    }))

  it.effect("429 - nothing was done, so a POST is asked again too", () =>
    Effect.gen(function*() {
      const { asked } = yield* run("post", once(429))
      assert.strictEqual(asked.length, 2)
    }))

  it.effect("a lost connection - a GET is asked again, the outcome of a POST is unknown", () =>
    Effect.gen(function*() {
      const lost: Parameters<typeof serve>[0] = (response, _, count) =>
        count === 1 ? response.socket?.destroy() : json(response, { count })
      const got = yield* run("get", lost)
      assert.strictEqual(got.asked.length, 2)
      const posted = yield* run("post", lost)
      assert.strictEqual(posted.asked.length, 1)
      assert.notInclude(posted.told, "\"count\":2")
    }))

  it.effect("a POST with an idempotency key is asked again with the same one", () =>
    Effect.gen(function*() {
      const parameters = [{ name: "idempotency-key", in: "header", required: true, schema: { type: "string" } }]
      const { asked } = yield* run("post", once(503), { parameters })
      const keys = asked.map(({ headers }) => headers["idempotency-key"])
      assert.strictEqual(keys.length, 2)
      assert.strictEqual(new Set(keys).size, 1)
      assert.match(String(keys[0]), /^[0-9a-f]{64}$/)
    }))

  it.effect("a server that does not answer is given up at the timeout, and the connection closed", () =>
    Effect.gen(function*() {
      let closed = 0
      const { asked, outcome, told } = yield* run("post", (response) => void response.on("close", () => closed++))
      assert.strictEqual(outcome.text, "done")
      assert.strictEqual(asked.length, 1)
      assert.include(told, "no result within 30000 ms")
      yield* settled
      assert.strictEqual(closed, 1)
    }))

  it.effect("simulated worlds - the invariants hold over faults, crashes and cancellations", () =>
    Effect.gen(function*() {
      const { tools } = yield* toolkit(items(), "https://api.example.com", { allowPrivate: [] })
      const agent = Agent.make("shop", { tools: [...tools] })
      const { cells, violations } = Simulation.explore(agent, { seeds })
      assert.deepStrictEqual(violations, [])
      for (const tool of ["readonly", "idempotent", "effectful"]) {
        assert.isAbove(cells[`${tool} ok × dispatching`]!, 0, tool)
      }
    }))
})

it("failures - what a tool fails with is encoded and decoded as it was", () => {
  const failures = [
    ToolFailure.transient({ reason: "RateLimited", message: "m", retryAfter: "1 second", executed: false }),
    ToolFailure.permanent({ reason: "NotFound", message: "m" }),
    new OpenApi.BadCredentials({ host: "a" })
  ]
  const schema = Schema.toCodecJson(Schema.Union([ToolFailure.ToolFailure, OpenApi.BadCredentials]))
  for (const failure of failures) {
    const encoded = Schema.encodeUnknownSync(schema)(failure)
    assert.deepStrictEqual(Schema.decodeUnknownSync(schema)(JSON.parse(JSON.stringify(encoded))), failure)
  }
})
