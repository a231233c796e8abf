/**
 * Appends an event from inside the pipeline.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as RunEvent from "../../RunEvent.ts"
import type { Call, Failed } from "./stage.ts"

/** @internal */
export const emit = (call: Call, event: (at: number) => RunEvent.RunEvent): Effect.Effect<void, Failed> =>
  Effect.flatMap(Clock.currentTimeMillis, (at) => call.shared.emit(event(at)))
