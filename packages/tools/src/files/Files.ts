/**
 * Tools for the files below one root directory. Those of `toolkit` read: `read_file`, `list_files`, `glob_files`,
 * `search_files`. `writableToolkit` has these and those that change: `write_file`, `edit_file`, `move_file`, `delete_file`.
 *
 * **Details**
 *
 * Nothing outside the root is read or changed, whatever path is asked for and whatever the symbolic links below the root
 * point to; pipes, devices and sockets are never opened. Every result is bounded and says so where it is not whole. Paths in
 * results are relative to the root, paths in messages are those that were asked for.
 *
 * Changes are made one at a time. A file is replaced as a whole, when its new content is on the disk, and keeps its mode; a
 * new one is readable for its owner alone, as are new directories. The root itself and what belongs to a `.git` are never
 * changed. Replacing, editing and deleting want approval.
 *
 * It does not keep another process that swaps directories for links at the same time from winning a race: give it a root
 * that only trusted processes write to. Nor does it know a hard link from the file: one to a file outside the root is read.
 * A name that is not valid UTF-8 is shown with U+FFFD and cannot be opened. Regular expressions run in a thread of their own,
 * by `node:worker_threads`.
 *
 * **Example** (The handlers of the family, for one directory)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Dispatcher } from "@volley/core"
 * import { Files } from "@volley/tools"
 * import { Effect, Layer } from "effect"
 *
 * const FilesLive = Files.layer({ root: "./docs" }).pipe(Layer.provide(NodeServices.layer))
 *
 * const program = Dispatcher.call(Files.GlobFiles, { pattern: "get-*.md" }).pipe(Effect.provide(FilesLive))
 * console.log((await Effect.runPromise(program)).result)
 * ```
 *
 * ```text
 * { paths: [ 'get-started.md' ], unreadable: 0, truncated: false }
 * ```
 *
 * @since 0.1.0
 */
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import { layerWithoutSecrets } from "../internal/withoutSecrets.ts"
import type { RootUnusable } from "./FilesError.ts"
import * as changes from "./internal/changes.ts"
import * as deleteFile from "./internal/deleteFile.ts"
import * as editFile from "./internal/editFile.ts"
import * as globFiles from "./internal/globFiles.ts"
import * as listFiles from "./internal/listFiles.ts"
import * as moveFile from "./internal/moveFile.ts"
import * as readFile from "./internal/readFile.ts"
import * as root from "./internal/root.ts"
import * as searchFiles from "./internal/searchFiles.ts"
import * as writeFile from "./internal/writeFile.ts"

export * from "./FilesError.ts"

/**
 * Reads lines or a range of bytes of a text file: at most 24 KiB a call; lines are searched for in its first 64 MiB.
 *
 * @category tools
 * @since 0.1.0
 */
export const ReadFile = readFile.tool

/**
 * Lists a directory down to a depth of 5: at most 500 entries, found among the first 20,000.
 *
 * @category tools
 * @since 0.1.0
 */
export const ListFiles = listFiles.tool

/**
 * Finds files by a glob: at most 500, found among the first 20,000 entries and 64 levels.
 *
 * @category tools
 * @since 0.1.0
 */
export const GlobFiles = globFiles.tool

/**
 * Finds the lines that contain a literal text or match a regular expression, in time proportional to the text: at most 200
 * lines, found in the first 64 MiB and 20,000 entries.
 *
 * @category tools
 * @since 0.1.0
 */
export const SearchFiles = searchFiles.tool

/**
 * Writes a whole file; a call that may replace one wants approval.
 *
 * @category tools
 * @since 0.1.0
 */
export const WriteFile = writeFile.tool

/**
 * Replaces a text that stands exactly once in a file of at most 4 MiB; each call wants approval.
 *
 * @category tools
 * @since 0.1.0
 */
export const EditFile = editFile.tool

/**
 * Moves a file, a directory or a link to a path where nothing stands.
 *
 * @category tools
 * @since 0.1.0
 */
export const MoveFile = moveFile.tool

/**
 * Deletes a file or a link; each call wants approval.
 *
 * @category tools
 * @since 0.1.0
 */
export const DeleteFile = deleteFile.tool

/**
 * The tools that read.
 *
 * @category tools
 * @since 0.1.0
 */
export const toolkit = Toolkit.make(ReadFile, ListFiles, GlobFiles, SearchFiles)

/**
 * The tools that read and those that change.
 *
 * @category tools
 * @since 0.1.0
 */
export const writableToolkit = Toolkit.merge(
  toolkit,
  Toolkit.make(WriteFile, EditFile, MoveFile, DeleteFile)
)

const readers = (within: root.Root) => ({
  read_file: readFile.handler(within),
  list_files: listFiles.handler(within),
  glob_files: globFiles.handler(within),
  search_files: searchFiles.handler(within)
})

/**
 * Handlers of `toolkit`, confined to a root. Building it fails with `RootUnusable` where the root does not exist, is not a
 * directory or cannot be read.
 *
 * @param options.root - the directory, absolute or relative to the working directory; it may be a symbolic link
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: {
  readonly root: string
}): Layer.Layer<
  Tool.HandlersFor<typeof toolkit.tools>,
  RootUnusable,
  FileSystem.FileSystem | Path.Path
> => layerWithoutSecrets(toolkit, Effect.map(root.make(options.root), readers))

/**
 * Handlers of `writableToolkit`, confined to a root. See `layer`.
 *
 * @param options.root - the directory, absolute or relative to the working directory; it may be a symbolic link
 * @category layers
 * @since 0.1.0
 */
export const writableLayer = (options: {
  readonly root: string
}): Layer.Layer<
  Tool.HandlersFor<typeof writableToolkit.tools>,
  RootUnusable,
  FileSystem.FileSystem | Path.Path
> =>
  layerWithoutSecrets(
    writableToolkit,
    Effect.gen(function*() {
      const within = yield* root.make(options.root)
      const changing = yield* changes.make(within)
      return {
        ...readers(within),
        write_file: writeFile.handler(changing),
        edit_file: editFile.handler(changing),
        move_file: moveFile.handler(changing),
        delete_file: deleteFile.handler(changing)
      }
    })
  )
