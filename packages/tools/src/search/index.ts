/**
 * Full-text search over a folder of Markdown and text.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Search from "./Search.ts"
