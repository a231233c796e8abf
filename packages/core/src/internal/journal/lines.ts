/**
 * JSON lines that were written one after the other, and perhaps not to the end.
 *
 * @internal
 */
import * as Result from "effect/Result"

/** What a file of lines holds. @internal */
export interface Recovered<A> {
  readonly items: ReadonlyArray<A>
  /** Bytes in all, and up to the end of the last item. */
  readonly size: number
  readonly kept: number
  /** What comes after that: the beginning of a line, or items that nothing completes. */
  readonly rest: Uint8Array
  /** Whether the last item lacks nothing but its line break. */
  readonly unbroken: boolean
}

const lineBreak = 10

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * Reads lines. A last line that was torn is left out; any other line that is not an item is refused with its number, from 1.
 *
 * @param decode - an item of a line, or undefined
 * @param completes - whether an item completes what was written at once; items that nothing completes are left out. Default: each does
 * @internal
 */
export const recover = <A>(
  bytes: Uint8Array,
  decode: (line: string) => A | undefined,
  completes: (item: A) => boolean = () => true
): Result.Result<Recovered<A>, { readonly line: number }> => {
  const size = bytes.length
  const items: Array<A> = []
  let complete = 0
  let kept = 0
  let start = 0
  const itemUntil = (end: number): A | undefined => {
    const text = textOf(bytes.subarray(start, end))
    return text === undefined ? undefined : decode(text)
  }
  for (let end = bytes.indexOf(lineBreak); end >= 0; end = bytes.indexOf(lineBreak, start)) {
    const item = itemUntil(end)
    if (item === undefined) return Result.fail({ line: items.length + 1 })
    items.push(item)
    start = end + 1
    if (!completes(item)) continue
    complete = items.length
    kept = start
  }
  const last = start === size ? undefined : itemUntil(size)
  return Result.succeed(
    last !== undefined && completes(last)
      ? { items: [...items, last], size, kept: size, rest: new Uint8Array(), unbroken: true }
      : { items: items.slice(0, complete), size, kept, rest: bytes.subarray(kept), unbroken: false }
  )
}
