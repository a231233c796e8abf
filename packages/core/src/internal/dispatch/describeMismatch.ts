/**
 * What the validator of JSON Schema found wrong with the arguments of a call, told as `describeIssue` does.
 *
 * @internal
 */
import type { OutputUnit, Schema } from "@cfworker/json-schema"
import * as Predicate from "effect/Predicate"
import { type BadField, describeFields } from "../describeIssue.ts"

/** A compiled schema: what it says, and all of its parts by address. @internal */
export interface Compiled {
  readonly root: Schema
  readonly parts: Readonly<Record<string, Schema | boolean>>
}

const segmentsOf = (pointer: string): ReadonlyArray<string> =>
  pointer.split("/").slice(1).map((segment) => decodeURIComponent(segment).replace(/~1/g, "/").replace(/~0/g, "~"))

const member = (value: unknown, key: string): unknown =>
  Predicate.isObjectKeyword(value) && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined

const followed = (schema: unknown, { parts }: Compiled): unknown => {
  const address = member(schema, "__absolute_ref__")
  return typeof address === "string" ? parts[address] : schema
}

/** The part of a schema at a location that the validator came to, through references. */
const partAt = (location: ReadonlyArray<string>, compiled: Compiled): unknown =>
  location.reduce<unknown>(
    (part, segment) =>
      segment === "$ref" && typeof member(part, "$ref") === "string"
        ? followed(part, compiled)
        : member(part, segment),
    compiled.root
  )

/** The part of a schema whose keyword it is. */
const ownerOf = ({ keywordLocation }: OutputUnit, compiled: Compiled): unknown =>
  partAt(segmentsOf(keywordLocation).slice(0, -1), compiled)

const listOf = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : [value]

/** Names of types and patterns stand as they are. */
const shown = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value)

const types = (value: unknown): string => listOf(value).map(shown).join(" | ")

const values = (value: unknown): string => listOf(value).map((one) => JSON.stringify(one)).join(" | ")

/** What a keyword expects, `#` being what it says; the words are those of effect's checks. */
const expectations: ReadonlyMap<string, string> = new Map([
  ["minimum", "a value greater than or equal to #"],
  ["exclusiveMinimum", "a value greater than #"],
  ["maximum", "a value less than or equal to #"],
  ["exclusiveMaximum", "a value less than #"],
  ["multipleOf", "a value that is a multiple of #"],
  ["minLength", "a value with a length of at least #"],
  ["maxLength", "a value with a length of at most #"],
  ["pattern", "a string matching the RegExp #"],
  ["format", "a string of the format #"],
  ["minItems", "a value with a length of at least #"],
  ["maxItems", "a value with a length of at most #"],
  ["uniqueItems", "an array with unique items"],
  ["contains", "an array with an item that fits"],
  ["minContains", "an array with at least # items that fit"],
  ["maxContains", "an array with at most # items that fit"],
  ["minProperties", "a value with at least # entries"],
  ["maxProperties", "a value with at most # entries"],
  ["oneOf", "a value that fits exactly one of the forms"],
  ["not", "another value"],
  ["false", "no excess property"]
])

const expectedBy = (keyword: string, value: unknown): string | undefined => {
  switch (keyword) {
    case "type":
      return types(value)
    case "enum":
      return values(value)
    case "const":
      return JSON.stringify(value)
    default:
      return expectations.get(keyword)?.replace("#", () => shown(value))
  }
}

/** Keywords that are wrong only because of something within, which is told by itself. */
const containers = new Set([
  "$ref",
  "$recursiveRef",
  "allOf",
  "anyOf",
  "if",
  "dependentSchemas",
  "properties",
  "patternProperties",
  "additionalProperties",
  "unevaluatedProperties",
  "propertyNames",
  "prefixItems",
  "items",
  "additionalItems",
  "unevaluatedItems"
])

const isCount = ({ keyword }: OutputUnit): boolean => /^(?:contains|minContains|maxContains)$/.test(keyword)

/** More than one form of a `oneOf` fits. */
const isAmbiguous = ({ error, keyword }: OutputUnit): boolean => keyword === "oneOf" && !error.includes("(0 matches)")

const isContainer = (unit: OutputUnit): boolean =>
  containers.has(unit.keyword) || (unit.keyword === "oneOf" && !isAmbiguous(unit))

/** Without what a count of items or an ambiguity found in the single forms, which says nothing of what to do. */
const telling = (units: ReadonlyArray<OutputUnit>): ReadonlyArray<OutputUnit> => {
  const heads = units.filter((unit) => isCount(unit) || isAmbiguous(unit)).map((unit) => ({
    schema: isCount(unit) ? unit.keywordLocation.replace(/[^/]+$/, "contains/") : `${unit.keywordLocation}/`,
    instance: unit.instanceLocation
  }))
  return units.filter((unit) =>
    !isContainer(unit) &&
    !heads.some(({ instance, schema }) =>
      unit.keywordLocation.startsWith(schema) && unit.instanceLocation.startsWith(instance)
    )
  )
}

/** The type of a part, as what it expects. */
const expectedType = (part: unknown): string => {
  const type = member(part, "type")
  return type === undefined ? "" : `, expected ${types(type)}`
}

const missingKeys = (unit: OutputUnit, instance: unknown, compiled: Compiled): ReadonlyArray<BadField> => {
  const path = segmentsOf(unit.instanceLocation)
  const owner = ownerOf(unit, compiled)
  const required = member(owner, "required")
  return (Array.isArray(required) ? required : []).map(String)
    .filter((key) => member(path.reduce(member, instance), key) === undefined)
    .map((key) => ({
      path: [...path, key],
      message: `Missing key${expectedType(followed(member(member(owner, "properties"), key), compiled))}`
    }))
}

/** What one place should have been: all of it, or one of the alternatives. */
const expectedAt = (units: ReadonlyArray<OutputUnit>, compiled: Compiled): string => {
  const expected = units.flatMap((unit) =>
    expectedBy(unit.keyword, member(ownerOf(unit, compiled), unit.keyword)) ?? []
  )
  if (expected.length === 0) return units[0]?.error.replace(/\.$/, "") ?? ""
  const alternatives = units.some(({ keywordLocation }) => /\/(?:anyOf|oneOf)\/\d/.test(keywordLocation))
  return `Expected ${Array.from(new Set(expected)).join(alternatives ? " | " : ", ")}`
}

/** @internal */
export const describeMismatch = (
  units: ReadonlyArray<OutputUnit>,
  instance: unknown,
  compiled: Compiled
): string => {
  const places = Map.groupBy(
    telling(units),
    ({ instanceLocation, keyword, keywordLocation }) =>
      keyword === "required" ? `${keywordLocation} ${instanceLocation}` : instanceLocation
  )
  return describeFields(
    Array.from(places.values()).flatMap((found): ReadonlyArray<BadField> => {
      const [first] = found
      if (first === undefined) return []
      return first.keyword === "required"
        ? missingKeys(first, instance, compiled)
        : [{ path: segmentsOf(first.instanceLocation), message: expectedAt(found, compiled) }]
    })
  )
}
