/**
 * What a schema must be that the API holds a model to: that of a strict tool, or of `output_config.format`.
 *
 * @internal
 */
import * as Predicate from "effect/Predicate"
import * as fields from "./fields.ts"

const branches = ["anyOf", "oneOf", "allOf", "prefixItems"]
const maps = ["properties", "$defs", "definitions"]

/** The schemas directly below one. */
const below = (schema: fields.Fields): ReadonlyArray<fields.Fields> =>
  [
    schema["items"],
    ...branches.flatMap((key) => fields.list(schema[key])),
    ...maps.flatMap((key) => fields.isFields(schema[key]) ? Object.values(schema[key]) : [])
  ].filter(fields.isFields)

/** A schema and all below it; without recursion, since a body may nest deeper than the call stack. */
const nodes = (schema: fields.Fields): ReadonlyArray<fields.Fields> => {
  const all = [schema]
  for (const node of all) all.push(...below(node))
  return all
}

const refused: { readonly [type: string]: ReadonlyArray<string> } = {
  integer: ["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"],
  number: ["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"],
  string: ["maxLength", "minLength"],
  array: ["maxItems", "uniqueItems"]
}

const hasType = (schema: fields.Fields, type: string): boolean =>
  schema["type"] === type || fields.list(schema["type"]).includes(type)

const node = function*(path: string, schema: fields.Fields): fields.Violations {
  if (hasType(schema, "object") && schema["additionalProperties"] !== false) {
    yield `${path}: For 'object' type, 'additionalProperties' must be explicitly set to false`
  }
  for (const [type, keywords] of Object.entries(refused)) {
    const found = hasType(schema, type) ? keywords.filter((keyword) => Object.hasOwn(schema, keyword)) : []
    if (found.length === 1) yield `${path}: For '${type}' type, property '${found[0]}' is not supported`
    if (found.length > 1) yield `${path}: For '${type}' type, properties ${found.join(", ")} are not supported`
  }
  if (hasType(schema, "array") && ![undefined, 0, 1].some((least) => least === schema["minItems"])) {
    yield `${path}: For 'array' type, 'minItems' values other than 0 or 1 are not supported`
  }
}

/** What references lead to: a definition inside, or nothing. */
const resolve = (root: fields.Fields, reference: string): unknown =>
  reference === "#"
    ? root
    : reference.slice(2).split("/").reduce<unknown>((value, token) => {
      const key = token.replaceAll("~1", "/").replaceAll("~0", "~")
      return fields.isFields(value) && Object.hasOwn(value, key) ? value[key] : undefined
    }, root)

const references = function*(path: string, root: fields.Fields, all: ReadonlyArray<fields.Fields>): fields.Violations {
  const found = all.flatMap(({ $ref }) => Predicate.isString($ref) ? [$ref] : [])
  if (found.some((reference) => !reference.startsWith("#"))) yield `${path}: External $ref is not supported`
  if (all.some((schema) => isRecursive(root, schema))) yield `${path}: Recursive schemas are not supported`
}

/** Whether references lead from a schema back to it. */
const isRecursive = (root: fields.Fields, schema: fields.Fields): boolean => {
  const seen = new Set<unknown>()
  const open = [...below(schema), target(root, schema)]
  for (const next of open) {
    if (next === schema) return true
    if (seen.has(next) || !fields.isFields(next)) continue
    seen.add(next)
    open.push(...below(next), target(root, next))
  }
  return false
}

const target = (root: fields.Fields, { $ref }: fields.Fields): unknown =>
  Predicate.isString($ref) && $ref.startsWith("#") ? resolve(root, $ref) : undefined

/** @internal */
export const schema = function*(path: string, root: fields.Fields): fields.Violations {
  const all = nodes(root)
  for (const schema of all) yield* node(path, schema)
  // only what has a reference can come back to itself
  if (all.some(({ $ref }) => $ref !== undefined)) yield* references(path, root, all)
}

const mostOptional = 24
const mostUnions = 16

const optional = ({ properties, required }: fields.Fields): number =>
  fields.isFields(properties)
    ? Object.keys(properties).filter((key) => !fields.list(required).includes(key)).length
    : 0

const isUnion = ({ anyOf, type }: fields.Fields): boolean => Array.isArray(anyOf) || Array.isArray(type)

/** What all schemas of a request together may have. @internal */
export const limits = function*(schemas: ReadonlyArray<fields.Fields>): fields.Violations {
  const all = schemas.flatMap(nodes)
  const optionals = all.reduce((sum, schema) => sum + optional(schema), 0)
  const unions = all.filter(isUnion).length
  if (optionals > mostOptional) {
    yield `Schemas contains too many optional parameters (${optionals}), which would make grammar compilation ` +
      `inefficient. Reduce the number of optional parameters in your tool schemas (limit: ${mostOptional}).`
  }
  if (unions > mostUnions) {
    yield `Schemas contains too many parameters with union types (${unions} parameters with type arrays or anyOf). This ` +
      "causes exponential compilation cost. Reduce the number of nullable or union-typed parameters (limit: " +
      `${mostUnions} parameters with unions).`
  }
}
