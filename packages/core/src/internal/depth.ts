/**
 * How deeply a value may be nested.
 *
 * @internal
 */

/** Beyond this many levels what writes JSON or checks a schema may run out of stack. @internal */
export const deepest = 256

/** @internal */
export const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === "object" && value !== null &&
  (levels === 0 || Object.values(value).some((item) => isDeeper(item, levels - 1)))

/** @internal */
export const isTooDeep = (value: unknown): boolean => isDeeper(value, deepest)
