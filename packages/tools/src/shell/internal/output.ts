/**
 * What a program writes, kept in bounded memory and made harmless to read: pure but for its buffers.
 *
 * @internal
 */
import { stripVTControlCharacters } from "node:util"
import { byteBoundary } from "../../files/internal/text.ts"

/** The beginning and the end of an output, `half` bytes of each. @internal */
export interface Kept {
  readonly push: (chunk: Uint8Array) => void
  readonly text: () => string
  readonly size: () => number
}

const utf8 = new TextDecoder()

// Without colours; what else is not to be seen, such as marks that turn the direction of text or tag characters, is shown.
const harmless = (text: string): string =>
  stripVTControlCharacters(text)
    .replace(/\r\n?/g, "\n")
    .replace(
      /(?![\n\t])[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\u{e0000}-\u{e007f}]/gu,
      "\ufffd"
    )

/** The least index from `index` on at which UTF-8 `bytes` can be cut. */
const afterContinuation = (bytes: Uint8Array, index: number): number => {
  let at = index
  while (at < index + 3 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at++
  return at
}

/** As many whole characters from the start, or the end, of a text as have at most `bytes` bytes. */
const fit = (text: string, bytes: number, from: "start" | "end"): string => {
  const encoded = Buffer.from(text)
  if (encoded.length <= bytes) return text
  return (from === "start"
    ? encoded.subarray(0, byteBoundary(encoded, bytes))
    : encoded.subarray(afterContinuation(encoded, encoded.length - bytes))).toString()
}

/** @internal */
export const make = (half: number): Kept => {
  const head = new Uint8Array(half)
  let tail: Array<Uint8Array> = []
  let tailSize = 0
  let size = 0
  const lastBytes = (): Uint8Array => {
    const joined = Buffer.concat(tail)
    return joined.subarray(Math.max(0, joined.length - half))
  }
  return {
    push: (chunk) => {
      const toHead = Math.max(0, Math.min(half - size, chunk.length))
      if (toHead > 0) head.set(chunk.subarray(0, toHead), size)
      size += chunk.length
      // A copy: a view would keep the chunk in memory, whatever its size.
      const rest = Uint8Array.from(chunk.subarray(Math.max(toHead, chunk.length - half)))
      if (rest.length === 0) return
      tail.push(rest)
      tailSize += rest.length
      if (tailSize < 4 * half) return
      tail = [Uint8Array.from(lastBytes())]
      tailSize = half
    },
    text: () => {
      const begin = head.subarray(0, Math.min(half, size))
      const end = lastBytes()
      const all = size > 2 * half ? undefined : harmless(utf8.decode(Buffer.concat([begin, end])))
      if (all !== undefined && Buffer.byteLength(all) <= 2 * half) return all
      // What a cut leaves of a character is left out.
      const first = harmless(new TextDecoder().decode(begin, { stream: true }))
      const last = harmless(utf8.decode(end.subarray(afterContinuation(end, 0))))
      return `${fit(first, half, "start")}\n[... of ${size} bytes only the first and the last are shown ...]\n${
        fit(last, half, "end")
      }`
    },
    size: () => size
  }
}
