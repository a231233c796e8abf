/**
 * Tools that search the Markdown and text files of a folder and read them: `search_docs`, `read_doc`.
 *
 * **Details**
 *
 * Documents (`.md`, `.mdx`, `.markdown`, `.txt`) are indexed by their sections and ranked by BM25. The index is made at the
 * first search and follows the files: what changed, came or went is seen by the search two seconds later. It is kept in
 * memory, and in a file if one is given, from which the next process begins. A ranking depends on the documents and the
 * query alone. At most 20,000 files and folders are looked at, and 1 MiB of each document.
 *
 * Nothing outside of the folder is read: see `Files`, whose confinement this is. Symbolic links are not followed by a search.
 * Words are compared without case and accents, but not by their stem or meaning.
 *
 * **Example** (The handlers of the family, for one folder)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Dispatcher } from "@volley/core"
 * import { Search } from "@volley/tools/search"
 * import { Effect, Layer } from "effect"
 *
 * const SearchLive = Search.layer({ folder: "./docs" }).pipe(Layer.provide(NodeServices.layer))
 *
 * const program = Dispatcher.call(Search.SearchDocs, { query: "retry budget" }).pipe(Effect.provide(SearchLive))
 * console.log((await Effect.runPromise(program)).ok)
 * ```
 *
 * ```text
 * true
 * ```
 *
 * @since 0.1.0
 */
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type { RootUnusable } from "../files/FilesError.ts"
import * as root from "../files/internal/root.ts"
import { layerWithoutSecrets } from "../internal/withoutSecrets.ts"
import * as documents from "./internal/documents.ts"
import * as readDoc from "./internal/readDoc.ts"
import * as searchDocs from "./internal/searchDocs.ts"
import * as store from "./internal/store.ts"

export { RootUnusable } from "../files/FilesError.ts"
export * from "./SearchError.ts"

/**
 * Finds the sections that say most about some words: at most 20, each with up to 3 lines.
 *
 * @category tools
 * @since 0.1.0
 */
export const SearchDocs = searchDocs.tool

/**
 * Reads a section with its subsections, or a document: at most 16 KiB a call.
 *
 * @category tools
 * @since 0.1.0
 */
export const ReadDoc = readDoc.tool

/**
 * The tools of the family.
 *
 * @category tools
 * @since 0.1.0
 */
export const toolkit = Toolkit.make(SearchDocs, ReadDoc)

/**
 * Where the documents are, and the index.
 *
 * - `folder`: absolute or relative to the working directory; it may be a symbolic link.
 * - `index`: a file, made with its directory where it does not exist, that keeps the index for the next process; default
 *   none. It holds the words of the documents: nobody else may read it (0600).
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  readonly folder: string
  readonly index?: string
}

const make = Effect.fnUntraced(function*(options: Options) {
  const found = documents.make(
    yield* root.make(options.folder),
    options.index === undefined ? undefined : yield* store.make(options.index)
  )
  return { search_docs: searchDocs.handler(found), read_doc: readDoc.handler(found) }
})

/**
 * Handlers of the family for one folder. Building it fails with `RootUnusable` of the family `Files` where the folder does
 * not exist, is not a directory or cannot be read. Nothing is indexed before the first search.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<
  Tool.HandlersFor<typeof toolkit.tools>,
  RootUnusable,
  FileSystem.FileSystem | Path.Path
> => layerWithoutSecrets(toolkit, make(options))

const environment = Config.all({
  folder: Config.NonEmptyString("DOCS_FOLDER"),
  index: Config.option(Config.NonEmptyString("DOCS_INDEX"))
})

/**
 * Handlers of the family for the folder `DOCS_FOLDER`, with the index kept in the file `DOCS_INDEX` if that is set.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv: Layer.Layer<
  Tool.HandlersFor<typeof toolkit.tools>,
  RootUnusable | Config.ConfigError,
  FileSystem.FileSystem | Path.Path
> = layerWithoutSecrets(
  toolkit,
  Effect.flatMap(
    environment,
    ({ folder, index }) => make(Option.isSome(index) ? { folder, index: index.value } : { folder })
  )
)
