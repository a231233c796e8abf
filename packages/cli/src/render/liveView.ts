/**
 * Keeps the live view on the screen: draws it at each event, each second and when the terminal is resized.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Live from "./live.ts"
import type * as Screen from "./screen.ts"
import type * as Timeline from "./timeline.ts"

/** A screen that says how wide it is and when that changes. @internal */
export interface Surface {
  readonly screen: Screen.Screen
  readonly columns: () => number
  /** Registers a listener and gives what takes it away again. */
  readonly onResize: (listener: () => void) => () => void
}

/** Shows the present state of a run; what has come to its end stays on the screen. @internal */
export type Show = (timeline: Timeline.Timeline, spent?: Live.Spent) => void

/** Opens the view. @internal */
export const open = Effect.fnUntraced(function*(
  { columns, onResize, screen }: Surface,
  options: Pick<Live.Canvas, "style" | "redact">
): Effect.fn.Return<Show, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  let timeline: Timeline.Timeline | undefined
  let spent: Live.Spent | undefined
  let settled = 0
  const draw = (): void => {
    if (timeline === undefined) return
    const canvas = { ...options, now: clock.currentTimeMillisUnsafe(), columns: columns() }
    const ended = timeline.ended !== undefined
    const lasting = timeline.requests.slice(settled, ended ? undefined : -1)
    const present = ended ? undefined : timeline.requests.at(-1)
    settled += lasting.length
    screen.update(
      [
        ...lasting.flatMap((request) => Live.requestLines(canvas, request, ended)),
        ...(ended ? [Live.summaryLine(canvas, timeline, spent)] : [])
      ],
      present === undefined ? [] : Live.requestLines(canvas, present)
    )
    if (ended) timeline = undefined
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => onResize(draw)),
    (off) =>
      Effect.sync(() => {
        off()
        screen.update([], [])
      })
  )
  yield* Effect.forkScoped(Effect.repeat(Effect.sync(draw), Schedule.spaced("1 second")))
  return (next, used) => {
    timeline = next
    spent = used
    draw()
  }
})
