/**
 * What can go wrong with a SQL tool. No message says where the database is or who is logged in.
 *
 * @since 0.1.0
 */
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Schema from "effect/Schema"

/**
 * The statement does more than read, or may. Nothing was executed.
 *
 * @category errors
 * @since 0.1.0
 */
export class StatementRefused
  extends Schema.TaggedError<StatementRefused>("@volley/tools/Sql/StatementRefused")("StatementRefused", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `Only one statement that reads is allowed: ${this.detail}`
  }
}

/**
 * The database cannot execute the statement; `detail` is its own message, `code` its SQLSTATE where it has one.
 *
 * @category errors
 * @since 0.1.0
 */
export class QueryInvalid extends Schema.TaggedError<QueryInvalid>("@volley/tools/Sql/QueryInvalid")("QueryInvalid", {
  detail: Schema.String,
  code: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    return `The database refuses the statement${this.code === undefined ? "" : ` (${this.code})`}: ${this.detail}`
  }
}

/**
 * The statement took longer than it may and was stopped, in the database too.
 *
 * @category errors
 * @since 0.1.0
 */
export class StatementTimedOut
  extends Schema.TaggedError<StatementTimedOut>("@volley/tools/Sql/StatementTimedOut")("StatementTimedOut", {
    milliseconds: Schema.Int
  })
{
  override get message(): string {
    return `The statement took longer than ${this.milliseconds / 1000} s and was stopped; select less`
  }
}

/**
 * The login may not read what the statement reads.
 *
 * @category errors
 * @since 0.1.0
 */
export class AccessDenied extends Schema.TaggedError<AccessDenied>("@volley/tools/Sql/AccessDenied")("AccessDenied", {
  detail: Schema.String
}) {
  override get message(): string {
    return `Not permitted: ${this.detail}`
  }
}

/**
 * The database cannot be reached or cannot answer for now; `code` is an error code of Node, of TLS or a SQLSTATE.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unavailable extends Schema.TaggedError<Unavailable>("@volley/tools/Sql/Unavailable")("Unavailable", {
  code: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    return `The database is not available${this.code === undefined ? "" : ` (${this.code})`}`
  }
}

/**
 * The database does not accept the login, or has no database of that name. Fatal: it is not for the model to know or to
 * solve.
 *
 * @category errors
 * @since 0.1.0
 */
export class LoginRefused extends Schema.TaggedError<LoginRefused>("@volley/tools/Sql/LoginRefused")("LoginRefused", {
  code: Schema.String
}) {
  /** @since 0.1.0 */
  readonly [ToolFailure.kind] = "fatal" as const
  override get message(): string {
    return `The database does not accept the login (${this.code})`
  }
}

/**
 * A package that PostgreSQL needs is not installed. Fails the layer when it is built.
 *
 * @category errors
 * @since 0.1.0
 */
export class PackageMissing
  extends Schema.TaggedError<PackageMissing>("@volley/tools/Sql/PackageMissing")("PackageMissing", {
    package: Schema.String
  })
{
  override get message(): string {
    return `PostgreSQL needs the package "${this.package}", which cannot be loaded: npm install ${this.package}`
  }
}

/**
 * The URL names no database that can be used. Fails the layer when it is built.
 *
 * @category errors
 * @since 0.1.0
 */
export class UrlUnusable extends Schema.TaggedError<UrlUnusable>("@volley/tools/Sql/UrlUnusable")("UrlUnusable", {
  expected: Schema.String
}) {
  override get message(): string {
    return `The URL of the database is not ${this.expected}`
  }
}

/**
 * The SQLite file cannot be used. Fails the layer when it is built; names the file as it was given.
 *
 * @category errors
 * @since 0.1.0
 */
export class FileUnusable extends Schema.TaggedError<FileUnusable>("@volley/tools/Sql/FileUnusable")("FileUnusable", {
  file: Schema.String,
  reason: Schema.Literals(["NotFound", "Unreadable", "NotADatabase", "UnsupportedNode"])
}) {
  override get message(): string {
    return `Database ${JSON.stringify(this.file.toWellFormed())} ${unusable[this.reason]}`
  }
}

const unusable = {
  NotFound: "does not exist",
  Unreadable: "cannot be read",
  NotADatabase: "is not a SQLite database",
  UnsupportedNode: "needs Node 24.10 or newer, whose node:sqlite has an authorizer"
} as const
