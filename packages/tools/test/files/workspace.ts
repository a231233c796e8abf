import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem, Layer, Option, Stream } from "effect"
import type { Tool } from "effect/ai"
import { Files } from "../../src/index.ts"

export type Tools = typeof Files.writableToolkit.tools

/** Calls a tool as a model would: arguments are decoded, the result is checked and encoded by its schema. */
export const call = <Name extends keyof Tools>(
  name: Name,
  parameters: Tool.ParametersEncoded<Tools[Name]>
): Effect.Effect<
  Tool.Success<Tools[Name]>,
  Tool.HandlerError<Tools[Name]>,
  Tool.HandlersFor<Tools>
> =>
  Effect.gen(function*() {
    // A generic name leaves the types of `handle` unresolved.
    const handle = (yield* Files.writableToolkit).handle as unknown as Handle<Tools[Name]>
    const last = yield* Stream.runLast(yield* handle(name, parameters))
    return Option.getOrThrow(last).result
  })

type Handle<T> = (name: string, parameters: unknown) => Effect.Effect<
  Stream.Stream<{ readonly result: Tool.Success<T> }, Tool.HandlerError<T>>,
  Tool.HandlerError<T>
>

/** What is made in a workspace: a text or bytes is a file, `null` a directory, `{ link }` a symbolic link. */
export type Tree = { readonly [path: string]: string | Uint8Array | null | { readonly link: string } }

export const plant = Effect.fnUntraced(function*(directory: string, tree: Tree) {
  const fs = yield* FileSystem.FileSystem
  for (const [name, node] of Object.entries(tree)) {
    const path = `${directory}/${name}`
    yield* fs.makeDirectory(path.slice(0, path.lastIndexOf("/")), { recursive: true })
    if (node === null) yield* fs.makeDirectory(path, { recursive: true })
    else if (typeof node === "string") yield* fs.writeFileString(path, node)
    else if (node instanceof Uint8Array) yield* fs.writeFile(path, node)
    else yield* fs.symlink(node.link, path)
  }
})

/** A temporary directory with `inside` and, next to it, `outside`; gives its canonical path. */
export const workspace = Effect.fnUntraced(function*(tree: Tree, outside: Tree = {}) {
  const fs = yield* FileSystem.FileSystem
  const base = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
  yield* fs.makeDirectory(`${base}/inside`)
  yield* fs.makeDirectory(`${base}/outside`)
  yield* plant(`${base}/inside`, tree)
  yield* plant(`${base}/outside`, outside)
  return base
})

/** Runs a test with the handlers of a fresh workspace. */
export const within = <A, E, R>(
  tree: Tree,
  test: (base: string) => Effect.Effect<A, E, R>,
  options: {
    readonly outside?: Tree
    readonly fileSystem?: (fs: FileSystem.FileSystem, base: string) => Partial<FileSystem.FileSystem>
  } = {}
) =>
  Effect.gen(function*() {
    const base = yield* workspace(tree, options.outside)
    const fs = yield* FileSystem.FileSystem
    const layer = Files.writableLayer({ root: `${base}/inside` }).pipe(
      Layer.provide(Layer.succeed(FileSystem.FileSystem)({ ...fs, ...options.fileSystem?.(fs, base) }))
    )
    return yield* Effect.provide(test(base), layer)
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

/** Says what a test counted. */
export const report = (name: string, numbers: object): void => {
  // oxlint-disable-next-line no-console -- the numbers of the test
  console.log(`${name}: ${JSON.stringify(numbers)}`)
}
