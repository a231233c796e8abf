/**
 * Schemas of a document as JSON Schema 2020-12, which is what tools have.
 *
 * **Details**
 *
 * A schema that comes out takes at least what the one of the document takes, apart from read-only properties: what the
 * validator need not know, or could be led astray by, is left to the API. Whatever is referred to becomes a definition, so a
 * schema that contains itself ends.
 *
 * @internal
 */
import * as Result from "effect/Result"
import {
  type Document,
  type Fields,
  fieldsOf,
  fitting,
  follow,
  isFields,
  itemsOf,
  resolve,
  textOf,
  unfit
} from "./document.ts"
import { isTame } from "./pattern.ts"

/** @internal */
export type Schema = boolean | Fields

const longestDescription = 1000
/** Of one tool. */
const mostDefinitions = 1000
const longestExample = 200

const types: ReadonlySet<unknown> = new Set(["string", "number", "integer", "boolean", "array", "object", "null"])

const isText = (value: unknown): value is string => typeof value === "string"
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value)
const isCount = (value: unknown): boolean => isNumber(value) && Number.isInteger(value) && value >= 0
const isSmall = (value: unknown): boolean => (JSON.stringify(value) ?? "").length <= longestExample

/** Keywords that are kept as they are, where they have the form that they must have. */
const plain: ReadonlyArray<readonly [keyword: string, isValid: (value: unknown) => boolean]> = [
  ["enum", (value) => Array.isArray(value) && value.length > 0],
  ["const", () => true],
  ["default", isSmall],
  // Fractions are not multiples of each other in the arithmetic of a computer.
  ["multipleOf", (value) => isCount(value) && value !== 0],
  ["maximum", isNumber],
  ["minimum", isNumber],
  ["exclusiveMaximum", isNumber],
  ["exclusiveMinimum", isNumber],
  ["maxLength", isCount],
  ["minLength", isCount],
  ["maxItems", isCount],
  ["minItems", isCount],
  ["uniqueItems", (value) => value === true],
  ["maxProperties", isCount],
  ["minProperties", isCount],
  ["format", isText],
  ["deprecated", (value) => value === true]
]

/** The names of properties that only answers have: of a schema and all that it is made of. */
const readOnlyNames = (document: Document, schema: Fields): ReadonlySet<string> => {
  const names = new Set<string>()
  const seen = new Set<Fields>()
  const pending = [schema]
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (seen.has(part)) continue
    seen.add(part)
    for (const [name, property] of Object.entries(fieldsOf(part["properties"]))) {
      if (isReadOnly(document, property)) names.add(name)
    }
    for (const one of itemsOf(part["allOf"])) pending.push(fieldsOf(follow(document, one)))
  }
  return names
}

const isReadOnly = (document: Document, property: unknown): boolean =>
  fieldsOf(property)["readOnly"] === true || fieldsOf(follow(document, property))["readOnly"] === true

const typeOf = (type: unknown): unknown => {
  if (!Array.isArray(type)) return types.has(type) ? type : undefined
  return type.length > 0 && type.every((one) => types.has(one)) ? [...new Set(type)] : undefined
}

/** In 3.0 a flag makes a bound exclusive. */
const boundsOf = (schema: Fields): Fields => {
  const bounds: Record<string, unknown> = {}
  for (const [flag, bound] of [["exclusiveMinimum", "minimum"], ["exclusiveMaximum", "maximum"]] as const) {
    if (schema[flag] === true && isNumber(schema[bound])) bounds[flag] = schema[bound]
  }
  return bounds
}

const nullable = (schema: Schema): Schema => {
  if (!isFields(schema)) return schema
  const { description, ...rest } = schema
  const { allOf, anyOf, const: constant, $ref, type } = rest
  if (
    type === undefined && constant === undefined && allOf === undefined && anyOf === undefined && $ref === undefined
  ) {
    const values = itemsOf(rest["enum"])
    return values.length === 0 || values.includes(null) ? schema : { ...schema, enum: [...values, null] }
  }
  const named = description === undefined ? {} : { description }
  if (
    type === undefined || constant !== undefined || allOf !== undefined || anyOf !== undefined || $ref !== undefined
  ) {
    return { ...named, anyOf: [rest, { type: "null" }] }
  }
  const values = itemsOf(rest["enum"])
  return {
    ...schema,
    type: [...new Set([...itemsOf(Array.isArray(type) ? type : [type]), "null"])],
    ...(values.length === 0 || values.includes(null) ? {} : { enum: [...values, null] })
  }
}

