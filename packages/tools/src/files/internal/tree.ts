/**
 * Walks a directory tree level by level, names in order, symbolic links not followed.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type { NotADirectory } from "../FilesError.ts"
import type { Place, PlaceError, Root } from "./root.ts"

/** Directories that are shown but not entered, unless a walk starts in them. */
const closed: ReadonlySet<string> = new Set([".git", "node_modules"])

/** The most entries one walk looks at. */
const maxEntries = 20_000

/** The most levels a search goes down. @internal */
export const maxDepth = 64

/** @internal */
export const entriesPerYield = 8

/** @internal */
export interface Walked {
  /** Directories whose entries could not be read. */
  readonly unreadable: number
  /** Whether the whole tree was walked. */
  readonly complete: boolean
}

/**
 * Calls `visit` for each entry below `start`, down to `depth` levels (at least 1), until it says `false`. Fails only
 * where `start` cannot be read or `visit` fails.
 *
 * @internal
 */
export const walk = Effect.fnUntraced(function*<E>(
  root: Root,
  start: Place,
  options: { readonly depth: number; readonly visit: (entry: Place) => Effect.Effect<boolean, E> }
): Effect.fn.Return<Walked, E | PlaceError | NotADirectory> {
  let seen = 0
  let unreadable = 0
  let level: ReadonlyArray<Place> = [start]
  for (let depth = 0; depth < options.depth && level.length > 0; depth++) {
    const next: Array<Place> = []
    for (const directory of level) {
      const entries = directory === start
        ? yield* root.entries(directory)
        : yield* Effect.catch(root.entries(directory), () => Effect.sync(() => (unreadable++, [])))
      for (const entry of entries) {
        if (++seen > maxEntries || !(yield* options.visit(entry))) return { unreadable, complete: false }
        // A directory may have very many entries, and matching each takes time.
        if (seen % entriesPerYield === 0) yield* Effect.yieldNow
        if (entry.type === "Directory" && !closed.has(entry.segments.at(-1) ?? "")) next.push(entry)
      }
    }
    level = next
  }
  return { unreadable, complete: true }
})
