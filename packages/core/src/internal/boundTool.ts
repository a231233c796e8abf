/**
 * A tool that carries its handler.
 *
 * @internal
 */
import type * as Tool from "effect/ai/Tool"
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

/** @internal */
export interface Bound<R> {
  readonly [TypeId]: BoundHandler<R>
}

/** What running a tool needs: its handler, unless it carries one, and the services of both. @internal */
export type Requirements<T> = T extends Bound<infer R> ? R | Tool.SchemaServices<T>
  : T extends Tool.Any ? Tool.HandlersFor<{ readonly [_ in T["name"]]: T }> | Tool.HandlerServices<T>
  : never

/** @internal */
export const isBound = (tool: unknown): tool is Bound<never> => Predicate.hasProperty(tool, TypeId)
