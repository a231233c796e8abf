/**
 * The question whether a tool call may be run.
 *
 * **Details**
 *
 * What comes from the model cannot pass for a part of the question: arguments are JSON, each of their lines begins with a
 * bar, and every character that is not seen is escaped. Nothing is left out without being counted.
 *
 * @internal
 */
import * as Layout from "./layout.ts"
import type { Redact } from "./preview.ts"
import * as SafeText from "./safeText.ts"
import type { Style } from "./style.ts"

/** What the question is drawn with. @internal */
export interface Canvas {
  readonly columns: number
  readonly rows: number
  readonly style: Style
  readonly redact: Redact
}

/** Lines of the arguments that are shown, on a terminal that has room for them. */
const longest = 20

/** Rows of the terminal that are left to the question itself. */
const frame = 5

const wants = " wants approval"

const bar = "  │ "

/** Controls, formats, private and unassigned characters, fillers, and every space but the common one. */
const unseen = /[^\S\n ]|[\p{C}\p{Default_Ignorable_Code_Point}]/gu

const escaped = (text: string): string =>
  text.replace(
    unseen,
    (character) => character === "\n" ? character : `\\u{${character.codePointAt(0)!.toString(16).padStart(4, "0")}}`
  )

/** Characters a column that are looked at: more than any line shows, less than takes long to measure. */
const looked = 8

/** A text in pieces of so many columns; unlike prose it keeps every space. */
function* pieces(text: string, columns: number): Generator<string> {
  let rest = text
  while (rest.length > columns * looked || Layout.width(rest) > columns) {
    const start = rest.slice(0, columns * looked)
    const piece = Layout.cut(start, columns, "") || String.fromCodePoint(rest.codePointAt(0)!)
    yield piece
    rest = rest.slice(piece.length)
  }
  yield rest
}

const head = (text: string, columns: number, most: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let left = text.length
  for (const line of text.split("\n")) {
    for (const piece of pieces(line, columns)) {
      if (lines.length === most) return [...lines, `… cut: ${Layout.count(left, "more character")} not shown`]
      lines.push(piece)
      left -= piece.length
    }
    left--
  }
  return lines
}

/** The name of a tool as one line. @internal */
export const nameOf = (tool: string, redact: Redact): string => escaped(SafeText.line(redact(tool)))

/** A call as the question shows it; `params` are redacted already. @internal */
export const lines = (
  { columns, redact, rows, style }: Canvas,
  { params, tool }: { readonly tool: string; readonly params: unknown }
): ReadonlyArray<string> => {
  const written = escaped(JSON.stringify(params, undefined, 2) ?? "null")
  const room = Math.max(2, columns - bar.length - 1)
  const most = Math.max(1, Math.min(longest, rows - frame))
  return [
    `${style.bold(Layout.cut(nameOf(tool, redact), Math.max(1, columns - wants.length)))}${wants}`,
    ...head(written, room, most).map((line) => bar + line)
  ]
}

/** Behind which the answer is typed. @internal */
export const prompt = (tool: string, redact: Redact): string => `approve ${nameOf(tool, redact)}? [y/N] `

/** What stays once the question is answered. @internal */
export const decided = (
  { columns, redact, style }: Canvas,
  { tool, params }: { readonly tool: string; readonly params: unknown },
  decision: "approved" | "refused" | "not decided"
): string => {
  const symbol = decision === "approved" ? style.good("✓") : decision === "refused" ? style.bad("✗") : style.dim("·")
  const before = `${decision}: ${nameOf(tool, redact)}`
  const args = escaped((JSON.stringify(params) ?? "null").slice(0, columns * looked))
  return `${symbol} ${Layout.cut(before, columns - 2)}${
    style.dim(Layout.cut(` ${args}`, Math.max(0, columns - 2 - Layout.width(before))))
  }`
}
