import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Dispatcher } from "@volley/core"
import { ConfigProvider, Effect, Fiber, FileSystem, Layer, Option, Result, Schedule } from "effect"
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { Sql } from "../../src/sql/index.ts"
import { answer, open } from "../../src/sql/internal/sqliteStatement.ts"
import { hostileSqlite } from "./statements.ts"

type Result = typeof Sql.SqlQuery.successSchema.Type
type Tables = typeof Sql.SqlSchema.successSchema.Type

const query = (sql: string, parameters?: ReadonlyArray<string | number | boolean | null>, limit?: number) =>
  Dispatcher.call(Sql.SqlQuery, {
    sql,
    ...(parameters === undefined ? {} : { parameters }),
    ...(limit === undefined ? {} : { limit })
  })

const rowsOf = (...args: Parameters<typeof query>) =>
  Effect.map(query(...args), ({ ok, result }) => {
    assert.isTrue(ok, JSON.stringify(result))
    return result as Result
  })

const refusal = (...args: Parameters<typeof query>) =>
  Effect.map(query(...args), ({ attempts, failure, ok }) => {
    assert.isFalse(ok, JSON.stringify(args))
    assert.isAtMost(attempts, 1)
    return failure!
  })

const schema = `
  CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT);
  CREATE INDEX by_v ON t (v);
  CREATE VIEW view AS SELECT id FROM t;
  INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL);
`

/** A directory with `data.db` of this content; gives its path. */
const made = Effect.fnUntraced(function*(sql: string = schema) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
  const file = `${directory}/data.db`
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
  return { directory, file }
})

const within = <A, E, R>(
  test: (place: { readonly directory: string; readonly file: string }) => Effect.Effect<A, E, R>,
  options: { readonly sql?: string; readonly statementTimeout?: number } = {}
) =>
  Effect.gen(function*() {
    const place = yield* made(options.sql)
    return yield* Effect.provide(
      test(place),
      Sql.layerSqlite({
        file: place.file,
        ...(options.statementTimeout === undefined ? {} : { statementTimeout: options.statementTimeout })
      })
    )
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

/** Files that a statement would make are looked for beside the database. */
const hostileIn = (directory: string): ReadonlyArray<string> =>
  hostileSqlite.map((sql) => sql.replace("intruder.db", `${directory}/intruder.db`))

const stateOf = ({ directory, file }: { readonly directory: string; readonly file: string }) => ({
  entries: readdirSync(directory),
  sha: createHash("sha256").update(readFileSync(file)).digest("hex")
})

/** The processes that read a file, by the command lines of Linux. */
const readersOf = (file: string): ReadonlyArray<number> =>
  readdirSync("/proc").filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(file)
    } catch {
      return false
    }
  }).map(Number)

const endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"

