/**
 * Stage: keeps the attempts within a rate. A call above it waits for its turn, in order, holding no place.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as Result from "effect/Result"
import type * as ToolPolicy from "../../ToolPolicy.ts"
import { atEnd } from "../atEnd.ts"
import { computedKey } from "./computedKey.ts"
import { orLate } from "./inTime.ts"
import { type Call, type Execute, type Failed, keyOf, notExecuted, type Stage } from "./stage.ts"

const reached = (key: string, retryAfter?: number): Failed =>
  notExecuted(
    "transient",
    "RateLimited",
    `the rate of calls of "${key}" is reached`,
    retryAfter === undefined ? {} : { retryAfter }
  )

/**
 * The key of a rate in the store. Each algorithm has numbers of its own; the colon at the end keeps a rate apart from what the
 * store keeps beside another one (`…:refill`).
 */
const storeKey = (key: string, algorithm: string): string => `volley:${algorithm}:${key}:`

const late = (message: string): RateLimiter.RateLimiterError =>
  new RateLimiter.RateLimiterError({ reason: new RateLimiter.RateLimitStoreError({ message }) })

/** How long to wait, in milliseconds; 0 where the call may go on. */
const ask = (call: Call, key: string, options: ToolPolicy.RateLimit<never>): Effect.Effect<number, Failed> => {
  const { algorithm = "fixed-window", limit, window } = options
  const consume = ({ consume }: RateLimiter.RateLimiter) =>
    consume({ key: storeKey(key, algorithm), limit, window, algorithm, onExceeded: "fail" })
  const asked = orLate(call, () => Effect.flatMap(call.shared.dependencies.limiter, consume), late)
  return Effect.result(asked).pipe(
    Effect.flatMap((result) => {
      if (Result.isSuccess(result)) return Effect.succeed(0)
      const { reason } = result.failure
      return reason._tag === "RateLimitExceeded"
        ? Effect.succeed(Math.max(1, Math.ceil(Duration.toMillis(reason.retryAfter))))
        : Effect.fail(
          notExecuted("transient", "Unavailable", "the store of the rate limiter failed", { error: reason })
        )
    })
  )
}

const untilAllowed = Effect.fnUntraced(function*(
  call: Call,
  key: string,
  options: ToolPolicy.RateLimit<never>
): Effect.fn.Return<void, Failed> {
  while (true) {
    const wait = yield* ask(call, key, options)
    if (wait === 0) return
    const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    if (call.hedge || now + wait >= call.deadline) return yield* Effect.fail(reached(key, wait))
    yield* call.shared.emit((at) => ({ _tag: "RateLimited", ...keyOf(call), at, key, wait }))
    yield* Effect.sleep(wait)
  }
})

/** One call of a key asks at a time, so that those who wait keep their order and do not all knock at once. */
const inLane = (call: Call, key: string, asking: Effect.Effect<void, Failed>): Effect.Effect<void, Failed> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.clockWith((clock) => {
      const place = call.shared.dependencies.lane(key).ask()
      const patience = call.hedge ? 0 : call.deadline - clock.currentTimeMillisUnsafe()
      // woken from within the call before it, which goes on first
      const next = Effect.andThen(Effect.yieldNow, asking)
      const asked = place.granted()
        ? restore(asking)
        : Effect.flatMap(
          place.wait(patience, restore),
          (granted) => granted ? restore(next) : Effect.fail(reached(key))
        )
      return atEnd(asked, () => place.leave())
    })
  )

/** @internal */
export const rateLimit: Stage = ({ name, policy }) => {
  const { rateLimit: options } = policy
  if (options === undefined) return undefined
  return (next): Execute => (call) =>
    Effect.suspend(() => {
      const key = computedKey(options.key ?? (() => name), call, "rate")
      if (typeof key !== "string") return Effect.fail(key)
      return Effect.andThen(inLane(call, key, untilAllowed(call, key, options)), Effect.suspend(() => next(call)))
    })
}
