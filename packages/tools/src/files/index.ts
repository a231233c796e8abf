/**
 * Read-only tools over the files of one folder.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Files from "./Files.ts"
