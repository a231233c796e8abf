/**
 * What a ticket is.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Where a ticket stands.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Status = Schema.Literals(["open", "in_progress", "resolved", "closed"])

/**
 * Where a ticket stands.
 *
 * @category models
 * @since 0.1.0
 */
export type Status = typeof Status.Type

/**
 * A comment on a ticket; `at` is ISO 8601.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Comment = Schema.Struct({
  id: Schema.String.annotate({ description: "Id of the comment" }),
  author: Schema.String.annotate({ description: "Who wrote it" }),
  body: Schema.String.annotate({ description: "What it says" }),
  at: Schema.String.annotate({ description: "When, ISO 8601" })
})

/**
 * A comment on a ticket.
 *
 * @category models
 * @since 0.1.0
 */
export type Comment = typeof Comment.Type

/**
 * A ticket as a list shows it; `updated` is ISO 8601.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Summary = Schema.Struct({
  id: Schema.String.annotate({ description: "Id of the ticket" }),
  title: Schema.String.annotate({ description: "What is wrong or wanted" }),
  status: Status.annotate({ description: "Where it stands" }),
  author: Schema.String.annotate({ description: "Who created it" }),
  updated: Schema.String.annotate({ description: "When it last changed, ISO 8601" })
})

/**
 * A ticket as a list shows it.
 *
 * @category models
 * @since 0.1.0
 */
export type Summary = typeof Summary.Type

/**
 * A ticket with its text and its comments, oldest first.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Ticket = Schema.Struct({
  ...Summary.fields,
  body: Schema.String.annotate({ description: "What somebody needs to know who works on it" }),
  created: Schema.String.annotate({ description: "When, ISO 8601" }),
  comments: Schema.Array(Comment).annotate({ description: "Oldest first" })
})

/**
 * A ticket with its text and its comments.
 *
 * @category models
 * @since 0.1.0
 */
export type Ticket = typeof Ticket.Type
