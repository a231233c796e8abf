/**
 * The tool `sql_query` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { boundedItems } from "../../internal/boundedText.ts"
import { type Database, failure, maxValueLength } from "./database.ts"

const maxRows = 200
const defaultRows = 100
const maxBytes = 24 * 1024

/** @internal */
export const failures = {
  StatementRefused: "permanent",
  QueryInvalid: "permanent",
  StatementTimedOut: "permanent",
  AccessDenied: "permanent",
  Unavailable: "transient"
} as const

const withoutNul = Schema.makeFilter((text: string) => !text.includes("\0"), {
  expected: "a text without a NUL character"
})

const Parameter = Schema.Union([
  Schema.String.check(Schema.isMaxLength(4000), withoutNul),
  Schema.Finite,
  Schema.Boolean,
  Schema.Null
])

const Value = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean, Schema.Null])

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("sql_query", {
    description: [
      "Executes one SQL statement that reads: SELECT, VALUES, TABLE, WITH of these, EXPLAIN without ANALYZE, SHOW.",
      "Use it to answer questions from the database; learn its tables and its dialect by sql_schema first.",
      "Do not use it to change anything: such statements are refused; count and group in SQL instead of reading many rows."
    ].join("\n"),
    parameters: Schema.Struct({
      sql: Schema.String.annotate({
        description: "One statement; give values as $1, $2 and so on, not in the text",
        examples: ["SELECT status, count(*) FROM orders WHERE created_at >= $1 GROUP BY status"]
      }).check(Schema.isPattern(/\S/, { expected: "a statement" }), Schema.isMaxLength(8000), withoutNul),
      parameters: Schema.optionalKey(
        Schema.Array(Parameter).annotate({ description: "Values of $1, $2 and so on; dates as text" })
          .check(Schema.isMaxLength(50))
      ),
      limit: Schema.optionalKey(
        Schema.Int.annotate({ description: `How many rows at most, 1 to ${maxRows}; default ${defaultRows}` })
          .check(Schema.isBetween({ minimum: 1, maximum: maxRows }))
      )
    }),
    success: Schema.Struct({
      columns: Schema.Array(Schema.Struct({
        name: Schema.String.annotate({ description: "As the statement names it" }),
        type: Schema.optionalKey(Schema.String.annotate({ description: "As the database names it" }))
      })).annotate({ description: "Columns of the result" }),
      rows: Schema.Array(Schema.Array(Value)).annotate({
        description: "Values in the order of the columns; what JSON cannot hold exactly is text"
      }),
      more_rows: Schema.optionalKey(
        Schema.Literal(true).annotate({ description: "There are more rows than these" })
      ),
      note: Schema.optionalKey(Schema.String.annotate({ description: "What is missing, and how to get it" }))
    }),
    failure
  }),
  { failures, timeout: "30 seconds", retry: { times: 2 }, concurrency: 4 }
)

const moreNote = (shown: number, byBytes: boolean): string =>
  byBytes
    ? `only the first ${shown} rows fit into ${maxBytes / 1024} KiB; select fewer columns or rows, or aggregate`
    : `only the first ${shown} rows are shown; narrow the statement, aggregate, or page with LIMIT and OFFSET`

const cutNote = `values of more than ${maxValueLength} characters are cut and end in …`

const isCut = (value: unknown): boolean => typeof value === "string" && value.length > maxValueLength

/** @internal */
export const handler = (database: Database) =>
  Effect.fnUntraced(function*({ limit = defaultRows, parameters = [], sql }: Tool.Parameters<typeof tool>) {
    const { columns, more, rows } = yield* database.query(sql, parameters, limit)
    const shown = boundedItems(rows, maxBytes, 1)
    const isCutShort = shown.length < rows.length
    const isMore = more || isCutShort
    const notes = [
      ...(isMore ? [moreNote(shown.length, isCutShort)] : []),
      ...(shown.some((row) => row.some(isCut)) ? [cutNote] : [])
    ]
    return {
      columns,
      rows: shown,
      ...(isMore ? { more_rows: true as const } : {}),
      ...(notes.length === 0 ? {} : { note: notes.join(". ") })
    }
  })
