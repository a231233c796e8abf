import { canonical, isObject, type JsonObject, own, ownArray, ownString } from "./json.ts"

const maximumDepth = 16

const pointed = (root: JsonObject, reference: string): unknown =>
  reference.replace(/^#\/?/, "").split("/").filter((key) => key !== "").map((key) =>
    key.replaceAll("~1", "/").replaceAll("~0", "~")
  ).reduce<unknown>((schema, key) => isObject(schema) ? own(schema, key) : undefined, root)

const merged = (base: JsonObject, extra: JsonObject): JsonObject => {
  const [properties, more] = [own(base, "properties"), own(extra, "properties")]
  const required = [...ownArray(base, "required"), ...ownArray(extra, "required")]
  return {
    ...base,
    ...extra,
    ...isObject(properties) && isObject(more) ? { properties: { ...properties, ...more } } : {},
    ...required.length > 0 ? { required } : {}
  }
}

/**
 * A schema with its local reference followed and its `allOf` merged in; what is not an object schema becomes `{}`.
 *
 * @internal
 */
export const resolve = (root: JsonObject, schema: unknown, depth = 0): JsonObject => {
  if (!isObject(schema) || depth > maximumDepth) return {}
  const { $ref: reference, allOf, ...rest } = schema
  const target = typeof reference === "string" ? resolve(root, pointed(root, reference), depth + 1) : {}
  const parts = Array.isArray(allOf) ? allOf.map((part) => resolve(root, part, depth + 1)) : []
  return [rest, ...parts].reduce(merged, target)
}

/**
 * The alternatives of a schema: the branches of its `anyOf` or `oneOf` (null left out), or the schema itself.
 *
 * @internal
 */
export const branches = (root: JsonObject, schema: JsonObject, depth = 0): ReadonlyArray<JsonObject> => {
  const choices = [...ownArray(schema, "anyOf"), ...ownArray(schema, "oneOf")]
  if (choices.length === 0 || depth > maximumDepth) return [schema]
  const { anyOf: _any, oneOf: _one, ...rest } = schema
  return choices.flatMap((choice) => branches(root, merged(rest, resolve(root, choice)), depth + 1)).filter((branch) =>
    own(branch, "type") !== "null"
  )
}

/**
 * The types a schema names, `null` left out; none when it leaves the type open.
 *
 * @internal
 */
export const typesOf = (schema: JsonObject): ReadonlyArray<string> => {
  const type = own(schema, "type")
  return (Array.isArray(type) ? type : [type]).filter((name) => typeof name === "string" && name !== "null")
}

/**
 * The values a schema enumerates, or undefined when it enumerates none.
 *
 * @internal
 */
export const membersOf = (schema: JsonObject): ReadonlyArray<unknown> | undefined => {
  if (Object.hasOwn(schema, "const")) return [schema["const"]]
  const members = own(schema, "enum")
  return Array.isArray(members) ? members.filter((member) => member !== null) : undefined
}

const isType = (value: unknown, type: unknown): boolean => {
  switch (type) {
    case "string":
    case "boolean":
      return typeof value === type
    case "number":
      return typeof value === "number" && Number.isFinite(value)
    case "integer":
      return Number.isInteger(value)
    case "array":
      return Array.isArray(value)
    case "object":
      return isObject(value)
    case "null":
      return value === null
    default:
      return true
  }
}

const formats: { readonly [format: string]: RegExp } = {
  date: /^\d{4}-\d{2}-\d{2}$/,
  "date-time": /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})$/i,
  time: /^\d{2}:\d{2}/,
  duration: /^P(?=.)(?:\d+[YMWD])*(?:T(?:\d+(?:\.\d+)?[HMS])+)?$/,
  email: /^[^\s@]+@[^\s@]+$/,
  uri: /^[a-z][a-z0-9+.-]*:\S+$/i,
  url: /^[a-z][a-z0-9+.-]*:\S+$/i,
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  ipv4: /^\d{1,3}(?:\.\d{1,3}){3}$/
}

