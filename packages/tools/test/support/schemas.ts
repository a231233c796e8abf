import { Predicate, Schema } from "effect"
import type { Tool } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"

type Json = { readonly [key: string]: unknown }

const childrenOf = (value: unknown): ReadonlyArray<Json> =>
  Array.isArray(value) ? value.filter(Predicate.isObject) as ReadonlyArray<Json> : Predicate.isObject(value)
    ? [value]
    : []

/** The fields of a schema at every depth, each with its description as JSON Schema has it. */
export const fieldsOf = (schema: Schema.Constraint) => {
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema)
  const found: Array<{ readonly path: string; readonly description: string | undefined }> = []
  const resolved = (json: Json): Json => {
    const name = typeof json["$ref"] === "string" ? json["$ref"].slice(json["$ref"].lastIndexOf("/") + 1) : undefined
    return name === undefined ? json : { ...definitions[name], ...json }
  }
  const partsOf = (json: Json) => ["anyOf", "allOf", "oneOf"].flatMap((way) => childrenOf(json[way])).map(resolved)
  const descriptionOf = (json: Json): string | undefined =>
    typeof json["description"] === "string"
      ? json["description"]
      : partsOf(json).map(descriptionOf).find((text) => text !== undefined)
  const walk = (json: Json, path: string): void => {
    for (const [name, value] of Object.entries(json["properties"] ?? {})) {
      const field = resolved(value as Json)
      found.push({ path: `${path}${name}`, description: descriptionOf(field) })
      walk(field, `${path}${name}.`)
    }
    for (const part of partsOf(json)) walk(part, path)
    for (const item of childrenOf(json["items"])) walk(resolved(item), `${path}[].`)
  }
  walk(resolved(root), "")
  return found
}

interface ErrorSchema extends Schema.Codec<Error, unknown> {
  readonly identifier: string
}

/** The errors that a tool can fail with, each with its schema and as a generator. */
export const errorsOf = (tool: Tool.Any) => {
  const schema = tool.failureSchema as unknown as ErrorSchema & { readonly members?: ReadonlyArray<ErrorSchema> }
  if (schema === Schema.Never as unknown) return []
  return (schema.members ?? [schema]).map((member) => ({
    tag: member.identifier.slice(member.identifier.lastIndexOf("/") + 1),
    schema: member,
    arbitrary: Arbitrary.schema(member)
  }))
}
