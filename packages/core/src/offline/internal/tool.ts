import * as Tool from "effect/ai/Tool"
import { isObject, type JsonObject } from "./json.ts"
import { branches, resolve } from "./jsonSchema.ts"
import { changingVerbs, genericNames, lookups, plainChangingVerbs, readingVerbs, stopWords } from "./lexicon.ts"
import { fieldsOf, type Parameter } from "./parameter.ts"
import { split, stem } from "./words.ts"

/**
 * A tool as the planner sees it: no more than what is sent to a model.
 *
 * @internal
 */
export interface ToolSpec {
  readonly name: string
  readonly description: string
  /** The JSON Schema of its parameters. */
  readonly schema: JsonObject
  /** One list of parameters for each alternative its schema allows; none if the tool has no JSON Schema. */
  readonly variants: ReadonlyArray<ReadonlyArray<Parameter>>
  /** Stems of the words in its name that are not verbs. */
  readonly nouns: ReadonlyArray<string>
  /** The verbs of reading in its name, or the one its description begins with. */
  readonly verbs: ReadonlyArray<string>
  /** The verb of the change it makes, if its name or description says that it makes one. */
  readonly change: string | undefined
}

const changingStems: ReadonlyMap<string, string> = new Map([...changingVerbs.keys()].map((verb) => [stem(verb), verb]))
const readingStems: ReadonlyMap<string, string> = new Map(
  [...readingVerbs, "give", "provide", "return"].map((verb) => [stem(verb), verb])
)

const verbsOf = (name: ReadonlyArray<string>, description: string): ReadonlyArray<string> => {
  const named = name.filter((word) => readingVerbs.has(word))
  const opening = readingStems.get(stem(split(description)[0] ?? ""))
  return named.length > 0 || opening === undefined ? named : [opening]
}

const changeOf = (name: ReadonlyArray<string>, description: string): string | undefined => {
  const [first = ""] = name
  if (readingVerbs.has(first)) return undefined
  if (changingVerbs.get(first)?.includes("run") === true && name.some((word) => lookups.has(word))) return undefined
  const plain = name.find((word) => plainChangingVerbs.has(word))
  if (plain !== undefined) return plain
  const opening = stem(split(description)[0] ?? "")
  if (readingStems.has(opening)) return undefined
  return changingVerbs.has(first) ? first : changingStems.get(opening)
}

/**
 * Describes a tool by its name, description and JSON Schema.
 *
 * @internal
 */
export const make = (name: string, description: string, jsonSchema: unknown): ToolSpec => {
  const isDescribed = isObject(jsonSchema)
  const schema = isDescribed ? jsonSchema : {}
  const words = split(name)
  return {
    name,
    description,
    schema,
    variants: isDescribed ? branches(schema, resolve(schema, schema)).map((branch) => fieldsOf(schema, branch)) : [],
    nouns: words.filter((word) =>
      !readingVerbs.has(word) && !changingVerbs.has(word) && !genericNames.has(stem(word)) && !stopWords.has(word)
    ).map(stem),
    verbs: verbsOf(words, description),
    change: changeOf(words, description)
  }
}

const jsonSchemaOf = (tool: Tool.Any): unknown => {
  try {
    return Tool.getJsonSchema(tool)
  } catch {
    return undefined
  }
}

/**
 * Describes the tools of a request. Tools that the provider itself would run are left out: there is no provider.
 *
 * @internal
 */
export const fromTools = (tools: ReadonlyArray<Tool.Any>): ReadonlyArray<ToolSpec> =>
  tools.filter((tool) => !Tool.isProviderDefined(tool)).map((tool) =>
    make(tool.name, Tool.getDescription(tool) ?? "", jsonSchemaOf(tool))
  )
