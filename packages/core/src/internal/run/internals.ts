/**
 * What an agent does not show: how its runs are done.
 *
 * @internal
 */
import type * as Layer from "effect/Layer"
import type { Definition } from "./definition.ts"

/** @internal */
export interface Internals {
  readonly definition: Definition
  /** Handlers that are the agent's own. */
  readonly layer: Layer.Layer<never>
}

/** By agent. @internal */
export const internals = new WeakMap<object, Internals>()
