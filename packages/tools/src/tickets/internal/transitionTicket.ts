/**
 * The tool `transition_ticket` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Status } from "../Ticket.ts"
import { TicketNotFound, TransitionRefused } from "../TicketsError.ts"
import { TicketStore } from "../TicketStore.ts"
import { dependencies, Id, meanings, serviceErrors, View, viewOf } from "./shared.ts"

/** Idempotent by itself: a ticket that stands there already stays there. @internal */
export const tool = ToolPolicy.idempotent(
  Tool.make("transition_ticket", {
    description: [
      "Changes where a ticket stands: open, in_progress, resolved or closed.",
      "Use it when work on a ticket begins or ends, or it has to be opened again.",
      "Do not use it to say why (comment_on_ticket)."
    ].join("\n"),
    parameters: Schema.Struct({ id: Id, status: Status.annotate({ description: "Where it is to stand" }) }),
    success: View,
    failure: Schema.Union([TicketNotFound, TransitionRefused, ...serviceErrors]),
    dependencies
  }),
  {
    failures: { TicketNotFound: "permanent", TransitionRefused: "permanent", ...meanings },
    timeout: "10 seconds",
    retry: { times: 2 },
    // two transitions of one ticket in a turn happen in their order
    serial: ({ id }) => id
  }
)

/** @internal */
export const handler = ({ id, status }: Tool.Parameters<typeof tool>) =>
  TicketStore.use((store) => Effect.map(store.transition(id, status), viewOf))
