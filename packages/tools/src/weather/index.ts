/**
 * Current weather and forecast of a city.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Weather from "./Weather.ts"
