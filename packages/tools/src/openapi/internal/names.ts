/**
 * The names of tools.
 *
 * @internal
 */
import type { Operation } from "./operations.ts"

const longest = 64

const plain = (text: string): string => text.slice(0, 1000).replaceAll(/[^\w-]+/g, "_").replaceAll(/^_+|_+$/g, "")

/** The first eight hexadecimal digits of FNV-1a: they only tell names apart. */
const digest = (text: string): string => {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  }
  return hash.toString(16).padStart(16, "0").slice(0, 8)
}

const cut = (name: string, key: string): string => `${name.slice(0, longest - 9)}_${digest(key)}`

/**
 * A name for each operation: its id, else its method and path, with the name of the API in front. Where two would have the
 * same, or one is too long, it ends with a digest of method and path, so it does not depend on which others are there.
 *
 * @param all - the operations of the document
 * @internal
 */
export const namesOf = (all: ReadonlyArray<Operation>, api: string | undefined): ReadonlyMap<Operation, string> => {
  const wanted = new Map(all.map((operation) => {
    const { id = "", method, path } = operation
    const own = plain(id) === "" ? plain(`${method.toLowerCase()} ${path}`) : plain(id)
    return [operation, [...(api === undefined ? [] : [plain(api)]), own].join("_")]
  }))
  const counts = new Map<string, number>()
  for (const name of wanted.values()) counts.set(name, (counts.get(name) ?? 0) + 1)
  return new Map([...wanted].map(([operation, name]) => [
    operation,
    name.length > longest || counts.get(name) !== 1 ? cut(name, operation.key) : name
  ]))
}
