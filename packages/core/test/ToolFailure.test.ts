import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { ToolFailure } from "@volley/core"
import { Duration, Effect, FileSystem, PlatformError, Schema } from "effect"
import { AiError } from "effect/ai"
import { HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import { CircuitBreaker, RateLimiter } from "effect/persistence"
import { SqlError } from "effect/sql"
import { type AddressInfo, createServer } from "node:net"
import { isBug } from "../src/internal/classify.ts"
import { integer, oneOf, textOf, utf16 } from "./support/arbitraries.ts"
import { meaningOfCodes } from "./support/codes.ts"

/** Kind, reason, and whether it states that nothing was executed. */
const meaning = (error: unknown): string => {
  const failure = ToolFailure.fromUnknown(error)
  if (failure._tag === "Unknown") return "unknown"
  const notExecuted = failure._tag === "Transient" && failure.executed === false
  return `${failure[ToolFailure.kind]} ${failure.reason}${notExecuted ? " notExecuted" : ""}`
}

const retryAfter = (error: unknown): number | undefined => {
  const failure = ToolFailure.fromUnknown(error)
  return failure._tag === "Transient" && failure.retryAfter !== undefined
    ? Duration.toMillis(failure.retryAfter)
    : undefined
}

const coded = (code: string): Error => Object.assign(new Error("x"), { code })

const answered = (status: number, headers: Record<string, string> = {}) =>
  HttpClientResponse.fromWeb(
    HttpClientRequest.get("https://example.com/things?key=canary"),
    new Response(null, { status, headers })
  )

describe("HTTP statuses", () => {
  const groups: { readonly [meaning: string]: ReadonlyArray<number> } = {
    "permanent Unauthenticated": [401, 407, 511],
    "permanent PermissionDenied": [403, 451],
    "permanent NotFound": [404, 410],
    "permanent FailedPrecondition": [402, 412, 417, 428, 507, 508],
    "permanent Unsupported": [405, 406, 415, 418, 426, 501, 505, 506, 510],
    "permanent TooLarge": [413, 414, 431],
    "permanent DependencyFailed": [424],
    "transient Timeout": [408, 504],
    "transient Conflict": [409, 423],
    "transient ConnectionLost": [499],
    "transient Unavailable notExecuted": [421, 425],
    "transient RateLimited notExecuted": [429],
    "transient Overloaded notExecuted": [529]
  }
  const listed = new Map(
    Object.entries(groups).flatMap(([name, statuses]) => statuses.map((status) => [status, name]))
  )
  const expected = (status: number): string =>
    listed.get(status) ?? (status < 500 ? "permanent InvalidArguments" : "transient Unavailable")

  it.effect("G3 - each status from 400 to 599 has its kind and reason, in every form that carries it", () =>
    Effect.gen(function*() {
      for (let status = 400; status <= 599; status++) {
        const forms: ReadonlyArray<unknown> = [
          { status },
          { statusCode: status },
          { response: { status } },
          Object.assign(new Error("x"), { status, name: "APIError" }),
          new Error("outer", { cause: { status } }),
          yield* Effect.flip(HttpClientResponse.filterStatusOk(answered(status)))
        ]
        for (const [i, form] of forms.entries()) {
          assert.strictEqual(meaning(form), expected(status), `status ${status}, form ${i}`)
        }
      }
    }))

  it("a number that is no status of a failure means nothing", () => {
    for (const status of [0, 200, 302, 399, 600, 429.5, -404, Number.NaN]) {
      assert.strictEqual(meaning({ status }), "unknown")
    }
    assert.strictEqual(meaning({ status: "404" }), "unknown")
    assert.strictEqual(meaning(404), "unknown")
  })

  it("the message names the status and nothing of the request", () => {
    const failure = ToolFailure.fromUnknown(
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.StatusCodeError({ request: answered(503).request, response: answered(503) })
      })
    )
    assert.strictEqual(failure.message, "HTTP 503: service unavailable")
  })
})

