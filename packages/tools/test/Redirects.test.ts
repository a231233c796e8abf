import { assert, describe, it } from "@effect/vitest"
import { Dispatcher } from "@volley/core"
import { Loopback } from "@volley/core/testing"
import { Effect, Layer, Redacted } from "effect"
import type { Tool } from "effect/ai"
import { FetchHttpClient } from "effect/http"
import { Kubernetes, Prometheus, Tickets, Weather } from "../src/index.ts"
import { argumentsOf } from "./support/everyTool.ts"

const token = Redacted.make("canary-token-of-the-service")

const tickets = (url: string) =>
  Layer.mergeAll(Tickets.layer, Tickets.layerHttp({ url }), Layer.succeed(Tickets.Caller)({ token }))

/** The families whose server is configured, over `fetch`. */
const families = [
  ["kubernetes", Kubernetes.toolkit, (url: string) => Kubernetes.layer({ url, token })],
  ["prometheus", Prometheus.toolkit, (url: string) => Prometheus.layer({ url, token })],
  ["tickets", Tickets.toolkit, tickets],
  ["weather", Weather.toolkit, (url: string) => Weather.layer({ url, geocodingUrl: url })]
] as const

const statuses = [301, 302, 303, 307, 308]

const places: ReadonlyArray<readonly [where: string, location: (elsewhere: string, path: string) => string]> = [
  ["another origin", (elsewhere, path) => `${elsewhere}${path}`],
  ["another origin without a scheme", (elsewhere, path) => `${elsewhere.slice("http:".length)}${path}`],
  ["a cloud's metadata", () => "http://169.254.169.254/latest/meta-data/"],
  ["another path", () => "/elsewhere"]
]

describe("T1 - a configured server that redirects", () => {
  it.live.each(families)("%s - is not followed: nothing is asked elsewhere, and no credentials go there", ([
    ,
    toolkit,
    layer
  ]) =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const elsewhere = yield* Loopback.serve((request, response) => {
        asked.push(`${request.url} ${request.headers.authorization}`)
        response.end("{}")
      })
      for (const [where, location] of places) {
        for (const status of statuses) {
          const origin = yield* Loopback.serve((request, response) => {
            if (request.url === "/elsewhere") asked.push(request.url)
            response.writeHead(status, { location: location(elsewhere, request.url ?? "") }).end()
          })
          for (const tool of Object.values<Tool.Any>(toolkit.tools)) {
            const { attempts, failure, ok } = yield* Dispatcher.call(tool, argumentsOf(tool)).pipe(
              Effect.provide(layer(origin) as Layer.Layer<Tool.Handler<string>>)
            ) as Effect.Effect<Dispatcher.CallReport>
            assert.isFalse(ok, `${tool.name} ${status} ${where}`)
            assert.deepStrictEqual([failure?.kind, attempts], ["permanent", 1])
          }
        }
      }
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.provide(FetchHttpClient.layer), Effect.scoped))
})
