/**
 * When a failed request is sent again.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { RetrySchedule, Settings } from "../Anthropic.ts"
import type { Failure } from "./failure.ts"

/** @internal */
export const deadline: Context.Reference<number> = Context.Reference<number>("@volley/core/anthropic/deadline", {
  defaultValue: () => Number.POSITIVE_INFINITY
})

const longestRetryAfter = Duration.seconds(30)

const isWorthWaiting = ({ retryAfter, retryable }: Failure): boolean =>
  retryable && (retryAfter === undefined || Duration.isLessThanOrEqualTo(retryAfter, longestRetryAfter))

const own: RetrySchedule = Schedule.min([
  Schedule.jittered(Schedule.exponential("500 millis")),
  Schedule.spaced("8 seconds")
])

const defaultRetries = 2

/**
 * Up to `retries` more requests after 0.5 s × 2ⁿ ± 20 %, at most 8 s, or the schedule of the settings. A `Retry-After` is
 * waited for in full. One that is longer than 30 s ends the retries, since sending earlier is refused again, and so does
 * a wait beyond `end`, milliseconds since the epoch.
 *
 * @internal
 */
export const schedule = ({ retries, retry }: Settings, end: number): Schedule.Schedule<unknown, Failure> =>
  (retry ?? own).pipe(
    Schedule.setInputType<Failure>(),
    Schedule.modifyDelay(({ duration, input }) =>
      Effect.succeed(Duration.max(duration, input.retryAfter ?? Duration.zero))
    ),
    Schedule.while(({ duration, input, now }) =>
      Effect.succeed(isWorthWaiting(input) && now + Duration.toMillis(duration) < end)
    ),
    (schedule) =>
      retry !== undefined && retries === undefined
        ? schedule
        : Schedule.upTo(schedule, { times: retries ?? defaultRetries }),
    Schedule.tap(({ attempt, duration, input }) =>
      Effect.logDebug(
        `Anthropic request failed (${input.reason._tag}), retry ${attempt} in ${Duration.format(duration)}`
      )
    )
  )
