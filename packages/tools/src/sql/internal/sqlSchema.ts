/**
 * The tool `sql_schema` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { boundedItems } from "../../internal/boundedText.ts"
import { type Database, failure } from "./database.ts"
import { failures } from "./sqlQuery.ts"

const maxTables = 20
const maxBytes = 24 * 1024

const pattern = (description: string, examples: ReadonlyArray<string>) =>
  Schema.optionalKey(
    Schema.String.annotate({ description, examples }).check(
      Schema.isNonEmpty(),
      Schema.isMaxLength(200),
      Schema.makeFilter((text: string) => !text.includes("\0"), { expected: "a name without a NUL character" })
    )
  )

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("sql_schema", {
    description: [
      "Tells the tables and views of the database: columns with types, keys, indexes, how many rows about.",
      "Use it before sql_query, with a pattern where there are many tables; it says the SQL dialect too.",
      "Do not use it to read data (sql_query)."
    ].join("\n"),
    parameters: Schema.Struct({
      table: pattern("Name of a table, with * for any characters; default all", ["orders", "order*"]),
      schema: pattern("Name of a PostgreSQL schema, with * for any characters; default all but the system's", ["sales"])
    }),
    success: Schema.Struct({
      dialect: Schema.Literals(["postgresql", "sqlite"]).annotate({ description: "Which SQL to write" }),
      tables: Schema.Array(Schema.Struct({
        name: Schema.String.annotate({ description: "As it stands in SQL" }),
        kind: Schema.String.annotate({ description: "Table, view or another relation" }),
        rows: Schema.optionalKey(Schema.Finite.annotate({ description: "An estimate" })),
        comment: Schema.optionalKey(Schema.String.annotate({ description: "As the database has it" })),
        columns: Schema.Array(Schema.Struct({
          name: Schema.String.annotate({ description: "As the database has it" }),
          type: Schema.String.annotate({ description: "As the database names it" }),
          not_null: Schema.optionalKey(Schema.Boolean.annotate({ description: "Whether it always has a value" })),
          default: Schema.optionalKey(Schema.String.annotate({ description: "An expression" }))
        })).annotate({ description: "In their order" }),
        keys: Schema.Array(Schema.String).annotate({ description: "As they would be declared" }),
        indexes: Schema.Array(Schema.String).annotate({ description: "As they would be declared" })
      })).annotate({ description: `At most ${maxTables}` }),
      others: Schema.optionalKey(
        Schema.Array(Schema.String).annotate({ description: "Names of further tables: ask for them by pattern" })
      ),
      not_listed: Schema.optionalKey(Schema.Int.annotate({ description: "Tables that are not even named" })),
      note: Schema.optionalKey(Schema.String.annotate({ description: "Why there is nothing" }))
    }),
    failure
  }),
  { failures, timeout: "30 seconds", retry: { times: 2 }, concurrency: 4 }
)

/** A pattern of `LIKE`, escaped by `\`, from one with `*`. */
const likeOf = (glob: string): string => glob.replace(/[\\%_]/g, "\\$&").replaceAll("*", "%")

/** @internal */
export const handler = ({ dialect, tables }: Database) =>
  Effect.fnUntraced(function*({ schema, table = "*" }: Tool.Parameters<typeof tool>) {
    const found = yield* tables({
      schema: schema === undefined ? undefined : likeOf(schema),
      table: likeOf(table),
      limit: maxTables
    })
    const shown = boundedItems(found.tables, maxBytes, 1)
    const others = [...found.tables.slice(shown.length).map(({ name }) => name), ...found.others]
    const unnamed = found.total - shown.length - others.length
    return {
      dialect,
      tables: shown,
      ...(others.length === 0 ? {} : { others }),
      ...(unnamed === 0 ? {} : { not_listed: unnamed }),
      ...(found.total === 0 ? { note: "no table matches" } : {})
    }
  })
