/**
 * The ticket service as the tools need it: implement it over your own, and all tools work.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { Comment, Status, Summary, Ticket } from "./Ticket.ts"
import type { ServiceError, TicketInvalid, TicketNotFound, TransitionRefused } from "./TicketsError.ts"

/**
 * On whose behalf a request is made. It is provided around each run, never when a layer is built: so one program serves many
 * users, and no request can be made with the rights of another.
 *
 * @category services
 * @since 0.1.0
 */
export class Caller extends Context.Service<Caller, {
  readonly token: Redacted.Redacted
}>()("@volley/tools/Tickets/Caller") {}

/**
 * The ticket service. What it does, it does for the caller; it shows nobody that a ticket exists which they may not see.
 *
 * - `create`, `comment`: a repeated request of the same caller with the same key does nothing more and gives the same result.
 * - `created`: the ticket that the caller created with that key, if there is one.
 * - `search`: the newest first, at most `limit`; `total` counts all that match. `text` is looked for in title and body
 *   without regard to case.
 * - `transition`: to where it stands already it does nothing.
 *
 * @category services
 * @since 0.1.0
 */
export class TicketStore extends Context.Service<TicketStore, {
  readonly create: (
    draft: { readonly title: string; readonly body: string },
    key: string
  ) => Effect.Effect<Ticket, TicketInvalid | ServiceError, Caller>
  readonly created: (key: string) => Effect.Effect<Option.Option<Ticket>, ServiceError, Caller>
  readonly get: (id: string) => Effect.Effect<Ticket, TicketNotFound | ServiceError, Caller>
  readonly search: (query: {
    readonly text: string | undefined
    readonly status: Status | undefined
    readonly limit: number
  }) => Effect.Effect<{ readonly tickets: ReadonlyArray<Summary>; readonly total: number }, ServiceError, Caller>
  readonly comment: (
    id: string,
    body: string,
    key: string
  ) => Effect.Effect<Comment, TicketNotFound | TicketInvalid | ServiceError, Caller>
  readonly transition: (
    id: string,
    to: Status
  ) => Effect.Effect<Ticket, TicketNotFound | TransitionRefused | ServiceError, Caller>
}>()("@volley/tools/Tickets/TicketStore") {}
