/**
 * Makes a JSON Schema one that the Messages API takes as the format of a reply.
 *
 * **Details**
 *
 * The API refuses most constraints of values (`minimum`, `maxLength`, …); they are said in the description instead. It
 * refuses objects with keys that are not named, and closing a map would leave only the empty one, so a map is an error.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import * as AiError from "effect/ai/AiError"
import type * as JsonSchema from "effect/JsonSchema"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"

type Json = JsonSchema.JsonSchema

type Converted<A> = Result.Result<A, AiError.UnsupportedSchemaError>

/** Where a schema is in the whole: what the whole is, in words, then the keys of properties. */
type Path = readonly [whole: string, ...keys: ReadonlyArray<string>]

const unsupported = ([whole, ...keys]: Path, problem: string): Converted<never> => {
  const place = keys.length === 0 ? "" : `"${keys.join(".")}" of `
  return Result.fail(new AiError.UnsupportedSchemaError({ description: `${place}${whole} ${problem}` }))
}

const formats: ReadonlySet<unknown> = new Set([
  "date-time",
  "time",
  "date",
  "duration",
  "email",
  "hostname",
  "uri",
  "ipv4",
  "ipv6",
  "uuid"
])

const shapes: ReadonlySet<string> = new Set([
  "$ref",
  "additionalProperties",
  "allOf",
  "anyOf",
  "const",
  "enum",
  "items",
  "oneOf",
  "properties",
  "required",
  "type"
])

const notes: ReadonlySet<string> = new Set(["$comment", "$defs", "$id", "$schema", "description", "title"])

const hasShape = (schema: Json): boolean => Object.keys(schema).some((key) => shapes.has(key))

const isAccepted = (key: string, value: unknown): boolean =>
  key === "format" ? formats.has(value) : key === "minItems" && (value === 0 || value === 1)

const isPrimitive = (value: unknown): boolean => value === null || typeof value !== "object"

const literals = (schema: Json): Json | undefined => {
  const { const: constant, enum: values } = schema
  if (Array.isArray(values) && values.length > 0 && values.every(isPrimitive)) return { enum: values }
  return constant !== undefined && isPrimitive(constant) ? { const: constant } : undefined
}

/** `title` and `description`, with the constraints that the API does not take. */
const annotations = (schema: Json): Json => {
  const entries = Object.entries(schema).filter(([key]) => !shapes.has(key) && !notes.has(key))
  const refused = entries.filter(([key, value]) => !isAccepted(key, value))
  const constraints = refused.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(", ")
  const texts = [schema["description"], constraints && `{${constraints}}`].filter(Boolean)
  return {
    ...Object.fromEntries(entries.filter(([key, value]) => isAccepted(key, value))),
    ...(schema["title"] !== undefined && { title: schema["title"] }),
    ...(texts.length > 0 && { description: texts.join("\n\n") })
  }
}

const hasType = ({ type }: Json, name: string): boolean => type === name || (Array.isArray(type) && type.includes(name))

const object = (schema: Json, path: Path): Converted<Json> =>
  Result.gen(function*() {
    const { additionalProperties, patternProperties, properties, required } = schema
    const named = Predicate.isObject(properties) ? Object.entries(properties) : []
    const open = named.length === 0 && additionalProperties !== false
    if (open || Predicate.isObject(additionalProperties) || patternProperties !== undefined) {
      return yield* unsupported(path, "is a map; make it a list of keys with their values")
    }
    const rewritten = yield* Result.all(
      named.map(([key, value]) => Result.map(rewrite(value, [...path, key]), (property) => [key, property] as const))
    )
    return {
      properties: Object.fromEntries(rewritten),
      ...(required !== undefined && { required }),
      additionalProperties: false
    }
  })

const array = ({ items, prefixItems }: Json, path: Path): Converted<Json> =>
  prefixItems === undefined
    ? Result.map(rewrite(items, [...path, "[]"]), (item) => ({ items: item }))
    : unsupported(path, "is a tuple; make it an object")

const union = (members: ReadonlyArray<unknown>, path: Path): Converted<Json> =>
  Result.map(Result.all(members.map((member) => rewrite(member, path))), (anyOf) => ({ anyOf }))

const typed = (schema: Json, path: Path): Converted<Json> =>
  Result.gen(function*() {
    return {
      type: schema["type"],
      ...(hasType(schema, "object") && (yield* object(schema, path))),
      ...(hasType(schema, "array") && (yield* array(schema, path)))
    }
  })

/**
 * One schema for a schema and its `allOf`, whose members mostly add constraints to it. Two members that are objects cannot
 * both be closed.
 */
const merged = (schema: Json, path: Path): Converted<Json> => {
  const { allOf, ...own } = schema
  if (!Array.isArray(allOf)) return Result.succeed(schema)
  const members = [own, ...allOf.filter(Predicate.isObject)] as ReadonlyArray<Json>
  if (members.filter(hasShape).length > 1) return unsupported(path, "is an intersection (allOf); make it one object")
  const parts = members.map((member) => hasShape(member) ? member : annotations(member))
  const descriptions = parts.flatMap(({ description }) => typeof description === "string" ? [description] : [])
  const joined: Json = Object.assign({}, ...parts)
  return merged(descriptions.length === 0 ? joined : { ...joined, description: descriptions.join("\n\n") }, path)
}

