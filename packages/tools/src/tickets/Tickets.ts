/**
 * Tools over the tickets of a team: `create_ticket`, `get_ticket`, `search_tickets`, `comment_on_ticket`,
 * `transition_ticket`. It is the model for a family of your own: a service with typed errors, tools that say what those mean,
 * the credentials of whoever the run is for.
 *
 * **Details**
 *
 * The tools need two services of the run: `TicketStore`, which is implemented here in memory and over a REST API and by you
 * over your own system; and `Caller`, on whose behalf they act. So one program serves many users, each with their own rights.
 * The idempotency key of a call goes to the service, which makes one ticket of all requests with one key.
 *
 * It decides nothing about rights: the service does.
 *
 * **Example** (Two users, one program)
 *
 * ```ts
 * import { Dispatcher } from "@volley/core"
 * import { Tickets } from "@volley/tools/tickets"
 * import { Effect, Layer, Redacted } from "effect"
 *
 * const users = ["ann", "bob"].map((name) => ({ name, team: name, token: Redacted.make(`token-of-${name}`) }))
 * // of a system of your own: `Tickets.layerHttp({ url: "https://tickets.example.com/api" })`
 * const application = Layer.merge(Tickets.layer, Tickets.layerMemory({ accounts: users }))
 *
 * const create = Dispatcher.call(Tickets.CreateTicket, { title: "Login fails", body: "Since Monday." })
 * const count = Effect.flatMap(Tickets.TicketStore, (store) => store.search({ text: "login", status: "open", limit: 10 }))
 *
 * const [ann, bob] = users.map(({ token }) => Effect.provideService(Tickets.Caller, { token }))
 * const program = Effect.gen(function*() {
 *   yield* ann!(create)
 *   return [(yield* ann!(count)).total, (yield* bob!(count)).total]
 * })
 * console.log(await Effect.runPromise(Effect.provide(program, application)))
 * ```
 *
 * ```text
 * [ 1, 0 ]
 * ```
 *
 * @since 0.1.0
 */
import * as Redactor from "@volley/core/Redactor"
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { direct } from "../internal/direct.ts"
import { plainUrl } from "../internal/webUrl.ts"
import { layerWithoutSecrets } from "../internal/withoutSecrets.ts"
import * as commentOnTicket from "./internal/commentOnTicket.ts"
import * as createTicket from "./internal/createTicket.ts"
import * as getTicket from "./internal/getTicket.ts"
import * as http from "./internal/http.ts"
import * as memory from "./internal/memory.ts"
import * as searchTickets from "./internal/searchTickets.ts"
import * as transitionTicket from "./internal/transitionTicket.ts"
import { UrlUnusable } from "./TicketsError.ts"
import { Caller, TicketStore } from "./TicketStore.ts"

export * from "./Ticket.ts"
export * from "./TicketsError.ts"
export * from "./TicketStore.ts"

/**
 * Creates a ticket. Effectful; whether a lost call created it is found out by its key.
 *
 * @category tools
 * @since 0.1.0
 */
export const CreateTicket = createTicket.tool

/**
 * Gets a ticket with its last 20 comments.
 *
 * @category tools
 * @since 0.1.0
 */
export const GetTicket = getTicket.tool

/**
 * Finds tickets by text and status: at most 50.
 *
 * @category tools
 * @since 0.1.0
 */
export const SearchTickets = searchTickets.tool

/**
 * Adds a comment. Idempotent by its key.
 *
 * @category tools
 * @since 0.1.0
 */
export const CommentOnTicket = commentOnTicket.tool

/**
 * Changes where a ticket stands. Idempotent.
 *
 * @category tools
 * @since 0.1.0
 */
export const TransitionTicket = transitionTicket.tool

/**
 * The tools of the family.
 *
 * @category tools
 * @since 0.1.0
 */
export const toolkit = Toolkit.make(CreateTicket, GetTicket, SearchTickets, CommentOnTicket, TransitionTicket)

/**
 * Handlers of the family. They ask the `TicketStore` of the run, for its `Caller`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Tool.HandlersFor<typeof toolkit.tools>> = layerWithoutSecrets(
  toolkit,
  Effect.succeed({
    create_ticket: createTicket.handler,
    get_ticket: getTicket.handler,
    search_tickets: searchTickets.handler,
    comment_on_ticket: commentOnTicket.handler,
    transition_ticket: transitionTicket.handler
  })
)

/**
 * A user of the service in memory: `token` is what a `Caller` has, `name` the author of tickets and comments. Users see and
 * change the tickets of their `team`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Account extends memory.Account {}

/**
 * A ticket service in memory, without tickets, for examples and tests.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory = (options: {
  readonly accounts: ReadonlyArray<Account>
}): Layer.Layer<TicketStore> => Layer.sync(TicketStore, () => memory.make(options.accounts))

const storeAt = (text: string): Effect.Effect<typeof TicketStore.Service, UrlUnusable, HttpClient.HttpClient> => {
  const url = plainUrl(text)
  return url === undefined
    ? Effect.fail(new UrlUnusable())
    : Effect.map(HttpClient.HttpClient, (client) => http.make(direct(client), url))
}

/**
 * A ticket service behind the REST API that `docs/tools/tickets.md` describes. Building it fails with `UrlUnusable` where the
 * URL is no plain one of http or https.
 *
 * @param options.url - to which `/tickets` is added
 * @category layers
 * @since 0.1.0
 */
export const layerHttp = (options: {
  readonly url: string
}): Layer.Layer<TicketStore, UrlUnusable, HttpClient.HttpClient> => Layer.effect(TicketStore, storeAt(options.url))

/**
 * All that the tools need where one user runs the program: handlers, the service at `TICKETS_URL`, and as caller the owner of
 * `TICKETS_TOKEN`, which the redactor of the context learns. Where there are several users give each run its own `Caller` instead.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv: Layer.Layer<
  Tool.HandlersFor<typeof toolkit.tools> | TicketStore | Caller,
  UrlUnusable | Config.ConfigError,
  HttpClient.HttpClient
> = Layer.mergeAll(
  layer,
  Layer.effect(TicketStore, Effect.flatMap(Config.NonEmptyString("TICKETS_URL"), storeAt)),
  Layer.effect(
    Caller,
    Effect.zipWith(Config.Redacted("TICKETS_TOKEN"), Redactor.current, (token, redactor) => {
      redactor.add(token)
      return { token }
    })
  )
)
