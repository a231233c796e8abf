/**
 * HTTP requests and pages of the web, guarded against requests that must not be made.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Guard from "./Guard.ts"

/**
 * @since 0.1.0
 */
export * as Http from "./Http.ts"
