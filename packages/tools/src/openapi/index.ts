/**
 * The operations of an API as tools, from its OpenAPI document.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as OpenApi from "./OpenApi.ts"
