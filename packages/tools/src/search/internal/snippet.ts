/**
 * The lines of a section that say most about a query.
 *
 * @internal
 */
import { words } from "./words.ts"

const maxLines = 3
const maxLine = 240

const cut = (line: string): string => {
  const characters = Array.from(line.trim().slice(0, 2 * maxLine + 2))
  return characters.length > maxLine ? `${characters.slice(0, maxLine).join("")}…` : characters.join("")
}

/** At most three lines in a row with the most words of the query, each with its number; blank lines at the ends left out. @internal */
export const snippet = (lines: ReadonlyArray<string>, from: number, end: number, query: string): string => {
  const wanted = new Set(words(query))
  const found = lines.slice(from - 1, end).map((line) => new Set(words(line).filter((word) => wanted.has(word))))
  let best = 0
  let most = -1
  found.forEach((_, at) => {
    const window = found.slice(at, at + maxLines)
    const distinct = new Set(window.flatMap((words) => Array.from(words))).size
    // a window begins with a match
    const score = distinct * 2 + ((found[at]?.size ?? 0) > 0 ? 1 : 0)
    if (score > most) [best, most] = [at, score]
  })
  return lines.slice(from - 1 + best, Math.min(end, from - 1 + best + maxLines))
    .map((line, i) => [from + best + i, cut(line)] as const)
    .filter(([, line]) => line !== "")
    .map(([number, line]) => `${number}: ${line}`.toWellFormed())
    .join("\n")
}
