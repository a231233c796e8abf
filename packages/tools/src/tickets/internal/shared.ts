/**
 * What the tools of the family have in common.
 *
 * @internal
 */
import * as ToolCall from "@volley/core/ToolCall"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Ticket } from "../Ticket.ts"
import { AnswerUnreadable, NotPermitted, NotSignedIn, TicketsLimited, TicketsUnavailable } from "../TicketsError.ts"
import { Caller, TicketStore } from "../TicketStore.ts"

/** Whom a tool asks, and for whom: both are the business of the run, not of the layer. @internal */
export const dependencies = [TicketStore, Caller]

/** @internal */
export const serviceErrors = [NotSignedIn, NotPermitted, TicketsUnavailable, TicketsLimited, AnswerUnreadable] as const

/** What they mean, whichever tool fails with them. @internal */
export const meanings = {
  NotSignedIn: "permanent",
  NotPermitted: "permanent",
  TicketsUnavailable: "transient",
  TicketsLimited: "transient",
  AnswerUnreadable: "permanent"
} as const

/** @internal */
export const Id = Schema.String.annotate({ description: "Id of the ticket", examples: ["T-17"] })
  .check(Schema.isPattern(/^[\w-]{1,64}$/, { expected: "the id of a ticket" }))

/** @internal */
export const Body = (description: string) =>
  Schema.String.annotate({ description }).check(
    Schema.isPattern(/\S/, { expected: "a text" }),
    Schema.isMaxLength(10_000)
  )

const maxComments = 20
const maxText = 10_000

/** A ticket as the model reads it: bounded. @internal */
export const View = Schema.Struct({
  ...Ticket.fields,
  comments: Ticket.fields.comments.annotate({ description: `The last ${maxComments}, oldest first` }),
  earlier_comments: Schema.optionalKey(Schema.Int.annotate({ description: "Comments before those" }))
})

/** @internal */
export const cut = (text: string): string => text.length > maxText ? `${text.slice(0, maxText).toWellFormed()}…` : text

/** @internal */
export const viewOf = (ticket: Ticket): typeof View.Type => {
  const comments = ticket.comments.slice(-maxComments).map((comment) => ({ ...comment, body: cut(comment.body) }))
  const earlier = ticket.comments.length - comments.length
  return { ...ticket, body: cut(ticket.body), comments, ...(earlier === 0 ? {} : { earlier_comments: earlier }) }
}

/** The idempotency key of the call; outside of a run each call has its own. @internal */
export const key: Effect.Effect<string> = Effect.map(
  ToolCall.current,
  (call) => call?.idempotencyKey ?? globalThis.crypto.randomUUID()
)
