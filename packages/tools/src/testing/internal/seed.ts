/**
 * A stream of numbers that depends on a seed alone.
 *
 * @internal
 */

/** @internal */
export interface Seeded {
  /** A number from 0 up to 1. */
  readonly next: () => number
  /** A whole number from `least` to `most`. */
  readonly int: (least: number, most: number) => number
  readonly shuffle: <A>(items: ReadonlyArray<A>) => ReadonlyArray<A>
  /** So many characters of an alphabet. */
  readonly text: (length: number, alphabet: string) => string
}

/** The generator "mulberry32" (public domain, Tommy Ettinger). @internal */
export const make = (seed: number): Seeded => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1))
  return {
    next,
    int,
    shuffle: (items) =>
      items.map((item) => ({ item, at: next() })).toSorted((a, b) => a.at - b.at).map(({ item }) => item),
    text: (length, alphabet) => Array.from({ length }, () => alphabet[int(0, alphabet.length - 1)]).join("")
  }
}
