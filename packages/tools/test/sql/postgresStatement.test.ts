import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { loadModule, parseSync } from "libpg-query"
import { classify } from "../../src/sql/internal/postgresStatement.ts"
import { hostilePostgres, readingPostgres } from "./statements.ts"

const times = process.env["VOLLEY_LONG"] === "1" ? 20 : 3

await loadModule()
const of = (sql: string) => classify(parseSync, sql)

describe("classify - the wall of the statement, alone", () => {
  it("refuses every hostile statement", () => {
    for (const sql of hostilePostgres) {
      const result = of(sql)
      assert.isTrue(Result.isFailure(result), sql)
      if (Result.isFailure(result)) assert.strictEqual(result.failure._tag, "StatementRefused", sql)
    }
    assert.isAtLeast(hostilePostgres.length, 100)
    process.stderr.write(`PostgreSQL: ${hostilePostgres.length} hostile statements refused by the classifier alone\n`)
  })

  it("lets every statement that reads pass", () => {
    for (const sql of readingPostgres) assert.isTrue(Result.isSuccess(of(sql)), sql)
  })

  it("gives the statement without its semicolon and what follows, also after characters of several bytes", () => {
    const textOf = (sql: string) => Result.getOrThrow(of(sql)).text.trim()
    assert.strictEqual(textOf("SELECT 'é😀;' ; -- end"), "SELECT 'é😀;'")
    assert.strictEqual(textOf("  /* é */ SELECT 1;"), "SELECT 1")
    assert.strictEqual(textOf("SELECT 1 -- é"), "SELECT 1 -- é")
  })

  it("says what cannot be parsed, deep nesting and the longest statements too, and goes on", () => {
    const wrong = ["SELEC 1", "SELECT (", "SELECT 'a", "SELECT $$a", `SELECT ${"(".repeat(7990)}`, "\ud800"]
    for (const sql of wrong) {
      const result = of(sql)
      assert.isTrue(Result.isFailure(result), sql)
      if (Result.isFailure(result)) assert.strictEqual(result.failure._tag, "QueryInvalid")
    }
    const deep = [
      `SELECT 1${"+1".repeat(3990)}`,
      `SELECT ${"(SELECT ".repeat(880)}1${")".repeat(880)}`,
      `SELECT ${"NOT ".repeat(1990)}true`,
      `SELECT ${"- ".repeat(3990)}1`,
      `SELECT 1${"::int".repeat(1590)}`,
      `SELECT a${"[1]".repeat(2650)}`,
      `SELECT 1${" UNION SELECT 1".repeat(530)}`
    ]
    for (const sql of deep) {
      assert.isAtMost(sql.length, 8000)
      for (let i = 0; i < times; i++) of(sql)
      assert.isTrue(Result.isSuccess(of("SELECT 1")), sql.slice(0, 20))
    }
    const nested = of(`SELECT ${"(SELECT ".repeat(800)}pg_sleep(1)${")".repeat(800)}`)
    assert.isTrue(Result.isFailure(nested))
  })
})
