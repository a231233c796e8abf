/**
 * Checks the arguments of a tool whose parameters are a raw JSON Schema, which effect does not look at.
 *
 * Such a schema may come from anywhere: its size is bounded, nothing is fetched for it, no code is made of it, and what
 * it makes the validator do is bounded, all but the time that a `pattern` takes.
 *
 * @internal
 */
import { dereference, type Schema, type SchemaDraft, validate } from "@cfworker/json-schema"
import * as Tool from "effect/ai/Tool"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { guarded } from "../classify.ts"
import { isDeeper } from "../depth.ts"
import { once } from "../once.ts"
import { type Compiled, describeMismatch } from "./describeMismatch.ts"

/** Of a schema's JSON text, in bytes. */
const largest = 256 * 1024

/** Levels of a schema. */
const deepest = 64

/** Characters in the addresses of all parts: the validator goes again and again through parts that are in an `$id` in an `$id`. */
const mostAddresses = 16 * 1024 * 1024

/** How often a schema, or a part of it, is applied to a value of one call's arguments. */
const mostSteps = 1_000_000

/** Items of an array that must be unique: each is compared with each. */
const mostUnique = 1000

const drafts: ReadonlyMap<string, SchemaDraft> = new Map([
  ["json-schema.org/draft/2020-12/schema", "2020-12"],
  ["json-schema.org/draft/2019-09/schema", "2019-09"],
  ["json-schema.org/draft-07/schema", "7"],
  ["json-schema.org/draft-04/schema", "4"]
])

const draftOf = ($schema: unknown): SchemaDraft | undefined => {
  if ($schema === undefined) return "2020-12"
  return typeof $schema === "string" ? drafts.get($schema.replace(/^https?:\/\//, "").replace(/#$/, "")) : undefined
}

/** All parts by address, in a schema that is written into; `undefined` where they have none, or too many. */
const partsOf = (root: Schema): Compiled["parts"] | undefined => {
  const parts: Record<string, Schema | boolean> = Object.create(null)
  let characters = 0
  const bounded = new Proxy(parts, {
    set: (target, address, part) => {
      characters += String(address).length
      return characters <= mostAddresses && Reflect.set(target, address, part)
    }
  })
  return guarded(() => dereference(root, bounded)) && parts
}

const isRegExp = (source: unknown): boolean => guarded(() => new RegExp(String(source), "u")) !== undefined

const quoted = (value: unknown): string => JSON.stringify(value).slice(0, 200)

/** What the validator would stumble over later. */
const flawOf = (part: Schema, parts: Compiled["parts"]): string | undefined => {
  const { $ref, __absolute_ref__, pattern, patternProperties } = part
  if ($ref !== undefined && parts[__absolute_ref__ ?? ""] === undefined) {
    return `its $ref ${quoted($ref)} names no part of it`
  }
  const sources = [...(pattern === undefined ? [] : [pattern]), ...Object.keys(patternProperties ?? {})]
  const wrong = sources.find((source) => !isRegExp(source))
  return wrong === undefined ? undefined : `its pattern ${quoted(wrong)} is not a regular expression`
}

/** Calls `step` whenever the part is applied: the validator reads each keyword once then. */
const counted = (part: Schema, step: () => void): void => {
  const { $recursiveAnchor } = part
  Object.defineProperty(part, "$recursiveAnchor", {
    get: () => {
      step()
      return $recursiveAnchor
    }
  })
}

const hasLongArray = (value: unknown): boolean =>
  Predicate.isObjectKeyword(value) &&
  ((Array.isArray(value) && value.length > mostUnique) || Object.values(value).some(hasLongArray))

/** What is wrong with the arguments; `undefined` when nothing is. */
type Check = (params: object) => string | undefined

const checkOf = (compiled: Compiled, draft: SchemaDraft, parts: ReadonlyArray<Schema>): Check => {
  const { root } = compiled
  const unique = parts.some(({ uniqueItems }) => uniqueItems === true)
  let steps = 0
  const step = () => {
    if (++steps > mostSteps) throw new RangeError("too many steps")
  }
  for (const part of parts) counted(part, step)
  const errorsOf = (params: object, first: boolean) =>
    guarded(() => {
      steps = 0
      return validate(params, root, draft, compiled.parts, first).errors
    })
  return (params) => {
    if (unique && hasLongArray(params)) {
      return `an array has more than ${mostUnique} items, too many to check that they are unique`
    }
    const found = errorsOf(params, true)
    if (found === undefined) return "the arguments cannot be checked against the tool's schema"
    // all that is wrong, unless that is too much
    return found.length === 0 ? undefined : describeMismatch(errorsOf(params, false) ?? found, params, compiled)
  }
}

const compile = (schema: unknown): Result.Result<Check, string> => {
  if (!Predicate.isObject(schema) || Array.isArray(schema)) return Result.fail("it is not an object")
  if (isDeeper(schema, deepest)) return Result.fail(`it is nested deeper than ${deepest} levels`)
  const json = guarded(() => JSON.stringify(schema))
  if (json === undefined) return Result.fail("it is not JSON")
  if (new TextEncoder().encode(json).length > largest) return Result.fail(`it is larger than ${largest / 1024} KiB`)
  // a copy: the validator writes into it
  const root: Schema = JSON.parse(json)
  const draft = draftOf(root.$schema)
  if (draft === undefined) return Result.fail(`its $schema ${quoted(root.$schema)} is not known`)
  const parts = partsOf(root)
  if (parts === undefined) {
    return Result.fail("an $id or $ref is not a URI, or two parts have the same one, or too many")
  }
  // one with an `$id` has two addresses
  const objects = Array.from(new Set(Object.values(parts))).filter((part) => typeof part === "object")
  const flaw = objects.map((part) => flawOf(part, parts)).find((found) => found !== undefined)
  return flaw === undefined ? Result.succeed(checkOf({ root, parts }, draft, objects)) : Result.fail(flaw)
}

const compiledOf = once(compile)

const rawSchema = (tool: Tool.Any): object | undefined =>
  Tool.isDynamic(tool) ? (tool as { readonly jsonSchema?: object }).jsonSchema : undefined

/** Why the raw JSON Schema of a tool is refused; `undefined` when it is not, or the tool has none. @internal */
export const checkSchema = (tool: Tool.Any): string | undefined => {
  const schema = rawSchema(tool)
  if (schema === undefined) return undefined
  const result = compiledOf(schema)
  return Result.isFailure(result)
    ? `its parameters are not a JSON Schema that can be used: ${result.failure}`
    : undefined
}

/**
 * What checks the arguments of a tool with a raw JSON Schema; `undefined` for any other tool.
 *
 * @throws `Error` for a schema that `checkSchema` refuses
 * @internal
 */
export const argumentsCheck = (tool: Tool.Any): Check | undefined => {
  const schema = rawSchema(tool)
  if (schema === undefined) return undefined
  return Result.getOrThrowWith(compiledOf(schema), () => new Error(`Tool "${tool.name}": ${checkSchema(tool)}`))
}
