/**
 * A tool that carries its handler.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Types from "effect/Types"

/** @internal */
export const TypeId = "~@volley/core/BoundTool"

/** @internal */
export interface BoundHandler<R> {
  readonly services: Types.Covariant<R>
  readonly handler: (params: never, context: never) => Effect.Effect<unknown, unknown, R>
}

/**
 * That a tool carries its handler, which needs `R`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bound<R> {
  readonly [TypeId]: BoundHandler<R>
}

/** @internal */
export const isBound = (tool: unknown): tool is Bound<never> => Predicate.hasProperty(tool, TypeId)
