/**
 * Fits text into the columns of a terminal, counted as terminals count: wide characters and emoji are two, combining
 * marks none.
 *
 * @internal
 */
import { displayWidth } from "effect/cli/CliOutput"

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/** Columns that a text without line ends takes. @internal */
export const width = (text: string): number => displayWidth(text)

/** The longest beginning of a text within so many columns. */
const head = (text: string, columns: number): string => {
  let used = 0
  let end = 0
  for (const { index, segment } of graphemes.segment(text)) {
    used += width(segment)
    if (used > columns) break
    end = index + segment.length
  }
  return text.slice(0, end)
}

/** A text within so many columns; what is cut ends in `…`, or another mark. @internal */
export const cut = (text: string, columns: number, mark = "…"): string => {
  // a character takes at most two columns or none: most texts need no measuring
  if (text.length <= columns / 2 || width(text) <= columns) return text
  return columns < mark.length ? "" : head(text, columns - mark.length) + mark
}

const breakWord = (word: string, columns: number): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  let rest = word
  while (width(rest) > columns) {
    // where not even one character fits, one is taken all the same
    const piece = head(rest, columns) || (graphemes.segment(rest).containing(0)?.segment ?? rest)
    pieces.push(piece)
    rest = rest.slice(piece.length)
  }
  return [...pieces, rest]
}

/** Breaks one line at its spaces; the spaces it begins with are kept on each of its lines. */
const wrapLine = (text: string, columns: number): ReadonlyArray<string> => {
  if (width(text) <= columns) return [text.trimEnd()]
  // at least one wide character has to fit beside the indent
  const indent = head(/^\s*/.exec(text)?.[0] ?? "", Math.max(0, Math.floor(columns / 2) - 1))
  const room = Math.max(1, columns - width(indent))
  const lines: Array<string> = []
  let current = ""
  for (const word of text.trim().split(/\s+/).flatMap((word) => breakWord(word, room))) {
    const longer = current === "" ? word : `${current} ${word}`
    if (width(longer) <= room) {
      current = longer
    } else {
      lines.push(indent + current)
      current = word
    }
  }
  return [...lines, indent + current]
}

/** The lines of a text, each within so many columns (`Infinity` breaks none), behind an indent. @internal */
export const wrap = (text: string, columns: number, indent = ""): ReadonlyArray<string> => {
  const room = Math.max(1, columns - indent.length)
  return text.split("\n").flatMap((line) =>
    wrapLine(line.replaceAll("\t", "  "), room).map((part) => (indent + part).trimEnd())
  )
}

/** A duration for people: `87 ms`, `1.2 s`, `3 min 5 s`. @internal */
export const duration = (millis: number): string => {
  const whole = Math.max(0, Math.round(millis))
  if (whole < 1000) return `${whole} ms`
  if (whole < 59_950) return `${(whole / 1000).toFixed(1)} s`
  const seconds = Math.round(whole / 1000)
  return `${Math.floor(seconds / 60)} min${seconds % 60 === 0 ? "" : ` ${seconds % 60} s`}`
}

/** An amount in USD: `0.0312 USD`; smaller ones are not rounded to nothing. @internal */
export const usd = (amount: number): string =>
  amount > 0 && amount < 0.0001 ? "below 0.0001 USD" : `${Number(amount.toFixed(4))} USD`

/** A number with its noun: `1 turn`, `3 tool calls`. @internal */
export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`
