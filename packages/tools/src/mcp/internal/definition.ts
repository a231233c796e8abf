/**
 * What a server says of its tools, read with bounds: pure.
 *
 * @internal
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { hashOf } from "./hash.ts"
import { invalidHeaders } from "./headers.ts"

/** Tools of a server. */
const mostTools = 512

/** Of one definition as JSON, in bytes. */
const largest = 256 * 1024

/** Of all of them. */
const largestListing = 4 * 1024 * 1024

/** Levels of a definition. */
const deepest = 64

const Hints = Schema.Struct({
  readOnlyHint: Schema.optionalKey(Schema.Boolean),
  idempotentHint: Schema.optionalKey(Schema.Boolean),
  destructiveHint: Schema.optionalKey(Schema.Boolean)
})

const JsonObject = Schema.Record(Schema.String, Schema.Unknown)

const Raw = Schema.Struct({
  name: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(256)),
  title: Schema.optionalKey(Schema.String),
  description: Schema.optionalKey(Schema.String),
  inputSchema: JsonObject,
  outputSchema: Schema.optionalKey(JsonObject),
  annotations: Schema.optionalKey(JsonObject),
  execution: Schema.optionalKey(Schema.Struct({ taskSupport: Schema.optionalKey(Schema.Unknown) }))
})

/** @internal */
export interface Definition {
  readonly name: string
  readonly description: string
  readonly inputSchema: { readonly [key: string]: unknown }
  readonly outputSchema: { readonly [key: string]: unknown } | undefined
  readonly hints: typeof Hints.Type
  /** Of all that the server says of the tool. */
  readonly hash: string
}

/** @internal */
export interface Withheld {
  readonly name: string
  readonly reason: string
}

/** @internal */
export interface Listing {
  readonly definitions: ReadonlyArray<Definition>
  readonly withheld: ReadonlyArray<Withheld>
}

const decode = Schema.decodeUnknownResult(Raw)
const hintsOf = Schema.decodeUnknownOption(Hints)

/** Breadth first: what is too deep may be too deep for a function that calls itself. */
const isDeep = (value: object): boolean => {
  let level: ReadonlyArray<unknown> = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return true
    level = level.flatMap((item) => Predicate.isObjectKeyword(item) ? Object.values(item) : [])
  }
  return false
}

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? "")

const nameOf = (raw: unknown): string =>
  Predicate.hasProperty(raw, "name") && typeof raw.name === "string"
    ? raw.name.slice(0, 256).toWellFormed()
    : "(no name)"

/** @param routed - whether parameters may be asked for in headers, which then have to be well-formed */
const read = (raw: unknown, routed: boolean): Result.Result<Definition, string> => {
  if (!Predicate.isObject(raw)) return Result.fail("it is not an object")
  if (isDeep(raw)) return Result.fail(`its definition is nested deeper than ${deepest} levels`)
  if (sizeOf(raw) > largest) return Result.fail(`its definition is larger than ${largest / 1024} KiB`)
  const decoded = decode(raw)
  if (Result.isFailure(decoded)) {
    const detail = decoded.failure.message.replace(/\s+/g, " ").slice(0, 200).toWellFormed()
    return Result.fail(`its definition is not valid: ${detail}`)
  }
  const { annotations = {}, description = "", execution, inputSchema, name, outputSchema } = decoded.success
  if (execution?.taskSupport === "required") return Result.fail("it runs as a task only, which is not supported")
  const wrong = routed ? invalidHeaders(inputSchema) : undefined
  if (wrong !== undefined) return Result.fail(wrong)
  return Result.succeed({
    name,
    description,
    inputSchema,
    outputSchema,
    hints: Option.getOrElse(hintsOf(annotations), () => ({})),
    hash: hashOf({ name, description, inputSchema, outputSchema, annotations })
  })
}

/** @internal */
export const readListing = (tools: ReadonlyArray<unknown>, routed: boolean): Listing => {
  const definitions = new Map<string, Definition>()
  const withheld: Array<Withheld> = []
  let size = 0
  for (const raw of tools) {
    const name = nameOf(raw)
    const withhold = (reason: string) => withheld.push({ name, reason })
    if (definitions.size + withheld.length >= mostTools) {
      withheld.push({
        name: `${tools.length - mostTools} more`,
        reason: `the server lists more than ${mostTools} tools`
      })
      break
    }
    const found = read(raw, routed)
    if (Result.isFailure(found)) {
      withhold(found.failure)
      continue
    }
    size += sizeOf(raw)
    if (size > largestListing) withhold(`all definitions together are larger than ${largestListing / 1024 / 1024} MiB`)
    else if (definitions.has(name)) withhold("another tool of the server has the same name")
    else definitions.set(name, found.success)
  }
  return { definitions: Array.from(definitions.values()), withheld }
}
