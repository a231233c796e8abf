/**
 * SHA-256 of values: equal for equal values, whatever the order of their keys.
 *
 * @internal
 */
import * as Predicate from "effect/Predicate"
import { createHash } from "node:crypto"

/** @internal */
export const hash = (text: string): string => createHash("sha256").update(text).digest("hex")

const sorted = (_: string, value: unknown): unknown =>
  Predicate.isObject(value) && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0))
    : value

/** @internal */
export const hashOf = (value: unknown): string => hash(JSON.stringify(value, sorted))
