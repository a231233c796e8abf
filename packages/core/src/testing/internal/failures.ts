/**
 * What a scripted model fails with: the `AiError` of the Anthropic provider.
 *
 * @internal
 */
import * as AiError from "effect/ai/AiError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Failure from "../../anthropic/internal/failure.ts"
import type * as ModelScript from "../ModelScript.ts"
import * as apiError from "./apiError.ts"
import type * as transmission from "./transmission.ts"

/** @internal */
export const make = (method: string, { reason }: Failure.Failure): AiError.AiError =>
  AiError.make({ module: "ScriptedModel", method, reason })

/** @internal */
export const ofStatus = Effect.fnUntraced(function*(method: string, step: ModelScript.Status) {
  const { body, headers } = apiError.refusal(step, undefined)
  const cause = { status: step.status, headers, error: body }
  return yield* Effect.fail(make(method, Failure.fromUnknown(cause, "request", yield* Clock.currentTimeMillis)))
})

/** How a reply ends after its last piece; a stall never does. @internal */
export const ofEnd = (
  method: string,
  end: Exclude<transmission.Transmission["end"], "whole">
): Effect.Effect<never, AiError.AiError> => {
  switch (end) {
    case "cut":
      return Effect.fail(make(method, Failure.connection("The connection was lost in the middle of the reply")))
    case "eof":
      return Effect.fail(make(method, Failure.connection("The reply ended before message_stop")))
    case "stall":
      return Effect.never
  }
}

/** @internal */
export const ofExhausted = (method: string, description: string): AiError.AiError =>
  AiError.make({ module: "ScriptedModel", method, reason: new AiError.InvalidRequestError({ description }) })
