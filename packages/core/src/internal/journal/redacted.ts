/**
 * Takes secrets out of JSON, so that what is left can still be read as what it was.
 *
 * @internal
 */
import * as Schema from "effect/Schema"

const collectWords = (schema: Schema.Top): ReadonlySet<string> => {
  const found = new Set<string>()
  JSON.stringify(Schema.toJsonSchemaDocument(schema), (key, value: unknown) => {
    found.add(key)
    if (typeof value === "string") found.add(value)
    return value
  })
  return found
}

/**
 * The texts of JSON values of one schema without secrets. A text that is a word of the schema stays, or the value could not
 * be read back. Numbers stay: one that looks like a secret would be any other as well.
 *
 * @internal
 */
export const redacted = (schema: Schema.Top) => {
  let words: ReadonlySet<string> | undefined
  const isWord = (text: string): boolean => (words ??= collectWords(schema)).has(text)

  return (redact: (text: string) => string) => {
    const text = (value: string): string => {
      const safe = redact(value)
      return safe === value || isWord(value) ? value : safe
    }
    const visit = (value: Schema.Json): Schema.Json => {
      if (typeof value === "string") return text(value)
      if (Array.isArray(value)) return value.map(visit)
      if (typeof value !== "object" || value === null) return value
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [text(key), visit(item)]))
    }
    return visit
  }
}
