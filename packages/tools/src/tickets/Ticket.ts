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
  id: Schema.String,
  author: Schema.String,
  body: Schema.String,
  at: Schema.String
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
  id: Schema.String,
  title: Schema.String,
  status: Status,
  author: Schema.String,
  updated: Schema.String
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
  body: Schema.String,
  created: Schema.String.annotate({ description: "ISO 8601" }),
  comments: Schema.Array(Comment)
})

/**
 * A ticket with its text and its comments.
 *
 * @category models
 * @since 0.1.0
 */
export type Ticket = typeof Ticket.Type
