/**
 * Canonical JSON.
 *
 * @internal
 */
import { once } from "./once.ts"

/**
 * JSON text in which equal values have equal text: object keys sorted by code unit, as RFC 8785 (JCS) does.
 *
 * @internal
 */
export const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${Array.from(value, canonicalJson).join(",")}]`
  if (typeof value === "object" && value !== null) {
    let text = ""
    for (const key of Object.keys(value).toSorted()) {
      const item = (value as { readonly [key: string]: unknown })[key]
      if (item !== undefined) text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${canonicalJson(item)}`
    }
    return `{${text}}`
  }
  return JSON.stringify(value) ?? "null"
}

const written = once<object, string>(canonicalJson)

/** The canonical JSON of a call's arguments, which are never changed: the key, equal calls and the cache ask for it. @internal */
export const canonicalArguments = (params: unknown): string =>
  typeof params === "object" && params !== null ? written(params) : canonicalJson(params)
