/**
 * Appends an event from inside the pipeline.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as RunEvent from "../../RunEvent.ts"
import type { Call, Failed } from "./stage.ts"

/** @internal */
export const emit = (call: Call, event: (at: number) => RunEvent.RunEvent): Effect.Effect<void, Failed> =>
  Effect.clockWith((clock) => call.shared.emit(event(clock.currentTimeMillisUnsafe())))
