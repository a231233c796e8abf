/**
 * A SQLite database, read in a process of its own: see `sqliteProcess.ts`.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { FileUnusable, QueryInvalid, StatementRefused, StatementTimedOut, Unavailable } from "../SqlError.ts"
import { type Database, type Filter, maxColumns, maxNames, maxValueLength, type Rows, type Table } from "./database.ts"
import type { Reply, Request } from "./sqliteStatement.ts"

const script = new URL(import.meta.url.endsWith(".ts") ? "./sqliteProcess.ts" : "./sqliteProcess.js", import.meta.url)

/** @internal */
export interface Options {
  readonly file: string
  readonly statementTimeout: Duration.Duration
}

const ended = new Unavailable({ code: "EPIPE" })

/** What the process says next; its end is a failure. */
const reply = (child: ChildProcess, request?: Request): Effect.Effect<Reply, Unavailable> =>
  Effect.callback((resume) => {
    const done = (effect: Effect.Effect<Reply, Unavailable>) => {
      child.off("message", onMessage).off("exit", onEnd).off("error", onEnd)
      resume(effect)
    }
    const onMessage = (message: unknown) => done(Effect.succeed(message as Reply))
    const onEnd = () => done(Effect.fail(ended))
    child.on("message", onMessage).on("exit", onEnd).on("error", onEnd)
    if (child.exitCode !== null || child.signalCode !== null) onEnd()
    else if (request !== undefined) child.send(request, (error) => error === null || onEnd())
    return Effect.sync(() => void child.off("message", onMessage).off("exit", onEnd).off("error", onEnd))
  })

const kill = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

const start = Effect.fnUntraced(function*(file: string, given: string) {
  const child = yield* Effect.sync(() =>
    fork(script, [file], {
      env: {},
      // the file with those that SQLite keeps beside it, and this package
      execArgv: [
        "--permission",
        "--allow-worker",
        `--allow-fs-read=${file}*`,
        `--allow-fs-read=${fileURLToPath(new URL("../../../", script))}*`,
        "--disable-warning=ExperimentalWarning",
        "--disable-warning=SecurityWarning"
      ],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"]
    })
  )
  const first = yield* Effect.onInterrupt(reply(child), () => kill(child))
  if (first.kind === "ready") return child
  yield* kill(child)
  return yield* new FileUnusable({ file: given, reason: first.kind === "unusable" ? first.reason : "Unreadable" })
})

/** Runs statements one after another, in a process that is started again after one of them had to be stopped. */
const runner = Effect.fnUntraced(function*({ file: given, statementTimeout }: Options) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = yield* Effect.mapError(
    fs.realPath(path.resolve(given)),
    ({ reason }) => new FileUnusable({ file: given, reason: reason._tag === "NotFound" ? "NotFound" : "Unreadable" })
  )
  const turn = Semaphore.makeUnsafe(1)
  let child: ChildProcess | undefined
  const stop = Effect.suspend(() => {
    const running = child
    child = undefined
    return running === undefined ? Effect.void : kill(running)
  })
  yield* Effect.addFinalizer(() => stop)
  child = yield* Effect.catchTag(
    start(file, given),
    "Unavailable",
    () => Effect.fail(new FileUnusable({ file: given, reason: "Unreadable" }))
  )

  const timedOut = new StatementTimedOut({ milliseconds: Duration.toMillis(statementTimeout) })
  const execute = Effect.fnUntraced(function*(request: Request) {
    child ??= yield* Effect.mapError(start(file, given), () => ended)
    return yield* Effect.timeoutOrElse(reply(child, request), {
      duration: statementTimeout,
      orElse: () => Effect.fail(timedOut)
    })
  })
  return (request: Request): Effect.Effect<Reply, Unavailable | StatementTimedOut> =>
    turn.withPermits(1)(Effect.onError(execute(request), () => stop))
})

const rowsOf = (reply: Reply): Effect.Effect<Rows, StatementRefused | QueryInvalid | Unavailable> => {
  switch (reply.kind) {
    case "rows":
      return Effect.succeed(reply)
    case "refused":
      return Effect.fail(new StatementRefused({ detail: reply.detail }))
    case "invalid":
      return Effect.fail(new QueryInvalid({ detail: reply.detail }))
    default:
      return Effect.fail(new Unavailable({ code: "SQLITE_BUSY" }))
  }
}

