import { Effect, Option, Redacted } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Tickets } from "../../src/tickets/index.ts"

type Store = typeof Tickets.TicketStore.Service

/** A request as it arrived. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly token: string
  readonly key: string | undefined
}

/** What to do in place of an answer: before the request is executed, or after it. */
export type Fault = (asked: Asked, count: number) =>
  | { readonly when: "before" | "after"; readonly act: (response: ServerResponse) => void }
  | undefined

type Reply = { readonly status: number; readonly body: unknown }
type Failure = Effect.Error<ReturnType<Store["create" | "get" | "comment" | "transition"]>>

const refused = (error: Failure): Reply => {
  switch (error._tag) {
    case "NotSignedIn":
      return { status: 401, body: {} }
    case "TicketNotFound":
      return { status: 404, body: {} }
    case "TicketInvalid":
      return { status: 422, body: { detail: error.detail } }
    case "TransitionRefused":
      return { status: 409, body: { from: error.from, allowed: error.allowed } }
    default:
      return { status: 500, body: {} }
  }
}

const routes = (store: Store, asked: Asked, url: URL, body: { readonly [key: string]: string }) => {
  const [, , id = "", part] = url.pathname.split("/").map(decodeURIComponent)
  const query = url.searchParams
  const key = asked.key ?? ""
  const made = <A, E>(effect: Effect.Effect<A, E, Tickets.Caller>) =>
    Effect.map(effect, (body) => ({ status: 201, body }))
  const found = <A, E>(effect: Effect.Effect<A, E, Tickets.Caller>) =>
    Effect.map(effect, (body) => ({ status: 200, body }))
  switch (`${asked.method} ${part ?? (id === "" ? "all" : "one")}`) {
    case "POST all":
      return made(store.create({ title: body["title"] ?? "", body: body["body"] ?? "" }, key))
    case "GET all":
      return query.has("key")
        ? found(Effect.map(store.created(query.get("key") ?? ""), (ticket) => ({ tickets: Option.toArray(ticket) })))
        : found(store.search({
          text: query.get("text") ?? undefined,
          status: (query.get("status") ?? undefined) as Tickets.Status | undefined,
          limit: Number(query.get("limit"))
        }))
    case "GET one":
      return found(store.get(id))
    case "POST comments":
      return made(store.comment(id, body["body"] ?? "", key))
    case "PUT status":
      return found(store.transition(id, body["status"] as Tickets.Status))
    default:
      return Effect.succeed({ status: 405, body: {} })
  }
}

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Uint8Array> = []
  for await (const chunk of request) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks).toString()
}

/** The REST API over a store, on loopback; gives its URL and what it was asked. */
export const served = Effect.fnUntraced(function*(store: Store, fault: Fault = () => undefined) {
  // the clock of the test
  const run = Effect.runPromiseWith(yield* Effect.context())
  return yield* Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly asked: ReadonlyArray<Asked>; readonly close: () => void }>(
      (resume) => {
        const all: Array<Asked> = []
        const answer = async (request: IncomingMessage, response: ServerResponse) => {
          const url = new URL(request.url ?? "", "http://loopback")
          const asked: Asked = {
            method: request.method ?? "",
            path: `${url.pathname}${url.search}`,
            token: /^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1] ?? "",
            key: request.headers["idempotency-key"]?.toString()
          }
          all.push(asked)
          const text = await textOf(request)
          const planned = fault(asked, all.length)
          if (planned?.when === "before") return planned.act(response)
          const body = text === "" ? {} : JSON.parse(text) as { readonly [key: string]: string }
          const executed: Effect.Effect<Reply, Failure, Tickets.Caller> = routes(store, asked, url, body)
          const reply = await run(
            executed.pipe(
              Effect.catch((error) => Effect.succeed(refused(error))),
              Effect.provideService(Tickets.Caller, { token: Redacted.make(asked.token) })
            )
          )
          if (planned?.when === "after") return planned.act(response)
          response.writeHead(reply.status, { "content-type": "application/json" }).end(JSON.stringify(reply.body))
        }
        const server = createServer((request, response) => void answer(request, response))
        server.listen(0, "127.0.0.1", () =>
          resume(Effect.succeed({
            url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
            asked: all,
            close: () => {
              server.closeAllConnections()
              server.close()
            }
          })))
      }
    ),
    ({ close }) => Effect.sync(close)
  )
})
