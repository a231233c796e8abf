/**
 * The operations of a document, and which of them are meant.
 *
 * @internal
 */
import * as Result from "effect/Result"
import { oneLine } from "../../internal/boundedText.ts"
import { IncludeUnknown, IncludeUnusable } from "../OpenApiError.ts"
import { type Document, type Fields, fieldsOf, fitting, follow, itemsOf, textOf } from "./document.ts"

/** Tools of one toolkit. @internal */
const mostTools = 128

/** @internal */
export interface Operation {
  /** Such as `GET /pets/{id}`. */
  readonly key: string
  readonly method: string
  readonly path: string
  readonly id: string | undefined
  readonly tags: ReadonlyArray<string>
  readonly fields: Fields
  /** The path that it belongs to, or why that cannot be read. */
  readonly item: Result.Result<Fields, string>
}

const methods = ["get", "head", "post", "put", "patch", "delete", "options", "trace"]

/** All operations, in the order of the document. @internal */
export const operationsOf = (document: Document): ReadonlyArray<Operation> =>
  Object.entries(fieldsOf(document.root["paths"])).flatMap(([path, value]) => {
    if (!path.startsWith("/")) return []
    const followed = fitting(() => fieldsOf(follow(document, value)))
    const item = Result.map(followed, (target) => ({ ...target, ...fieldsOf(value) }))
    const fields = Result.getOrElse(item, () => fieldsOf(value))
    return methods.filter((method) => fields[method] !== undefined).map((method): Operation => {
      const operation = fieldsOf(fields[method])
      return {
        key: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        id: textOf(operation["operationId"]),
        tags: itemsOf(operation["tags"]).filter((tag) => typeof tag === "string"),
        fields: operation,
        item
      }
    })
  })

const globOf = (entry: string): ((operation: Operation) => boolean) | undefined => {
  const [, method, path] = /^(\*|[A-Za-z]+) +(\/\S*)$/.exec(entry.trim()) ?? []
  if (method === undefined || path === undefined) return undefined
  const source = path.split("**").map((part) =>
    part.split("*").map((text) => text.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&")).join("[^/]*")
  ).join(".*")
  const pattern = new RegExp(`^${source}$`, "s")
  return (operation) => (method === "*" || method.toUpperCase() === operation.method) && pattern.test(operation.path)
}

const tagPrefix = "tag:"

/** Whether an entry of `include` is an operation by its own name, not by a tag or a pattern. */
const isNamed = (entry: string, { id, key }: Operation): boolean => entry === id || entry === key

const matcherOf = (entry: string): (operation: Operation) => boolean => {
  const tag = entry.startsWith(tagPrefix) ? entry.slice(tagPrefix.length).trim() : undefined
  const glob = globOf(entry)
  return (operation) =>
    isNamed(entry, operation) ||
    (tag !== undefined && operation.tags.includes(tag)) ||
    (glob !== undefined && glob(operation))
}

const distance = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, i) => i)
  for (const [i, character] of Array.from(left).entries()) {
    const next = [i + 1]
    for (let j = 1; j <= right.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (character === right[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[right.length]!
}

const longestCompared = 100

/** The names nearest to an entry that nothing is found for, at most three. */
const near = (entry: string, operations: ReadonlyArray<Operation>): ReadonlyArray<string> => {
  const short = (text: string): string => text.slice(0, longestCompared).toLowerCase()
  const isTag = entry.startsWith(tagPrefix)
  const names = operations.flatMap(({ id, key, tags }) => [
    ...tags.map((tag) => `${tagPrefix}${tag}`),
    ...(isTag ? [] : [...(id === undefined ? [] : [id]), key])
  ])
  return [...new Set(names)]
    .map((name) => ({ name, far: short(name).includes(short(entry)) ? 0 : distance(short(entry), short(name)) }))
    .filter(({ far, name }) => far <= Math.max(entry.length, name.length) * 0.6)
    .toSorted((left, right) => left.far - right.far)
    .slice(0, 3)
    .map(({ name }) => oneLine(name, longestCompared))
}

/** The tags of operations, those of the most operations first. */
const tagsOf = (operations: ReadonlyArray<Operation>): ReadonlyArray<string> => {
  const counts = new Map<string, number>()
  for (const tag of operations.flatMap(({ tags }) => tags)) counts.set(tag, (counts.get(tag) ?? 0) + 1)
  return [...counts].toSorted(([, left], [, right]) => right - left).slice(0, 20).map(([tag]) => oneLine(tag, 60))
}

/** An operation that is meant, and whether it is so by its own name. @internal */
export interface Included {
  readonly operation: Operation
  readonly byName: boolean
}

/** The operations that a list means. @internal */
export const included = (
  operations: ReadonlyArray<Operation>,
  include: ReadonlyArray<string>
): Result.Result<ReadonlyArray<Included>, IncludeUnknown | IncludeUnusable> => {
  const matchers = include.map((entry) => ({ entry, matches: matcherOf(entry) }))
  const unknown = matchers.find(({ matches }) => !operations.some(matches))
  if (unknown !== undefined) {
    const { entry } = unknown
    return Result.fail(new IncludeUnknown({ entry: oneLine(entry, 200), near: near(entry, operations) }))
  }
  const found = operations.filter((operation) => matchers.some(({ matches }) => matches(operation)))
  return found.length === 0 || found.length > mostTools
    ? Result.fail(new IncludeUnusable({ count: found.length, limit: mostTools, tags: tagsOf(operations) }))
    : Result.succeed(
      found.map((operation) => ({ operation, byName: include.some((entry) => isNamed(entry, operation)) }))
    )
}