const text = `
SELECT l.name, l.type, l.type = 'table' AND l.wr = 0 AS counted,
  (SELECT json_group_array(json_object('name', c.name, 'type', c.type, 'not_null', c."notnull", 'pk', c.pk,
      'default', substr(c.dflt_value, 1, 300)))
    FROM pragma_table_xinfo(l.name) c WHERE c.hidden <> 1) AS columns,
  (SELECT json_group_array(json_object('id', k.id, 'from', k."from", 'table', k."table", 'to', k."to"))
    FROM (SELECT * FROM pragma_foreign_key_list(l.name) ORDER BY id, seq) k) AS foreign_keys,
  (SELECT json_group_array(json_object('unique', i."unique", 'origin', i.origin, 'sql', substr(s.sql, 1, 300),
      'columns', (SELECT json_group_array(x.name) FROM pragma_index_info(i.name) x)))
    FROM pragma_index_list(l.name) i LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = i.name) AS indexes
FROM pragma_table_list l
WHERE l.schema = 'main' AND l.type IN ('table', 'view', 'virtual') AND l.name NOT LIKE 'sqlite!_%' ESCAPE '!'
  AND l.name LIKE $1 ESCAPE '\\' ORDER BY l.name`

const Flag = Schema.Int
const Row = Schema.Tuple([
  Schema.String,
  Schema.String,
  Flag,
  Schema.fromJsonString(Schema.Array(Schema.Struct({
    name: Schema.String,
    type: Schema.String,
    not_null: Flag,
    pk: Schema.Int,
    default: Schema.NullOr(Schema.String)
  }))),
  Schema.fromJsonString(Schema.Array(Schema.Struct({
    id: Schema.Int,
    from: Schema.String,
    table: Schema.String,
    to: Schema.NullOr(Schema.String)
  }))),
  Schema.fromJsonString(Schema.Array(Schema.Struct({
    unique: Flag,
    origin: Schema.String,
    sql: Schema.NullOr(Schema.String),
    columns: Schema.Array(Schema.NullOr(Schema.String))
  })))
])
const decode = Schema.decodeUnknownEffect(Schema.Array(Row))

const quoted = (name: string): string => `"${name.replaceAll("\"", "\"\"")}"`

const keysOf = ([, , , columns, foreign, indexes]: typeof Row.Type): ReadonlyArray<string> => {
  const primary = columns.filter(({ pk }) => pk > 0).toSorted((left, right) => left.pk - right.pk)
  const references = Object.values(Object.groupBy(foreign, ({ id }) => id)).flatMap((parts = []) => {
    const to = parts.map(({ to }) => to).filter((name) => name !== null)
    const target = `${parts[0]?.table ?? ""}${to.length === 0 ? "" : `(${to.join(", ")})`}`
    return [`FOREIGN KEY (${parts.map(({ from }) => from).join(", ")}) REFERENCES ${target}`]
  })
  return [
    ...(primary.length === 0 ? [] : [`PRIMARY KEY (${primary.map(({ name }) => name).join(", ")})`]),
    ...indexes.filter(({ origin }) => origin === "u").map(({ columns }) => `UNIQUE (${columns.join(", ")})`),
    ...references
  ]
}

const tableOf = (row: typeof Row.Type, rows: unknown): Table => ({
  name: row[0],
  kind: row[1] === "virtual" ? "virtual table" : row[1],
  ...(typeof rows === "number" ? { rows } : {}),
  columns: row[3].slice(0, maxColumns).map(({ default: fallback, name, not_null, type }) => ({
    name,
    type,
    ...(not_null === 1 ? { not_null: true } : {}),
    ...(fallback === null ? {} : { default: fallback })
  })),
  keys: keysOf(row),
  indexes: row[5].map(({ sql }) => sql).filter((sql) => sql !== null)
})

/** @internal */
export const make = Effect.fnUntraced(function*(options: Options) {
  const run = yield* runner(options)
  const read = (sql: string, parameters: Request["parameters"], limit: number, maxLength = maxValueLength) =>
    Effect.flatMap(run({ sql, parameters, limit, maxLength, maxColumns }), rowsOf)

  /** The greatest row id is about the number of rows, and is found at once. */
  const countsOf = Effect.fnUntraced(function*(found: ReadonlyArray<typeof Row.Type>) {
    const counted = found.filter(([, , isCounted]) => isCounted === 1)
    if (counted.length === 0) return new Map<string, unknown>()
    const ids = counted.map(([name]) => `(SELECT max(rowid) FROM ${quoted(name)})`)
    const { rows } = yield* read(`SELECT ${ids.join(", ")}`, [], 1)
    return new Map(counted.map(([name], i) => [name, rows[0]?.[i] ?? 0]))
  })

  const tables = Effect.fnUntraced(function*({ limit, table }: Filter) {
    const { rows } = yield* read(text, [table], 10_000, 100_000)
    const all = yield* Effect.orDie(decode(rows))
    const shown = all.slice(0, limit)
    const counts = yield* countsOf(shown)
    return {
      tables: shown.map((row) => tableOf(row, counts.get(row[0]))),
      others: all.slice(limit, limit + maxNames).map(([name]) => name),
      total: all.length
    }
  })
  const database: Database = { dialect: "sqlite", query: read, tables }
  return database
})
