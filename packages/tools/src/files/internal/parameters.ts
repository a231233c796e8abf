/**
 * Parameters that several tools of the family share.
 *
 * @internal
 */
import * as Glob from "effect/Glob"
import * as Schema from "effect/Schema"
import type { Place } from "./root.ts"

/** @internal */
export const path = (annotations: { readonly description: string; readonly examples: ReadonlyArray<string> }) =>
  Schema.String.annotate(annotations).check(
    Schema.isNonEmpty(),
    Schema.isMaxLength(4096),
    Schema.makeFilter((text: string) => !text.includes("\0"), { expected: "a path without a NUL character" })
  )

/** Text that is written to a file: what has lone surrogates has no UTF-8. @internal */
export const text = (
  maximum: number,
  annotations: { readonly description: string; readonly examples: ReadonlyArray<string> }
) =>
  Schema.String.annotate(annotations).check(
    Schema.isMaxLength(maximum),
    Schema.makeFilter((text: string) => text.isWellFormed(), { expected: "a text without lone surrogates" })
  )

const count = (text: string, character: string): number => text.split(character).length - 1

// Braces multiply: without a bound a short pattern has 10,000 alternatives, and each entry is matched against all.
const hasFewAlternatives = (pattern: string): boolean => count(pattern, "{") <= 2 && count(pattern, ",") <= 16

/** @internal */
export const pattern = Schema.String.annotate({
  description: "Glob: * ? [a-z] {a,b} **. Without a / it is matched against names at any depth, otherwise against " +
    "paths below `path`; a / at its end matches directories only. At most 2 groups in braces",
  examples: ["*.ts", "src/**/*.{ts,tsx}"]
}).check(
  Schema.isNonEmpty(),
  Schema.isMaxLength(200),
  Schema.makeFilter(hasFewAlternatives, { expected: "a glob with at most 2 groups in braces and 16 commas" })
)

/** Whether an entry below `start` matches; every entry does without a pattern. @internal */
export const matcher = (pattern: string | undefined, start: Place): (entry: Place) => boolean => {
  if (pattern === undefined) return () => true
  const glob = Glob.make(pattern, { dot: true })
  const anyDepth = !pattern.slice(0, -1).includes("/")
  return ({ segments, type }) => {
    const subject = anyDepth ? segments.slice(-1) : segments.slice(start.segments.length)
    return Glob.match(glob, subject.join("/") + (type === "Directory" ? "/" : ""))
  }
}