describe("Node and undici codes", () => {
  const cases = Object.entries(meaningOfCodes).flatMap(([name, codes]) =>
    codes.split(" ").map((code) => [code, name] as const)
  )

  it.each(cases)("G3 - %s is %s, as itself and as a cause", (code, name) => {
    assert.strictEqual(meaning(coded(code)), name)
    assert.strictEqual(meaning(new TypeError("fetch failed", { cause: coded(code) })), name)
    assert.isFalse(isBug(new TypeError("fetch failed", { cause: coded(code) })))
  })

  it("a code that nobody listed, or a name of Object.prototype, means nothing", () => {
    for (const code of ["E_MINE", "constructor", "__proto__", "toString", "", "econnrefused"]) {
      assert.strictEqual(meaning(coded(code)), "unknown")
      assert.strictEqual(meaning({ _tag: code, name: code }), "unknown")
    }
  })

  it("an aborted or timed out signal is told by its name", () => {
    assert.strictEqual(meaning(AbortSignal.abort().reason), "permanent Cancelled")
    assert.strictEqual(meaning(new DOMException("x", "TimeoutError")), "transient Timeout")
  })

  const closedPort = Effect.callback<number>((resume) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resume(Effect.succeed(port)))
    })
  })

  const errorOfFetch = (url: string): Promise<unknown> => fetch(url).then(() => undefined, (error: unknown) => error)

  it.live("fetch - a refused connection executed nothing (live: the error is that of a real socket)", () =>
    Effect.gen(function*() {
      const port = yield* closedPort
      const error = yield* Effect.promise(() => errorOfFetch(`http://127.0.0.1:${port}`))
      assert.instanceOf(error, TypeError)
      assert.strictEqual(meaning(error), "transient Unavailable notExecuted")
      assert.isFalse(isBug(error))
    }))
})

