/**
 * The tables of a PostgreSQL database that the login may read.
 *
 * @internal
 */
import type * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Filter, maxColumns, maxNames, type Table, type Tables } from "./database.ts"

const maxText = 300

const readable = `FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname LIKE $2
    AND (n.nspname LIKE $1 OR $1 IS NULL AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')`

/** `$1` is a pattern of schemas or NULL for those of users, `$2` one of tables, `$3` how many are described. */
const text = `
WITH found AS (
  SELECT c.oid, c.relkind, c.reltuples, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
    pg_catalog.row_number() OVER (ORDER BY n.nspname, c.relname) AS place
  ${readable}
)
SELECT f.name, CASE f.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
    WHEN 'p' THEN 'partitioned table' ELSE 'table' END,
  CASE WHEN f.reltuples >= 0 THEN f.reltuples::float8 END,
  pg_catalog.left(pg_catalog.obj_description(f.oid, 'pg_class'), ${maxText}),
  (SELECT pg_catalog.json_agg(a.o ORDER BY a.n) FROM (
    SELECT a.attnum AS n, pg_catalog.json_build_object('name', a.attname,
      'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
      'default', pg_catalog.left(pg_catalog.pg_get_expr(d.adbin, d.adrelid), ${maxText})) AS o
    FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = f.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LIMIT ${maxColumns}) a)::text,
  (SELECT pg_catalog.json_agg(pg_catalog.left(pg_catalog.pg_get_constraintdef(k.oid), ${maxText}) ORDER BY k.place)
    FROM (SELECT oid, pg_catalog.row_number() OVER (ORDER BY pg_catalog.strpos('puf', contype::text), conname) AS place
      FROM pg_catalog.pg_constraint WHERE conrelid = f.oid AND contype IN ('p', 'u', 'f')) k WHERE k.place <= 50)::text,
  (SELECT pg_catalog.json_agg(pg_catalog.left(i.def, ${maxText}) ORDER BY i.def) FROM (
    SELECT pg_catalog.pg_get_indexdef(indexrelid) AS def FROM pg_catalog.pg_index
    WHERE indrelid = f.oid LIMIT 50) i)::text,
  (SELECT pg_catalog.count(*) FROM found)::int4
FROM found f WHERE f.place <= $3::int8 ORDER BY f.place`

const others = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
  ${readable}
  ORDER BY n.nspname, c.relname OFFSET $3::int8 LIMIT ${maxNames}`

const Columns = Schema.fromJsonString(
  Schema.NullOr(Schema.Array(Schema.Struct({
    name: Schema.String,
    type: Schema.String,
    not_null: Schema.Boolean,
    default: Schema.NullOr(Schema.String)
  })))
)
const Texts = Schema.fromJsonString(Schema.NullOr(Schema.Array(Schema.String)))

const Row = Schema.Tuple([
  Schema.String,
  Schema.String,
  Schema.NullOr(Schema.Finite),
  Schema.NullOr(Schema.String),
  Schema.NullOr(Columns),
  Schema.NullOr(Texts),
  Schema.NullOr(Texts),
  Schema.Int
])
const decode = Schema.decodeUnknownEffect(Schema.Array(Row))
const decodeNames = Schema.decodeUnknownEffect(Schema.Array(Schema.Tuple([Schema.String])))

const tableOf = ([name, kind, rows, comment, columns, keys, indexes]: typeof Row.Type): Table => ({
  name,
  kind,
  ...(rows === null ? {} : { rows }),
  ...(comment === null ? {} : { comment }),
  columns: (columns ?? []).map((column) => ({
    name: column.name,
    type: column.type,
    ...(column.not_null ? { not_null: true } : {}),
    ...(column.default === null ? {} : { default: column.default })
  })),
  keys: keys ?? [],
  indexes: indexes ?? []
})

/** @internal */
export const find = Effect.fnUntraced(
  function*(connection: PgConnection.PgConnection, { limit, schema, table }: Filter): Effect.fn.Return<
    Tables,
    Effect.Error<ReturnType<PgConnection.PgConnection["queryValues"]>>
  > {
    const parameters = [schema ?? null, table, String(limit)]
    const rows = yield* Effect.orDie(decode(yield* connection.queryValues(text, parameters, false)))
    const total = rows[0]?.[7] ?? 0
    const further = total <= limit
      ? []
      : yield* Effect.orDie(decodeNames(yield* connection.queryValues(others, parameters, false)))
    return { tables: rows.map(tableOf), others: further.map(([name]) => name), total }
  }
)
