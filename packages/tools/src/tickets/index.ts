/**
 * Tools over a ticket service of your own: the model for writing your own family.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Tickets from "./Tickets.ts"
