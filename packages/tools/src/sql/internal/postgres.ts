/**
 * A PostgreSQL database through `@effect/sql-pg`, read by statements that `libpg-query` has classified.
 *
 * **Details**
 *
 * Each statement runs in a read-only transaction of its own that is always rolled back. The transaction has its snapshot
 * before the statement runs, after which PostgreSQL lets nobody make it writable. A `SELECT` runs inside of another one that
 * gives the text of each value, cut: so what arrives is bounded, and every type has a value. Interruption cancels the
 * statement on the server.
 *
 * @internal
 */
import type * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Redactor from "@volley/core/Redactor"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as SqlError from "effect/sql/SqlError"
import {
  AccessDenied,
  LoginRefused,
  PackageMissing,
  QueryInvalid,
  StatementTimedOut,
  Unavailable,
  UrlUnusable
} from "../SqlError.ts"
import {
  type Column,
  type Database,
  ellipsis,
  maxColumns,
  maxValueLength,
  type Parameter,
  type QueryFailure,
  type Value
} from "./database.ts"
import { classify, type Statement } from "./postgresStatement.ts"
import * as postgresTables from "./postgresTables.ts"

const maxConnections = 4
const expected = "a URL of postgres, postgresql or sqlite"
const maxMessageSize = 16 * 1024 * 1024

const load = <A>(name: string, load: () => Promise<A>): Effect.Effect<A, PackageMissing> =>
  Effect.tryPromise({ try: load, catch: () => new PackageMissing({ package: name }) })

const Cause = Schema.Struct({
  code: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(64))),
  message: Schema.optionalKey(Schema.String),
  hint: Schema.optionalKey(Schema.String)
})
const causeOf = Schema.decodeUnknownOption(Cause)

/** SQLSTATEs of a server that is busy, starting, stopping, or gave the lock to another. */
const isForNow = (code: string): boolean => /^(?:08|53|57P|40|55P03|58)/.test(code)

const failed = (milliseconds: number) => ({ reason }: SqlError.SqlError): QueryFailure => {
  const cause = causeOf(reason.cause)
  const { code, hint, message } = cause._tag === "Some" ? cause.value : {}
  const detail = [message, hint].filter((text) => text !== undefined).join(". ").slice(0, 500).toWellFormed()
  if (reason._tag === "AuthenticationError" || code === "3D000") return new LoginRefused({ code: code ?? "28000" })
  // 08P01: the parameters are not as many as the placeholders
  if (code !== "08P01" && (reason._tag === "ConnectionError" || (code !== undefined && isForNow(code)))) {
    return new Unavailable(code === undefined ? {} : { code })
  }
  if (code === "57014") return new StatementTimedOut({ milliseconds })
  if (code === "42501") return new AccessDenied({ detail })
  // without a code it comes from the client, which speaks of this program
  return new QueryInvalid(
    code === undefined ? { detail: "it cannot be sent or its result not be read" } : { detail, code }
  )
}

const settings = "SELECT pg_catalog.set_config('statement_timeout', $1, true), " +
  "pg_catalog.set_config('lock_timeout', $1, true), pg_catalog.set_config('bytea_output', 'hex', true)"

/** Numbers that JSON holds exactly stay numbers: int2, int4, oid, int8; float4, float8; bool. */
const integers: ReadonlySet<number> = new Set([20, 21, 23, 26])
const floats: ReadonlySet<number> = new Set([700, 701])
const boolean = 16

const cut = (text: string): string => {
  const characters = text.length > maxValueLength ? Array.from(text.slice(0, 2 * maxValueLength + 2)) : []
  return characters.length > maxValueLength ? `${characters.slice(0, maxValueLength).join("")}${ellipsis}` : text
}

const valueOf = (type: number, text: unknown): Value => {
  if (text === null) return null
  if (typeof text !== "string") return cut(JSON.stringify(text) ?? "")
  if (type === boolean) return text === "true"
  const number = integers.has(type) || floats.has(type) ? Number(text) : Number.NaN
  const isExact = integers.has(type) ? Number.isSafeInteger(number) : Number.isFinite(number)
  return isExact ? number : cut(text)
}

/** Parameters go as text whose type the statement decides, so that `$1` is a number or a date where it has to be. */
const texts = (parameters: ReadonlyArray<Parameter>): ReadonlyArray<string | null> =>
  parameters.map((parameter) => parameter === null ? null : String(parameter))

const names = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, i) => `c${i}`)

const bounded = ({ text }: Statement, count: number, limit: number): string => {
  const values = names(count).map((name) => `pg_catalog.left(q.${name}::pg_catalog.text, ${maxValueLength + 1})`)
  const alias = count === 0 ? "q" : `q(${names(count).join(", ")})`
  return `SELECT ${values.join(", ")} FROM (${text}\n) AS ${alias} LIMIT ${limit + 1}`
}

