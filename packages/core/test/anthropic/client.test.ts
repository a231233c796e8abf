import { Anthropic as Sdk } from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import { Redactor } from "@volley/core"
import { Anthropic } from "@volley/core/anthropic"
import { ConfigProvider, Deferred, Effect, Exit, Fiber, Layer, Redacted, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import * as Events from "./support/events.ts"
import * as FakeClient from "./support/fakeClient.ts"

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A server on a free port for as long as the scope lives; its address. */
const serve = (handler: Handler, onBody?: (request: IncomingMessage, body: string) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((request, response) => {
          const pieces: Array<Buffer> = []
          request.on("data", (piece: Buffer) => pieces.push(piece)).on("end", () => {
            onBody?.(request, Buffer.concat(pieces).toString("utf8"))
            handler(request, response)
          })
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.closeAllConnections()
          server.close()
        })
    ),
    (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  )

const write = (response: ServerResponse, events: ReadonlyArray<{ readonly type: string }>): void => {
  response.writeHead(200, { "content-type": "text/event-stream" })
  for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
}

const answer: Handler = (_, response) => {
  write(response, Events.textReply("Hello"))
  response.end()
}

const model = Anthropic.model("claude-test", { retries: 0 })
const generate = Effect.provide(LanguageModel.generateText({ prompt: "Hello" }), model)
const modelAt = (baseUrl: string) => Layer.provide(Anthropic.model("claude-test"), Anthropic.layer({ baseUrl }))
const stream = LanguageModel.streamText({ prompt: "Hello" })

const environment = (env: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnv({ env }))

// These tests run in real time, since they talk to a real server.
describe("layer", () => {
  it.effect("credentials - are taken out of journals by the redactor", () =>
    Effect.gen(function*() {
      const redactor = Redactor.make()
      const secrets = ["plain-api-key-1", "plain-token-2", "plain-env-key-3"] as const
      const layers = [
        Anthropic.layer({ apiKey: Redacted.make(secrets[0]) }),
        Anthropic.layer({ authToken: Redacted.make(secrets[1]) }),
        Anthropic.layerFromEnv.pipe(Layer.provide(environment({ ANTHROPIC_API_KEY: secrets[2] })))
      ]
      for (const layer of layers) {
        yield* Effect.scoped(Layer.build(layer)).pipe(Effect.provideService(Redactor.current, redactor))
      }
      assert.strictEqual(redactor.redact(secrets.join(" ")), "[redacted] [redacted] [redacted]")
    }))

  const authorization = (connection: (baseUrl: string) => Layer.Layer<Anthropic.AnthropicClient, unknown>) =>
    Effect.gen(function*() {
      let seen: IncomingMessage["headers"] = {}
      const url = yield* serve((request, response) => {
        seen = request.headers
        answer(request, response)
      })
      const { text } = yield* Effect.provide(generate, connection(url))
      assert.strictEqual(text, "Hello")
      return seen
    })

  it.live("layer - a key, a token or, for a local server, a placeholder is sent", () =>
    Effect.gen(function*() {
      const key = yield* authorization((baseUrl) => Anthropic.layer({ baseUrl, apiKey: Redacted.make(" key-1\n") }))
      assert.strictEqual(key.authorization, "Bearer key-1")
      const token = yield* authorization((baseUrl) => Anthropic.layer({ baseUrl, authToken: Redacted.make("token-1") }))
      assert.strictEqual(token.authorization, "Bearer token-1")
      const none = yield* authorization((baseUrl) => Anthropic.layer({ baseUrl, headers: { "x-team": "blue" } }))
      assert.strictEqual(none.authorization, "Bearer none")
      assert.strictEqual(none["x-team"], "blue")
    }))

  it.live("layer - the body goes out as the bytes of the request, with its length and type", () =>
    Effect.gen(function*() {
      const seen: Array<{ readonly headers: IncomingMessage["headers"]; readonly body: string }> = []
      const url = yield* serve((request, response) => answer(request, response), (request, body) => {
        seen.push({ headers: request.headers, body })
      })
      const prompt = [{ role: "system", content: "Be brief" }, { role: "user", content: "Grüße \ud83d" }] as const
      const settings = { betas: ["a-1", "b-2"] }
      const asked = LanguageModel.generateText({ prompt })
      const sent = FakeClient.make({ events: Events.textReply("Hello") })
      yield* Effect.provide(
        asked,
        Layer.provide(Anthropic.model("claude-test", settings), Anthropic.layer({ baseUrl: url }))
      )
      yield* Effect.provide(asked, Layer.provide(Anthropic.model("claude-test", settings), Anthropic.layerClient(sent)))
      const [{ body, headers } = { body: "", headers: {} }] = seen
      assert.strictEqual(body, JSON.stringify(sent.bodies[0]))
      assert.include(body, "Grüße \ufffd")
      assert.strictEqual(headers["content-type"], "application/json")
      assert.strictEqual(headers["content-length"], String(Buffer.byteLength(body)))
      assert.strictEqual(headers["anthropic-beta"], "a-1,b-2")
      assert.strictEqual(headers["anthropic-version"], "2026-10-21")
    }))

  it.effect("layerClient - the spans of an SDK client are off, and those of the client itself as they were", () =>
    Effect.gen(function*() {
      const own = new Sdk({ apiKey: "key-1", openTelemetry: { traces: { enabled: true } } })
      const client = yield* Effect.provide(Anthropic.AnthropicClient, Anthropic.layerClient(own))
      assert.instanceOf(client, Sdk)
      if (!(client instanceof Sdk)) return
      assert.isTrue(own.openTelemetry.traces.enabled)
      assert.isFalse(client.openTelemetry.traces.enabled)
      assert.strictEqual(client.apiKey, "key-1")
      const other = FakeClient.make({ pending: true })
      assert.strictEqual(yield* Effect.provide(Anthropic.AnthropicClient, Anthropic.layerClient(other)), other)
    }))

  it.live("modelInfo - is asked for once, and absent where nobody tells", () =>
    Effect.gen(function*() {
      const paths: Array<string | undefined> = []
      const url = yield* serve((request, response) => {
        paths.push(request.url)
        response.writeHead(request.url?.includes("claude-test") ? 200 : 404, { "content-type": "application/json" })
        response.end(JSON.stringify({ id: "claude-test", max_input_tokens: 1_000_000, max_tokens: 128_000 }))
      })
      const infos = Effect.all([
        Anthropic.modelInfo("claude-test"),
        Anthropic.modelInfo("claude-test"),
        Anthropic.modelInfo("other")
      ])
      const known = { window: 1_000_000, maxTokens: 128_000 }
      assert.deepStrictEqual(yield* Effect.provide(infos, Anthropic.layer({ baseUrl: url })), [known, known, undefined])
      assert.deepStrictEqual(paths, ["/v1/models/claude-test", "/v1/models/other"])
      const silent = FakeClient.make({ pending: true })
      assert.deepStrictEqual(
        yield* Effect.provide(infos, Anthropic.layerClient(silent)),
        [undefined, undefined, undefined]
      )
    }))

  const counting = (answer: (id: string, signal: AbortSignal) => Promise<unknown>) => {
    const asked: Array<string> = []
    const client: Anthropic.Client = {
      ...FakeClient.make({ pending: true }),
      models: {
        retrieve: (id, _, { signal }) => {
          asked.push(id)
          return answer(id, signal)
        }
      }
    }
    return { asked, layer: Anthropic.layerClient(client) }
  }

  it.effect("modelInfo - who asks while an answer is awaited waits for the same one, also when the first gives up", () =>
    Effect.gen(function*() {
      let answer: (value: unknown) => void = () => undefined
      const { asked, layer } = counting(() => new Promise((resolve) => (answer = resolve)))
      const info = Effect.provide(Anthropic.modelInfo("claude-test"), layer)
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(info))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fibers[0]!)
      answer({ max_tokens: 5 })
      assert.deepStrictEqual(yield* Effect.forEach(fibers.slice(1), Fiber.join), [{ maxTokens: 5 }, { maxTokens: 5 }])
      assert.deepStrictEqual(yield* info, { maxTokens: 5 })
      assert.deepStrictEqual(asked, ["claude-test"])
    }))

  it.effect("modelInfo - a failure is forgotten, and an interrupted question is aborted", () =>
    Effect.gen(function*() {
      const answers = [Promise.reject(new Error("no")), Promise.resolve({ max_tokens: 5 })]
      const failing = counting(() => answers.shift()!)
      const info = Effect.provide(Anthropic.modelInfo("claude-test"), failing.layer)
      assert.deepStrictEqual([yield* info, yield* info, yield* info], [undefined, { maxTokens: 5 }, { maxTokens: 5 }])
      assert.strictEqual(failing.asked.length, 2)
      let aborted = false
      const silent = counting((_, signal) => {
        signal.addEventListener("abort", () => (aborted = true))
        return new Promise(() => {})
      })
      const fiber = yield* Effect.forkChild(Effect.provide(Anthropic.modelInfo("claude-test"), silent.layer))
      while (silent.asked.length === 0) yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.isTrue(aborted)
    }))

  it.effect("layer - the retries, the logs and the spans of the SDK are off", () =>
    Effect.gen(function*() {
      const client = yield* Anthropic.AnthropicClient
      assert.instanceOf(client, Sdk)
      if (!(client instanceof Sdk)) return
      assert.strictEqual(client.maxRetries, 0)
      assert.strictEqual(client.logLevel, "off")
      assert.isFalse(client.openTelemetry.traces.enabled)
      assert.strictEqual(client.baseURL, "https://api.anthropic.com")
    }).pipe(Effect.provide(Anthropic.layer({ apiKey: Redacted.make("key-1") }))))

  it.live("layerFromEnv - reads key, token and address; the key wins, empty values count as absent", () =>
    Effect.gen(function*() {
      const fromEnv = (env: Record<string, string>) =>
        authorization((url) => Layer.provide(Anthropic.layerFromEnv, environment({ ANTHROPIC_BASE_URL: url, ...env })))
      const both = yield* fromEnv({ ANTHROPIC_API_KEY: "key-1", ANTHROPIC_AUTH_TOKEN: "token-1" })
      assert.strictEqual(both.authorization, "Bearer key-1")
      const token = yield* fromEnv({ ANTHROPIC_API_KEY: " ", ANTHROPIC_AUTH_TOKEN: "token-1" })
      assert.strictEqual(token.authorization, "Bearer token-1")
      assert.strictEqual((yield* fromEnv({})).authorization, "Bearer none")
    }))

  it.live("modelFromEnv - is a model with its client", () =>
    Effect.gen(function*() {
      const url = yield* serve(answer)
      const layer = Layer.provide(Anthropic.modelFromEnv("claude-test"), environment({ ANTHROPIC_BASE_URL: url }))
      const { text } = yield* Effect.provide(LanguageModel.generateText({ prompt: "Hello" }), layer)
      assert.strictEqual(text, "Hello")
    }))

  it.effect("modelFromEnv - fails with a ConfigError that names the variables when none is set", () =>
    Effect.gen(function*() {
      const layer = Layer.provide(Anthropic.modelFromEnv("claude-test"), environment({ ANTHROPIC_API_KEY: "" }))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      assert.strictEqual(error._tag, "ConfigError")
      for (const name of ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"]) {
        assert.include(error.message, name)
      }
    }))

  it.live("layer - a key that cannot be a header is not in the error", () =>
    Effect.gen(function*() {
      const connection = Anthropic.layer({ baseUrl: "http://127.0.0.1:1", apiKey: Redacted.make("my\nsecret") })
      const error = yield* Effect.flip(Effect.provide(generate, connection))
      assert.notMatch(JSON.stringify(error) + error.message, /my\W+secret|secret/)
    }))

  it.live("layer - an address where nobody listens is a network error with its code", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.provide(generate, Anthropic.layer({ baseUrl: "http://127.0.0.1:1" })))
      assert.strictEqual(error.reason._tag, "NetworkError")
    }))

  it.live("layer - an error response is classified", () =>
    Effect.gen(function*() {
      const url = yield* serve((_, response) => {
        response.writeHead(429, { "content-type": "application/json", "request-id": "req_7", "retry-after": "3" })
        response.end(JSON.stringify({
          type: "error",
          error: {
            type: "rate_limit_error",
            message: "Slow down",
            details: { error_code: "enforced_spend_limit_reached" }
          }
        }))
      })
      const error = yield* Effect.flip(Effect.provide(generate, Anthropic.layer({ baseUrl: url })))
      assert.strictEqual(error.reason._tag, "QuotaExhaustedError")
      if (error.reason._tag !== "QuotaExhaustedError") return
      assert.deepInclude(error.reason.metadata["anthropic"] as object, { status: 429, requestId: "req_7" })
    }))
})

