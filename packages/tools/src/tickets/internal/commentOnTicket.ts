/**
 * The tool `comment_on_ticket` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Comment } from "../Ticket.ts"
import { TicketInvalid, TicketNotFound } from "../TicketsError.ts"
import { TicketStore } from "../TicketStore.ts"
import { Body, cut, dependencies, Id, key, meanings, serviceErrors } from "./shared.ts"

/** Idempotent, since the service makes one comment of all requests with one key. @internal */
export const tool = ToolPolicy.idempotent(
  Tool.make("comment_on_ticket", {
    description: [
      "Adds a comment to a ticket; everybody who sees the ticket can read it.",
      "Use it to report findings or progress on a ticket that exists.",
      "Do not use it to change where a ticket stands (transition_ticket)."
    ].join("\n"),
    parameters: Schema.Struct({ id: Id, body: Body("The comment") }),
    success: Comment,
    failure: Schema.Union([TicketNotFound, TicketInvalid, ...serviceErrors]),
    dependencies
  }),
  {
    failures: { TicketNotFound: "permanent", TicketInvalid: "permanent", ...meanings },
    timeout: "10 seconds",
    retry: { times: 2 },
    // comments stand in the order of their calls
    serial: ({ id }) => id
  }
)

/** @internal */
export const handler = Effect.fnUntraced(function*({ body, id }: Tool.Parameters<typeof tool>) {
  const store = yield* TicketStore
  const comment = yield* store.comment(id, body, yield* key)
  return { ...comment, body: cut(comment.body) }
})
