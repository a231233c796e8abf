/**
 * Tools of MCP servers, as tools of an agent.
 *
 * **Details**
 *
 * `stdio` and `http` open a server for the scope they are in, with the newest protocol version that it speaks: 2026-07-28, 2025-11-25
 * or 2025-06-18. A lost connection is opened again by the next call. The tools carry their handlers, so they go into an agent as
 * they are, beside any others.
 *
 * A server is a stranger. What it says of its tools gives them no cache, no early start and no retry until `trust` says so; a
 * definition that changes while the connection lives is not called any more, and one that differs from its pin wants approval.
 * Definitions that break the bounds are withheld, each with its reason, and the others stand.
 *
 * Elicitation, sampling and roots are refused: there is no person and no model behind this client. Prompts and resources of a
 * server are not offered, nor is OAuth: give a header.
 *
 * **Example** (The tools of a server beside one of your own)
 *
 * ```ts
 * import { NodeServices } from "@effect/platform-node"
 * import { Agent } from "@volley/core"
 * import { Mcp } from "@volley/tools/mcp"
 * import { Effect } from "effect"
 *
 * const weather = Agent.tool("get_weather", { description: "Current weather", run: () => "7 °C" })
 *
 * const program = Effect.gen(function*() {
 *   const files = yield* Mcp.stdio("npx -y @modelcontextprotocol/server-filesystem ./docs", { name: "files" })
 *   const agent = Agent.make("librarian", { tools: [weather, ...files] })
 *   return Object.keys(agent.tools).slice(0, 3)
 * }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
 *
 * console.log(await Effect.runPromise(program))
 * ```
 *
 * ```text
 * [ 'get_weather', 'files__read_file', 'files__read_text_file' ]
 * ```
 *
 * @since 0.1.0
 */
import * as Redactor from "@volley/core/Redactor"
import type * as ToolFailure from "@volley/core/ToolFailure"
import type * as Tool from "effect/ai/Tool"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { isWeb } from "../internal/webUrl.ts"
import * as commandLine from "./internal/commandLine.ts"
import * as connection from "./internal/connection.ts"
import * as httpChannel from "./internal/http.ts"
import * as listing from "./internal/listing.ts"
import * as names from "./internal/names.ts"
import * as stdioChannel from "./internal/stdio.ts"
import * as internal from "./internal/tool.ts"
import { type McpError, ServerUnusable } from "./McpError.ts"

export * from "./McpError.ts"

/**
 * A tool of a server. It needs nothing else to run; its result is text.
 *
 * @category models
 * @since 0.1.0
 */
export interface McpTool extends internal.McpTool {}

/**
 * Where a tool comes from: the name of its server as it stands in the tool's name, the tool's own name there, and the hash of
 * its definition.
 *
 * @category models
 * @since 0.1.0
 */
export interface Origin extends internal.Origin {}

/**
 * Where a tool comes from; `undefined` for one that is no server's.
 *
 * @category combinators
 * @since 0.1.0
 */
export const originOf = (tool: Tool.Any): Origin | undefined => internal.originOf(tool)

/**
 * A tool of a server by its own name there, and why something is done about it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Noted {
  readonly name: string
  readonly reason: string
}

/**
 * The tools of a server at one moment.
 *
 * - `withheld`: those that are not offered: what they are breaks a bound or cannot be used.
 * - `unapproved`: those of which each call wants approval, since their definition is not the pinned one.
 * - `pins`: the hashes of all definitions, to be given as `pins` the next time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tools extends Iterable<McpTool> {
  readonly tools: ReadonlyArray<McpTool>
  readonly withheld: ReadonlyArray<Noted>
  readonly unapproved: ReadonlyArray<Noted>
  readonly pins: { readonly [tool: string]: string }
}

/**
 * An open server: its tools as they were when it was opened.
 *
 * - `name`: what the names of its tools begin with.
 * - `instructions`: what the server says to the model about itself. Nobody does that for you: it is a stranger's text.
 * - `refresh`: its tools as they are now. One whose definition has changed since the server was opened wants approval.
 *
 * @category models
 * @since 0.1.0
 */
export interface Server extends Tools {
  readonly name: string
  readonly protocolVersion: string
  readonly instructions: string | undefined
  readonly refresh: Effect.Effect<Tools, ToolFailure.ToolFailure>
}

/**
 * What holds for any server.
 *
 * - `name`: what the names of its tools begin with, as in `name__tool`; default made of the command or the address.
 * - `trust`: `"hints"` believes the server which of its tools are read-only and which idempotent; default `"nothing"`: all of
 *   them are effectful.
 * - `pins`: the definitions that are approved, as `Tools.pins` gave them. With it, a tool that is not among them or differs
 *   wants approval for each call. Default: those that the server has when it is opened.
 * - `timeout`: of one attempt of a call, default 30 seconds.
 * - `connectTimeout`: for the server to be open and its tools listed, default 30 seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly name?: string
  readonly trust?: "nothing" | "hints"
  readonly pins?: { readonly [tool: string]: string }
  readonly timeout?: Duration.Input
  readonly connectTimeout?: Duration.Input
}

/**
 * What holds for a program.
 *
 * - `environment`: variables that it gets beside `PATH`, `HOME`, `USER`, `LOGNAME`, `LANG`, `LANGUAGE`, `LC_ALL`, `LC_CTYPE`,
 *   `TZ` and `TMPDIR`. The redactor learns those that are `Redacted`.
 * - `directory`: that it runs in, default that of this process.
 *
 * @category models
 * @since 0.1.0
 */
