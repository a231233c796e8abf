/**
 * One statement of SQLite that reads: two walls around it. This module is used in the process of `sqliteProcess.ts`.
 *
 * @internal
 */
import { constants, DatabaseSync } from "node:sqlite"

/** @internal */
export interface Request {
  readonly sql: string
  readonly parameters: ReadonlyArray<string | number | boolean | null>
  readonly limit: number
  readonly maxLength: number
  readonly maxColumns: number
}

/** @internal */
export type Reply =
  | { readonly kind: "ready" }
  | { readonly kind: "unusable"; readonly reason: "Unreadable" | "NotADatabase" | "UnsupportedNode" }
  | { readonly kind: "refused"; readonly detail: string }
  | { readonly kind: "invalid"; readonly detail: string }
  | { readonly kind: "busy" }
  | {
    readonly kind: "rows"
    readonly columns: ReadonlyArray<{ readonly name: string; readonly type?: string }>
    readonly rows: ReadonlyArray<ReadonlyArray<string | number | null>>
    readonly more: boolean
  }

const maxHeap = 256 * 1024 * 1024
const readingPragmas = /^(?:table_info|table_xinfo|table_list|index_list|index_info|index_xinfo|foreign_key_list)$/
const refusedFunctions = /^(?:load_extension|fts3_tokenizer|writefile|readfile|edit)$/i

const actions = new Map<number, string>(
  Object.entries(constants)
    .filter(([name]) => /^SQLITE_(?!OK$|DENY$|IGNORE$|CHANGESET)/.test(name))
    .map(([name, code]) => [code, name.slice("SQLITE_".length).replaceAll("_", " ")])
)

const reading: ReadonlySet<number> = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_RECURSIVE
])

const isBusy = (code: unknown): boolean => code === 5 || code === 6

const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "errcode" in error ? error.errcode : undefined

/** @internal */
export const isNoDatabase = (error: unknown): boolean => codeOf(error) === 26

const messageOf = (error: unknown): string => error instanceof Error ? error.message.slice(0, 500).toWellFormed() : ""

const placeholders =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[^]*?(?:\*\/|$)|[A-Za-z_\x80-\uffff][\w$\x80-\uffff]*|(\?\d*|[$:@#][\w$]+)/g

const blank = /\s+|;|--[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?/y

/** Whether a text has no statement. In steps: one pattern for all of it could take a part of a comment for another. */
const isBlank = (text: string): boolean => {
  let at = 0
  while (at < text.length) {
    blank.lastIndex = at
    if (!blank.test(text)) return false
    at = blank.lastIndex
  }
  return true
}

/** What is wrong with the placeholders of a statement that is well-formed. */
const misplaced = (sql: string, count: number): string | undefined => {
  const used = new Set(Array.from(sql.matchAll(placeholders), ([, found]) => found).filter((it) => it !== undefined))
  const given = Array.from({ length: count }, (_, i) => `$${i + 1}`)
  const foreign = Array.from(used).find((name) => !given.includes(name))
  if (foreign !== undefined) return `the placeholder ${foreign} has no parameter; they are $1, $2 and so on`
  const unused = given.find((name) => !used.has(name))
  return unused === undefined ? undefined : `the parameter ${unused} is not used`
}

const cut = (text: string, maxLength: number): string => {
  if (text.length <= maxLength) return text
  const characters = Array.from(text.slice(0, 2 * maxLength + 2))
  return characters.length > maxLength ? `${characters.slice(0, maxLength).join("")}…` : text
}

const valueOf = (value: unknown, maxLength: number): string | number | null => {
  if (value === null) return null
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value)
  if (typeof value === "string") return cut(value.toWellFormed(), maxLength)
  const bytes = value as Uint8Array
  return cut(`\\x${Buffer.from(bytes.subarray(0, maxLength)).toString("hex")}`, maxLength)
}

/** The wall of the file: nothing can be written to it, and no other is opened. @internal */
export const open = (file: string) => {
  const database = new DatabaseSync(file, {
    readOnly: true,
    allowExtension: false,
    readBigInts: true,
    returnArrays: true,
    timeout: 1000,
    limits: { attach: 0, length: 16 * 1024 * 1024 }
  })
  database.exec(`PRAGMA query_only = 1; PRAGMA trusted_schema = 0; PRAGMA hard_heap_limit = ${maxHeap}`)
  database.prepare("SELECT count(*) FROM sqlite_schema").get()
  return database
}

/** The wall of the statement, and its rows. @internal */
export const answer = (
  database: DatabaseSync,
  { limit, maxColumns, maxLength, parameters, sql }: Request
): Reply => {
  const denied: Array<string> = []
  const authorize = (code: number, first: string | null, second: string | null): number => {
    const isAllowed = reading.has(code) ||
      code === constants.SQLITE_FUNCTION && !refusedFunctions.test(second ?? "") ||
      code === constants.SQLITE_PRAGMA && readingPragmas.test(first ?? "")
    if (isAllowed) return constants.SQLITE_OK
    const name = code === constants.SQLITE_FUNCTION ? second : code === constants.SQLITE_PRAGMA ? first : undefined
    denied.push([actions.get(code) ?? "it", name].filter((part) => part !== undefined && part !== null).join(" "))
    return constants.SQLITE_DENY
  }
  database.setAuthorizer(authorize)
  try {
    const statement = database.prepare(sql)
    if (!isBlank(sql.slice(statement.sourceSQL.length))) return { kind: "refused", detail: "there are several" }
    const columns = statement.columns()
    // VACUUM and some others ask the authorizer only when they run
    if (columns.length === 0) return { kind: "refused", detail: "it has no result" }
    if (columns.length > maxColumns) {
      return { kind: "invalid", detail: `it has ${columns.length} columns, at most ${maxColumns} are allowed` }
    }
    const wrong = misplaced(statement.sourceSQL, parameters.length)
    if (wrong !== undefined) return { kind: "invalid", detail: wrong }
    const bound = Object.fromEntries(parameters.map((value, i) => [
      `$${i + 1}`,
      typeof value === "boolean" ? Number(value) : value
    ]))
    const rows: Array<ReadonlyArray<string | number | null>> = []
    let more = false
    for (const row of statement.iterate(bound) as Iterable<unknown>) {
      more = rows.length === limit
      if (more) break
      rows.push((row as ReadonlyArray<unknown>).map((value) => valueOf(value, maxLength)))
    }
    return {
      kind: "rows",
      columns: columns.map(({ name, type }) => type === null ? { name } : { name, type }),
      rows,
      more
    }
  } catch (error) {
    if (denied[0] !== undefined) return { kind: "refused", detail: `${denied[0]} is not allowed` }
    return isBusy(codeOf(error)) ? { kind: "busy" } : { kind: "invalid", detail: messageOf(error) }
  } finally {
    database.setAuthorizer(null)
  }
}
