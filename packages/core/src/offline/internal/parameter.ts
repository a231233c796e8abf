import { type JsonObject, own, ownArray, ownString } from "./json.ts"
import { branches, membersOf, resolve, typesOf } from "./jsonSchema.ts"
import { genericNames } from "./lexicon.ts"
import { stem, stems } from "./words.ts"

/**
 * What a string parameter holds, as far as its schema, name and description tell.
 *
 * - `search` free text to look for, `pattern` a regular expression or glob, `ask` a whole question
 * - `code` text in a formal language, `prose` text that somebody has to write
 * - `plain` anything else, usually the name of a thing
 *
 * @internal
 */
export type Kind =
  | "path"
  | "url"
  | "email"
  | "date"
  | "duration"
  | "identifier"
  | "search"
  | "pattern"
  | "ask"
  | "code"
  | "prose"
  | "plain"

/**
 * One parameter of a tool, read from its JSON Schema.
 *
 * @internal
 */
export interface Parameter {
  readonly name: string
  /** Stems of the name, in order. */
  readonly words: ReadonlyArray<string>
  readonly description: string
  readonly required: boolean
  readonly type: "string" | "number" | "integer" | "boolean" | "array" | "object" | "any"
  readonly kind: Kind
  /** What a path may lead to, as far as the name and the description tell. */
  readonly holds: "file" | "directory" | "any"
  /** The values it enumerates, if it does. */
  readonly members: ReadonlyArray<unknown> | undefined
  readonly format: string | undefined
  readonly examples: ReadonlyArray<unknown>
  /** Present, even if undefined, when the schema declares a default. */
  readonly fallback: { readonly value: unknown } | undefined
  /** The element of an array parameter. */
  readonly item: Parameter | undefined
  /** The fields of an object parameter. */
  readonly fields: ReadonlyArray<Parameter>
  /** The schema a value has to satisfy. */
  readonly schema: unknown
}

const kindsByName: ReadonlyArray<readonly [Kind, ReadonlySet<string>]> = ([
  ["code", "sql promql jq xpath expression command cmd script code statement cypher graphql logql jql"],
  ["path", "path file filename filepath folder directory dir"],
  ["url", "url uri link href website webpage"],
  ["email", "email mail"],
  ["date", "date day datetime timestamp time since until when"],
  ["duration", "duration timeout window range interval period step lookback ago ttl"],
  ["pattern", "pattern glob regex regexp"],
  ["ask", "question prompt ask"],
  ["search", "query q search searchterm keyword keywords term terms needle phrase topic"],
  ["prose", "message body content text comment title subject summary note reason description"],
  ["identifier", "id identifier uuid key sha hash ref"]
] as const).map(([kind, words]) => [kind, new Set(words.split(" ").map(stem))])

const kindsByFormat: { readonly [format: string]: Kind } = {
  uri: "url",
  url: "url",
  email: "email",
  date: "date",
  "date-time": "date",
  time: "date",
  duration: "duration",
  uuid: "identifier",
  regex: "pattern"
}

const kindsByDescription: ReadonlyArray<readonly [Kind, RegExp]> = [
  ["code", /\b(?:sql|promql|logql|jql|jq|xpath|graphql|cypher|shell command|expression)\b/i],
  ["path", /\b(?:path (?:of|to)|file ?path|file ?name|directory|folder)\b/i],
  ["url", /\b(?:url|uri)\b/i],
  ["email", /\be-?mail address\b/i],
  ["date", /\b(?:iso[ -]8601 date|date|yyyy-mm-dd)\b/i],
  ["duration", /\b(?:duration|time window|lookback)\b/i],
  ["pattern", /\b(?:regular expression|regex|glob)\b/i],
  ["search", /\b(?:search (?:terms?|text|query|words?|phrase)|keywords?|free[- ]text|what to (?:search|look) for)\b/i]
]

const rangeEnds = new Set(["before", "end", "finish", "to", "until"].map(stem))

