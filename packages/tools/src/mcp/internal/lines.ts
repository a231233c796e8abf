/**
 * Splits what a program writes into lines, each of bounded size: pure but for its buffer.
 *
 * @internal
 */

/** A line; of one that is too long, only its first and last bytes. @internal */
export interface Line {
  readonly text: string
  readonly isWhole: boolean
}

const newline = 0x0a

/** Of a line that is too long, in bytes, at each end. */
const kept = 1024

/**
 * @param maximum - of a line, in bytes
 * @internal
 */
export const make = (maximum: number): (chunk: Uint8Array) => ReadonlyArray<Line> => {
  let parts: Array<Uint8Array> = []
  let size = 0
  let isWhole = true
  const take = (part: Uint8Array): void => {
    if (part.length === 0) return
    parts.push(part)
    size += part.length
    if (size <= maximum && isWhole) return
    if (isWhole || size > 8 * kept) {
      const all = Buffer.concat(parts)
      // copies: a view would keep all of it in memory
      parts = [Uint8Array.from(all.subarray(0, kept)), Uint8Array.from(all.subarray(Math.max(kept, all.length - kept)))]
      size = parts.reduce((sum, { length }) => sum + length, 0)
      isWhole = false
    }
  }
  const line = (): Line => {
    const found: Line = { text: Buffer.concat(parts).toString("utf8"), isWhole }
    parts = []
    size = 0
    isWhole = true
    return found
  }
  return (chunk) => {
    const found: Array<Line> = []
    let from = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      take(chunk.subarray(from, at))
      found.push(line())
      from = at + 1
    }
    take(chunk.subarray(from))
    return found
  }
}
