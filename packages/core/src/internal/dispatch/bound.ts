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
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** So that counting allocates nothing, however long the text. */
const scratch = new Uint8Array(4096)

/** UTF-8 bytes of a text. @internal */
export const bytesOf = (text: string): number => {
  let bytes = 0
  // a surrogate pair is never split: half of one as the last of so many units has no room
  for (let at = 0; at < text.length;) {
    const { read, written } = encoder.encodeInto(text.slice(at, at + scratch.length), scratch)
    at += read
    bytes += written
  }
  return bytes
}

/** UTF-8 bytes of a text, or more than the maximum: a text that is surely larger is not counted. @internal */
export const bytesWithin = (text: string, maximum: number): number =>
  text.length > maximum ? maximum + 1 : bytesOf(text)

/** Ends are copied through bytes: a slice of a text would keep the whole of it in memory. */
const head = (text: string, bytes: number): string => {
  const target = new Uint8Array(bytes)
  return decoder.decode(target.subarray(0, encoder.encodeInto(text, target).written))
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80

const tail = (text: string, bytes: number): string => {
  const encoded = encoder.encode(text.slice(Math.max(0, text.length - bytes)))
  let start = Math.max(0, encoded.length - bytes)
  while (isContinuation(encoded[start])) start++
  return decoder.decode(encoded.subarray(start))
}

/**
 * A text of at most so many UTF-8 bytes: head and tail are kept, a marker between them says how much is missing. Lone
 * surrogates are replaced, since the API refuses them. Where even the marker has no room, the head alone is kept.
 *
 * @param hint - what the marker says besides, of the part that is missing
 * @internal
 */
export const boundText = (text: string, maximum: number, hint = ""): string => {
  const whole = text.toWellFormed()
  if (bytesWithin(whole, maximum) <= maximum) return whole
  const size = bytesOf(whole)
  const marker = (missing: number): string => `\n[… ${missing} of ${size} bytes left out${hint} …]\n`
  const room = maximum - bytesOf(marker(size))
  if (room < 0) return head(whole, Math.max(0, maximum))
  const start = head(whole, Math.ceil((room * 2) / 3))
  const end = tail(whole, Math.floor(room / 3))
  return `${start}${marker(size - bytesOf(start) - bytesOf(end))}${end}`
}

/** What JSON gives back as it is. */
const isJson = (value: unknown): boolean => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true
    case "number":
      return Number.isFinite(value)
    case "object":
      return value === null || isJsonObject(value)
    default:
      return false
  }
}

const isJsonObject = (value: object): boolean => {
  if (Array.isArray(value)) return Array.from(value).every(isJson)
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isJson)
}

/** A result that is JSON, and its text as the model reads it. @internal */
export interface Readable {
  readonly value: unknown
  readonly text: string
}

const told = (text: string): Readable => ({ value: text, text })

/**
 * A result as the model reads it: never empty, well-formed, and JSON also where its schema let something else pass
 * (`Schema.Any`).
 *
 * @throws where there is no JSON text of it
 * @internal
 */
export const readable = (value: unknown): Readable => {
  if (value === undefined || value === "") return told("done")
  if (typeof value === "string") return told(value.toWellFormed())
  if (isTooDeep(value)) return told(`the result is nested deeper than ${deepest} levels and was left out`)
  const text: string | undefined = JSON.stringify(value)
  if (text === undefined) throw new TypeError(`JSON has no ${typeof value}`)
  return isJson(value) ? { value, text } : readable(JSON.parse(text))
}

/** What is held back for each call that is still to be answered, in bytes. */
const reserve = 4096

/** For how many calls more, as long as the model may ask for more: a turn has 8 by default. */
const expected = 7

/** What every answer may have, so that none is empty, in bytes. */
const least = 64

/**
 * The place of one call in the room that the results of a turn share.
 *
 * @internal
 */
export interface Place {
  /** Takes so many bytes or as many as there are for this call, and says how many; once. */
  readonly take: (bytes: number) => number
  /** Gives back what was taken, for a call that is not answered after all. */
  readonly leave: () => void
}

/**
 * The room that the results of one turn share.
 *
 * A result may take all that is left but for a reserve for each call that is still to be answered, and always its equal part.
 * It is taken at once, so that answers which are made at the same time cannot have the same bytes.
 *
 * @internal
 */
export interface Room {
  /** A call will be answered. */
  readonly add: () => Place
  /** So many calls will still be added, default none. */
  readonly close: (more?: number) => void
}

/** @internal */
export const makeRoom = (maximum: number): Room => {
  let left = maximum
  let open = 0
  let more = expected
  let closed = false
  const share = (): number => {
    const calls = open + more
    return Math.max(Math.floor(left / calls), left - (calls - 1) * reserve, least)
  }
  return {
    add: () => {
      open++
      if (closed && more > 0) more--
      let taken: number | undefined
      return {
        take: (bytes) => {
          taken = Math.min(bytes, share())
          open--
          left -= taken
          return taken
        },
        leave: () => {
          if (taken === undefined) open--
          else left += taken
          taken = 0
        }
      }
    },
    close: (announced = 0) => {
      closed = true
      more = announced
    }
  }
}
