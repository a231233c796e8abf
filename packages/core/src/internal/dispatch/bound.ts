/**
 * Bounds the size of what a call answers. Decided once, before the model reads it.
 *
 * @internal
 */
import { deepest, isTooDeep } from "../depth.ts"

/** The most UTF-8 bytes of one result. @internal */
export const maximumBytes = 32 * 1024

const bytesOf = (text: string): number => new TextEncoder().encode(text).length

/** The longest prefix of whole code points within so many UTF-8 bytes. */
const head = (text: string, bytes: number): string => {
  const target = new Uint8Array(Math.max(0, bytes))
  return text.slice(0, new TextEncoder().encodeInto(text, target).read)
}

const reversed = (text: string): string => Array.from(text).toReversed().join("")

/**
 * A text of at most so many UTF-8 bytes: head and tail are kept, a marker between them says how much is missing. Lone
 * surrogates are replaced, since the API refuses them. Where even the marker has no room, the head alone is kept.
 *
 * @internal
 */
export const boundText = (text: string, maximum: number = maximumBytes): string => {
  const whole = text.toWellFormed()
  const size = bytesOf(whole)
  if (size <= maximum) return whole
  const marker = (missing: number): string => `\n[… ${missing} of ${size} bytes left out …]\n`
  const room = maximum - bytesOf(marker(size))
  if (room < 0) return head(whole, maximum)
  const start = head(whole, Math.ceil((room * 2) / 3))
  // the tail is bounded by code units first, so that only a small part is reversed
  const end = reversed(head(reversed(whole.slice(-maximum).toWellFormed()), Math.floor(room / 3)))
  return `${start}${marker(size - bytesOf(start) - bytesOf(end))}${end}`
}

/**
 * A result within the bound: a value that is too large becomes its JSON text, cut; one that is nested too deeply is told
 * to be so. A result is never empty.
 *
 * @internal
 */
export const boundResult = (value: unknown, maximum: number = maximumBytes): unknown => {
  if (value === undefined || value === "") return "done"
  if (typeof value === "string") return boundText(value, maximum)
  if (isTooDeep(value)) return `the result is nested deeper than ${deepest} levels and was left out`
  const json = JSON.stringify(value)
  return bytesOf(json) <= maximum ? value : boundText(json, maximum)
}