/** What runs a statement in its transaction. @internal */
export type Reader = <A>(
  use: (connection: PgConnection.PgConnection) => Effect.Effect<A, SqlError.SqlError | QueryFailure>
) => Effect.Effect<A, QueryFailure>

const select = Effect.fnUntraced(function*(
  connection: PgConnection.PgConnection,
  statement: Statement,
  parameters: ReadonlyArray<string | null>,
  limit: number
) {
  const described = yield* connection.query(`SELECT * FROM (${statement.text}\n) AS q LIMIT 0`, parameters, false)
  const types = described.fields.map(({ dataTypeId }) => dataTypeId)
  if (types.length > maxColumns) {
    return yield* new QueryInvalid({ detail: `it has ${types.length} columns, at most ${maxColumns} are allowed` })
  }
  const named = yield* connection.queryValues(
    "SELECT pg_catalog.format_type(t, NULL) FROM pg_catalog.unnest($1::pg_catalog.oid[]) WITH ORDINALITY AS o(t, i) ORDER BY i",
    [`{${types.join(",")}}`],
    false
  )
  const columns = described.fields.map(({ name }, i): Column => ({ name, type: String(named[i]?.[0]) }))
  const found = yield* connection.queryValues(bounded(statement, types.length, limit), parameters, false)
  const rows = found.slice(0, limit).map((row) => row.map((value, i) => valueOf(types[i] ?? 0, value)))
  return { columns, rows, more: found.length > limit }
})

/** `EXPLAIN` and `SHOW` cannot stand in a `FROM` clause, and their columns have names of their own. */
const tell = Effect.fnUntraced(function*(
  connection: PgConnection.PgConnection,
  { text }: Statement,
  parameters: ReadonlyArray<string | null>,
  limit: number
) {
  const { fields, rows } = yield* connection.query(text, parameters, false)
  return {
    columns: fields.map(({ name }): Column => ({ name })),
    rows: rows.slice(0, limit).map((row) => fields.map(({ name }) => valueOf(0, row[name] ?? null))),
    more: rows.length > limit
  }
})

/** What of a URL is secret, for the redactor. */
const secretsOf = (url: URL): ReadonlyArray<string> => [
  url.href,
  url.password,
  decodeURIComponent(url.password),
  ...url.searchParams.getAll("password")
]

/** @internal */
export interface Options {
  readonly url: Redacted.Redacted
  readonly statementTimeout: Duration.Duration
}

const isPostgres = (url: URL): boolean => /^postgres(?:ql)?:$/.test(url.protocol) && URL.canParse(url.href)

const check = (text: string): URL | undefined => {
  const url = URL.parse(text)
  try {
    return url !== null && isPostgres(url) ? (secretsOf(url), url) : undefined
  } catch {
    return undefined
  }
}

/** Runs what it is given in a read-only transaction: the second wall, without the first. @internal */
export const reader = Effect.fnUntraced(function*({ statementTimeout, url }: Options) {
  const { make } = yield* load("@effect/sql-pg", () => import("@effect/sql-pg/PgPool"))
  const milliseconds = Duration.toMillis(statementTimeout)
  const toFailure = failed(milliseconds)
  const pool = yield* Effect.mapError(
    make({
      url,
      maxConnections,
      maxMessageSize,
      applicationName: "volley",
      prepare: false,
      // the parser reads backslashes as this does
      startupParameters: { standard_conforming_strings: "on", datestyle: "ISO" }
    }),
    () => new UrlUnusable({ expected })
  )
  const read: Reader = (use) =>
    Effect.scoped(Effect.flatMap(pool.reserve, (connection) => {
      const end = connection.query("ROLLBACK", [], false).pipe(
        Effect.timeout("2 seconds"),
        Effect.catch(() => pool.invalidate(connection))
      )
      return connection.query("BEGIN READ ONLY", [], false).pipe(
        Effect.andThen(connection.query(settings, [String(milliseconds)], false)),
        Effect.andThen(use(connection)),
        Effect.ensuring(end)
      )
    })).pipe(Effect.mapError((error) => error._tag === "SqlError" ? toFailure(error) : error))
  return read
})

/** @internal */
export const make = Effect.fnUntraced(function*(options: Options) {
  const url = check(Redacted.value(options.url))
  if (url === undefined) return yield* new UrlUnusable({ expected })
  const redactor = yield* Redactor.current
  for (const secret of [Redacted.value(options.url), ...secretsOf(url)]) redactor.add(Redacted.make(secret))
  const parser = yield* load("libpg-query", async () => {
    const parser = await import("libpg-query")
    await parser.loadModule()
    return parser
  })
  const read = yield* reader(options)
  const database: Database = {
    dialect: "postgresql",
    query: (sql, parameters, limit) =>
      Effect.flatMap(
        Effect.fromResult(classify(parser.parseSync, sql)),
        (statement) =>
          read((connection) => (statement.isSelect ? select : tell)(connection, statement, texts(parameters), limit))
      ),
    tables: (filter) => read((connection) => postgresTables.find(connection, filter))
  }
  return database
})
