/**
 * Tools that read the files below one root directory: `read_file`, `list_files`, `search_files`.
 *
 * **Details**
 *
 * Nothing outside the root is read, whatever path is asked for and whatever the symbolic links below the root point
 * to; pipes, devices and sockets are never opened. Every result is bounded and says so where it is not whole. Paths in
 * results are relative to the root, paths in messages are those that were asked for.
 *
 * This family changes nothing. It does not keep another process that swaps directories for links at the same time from
 * winning a race: give it a root that only trusted processes write to. A name that is not valid UTF-8 is shown with
 * U+FFFD and cannot be opened.
 *
 * **Example** (The handlers of the family, for one directory)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Files } from "@volley/tools"
 * import { Layer } from "effect"
 *
 * const FilesLive = Files.layer({ root: "./project" }).pipe(Layer.provide(NodeServices.layer))
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
import type { RootUnusable } from "./FilesError.ts"
import * as listFiles from "./internal/listFiles.ts"
import * as readFile from "./internal/readFile.ts"
import * as root from "./internal/root.ts"
import * as searchFiles from "./internal/searchFiles.ts"

export * from "./FilesError.ts"

/**
 * Reads lines of a text file: at most 24 KiB a call, searched for in its first 64 MiB.
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
 * Finds the lines that contain a literal text: at most 200 lines, found in the first 64 MiB and 20,000 entries.
 *
 * @category tools
 * @since 0.1.0
 */
export const SearchFiles = searchFiles.tool

/**
 * The tools of the family.
 *
 * @category tools
 * @since 0.1.0
 */
export const toolkit = Toolkit.make(ReadFile, ListFiles, SearchFiles)

/**
 * Handlers of the family, confined to a root. Building it fails with `RootUnusable` where the root does not exist, is
 * not a directory or cannot be read.
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
> =>
  toolkit.toLayer(Effect.map(root.make(options.root), (root) => ({
    read_file: readFile.handler(root),
    list_files: listFiles.handler(root),
    search_files: searchFiles.handler(root)
  })))
