/**
 * The tool `create_ticket` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { TicketInvalid } from "../TicketsError.ts"
import { TicketStore } from "../TicketStore.ts"
import { Body, dependencies, key, meanings, serviceErrors, View, viewOf } from "./shared.ts"

/**
 * Each execution counts. The service knows the key, so that a request that arrives late finds the ticket made: that makes it
 * safe to ask what became of a lost call, and to repeat it.
 *
 * @internal
 */
export const tool = ToolPolicy.effectful(
  Tool.make("create_ticket", {
    description: [
      "Creates a ticket in the ticket system of the user's team.",
      "Use it when the user wants something reported or tracked, after search_tickets found no ticket for it.",
      "Do not use it to add to a ticket that exists (comment_on_ticket)."
    ].join("\n"),
    parameters: Schema.Struct({
      title: Schema.String.annotate({ description: "What is wrong or wanted, in one line", examples: ["Login fails"] })
        .check(
          Schema.isPattern(/\S/, { expected: "a title" }),
          Schema.isPattern(/^[^\r\n]*$/, { expected: "one line" }),
          Schema.isMaxLength(200)
        ),
      body: Body("What somebody needs to know who works on it")
    }),
    success: View,
    failure: Schema.Union([TicketInvalid, ...serviceErrors]),
    dependencies
  }),
  {
    failures: { TicketInvalid: "permanent", ...meanings },
    timeout: "10 seconds",
    retry: { times: 2 },
    reconcile: (_, { idempotencyKey }) =>
      TicketStore.use((store) => Effect.map(store.created(idempotencyKey), Option.map(viewOf)))
  }
)

/** @internal */
export const handler = Effect.fnUntraced(function*(draft: Tool.Parameters<typeof tool>) {
  const store = yield* TicketStore
  return viewOf(yield* store.create(draft, yield* key))
})
