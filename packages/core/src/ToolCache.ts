import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as RunEvent from "./RunEvent.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly at: number
  readonly outcome: { readonly value: unknown } | { readonly failure: RunEvent.Failure }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ToolCache {
  readonly get: (key: string) => Effect.Effect<Entry | undefined>
  readonly set: (key: string, entry: Entry, timeToLive: number) => Effect.Effect<void>
}

/**
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<ToolCache> = Context.Reference<ToolCache>("@volley/core/ToolCache", {
  defaultValue: () => ({ get: () => Effect.undefined, set: () => Effect.void })
})
