/**
 * Literal search through a text that comes in pieces: a pure step per piece, in memory that does not grow with the
 * text, in time proportional to it.
 *
 * @internal
 */
import { boundary } from "./text.ts"

/** The most code points of a line that a match shows. @internal */
export const maxLineLength = 300

const contextBefore = 100
const holdBack = 4096

/** @internal */
export interface Match {
  /** From 1. */
  readonly line: number
  readonly text: string
}

/** @internal */
export interface Query {
  readonly text: string
  readonly ignoreCase: boolean
}

/** @internal */
export interface Scan {
  /** End of the text so far that is looked at together with the next piece. */
  readonly held: string
  /** Number of the line that `held` begins in, from 1. */
  readonly line: number
  /** Whether a match of that line was found already. */
  readonly matched: boolean
}

/** @internal */
export const start: Scan = { held: "", line: 1, matched: false }

/** Folds case and keeps every index: `İ` is the one character whose lower case is longer, `ς` a second small `Σ`. @internal */
export const fold = (text: string): string => text.replaceAll("İ", "i").toLowerCase().replaceAll("ς", "σ")

/** At most `maxLineLength` code points of a line, around the index of its match. @internal */
export const excerpt = (line: string, index: number): string => {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line
  const from = text.length <= maxLineLength ? 0 : boundary(text, Math.max(0, index - contextBefore))
  const window = text.slice(from, from + 2 * maxLineLength + 1)
  return Array.from(window).slice(0, maxLineLength).join("")
}

/**
 * Searches the next piece: at most one match a line, in order. A query has no line end and is at most 256 long. What
 * may go on in the next piece is held back, so matches do not depend on where the text is cut.
 *
 * @internal
 */
export const step = (
  query: Query,
  state: Scan,
  piece: string,
  last: boolean
): readonly [Scan, ReadonlyArray<Match>] => {
  const text = state.held + piece
  const haystack = query.ignoreCase ? fold(text) : text
  const needle = query.ignoreCase ? fold(query.text) : query.text
  const end = last ? text.length : Math.max(text.lastIndexOf("\n") + 1, boundary(text, text.length - holdBack))
  const matches: Array<Match> = []
  let { line, matched } = state
  let lineStart = 0
  let hit = haystack.indexOf(needle)
  for (;;) {
    const newline = text.indexOf("\n", lineStart)
    const lineEnd = newline === -1 ? text.length : newline
    if (hit !== -1 && hit < end && hit < lineEnd) {
      if (!matched) matches.push({ line, text: excerpt(text.slice(lineStart, lineEnd), hit - lineStart) })
      matched = true
      hit = haystack.indexOf(needle, lineEnd)
    }
    if (newline === -1 || newline >= end) break
    line++
    lineStart = newline + 1
    matched = false
  }
  return [{ held: text.slice(end), line, matched }, matches]
}