describe("connections", () => {
  it.live("a complete reply gives its connection back", () =>
    Effect.gen(function*() {
      const sockets = new Set<unknown>()
      const url = yield* serve((request, response) => {
        sockets.add(request.socket)
        answer(request, response)
      })
      yield* generate.pipe(
        Effect.andThen(Effect.sleep("10 millis")),
        Effect.repeat({ times: 3 }),
        Effect.provide(Anthropic.layer({ baseUrl: url }))
      )
      assert.strictEqual(sockets.size, 1)
    }))

  it.live("interruption closes the connection of a reply that stalls", () =>
    Effect.gen(function*() {
      const closed = yield* Deferred.make<void>()
      const shown = yield* Deferred.make<void>()
      const url = yield* serve((_, response) => {
        response.on("close", () => Deferred.doneUnsafe(closed, Exit.void))
        write(response, Events.textReply("Hello").slice(0, 3))
      })
      const fiber = yield* stream.pipe(
        Stream.runForEach((part) => part.type === "text-delta" ? Deferred.succeed(shown, undefined) : Effect.void),
        Effect.provide(modelAt(url)),
        Effect.forkChild
      )
      yield* Deferred.await(shown)
      yield* Fiber.interrupt(fiber)
      yield* Effect.timeout(Deferred.await(closed), "2 seconds")
    }))

  it.live("interruption closes the connection of a request that waits for its response, and leaves no other open", () =>
    Effect.gen(function*() {
      const arrived = yield* Deferred.make<void>()
      const closed = yield* Deferred.make<void>()
      const url = yield* serve((request) => {
        request.socket.on("close", () => Deferred.doneUnsafe(closed, Exit.void))
        Deferred.doneUnsafe(arrived, Exit.void)
      })
      const fiber = yield* Effect.forkChild(Effect.provide(generate, Anthropic.layer({ baseUrl: url })))
      yield* Deferred.await(arrived)
      yield* Fiber.interrupt(fiber)
      yield* Effect.timeout(Deferred.await(closed), "2 seconds")
    }))

  it.live("a hundred interrupted replies leave no socket and no listener", () =>
    Effect.gen(function*() {
      const open = new Set<unknown>()
      const warnings: Array<string> = []
      const warn = (warning: Error) => warnings.push(warning.name)
      process.on("warning", warn)
      const url = yield* serve((request, response) => {
        open.add(request.socket)
        request.socket.once("close", () => open.delete(request.socket))
        write(response, Events.textReply("Hello").slice(0, 3))
      })
      const first = Stream.runDrain(Stream.take(Stream.filter(stream, (part) => part.type === "text-delta"), 1))
      yield* Effect.provide(Effect.repeat(first, { times: 99 }), modelAt(url))
      for (let wait = 0; wait < 100 && open.size > 0; wait++) yield* Effect.sleep("10 millis")
      process.off("warning", warn)
      assert.strictEqual(open.size, 0)
      assert.deepStrictEqual(warnings, [])
    }))

  it.live("a connection that drops, ends early or brings an error event fails the stream after its parts", () =>
    Effect.gen(function*() {
      const start = Events.textReply("Hello").slice(0, 3)
      const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" }, request_id: "req_9" }
      const endings: ReadonlyArray<readonly [string, string, (response: ServerResponse) => void]> = [
        ["drop", "NetworkError", (response) => setTimeout(() => response.destroy(), 10)],
        ["end", "NetworkError", (response) => response.end()],
        ["cut", "NetworkError", (response) => response.end("event: content_block_delta\ndata: {\"type\":\"con\n\n")],
        ["error", "InternalProviderError", (response) => {
          response.end(`event: error\ndata: ${JSON.stringify(error)}\n\n`)
        }]
      ]
      for (const [name, tag, end] of endings) {
        const url = yield* serve((_, response) => {
          write(response, start)
          end(response)
        })
        const types: Array<string> = []
        const failure = yield* stream.pipe(
          Stream.runForEach((part) => Effect.sync(() => types.push(part.type))),
          Effect.provide(modelAt(url)),
          Effect.flip
        )
        assert.strictEqual(failure.reason._tag, tag, name)
        assert.isTrue(failure.isRetryable, name)
        assert.deepStrictEqual(types, ["response-metadata", "text-start", "text-delta"], name)
      }
    }))
})
