/**
 * Whether a statement of PostgreSQL only reads, by its parse tree: one wall of two. The other is the transaction.
 *
 * **Details**
 *
 * Nodes that are statements are refused wherever they stand, unless they are known to read; so a kind of statement that
 * a later grammar adds is refused too. Functions and relations are refused by name. What a view, an operator or a
 * function does inside cannot be seen here.
 *
 * @internal
 */
import * as Result from "effect/Result"
import type * as Parser from "libpg-query"
import { QueryInvalid, StatementRefused } from "../SqlError.ts"

/** @internal */
export interface Statement {
  /** Without a semicolon at its end. */
  readonly text: string
  /** Whether it can stand in a `FROM` clause. */
  readonly isSelect: boolean
}

/** Functions that change, wait, read files, reach other servers, or execute a text: none of them reads a table. */
const functions = new RegExp(
  `^(?:${
    [
      "pg_(?:read|ls|file|stat_file|logdir|write)(?:_\\w+)?",
      "pg_sleep\\w*",
      "dblink\\w*",
      "postgres_fdw_disconnect\\w*",
      "https?(?:_\\w+)?",
      "lo_\\w+|loread|lowrite|lo",
      "set_config|setval|nextval|setseed",
      "pg_(?:terminate|cancel)_backend|pg_signal_\\w+",
      "pg_reload_conf|pg_rotate_logfile\\w*|pg_promote|pg_log_\\w+",
      "pg_(?:try_)?advisory_\\w+",
      "pg_notify|pg_listening_channels|pg_notification_queue_usage",
      "pg_(?:create|drop|copy|alter|sync)_\\w+",
      "pg_replication_\\w+|pg_logical_\\w+",
      "pg_(?:switch|wal|xlog)_\\w+|pg_get_wal_\\w+|pg_walfile_\\w+",
      "pg_(?:backup_start|backup_stop|start_backup|stop_backup|export_snapshot|extension_config_dump)",
      "pg_stat_(?:reset|force|clear|statements_reset)\\w*|pg_stat_statements_reset",
      "pg_(?:restore|clear|set)_\\w+",
      "pg_import_system_collations|pg_nextoid|pg_stop_making_pinned_objects|binary_upgrade_\\w+",
      "pg_prewarm|autoprewarm_\\w+|pg_buffercache_\\w+|pg_truncate_visibility_map|heap_force_\\w+",
      "brin_(?:de)?summarize_\\w+|gin_clean_pending_list",
      "txid_current|pg_current_xact_id",
      "(?:query|cursor|table|schema|database)_to_xml\\w*",
      "ts_stat|ts_rewrite|crosstab\\w*|connectby|xpath_table",
      "plpgsql_call_handler|plpgsql_inline_handler"
    ].join("|")
  })$`
)

/** Schemas of extensions whose functions reach beyond the database. */
const schemas: ReadonlySet<string> = new Set(["aws_commons", "aws_lambda", "aws_s3", "cron", "net", "partman", "pgq"])

/** Relations of the system that hold secrets, or files of the server. */
const relations: ReadonlySet<string> = new Set([
  "pg_authid",
  "pg_shadow",
  "pg_user_mapping",
  "pg_user_mappings",
  "user_mapping_options",
  "_pg_user_mappings",
  "pg_subscription",
  "pg_largeobject",
  "pg_hba_file_rules",
  "pg_ident_file_mappings",
  "pg_file_settings",
  "pg_statistic"
])

const readable: ReadonlySet<string> = new Set(["SelectStmt", "ExplainStmt", "VariableShowStmt"])

/** `DeleteStmt` as `DELETE`, `CreateTableAsStmt` as `CREATE TABLE AS`. */
const nameOf = (node: string): string =>
  node.slice(0, -"Stmt".length).replace(/(?<=[a-z])(?=[A-Z])/g, " ").toUpperCase()

const namesIn = (list: unknown): ReadonlyArray<string> =>
  (Array.isArray(list) ? list : []).map((name: { readonly String?: { readonly sval?: string } }) =>
    name.String?.sval ?? ""
  )

type Node = { readonly [key: string]: unknown }

/** Why a node is refused, whatever is in it. */
const refusedNode = (kind: string, node: Node): string | undefined => {
  if (kind.endsWith("Stmt") && !readable.has(kind)) return `${nameOf(kind)} does not read`
  if (kind === "intoClause") return "SELECT INTO makes a table"
  if (kind === "lockingClause" || kind === "LockingClause") return "FOR UPDATE and FOR SHARE lock rows"
  if ("funcname" in node) {
    const names = namesIn(node["funcname"])
    const name = names.at(-1) ?? ""
    const isRefused = functions.test(name) || names.slice(0, -1).some((schema) => schemas.has(schema))
    return isRefused ? `the function ${names.join(".")} is not allowed` : undefined
  }
  if (relations.has(String(node["relname"]))) return `the relation ${String(node["relname"])} is not allowed`
  if (kind === "DefElem" && String(node["defname"]).toLowerCase() === "analyze") {
    return "EXPLAIN ANALYZE executes what it explains"
  }
  return undefined
}

/** The first node that is refused; without recursion, since a tree may be deep. */
const refusedIn = (tree: unknown): string | undefined => {
  const pending: Array<unknown> = [tree]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next !== "object" || next === null) continue
    for (const [kind, node] of Object.entries(next)) {
      if (typeof node !== "object" || node === null) continue
      const refused = refusedNode(kind, node as Node)
      if (refused !== undefined) return refused
      pending.push(node)
    }
  }
  return undefined
}

const refuse = (detail: string) => Result.fail(new StatementRefused({ detail }))

/** One statement that reads; `parse` is that of `libpg-query`, loaded. @internal */
export const classify = (
  parse: typeof Parser.parseSync,
  sql: string
): Result.Result<Statement, StatementRefused | QueryInvalid> => {
  let parsed: Parser.ParseResult
  try {
    parsed = parse(sql)
  } catch (error) {
    const detail = error instanceof Error && error.name === "SqlError" ? error.message : "it cannot be parsed"
    return Result.fail(new QueryInvalid({ detail: detail.toWellFormed(), code: "42601" }))
  }
  const statements = parsed.stmts ?? []
  const only = statements[0]
  if (only?.stmt === undefined || statements.length > 1) {
    return refuse(only === undefined ? "there is none" : `there are ${statements.length}`)
  }
  const kind = Object.keys(only.stmt)[0] ?? ""
  const refused = refusedIn(only.stmt)
  if (refused !== undefined) return refuse(refused)
  if (!readable.has(kind)) return refuse("it is of an unknown kind")
  // places are in bytes
  const from = only.stmt_location ?? 0
  const bytes = new TextEncoder().encode(sql)
  const text = new TextDecoder().decode(
    bytes.subarray(from, only.stmt_len === undefined ? undefined : from + only.stmt_len)
  )
  return Result.succeed({ text, isSelect: kind === "SelectStmt" })
}
