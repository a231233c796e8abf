/**
 * Access to a store that must not hold up a call, nor fail it.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { endOf, halt } from "./endOf.ts"
import type { Call } from "./stage.ts"

/** How long a call waits for a store, in milliseconds. */
const patience = 500

/**
 * What a store gives in time; `undefined`, and a line in the log, where it fails or hangs.
 *
 * @internal
 */
export const inTime = <A>(
  call: Call,
  access: () => Effect.Effect<A, unknown>,
  failed: string
): Effect.Effect<A | undefined> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiber((fiber) => {
      const without = (why: unknown): Effect.Effect<undefined> => Effect.as(Effect.logWarning(failed, why), undefined)
      const asking = Effect.runForkWith(fiber.context)(Effect.suspend(access))
      const settle = (exit: Exit.Exit<A, unknown>): Effect.Effect<A | undefined> =>
        Exit.isSuccess(exit) ? Effect.succeed(exit.value) : without(exit.cause)
      // a store in memory has answered by now
      const ended = asking.pollUnsafe()
      if (ended !== undefined) return settle(ended)
      const left = Math.min(patience, call.deadline - fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
      return restore(endOf(asking, left)).pipe(
        Effect.onInterrupt(() => halt(asking)),
        Effect.flatMap((exit) => {
          if (exit !== undefined) return settle(exit)
          asking.interruptUnsafe()
          return without(`no answer within ${left} ms`)
        })
      )
    })
  )
