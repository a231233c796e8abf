/**
 * Texts in memory, bounded by the bytes they take: the least recently used goes first.
 *
 * @internal
 */
export interface ByteStore {
  /** The text of a key that has not expired. */
  readonly get: (key: string, now: number) => string | undefined
  /** Keeps a text until `expiresAt`, in milliseconds since the epoch; `Infinity` is for ever. */
  readonly set: (key: string, text: string, expiresAt: number) => void
}

interface Slot {
  readonly text: string
  readonly size: number
  readonly expiresAt: number
}

/** What an entry takes: two bytes for each UTF-16 unit of its key and its text. @internal */
export const sizeOf = (key: string, text: string): number => 2 * (key.length + text.length)

/** A text that is larger than the bound by itself is not kept. @internal */
export const make = (maximumBytes: number): ByteStore => {
  // A Map iterates in the order of insertion: the first is the least recently used.
  const slots = new Map<string, Slot>()
  let bytes = 0

  const remove = (key: string): Slot | undefined => {
    const slot = slots.get(key)
    if (slot === undefined) return undefined
    slots.delete(key)
    bytes -= slot.size
    return slot
  }

  const insert = (key: string, slot: Slot): void => {
    slots.set(key, slot)
    bytes += slot.size
  }

  return {
    get: (key, now) => {
      const slot = remove(key)
      if (slot === undefined || slot.expiresAt <= now) return undefined
      insert(key, slot)
      return slot.text
    },
    set: (key, text, expiresAt) => {
      remove(key)
      const size = sizeOf(key, text)
      if (size > maximumBytes) return
      insert(key, { text, size, expiresAt })
      for (const oldest of slots.keys()) {
        if (bytes <= maximumBytes) return
        remove(oldest)
      }
    }
  }
}