describe("errors of effect", () => {
  const request = HttpClientRequest.get("https://example.com")
  const http = (reason: HttpClientError.HttpClientErrorReason) => new HttpClientError.HttpClientError({ reason })

  const httpErrors: ReadonlyArray<[unknown, string]> = [
    [http(new HttpClientError.TransportError({ request })), "transient ConnectionLost"],
    [
      http(
        new HttpClientError.TransportError({ request, cause: new TypeError("x", { cause: coded("ECONNREFUSED") }) })
      ),
      "transient Unavailable notExecuted"
    ],
    [http(new HttpClientError.EncodeError({ request })), "permanent InvalidArguments"],
    [http(new HttpClientError.InvalidUrlError({ request })), "permanent InvalidArguments"],
    [http(new HttpClientError.DecodeError({ request, response: answered(200) })), "permanent Unsupported"],
    [http(new HttpClientError.DecodeError({ request, response: answered(502) })), "transient Unavailable"],
    [http(new HttpClientError.EmptyBodyError({ request, response: answered(200) })), "permanent Unsupported"]
  ]
  it.each(httpErrors)("HttpClientError - case %#", (error, name) => {
    assert.strictEqual(meaning(error), name)
  })

  const platformErrors: ReadonlyArray<[PlatformError.SystemErrorTag, string]> = [
    ["AlreadyExists", "permanent AlreadyExists"],
    ["BadResource", "permanent InvalidArguments"],
    ["Busy", "transient Conflict"],
    ["InvalidData", "permanent Unsupported"],
    ["NotFound", "permanent NotFound"],
    ["PermissionDenied", "permanent PermissionDenied"],
    ["TimedOut", "transient Timeout"],
    ["UnexpectedEof", "transient ConnectionLost"],
    ["Unknown", "unknown"],
    ["WouldBlock", "transient Overloaded"],
    ["WriteZero", "transient Unavailable"]
  ]
  it.each(platformErrors)("PlatformError - %s is %s", (tag, name) => {
    assert.strictEqual(meaning(PlatformError.systemError({ _tag: tag, module: "FileSystem", method: "open" })), name)
  })

  it("PlatformError - a bad argument is invalid", () => {
    assert.strictEqual(meaning(PlatformError.badArgument({ module: "M", method: "m" })), "permanent InvalidArguments")
  })

  it.effect("PlatformError - a missing file is not found, and its path is not told", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const error = yield* Effect.flip(fs.readFileString("/srv/canary/missing.txt"))
      const failure = ToolFailure.fromUnknown(error)
      assert.strictEqual(meaning(error), "permanent NotFound")
      assert.notInclude(failure.message, "canary")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.effect("PlatformError - a code that effect does not know is told by its cause", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const error = yield* Effect.flip(fs.readFileString(`/${"x".repeat(300)}`))
      assert.strictEqual(meaning(error), "permanent InvalidArguments")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  const props = { cause: new Error("driver") }
  const sqlErrors: ReadonlyArray<[SqlError.SqlErrorReason, string]> = [
    [new SqlError.ConnectionError(props), "transient ConnectionLost"],
    [new SqlError.ConnectionError({ cause: coded("ECONNREFUSED") }), "transient Unavailable notExecuted"],
    [new SqlError.AuthenticationError(props), "permanent Unauthenticated"],
    [new SqlError.AuthorizationError(props), "permanent PermissionDenied"],
    [new SqlError.SqlSyntaxError(props), "permanent InvalidArguments"],
    [new SqlError.UniqueViolation({ ...props, constraint: "key" }), "permanent AlreadyExists"],
    [new SqlError.ConstraintError(props), "permanent FailedPrecondition"],
    [new SqlError.DeadlockError(props), "transient Conflict notExecuted"],
    [new SqlError.SerializationError(props), "transient Conflict notExecuted"],
    [new SqlError.LockTimeoutError(props), "transient Timeout"],
    [new SqlError.StatementTimeoutError(props), "transient Timeout"],
    [new SqlError.UnknownError(props), "unknown"],
    [SqlError.classifySqliteError(coded("SQLITE_CONSTRAINT_UNIQUE")), "permanent AlreadyExists"],
    [SqlError.classifySqliteError(coded("SQLITE_BUSY")), "transient Timeout"]
  ]
  it.each(sqlErrors)("SqlError - case %#", (reason, name) => {
    assert.strictEqual(meaning(new SqlError.SqlError({ reason })), name)
  })

  const aiErrors: ReadonlyArray<[AiError.AiErrorReason, string]> = [
    [
      new AiError.NetworkError({ reason: "TransportError", method: "POST", url: "https://example.com" }),
      "transient ConnectionLost"
    ],
    [new AiError.RateLimitError({}), "transient RateLimited notExecuted"],
    [new AiError.QuotaExhaustedError({}), "permanent FailedPrecondition"],
    [new AiError.AuthenticationError({ kind: "InvalidKey" }), "permanent Unauthenticated"],
    [new AiError.ContentPolicyError({ description: "x" }), "permanent PermissionDenied"],
    [new AiError.InvalidRequestError({}), "permanent InvalidArguments"],
    [new AiError.InternalProviderError({ description: "x" }), "transient Unavailable"],
    [new AiError.InvalidOutputError({ description: "x" }), "permanent Unsupported"],
    [new AiError.InvalidUserInputError({ description: "x" }), "permanent InvalidArguments"],
    [new AiError.UnsupportedSchemaError({ description: "x" }), "permanent Unsupported"],
    [new AiError.UnknownError({}), "unknown"],
    [AiError.reasonFromHttpStatus({ status: 503 }), "transient Unavailable"]
  ]
  it.each(aiErrors)("AiError - case %#", (reason, name) => {
    assert.strictEqual(meaning(AiError.make({ module: "M", method: "m", reason })), name)
  })

  it.effect("TimeoutError - is a timeout", () =>
    Effect.gen(function*() {
      assert.strictEqual(meaning(yield* Effect.flip(Effect.timeout(Effect.never, 0))), "transient Timeout")
    }))

  it.effect("SchemaError - data of the wrong shape cannot be read", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Schema.decodeUnknownEffect(Schema.Int)("x"))
      assert.strictEqual(meaning(error), "permanent Unsupported")
    }))

  it.effect("CircuitBreaker - an open or probing circuit executed nothing; how long it stays open is kept", () =>
    Effect.gen(function*() {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: CircuitBreaker.consecutive(1),
        openDuration: "7 seconds"
      })
      yield* Effect.ignore(breaker.execute(Effect.fail("down"), { key: "k" }))
      const open = yield* Effect.flip(breaker.execute(Effect.succeed("up"), { key: "k" }))
      assert.strictEqual(meaning(open), "transient CircuitOpen notExecuted")
      assert.strictEqual(retryAfter(open), 7000)
      const probing = new CircuitBreaker.CircuitBreakerError({
        reason: new CircuitBreaker.CircuitHalfOpen({ key: "k" })
      })
      assert.strictEqual(meaning(probing), "transient CircuitOpen notExecuted")
      const store = new CircuitBreaker.CircuitBreakerError({
        reason: new CircuitBreaker.CircuitBreakerStoreError({ message: "x" })
      })
      assert.strictEqual(meaning(store), "transient Unavailable notExecuted")
    }).pipe(Effect.provide(CircuitBreaker.layerStoreMemory())))

  it.effect("RateLimiter - a refusal executed nothing; when a token is free again is kept", () =>
    Effect.gen(function*() {
      const limiter = yield* RateLimiter.make
      const consume = limiter.consume({ key: "k", limit: 1, window: "3 seconds" })
      yield* consume
      const error = yield* Effect.flip(consume)
      assert.strictEqual(meaning(error), "transient RateLimited notExecuted")
      assert.strictEqual(retryAfter(error), 3000)
      const store = new RateLimiter.RateLimiterError({ reason: new RateLimiter.RateLimitStoreError({ message: "x" }) })
      assert.strictEqual(meaning(store), "transient Unavailable notExecuted")
    }).pipe(Effect.provide(RateLimiter.layerStoreMemory)))
})

