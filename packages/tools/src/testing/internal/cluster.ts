/**
 * Serves a plan over `node:http`.
 *
 * @internal
 */
import * as Loopback from "@volley/core/testing/Loopback"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Cluster, Fault, Plan, RecordedRequest, Server } from "../Cluster.ts"
import * as kubernetes from "./kubernetesApi.ts"
import * as prometheus from "./prometheusApi.ts"
import type { Asked, Reply } from "./reply.ts"
import * as Seed from "./seed.ts"

const longestForm = 1024 * 1024

const asks = Effect.fnUntraced(function*(incoming: IncomingMessage): Effect.fn.Return<Asked> {
  const url = new URL(incoming.url ?? "/", "http://127.0.0.1")
  const isForm = (incoming.headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded")
  const form = isForm ? new URLSearchParams((yield* Loopback.readBody(incoming, longestForm)).text) : []
  return {
    method: incoming.method ?? "GET",
    path: url.pathname,
    parameters: Object.fromEntries([...url.searchParams, ...form]),
    authorization: incoming.headers.authorization
  }
})

const matches = (fault: Fault, server: Server, { parameters, path }: Asked): boolean =>
  fault.server === server &&
  `${path}?${Object.entries(parameters).map(([name, value]) => `${name}=${value}`).join("&")}`.includes(fault.matching)

const apis = { kubernetes, prometheus }

const contentType = (body: unknown): string => typeof body === "string" ? "text/plain" : "application/json"

const textOf = (body: unknown): string => typeof body === "string" ? body : JSON.stringify(body)

/** Half of the answer under the length of all of it, then the end of the connection. */
const sendHalf = (response: ServerResponse, { body, status }: Reply) =>
  Effect.suspend(() => {
    const bytes = Buffer.from(textOf(body))
    response.writeHead(status, { "content-type": contentType(body), "content-length": bytes.length })
    const half = Loopback.write(response, bytes.subarray(0, bytes.length / 2).toString())
    return Effect.andThen(half, Effect.sync(() => response.destroy()))
  })

const flooded = `${"flood ".repeat(1000)}\n`

/** Until the reader is gone: each piece waits for the one before it. */
const sendFlood = (response: ServerResponse) =>
  Effect.suspend(() => {
    response.writeHead(200, { "content-type": "text/plain" })
    return Effect.forever(Loopback.write(response, flooded))
  })

const send = (response: ServerResponse, { body, headers, status, stays }: Reply) =>
  Effect.suspend(() => {
    const text = textOf(body)
    response.writeHead(status, { "content-type": contentType(body), ...headers })
    return stays === true ? Effect.andThen(Loopback.write(response, text), Effect.never) : Loopback.end(response, text)
  })

/** Whether the answer is as it would be without the fault, and only its sending is not. */
const isOfSending = ({ kind }: Fault): boolean => kind === "slow" || kind === "cut" || kind === "flood"

const senders: { readonly [kind in Fault["kind"]]?: typeof send } = { cut: sendHalf, flood: sendFlood }

/** @internal */
export const make = Effect.fnUntraced(function*(plan: Plan) {
  const token = Redacted.make(Seed.make(plan.seed ^ 0x5eed).text(40, "abcdefghijklmnopqrstuvwxyz0123456789"))
  const recorded = yield* Ref.make<ReadonlyArray<RecordedRequest>>([])
  const used = yield* Ref.make<ReadonlyMap<Fault, number>>(new Map())
  const run = yield* FiberSet.makeRuntime()

  const faultFor = (server: Server, asked: Asked): Effect.Effect<Fault | undefined> =>
    Ref.modify(used, (counts) => {
      const isLeft = (fault: Fault): boolean => !("times" in fault) || (counts.get(fault) ?? 0) < fault.times
      const fault = plan.faults.find((it) => matches(it, server, asked) && isLeft(it))
      return [fault, fault === undefined ? counts : new Map(counts).set(fault, (counts.get(fault) ?? 0) + 1)]
    })

  const answer = Effect.fnUntraced(function*(server: Server, asked: Asked, fault: Fault | undefined) {
    if (fault?.kind === "hang") return yield* Effect.never
    if (fault?.kind === "slow") yield* Effect.sleep(fault.millis)
    if (fault !== undefined && !isOfSending(fault)) return apis[server].refuse(fault)
    const now = (yield* Clock.currentTimeMillis) / 1000
    return apis[server].answer(plan, asked, { token: Redacted.value(token), now })
  })

  const handle = Effect.fnUntraced(function*(server: Server, incoming: IncomingMessage, response: ServerResponse) {
    const asked = yield* asks(incoming)
    const fault = yield* faultFor(server, asked)
    const request: RecordedRequest = {
      server,
      method: asked.method,
      path: asked.path,
      parameters: asked.parameters,
      ...(fault === undefined ? {} : { fault: fault.kind })
    }
    const index = yield* Ref.modify(recorded, (all) => [all.length, [...all, request]])
    yield* answer(server, asked, fault).pipe(
      Effect.tap(({ status }) => Ref.update(recorded, (all) => all.with(index, { ...all[index]!, status }))),
      Effect.flatMap((reply) => (fault === undefined ? send : senders[fault.kind] ?? send)(response, reply)),
      Effect.raceFirst(Loopback.gone(response))
    )
  })

  const serve = (server: Server) =>
    Loopback.serve((incoming, response) => {
      const broken = Effect.sync(() => response.destroy())
      run(Effect.onError(handle(server, incoming, response), () => broken))
    })

  const cluster: Cluster = {
    kubernetesUrl: yield* serve("kubernetes"),
    prometheusUrl: yield* serve("prometheus"),
    token,
    plan,
    requests: Ref.get(recorded)
  }
  return cluster
})
