/**
 * When a failed request is sent again.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Failure } from "./failure.ts"

const longestRetryAfter = Duration.seconds(30)

const isWorthWaiting = ({ retryAfter, retryable }: Failure): boolean =>
  retryable && (retryAfter === undefined || Duration.isLessThanOrEqualTo(retryAfter, longestRetryAfter))

/**
 * Up to `retries` more requests after 0.5 s × 2ⁿ ± 20 %, at most 8 s. A `Retry-After` is waited for in full; one that
 * is longer than 30 s ends the retries, since sending earlier is refused again.
 *
 * @internal
 */
export const schedule = (retries: number): Schedule.Schedule<Duration.Duration, Failure> =>
  Schedule.min([Schedule.jittered(Schedule.exponential("500 millis")), Schedule.spaced("8 seconds")]).pipe(
    Schedule.setInputType<Failure>(),
    Schedule.while(({ input }) => Effect.succeed(isWorthWaiting(input))),
    Schedule.modifyDelay(({ duration, input }) =>
      Effect.succeed(Duration.max(duration, input.retryAfter ?? Duration.zero))
    ),
    Schedule.upTo({ times: retries }),
    Schedule.tap(({ attempt, duration, input }) =>
      Effect.logDebug(
        `Anthropic request failed (${input.reason._tag}), retry ${attempt} in ${Duration.format(duration)}`
      )
    )
  )
