/**
 * Bounds the size of what a call answers. Decided once, before the model reads it.
 *
 * @internal
 */
import { deepest, isTooDeep } from "../depth.ts"

/** The most UTF-8 bytes of one result. @internal */
export const maximumBytes = 32 * 1024

/** The most UTF-8 bytes of the results of one turn together. @internal */
export const maximumBytesOfTurn = 128 * 1024

const encoder = new TextEncoder()

/** A UTF-16 unit takes at most three bytes of UTF-8, so a short text need not be counted. */
const fits = (text: string, maximum: number): boolean =>
  text.length * 3 <= maximum || (text.length <= maximum && bytesOf(text) <= maximum)

/** For short texts, so that counting them allocates nothing. */
const scratch = new Uint8Array(4096)

/** @internal */
export const bytesOf = (text: string): number =>
  text.length * 3 <= scratch.length ? encoder.encodeInto(text, scratch).written : encoder.encode(text).length

/** The longest prefix of whole code points within so many UTF-8 bytes. */
const head = (text: string, bytes: number): string => {
  const target = new Uint8Array(Math.max(0, bytes))
  return text.slice(0, encoder.encodeInto(text, target).read)
}

const reversed = (text: string): string => Array.from(text).toReversed().join("")

/**
 * A text of at most so many UTF-8 bytes: head and tail are kept, a marker between them says how much is missing. Lone
 * surrogates are replaced, since the API refuses them. Where even the marker has no room, the head alone is kept.
 *
 * @param hint - what the marker says besides, of the part that is missing
 * @internal
 */
export const boundText = (text: string, maximum: number = maximumBytes, hint = ""): string => {
  const whole = text.toWellFormed()
  if (fits(whole, maximum)) return whole
  const size = bytesOf(whole)
  const marker = (missing: number): string => `\n[… ${missing} of ${size} bytes left out${hint} …]\n`
  const room = maximum - bytesOf(marker(size))
  if (room < 0) return head(whole, maximum)
  const start = head(whole, Math.ceil((room * 2) / 3))
  // the tail is bounded by code units first, so that only a small part is reversed
  const end = reversed(head(reversed(whole.slice(-maximum).toWellFormed()), Math.floor(room / 3)))
  return `${start}${marker(size - bytesOf(start) - bytesOf(end))}${end}`
}

/**
 * A result that fits, or the text that does not: a value that is too large becomes its JSON text, one that is nested too
 * deeply is told to be so. A result is never empty.
 *
 * @internal
 */
export const fit = (value: unknown, maximum: number): { readonly value: unknown } | { readonly tooLarge: string } => {
  if (value === undefined || value === "") return { value: "done" }
  if (typeof value === "string") {
    const text = value.toWellFormed()
    return fits(text, maximum) ? { value: text } : { tooLarge: text }
  }
  if (isTooDeep(value)) return { value: `the result is nested deeper than ${deepest} levels and was left out` }
  const json = JSON.stringify(value)
  return fits(json, maximum) ? { value } : { tooLarge: json }
}

/** UTF-8 bytes of a result as the model reads it. @internal */
export const bytesOfResult = (value: unknown): number =>
  bytesOf(typeof value === "string" ? value : JSON.stringify(value))

/** What is held back for each call that is still to be answered, in bytes. */
const reserve = 4096

/**
 * The room that the results of one turn share. A result may take all of it but for a reserve for each call that is still to
 * be answered, and always its equal part.
 *
 * @internal
 */
export interface Room {
  /** A call will be answered. */
  readonly add: () => void
  /** The most bytes that the next answer may have. */
  readonly share: () => number
  /** A call is answered in so many bytes; 0 for one that was interrupted. */
  readonly take: (bytes: number) => void
}

/** @internal */
export const makeRoom = (maximum: number): Room => {
  let left = maximum
  let open = 0
  return {
    add: () => {
      open++
    },
    share: () => Math.max(Math.floor(left / Math.max(1, open)), left - (open - 1) * reserve),
    take: (bytes) => {
      open--
      left -= bytes
    }
  }
}
