/**
 * Tools that read a PostgreSQL or SQLite database: `sql_query`, `sql_schema`.
 *
 * **Details**
 *
 * A statement has to pass two walls, either of which is enough. It is classified: for PostgreSQL by the grammar of the server
 * itself, for SQLite by its authorizer; whatever does more than read is refused, and so are functions that write, wait,
 * read files, reach other servers or execute a text. And it runs where nothing can be written: in a read-only transaction
 * that is rolled back, or on a file that is open for reading. Time, rows, values and bytes are bounded; interruption stops
 * the statement in the database.
 *
 * It does not know what a function or a view of your own does beyond that, and shows what the login may read: give it a
 * login that may read what the users of the agent may.
 *
 * PostgreSQL needs the packages `@effect/sql-pg` and `libpg-query`, SQLite Node 24.10 or newer.
 *
 * **Example** (The handlers of the family, for one database)
 *
 * ```ts
 * import { Dispatcher } from "@volley/core"
 * import { Sql } from "@volley/tools/sql"
 * import { Effect, Redacted } from "effect"
 *
 * const SqlLive = Sql.layerPostgres({ url: Redacted.make("postgres://postgres@127.0.0.1:5432/postgres") })
 *
 * const program = Dispatcher.call(Sql.SqlQuery, { sql: "SELECT $1::int * 7 AS answer", parameters: [6] }).pipe(
 *   Effect.provide(SqlLive)
 * )
 * console.log((await Effect.runPromise(program)).result)
 * ```
 *
 * ```text
 * { columns: [ { name: 'answer', type: 'integer' } ], rows: [ [ 42 ] ] }
 * ```
 *
 * @since 0.1.0
 */
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import { layerWithoutSecrets } from "../internal/withoutSecrets.ts"
import type { Database } from "./internal/database.ts"
import * as postgres from "./internal/postgres.ts"
import * as sqlite from "./internal/sqlite.ts"
import * as sqlQuery from "./internal/sqlQuery.ts"
import * as sqlSchema from "./internal/sqlSchema.ts"
import type { FileUnusable, PackageMissing, UrlUnusable } from "./SqlError.ts"

export * from "./SqlError.ts"

/**
 * Executes one statement that reads: at most 200 rows and 24 KiB, values of at most 1,000 characters.
 *
 * @category tools
 * @since 0.1.0
 */
export const SqlQuery = sqlQuery.tool

/**
 * Tells tables with their columns, keys and indexes: at most 20 and 24 KiB, and the names of 200 more.
 *
 * @category tools
 * @since 0.1.0
 */
export const SqlSchema = sqlSchema.tool

/**
 * The tools of the family.
 *
 * @category tools
 * @since 0.1.0
 */
export const toolkit = Toolkit.make(SqlQuery, SqlSchema)

type Handlers = Tool.HandlersFor<typeof toolkit.tools>

const defaultTimeout: Duration.Input = "10 seconds"

const timeoutOf = (options: { readonly statementTimeout?: Duration.Input }): Duration.Duration =>
  Duration.fromInputUnsafe(options.statementTimeout ?? defaultTimeout)

const handlers = (database: Database) => ({
  sql_query: sqlQuery.handler(database),
  sql_schema: sqlSchema.handler(database)
})

/**
 * Handlers of the family for one PostgreSQL database, through at most 4 connections that are opened when they are needed.
 * Building it fails with `PackageMissing` where a package is not installed and with `UrlUnusable` where the URL is not one
 * of PostgreSQL. The redactor of the context learns the URL and its password.
 *
 * @param options.url - such as `postgres://user:password@host:5432/database?sslmode=require`
 * @param options.statementTimeout - after which the server stops a statement, above zero and below the 30 seconds of the
 *   tools; default 10 seconds
 * @category layers
 * @since 0.1.0
 */
export const layerPostgres = (options: {
  readonly url: Redacted.Redacted
  readonly statementTimeout?: Duration.Input
}): Layer.Layer<Handlers, PackageMissing | UrlUnusable> =>
  layerWithoutSecrets(
    toolkit,
    Effect.map(postgres.make({ url: options.url, statementTimeout: timeoutOf(options) }), handlers)
  )

/**
 * Handlers of the family for one SQLite file, read by a process of its own, one statement after another. Building it fails
 * with `FileUnusable` where the file does not exist, is no database or cannot be read.
 *
 * @param options.file - path of the file, absolute or relative to the working directory
 * @param options.statementTimeout - after which a statement is stopped, above zero and below the 30 seconds of the tools;
 *   default 10 seconds
 * @category layers
 * @since 0.1.0
 */
export const layerSqlite = (options: {
  readonly file: string
  readonly statementTimeout?: Duration.Input
}): Layer.Layer<Handlers, FileUnusable, FileSystem.FileSystem | Path.Path> =>
  layerWithoutSecrets(
    toolkit,
    Effect.map(sqlite.make({ file: options.file, statementTimeout: timeoutOf(options) }), handlers)
  )

const fileOf = (url: string): string | undefined => /^sqlite:(?:\/\/(?=\/))?(.+)$/s.exec(url)?.[1]

/**
 * Handlers of the family for the database of `DATABASE_URL`: `postgres://…`, `postgresql://…`, or `sqlite:` with the path
 * of a file. See `layerPostgres` and `layerSqlite`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv: Layer.Layer<
  Handlers,
  PackageMissing | UrlUnusable | FileUnusable | Config.ConfigError,
  FileSystem.FileSystem | Path.Path
> = layerWithoutSecrets(
  toolkit,
  Effect.gen(function*() {
    const url = yield* Config.Redacted("DATABASE_URL")
    const file = fileOf(Redacted.value(url))
    const statementTimeout = timeoutOf({})
    return handlers(
      file === undefined
        ? yield* postgres.make({ url, statementTimeout })
        : yield* sqlite.make({ file, statementTimeout })
    )
  })
)
