import { Dispatcher, type ToolFailure } from "@volley/core"
import type { Config, Effect, FileSystem, Layer, Path } from "effect"
import type { Tool } from "effect/ai"
import { describe, expectTypeOf, it } from "vitest"
import { Sql } from "../../src/sql/index.ts"

type Tools = typeof Sql.toolkit.tools

describe("Sql", () => {
  it("failures - a refused login alone ends the run", () => {
    expectTypeOf<ToolFailure.Fatal<Tool.Failure<Tools["sql_query"]>>>().toEqualTypeOf<Sql.LoginRefused>()
    const call = () => Dispatcher.call(Sql.SqlQuery, { sql: "SELECT 1" })
    expectTypeOf<Effect.Error<ReturnType<typeof call>>>().toEqualTypeOf<Sql.LoginRefused>()
  })

  it("layers - say what they need and how building them fails", () => {
    type Handlers = Tool.HandlersFor<Tools>
    type Platform = FileSystem.FileSystem | Path.Path
    expectTypeOf<ReturnType<typeof Sql.layerPostgres>>().toEqualTypeOf<
      Layer.Layer<Handlers, Sql.PackageMissing | Sql.UrlUnusable>
    >()
    expectTypeOf<ReturnType<typeof Sql.layerSqlite>>().toEqualTypeOf<
      Layer.Layer<Handlers, Sql.FileUnusable, Platform>
    >()
    expectTypeOf<typeof Sql.layerFromEnv>().toEqualTypeOf<
      Layer.Layer<Handlers, Sql.PackageMissing | Sql.UrlUnusable | Sql.FileUnusable | Config.ConfigError, Platform>
    >()
  })

  it("parameters - the statement alone is required, values are what JSON has", () => {
    expectTypeOf<{ readonly sql: string }>().toExtend<Tool.ParametersEncoded<Tools["sql_query"]>>()
    expectTypeOf<{ readonly sql: string; readonly parameters: ReadonlyArray<Date> }>().not.toExtend<
      Tool.ParametersEncoded<Tools["sql_query"]>
    >()
  })
})
