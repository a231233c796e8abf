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

/**
 * As `once`, for objects that were made here: the result is kept in the object itself, unseen by whoever copies or writes it, which
 * takes a tenth of the time of a weak map.
 *
 * @internal
 */
export const onceOwn = <A extends object, B>(compute: (value: A) => B): (value: A) => B => {
  const key = Symbol("once")
  return (value) => {
    const before = (value as { readonly [key]?: B })[key]
    if (before !== undefined) return before
    const made = compute(value)
    Object.defineProperty(value, key, { value: made })
    return made
  }
}
