/**
 * Search line by line through a text that comes in pieces: a pure step per piece.
 *
 * @internal
 */
import { excerpt, type Match } from "./scan.ts"
import { boundary } from "./text.ts"

/** How much of a line is searched, in UTF-16 code units. @internal */
export const maxLength = 65_536

/** @internal */
export interface Lines {
  /** Beginning of the line that the text so far ends in; `undefined` once that much of it was searched. */
  readonly held: string | undefined
  /** Number of that line, from 1. */
  readonly line: number
}

/** @internal */
export const start: Lines = { held: "", line: 1 }

/** Searches the next piece: `find` gives where in a line its match begins, -1 for none. @internal */
export const step = (
  find: (line: string) => number,
  state: Lines,
  piece: string,
  last: boolean
): readonly [Lines, ReadonlyArray<Match>] => {
  const matches: Array<Match> = []
  let { held, line } = state
  const search = (text: string) => {
    const searched = text.slice(0, boundary(text, maxLength)).replace(/\r$/, "")
    const index = find(searched)
    if (index !== -1) matches.push({ line, text: excerpt(searched, index) })
  }
  const parts = piece.split("\n")
  for (const [i, part] of parts.entries()) {
    if (held !== undefined) held += part
    const ends = i < parts.length - 1 || (last && held !== "")
    if (held !== undefined && (ends || held.length > maxLength)) {
      search(held)
      held = undefined
    }
    if (i < parts.length - 1) {
      line++
      held = ""
    }
  }
  return [{ held, line }, matches]
}
