/**
 * Arguments for the calls of a simulated model, from nothing but the schema of a tool.
 *
 * @internal
 */
import * as Tool from "effect/ai/Tool"
import * as Arbitrary from "effect/Arbitrary"
import * as JsonSchema from "effect/JsonSchema"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import type * as ModelScript from "../../ModelScript.ts"

/** The arguments of a scripted call: JSON, or text that is none. @internal */
export type Arguments = Pick<ModelScript.Call, "input" | "partialJson">

/** What a simulation reads of a schema; it provides no services. */
type Pure = Schema.Codec<unknown, unknown>

/** The parameters, of a tool with a raw JSON Schema too. */
const parametersOf = (tool: Tool.Any): Pure => {
  const raw = Tool.isDynamic(tool) ? (tool as { readonly jsonSchema?: JsonSchema.JsonSchema }).jsonSchema : undefined
  return (raw === undefined
    ? tool.parametersSchema
    : SchemaRepresentation.fromJsonSchemaDocument(JsonSchema.fromSchemaDraft2020_12(raw))) as Schema.Constraint as Pure
}

const isObject = (json: unknown): json is Record<string, Schema.Json> =>
  Predicate.isObject(json) && !Array.isArray(json)

/** A value as it comes back from JSON text. */
const throughJson = (value: unknown): Result.Result<Schema.Json, unknown> =>
  Result.flatMap(
    Result.try(() => JSON.stringify(value) as string | undefined),
    (text) =>
      text === undefined ? Result.fail("JSON has no such value") : Result.succeed(JSON.parse(text) as Schema.Json)
  )

/**
 * Values of a schema as JSON that the schema decodes.
 *
 * @param what - names the schema in the error
 * @throws `Error` where no values can be made of the schema
 * @internal
 */
export const encoded = (schema: Schema.Constraint, what: string): Arbitrary.Arbitrary<Schema.Json> => {
  const codec = schema as Pure
  const encode = Schema.encodeUnknownResult(codec)
  const decode = Schema.decodeUnknownResult(codec)
  try {
    return Arbitrary.filterMap(
      Arbitrary.schema(codec),
      (value) =>
        encode(value).pipe(
          Result.flatMap(throughJson),
          Result.flatMap((json) => Result.map(decode(json), () => json))
        )
    )
  } catch (cause) {
    throw new Error(`${what} has a schema that no values can be made of`, { cause })
  }
}

/**
 * Arguments that the schema of a tool allows, as the model writes them.
 *
 * @throws `Error` naming the tool whose schema no values can be made of
 * @internal
 */
export const valid = (tool: Tool.Any): Arbitrary.Arbitrary<Arguments> =>
  Arbitrary.filterMap(
    encoded(parametersOf(tool), `Tool "${tool.name}"`),
    (input) => isObject(input) ? Result.succeed({ input }) : Result.fail("not an object")
  )

/** Of each type one, and what code that trusts its input stumbles over. */
const strangers: ReadonlyArray<Schema.Json> = [null, true, -1.5, "", "x", [], {}, [null], { "": 0 }]

/** The same arguments with one thing changed, for worse or not. */
const changed = (input: Record<string, Schema.Json>): ReadonlyArray<Schema.Json> => [
  ...Object.keys(input).flatMap((key) => {
    const { [key]: _, ...others } = input
    return [others, ...strangers.map((value) => ({ ...input, [key]: value }))]
  }),
  ...strangers.filter((value) => !isObject(value))
]

/** JSON that breaks off. */
const cut = (input: Schema.Json): string => JSON.stringify(input).slice(0, -1)

/**
 * Arguments that the schema of a tool does not allow, and arguments that break off. Where the schema allows everything only
 * the latter, and what is no object.
 *
 * @throws `Error` naming the tool whose schema no values can be made of
 * @internal
 */
export const broken = (tool: Tool.Any): Arbitrary.Arbitrary<Arguments> => {
  const decode = Schema.decodeUnknownResult(parametersOf(tool))
  const isRefused = (json: Schema.Json): boolean => !isObject(json) || Result.isFailure(decode(json))
  const which = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1023 })))
  return Arbitrary.map(Arbitrary.all([valid(tool), which]), ([{ input = {} }, n]): Arguments => {
    const wrong = isObject(input) ? changed(input).filter(isRefused) : []
    const chosen = wrong[n % (wrong.length + 1)]
    return chosen === undefined ? { partialJson: cut(input) } : { input: chosen }
  })
}
