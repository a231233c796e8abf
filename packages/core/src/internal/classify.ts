/**
 * Looks an unknown error up in the failure table.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Table from "./failureTable.ts"

/** @internal */
export const kind = "~@volley/core/ToolFailure/kind"

const maximumDepth = 8

const tagOf = (error: unknown): string | undefined =>
  Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : undefined

const statusOf = (error: object): number | undefined => {
  for (const candidate of [error, Predicate.hasProperty(error, "response") ? error.response : undefined]) {
    for (const key of ["status", "statusCode"]) {
      if (Predicate.hasProperty(candidate, key) && typeof candidate[key] === "number") return candidate[key]
    }
  }
  return undefined
}

const headerOf = (error: object, name: string): string | undefined => {
  for (const holder of [error, Predicate.hasProperty(error, "response") ? error.response : undefined]) {
    if (!Predicate.hasProperty(holder, "headers")) continue
    const headers = holder.headers
    const value = headers instanceof Headers
      ? headers.get(name)
      : Predicate.hasProperty(headers, name)
      ? headers[name]
      : undefined
    if (typeof value === "string") return value
  }
  return undefined
}

const retryAfterOf = (error: object): number | undefined => {
  if (Predicate.hasProperty(error, "retryAfter")) {
    const { retryAfter } = error
    if (Duration.isDuration(retryAfter)) return Duration.toMillis(retryAfter)
    if (typeof retryAfter === "number" && retryAfter >= 0) return retryAfter
  }
  const millis = Number(headerOf(error, "retry-after-ms") ?? Number.NaN)
  if (Number.isFinite(millis) && millis >= 0) return millis
  const seconds = Number(headerOf(error, "retry-after") ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
}

const rowOf = (error: object): Table.Row | undefined => {
  const tag = tagOf(error)
  const reason = Predicate.hasProperty(error, "reason") ? tagOf(error.reason) : undefined
  const tagged = tag === undefined ? undefined : Table.byTag.get(reason === undefined ? tag : `${tag}/${reason}`)
  const status = statusOf(error)
  const code = Predicate.hasProperty(error, "code") && typeof error.code === "string"
    ? Table.byCode.get(error.code)
    : undefined
  const aborted = Predicate.hasProperty(error, "name") && error.name === "AbortError"
    ? Table.byCode.get("ABORT_ERR")
    : undefined
  return code ?? (status === undefined ? undefined : Table.byStatus(status)) ?? tagged ?? aborted
}

/** The errors from outermost to innermost: an error, its reason, its cause, and so on. */
const chainOf = (error: unknown): Array<object> => {
  const chain: Array<object> = []
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || chain.includes(value) || chain.length >= maximumDepth) return
    chain.push(value)
    if (Predicate.hasProperty(value, "reason")) visit(value.reason)
    if (Predicate.hasProperty(value, "cause")) visit(value.cause)
  }
  visit(error)
  return chain
}

/**
 * The row that fits best: the innermost one wins, since a wrapper knows less than what it wraps.
 *
 * @internal
 */
export const lookUp = (error: unknown): (Table.Row & { readonly retryAfter?: number }) | undefined => {
  const chain = chainOf(error)
  const row = chain.map(rowOf).findLast((found) => found !== undefined)
  if (row === undefined) return undefined
  const retryAfter = chain.map(retryAfterOf).find((millis) => millis !== undefined)
  return retryAfter === undefined ? row : { ...row, retryAfter }
}

const bugs = [TypeError, ReferenceError, SyntaxError, RangeError, EvalError, URIError]

/**
 * Whether a thrown value is a mistake in the program rather than a failure: an error of the language itself that the
 * table does not know (`fetch` throws a `TypeError` too, but its cause has a code).
 *
 * @internal
 */
export const isBug = (error: unknown): boolean =>
  bugs.some((bug) => error instanceof bug) && lookUp(error) === undefined

const maximumMessage = 500

/**
 * An error's message as one bounded line without control characters and without absolute paths of the host.
 *
 * @internal
 */
export const safeMessage = (error: unknown): string => {
  const text = typeof error === "string"
    ? error
    : Predicate.hasProperty(error, "message") && typeof error.message === "string"
    ? error.message
    : ""
  const line = text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ")
    .replace(/(?<![\w:/.~-])(?:\/[\w.@~+-]+){2,}/g, (path) => `…${path.slice(path.lastIndexOf("/"))}`)
    .trim()
  const points = Array.from(line)
  if (points.length === 0) return "no message"
  return points.length <= maximumMessage ? line : `${points.slice(0, maximumMessage).join("")}…`
}
