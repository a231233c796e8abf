/**
 * What the tools need of a database, whichever it is.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  AccessDenied,
  LoginRefused,
  QueryInvalid,
  StatementRefused,
  StatementTimedOut,
  Unavailable
} from "../SqlError.ts"

/** A parameter of a statement. @internal */
export type Parameter = string | number | boolean | null

/** A value of a row as JSON has it: what it cannot hold exactly is the database's own text. @internal */
export type Value = string | number | boolean | null

/** @internal */
export interface Column {
  readonly name: string
  /** As the database names it, where it knows. */
  readonly type?: string
}

/** @internal */
export interface Rows {
  readonly columns: ReadonlyArray<Column>
  readonly rows: ReadonlyArray<ReadonlyArray<Value>>
  /** Whether there are rows beyond those. */
  readonly more: boolean
}

/** @internal */
export interface Table {
  readonly name: string
  readonly kind: string
  /** An estimate of the database. */
  readonly rows?: number
  readonly comment?: string
  readonly columns: ReadonlyArray<{
    readonly name: string
    readonly type: string
    readonly not_null?: boolean
    readonly default?: string
  }>
  /** As they would be declared: `PRIMARY KEY (id)`. */
  readonly keys: ReadonlyArray<string>
  readonly indexes: ReadonlyArray<string>
}

/** @internal */
export interface Filter {
  /** Patterns of SQL's `LIKE`, escaped by `\`. */
  readonly schema: string | undefined
  readonly table: string
  /** The most tables that are described; the names of others follow. */
  readonly limit: number
}

/** @internal */
export interface Tables {
  readonly tables: ReadonlyArray<Table>
  /** Names of the tables after those, at most `maxNames`. */
  readonly others: ReadonlyArray<string>
  readonly total: number
}

/** @internal */
export const maxNames = 200

/** @internal */
export const failure = Schema.Union([
  StatementRefused,
  QueryInvalid,
  StatementTimedOut,
  AccessDenied,
  Unavailable,
  LoginRefused
])

/** @internal */
export type QueryFailure = typeof failure.Type

/** @internal */
export interface Database {
  readonly dialect: "postgresql" | "sqlite"
  /** Executes one statement that reads; gives at most `limit` rows. */
  readonly query: (
    sql: string,
    parameters: ReadonlyArray<Parameter>,
    limit: number
  ) => Effect.Effect<Rows, QueryFailure>
  readonly tables: (filter: Filter) => Effect.Effect<Tables, QueryFailure>
}

/** The most characters of a value, the most columns of a row. @internal */
export const maxValueLength = 1000
/** @internal */
export const maxColumns = 100

/** Shows that a value was cut. @internal */
export const ellipsis = "…"
