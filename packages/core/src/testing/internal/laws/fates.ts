/**
 * What happens to each execution of a handler, as data from a seed.
 *
 * @internal
 */
import { randomNumbers } from "../simulate.ts"

/**
 * - `ok`, `slow`: the handler alone; `late`: it takes as long that its time is over.
 * - `transient`, `refused`, `throttled`, `permanent`, `unknown`, `die`, `hang`: so, in its place.
 * - `own`: one of the failures that the tool declares, in its place.
 * - `committed`: the handler, and then a failure.
 *
 * @internal
 */
export type Fate =
  | "ok"
  | "slow"
  | "late"
  | "transient"
  | "refused"
  | "throttled"
  | "permanent"
  | "unknown"
  | "own"
  | "die"
  | "hang"
  | "committed"

/** @internal */
export interface Step {
  readonly fate: Fate
  /** How long it takes, in milliseconds. */
  readonly millis: number
  /** What a throttled one asks to be waited, in milliseconds. */
  readonly retryAfter: number
  /** Chooses among samples. */
  readonly pick: number
}

/** Likelihoods in parts of 100; what is left is ok. @internal */
export type Weather = { readonly [K in Fate]?: number }

/** Some of everything. @internal */
export const changeable: Weather = {
  slow: 8,
  late: 2,
  transient: 12,
  refused: 6,
  throttled: 6,
  permanent: 6,
  unknown: 5,
  own: 6,
  die: 3,
  hang: 2,
  committed: 6
}

/** FNV-1a. */
const hash = (text: string): number => {
  let value = 2166136261
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 16777619)
  return value
}

/** Numbers that belong to what the text names, whatever else is drawn. @internal */
export const numbersOf = (text: string): () => number => {
  const random = randomNumbers(hash(text))
  random()
  return random
}

/** Of an execution by what it is, not by when it comes: the fate of one does not depend on the order of the others. @internal */
export const stepOf = (weather: Weather, execution: string): Step => {
  const random = numbersOf(execution)
  let left = random() * 100
  const fate =
    (Object.entries(weather) as ReadonlyArray<[Fate, number]>).find(([, parts]) => (left -= parts) < 0)?.[0] ?? "ok"
  return {
    fate,
    millis: Math.floor(random() * 5) * 10,
    retryAfter: 50 + Math.floor(random() * 40) * 50,
    pick: Math.floor(random() * 1024)
  }
}
