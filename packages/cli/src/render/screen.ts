/**
 * Draws on a terminal: lines that stay, and below them a region that is drawn again in place.
 *
 * @internal
 */
import * as Layout from "./layout.ts"

/** @internal */
export interface Size {
  readonly columns: number
  readonly rows: number
}

/** Where to draw. @internal */
export interface Terminal {
  readonly size: () => Size
  readonly write: (text: string) => void
}

/**
 * What a person is asked: lines, and a prompt that the answer is typed behind. What is not `erased` once it is answered
 * stays, as it has to on terminals that know no escape sequences.
 *
 * @internal
 */
export interface Question {
  readonly lines: ReadonlyArray<string>
  readonly prompt: string
  readonly erased: boolean
}

/** Takes the question away: the text that was typed and ended, if any, and the lines that stay in place of it. @internal */
export type Release = (typed: string | undefined, lasting: ReadonlyArray<string>) => void

/** @internal */
export interface Screen {
  /** Writes a line that stays, above the region. */
  readonly print: (line: string) => void
  /** Writes lines that stay and replaces the region. */
  readonly update: (lines: ReadonlyArray<string>, region: ReadonlyArray<string>) => void
  /** Puts a question below the region and stands still: what is drawn meanwhile is seen when the question is released. */
  readonly ask: (question: Question) => Release
}

/** Rows that lines take once a terminal of so many columns has broken them. */
const rowsOf = (lines: ReadonlyArray<string>, columns: number): number =>
  lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(Layout.width(line) / columns)), 0)

/** What takes a region off the terminal, which may have been resized since. @internal */
export const erase = (region: ReadonlyArray<string>, columns: number): string => {
  const rows = rowsOf(region, columns)
  return rows === 0 ? "" : `\r\x1b[${rows}A\x1b[J`
}

/**
 * The region as far as it fits. The row below it is the cursor's, and one above stays: some terminals keep what is erased
 * from their first row on in their history, again at each drawing.
 *
 * @internal
 */
export const fit = (region: ReadonlyArray<string>, rows: number): ReadonlyArray<string> => {
  const room = Math.max(1, rows - 2)
  return region.length <= room ? region : [...region.slice(0, room - 1), `… ${region.length - room + 1} more`]
}

const joined = (lines: ReadonlyArray<string>): string => lines.map((line) => `${line}\n`).join("")

/** A screen of a terminal. @internal */
export const make = (terminal: Terminal): Screen => {
  let shown: ReadonlyArray<string> = []
  let waiting: { readonly lines: Array<string>; region: ReadonlyArray<string> } | undefined
  const draw: Screen["update"] = (lines, region) => {
    if (lines.length === 0 && region.length === 0 && shown.length === 0) return
    const { columns, rows } = terminal.size()
    const fitting = fit(region, rows)
    terminal.write(erase(shown, columns) + joined(lines) + joined(fitting))
    shown = fitting
  }
  const update: Screen["update"] = (lines, region) => {
    if (waiting === undefined) return draw(lines, region)
    waiting.lines.push(...lines)
    waiting.region = region
  }
  const ask: Screen["ask"] = ({ erased, lines, prompt }) => {
    const later = { lines: [] as Array<string>, region: shown }
    waiting = later
    // what is typed while nobody asks is shown by the terminal all the same
    terminal.write((erased ? "\r\x1b[J" : "") + joined(lines) + prompt)
    return (typed, lasting) => {
      waiting = undefined
      // the terminal shows what is typed, with its line end
      if (typed === undefined) terminal.write("\n")
      shown = erased ? [...shown, ...lines, prompt + (typed ?? "")] : []
      draw([...lasting, ...later.lines], later.region)
    }
  }
  return { print: (line) => update([line], waiting?.region ?? shown), update, ask }
}
