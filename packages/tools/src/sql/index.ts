/**
 * Read-only tools over a PostgreSQL or SQLite database.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Sql from "./Sql.ts"
