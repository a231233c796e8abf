/**
 * How often a text stands in another, in linear time whatever they are (Knuth, Morris, Pratt): `indexOf` is quadratic for
 * texts that are made to be slow.
 *
 * @internal
 */

/** The start of each place where `part`, which is not empty, stands in `text`; places may overlap. @internal */
export const occurrences = (text: string, part: string): ReadonlyArray<number> => {
  // Of each beginning of `part`: the length of the longest shorter beginning that it ends with.
  const border = new Int32Array(part.length + 1)
  const found: Array<number> = []
  const advance = (matched: number, unit: number): number => {
    let length = matched
    while (length > 0 && part.charCodeAt(length) !== unit) length = border[length] ?? 0
    return part.charCodeAt(length) === unit ? length + 1 : 0
  }
  for (let i = 1; i < part.length; i++) border[i + 1] = advance(border[i] ?? 0, part.charCodeAt(i))
  let matched = 0
  for (let i = 0; i < text.length; i++) {
    matched = advance(matched, text.charCodeAt(i))
    if (matched === part.length) found.push(i + 1 - part.length)
  }
  return found
}
