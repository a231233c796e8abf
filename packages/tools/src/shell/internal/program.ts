/**
 * Where programs are looked up: never below the root, in which a model may write.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"

/** @internal */
export interface Programs {
  /** The directories that are searched, as a child's `PATH`. */
  readonly path: string
  readonly find: (program: string) => Effect.Effect<Option.Option<string>>
}

/**
 * @param searched - the host's `PATH`
 * @param root - canonical path of the root
 * @internal
 */
export const make = Effect.fnUntraced(function*(
  searched: string,
  root: string
): Effect.fn.Return<Programs, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const isOutside = (canonical: string) => {
    const way = path.relative(root, canonical)
    return way === ".." || way.startsWith(`..${path.sep}`) || path.isAbsolute(way)
  }
  const outside = (host: string) => Effect.map(Effect.option(fs.realPath(host)), Option.filter(isOutside))
  const directories = yield* Effect.filter(
    searched.split(":").filter((directory) => path.isAbsolute(directory)),
    (directory) => Effect.map(outside(directory), Option.isSome)
  )
  const isProgram = (file: string) =>
    Effect.map(
      Effect.flatMap(outside(file), (canonical) =>
        Option.isNone(canonical) ? Effect.succeedNone : Effect.option(fs.stat(canonical.value))),
      Option.exists(({ mode, type }) =>
        type === "File" && (mode & 0o111) !== 0
      )
    )
  return {
    path: directories.join(":"),
    find: (program) => Effect.findFirst(directories.map((directory) => path.join(directory, program)), isProgram)
  }
})