const shape = (schema: Json, path: Path): Converted<Json> => {
  const literal = literals(schema)
  if (literal !== undefined) return Result.succeed(literal)
  const members = schema["anyOf"] ?? schema["oneOf"]
  if (Array.isArray(members)) return union(members, path)
  return schema["type"] === undefined ? unsupported(path, "has no type") : typed(schema, path)
}

const rewrite = (value: unknown, path: Path): Converted<Json> =>
  Result.gen(function*() {
    if (!Predicate.isObject(value)) return yield* unsupported(path, "has no type")
    const schema = yield* merged(value, path)
    // The API takes no other keyword beside a reference.
    if (schema["$ref"] !== undefined) return { $ref: schema["$ref"] }
    return { ...(yield* shape(schema, path)), ...annotations(schema) }
  })

const values = (value: unknown): ReadonlyArray<Json> =>
  Predicate.isObjectOrArray(value) ? Object.values(value).filter(Predicate.isObject) : []

/** A rewritten schema and all schemas below it. */
const nodes = (schema: Json): ReadonlyArray<Json> => {
  const { $defs, anyOf, items, properties } = schema
  return [schema, ...[...values([items]), ...values(anyOf), ...values(properties), ...values($defs)].flatMap(nodes)]
}

const references = (schema: Json): ReadonlyArray<string> =>
  nodes(schema).flatMap(({ $ref }) => typeof $ref === "string" ? [$ref] : [])

const prefix = "#/$defs/"

/** The definition that a reference names. */
const nameOf = (reference: string): string | undefined => {
  if (!reference.startsWith(prefix)) return undefined
  const token = reference.slice(prefix.length)
  const decoded = Result.getOrElse(Result.try(() => decodeURIComponent(token)), () => token)
  return decoded.replaceAll("~1", "/").replaceAll("~0", "~")
}

/** The definitions that `root` needs, rewritten, in their order. */
const definitions = (root: Json, given: unknown, path: Path): Converted<Json> =>
  Result.gen(function*() {
    const all = Predicate.isObject(given) ? given : {}
    const done = new Map<string, Json>()
    const visit = (schema: Json, above: ReadonlyArray<string>): Converted<void> =>
      Result.gen(function*() {
        for (const reference of references(schema)) {
          const name = nameOf(reference)
          if (reference === "#" || (name !== undefined && above.includes(name))) {
            return yield* unsupported(path, "is recursive")
          }
          if (name === undefined || !Object.hasOwn(all, name)) {
            return yield* unsupported(path, `refers to "${reference}", which it does not define`)
          }
          if (done.has(name)) continue
          const definition = yield* rewrite(all[name], path)
          yield* visit(definition, [...above, name])
          done.set(name, definition)
        }
      })
    yield* visit(root, [])
    return Object.fromEntries(
      Object.keys(all).flatMap((name) => {
        const definition = done.get(name)
        return definition === undefined ? [] : [[name, definition] as const]
      })
    )
  })

const mostOptional = 24
const mostUnions = 16

const optional = ({ properties, required }: Json): number =>
  Predicate.isObject(properties)
    ? Object.keys(properties).filter((key) => !(Array.isArray(required) && required.includes(key))).length
    : 0

/**
 * How much of what the API limits in all strict schemas of a request together is in this one.
 *
 * @internal
 */
export interface Complexity {
  readonly optional: number
  readonly unions: number
}

/** @internal */
export const complexity = (schema: Json): Complexity => {
  const all = nodes(schema)
  return {
    optional: all.reduce((sum, node) => sum + optional(node), 0),
    unions: all.filter(({ anyOf, type }) => Array.isArray(anyOf) || Array.isArray(type)).length
  }
}

/**
 * Refuses what is more than the API takes; `whole` says in words what has it.
 *
 * @internal
 */
export const withinLimits = (whole: string, { optional, unions }: Complexity): Converted<void> => {
  if (optional > mostOptional) {
    return unsupported([whole], `is too complex: ${optional} optional properties, at most ${mostOptional} are allowed`)
  }
  return unions > mostUnions
    ? unsupported([whole], `is too complex: ${unions} unions, at most ${mostUnions} are allowed`)
    : Result.succeed(undefined)
}

/**
 * The schema in the subset that the API can hold a model to; `whole` says in words what it is the schema of.
 *
 * @internal
 */
export const subset = (whole: string, schema: Json): Converted<Json> =>
  Result.gen(function*() {
    const root = yield* rewrite(schema, [whole])
    const $defs = yield* definitions(root, schema["$defs"], [whole])
    return Object.keys($defs).length === 0 ? root : { ...root, $defs }
  })

/**
 * The `output_config.format` of a request whose reply is to be JSON of `schema`; `name` is for the error.
 *
 * @internal
 */
export const make = (name: string, schema: Json): Converted<Api.JSONOutputFormat> =>
  Result.gen(function*() {
    const whole = `the output "${name}"`
    const format = yield* subset(whole, schema)
    yield* withinLimits(whole, complexity(format))
    return { type: "json_schema", schema: format }
  })
