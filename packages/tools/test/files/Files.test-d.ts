import type { FileSystem, Layer, Path } from "effect"
import type { Tool } from "effect/ai"
import { describe, expectTypeOf, it } from "vitest"
import type { Families, Files } from "../../src/index.ts"

type Tools = typeof Files.toolkit.tools
type Writable = typeof Files.writableToolkit.tools
type Readers = "read_file" | "list_files" | "glob_files" | "search_files"
type Unreachable = Files.FileNotFound | Files.OutsideRoot | Files.LinkLoop | Files.AccessDenied | Files.IoFailed

describe("Files", () => {
  it("toolkit - has the tools of the family by their names", () => {
    expectTypeOf<keyof Tools>().toEqualTypeOf<Readers>()
    expectTypeOf<keyof Writable>().toEqualTypeOf<Readers | "write_file" | "edit_file" | "move_file" | "delete_file">()
  })

  it("failures - are the declared errors of each tool", () => {
    expectTypeOf<Tool.Failure<Tools["read_file"]>>().toEqualTypeOf<Unreachable | Files.NotAFile | Files.NotText>()
    expectTypeOf<Tool.Failure<Tools["list_files"]>>().toEqualTypeOf<Unreachable | Files.NotADirectory>()
    expectTypeOf<Tool.Failure<Tools["glob_files"]>>().toEqualTypeOf<Unreachable | Files.NotADirectory>()
    expectTypeOf<Tool.Failure<Tools["search_files"]>>().toEqualTypeOf<
      Unreachable | Files.NotAFile | Files.PatternInvalid
    >()
    expectTypeOf<Tool.Failure<Writable["write_file"]>>().toEqualTypeOf<
      Unreachable | Files.Protected | Files.AlreadyExists | Files.NotAFile
    >()
    expectTypeOf<Tool.Failure<Writable["edit_file"]>>().toEqualTypeOf<
      Unreachable | Files.Protected | Files.NotAFile | Files.NotText | Files.TooLarge | Files.TextNotUnique
    >()
    expectTypeOf<Tool.Failure<Writable["move_file"]>>().toEqualTypeOf<
      Unreachable | Files.Protected | Files.AlreadyExists | Files.CannotMove
    >()
    expectTypeOf<Tool.Failure<Writable["delete_file"]>>().toEqualTypeOf<
      Unreachable | Files.Protected | Files.NotAFile
    >()
  })

  it("parameters - only the path of read_file and the query of search_files are required", () => {
    expectTypeOf<{ readonly path: string }>().toExtend<Tool.ParametersEncoded<Tools["read_file"]>>()
    expectTypeOf<{}>().toExtend<Tool.ParametersEncoded<Tools["list_files"]>>()
    expectTypeOf<{ readonly query: string }>().toExtend<Tool.ParametersEncoded<Tools["search_files"]>>()
    expectTypeOf<{}>().not.toExtend<Tool.ParametersEncoded<Tools["read_file"]>>()
    expectTypeOf<{}>().not.toExtend<Tool.ParametersEncoded<Tools["search_files"]>>()
  })

  it("layer - provides the handlers, fails with RootUnusable, needs a file system and paths", () => {
    expectTypeOf<ReturnType<typeof Files.layer>>().toEqualTypeOf<
      Layer.Layer<Tool.HandlersFor<Tools>, Files.RootUnusable, FileSystem.FileSystem | Path.Path>
    >()
  })

  it("layer - has no handlers of the tools that change", () => {
    expectTypeOf<ReturnType<typeof Files.layer>>().not.toExtend<
      Layer.Layer<Tool.HandlersFor<Writable>, Files.RootUnusable, FileSystem.FileSystem | Path.Path>
    >()
    expectTypeOf<ReturnType<typeof Files.writableLayer>>().toEqualTypeOf<
      Layer.Layer<Tool.HandlersFor<Writable>, Files.RootUnusable, FileSystem.FileSystem | Path.Path>
    >()
  })

  it("Families - keeps the type of each family", () => {
    expectTypeOf<Families.Name>().toEqualTypeOf<
      | "files"
      | "files-write"
      | "http"
      | "kubernetes"
      | "prometheus"
      | "search"
      | "shell"
      | "sql"
      | "tickets"
      | "weather"
      | "ops"
    >()
    expectTypeOf<typeof Families.all.files.toolkit>().toEqualTypeOf<typeof Files.toolkit>()
    expectTypeOf<typeof Families.all.files.layer>().toEqualTypeOf<typeof Files.layer>()
  })
})
