/**
 * What can go wrong with a ticket. These are errors of the service: they know nothing of agents, and each tool says what
 * those mean that it can fail with.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Status } from "./Ticket.ts"

/**
 * The caller has no ticket of that id: it does not exist, or is not for the caller to see.
 *
 * @category errors
 * @since 0.1.0
 */
export class TicketNotFound
  extends Schema.TaggedError<TicketNotFound>("@volley/tools/Tickets/TicketNotFound")("TicketNotFound", {
    id: Schema.String
  })
{
  override get message(): string {
    return `There is no ticket ${JSON.stringify(this.id.toWellFormed())}`
  }
}

/**
 * A ticket cannot go from where it stands to where it was to go.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransitionRefused
  extends Schema.TaggedError<TransitionRefused>("@volley/tools/Tickets/TransitionRefused")("TransitionRefused", {
    from: Status,
    to: Status,
    allowed: Schema.Array(Status)
  })
{
  override get message(): string {
    return `A ticket that is ${this.from} cannot become ${this.to}, only ${this.allowed.join(" or ")}`
  }
}

/**
 * The service does not accept what it was given; `detail` is its own message.
 *
 * @category errors
 * @since 0.1.0
 */
export class TicketInvalid
  extends Schema.TaggedError<TicketInvalid>("@volley/tools/Tickets/TicketInvalid")("TicketInvalid", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `The ticket service refuses this: ${this.detail}`
  }
}

/**
 * The caller's credentials are not accepted. Nothing was done.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotSignedIn
  extends Schema.TaggedError<NotSignedIn>("@volley/tools/Tickets/NotSignedIn")("NotSignedIn", {})
{
  override get message(): string {
    return "The ticket service does not accept the user's credentials; the user has to sign in again"
  }
}

/**
 * The caller may not do this.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotPermitted
  extends Schema.TaggedError<NotPermitted>("@volley/tools/Tickets/NotPermitted")("NotPermitted", {})
{
  override get message(): string {
    return "The user may not do this in the ticket service"
  }
}

/**
 * The service cannot be reached or cannot answer for now. `executed: false` says that nothing was done: it was not reached.
 *
 * @category errors
 * @since 0.1.0
 */
export class TicketsUnavailable
  extends Schema.TaggedError<TicketsUnavailable>("@volley/tools/Tickets/TicketsUnavailable")("TicketsUnavailable", {
    status: Schema.optionalKey(Schema.Int),
    executed: Schema.optionalKey(Schema.Literal(false))
  })
{
  override get message(): string {
    return this.status === undefined
      ? "No answer from the ticket service"
      : `The ticket service answered with status ${this.status}`
  }
}

/**
 * The service wants fewer requests. Nothing was done.
 *
 * @category errors
 * @since 0.1.0
 */
export class TicketsLimited
  extends Schema.TaggedError<TicketsLimited>("@volley/tools/Tickets/TicketsLimited")("TicketsLimited", {
    retryAfter: Schema.optionalKey(Schema.DurationFromMillis),
    executed: Schema.Literal(false)
  })
{
  override get message(): string {
    return "The ticket service wants fewer requests"
  }
}

/**
 * The answer is not that of a ticket service, or is larger than 1 MiB.
 *
 * @category errors
 * @since 0.1.0
 */
export class AnswerUnreadable
  extends Schema.TaggedError<AnswerUnreadable>("@volley/tools/Tickets/AnswerUnreadable")("AnswerUnreadable", {
    status: Schema.Int
  })
{
  override get message(): string {
    return `The answer of the ticket service does not have the expected form (status ${this.status})`
  }
}

/**
 * The URL of the service is no plain `http` or `https` URL. Fails the layer when it is built.
 *
 * @category errors
 * @since 0.1.0
 */
export class UrlUnusable
  extends Schema.TaggedError<UrlUnusable>("@volley/tools/Tickets/UrlUnusable")("UrlUnusable", {})
{
  override get message(): string {
    return "The URL of the ticket service is not a plain http or https URL"
  }
}

/**
 * What any request can fail with.
 *
 * @category errors
 * @since 0.1.0
 */
export type ServiceError =
  | NotSignedIn
  | NotPermitted
  | TicketsUnavailable
  | TicketsLimited
  | AnswerUnreadable
