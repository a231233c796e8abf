/**
 * An OpenAPI document as it comes: read, bounded, and looked into with care, since anything may be in it.
 *
 * @internal
 */
import * as Yaml from "effect/encoding/Yaml"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { oneLine } from "../../internal/boundedText.ts"
import { DocumentUnusable } from "../OpenApiError.ts"

/** Of the text, in bytes. */
const largest = 16 * 1024 * 1024

/** Values in the document; an alias of YAML counts each time. */
const mostValues = 4_000_000

/** Levels of the document. */
const deepest = 200

/** @internal */
export type Fields = { readonly [name: string]: unknown }

/** Why an operation is no tool; thrown by what reads it and caught where its tool is made. */
class Unfit extends Error {}

/** @internal */
export const unfit = (reason: string): never => {
  throw new Unfit(reason)
}

/** What is given, or why it is not. @internal */
export const fitting = <A>(make: () => A): Result.Result<A, string> => {
  try {
    return Result.succeed(make())
  } catch (error) {
    if (error instanceof Unfit) return Result.fail(error.message)
    throw error
  }
}

/** @internal */
export const isFields = (value: unknown): value is Fields => Predicate.isObject(value) && !Array.isArray(value)

/** The members of an object; of anything else none. @internal */
export const fieldsOf = (value: unknown): Fields => isFields(value) ? value : {}

/** @internal */
export const itemsOf = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

/** @internal */
export const textOf = (value: unknown): string | undefined => typeof value === "string" ? value : undefined

/** A member that the object has itself. @internal */
export const memberOf = (value: unknown, name: string): unknown =>
  Predicate.isObjectKeyword(value) && Object.hasOwn(value, name) ? (value as Fields)[name] : undefined

/** @internal */
export interface Document {
  readonly root: Fields
  readonly minor: 0 | 1
}

const isBounded = (root: unknown): boolean => {
  let values = 0
  const walk = (value: unknown, level: number): boolean =>
    ++values <= mostValues &&
    (!Predicate.isObjectKeyword(value) || (level < deepest && Object.values(value).every((it) => walk(it, level + 1))))
  return walk(root, 0)
}

const attempt = <A>(run: () => A): Result.Result<A, unknown> => Result.try({ try: run, catch: (error) => error })

const parseText = (text: string): Result.Result<unknown, string> => {
  if (new TextEncoder().encode(text).length > largest) {
    return Result.fail(`it is larger than ${largest / 1024 / 1024} MiB`)
  }
  const json = attempt((): unknown => JSON.parse(text))
  if (Result.isSuccess(json)) return Result.succeed(json.success)
  return Result.mapError(attempt(() => Yaml.parse(text)), (error) => {
    const { failure } = /^\s*[{[]/.test(text) ? json : { failure: error }
    return `it is neither JSON nor YAML: ${oneLine(failure instanceof Error ? failure.message : String(failure), 200)}`
  })
}

/** YAML has a version of two numbers as a number. */
const shown = (value: unknown): string => oneLine(typeof value === "string" ? value : JSON.stringify(value) ?? "", 20)

const versionOf = (root: Fields): Result.Result<0 | 1, string> => {
  const { openapi, swagger } = root
  const minor = /^3\.([01])(?:\.|$)/.exec(shown(openapi))?.[1]
  if (minor !== undefined) return Result.succeed(minor === "0" ? 0 : 1)
  if (swagger !== undefined) {
    return Result.fail(`it is of Swagger ${shown(swagger)}: convert it to OpenAPI 3.0 or 3.1`)
  }
  return Result.fail(
    openapi === undefined
      ? "it does not say which version of OpenAPI it is of"
      : `it is of OpenAPI ${shown(openapi)}, not 3.0 or 3.1`
  )
}

/** Reads a document from its text, JSON or YAML, or takes it as a value. @internal */
export const parse = (input: unknown): Result.Result<Document, DocumentUnusable> =>
  Result.gen(function*() {
    const root = typeof input === "string" ? yield* parseText(input) : input
    if (!isFields(root)) return yield* Result.fail("it is not an object")
    if (!isBounded(root)) {
      return yield* Result.fail(`it has more than ${mostValues} values or is nested deeper than ${deepest} levels`)
    }
    return { root, minor: yield* versionOf(root) }
  }).pipe(Result.mapError((detail) => new DocumentUnusable({ detail })))

/** Steps of a reference: each may lead to the next one. */
const mostSteps = 100

const decoded = (token: string): string => {
  const text = Result.getOrElse(attempt(() => decodeURIComponent(token)), () => token)
  return text.replaceAll("~1", "/").replaceAll("~0", "~")
}

/** What a `$ref` names, and its tokens; references on the way are followed. @internal */
export const resolve = ({ root }: Document, ref: string): { readonly value: unknown; readonly last: string } => {
  if (!ref.startsWith("#")) return unfit(`it refers to ${JSON.stringify(oneLine(ref, 100))}, outside of the document`)
  const missing = () => unfit(`it refers to ${JSON.stringify(oneLine(ref, 100))}, which the document does not have`)
  let steps = 0
  const walk = (pointer: string): unknown => {
    if (pointer !== "#" && !pointer.startsWith("#/")) return missing()
    let at: unknown = root
    for (const token of pointer.split("/").slice(1).map(decoded)) {
      for (let next = memberOf(at, "$ref"); typeof next === "string" && memberOf(at, token) === undefined;) {
        if (++steps > mostSteps || !next.startsWith("#")) return missing()
        at = walk(next)
        next = memberOf(at, "$ref")
      }
      if (!Predicate.isObjectKeyword(at) || !Object.hasOwn(at, token)) return missing()
      at = (at as Fields)[token]
    }
    return at
  }
  return { value: walk(ref), last: decoded(ref.slice(ref.lastIndexOf("/") + 1)) }
}

/** A value, or what its `$ref` leads to in the end. @internal */
export const follow = (document: Document, value: unknown): unknown => {
  let at = value
  for (let step = 0; step < mostSteps; step++) {
    const ref = memberOf(at, "$ref")
    if (typeof ref !== "string") return at
    at = resolve(document, ref).value
  }
  return unfit(`it has a reference that leads back to itself: ${JSON.stringify(memberOf(value, "$ref"))}`)
}