describe("sql_query on SQLite", () => {
  it.effect("result - columns, and values that JSON holds exactly or as text", () =>
    within(() =>
      Effect.gen(function*() {
        const result = yield* rowsOf(
          "SELECT 1 AS one, 1.5, NULL, 'é😀', 9007199254740991, 9007199254740992, -9223372036854775808, x'00ff', 1e999, -1e999, 1 AS one"
        )
        assert.deepStrictEqual(result.rows, [
          [
            1,
            1.5,
            null,
            "é😀",
            9007199254740991,
            "9007199254740992",
            "-9223372036854775808",
            "\\x00ff",
            "Infinity",
            "-Infinity",
            1
          ]
        ])
        assert.deepStrictEqual(result.columns.filter(({ name }) => name === "one").length, 2)
        assert.deepStrictEqual((yield* rowsOf("SELECT id, v FROM t WHERE 0")).columns, [
          { name: "id", type: "INTEGER" },
          { name: "v", type: "TEXT" }
        ])
      })
    ))

  it.effect("parameters - bound, never read as SQL", () =>
    within(() =>
      Effect.gen(function*() {
        const text = "'; DELETE FROM t; --"
        assert.deepStrictEqual((yield* rowsOf("SELECT $1, $2, $3, $4, $1", [text, 2.5, true, null])).rows, [
          [text, 2.5, 1, null, text]
        ])
        assert.deepStrictEqual((yield* rowsOf("SELECT v FROM t WHERE id = $1 -- $2", [2])).rows, [["b"]])
        assert.deepStrictEqual((yield* rowsOf("SELECT '$2', \"v\" FROM t WHERE id = $1", [2])).rows, [["$2", "b"]])
        const missing = yield* refusal("SELECT $1, $2", [1])
        assert.match(missing.message, /placeholder \$2 has no parameter/)
        assert.match((yield* refusal("SELECT ?", [1])).message, /placeholder \? has no parameter/)
        assert.match((yield* refusal("SELECT :a", [])).message, /placeholder :a has no parameter/)
        assert.match((yield* refusal("SELECT $1", [1, 2])).message, /parameter \$2 is not used/)
      })
    ))

  it.effect("limit - rows, characters and bytes are bounded, and the result says so", () =>
    within(() =>
      Effect.gen(function*() {
        const numbers = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 1000000) SELECT n"
        const many = yield* rowsOf(`${numbers} FROM c`)
        assert.deepStrictEqual([many.rows.length, many.more_rows], [100, true])
        assert.include(many.note, "only the first 100 rows")
        const three = yield* rowsOf("SELECT id FROM t ORDER BY id", [], 3)
        assert.deepStrictEqual([three.rows, three.more_rows, three.note], [[[1], [2], [3]], undefined, undefined])
        assert.isTrue((yield* rowsOf("SELECT id FROM t", [], 2)).more_rows)

        const long = yield* rowsOf("SELECT replace(hex(zeroblob(50000)), '0', '😀'), zeroblob(5000), 'a'")
        const [emoji, blob] = long.rows[0] as [string, string]
        assert.deepStrictEqual([Array.from(emoji).length, emoji.slice(-3)], [1001, "😀…"])
        assert.deepStrictEqual([blob.length, emoji.isWellFormed()], [1001, true])
        assert.include(long.note, "are cut")

        const wide = yield* rowsOf(`${numbers}, replace(hex(zeroblob(450)), '0', 'é') FROM c`, [], 200)
        const size = new TextEncoder().encode(JSON.stringify(wide.rows)).length
        assert.isAbove(size, 20_000)
        assert.isAtMost(size, 24 * 1024 + 2)
        assert.isTrue(wide.more_rows)
        const columns = yield* refusal(`SELECT ${Array.from({ length: 101 }, () => "1").join(", ")}`)
        assert.include(columns.message, "at most 100")
      })
    ))

  it.effect("arguments - empty, too long, with NUL, limit out of range", () =>
    within(() =>
      Effect.gen(function*() {
        for (const sql of ["", " \n", "SELECT '\0'", `SELECT ${"1".repeat(8000)}`]) {
          assert.strictEqual((yield* refusal(sql)).reason, "InvalidArguments")
        }
        for (const limit of [0, 201, 1.5]) {
          assert.strictEqual((yield* refusal("SELECT 1", [], limit)).reason, "InvalidArguments")
        }
        assert.strictEqual((yield* refusal("SELECT $1", ["a\0"])).reason, "InvalidArguments")
      })
    ))

  it.effect("a wrong statement is told with the database's own words, once", () =>
    within(() =>
      Effect.gen(function*() {
        for (const sql of ["SELEC 1", "SELECT * FROM nope", "SELECT nope FROM t", "SELECT 'a", "SELECT json('{')"]) {
          const failure = yield* refusal(sql)
          assert.strictEqual(failure.reason, "QueryInvalid", sql)
        }
        assert.include((yield* refusal("SELECT * FROM nope")).message, "no such table: nope")
      })
    ))
})

