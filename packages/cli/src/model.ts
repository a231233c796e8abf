/**
 * Which model answers.
 *
 * @internal
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Exit, usage } from "./exit.ts"

/** @internal */
export const offline = "offline"

const defaultModel = "claude-sonnet-5-5"

const variables = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"] as const

/** Whether the environment says how to reach Claude. @internal */
export const reachable: Effect.Effect<boolean> = Config.all(
  variables.map((name) => Config.withDefault(Config.String(name), ""))
).pipe(
  Effect.map((values) => values.some((value) => value.trim() !== "")),
  Effect.orElseSucceed(() => false)
)

/** @internal */
export interface Choice {
  readonly id: string
  /** What to tell a user who did not choose. */
  readonly note: string | undefined
}

/** The model that was asked for, else Claude where it can be reached, else the offline planner. @internal */
export const choose = (asked: string | undefined, canReachClaude: boolean): Choice | Exit => {
  const id = asked?.trim()
  if (id === "") return usage("--model is empty; give a Claude model id or \"offline\"")
  if (id !== undefined) {
    return id === offline || canReachClaude ? { id, note: undefined } : usage(
      `Model "${id}" needs ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN, or ANTHROPIC_BASE_URL for a local server`
    )
  }
  return canReachClaude
    ? { id: defaultModel, note: `model: ${defaultModel}` }
    : { id: offline, note: "model: offline planner (not a language model); set ANTHROPIC_API_KEY to ask Claude" }
}

/** The layer of a chosen model; only what it needs is loaded. @internal */
export const layer = (
  id: string,
  maxTokens: number | undefined
): Effect.Effect<Layer.Layer<LanguageModel.LanguageModel>> =>
  id === offline
    ? Effect.map(Effect.promise(() => import("@volley/core/offline")), ({ Offline }) => Offline.layer)
    : Effect.map(Effect.promise(() => import("@volley/core/anthropic")), ({ Anthropic }) =>
      // `choose` has seen that the environment holds what this reads
      Layer.orDie(Anthropic.modelFromEnv(id, maxTokens === undefined ? {} : { maxTokens })))
