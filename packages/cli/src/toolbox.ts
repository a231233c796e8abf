/**
 * The tools of a command: built-in families, a toolkit module of the user, MCP servers and OpenAPI documents, with their handlers.
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
import type * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type * as Scope from "effect/Scope"
import { type Exit as Ended, failed, messageOf, usage } from "./exit.ts"
import type { Platform, Source } from "./source.ts"
import * as Tls from "./tls.ts"
import * as ToolkitModule from "./toolkitModule.ts"

/** What a command was told to take its tools from. @internal */
export interface Sources {
  /** Families by name, comma-separated. */
  readonly tools: string | undefined
  /** File of a toolkit module. */
  readonly toolkit: string | undefined
  /** MCP servers, each a command line or an address. */
  readonly mcp: ReadonlyArray<string>
  /** File with MCP servers. */
  readonly mcpConfig: string | undefined
  /** OpenAPI documents, each a file or a URL. */
  readonly openapi: ReadonlyArray<string>
  /** Which of their operations. */
  readonly openapiInclude: ReadonlyArray<string>
  /** The directory that families work on. */
  readonly root: string
}

/** Tools with the services they run with. @internal */
export interface Toolbox {
  readonly tools: ReadonlyArray<Tool.Any>
  readonly services: Context.Context<never>
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
    layer: layer({ root }),
    isModule: false,
    withheld: []
  }
}

/** The first family that has a tool of this name. @internal */
export const familyOf = (tool: string): Families.Name | undefined =>
  Families.names.find((name) => Object.hasOwn(Families.all[name].toolkit.tools, tool))

const checkRoot = Effect.fnUntraced(function*(root: string) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.mapError(
    fs.stat(root),
    ({ reason }) => usage(`Root "${root}" ${reason._tag === "NotFound" ? "does not exist" : "cannot be read"}`)
  )
  if (info.type !== "Directory") return yield* usage(`Root "${root}" is not a directory`)
  yield* Effect.mapError(fs.readDirectory(root), () => usage(`Root "${root}" cannot be read`))
})

const fromModule = (file: string) => {
  const name = `Toolkit "${file}"`
  return Effect.map(
    ToolkitModule.load(name, file),
    (handled): Source => ({ name, ...handled, isModule: true, withheld: [] })
  )
}

// ---- tools from elsewhere

const fromMcp = Effect.fnUntraced(function*({ mcp, mcpConfig }: Sources) {
  if (mcp.length === 0 && mcpConfig === undefined) return []
  const { sources } = yield* Effect.promise(() => import("./mcp.ts"))
  return yield* sources({ mcp, config: mcpConfig })
})

const fromOpenApi = Effect.fnUntraced(function*({ openapi, openapiInclude }: Sources) {
  if (openapi.length === 0 && openapiInclude.length === 0) return []
  const { sources } = yield* Effect.promise(() => import("./openapi.ts"))
  return yield* sources({ openapi, include: openapiInclude })
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

/** Each tool once: a family that is made of others shares theirs. */
const distinct = (sources: ReadonlyArray<Source>): ReadonlyArray<Source> => {
  const seen = new Set<Tool.Any>()
  return sources.flatMap((source) => {
    const tools = source.tools.filter((tool) => !seen.has(tool))
    for (const tool of tools) seen.add(tool)
    return tools.length === 0 && source.withheld.length === 0 ? [] : [{ ...source, tools }]
  })
}

const toolsOf = (sources: ReadonlyArray<Source>): ReadonlyArray<Tool.Any> => sources.flatMap(({ tools }) => tools)

const isNamed = ({ mcp, mcpConfig, openapi, toolkit, tools }: Sources): boolean =>
  tools !== undefined || toolkit !== undefined || mcp.length > 0 || mcpConfig !== undefined || openapi.length > 0

/** What the tools of a command are taken from; all families where no source is named and `everything` is wanted. */
const gather = Effect.fnUntraced(function*(
  asked: Sources,
  everything: boolean
): Effect.fn.Return<ReadonlyArray<Source>, Ended, Platform> {
  const { root, toolkit, tools } = asked
  yield* checkRoot(root)
  const all = everything && !isNamed(asked) ? Families.names : []
  const names = tools === undefined ? all : familyNames(tools)
  if ("_tag" in names) return yield* names
  const sources = distinct([
    ...names.map((name) => family(name, root)),
    ...(toolkit === undefined ? [] : [yield* fromModule(toolkit)]),
    ...(yield* fromMcp(asked)),
    ...(yield* fromOpenApi(asked))
  ])
  const named = toolsOf(sources).map(({ name }) => name)
  const twice = named.find((name, i) => named.indexOf(name) !== i)
  return twice === undefined ? sources : yield* usage(`Two tools are named "${twice}"`)
})

const startAll = Effect.fnUntraced(function*(
  sources: ReadonlyArray<Source>
): Effect.fn.Return<Toolbox, Ended, Platform> {
  const platform = Context.mergeAll(
    yield* Effect.context<ChildProcessSpawner | FileSystem.FileSystem | Path.Path>(),
    Tls.services,
    sources.some(({ isModule }) => isModule) ? yield* Layer.build(yield* httpClient) : Context.empty()
  ) as Context.Context<never>
  let services = platform
  for (const source of sources) services = Context.merge(services, yield* start(source, platform))
  return { tools: toolsOf(sources), services }
})

/** The tools of a command and what is withheld of them; of the handlers only MCP servers are started. @internal */
export const list = (sources: Sources) =>
  Effect.map(gather(sources, true), (all) => ({
    tools: toolsOf(all),
    withheld: all.flatMap((source) => source.withheld.map((one) => ({ source: source.name, ...one })))
  }))

/** The tools of a command with their handlers. @internal */
export const open = (sources: Sources) => Effect.flatMap(gather(sources, false), startAll)

/** One tool of a command with the handlers of its family alone. @internal */
export const openFor = Effect.fnUntraced(function*(
  sources: Sources,
  name: string
): Effect.fn.Return<
  { readonly tool: Tool.Any; readonly services: Context.Context<never> },
  Ended,
  Platform
> {
  const all = yield* gather(sources, true)
  const source = all.find(({ tools }) => tools.some((tool) => tool.name === name))
  const tool = source?.tools.find((one) => one.name === name)
  if (source === undefined || tool === undefined) {
    return yield* usage(`Unknown tool "${name}"; known: ${toolsOf(all).map((one) => one.name).join(", ")}`)
  }
  const { services } = yield* startAll([source])
  return { tool, services }
})
