import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { afterEach, vi } from "vitest"

const url = Redacted.make("postgres://u:canary-4711@127.0.0.1/d")

const missing = (name: string) => () => {
  throw Object.assign(new Error(`Cannot find package '${name}'`), { code: "ERR_MODULE_NOT_FOUND" })
}

/** The family as it is where a package is not installed. */
const without = (module: string, name: string) =>
  Effect.gen(function*() {
    vi.resetModules()
    vi.doMock(module, missing(name))
    const { Sql } = yield* Effect.promise(() => import("../../src/sql/index.ts"))
    return Sql
  })

describe("optional packages", () => {
  afterEach(() => {
    vi.doUnmock("libpg-query")
    vi.doUnmock("@effect/sql-pg/PgPool")
  })

  for (const [module, name] of [["libpg-query", "libpg-query"], ["@effect/sql-pg/PgPool", "@effect/sql-pg"]] as const) {
    it.effect(`${name} - where it is missing the layer of PostgreSQL says so, and the family loads`, () =>
      Effect.gen(function*() {
        const Sql = yield* without(module, name)
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Sql.layerPostgres({ url }))))
        assert.strictEqual(error._tag, "PackageMissing")
        assert.strictEqual(
          error.message,
          `PostgreSQL needs the package "${name}", which cannot be loaded: npm install ${name}`
        )
      }))
  }
})
