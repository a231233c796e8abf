/**
 * The tools of a command: built-in families and a toolkit module of the user, with their handlers.
 *
 * **Details**
 *
 * A toolkit module finds `effect` and `@volley/core` from its own folder, so it may hold other copies of them than this
 * process. Its exports are therefore judged by their shape, never by `instanceof`.
 *
 * @internal
 */
import * as Dispatcher from "@volley/core/Dispatcher"
import { Families } from "@volley/tools"
import type * as Tool from "effect/ai/Tool"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import { pathToFileURL } from "node:url"
import { type Exit as Ended, failed, usage } from "./exit.ts"
import * as SafeText from "./render/safeText.ts"

/** What a command was told to take its tools from. @internal */
export interface Sources {
  /** Families by name, comma-separated. */
  readonly tools: string | undefined
  /** File of a toolkit module. */
  readonly toolkit: string | undefined
  /** The directory that families work on. */
  readonly root: string
}

/** Tools with the services they run with. @internal */
export interface Toolbox {
  readonly tools: ReadonlyArray<Tool.Any>
  readonly services: Context.Context<never>
}

interface Source {
  readonly name: string
  readonly tools: ReadonlyArray<Tool.Any>
  readonly layer: Layer.Layer<never, unknown, unknown>
}

// ---- families

const familyNames = (list: string): ReadonlyArray<Families.Name> | Ended => {
  const asked = [...new Set(list.split(",").map((name) => name.trim()))]
  const unknown = asked.find((name) => !Families.isName(name))
  return unknown === undefined
    ? asked.filter(Families.isName)
    : usage(`Unknown tool family "${unknown}"; known: ${Families.names.join(", ")}`)
}

const family = (name: Families.Name, root: string): Source => {
  const { layer, toolkit } = Families.all[name]
  return {
    name: `Tool family "${name}"`,
    tools: Object.values(toolkit.tools),
    layer: layer({ root }) as Source["layer"]
  }
}

const checkRoot = Effect.fnUntraced(function*(root: string) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.mapError(
    fs.stat(root),
    ({ reason }) => usage(`Root "${root}" ${reason._tag === "NotFound" ? "does not exist" : "cannot be read"}`)
  )
  if (info.type !== "Directory") return yield* usage(`Root "${root}" is not a directory`)
  yield* Effect.mapError(fs.readDirectory(root), () => usage(`Root "${root}" cannot be read`))
})

// ---- the toolkit module

const isTool = (value: unknown): value is Tool.Any =>
  Predicate.hasProperty(value, "name") && typeof value.name === "string" &&
  Predicate.hasProperty(value, "parametersSchema") && Predicate.hasProperty(value, "annotations")

/** The tools of a tool or a toolkit; `undefined` for anything else. */
const toolsOf = (value: unknown): ReadonlyArray<Tool.Any> | undefined => {
  if (isTool(value)) return [value]
  if (!Predicate.hasProperty(value, "tools") || !Predicate.isObject(value.tools)) return undefined
  const tools: ReadonlyArray<unknown> = Object.values(value.tools)
  return tools.every(isTool) ? tools : undefined
}

/** What a toolkit module gives, or what is wrong with its exports. @internal */
export const fromExports = (
  name: string,
  exports: Readonly<Record<string, unknown>>
): Pick<Source, "tools" | "layer"> | Ended => {
  const { layer, toolkit, tools } = exports
  const listed: ReadonlyArray<unknown> = Array.isArray(tools) ? tools : []
  const wrong = (problem: string): Ended => usage(`${name} ${problem}`)
  if (toolkit === undefined && tools === undefined) {
    return wrong("must export \"toolkit\" and \"layer\", or \"tools\"")
  }
  if (layer !== undefined && !Layer.isLayer(layer)) return wrong("exports a \"layer\" that is not an effect Layer")
  if (tools !== undefined && (!Array.isArray(tools) || listed.some((item) => toolsOf(item) === undefined))) {
    return wrong("exports \"tools\" that are not an array of tools and toolkits")
  }
  if (toolkit !== undefined && (isTool(toolkit) || toolsOf(toolkit) === undefined)) {
    return wrong("exports a \"toolkit\" that is not a Toolkit of effect/ai")
  }
  if (toolkit !== undefined && layer === undefined) {
    return wrong("exports \"toolkit\" but no \"layer\" with its handlers")
  }
  const found = [...(toolkit === undefined ? [] : [toolkit]), ...listed].flatMap((item) => toolsOf(item) ?? [])
  return found.length === 0
    ? wrong("exports no tools")
    : { tools: found, layer: layer ?? Layer.empty }
}

