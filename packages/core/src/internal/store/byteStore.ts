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

/** What an entry takes: two bytes for each UTF-16 unit of its key and its text. @internal */
export const sizeOf = (key: string, text: string): number => 2 * (key.length + text.length)

/**
 * A text in the ring of all texts. A Map whose keys are deleted and added again would keep the order as well, but V8 leaves
 * deleted keys in their bucket until it rehashes: a key that is read often would take ever longer to find.
 */
class Slot {
  older: Slot = this
  newer: Slot = this
  readonly key: string
  readonly text: string
  readonly expiresAt: number

  constructor(key: string, text: string, expiresAt: number) {
    this.key = key
    this.text = text
    this.expiresAt = expiresAt
  }
}

const linkBetween = (older: Slot, slot: Slot, newer: Slot): void => {
  slot.older = older
  slot.newer = newer
  older.newer = slot
  newer.older = slot
}

const unlink = ({ newer, older }: Slot): void => {
  older.newer = newer
  newer.older = older
}

/** A text that is larger than the bound by itself is not kept. @internal */
export const make = (maximumBytes: number): ByteStore => {
  const slots = new Map<string, Slot>()
  /** Closes the ring: newer than the most, older than the least recently used. */
  const ends = new Slot("", "", Number.POSITIVE_INFINITY)
  let bytes = 0

  /** Gives the bytes that are free now. */
  const remove = (slot: Slot): number => {
    const size = sizeOf(slot.key, slot.text)
    unlink(slot)
    slots.delete(slot.key)
    bytes -= size
    return size
  }

  return {
    get: (key, now) => {
      const slot = slots.get(key)
      if (slot === undefined) return undefined
      if (slot.expiresAt <= now) {
        remove(slot)
        return undefined
      }
      unlink(slot)
      linkBetween(ends.older, slot, ends)
      return slot.text
    },
    set: (key, text, expiresAt) => {
      const known = slots.get(key)
      if (known !== undefined) remove(known)
      const size = sizeOf(key, text)
      if (size > maximumBytes) return
      const slot = new Slot(key, text, expiresAt)
      slots.set(key, slot)
      linkBetween(ends.older, slot, ends)
      bytes += size
      let excess = bytes - maximumBytes
      while (excess > 0) excess -= remove(ends.newer)
    }
  }
}