interface Definition {
  readonly name: string
  readonly source: unknown
  /** Made when it is first wanted: a chain of references may be longer than the stack. Or why there is none. */
  schema: Result.Result<Schema, string> | undefined
  /** Definitions that it names, and those of them that are applied to the same value. */
  readonly uses: Set<string>
  readonly applied: Set<string>
}

/** Where a schema is converted: what it adds to, and which required names are none. */
interface Place {
  readonly uses: Set<string>
  readonly applied: Set<string>
  readonly inPlace: boolean
  readonly hidden: ReadonlySet<string>
}

/** @internal */
export interface Schemas {
  /**
   * The schema of an object that has these properties, with all that they refer to.
   *
   * @param properties - each with the schema as the document has it, and more that is said of it
   */
  readonly object: (
    properties: ReadonlyArray<{
      readonly name: string
      readonly schema: unknown
      readonly required: boolean
      readonly description: string
    }>
  ) => Fields
}

const cut = (text: string): string =>
  text.length <= longestDescription ? text : `${text.slice(0, longestDescription - 1).toWellFormed()}…`

/**
 * @param described - whether descriptions and examples are kept
 * @internal
 */
export const make = (document: Document, described: boolean): Schemas => {
  const definitions = new Map<string, Definition>()
  const byTarget = new Map<unknown, Definition>()

  const nameFor = (last: string): string => {
    const base = last.replaceAll(/[^\w.-]/g, "_").slice(0, 60) || "schema"
    for (let i = 1;; i++) {
      const name = i === 1 ? base : `${base}_${i}`
      if (!definitions.has(name)) return name
    }
  }

  const define = (ref: string): Definition => {
    const { last, value } = resolve(document, ref)
    const known = byTarget.get(value)
    if (known !== undefined) return known
    const name = nameFor(last)
    const made: Definition = { name, source: value, schema: undefined, uses: new Set(), applied: new Set() }
    definitions.set(name, made)
    byTarget.set(value, made)
    return made
  }

  const descriptionOf = (schema: Fields, notes: ReadonlyArray<string>): Fields => {
    if (!described) return {}
    const text = [textOf(schema["description"])?.trim() ?? "", ...notes].filter((part) => part !== "").join("\n")
    return text === "" ? {} : { description: cut(text) }
  }

  const examplesOf = ({ example, examples }: Fields): Fields => {
    const given = Array.isArray(examples) ? examples.slice(0, 3) : example === undefined ? [] : [example]
    return described && given.length > 0 && isSmall(given) ? { examples: given } : {}
  }

  const patternsOf = (schema: Fields, place: Place) => {
    const all = Object.entries(fieldsOf(schema["patternProperties"]))
    const isWhole = all.every(([pattern]) => isTame(pattern))
    const kept = all.filter(([pattern]) => isTame(pattern)).map(([pattern, it]) =>
      [pattern, convert(it, place)] as const
    )
    return { isWhole, ...(kept.length === 0 ? {} : { patternProperties: Object.fromEntries(kept) }) }
  }

  const objectOf = (schema: Fields, { applied, hidden, uses }: Place): Fields => {
    const inside: Place = { uses, applied, inPlace: false, hidden: new Set() }
    const properties = Object.entries(fieldsOf(schema["properties"]))
      .filter(([, property]) => !isReadOnly(document, property))
      .map(([name, property]) => [name, convert(property, inside)] as const)
    const required = itemsOf(schema["required"]).filter((name) => isText(name) && !hidden.has(name))
    const { isWhole, ...patterns } = patternsOf(schema, inside)
    const { additionalProperties } = schema
    return {
      ...(schema["properties"] === undefined ? {} : { properties: Object.fromEntries(properties) }),
      ...(required.length === 0 ? {} : { required: [...new Set(required)] }),
      ...patterns,
      ...(isWhole && (typeof additionalProperties === "boolean" || isFields(additionalProperties))
        ? { additionalProperties: convert(additionalProperties, inside) }
        : {})
    }
  }

  const arrayOf = (schema: Fields, { applied, uses }: Place): Fields => {
    const inside: Place = { uses, applied, inPlace: false, hidden: new Set() }
    const { items, prefixItems } = schema
    return {
      ...(Array.isArray(prefixItems) && prefixItems.length > 0
        ? { prefixItems: prefixItems.map((item) => convert(item, inside)) }
        : {}),
      ...(typeof items === "boolean" || isFields(items) ? { items: convert(items, inside) } : {})
    }
  }

  /** Of alternatives the API finds out which one is meant: without all of their keywords more than one may fit. */
  const unionOf = (schema: Fields, place: Place): Fields => {
    const [all, any, one] = ["allOf", "anyOf", "oneOf"].map((keyword) =>
      itemsOf(schema[keyword]).map((part) => convert(part, place))
    ) as [Array<Schema>, Array<Schema>, Array<Schema>]
    if (any.length > 0 && one.length > 0) all.push({ anyOf: one })
    const alternatives = any.length > 0 ? any : one
    return {
      ...(all.length === 0 ? {} : { allOf: all }),
      ...(alternatives.length === 0 ? {} : { anyOf: alternatives })
    }
  }

  const notesOf = (schema: Fields): ReadonlyArray<string> => {
    const property = textOf(fieldsOf(schema["discriminator"])["propertyName"])
    const values = Object.keys(fieldsOf(fieldsOf(schema["discriminator"])["mapping"])).slice(0, 20)
    const { pattern } = schema
    return [
      ...(property === undefined
        ? []
        : [`Which one it is, says "${property}"${values.length === 0 ? "" : `: ${values.join(", ")}`}`]),
      ...(isText(pattern) && !isTame(pattern) ? [`Pattern: ${pattern}`] : [])
    ]
  }

  const referred = (ref: string, schema: Fields, place: Place): Schema => {
    const { name } = define(ref)
    place.uses.add(name)
    if (place.inPlace) place.applied.add(name)
    const { $ref: _, nullable: __, ...siblings } = schema
    const rest = document.minor === 0 ? descriptionOf(schema, []) : fieldsOf(convert(siblings, place))
    return { ...rest, $ref: `#/$defs/${name}` }
  }

  const convert = (schema: unknown, place: Place): Schema => {
    if (typeof schema === "boolean") return schema
    if (!isFields(schema)) return {}
    const { $ref } = schema
    const made = isText($ref) ? referred($ref, schema, place) : composed(schema, place)
    return schema["nullable"] === true ? nullable(made) : made
  }

  const composed = (schema: Fields, place: Place): Schema => {
    const type = typeOf(schema["type"])
    const within = { ...place, hidden: new Set([...place.hidden, ...readOnlyNames(document, schema)]) }
    const { pattern } = schema
    return {
      ...(type === undefined ? {} : { type }),
      ...descriptionOf(schema, notesOf(schema)),
      ...Object.fromEntries(
        plain.flatMap(([keyword, isValid]) => {
          const value = schema[keyword]
          return value !== undefined && isValid(value) ? [[keyword, value]] : []
        })
      ),
      ...boundsOf(schema),
      ...(isText(pattern) && isTame(pattern) ? { pattern } : {}),
      ...examplesOf(schema),
      ...objectOf(schema, within),
      ...arrayOf(schema, within),
      ...unionOf(schema, within)
    }
  }

  const reachable = (from: Iterable<string>): ReadonlyArray<readonly [name: string, schema: Schema]> => {
    const found = new Map<string, Schema>()
    const pending = [...from]
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const definition = definitions.get(name)
      if (definition === undefined || found.has(name)) continue
      const { applied, source, uses } = definition
      definition.schema ??= fitting(() => convert(source, { uses, applied, inPlace: true, hidden: new Set() }))
      found.set(name, Result.getOrElse(definition.schema, unfit))
      if (found.size > mostDefinitions) unfit(`the schema of its arguments has more than ${mostDefinitions} parts`)
      pending.push(...uses)
    }
    return [...found].toSorted(([left], [right]) => left < right ? -1 : 1)
  }

  /** A definition that is applied to the same value as itself would never be done. */
  const checkEnds = (names: ReadonlyArray<string>): void => {
    const done = new Set<string>()
    const visit = (name: string, above: ReadonlyArray<string>): void => {
      if (above.includes(name)) unfit(`its schema ${JSON.stringify(name)} is made of itself`)
      if (done.has(name)) return
      for (const next of definitions.get(name)?.applied ?? []) visit(next, [...above, name])
      done.add(name)
    }
    for (const name of names) visit(name, [])
  }

  return {
    object: (properties) => {
      const uses = new Set<string>()
      const place: Place = { uses, applied: new Set(), inPlace: false, hidden: new Set() }
      const converted = properties.map(({ description, name, schema }) => {
        const made = convert(schema, place)
        const said = isFields(made) ? textOf(made["description"]) ?? "" : ""
        const text = [description, said].filter((part, i, all) => part !== "" && all.indexOf(part) === i).join("\n")
        return [name, isFields(made) && text !== "" ? { ...made, description: cut(text) } : made] as const
      })
      const required = properties.filter((property) => property.required).map(({ name }) => name)
      const used = reachable(uses)
      checkEnds(used.map(([name]) => name))
      return {
        type: "object",
        properties: Object.fromEntries(converted),
        ...(required.length === 0 ? {} : { required }),
        additionalProperties: false,
        ...(used.length === 0 ? {} : { $defs: Object.fromEntries(used) })
      }
    }
  }
}
