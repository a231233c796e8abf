/**
 * The tools of MCP servers that a command was told to take: `--mcp` and `--mcp-config`.
 *
 * **Details**
 *
 * A server is a command line or an address, with a name in front where its own is not wanted (`files=npx -y …`). The file of
 * `--mcp-config` is that of Claude Code: `{ "mcpServers": { name: { command, args, env } | { type: "http", url, headers } } }`, with
 * `${VAR}` and `${VAR:-default}` replaced from the environment. Two keys are added to a server: `"trust": "hints"`, and `"pins"`
 * with the hash of each tool's definition, as `volley tools` shows it.
 *
 * @internal
 */
import { Mcp } from "@volley/tools/mcp"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { type Exit, failed, messageOf, usage } from "./exit.ts"
import { inEnvironment } from "./secrets.ts"
import * as Source from "./source.ts"

/** What a command was told of MCP servers. @internal */
export interface Asked {
  /** Each a command line or an address, with `name=` in front where it has a name. */
  readonly mcp: ReadonlyArray<string>
  /** The file with servers, such as `.mcp.json`. */
  readonly config: string | undefined
}

const texts = Schema.Record(Schema.String, Schema.String)

const shared = {
  trust: Schema.optionalKey(Schema.Literals(["nothing", "hints"])),
  pins: Schema.optionalKey(texts)
}

const Program = Schema.Struct({
  type: Schema.optionalKey(Schema.Literal("stdio")),
  command: Schema.String,
  args: Schema.optionalKey(Schema.Array(Schema.String)),
  env: Schema.optionalKey(texts),
  ...shared
})

const Address = Schema.Struct({
  type: Schema.Literals(["http", "streamable-http"]),
  url: Schema.String,
  headers: Schema.optionalKey(texts),
  ...shared
})

type Entry = typeof Program.Type | typeof Address.Type

const File = Schema.fromJsonString(
  Schema.Struct({ mcpServers: Schema.Record(Schema.String, Schema.Union([Program, Address])) })
)

const decode = Schema.decodeUnknownEffect(File)

/** `${VAR}` and `${VAR:-default}`. */
const variable = /\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g

const expanded = Effect.fnUntraced(function*(title: string, text: string): Effect.fn.Return<string, Exit> {
  const values = new Map<string, string>()
  for (const [whole, name = "", otherwise] of text.matchAll(variable)) {
    const found = yield* Effect.orDie(Config.option(Config.String(name)))
    const value = Option.getOrElse(Option.filter(found, (one) => one !== ""), () => otherwise)
    if (value === undefined) return yield* usage(`${title} needs the variable "${name}", which is not set`)
    values.set(whole, value)
  }
  return text.replace(variable, (whole) => values.get(whole) ?? whole)
})

const expandedAll = (title: string, record: { readonly [name: string]: string } = {}) =>
  Effect.map(
    Effect.forEach(
      Object.entries(record),
      ([name, text]) => Effect.map(expanded(title, text), (value) => [name, value] as const)
    ),
    (entries): { readonly [name: string]: string } => Object.fromEntries(entries)
  )

const secretly = (environment: { readonly [name: string]: string }) =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) =>
      inEnvironment({ [name]: value }).length === 0 ? [name, value] : [name, Redacted.make(value)]
    )
  )

const ended = (title: string) => (error: Mcp.McpError): Exit =>
  error._tag === "ServerUnusable" || error._tag === "PackageMissing"
    ? usage(`${title}: ${messageOf(error)}`)
    : failed(messageOf(error))

const opened = <R>(
  title: string,
  open: Effect.Effect<Mcp.Server, Mcp.McpError, R>
): Effect.Effect<Source.Source, Exit, R> =>
  Effect.mapBoth(open, {
    onFailure: ended(title),
    onSuccess: ({ name, tools, unapproved, withheld }): Source.Source => ({
      name: `MCP server "${name}"`,
      tools,
      layer: Layer.empty,
      isModule: false,
      withheld: [
        ...withheld,
        ...unapproved.map((one) => ({ name: one.name, reason: `each call wants approval: ${one.reason}` }))
      ]
    })
  })

const fromEntry = Effect.fnUntraced(
  function*(name: string, entry: Entry): Effect.fn.Return<Source.Source, Exit, Source.Platform> {
    const title = `MCP server "${name}"`
    const { pins, trust } = entry
    const options = { name, ...(trust === undefined ? {} : { trust }), ...(pins === undefined ? {} : { pins }) }
    if ("url" in entry) {
      const headers = yield* expandedAll(title, entry.headers)
      return yield* opened(
        title,
        Mcp.http(yield* expanded(title, entry.url), {
          ...options,
          headers: Object.fromEntries(Object.entries(headers).map(([header, value]) => [header, Redacted.make(value)]))
        })
      )
    }
    const words = yield* Effect.forEach([entry.command, ...entry.args ?? []], (word) => expanded(title, word))
    const environment = secretly(yield* expandedAll(title, entry.env))
    return yield* opened(title, Mcp.stdio(words, { ...options, environment }))
  }
)

const fromText = (text: string): Effect.Effect<Source.Source, Exit, Source.Platform> => {
  const { name, place } = Source.parse(text)
  const options = name === undefined ? {} : { name }
  return opened("--mcp", Source.isUrl(place) ? Mcp.http(place, options) : Mcp.stdio(place, options))
}

const fromFile = Effect.fnUntraced(
  function*(file: string): Effect.fn.Return<ReadonlyArray<Source.Source>, Exit, Source.Platform> {
    const fs = yield* FileSystem.FileSystem
    const text = yield* Effect.mapError(
      fs.readFileString(file),
      ({ reason }) => usage(`"${file}" ${reason._tag === "NotFound" ? "does not exist" : "cannot be read"}`)
    )
    const { mcpServers } = yield* Effect.mapError(
      decode(text),
      (error) => usage(`"${file}" is not a list of MCP servers: ${messageOf(error).slice(0, 300)}`)
    )
    return yield* Effect.forEach(Object.entries(mcpServers), ([name, entry]) => fromEntry(name, entry), {
      concurrency: "unbounded"
    })
  }
)

/**
 * The tools of all servers that a command was told of, one source for each. The servers live as long as the scope.
 *
 * @internal
 */
export const sources = Effect.fnUntraced(function*(
  { config, mcp }: Asked
): Effect.fn.Return<ReadonlyArray<Source.Source>, Exit, Source.Platform> {
  const [named, listed] = yield* Effect.all([
    Effect.forEach(mcp, fromText, { concurrency: "unbounded" }),
    config === undefined ? Effect.succeed([]) : fromFile(config)
  ], { concurrency: 2 })
  return [...named, ...listed]
})
