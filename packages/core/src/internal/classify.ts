/**
 * Looks an unknown error up in the failure table.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Table from "./failureTable.ts"
import * as HttpDate from "./httpDate.ts"

/** @internal */
export const kind = "~@volley/core/ToolFailure/kind"

const maximumDepth = 8

/**
 * What `ask` gives; `undefined` where it throws, as a hostile value may whatever is asked of it.
 *
 * @internal
 */
export const guarded = <A>(ask: () => A): A | undefined => {
  try {
    return ask()
  } catch {
    return undefined
  }
}

/** A property of anything; `undefined` where there is none or reading it throws. @internal */
export const read = (value: unknown, key: string): unknown =>
  Predicate.isObjectKeyword(value) ? guarded(() => (value as { readonly [key: string]: unknown })[key]) : undefined

const text = (value: unknown): string | undefined => typeof value === "string" ? value : undefined

const tagOf = (error: unknown): string | undefined => text(read(error, "_tag"))

/** The error and the response that it carries: either may hold the status and the headers. */
const holdersOf = (error: object): ReadonlyArray<unknown> => [error, read(error, "response")]

const statusOf = (error: object): number | undefined =>
  holdersOf(error)
    .flatMap((holder) => [read(holder, "status"), read(holder, "statusCode")])
    .find((status) => typeof status === "number")

const headerIn = (headers: unknown, name: string): string | undefined =>
  guarded(() => {
    if (headers instanceof Headers) return headers.get(name) ?? undefined
    if (!Predicate.isObject(headers)) return undefined
    const key = Object.keys(headers).find((candidate) => candidate.toLowerCase() === name)
    return key === undefined ? undefined : text(headers[key])
  })

const headerOf = (error: object, name: string): string | undefined =>
  holdersOf(error).map((holder) => headerIn(read(holder, "headers"), name)?.trim()).find((header) => header)

const number = /^\d+(?:\.\d+)?$/

const numberOf = (header: string | undefined): number | undefined =>
  header !== undefined && number.test(header) ? Number(header) : undefined

/** The wait until the date of a header, from the date of the response or else from now. */
const untilDate = (error: object, header: string, now: number | undefined): number | undefined => {
  const answered = HttpDate.parse(headerOf(error, "date") ?? "", now ?? 0) ?? now
  const date = answered === undefined ? undefined : HttpDate.parse(header, answered)
  return answered === undefined || date === undefined ? undefined : Math.max(0, date - answered)
}

/**
 * The wait in milliseconds that an error asks for, in a field or in its response's headers: `retry-after-ms`, else
 * `retry-after` in seconds or as a date.
 *
 * @param now - milliseconds since the epoch; without it a date counts only where the response is dated too
 * @internal
 */
export const retryAfterOf = (error: object, now?: number): number | undefined => {
  const stated = read(error, "retryAfter")
  const millis = Duration.isDuration(stated) ? Duration.toMillis(stated) : stated
  if (typeof millis === "number" && Number.isFinite(millis) && millis >= 0) return millis
  const header = headerOf(error, "retry-after")
  const seconds = numberOf(header)
  return numberOf(headerOf(error, "retry-after-ms")) ??
    (seconds !== undefined ? seconds * 1000 : header === undefined ? undefined : untilDate(error, header, now))
}

const rowByName: { readonly [name: string]: Table.Row | undefined } = {
  AbortError: Table.byCode.get("ABORT_ERR"),
  TimeoutError: Table.byTag.get("TimeoutError")
}

const rowOf = (error: object): Table.Row | undefined => {
  const tag = tagOf(error)
  const reason = tagOf(read(error, "reason")) ?? text(read(error, "reason"))
  const code = text(read(error, "code"))
  const name = text(read(error, "name"))
  const status = statusOf(error)
  return (code === undefined ? undefined : Table.byCode.get(code)) ??
    (status === undefined ? undefined : Table.byStatus(status)) ??
    (tag === undefined ? undefined : Table.byTag.get(`${tag}/${reason}`) ?? Table.byTag.get(tag)) ??
    (name !== undefined && Object.hasOwn(rowByName, name) ? rowByName[name] : undefined)
}

/** The errors from outermost to innermost: an error, its reason, its cause, and so on. */
const chainOf = (error: unknown): Array<object> => {
  const chain: Array<object> = []
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || chain.includes(value) || chain.length >= maximumDepth) return
    chain.push(value)
    visit(read(value, "reason"))
    visit(read(value, "cause"))
  }
  visit(error)
  return chain
}

/**
 * The row that fits best: the innermost one wins, since a wrapper knows less than what it wraps.
 *
 * @param now - see `retryAfterOf`
 * @internal
 */
export const lookUp = (
  error: unknown,
  now?: number
): (Table.Row & { readonly retryAfter?: number }) | undefined => {
  const chain = chainOf(error)
  const row = chain.map(rowOf).findLast((found) => found !== undefined)
  if (row === undefined || row.kind === "permanent") return row
  const retryAfter = chain.map((link) => retryAfterOf(link, now)).find((millis) => millis !== undefined)
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
  bugs.some((bug) => guarded(() => error instanceof bug)) && lookUp(error) === undefined

const maximumMessage = 500

/** Where a stack begins in a message that holds one. */
const stackLine = /\n[ \t]+at /

/** A URL, or an absolute path of two names or more. */
const location =
  /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*):\/\/([^\s/]*)\S*|(?<![\p{L}\p{N}_./\\~-])(?:[a-z]:)?(?:[\\/]+[^\s/\\:"'`<>|()[\]{},;]+){2,}/giu

/** A URL of another host stays; of a file of this one only the last name does. */
const withoutFolders = (found: string, scheme: string | undefined, host: string | undefined): string =>
  scheme !== undefined && scheme.toLowerCase() !== "file" && host !== ""
    ? found
    : `…/${found.slice(Math.max(found.lastIndexOf("/"), found.lastIndexOf("\\")) + 1)}`

/** A text on one line, without what could not be seen in it. @internal */
export const oneLine = (text: string): string =>
  text.toWellFormed().replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim()

/**
 * An error's message as one bounded line without control characters, without a stack and without absolute paths of the host.
 *
 * @internal
 */
export const safeMessage = (error: unknown): string => {
  const message = text(error) ?? text(read(error, "message")) ?? ""
  const [words = ""] = message.slice(0, 4 * maximumMessage).split(stackLine, 1)
  const line = oneLine(words).replace(location, withoutFolders).trim()
  const points = Array.from(line)
  if (points.length === 0) return "no message"
  return points.length <= maximumMessage ? line : `${points.slice(0, maximumMessage).join("")}…`
}