const matches = (pattern: string, text: string): boolean => {
  try {
    return new RegExp(pattern, "u").test(text)
  } catch {
    return false
  }
}

const within = (schema: JsonObject, low: string, high: string, size: number): boolean => {
  const [minimum, maximum] = [own(schema, low), own(schema, high)]
  return (typeof minimum !== "number" || size >= minimum) && (typeof maximum !== "number" || size <= maximum)
}

const acceptsNumber = (schema: JsonObject, value: number): boolean => {
  const { exclusiveMinimum: above, exclusiveMaximum: below, multipleOf: step } = schema
  return within(schema, "minimum", "maximum", value) &&
    (typeof above !== "number" || value > above) &&
    (typeof below !== "number" || value < below) &&
    (typeof step !== "number" || Number.isInteger(value / step))
}

const acceptsString = (schema: JsonObject, value: string): boolean => {
  const [pattern, format] = [ownString(schema, "pattern"), ownString(schema, "format")]
  const shape = format === undefined || !Object.hasOwn(formats, format) ? undefined : formats[format]
  return within(schema, "minLength", "maxLength", value.length) &&
    (pattern === undefined || matches(pattern, value)) &&
    (shape === undefined || shape.test(value))
}

const acceptsArray = (root: JsonObject, schema: JsonObject, value: ReadonlyArray<unknown>, depth: number): boolean => {
  const fixed = ownArray(schema, "prefixItems")
  return within(schema, "minItems", "maxItems", value.length) &&
    (own(schema, "uniqueItems") !== true || new Set(value.map(canonical)).size === value.length) &&
    value.every((item, i) => accepts(root, i < fixed.length ? fixed[i] : own(schema, "items"), item, depth + 1))
}

const acceptsObject = (root: JsonObject, schema: JsonObject, value: JsonObject, depth: number): boolean => {
  const declared = own(schema, "properties")
  const properties = isObject(declared) ? declared : {}
  return ownArray(schema, "required").every((key) => typeof key === "string" && Object.hasOwn(value, key)) &&
    Object.entries(value).every(([key, field]) =>
      accepts(
        root,
        Object.hasOwn(properties, key) ? properties[key] : own(schema, "additionalProperties"),
        field,
        depth + 1
      )
    )
}

/**
 * Whether a JSON value satisfies a JSON Schema. Covers what tool parameters use: types, enumerations, unions, local
 * references, bounds, patterns, common formats, arrays and objects; unknown keywords are ignored.
 *
 * @internal
 */
export const accepts = (root: JsonObject, schema: unknown, value: unknown, depth = 0): boolean => {
  if (schema === false || depth > maximumDepth) return false
  if (!isObject(schema)) return true
  const { $ref: reference, type, anyOf, oneOf, allOf, not } = schema
  const satisfies = (part: unknown): boolean => accepts(root, part, value, depth + 1)
  return (typeof reference !== "string" || satisfies(pointed(root, reference))) &&
    (Array.isArray(type) ? type.some((name) => isType(value, name)) : isType(value, type)) &&
    (!Object.hasOwn(schema, "const") || canonical(schema["const"]) === canonical(value)) &&
    (!Array.isArray(schema["enum"]) || schema["enum"].some((member) => canonical(member) === canonical(value))) &&
    (!Array.isArray(anyOf) || anyOf.some(satisfies)) &&
    (!Array.isArray(oneOf) || oneOf.filter(satisfies).length === 1) &&
    (!Array.isArray(allOf) || allOf.every(satisfies)) &&
    (not === undefined || !satisfies(not)) &&
    (typeof value !== "number" || acceptsNumber(schema, value)) &&
    (typeof value !== "string" || acceptsString(schema, value)) &&
    (!Array.isArray(value) || acceptsArray(root, schema, value, depth)) &&
    (!isObject(value) || acceptsObject(root, schema, value, depth))
}