describe("the two walls of SQLite", () => {
  const request = (sql: string) => ({ sql, parameters: [], limit: 10, maxLength: 100, maxColumns: 100 })

  it.effect("classifier alone - on a file that could be written, every hostile statement is refused", () =>
    Effect.gen(function*() {
      const place = yield* made()
      const before = stateOf(place)
      const database = new DatabaseSync(place.file, { readBigInts: true, returnArrays: true })
      for (const sql of hostileIn(place.directory)) {
        const { kind } = answer(database, request(sql))
        // a function that is not compiled in cannot be called either
        assert.include(["refused", "invalid"], kind, sql)
      }
      assert.strictEqual(answer(database, request("SELECT 1; -- done")).kind, "rows")
      database.close()
      assert.deepStrictEqual(stateOf(place), before)
      process.stderr.write(`SQLite: ${hostileSqlite.length} hostile statements refused by the classifier alone\n`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("file alone - not classified, no hostile statement changes a file or makes one", () =>
    Effect.gen(function*() {
      const place = yield* made()
      const before = stateOf(place)
      let failed = 0
      for (const sql of hostileIn(place.directory)) {
        const database = open(place.file)
        const ran = Result.try(() => database.exec(sql))
        if (Result.isFailure(ran)) failed++
        database.close()
        assert.deepStrictEqual(stateOf(place), before, sql)
      }
      assert.isAbove(failed, 50)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("together - refused as not reading, and the file is as it was", () =>
    within((place) =>
      Effect.gen(function*() {
        const before = stateOf(place)
        for (const sql of hostileIn(place.directory)) {
          assert.include(["StatementRefused", "QueryInvalid"], (yield* refusal(sql)).reason, sql)
        }
        assert.strictEqual((yield* refusal("DELETE FROM t")).reason, "StatementRefused")
        assert.include((yield* refusal("SELECT 1; SELECT 2")).message, "there are several")
        assert.deepStrictEqual(stateOf(place), before)
      })
    ))
})

describe("the process of SQLite", () => {
  // Real time: another process computes.
  it.live("timeout - an endless statement is stopped, its process gone, and the next one is answered", () =>
    within(({ file }) =>
      Effect.gen(function*() {
        const [before] = readersOf(file)
        const failure = yield* refusal(endless)
        assert.deepStrictEqual([failure.reason, failure.message], [
          "StatementTimedOut",
          "The statement took longer than 0.3 s and was stopped; select less"
        ])
        assert.notInclude(readersOf(file), before)
        assert.deepStrictEqual((yield* rowsOf("SELECT 1")).rows, [[1]])
        assert.strictEqual(readersOf(file).length, 1)
      }), { statementTimeout: 300 }))

  it.live("interruption - stops the statement; nothing is left when the layer is gone", () =>
    Effect.gen(function*() {
      const file = yield* within(({ file }) =>
        Effect.gen(function*() {
          const [before] = readersOf(file)
          const fiber = yield* Effect.forkChild(query(endless))
          // it has begun when its process has computed for a tenth of a second
          const stat = () => Number(readFileSync(`/proc/${before}/stat`, "utf8").split(" ")[13])
          const start = stat()
          yield* Effect.sync(() => stat() > start + 10).pipe(
            Effect.filterOrFail((began) => began),
            Effect.retry(Schedule.spaced("20 millis"))
          )
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(readersOf(file), [])
          assert.deepStrictEqual((yield* rowsOf("SELECT 1")).rows, [[1]])
          return file
        })
      )
      assert.deepStrictEqual(readersOf(file), [])
    }))

  it.live("its end - is a failure for now, and the next statement has another process", () =>
    within(({ file }) =>
      Effect.gen(function*() {
        for (const pid of readersOf(file)) process.kill(pid, "SIGKILL")
        const { attempts, ok, result } = yield* query("SELECT 1")
        assert.deepStrictEqual([ok, (result as Result).rows], [true, [[1]]], `${attempts}`)
      })
    ))

  it.live("the end of its parent - ends it too, although a statement runs", () =>
    Effect.gen(function*() {
      const { file } = yield* made()
      const script = new URL("../../src/sql/internal/sqliteProcess.ts", import.meta.url).pathname
      const request = { sql: endless, parameters: [], limit: 1, maxLength: 10, maxColumns: 1 }
      const program = `const child = require("node:child_process").fork(${JSON.stringify(script)}, [${
        JSON.stringify(file)
      }], { serialization: "advanced" })
        child.once("message", () => { child.send(${JSON.stringify(request)}); process.stdout.write("sent") })`
      const parent = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "ignore"] })
      yield* Effect.callback<void>((resume) => void parent.stdout.once("data", () => resume(Effect.void)))
      assert.strictEqual(readersOf(file).length, 1)
      parent.kill("SIGKILL")
      const left = yield* Effect.sync(() => readersOf(file).length).pipe(
        Effect.repeat({ until: (count) => count === 0, schedule: Schedule.spaced("50 millis"), times: 100 })
      )
      assert.strictEqual(readersOf(file).length, 0, `${left}`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("statements - one after another, each with its own answer", () =>
    within(() =>
      Effect.gen(function*() {
        const all = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], (n) => rowsOf("SELECT $1", [n]), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(all.map(({ rows }) => rows), [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [[n]]))
      })
    ))
})

describe("sql_schema on SQLite", () => {
  const tables = (parameters: { readonly table?: string } = {}) =>
    Effect.map(Dispatcher.call(Sql.SqlSchema, parameters), ({ result }) => result as Tables)

  it.effect("tables, views, columns, keys, indexes and about how many rows", () =>
    within(() =>
      Effect.gen(function*() {
        const result = yield* tables()
        assert.strictEqual(result.dialect, "sqlite")
        assert.deepStrictEqual(result.tables.map(({ name }) => name), ["customers", "order lines", "plain", "shop"])
        assert.deepStrictEqual(result.tables[1], {
          name: "order lines",
          kind: "table",
          rows: 2,
          columns: [
            { name: "order", type: "INTEGER", not_null: true },
            { name: "line", type: "INTEGER", not_null: true },
            { name: "customer", type: "INTEGER" },
            { name: "price", type: "NUMERIC", default: "1.5" }
          ],
          keys: ["PRIMARY KEY (order, line)", "UNIQUE (customer)", "FOREIGN KEY (customer) REFERENCES customers(id)"],
          indexes: ["CREATE INDEX by_price ON \"order lines\" (price)"]
        })
        assert.strictEqual(result.tables[2]?.rows, undefined)
        assert.deepStrictEqual([result.tables[3]?.kind, result.tables[3]?.rows], ["view", undefined])
        assert.deepStrictEqual((yield* tables({ table: "c*" })).tables.map(({ name }) => name), ["customers"])
        assert.deepStrictEqual((yield* tables({ table: "c%" })).note, "no table matches")
      }), {
      sql: `
        CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE "order lines" ("order" INTEGER NOT NULL, line INTEGER NOT NULL, customer INTEGER UNIQUE
          REFERENCES customers(id), price NUMERIC DEFAULT 1.5, PRIMARY KEY ("order", line));
        CREATE INDEX by_price ON "order lines" (price);
        INSERT INTO "order lines" VALUES (1, 1, NULL, 1), (1, 2, NULL, 1);
        CREATE TABLE plain (k TEXT PRIMARY KEY) WITHOUT ROWID;
        CREATE VIEW shop AS SELECT * FROM customers;
      `
    }))

  it.effect("many tables - twenty are described, two hundred named, the rest counted", () =>
    within(() =>
      Effect.gen(function*() {
        const result = yield* tables()
        assert.deepStrictEqual([result.tables.length, result.others?.length, result.not_listed], [20, 200, 80])
        assert.strictEqual(result.tables[0]?.name, "t000")
        assert.strictEqual(result.others?.[0], "t020")
      }), {
      sql: Array.from({ length: 300 }, (_, i) => `CREATE TABLE t${String(i).padStart(3, "0")} (id);`).join("")
    }))

  it.effect("wide tables - stay within 24 KiB", () =>
    within(() =>
      Effect.gen(function*() {
        const result = yield* tables()
        assert.isAtMost(JSON.stringify(result.tables).length, 25 * 1024)
        assert.strictEqual(result.tables.length + (result.others?.length ?? 0), 12)
        assert.isAbove(result.others?.length ?? 0, 0)
      }), {
      sql: Array.from(
        { length: 12 },
        (_, i) =>
          `CREATE TABLE w${i} (${
            Array.from({ length: 90 }, (_, c) => `a_rather_long_name_of_a_column_${c} TEXT`).join(",")
          });`
      ).join("")
    }))
})

describe("layers of SQLite", () => {
  const built = (file: string) =>
    Effect.exit(Effect.scoped(Layer.build(Sql.layerSqlite({ file })))).pipe(
      Effect.map((exit) =>
        exit._tag === "Success"
          ? undefined
          : Option.getOrUndefined(
            exit.cause.reasons[0]?._tag === "Fail" ? Option.some(exit.cause.reasons[0].error) : Option.none()
          )
      )
    )

  it.effect("FileUnusable - says what is wrong with the file", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${directory}/text`, "x".repeat(5000))
      const reasonOf = (file: string) => Effect.map(built(file), (error) => error?.reason)
      assert.strictEqual(yield* reasonOf(`${directory}/none.db`), "NotFound")
      assert.strictEqual(yield* reasonOf(`${directory}/text`), "NotADatabase")
      assert.strictEqual(yield* reasonOf(directory), "Unreadable")
      assert.include((yield* built(`${directory}/none.db`))?.message, "does not exist")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("a file with a write-ahead log is read too", () =>
    within(() => Effect.map(rowsOf("SELECT count(*) FROM t"), ({ rows }) => assert.deepStrictEqual(rows, [[3]])), {
      sql: `PRAGMA journal_mode = WAL; ${schema}`
    }))

  it.effect("layerFromEnv - reads sqlite: in its forms; another URL is refused and not shown", () =>
    Effect.gen(function*() {
      const { file } = yield* made()
      const use = (url: string) =>
        Effect.provide(
          Effect.map(query("SELECT count(*) FROM t"), ({ result }) => (result as Result).rows),
          Layer.provide(Sql.layerFromEnv, ConfigProvider.layer(ConfigProvider.fromUnknown({ DATABASE_URL: url })))
        )
      assert.deepStrictEqual(yield* use(`sqlite:${file}`), [[3]])
      assert.deepStrictEqual(yield* use(`sqlite://${file}`), [[3]])
      const error = yield* Effect.flip(use("mysql://root:canary-4711@localhost/shop"))
      assert.strictEqual(error._tag, "UrlUnusable")
      assert.notInclude(`${error.message}${JSON.stringify(error)}`, "canary")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
