/**
 * The tool `search_tickets` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Schema from "effect/Schema"
import { Status, Summary } from "../Ticket.ts"
import { TicketStore } from "../TicketStore.ts"
import { dependencies, meanings, serviceErrors } from "./shared.ts"

const maxTickets = 50
const defaultTickets = 20

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("search_tickets", {
    description: [
      "Finds the tickets of the user's team by a text in them and by where they stand, the newest first.",
      "Use it when the user asks about tickets, and before a ticket is created.",
      "Do not use it for questions about how things work, nor for the details of one ticket (get_ticket)."
    ].join("\n"),
    parameters: Schema.Struct({
      text: Schema.optionalKey(
        Schema.String.annotate({ description: "A text in title or body; default any", examples: ["login"] })
          .check(Schema.isNonEmpty(), Schema.isMaxLength(200))
      ),
      status: Schema.optionalKey(Status.annotate({ description: "Where they stand; default anywhere" })),
      limit: Schema.optionalKey(
        Schema.Int.annotate({ description: `How many at most, 1 to ${maxTickets}; default ${defaultTickets}` })
          .check(Schema.isBetween({ minimum: 1, maximum: maxTickets }))
      )
    }),
    success: Schema.Struct({
      tickets: Schema.Array(Summary).annotate({ description: "The newest first" }),
      total: Schema.Int.annotate({ description: "How many there are, those that are not listed too" })
    }),
    failure: Schema.Union(serviceErrors),
    dependencies
  }),
  { failures: meanings, timeout: "5 seconds", retry: { times: 2 } }
)

/** @internal */
export const handler = ({ limit = defaultTickets, status, text }: Tool.Parameters<typeof tool>) =>
  TicketStore.use((store) => store.search({ text, status, limit }))
