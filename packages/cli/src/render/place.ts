/**
 * Puts spans of time into the cells of an axis. Pure arithmetic: no characters, no colours.
 *
 * @internal
 */

/** A span of time, in milliseconds since the epoch. @internal */
export interface Segment<Kind> {
  readonly kind: Kind
  readonly from: number
  readonly to: number
}

/** The cells that a segment takes, the last one not included. @internal */
export type Placed<Kind> = Segment<Kind>

/** An axis of so many cells, from a time and so many milliseconds on. @internal */
export interface Scale {
  readonly from: number
  readonly span: number
  readonly cells: number
}

const cellOf = ({ cells, from, span }: Scale, time: number): number =>
  span <= 0 ? 0 : Math.round(((time - from) / span) * cells)

/**
 * The cells of segments that follow each other: in their order, side by side at most, and each one cell at least, which
 * moves what comes after it. Where there are more segments than cells the last ones are shown.
 *
 * @internal
 */
export const place = <Kind>(segments: ReadonlyArray<Segment<Kind>>, scale: Scale): ReadonlyArray<Placed<Kind>> => {
  const shown = segments.slice(-scale.cells)
  let used = 0
  return shown.map(({ from, kind, to }, i) => {
    const after = shown.length - i - 1
    const begin = Math.min(Math.max(used, cellOf(scale, from)), scale.cells - after - 1)
    used = Math.min(Math.max(begin + 1, cellOf(scale, to)), scale.cells - after)
    return { kind, from: begin, to: used }
  })
}

/** Cells from one label to the next, at least. */
const leastDistance = 10

const second = 1000
const minute = 60 * second
const steps = [
  ...[1, 10, 100, second, 10 * second].flatMap((unit) => [unit, 2 * unit, 5 * unit]),
  ...[1, 2, 5, 10, 30, 60].map((n) => n * minute)
].filter((step) => step < 50 * second || step >= minute)

/** The distance of the labels, in milliseconds: a round one. */
const distanceOf = ({ cells, span }: Pick<Scale, "span" | "cells">): number => {
  const least = (span * leastDistance) / cells
  const round = steps.find((one) => one >= least)
  if (round !== undefined) return round
  let long = steps.at(-1)!
  while (long < least) long *= 2
  return long
}

/** A line of labels, each behind a tick at its time; one that has no room is left out. @internal */
export const axis = (scale: Scale, tick: string, label: (millis: number) => string): string => {
  const distance = distanceOf(scale)
  let line = ""
  for (let time = 0; time <= scale.span; time += distance) {
    const text = tick + (time === 0 ? "0" : label(time).replace(".0 ", " "))
    const cell = cellOf(scale, scale.from + time)
    if ((line === "" || cell > line.length) && cell + text.length <= scale.cells) line = line.padEnd(cell) + text
  }
  return line
}
