/**
 * Remembers what is computed of objects that never change.
 *
 * @internal
 */

/** A function that computes its result once for each object, for as long as that object lives. @internal */
export const once = <A extends object, B>(compute: (value: A) => B): (value: A) => B => {
  const known = new WeakMap<A, B>()
  return (value) => {
    const before = known.get(value)
    if (before !== undefined) return before
    const made = compute(value)
    known.set(value, made)
    return made
  }
}