export interface StdioOptions extends Options {
  readonly environment?: { readonly [name: string]: string | Redacted.Redacted }
  readonly directory?: string
}

/**
 * What holds for an address.
 *
 * - `headers`: sent with each request, such as `authorization`. The redactor learns those that are `Redacted`.
 *
 * @category models
 * @since 0.1.0
 */
export interface HttpOptions extends Options {
  readonly headers?: { readonly [name: string]: string | Redacted.Redacted }
}

const clientVersion = "0.1.0"

const defaultConnectTimeout = Duration.seconds(30)

const letThrough = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"]

/** Values as they are sent; the redactor learns the secret ones. */
const revealed = Effect.fnUntraced(function*(values: { readonly [name: string]: string | Redacted.Redacted } = {}) {
  const redactor = yield* Redactor.current
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (typeof value === "string") return [name, value]
      redactor.add(value)
      return [name, Redacted.value(value)]
    })
  )
})

const server = Effect.fnUntraced(function*<R>(
  name: string,
  open: connection.Open<R>,
  routed: boolean,
  { connectTimeout, pins, timeout, trust }: Options
): Effect.fn.Return<Server, McpError, R | Scope.Scope> {
  const made = yield* connection.make(name, open, {
    version: clientVersion,
    timeout: connectTimeout === undefined ? defaultConnectTimeout : Duration.fromInputUnsafe(connectTimeout),
    routed
  })
  const terms = { server: name, trustsHints: trust === "hints", timeout }
  const offer = (found: connection.Connection["listing"], approved: listing.Pins | undefined) =>
    Effect.map(listing.offer(found, approved, made.call, terms), (offered): Tools => ({
      ...offered,
      [Symbol.iterator]: () => offered.tools[Symbol.iterator]()
    }))
  const given = pins === undefined ? undefined : new Map(Object.entries(pins))
  const approved = given ?? new Map(Object.entries(listing.pinsOf(made.listing)))
  return Object.assign(yield* offer(made.listing, given), {
    name,
    protocolVersion: made.protocolVersion,
    instructions: made.instructions,
    refresh: Effect.flatMap(made.refresh, (found) => offer(found, approved))
  })
})

/**
 * Opens a server that is a program, for the scope it is in: at its end the program is ended, and what it started.
 *
 * No shell is used. What the program writes to its stderr is logged at the level debug.
 *
 * @param command - the program and its arguments: a list of words, or a line that is split as a shell does, quotes included
 * @category constructors
 * @since 0.1.0
 */
export const stdio = Effect.fnUntraced(function*(
  command: string | ReadonlyArray<string>,
  options: StdioOptions = {}
): Effect.fn.Return<Server, McpError, ChildProcessSpawner | Scope.Scope> {
  const words = typeof command === "string" ? commandLine.split(command) : command
  if (words?.[0] === undefined || words[0] === "") {
    return yield* new ServerUnusable({
      server: (typeof command === "string" ? command : command.join(" ")).slice(0, 200),
      expected: "a program and its arguments, each quote with its end"
    })
  }
  const name = names.ofServer(options.name ?? names.ofCommand(words))
  const inherited = yield* Effect.orDie(
    Config.all(Object.fromEntries(letThrough.map((variable) => [variable, Config.option(Config.String(variable))])))
  )
  const environment = {
    ...Object.fromEntries(
      Object.entries(inherited).flatMap(([variable, value]) => Option.isSome(value) ? [[variable, value.value]] : [])
    ),
    ...yield* revealed(options.environment)
  }
  const program = { words, environment, directory: options.directory }
  return yield* server(name, (_, said) => stdioChannel.open(name, program, said), false, options)
})

/**
 * Opens a server behind an address (Streamable HTTP) for the scope it is in.
 *
 * Requests go to this address and, by redirects, to others of its origin; to no other. Only `http` and `https` are spoken.
 *
 * @category constructors
 * @since 0.1.0
 */
export const http = Effect.fnUntraced(function*(
  url: string | URL,
  options: HttpOptions = {}
): Effect.fn.Return<Server, McpError, Scope.Scope> {
  const address = URL.canParse(String(url)) ? new URL(url) : undefined
  if (address === undefined || !isWeb(address)) {
    return yield* new ServerUnusable({
      server: address === undefined ? String(url).slice(0, 200) : `${address.protocol}//${address.host}`,
      expected: "an address of http or https without a login in it"
    })
  }
  const name = names.ofServer(options.name ?? names.ofUrl(address))
  const headers = yield* revealed(options.headers)
  return yield* server(name, (sdk) => httpChannel.open({ url: address, headers }, sdk), true, options)
})
