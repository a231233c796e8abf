import { isObject, parsed } from "./json.ts"
import { accepts } from "./jsonSchema.ts"
import { genericNames, readingVerbs } from "./lexicon.ts"
import { isGeneric, type Parameter } from "./parameter.ts"
import type { ToolSpec } from "./tool.ts"
import { read } from "./value.ts"
import { stem, stems } from "./words.ts"

interface Field {
  readonly words: ReadonlyArray<string>
  readonly value: string | number | boolean
}

/**
 * One object of a tool result with its scalar fields and those of the objects around it, nearest first.
 *
 * @internal
 */
export interface Record {
  readonly fields: ReadonlyArray<Field>
  /** Stems of the words that say what the record is: the keys on the way to it and the tool it came from. */
  readonly context: ReadonlySet<string>
}

const maximumDepth = 6
const maximumRecords = 200
const readingStems = new Set([...readingVerbs].map(stem))

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean"

const walk = (
  value: unknown,
  path: ReadonlyArray<string>,
  outer: ReadonlyArray<Field>,
  depth: number
): ReadonlyArray<Record> => {
  const content = parsed(value)
  if (depth > maximumDepth) return []
  const context = new Set(path)
  if (Array.isArray(content)) {
    return content.slice(0, maximumRecords).flatMap((item) =>
      isScalar(item) && !isObject(parsed(item))
        ? [{ fields: [{ words: path.slice(-1), value: item }, ...outer], context }]
        : walk(item, path, outer, depth + 1)
    )
  }
  if (!isObject(content)) return []
  const entries = Object.entries(content).map(([key, field]) => ({ key, field: parsed(field) }))
  const scalars = entries.flatMap(({ field, key }) => isScalar(field) ? [{ words: stems(key), value: field }] : [])
  const nested = entries.filter(({ field }) => !isScalar(field))
  const fields = [...scalars, ...outer]
  return [
    ...scalars.length === 0 ? [] : [{ fields, context }],
    ...nested.flatMap(({ field, key }) => walk(field, [...path, ...stems(key)], fields, depth + 1))
  ]
}

/**
 * The records in the result of a tool; at most 200. Text that holds JSON is read as JSON.
 *
 * @internal
 */
export const recordsOf = (tool: string, result: unknown): ReadonlyArray<Record> =>
  walk(result, stems(tool).filter((word) => !readingStems.has(word)), [], 0).slice(0, maximumRecords)

const kinFields: { readonly [kind in Parameter["kind"]]?: ReadonlySet<string> } = {
  path: new Set(["path", "file", "filename", "filepath"].map(stem)),
  url: new Set(["url", "uri", "link", "href"].map(stem)),
  email: new Set(["email"])
}

const sorts = new Set(["kind", "type"].map(stem))

const isDirectory = ({ fields }: Record): boolean => {
  const sort = fields.find(({ words }) => words.length === 1 && sorts.has(words[0]!))?.value
  return typeof sort === "string" && /^(?:dir|directory|folder)$/i.test(sort)
}

const same = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean => a.join(" ") === b.join(" ")

const namings = (tool: ToolSpec, parameter: Parameter, record: Record): ReadonlyArray<(field: Field) => boolean> => {
  const { words } = parameter
  const isOf = (nouns: ReadonlyArray<string>): boolean => nouns.every((noun) => record.context.has(noun))
  const named = (name: string) => (field: Field): boolean => field.words.length === 1 && field.words[0] === stem(name)
  const exact = (field: Field): boolean => same(field.words, words)
  if (isGeneric(parameter)) {
    return tool.nouns.length === 0 || tool.nouns.some((noun) => record.context.has(noun)) ? [exact] : []
  }
  const kin = kinFields[parameter.kind]
  const alike = kin === undefined ? [] : [(field: Field): boolean => kin.has(field.words.at(-1) ?? "")]
  const last = words.at(-1) ?? ""
  if (words.length > 1 && genericNames.has(last)) {
    const nouns = words.slice(0, -1)
    return [exact, ...isOf(nouns) ? [named(last)] : [], (field) => same(field.words, nouns), ...alike]
  }
  const suffixed = (field: Field): boolean =>
    genericNames.has(field.words.at(-1) ?? "") && same(field.words.slice(0, -1), words)
  return [exact, suffixed, ...alike, ...isOf(words) ? ["name", "id", "key"].map(named) : []]
}

/**
 * The value a record has for a parameter: a field of its name, or of the name its noun gives it (`lamps[].name` for `lamp`).
 *
 * @internal
 */
export const valueIn = (tool: ToolSpec, parameter: Parameter, record: Record): unknown => {
  const target = parameter.item ?? parameter
  if (target.kind === "path" && target.holds === "file" && isDirectory(record)) return undefined
  for (const isNamed of namings(tool, parameter, record)) {
    for (const field of record.fields.filter(isNamed)) {
      if (field.value === "") continue
      if (target.type !== "array" && accepts(tool.schema, target.schema, field.value)) return field.value
      const value = read(tool, parameter, typeof field.value === "number" ? "number" : "quoted", String(field.value))
      if (value !== undefined) return value
    }
  }
  return undefined
}
