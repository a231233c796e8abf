/**
 * Splits a command line into a program and its arguments as a POSIX shell does, and does nothing else that a shell does.
 *
 * @internal
 */

const token = /\s+|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/y

const unescaped = (text: string): string => text.replace(/\\(["\\$`])/g, "$1").replaceAll("\\\n", "")

/** `undefined` where a quote has no end. @internal */
export const split = (line: string): ReadonlyArray<string> | undefined => {
  const words: Array<string> = []
  let word: string | undefined
  token.lastIndex = 0
  while (token.lastIndex < line.length) {
    const found = token.exec(line)
    if (found === null) return undefined
    const [, single, double, escaped, plain] = found
    const piece = single ?? (double === undefined ? escaped ?? plain : unescaped(double))
    if (piece === undefined) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? "") + piece
  }
  if (word !== undefined) words.push(word)
  return words
}
