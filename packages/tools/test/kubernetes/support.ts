import { assert } from "@effect/vitest"
import type { Dispatcher } from "@volley/core"
import { Effect, Layer } from "effect"
import type { Tool } from "effect/ai"
import { HttpClient, HttpClientResponse } from "effect/http"
import { Kubernetes } from "../../src/kubernetes/index.ts"
import type { Cluster } from "../../src/testing/index.ts"

type Kind = Cluster.Fault extends infer F ? F extends Cluster.Fault ? Omit<F, "server" | "matching"> : never : never

export const fault = (kind: Kind, matching = "/pods"): Cluster.Fault => ({ server: "kubernetes", matching, ...kind })

/** A server without sockets, so that only the test's clock counts; keeps what it was asked. */
export const answering = (
  reply: (url: URL) => Response,
  seen: Array<string> = [],
  options: Partial<Parameters<typeof Kubernetes.layer>[0]> = {}
) =>
  Kubernetes.layer({ url: "http://h", ...options }).pipe(
    Layer.provide(
      Layer.succeed(HttpClient.HttpClient)(HttpClient.make((request, url) =>
        Effect.sync(() => {
          seen.push(url.pathname)
          return HttpClientResponse.fromWeb(request, reply(url))
        })
      ))
    )
  )

/** What a call of a tool gives that succeeds. */
export const resultOf = <T extends Tool.Any>(_tool: T, { ok, result }: Dispatcher.CallReport): Tool.Success<T> => {
  assert.isTrue(ok, JSON.stringify(result))
  return result as Tool.Success<T>
}

/** How a call fails: reason, kind and attempts. */
export const failureOf = ({ attempts, failure }: Dispatcher.CallReport) => [failure?.reason, failure?.kind, attempts]
