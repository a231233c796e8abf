/**
 * Where a recorded JSON value and the present one differ.
 *
 * @internal
 */
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import { canonicalJson } from "../../../internal/canonicalJson.ts"
import * as Redactor from "../../../Redactor.ts"

/** The first place, and what stands there; `undefined` is nothing. @internal */
export interface Difference {
  readonly path: string
  readonly recorded: Schema.Json | undefined
  readonly present: Schema.Json | undefined
}

/** A recorded text without its secrets is any text that has something in their place. */
const isMaskOf = (recorded: string, present: string): boolean => {
  const pieces = recorded.split(Redactor.mask)
  if (pieces.length === 1) return false
  const [first = "", last = ""] = [pieces[0], pieces.at(-1)]
  if (!present.startsWith(first) || !present.endsWith(last) || present.length < first.length + last.length) return false
  let at = first.length
  for (const piece of pieces.slice(1, -1)) {
    const found = present.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return at <= present.length - last.length
}

const isObject = (value: unknown): value is Record<string, Schema.Json> =>
  Predicate.isObject(value) && !Array.isArray(value)

const within = (path: string, key: string): string =>
  /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}${path === "" ? "" : "."}${key}` : `${path}[${JSON.stringify(key)}]`

/** @internal */
export const between = (
  recorded: Schema.Json | undefined,
  present: Schema.Json | undefined,
  path = ""
): Difference | undefined => {
  if (recorded === present) return undefined
  if (typeof recorded === "string" && typeof present === "string" && isMaskOf(recorded, present)) return undefined
  if (Array.isArray(recorded) && Array.isArray(present)) {
    for (let i = 0; i < Math.max(recorded.length, present.length); i++) {
      const found = between(recorded[i], present[i], `${path}[${i}]`)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (isObject(recorded) && isObject(present)) {
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(present)])) {
      const found = between(recorded[key], present[key], within(path, key))
      if (found !== undefined) return found
    }
    return undefined
  }
  return { path, recorded, present }
}

const longest = 160

/** A value around the place where it becomes another. */
const shown = (value: Schema.Json | undefined, other: Schema.Json | undefined): string => {
  if (value === undefined) return "nothing"
  const text = canonicalJson(value)
  if (text.length <= longest) return text
  const before = canonicalJson(other)
  let same = 0
  while (same < text.length && text[same] === before[same]) same++
  const from = Math.max(0, Math.min(same - longest / 4, text.length - longest))
  return `${from > 0 ? "..." : ""}${text.slice(from, from + longest)}${from + longest < text.length ? "..." : ""}`
}

/** @internal */
export const described = ({ path, present, recorded }: Difference): string =>
  `at ${path === "" ? "the root" : path}\n  recorded: ${shown(recorded, present)}\n  now:      ${
    shown(present, recorded)
  }`
