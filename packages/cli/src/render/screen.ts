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

/** @internal */
export interface Screen {
  /** Writes a line that stays, above the region. */
  readonly print: (line: string) => void
  /** Writes lines that stay and replaces the region. */
  readonly update: (lines: ReadonlyArray<string>, region: ReadonlyArray<string>) => void
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
  const update: Screen["update"] = (lines, region) => {
    if (lines.length === 0 && region.length === 0 && shown.length === 0) return
    const { columns, rows } = terminal.size()
    const fitting = fit(region, rows)
    terminal.write(erase(shown, columns) + joined(lines) + joined(fitting))
    shown = fitting
  }
  return { print: (line) => update([line], shown), update }
}
