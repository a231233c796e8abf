/**
 * Claude models for `effect/ai`.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Anthropic from "./Anthropic.ts"
