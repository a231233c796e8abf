/**
 * Field checks in the wording of the Messages API. A rule yields the text of each violation.
 *
 * @internal
 */
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"

/** @internal */
export type Violations = Generator<string, void>

/** @internal */
export type Fields = { readonly [key: string]: unknown }

/** @internal */
export const isFields = (value: unknown): value is Fields => Predicate.isObject(value)

/** A value of a request as part of a message. @internal */
export const show = (value: unknown): string => Inspectable.toStringUnknown(value, 0)

const kinds = {
  string: { is: Predicate.isString, message: "Input should be a valid string" },
  boolean: { is: Predicate.isBoolean, message: "Input should be a valid boolean" },
  list: { is: Array.isArray, message: "Input should be a valid list" },
  object: { is: isFields, message: "Input should be a valid dictionary" }
} satisfies { readonly [kind: string]: { readonly is: (value: unknown) => boolean; readonly message: string } }

/** @internal */
export type Kind = keyof typeof kinds

/** @internal */
export const required = function*(path: string, fields: Fields, key: string, kind: Kind): Violations {
  if (fields[key] === undefined) yield `${at(path, key)}: Field required`
  else yield* optional(path, fields, key, kind)
}

/** @internal */
export const optional = function*(path: string, fields: Fields, key: string, kind: Kind): Violations {
  if (fields[key] !== undefined && !kinds[kind].is(fields[key])) yield `${at(path, key)}: ${kinds[kind].message}`
}

/** @internal */
export const only = function*(path: string, fields: Fields, allowed: ReadonlySet<string>): Violations {
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined && !allowed.has(key)) yield `${at(path, key)}: Extra inputs are not permitted`
  }
}

/** @internal */
export const oneOf = function*(path: string, tag: unknown, expected: ReadonlySet<string>): Violations {
  if (!Predicate.isString(tag) || !expected.has(tag)) {
    const tags = Array.from(expected, (name) => `'${name}'`).join(", ")
    yield `${path}: Input tag '${show(tag)}' found using 'type' does not match any of the expected tags: ${tags}`
  }
}

/** @internal */
export const literal = function*(
  path: string,
  fields: Fields,
  key: string,
  allowed: ReadonlyArray<string>
): Violations {
  const value = fields[key]
  if (value === undefined || allowed.some((one) => one === value)) return
  const quoted = allowed.map((one) => `'${one}'`)
  yield `${at(path, key)}: Input should be ${
    quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`
  }`
}

/** @internal */
export const atLeast = function*(path: string, fields: Fields, key: string, least: number): Violations {
  const value = fields[key]
  if (value === undefined) yield `${at(path, key)}: Field required`
  else if (!Number.isInteger(value)) yield `${at(path, key)}: Input should be a valid integer`
  else if (Number(value) < least) yield `${at(path, key)}: Input should be greater than or equal to ${least}`
}

/** @internal */
export const list = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

/** @internal */
export const matches = function*(path: string, fields: Fields, key: string, pattern: RegExp): Violations {
  const value = fields[key]
  if (Predicate.isString(value) && !pattern.test(value)) {
    yield `${at(path, key)}: String should match pattern '${pattern.source}'`
  }
}

/** Every string of a JSON value, keys included, is well-formed UTF-16. @internal */
export const wellFormed = function*(body: unknown): Violations {
  // An explicit stack: a body may nest deeper than the call stack.
  const open: Array<{ readonly path: string; readonly value: unknown }> = [{ path: "", value: body }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, value } = next
    if (Predicate.isString(value)) {
      if (!value.isWellFormed()) yield `The request body is not valid JSON: no low surrogate in string: ${path}`
    } else if (Predicate.isObjectOrArray(value)) {
      for (const [key, child] of Object.entries(value).toReversed()) {
        if (!key.isWellFormed()) yield `The request body is not valid JSON: no low surrogate in string: ${path}`
        open.push({ path: at(path, key), value: child })
      }
    }
  }
}

const at = (path: string, key: string): string => path === "" ? key : `${path}.${key}`
