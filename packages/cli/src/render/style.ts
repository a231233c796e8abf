/**
 * Emphasis of text, or none.
 *
 * @internal
 */

/** @internal */
export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
}

const sgr = (on: number, off: number) => (text: string): string => text === "" ? "" : `\x1b[${on}m${text}\x1b[${off}m`

/** @internal */
export const colored: Style = { bold: sgr(1, 22), dim: sgr(2, 22), good: sgr(32, 39), bad: sgr(31, 39) }

const same = (text: string): string => text

/** @internal */
export const plain: Style = { bold: same, dim: same, good: same, bad: same }
