import { PgPool } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Agent, Dispatcher, Redactor } from "@volley/core"
import { Duration, Effect, Exit, Fiber, Layer, Redacted, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import { existsSync, rmSync } from "node:fs"
import { createConnection } from "node:net"
import { Sql } from "../../src/sql/index.ts"
import { reader } from "../../src/sql/internal/postgres.ts"
import { hostilePostgres, readingPostgres } from "./statements.ts"

type Result = typeof Sql.SqlQuery.successSchema.Type
type Tables = typeof Sql.SqlSchema.successSchema.Type

const listens = await new Promise<boolean>((resolve) => {
  const socket = createConnection(5432, "127.0.0.1", () => (socket.destroy(), resolve(true)))
  socket.once("error", () => resolve(false))
})
const isSkipped = !listens && process.env["CI"] !== "true"
if (isSkipped) {
  process.stderr.write("no PostgreSQL at 127.0.0.1:5432: sudo apt-get install --no-install-recommends postgresql\n")
}

const password = "canary-8f3a%2Fé"
const urlOf = (database: string, user = "postgres") =>
  Redacted.make(`postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:5432/${database}`)

const schema = `
  CREATE TABLE t (id int PRIMARY KEY, v text);
  CREATE INDEX by_v ON t (v);
  CREATE SEQUENCE s;
  CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  CREATE MATERIALIZED VIEW m AS SELECT 1 AS a;
  CREATE TABLE lines (t int NOT NULL REFERENCES t (id), line int DEFAULT 7, price numeric(10, 2), PRIMARY KEY (t, line));
  COMMENT ON TABLE lines IS 'Lines of an order';
  CREATE VIEW shop AS SELECT * FROM t;
  CREATE TABLE hidden (secret text);
  CREATE SCHEMA sales;
  CREATE TABLE sales."Big Orders" (id bigint);
  INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL);
`

/** A connection of its own to a database. */
const connected = (database: string) =>
  Effect.flatMap(PgPool.make({ url: urlOf(database), maxConnections: 1 }), (pool) => pool.get)

const run = (database: string, ...statements: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.flatMap(connected(database), (connection) =>
      Effect.forEach(statements, (sql) => connection.queryValues(sql, [], false)))
  )

/** A database of the test's own, with a login that may read but one table; both are dropped at the end. */
const database = Effect.acquireRelease(
  Effect.gen(function*() {
    const name = `volley_sql_${process.pid}_${randomUUID().slice(0, 8)}`
    yield* run("postgres", `CREATE DATABASE ${name}`, `CREATE ROLE ${name} LOGIN PASSWORD 'x'`)
    yield* run(name, ...schema.split(/;\n/).filter((sql) => sql.trim() !== ""))
    yield* run(name, `GRANT SELECT ON t TO ${name}`)
    return name
  }),
  (name) => Effect.orDie(run("postgres", `DROP DATABASE ${name} WITH (FORCE)`, `DROP ROLE ${name}`))
)

const query = (sql: string, parameters?: ReadonlyArray<string | number | boolean | null>, limit?: number) =>
  Dispatcher.call(Sql.SqlQuery, {
    sql,
    ...(parameters === undefined ? {} : { parameters }),
    ...(limit === undefined ? {} : { limit })
  })

const rowsOf = (...args: Parameters<typeof query>) =>
  Effect.map(query(...args), ({ ok, result }) => {
    assert.isTrue(ok, `${args[0]}: ${JSON.stringify(result)}`)
    return result as Result
  })

const refusal = (...args: Parameters<typeof query>) =>
  Effect.map(query(...args), ({ failure, ok }) => {
    assert.isFalse(ok, args[0])
    return failure!
  })

/** Real time throughout: a server answers. */
const within = (
  name: string,
  test: (database: string) => Effect.Effect<void, unknown, Layer.Success<ReturnType<typeof Sql.layerPostgres>>>,
  options: { readonly statementTimeout?: Duration.Input } = {}
) =>
  it.live(
    name,
    () =>
      Effect.scoped(Effect.flatMap(database, (name) =>
        Effect.provide(test(name), Sql.layerPostgres({ url: urlOf(name), ...options })))),
    120_000
  )

/** All that a statement could have changed, but for what the system counts by itself. */
const stateOf = (database: string) =>
  run(
    database,
    "SELECT t::text FROM t ORDER BY 1",
    "SELECT last_value, is_called FROM s",
    `SELECT relname, relkind, relowner, relacl::text, relnatts FROM pg_class WHERE relname !~ '^pg_toast' ORDER BY oid`,
    "SELECT proname, proacl::text FROM pg_proc ORDER BY oid",
    "SELECT nspname, nspacl::text FROM pg_namespace ORDER BY oid",
    "SELECT typname FROM pg_type ORDER BY oid",
    "SELECT rolname, rolpassword, rolsuper FROM pg_authid ORDER BY oid",
    "SELECT extname FROM pg_extension ORDER BY oid",
    "SELECT count(*) FROM pg_largeobject_metadata",
    "SELECT count(*) FROM pg_trigger",
    "SELECT count(*) FROM pg_description",
    "SELECT setdatabase, setrole, setconfig::text FROM pg_db_role_setting ORDER BY 1, 2",
    "SELECT datname FROM pg_database WHERE datname LIKE 'volley_intruder%'",
    "SELECT count(*) FROM pg_prepared_xacts",
    "SELECT count(*) FROM pg_replication_slots"
  )

const activity = (database: string) =>
  Effect.map(
    run(
      "postgres",
      `SELECT state, query FROM pg_stat_activity WHERE datname = '${database}' AND application_name = 'volley'`
    ),
    ([rows]) => rows ?? []
  )

const endless = "SELECT count(*) FROM generate_series(1, 1000000000000)"
const intruder = "/tmp/volley-intruder"

describe.skipIf(isSkipped)("a real PostgreSQL", () => {
  within("result - every type has a value that JSON holds", () =>
    Effect.gen(function*() {
      const values: ReadonlyArray<readonly [sql: string, value: unknown]> = [
        ["1", 1],
        ["1::smallint", 1],
        ["9007199254740991", 9007199254740991],
        ["9007199254740992", "9007199254740992"],
        ["1.5::float8", 1.5],
        ["'NaN'::float8", "NaN"],
        ["'-Infinity'::float4", "-Infinity"],
        ["123456789012345678901234567890.10", "123456789012345678901234567890.10"],
        ["'NaN'::numeric", "NaN"],
        ["true", true],
        ["NULL::boolean", null],
        ["NULL", null],
        ["'é😀'", "é😀"],
        ["'\\x00ff'::bytea", "\\x00ff"],
        ["date '2026-02-28'", "2026-02-28"],
        ["timestamp '2026-02-28 12:00:00.123456'", "2026-02-28 12:00:00.123456"],
        ["timestamptz 'infinity'", "infinity"],
        ["date '4713-01-01 BC'", "4713-01-01 BC"],
        ["interval '1 year 2 days'", "1 year 2 days"],
        ["'{\"a\": [1]}'::jsonb", "{\"a\": [1]}"],
        ["ARRAY[[1, 2], [3, NULL]]", "{{1,2},{3,NULL}}"],
        ["ROW(1, 'a b')", "(1,\"a b\")"],
        ["'a'::\"char\"", "a"],
        ["int4range(1, 5)", "[1,5)"],
        ["point(1, 2)", "(1,2)"],
        ["'10.0.0.0/8'::inet", "10.0.0.0/8"],
        ["'a'::tsvector", "'a'"],
        ["'t'::regclass", "t"],
        ["'550e8400-e29b-41d4-a716-446655440000'::uuid", "550e8400-e29b-41d4-a716-446655440000"]
      ]
      const { rows } = yield* rowsOf(`SELECT ${values.map(([sql]) => sql).join(", ")}`)
      assert.deepStrictEqual<unknown>(rows, [values.map(([, value]) => value)])
      const { columns } = yield* rowsOf("SELECT 1 AS a, 'x'::text AS a, 1.5 AS b WHERE false")
      assert.deepStrictEqual(columns, [
        { name: "a", type: "integer" },
        { name: "a", type: "text" },
        { name: "b", type: "numeric" }
      ])
      assert.deepStrictEqual((yield* rowsOf("SELECT id FROM t ORDER BY id DESC")).rows, [[3], [2], [1]])
      assert.deepStrictEqual((yield* rowsOf("SELECT FROM t")).rows, [[], [], []])
      for (const sql of readingPostgres) yield* rowsOf(sql)
    }))

  within("parameters - bound with the type of their place, never read as SQL", () =>
    Effect.gen(function*() {
      const text = "'; DELETE FROM t; --"
      assert.deepStrictEqual(
        (yield* rowsOf("SELECT $1::text, $2::int, $3::float8, $4::bool, $5::date", [
          text,
          7,
          1.5,
          false,
          null
        ])).rows,
        [[text, 7, 1.5, false, null]]
      )
      assert.deepStrictEqual((yield* rowsOf("SELECT v FROM t WHERE id = $1", ["2"])).rows, [["b"]])
      assert.deepStrictEqual((yield* rowsOf("SELECT v FROM t WHERE id = $1 LIMIT $2", [2, 1])).rows, [["b"]])
      assert.deepStrictEqual((yield* rowsOf("SELECT id FROM t WHERE v = $1", [1])).rows, [])
      assert.strictEqual((yield* refusal("SELECT $1::int", [])).reason, "QueryInvalid")
      assert.strictEqual((yield* refusal("SELECT $1::int", ["x"])).reason, "QueryInvalid")
    }))

  within(
    "limit - 10^6 rows, long values and many columns are bounded, and the result says so",
    () =>
      Effect.gen(function*() {
        const many = yield* rowsOf("SELECT n FROM generate_series(1, 1000000) AS n", [], 200)
        assert.deepStrictEqual([many.rows.length, many.rows[199], many.more_rows], [200, [200], true])
        const exact = yield* rowsOf("SELECT n FROM generate_series(1, 200) AS n", [], 200)
        assert.deepStrictEqual([exact.rows.length, exact.more_rows], [200, undefined])
        const long = yield* rowsOf("SELECT repeat('😀', 10000000), 'a'")
        const emoji = String(long.rows[0]?.[0])
        assert.deepStrictEqual([Array.from(emoji).length, emoji.slice(-3), emoji.isWellFormed()], [1001, "😀…", true])
        assert.include(long.note, "are cut")
        const wide = yield* rowsOf("SELECT repeat('é', 900), n FROM generate_series(1, 1000000) AS n", [], 200)
        assert.isAtMost(new TextEncoder().encode(JSON.stringify(wide.rows)).length, 24 * 1024 + 2)
        assert.isTrue(wide.more_rows)
        const columns = yield* refusal(`SELECT ${Array.from({ length: 101 }, () => "1").join(", ")}`)
        assert.include(columns.message, "at most 100")
        assert.isAtMost((yield* rowsOf("SHOW ALL", [], 10)).rows.length, 10)
      })
  )

  within("both walls - hostile statements are refused and nothing has changed", (database) =>
    Effect.gen(function*() {
      rmSync(intruder, { force: true })
      const before = yield* stateOf(database)
      for (const sql of hostilePostgres) assert.strictEqual((yield* refusal(sql)).reason, "StatementRefused", sql)
      assert.deepStrictEqual(yield* stateOf(database), before)
      assert.isFalse(existsSync(intruder))
    }))

  // Statements that do not need the right to write: the login's rights and the classifier are the walls against these.
  const beyondTransactions =
    /pg_sleep|pg_terminate|pg_cancel|pg_reload|pg_rotate|pg_promote|pg_switch|pg_backup|pg_create_restore|advisory|COPY|lo_export|lo_import|replication|pg_logical|pg_stat_reset|CHECKPOINT|LOAD|ALTER SYSTEM|DROP DATABASE|CREATE DATABASE/i

  within(
    "transaction alone - not classified, as a superuser: nothing has changed",
    (database) =>
      Effect.scoped(Effect.gen(function*() {
        const before = yield* stateOf(database)
        const read = yield* reader({ url: urlOf(database), statementTimeout: Duration.seconds(2) })
        const statements = [
          ...hostilePostgres.filter((sql) => !beyondTransactions.test(sql)),
          "SET TRANSACTION READ WRITE",
          "COMMIT AND CHAIN"
        ]
        let failed = 0
        for (const sql of statements) {
          const exit = yield* Effect.exit(read((connection) => connection.queryValues(sql, [], false)))
          if (Exit.isFailure(exit)) failed++
        }
        assert.isAtLeast(statements.length, 100)
        assert.isAbove(failed, 90)
        assert.deepStrictEqual(yield* stateOf(database), before)
        // a transaction that is made writable after its first snapshot is not
        const exit = yield* Effect.exit(read((connection) =>
          connection.query("SET TRANSACTION READ WRITE", [], false).pipe(
            Effect.andThen(connection.query("DELETE FROM t", [], false))
          )
        ))
        assert.isTrue(Exit.isFailure(exit))
        // what it settles for itself is gone with it
        const settled = yield* read((connection) =>
          connection.query("SET default_transaction_read_only = off", [], false).pipe(
            Effect.andThen(connection.query("SET application_name = 'intruder'", [], false))
          )
        ).pipe(Effect.andThen(read((connection) =>
          connection.queryValues("SHOW application_name", [], false)
        )))
        assert.deepStrictEqual(settled, [["volley"]])
        process.stderr.write(
          `PostgreSQL: ${statements.length} statements in the transaction alone, ${failed} refused, nothing changed\n`
        )
      }))
  )

  within("timeout - the server stops a long statement in time", (database) =>
    Effect.gen(function*() {
      const [duration, failure] = yield* Effect.timed(refusal(endless))
      assert.strictEqual(failure.reason, "StatementTimedOut")
      assert.isBelow(Duration.toMillis(duration), 2000)
      assert.deepStrictEqual((yield* activity(database)).filter(([state]) => state === "active"), [])
      assert.deepStrictEqual((yield* rowsOf("SELECT 1")).rows, [[1]])
      process.stderr.write(`PostgreSQL: a statement without end stopped after ${Duration.toMillis(duration)} ms\n`)
    }), { statementTimeout: "500 millis" })

  within(
    "interruption - cancels the statement on the server and gives the connection back",
    (database) =>
      Effect.gen(function*() {
        const isActive = Effect.map(activity(database), (rows) => rows.some(([state]) => state === "active"))
        const until = (wanted: boolean) =>
          isActive.pipe(
            Effect.filterOrFail((active) => active === wanted),
            Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 200 })
          )
        // more often than there are connections
        for (let i = 0; i < 6; i++) {
          const fiber = yield* Effect.forkChild(query(endless))
          yield* until(true)
          yield* Fiber.interrupt(fiber)
          yield* until(false)
        }
        assert.deepStrictEqual((yield* rowsOf("SELECT 1")).rows, [[1]])
      }),
    { statementTimeout: "25 seconds" }
  )

  it.live("scope - connections are closed with the layer", () =>
    Effect.scoped(Effect.gen(function*() {
      const name = yield* database
      yield* Effect.provide(
        Effect.gen(function*() {
          yield* Effect.forEach([1, 2, 3], () => rowsOf("SELECT count(*) FROM generate_series(1, 300000)"), {
            concurrency: 3
          })
          assert.isAbove((yield* activity(name)).length, 0)
        }),
        Sql.layerPostgres({ url: urlOf(name) })
      )
      yield* Effect.repeat(activity(name), {
        until: (rows) => rows.length === 0,
        schedule: Schedule.spaced("20 millis"),
        times: 100
      })
      assert.deepStrictEqual(yield* activity(name), [])
    })), 60_000)

  within("sql_schema - tables, views, columns, keys, indexes, comments", (database) =>
    Effect.gen(function*() {
      yield* run(database, "ANALYZE t")
      const of = (parameters: { readonly schema?: string; readonly table?: string }) =>
        Effect.map(Dispatcher.call(Sql.SqlSchema, parameters), ({ result }) => result as Tables)
      const all = yield* of({})
      assert.strictEqual(all.dialect, "postgresql")
      assert.deepStrictEqual(all.tables.map(({ kind, name }) => [name, kind]), [
        ["public.hidden", "table"],
        ["public.lines", "table"],
        ["public.m", "materialized view"],
        ["public.shop", "view"],
        ["public.t", "table"],
        ["sales.\"Big Orders\"", "table"]
      ])
      assert.deepStrictEqual((yield* of({ table: "lin*" })).tables, [{
        name: "public.lines",
        kind: "table",
        comment: "Lines of an order",
        columns: [
          { name: "t", type: "integer", not_null: true },
          { name: "line", type: "integer", not_null: true, default: "7" },
          { name: "price", type: "numeric(10,2)" }
        ],
        keys: ["PRIMARY KEY (t, line)", "FOREIGN KEY (t) REFERENCES t(id)"],
        indexes: ["CREATE UNIQUE INDEX lines_pkey ON public.lines USING btree (t, line)"]
      }])
      assert.strictEqual((yield* of({ table: "t" })).tables[0]?.rows, 3)
      assert.deepStrictEqual((yield* of({ schema: "sal*" })).tables.map(({ name }) => name), ["sales.\"Big Orders\""])
      assert.isAbove((yield* of({ schema: "pg_catalog", table: "pg_*" })).others?.length ?? 0, 50)
      assert.strictEqual((yield* of({ table: "l%" })).note, "no table matches")
      assert.strictEqual((yield* of({ table: "'; DROP TABLE t; --" })).note, "no table matches")
      yield* Effect.provide(
        Effect.gen(function*() {
          assert.deepStrictEqual((yield* of({})).tables.map(({ name }) => name), ["public.t"])
          assert.deepStrictEqual((yield* refusal("SELECT * FROM hidden")).reason, "AccessDenied")
        }),
        Sql.layerPostgres({ url: urlOf(database, database) })
      )
    }))

  it.live("secrets - those of the URL are in no failure, whatever fails", () =>
    Effect.scoped(Effect.gen(function*() {
      const name = yield* database
      const url = urlOf(name)
      const failing: ReadonlyArray<readonly [url: string, reason: string]> = [
        [Redacted.value(url).replace(":5432", ":1"), "Unavailable"],
        [Redacted.value(url).replace("127.0.0.1", "volley.invalid"), "Unavailable"],
        [Redacted.value(urlOf("volley_no_such_database")), "LoginRefused"],
        [Redacted.value(urlOf(name, "volley_no_such_role")), "LoginRefused"],
        [`${Redacted.value(url)}?sslmode=require`, "Unavailable"]
      ]
      let sinks = 0
      for (const [url, reason] of failing) {
        const redactor = Redactor.make()
        const exit = yield* Effect.exit(query("SELECT 1")).pipe(
          Effect.provide(Sql.layerPostgres({ url: Redacted.make(url) })),
          Effect.provideService(Redactor.current, redactor)
        )
        const said = `${JSON.stringify(exit)}${String(exit)}`
        assert.include(said, reason)
        for (const secret of ["canary", "8f3a", "volley.invalid", name]) {
          sinks++
          assert.notInclude(said, secret, reason)
        }
        assert.notInclude(redactor.redact(`${url} ${password}`), "canary")
      }
      for (
        const text of [
          "mysql://u:canary-8f3a@h/d",
          "canary-8f3a",
          "postgres://u:canary-8f3a@h:99999/d",
          "postgres://u:%zz@h/d"
        ]
      ) {
        const error = yield* Effect.flip(Layer.build(Sql.layerPostgres({ url: Redacted.make(text) })))
        assert.strictEqual(error._tag, "UrlUnusable")
        assert.notInclude(`${error.message}${JSON.stringify(error)}${error.stack}`, "canary")
      }
      assert.isAtLeast(sinks, 20)
    })), 60_000)

  within(
    "Agent.make - takes the toolkit",
    () => Effect.sync(() => void Agent.make("analyst", { instructions: "", tools: [Sql.toolkit] }))
  )
})