const kindOf = (name: ReadonlyArray<string>, format: string | undefined, description: string): Kind => {
  const language = kindsByDescription[0]![1]
  const named = [name.at(-1) ?? "", ...name].map((word) => kindsByName.find(([, words]) => words.has(word))?.[0])
    .find((kind) => kind !== undefined)
  if (format !== undefined && Object.hasOwn(kindsByFormat, format)) return kindsByFormat[format]!
  if (named === "search" && language.test(description)) return "code"
  return named ?? kindsByDescription.find(([, hint]) => hint.test(description))?.[0] ?? "plain"
}

const holdsOf = (name: ReadonlyArray<string>, description: string): Parameter["holds"] => {
  const told = new Set([...name, ...stems(description)])
  const mayBe = (...words: ReadonlyArray<string>): boolean => words.some((word) => told.has(stem(word)))
  const [isFile, isDirectory] = [mayBe("file", "filename", "filepath"), mayBe("directory", "dir", "folder")]
  return isFile === isDirectory ? "any" : isFile ? "file" : "directory"
}

const typeOf = (schemas: ReadonlyArray<JsonObject>): Parameter["type"] => {
  const types = schemas.filter((schema) => membersOf(schema) === undefined).flatMap(typesOf)
  const type = types[0] ?? schemas.flatMap(typesOf)[0]
  switch (type) {
    case "string":
    case "number":
    case "integer":
    case "boolean":
    case "array":
    case "object":
      return type
    default:
      return "any"
  }
}

const maximumDepth = 4

const make = (root: JsonObject, name: string, schema: unknown, required: boolean, depth: number): Parameter => {
  const whole = resolve(root, schema)
  const choices = branches(root, whole)
  const first = (key: string): unknown =>
    [whole, ...choices].map((choice) => own(choice, key)).find((it) => it !== undefined)
  const members = choices.map(membersOf)
  const type = typeOf(choices)
  const description = choices.map((choice) => ownString(choice, "description")).find((it) => it !== undefined) ?? ""
  const format = choices.map((choice) => ownString(choice, "format")).find((it) => it !== undefined)
  const words = stems(name)
  const owner = [whole, ...choices].find((choice) => Object.hasOwn(choice, "default"))
  const example = first("example")
  const examples = first("examples")
  return {
    name,
    words,
    description,
    required,
    type,
    kind: kindOf(words, format, description),
    holds: holdsOf(words, description),
    members: members.every((it) => it !== undefined) ? members.flat() : undefined,
    format,
    examples: Array.isArray(examples) ? examples : example === undefined ? [] : [example],
    fallback: owner === undefined ? undefined : { value: owner["default"] },
    item: type === "array" && depth < maximumDepth ? make(root, name, first("items"), required, depth + 1) : undefined,
    fields: type === "object" && depth < maximumDepth
      ? fieldsOf(root, choices.find((choice) => own(choice, "properties") !== undefined) ?? {}, depth + 1)
      : [],
    schema
  }
}

/**
 * The parameters an object schema declares, required ones first.
 *
 * @internal
 */
export const fieldsOf = (root: JsonObject, schema: JsonObject, depth = 0): ReadonlyArray<Parameter> => {
  const declared = own(schema, "properties")
  const properties = Object.entries(typeof declared === "object" && declared !== null ? declared : {})
  const required = new Set(ownArray(schema, "required"))
  const undeclared = [...required].filter((name) =>
    typeof name === "string" && !properties.some(([declaredName]) => declaredName === name)
  ).map((name) => [String(name), {}] as const)
  const parameters = [...properties, ...undeclared].map(([name, property]) =>
    make(root, name, property, required.has(name), depth)
  )
  return [...parameters.filter((it) => it.required), ...parameters.filter((it) => !it.required)]
}

/**
 * Whether the name of a parameter alone does not say what it names ("id", "name").
 *
 * @internal
 */
export const isGeneric = (parameter: Parameter): boolean =>
  parameter.words.length === 1 && genericNames.has(parameter.words[0]!)

/**
 * Whether a parameter holds the end of a range.
 *
 * @internal
 */
export const endsRange = ({ words }: Parameter): boolean => words.some((word) => rangeEnds.has(word))
