import * as Predicate from "effect/Predicate"

/**
 * A JSON object of unknown content.
 *
 * @internal
 */
export type JsonObject = { readonly [key: string]: unknown }

/**
 * Whether a value is an object that is neither an array nor null.
 *
 * @internal
 */
export const isObject = (value: unknown): value is JsonObject => Predicate.isObject(value)

/**
 * The own field of an object, if it has one.
 *
 * @internal
 */
export const own = (value: JsonObject, key: string): unknown => Object.hasOwn(value, key) ? value[key] : undefined

/**
 * The string at a field, if there is one.
 *
 * @internal
 */
export const ownString = (value: JsonObject, key: string): string | undefined => {
  const found = own(value, key)
  return typeof found === "string" ? found : undefined
}

/**
 * The array at a field, or an empty one.
 *
 * @internal
 */
export const ownArray = (value: JsonObject, key: string): ReadonlyArray<unknown> => {
  const found = own(value, key)
  return Array.isArray(found) ? found : []
}

/**
 * JSON text that is equal for equal values: keys are sorted.
 *
 * @internal
 */
export const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (!isObject(value)) return JSON.stringify(value) ?? "null"
  return `{${Object.keys(value).toSorted().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`
}

/**
 * The JSON value a text holds, when it holds an object or array; else the text itself.
 *
 * @internal
 */
export const parsed = (value: unknown): unknown => {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

/**
 * A JSON value as text: a string as it is, anything else as JSON.
 *
 * @internal
 */
export const textOf = (value: unknown): string => typeof value === "string" ? value : canonical(value)
