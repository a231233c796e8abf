/**
 * Lines of a file as byte ranges: pure, so that a large file is never held whole.
 *
 * @internal
 */
import { byteBoundary } from "./text.ts"

/** @internal */
export const newline = 0x0a

/**
 * Passes over at most `lines` line ends from the start of a chunk: how many there were, and where the rest begins.
 *
 * @internal
 */
export const skip = (chunk: Uint8Array, lines: number): { readonly passed: number; readonly rest: number } => {
  let rest = 0
  let passed = 0
  for (; passed < lines; passed++) {
    const end = chunk.indexOf(newline, rest)
    if (end === -1) return { passed, rest: chunk.length }
    rest = end + 1
  }
  return { passed, rest }
}

/** @internal */
export interface Window {
  /** Where the window ends, in bytes. */
  readonly end: number
  readonly lines: number
  /** Whether the file goes on after the window. */
  readonly more: boolean
  /** Whether the window's only line is longer than `maxBytes` and was cut. */
  readonly cut: boolean
}

/**
 * The whole lines at the start of `bytes`, within `limit` lines (at least 1) and `maxBytes` bytes; if not even one
 * line fits, the start of that line. `atEnd` says that the file ends where `bytes` end.
 *
 * @internal
 */
export const take = (
  bytes: Uint8Array,
  options: { readonly limit: number; readonly maxBytes: number; readonly atEnd: boolean }
): Window => {
  let end = 0
  let lines = 0
  let cut = false
  while (lines < options.limit && end < bytes.length) {
    const found = bytes.indexOf(newline, end)
    const next = found !== -1 ? found + 1 : options.atEnd ? bytes.length : Infinity
    if (next > options.maxBytes) {
      if (lines > 0) break
      cut = true
      end = byteBoundary(bytes, Math.min(options.maxBytes, bytes.length))
      lines = 1
      break
    }
    end = next
    lines++
  }
  return { end, lines, more: !(options.atEnd && end === bytes.length), cut }
}