const messageOf = (error: unknown): string => SafeText.line(error instanceof Error ? error.message : String(error))

const toolkitModule = Effect.fnUntraced(function*(file: string): Effect.fn.Return<
  Source,
  Ended,
  FileSystem.FileSystem | Path.Path
> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const name = `Toolkit "${file}"`
  const info = yield* Effect.mapError(
    fs.stat(file),
    ({ reason }) => usage(`${name} ${reason._tag === "NotFound" ? "does not exist" : "cannot be read"}`)
  )
  if (info.type !== "File") return yield* usage(`${name} is not a file`)
  const exports = yield* Effect.tryPromise({
    try: () => import(pathToFileURL(path.resolve(file)).href) as Promise<Record<string, unknown>>,
    catch: (error) => usage(`${name} cannot be loaded: ${messageOf(error)}`)
  })
  const found = fromExports(name, exports)
  return "_tag" in found ? yield* found : { name, ...found }
})

// ---- handlers

/** What handlers and their layers may use beside what they bring. */
const httpClient = Effect.map(
  Effect.promise(() => import("effect/http/FetchHttpClient")),
  ({ layer }) => layer
)

const missingService = /^Service not found: (\S+)/

const notStarted = (name: string, cause: Cause.Cause<unknown>): Ended => {
  const error = Cause.squash(cause)
  const missing = Cause.hasDies(cause) ? missingService.exec(messageOf(error))?.[1] : undefined
  return missing === undefined
    ? failed(`${name} could not be started: ${messageOf(error)}`)
    : usage(`${name} needs the service "${missing}", which volley does not provide; its layer has to`)
}

/** Builds the handlers; a tool without one is found here and not when it is called. */
const start = Effect.fnUntraced(function*(
  { layer, name, tools }: Source,
  services: Context.Context<never>
): Effect.fn.Return<Context.Context<never>, Ended, Scope.Scope> {
  const built = yield* Effect.exit(
    Effect.provideContext(
      Layer.build(layer),
      Context.merge(yield* Effect.context<Scope.Scope>(), services)
    ) as Effect.Effect<
      Context.Context<never>,
      unknown
    >
  )
  if (Exit.isFailure(built)) {
    return yield* Cause.hasInterruptsOnly(built.cause) ? Effect.interrupt : notStarted(name, built.cause)
  }
  const checked = yield* Effect.exit(Effect.provideContext(Dispatcher.make(tools), built.value))
  if (Exit.isFailure(checked)) return yield* usage(`${name}: ${messageOf(Cause.squash(checked.cause))}`)
  return built.value
})

/** Opens the tools of a command. `everything` takes all families where no source is named. @internal */
export const open = Effect.fnUntraced(function*(
  { root, toolkit, tools }: Sources,
  options: { readonly everything: boolean }
): Effect.fn.Return<Toolbox, Ended, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  yield* checkRoot(root)
  const names = tools === undefined
    ? options.everything && toolkit === undefined ? Families.names : []
    : familyNames(tools)
  if ("_tag" in names) return yield* names
  const sources = [
    ...names.map((name) => family(name, root)),
    ...(toolkit === undefined ? [] : [yield* toolkitModule(toolkit)])
  ]
  const all = sources.flatMap((source) => source.tools)
  const twice = all.find((tool, i) => all.findIndex(({ name }) => name === tool.name) !== i)
  if (twice !== undefined) return yield* usage(`Two tools are named "${twice.name}"`)
  const platform = Context.merge(
    yield* Effect.context<FileSystem.FileSystem | Path.Path>(),
    toolkit === undefined ? Context.empty() : yield* Layer.build(yield* httpClient)
  ) as Context.Context<never>
  let services = platform
  for (const source of sources) services = Context.merge(services, yield* start(source, platform))
  return { tools: all, services }
})