describe("retry-after", () => {
  const record = (headers: unknown) => ({ status: 429, headers })
  const cases: ReadonlyArray<[unknown, number | undefined]> = [
    [record({ "retry-after": "3" }), 3000],
    [record({ "retry-after": "1.5" }), 1500],
    [record({ "Retry-After": "3" }), 3000],
    [record({ "retry-after-ms": "120", "retry-after": "3" }), 120],
    [record({ "retry-after-ms": "", "retry-after": "3" }), 3000],
    [record(new Headers({ "Retry-After": "4" })), 4000],
    [record(new Headers({ "retry-after-ms": "250" })), 250],
    [{ response: record({ "retry-after": "5" }) }, 5000],
    [new Error("outer", { cause: record({ "retry-after": "6" }) }), 6000],
    [{ status: 429, retryAfter: Duration.seconds(7) }, 7000],
    [{ status: 429, retryAfter: 800 }, 800],
    [record({ "retry-after": "0" }), 0],
    [record({ "retry-after": "-1" }), undefined],
    [record({ "retry-after": "" }), undefined],
    [record({ "retry-after": "soon" }), undefined],
    [record({ "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }), undefined],
    [record({ "retry-after": "Infinity" }), undefined],
    [record({}), undefined],
    [record(null), undefined],
    [record("retry-after: 3"), undefined],
    [{ status: 429, retryAfter: Number.NaN }, undefined],
    [{ status: 429, retryAfter: Duration.infinity }, undefined],
    [{ status: 429, retryAfter: "5" }, undefined]
  ]
  it.each(cases)("G7 - case %#", (error, millis) => {
    assert.strictEqual(meaning(error), "transient RateLimited notExecuted")
    assert.strictEqual(retryAfter(error), millis)
  })

  it.effect("G7 - is read from a real response", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(HttpClientResponse.filterStatusOk(answered(503, { "Retry-After": "9" })))
      assert.strictEqual(retryAfter(error), 9000)
    }))

  it.effect("G7 - is that of an AiError", () =>
    Effect.sync(() => {
      const reason = new AiError.RateLimitError({ retryAfter: Duration.seconds(11) })
      assert.strictEqual(retryAfter(AiError.make({ module: "M", method: "m", reason })), 11_000)
    }))
})

describe("fromUnknown", () => {
  it("the innermost cause that is known decides", () => {
    const error = new Error("a", { cause: new Error("b", { cause: { status: 503, cause: coded("ECONNRESET") } }) })
    assert.strictEqual(meaning(error), "transient ConnectionLost")
    assert.strictEqual(meaning(new Error("a", { cause: coded("E_MINE") })), "unknown")
  })

  it("a failure of this module stays as it is", () => {
    for (
      const failure of [
        ToolFailure.transient({ reason: "Conflict", message: "x", retryAfter: "1 second", executed: false }),
        ToolFailure.permanent({ reason: "TooLarge", message: "x" }),
        new ToolFailure.Unknown({ message: "x" })
      ]
    ) assert.strictEqual(ToolFailure.fromUnknown(failure), failure)
  })

  it("cyclic and endless causes end", () => {
    const cyclic = new Error("a")
    cyclic.cause = new Error("b", { cause: cyclic })
    assert.strictEqual(meaning(cyclic), "unknown")
    const endless = new Proxy({}, { get: (_, key) => (key === "cause" ? Object.create(endless) : undefined) })
    assert.strictEqual(meaning(endless), "unknown")
  })

  const thrower = (): never => {
    throw new Error("hostile")
  }
  const traps: ReadonlyArray<keyof ProxyHandler<object>> = [
    "get",
    "has",
    "getPrototypeOf",
    "ownKeys",
    "getOwnPropertyDescriptor"
  ]
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const hostile: ReadonlyArray<unknown> = [
    ...traps.map((trap) => new Proxy({}, { [trap]: thrower })),
    new Proxy(() => 1, { get: thrower, has: thrower, getPrototypeOf: thrower }),
    revoked.proxy,
    Object.create(null),
    ...["_tag", "status", "code", "message", "cause", "reason", "name", "retryAfter", "headers", "response"].map((
      key
    ) => Object.defineProperty({}, key, { get: thrower })),
    { headers: new Proxy({}, { ownKeys: thrower, get: thrower, getPrototypeOf: thrower }), status: 1 },
    null,
    undefined,
    Symbol("x"),
    10n,
    () => 1,
    { message: { toString: thrower } },
    { message: 7 }
  ]
  it("G17 - a hostile value is unknown and throws nothing", () => {
    for (const [i, value] of hostile.entries()) {
      const failure = ToolFailure.fromUnknown(value)
      assert.strictEqual(failure._tag, "Unknown", `value ${i}`)
      assert.strictEqual(failure.message, "no message", `value ${i}`)
      assert.isFalse(ToolFailure.isFatal(value), `value ${i}`)
      assert.isFalse(isBug(value), `value ${i}`)
    }
  })

  it("G17 - what can be read of a hostile error still decides", () => {
    const error = Object.defineProperty({ status: 404 }, "message", { get: thrower })
    assert.strictEqual(meaning(error), "permanent NotFound")
    assert.strictEqual(meaning(new Error("x", { cause: revoked.proxy })), "unknown")
  })

  it.effect.prop("a plain Error is unknown, whatever its message says", [
    textOf([
      "timeout",
      "404",
      "ECONNREFUSED",
      "rate limit",
      "429",
      "Not Found",
      "status: 503",
      " ",
      "\n",
      ": ",
      "fatal"
    ])
  ], ([message]) =>
    Effect.sync(() => {
      assert.strictEqual(meaning(new Error(message)), "unknown")
      assert.strictEqual(meaning(message), "unknown")
      assert.strictEqual(meaning({ message }), "unknown")
    }))

  it("isBug - a mistake of the program is one, a failure of fetch is not", () => {
    assert.isTrue(isBug(new TypeError("x is not a function")))
    assert.isTrue(isBug(new RangeError("Invalid array length")))
    assert.isFalse(isBug(new Error("x")))
    assert.isFalse(isBug("x"))
  })
})

describe("messages", () => {
  const messageOf = (text: string): string => ToolFailure.fromUnknown(new Error(text)).message

  it.effect.prop("T11 - one bounded, well-formed line without control characters; never empty", [
    utf16(200),
    integer(1, 100)
  ], ([text, times]) =>
    Effect.sync(() => {
      const message = messageOf(text.repeat(times))
      assert.notMatch(message, /[\p{Cc}\p{Cf}\u2028\u2029]/u)
      assert.isTrue(message.isWellFormed())
      assert.isAtMost(Array.from(message).length, 501)
      assert.notStrictEqual(message, "")
    }))

  const roots = oneOf(["/", "file:///", "C:\\", "d:/", "sqlite:///", "file://localhost/", "\\\\"])
  const before = oneOf([
    "",
    "ENOENT: open '",
    "at ",
    "(",
    "path=",
    "error:",
    "\"",
    "[",
    "é ",
    "a/b ",
    "https://x.io/y "
  ])
  const after = oneOf(["", "'", ":12:3)", " was not found", "\"", "]", ", stat", "\n  at x"])
  const folders = textOf(["canary", "canary-dir", "canáry", "@canary", "canary.d", "canary_1"], 1)

  it.effect.prop(
    "T5 - no folder of the host",
    [before, roots, folders, folders, after],
    ([prefix, root, first, second, suffix]) =>
      Effect.sync(() => {
        const separator = root.includes("\\") ? "\\" : "/"
        const path = `${root}${[first || "canary", second || "canary", "x.ts"].join(separator)}`
        const message = messageOf(`${prefix}${path}${suffix}`)
        assert.notMatch(message, /can[aá]ry/)
        assert.include(message, "x.ts")
      }),
    { arbitrary: { runs: 500 } }
  )

  it("what is no path of the host stays", () => {
    for (
      const text of [
        "GET https://example.com/v1/things/7 failed",
        "expected application/json; got text/html",
        "1/2 of 3/4, and/or nothing",
        "no such route /users",
        "src/index.ts is missing",
        "~/notes and ./a/b"
      ]
    ) assert.strictEqual(messageOf(text), text)
  })

  it("a huge message costs little and is cut", () => {
    assert.strictEqual(messageOf("x".repeat(50_000_000)), `${"x".repeat(500)}…`)
    assert.isAtMost(messageOf("/a".repeat(5_000_000)).length, 501)
  })
})

describe("schema", () => {
  const codec = Schema.toCodecJson(ToolFailure.ToolFailure)
  const transientReasons = [
    "Timeout",
    "RateLimited",
    "Unavailable",
    "ConnectionLost",
    "Conflict",
    "Overloaded",
    "CircuitOpen"
  ] as const
  const permanentReasons = [
    "InvalidArguments",
    "NotFound",
    "PermissionDenied",
    "Unauthenticated",
    "Unsupported",
    "TooLarge",
    "AlreadyExists",
    "FailedPrecondition",
    "Cancelled",
    "DependencyFailed"
  ] as const

  it.effect("round trip - every reason, through JSON text, with its kind", () =>
    Effect.gen(function*() {
      const failures = [
        ...transientReasons.flatMap((reason) => [
          ToolFailure.transient({ reason, message: "m" }),
          ToolFailure.transient({ reason, message: "m", executed: false, retryAfter: "1500 millis" }),
          ToolFailure.transient({ reason, message: "m", executed: true, retryAfter: 0 })
        ]),
        ...permanentReasons.map((reason) => ToolFailure.permanent({ reason, message: "m" })),
        new ToolFailure.Unknown({ message: "m" })
      ]
      for (const failure of failures) {
        const text = JSON.stringify(yield* Schema.encodeEffect(codec)(failure))
        assert.notInclude(text, "kind")
        const back = yield* Schema.decodeUnknownEffect(codec)(JSON.parse(text))
        assert.deepStrictEqual(back, failure)
        assert.strictEqual(back[ToolFailure.kind], failure[ToolFailure.kind])
        assert.strictEqual(back.constructor, failure.constructor)
      }
      assert.deepStrictEqual(ToolFailure.TransientReason.literals, transientReasons)
      assert.deepStrictEqual(ToolFailure.PermanentReason.literals, permanentReasons)
    }))

  it.effect("round trip - a fatal error of a tool's own is fatal again", () =>
    Effect.gen(function*() {
      class Sealed extends Schema.TaggedError<Sealed>()("Sealed", { system: Schema.String }) {
        readonly [ToolFailure.kind] = "fatal" as const
      }
      const json = Schema.toCodecJson(Sealed)
      const encoded = yield* Schema.encodeEffect(json)(new Sealed({ system: "ledger" }))
      assert.deepStrictEqual(encoded, { _tag: "Sealed", system: "ledger" })
      const back = yield* Schema.decodeUnknownEffect(json)(encoded)
      assert.isTrue(ToolFailure.isFatal(back))
    }))

  it("isFatal - only what says so itself", () => {
    assert.isTrue(ToolFailure.isFatal({ [ToolFailure.kind]: "fatal" }))
    assert.isFalse(ToolFailure.isFatal({ [ToolFailure.kind]: "transient" }))
    assert.isFalse(ToolFailure.isFatal({ kind: "fatal" }))
    assert.isFalse(
      ToolFailure.isFatal(AiError.make({ module: "M", method: "m", reason: new AiError.UnknownError({}) }))
    )
    assert.isFalse(ToolFailure.isFatal(undefined))
  })
})
