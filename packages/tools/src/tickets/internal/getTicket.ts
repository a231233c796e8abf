/**
 * The tool `get_ticket` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TicketNotFound } from "../TicketsError.ts"
import { TicketStore } from "../TicketStore.ts"
import { dependencies, Id, meanings, serviceErrors, View, viewOf } from "./shared.ts"

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("get_ticket", {
    description: [
      "Gets a ticket with its text and its last comments.",
      "Use it when the id of a ticket is known, for its details or where it stands.",
      "Do not use it to find tickets (search_tickets)."
    ].join("\n"),
    parameters: Schema.Struct({ id: Id }),
    success: View,
    failure: Schema.Union([TicketNotFound, ...serviceErrors]),
    dependencies
  }),
  { failures: { TicketNotFound: "permanent", ...meanings }, timeout: "5 seconds", retry: { times: 2 } }
)

/** @internal */
export const handler = ({ id }: Tool.Parameters<typeof tool>) =>
  TicketStore.use((store) => Effect.map(store.get(id), viewOf))
