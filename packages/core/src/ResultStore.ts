import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * @category models
 * @since 0.1.0
 */
export interface ResultStore {
  readonly keep: (key: string, text: string) => Effect.Effect<void>
}

/**
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<ResultStore> = Context.Reference<ResultStore>("@volley/core/ResultStore", {
  defaultValue: () => ({ keep: () => Effect.void })
})
