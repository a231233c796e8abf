/**
 * The tools of OpenAPI documents that a command was told to take: `--openapi` and `--openapi-include`.
 *
 * **Details**
 *
 * A document is a file or a URL, with a name in front where there are several (`github=./github.yaml`): it keeps their tools
 * and their secrets apart, so that no document is given the secret of another. The entries of `--openapi-include` have the name
 * in front then too (`github=tag:issues`).
 *
 * Of the environment are read the secrets (`OPENAPI_BEARER_AUTH`, `OPENAPI_GITHUB_BEARER_AUTH`), the server to ask in place of the
 * document's (`OPENAPI_SERVER`, `OPENAPI_GITHUB_SERVER`), and hosts that may be private (`OPENAPI_ALLOW_PRIVATE`).
 *
 * @internal
 */
import * as ToolFailure from "@volley/core/ToolFailure"
import { Guard } from "@volley/tools/http"
import { OpenApi } from "@volley/tools/openapi"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type Exit, failed, messageOf, usage } from "./exit.ts"
import * as Source from "./source.ts"

/** What a command was told of OpenAPI documents. @internal */
export interface Asked {
  /** Each a file or a URL, with `name=` in front where it has a name. */
  readonly openapi: ReadonlyArray<string>
  /** Entries of `OpenApi.Options.include`, with `name=` in front where the document has a name. */
  readonly include: ReadonlyArray<string>
}

/** A document, or an entry of what is included of it. */
type Entry = ReturnType<typeof Source.parse>

/** As the document may be at most. */
const largest = 16 * 1024 * 1024
const timeout = "30 seconds"

/** A document as messages call it: a query may hold a secret. */
const titleOf = (place: string): string => {
  const url = Source.isUrl(place) ? URL.parse(place) : null
  return `OpenAPI document "${url === null ? place : `${url.origin}${url.pathname}`}"`
}

const tooLarge = (title: string): Exit => usage(`${title} is larger than ${largest / 1024 / 1024} MiB`)

/** What the guard refuses says more than the table of failures; neither repeats the address. */
const lost = (error: { readonly cause?: unknown }): string =>
  error.cause instanceof Guard.Blocked || error.cause instanceof Guard.TooLarge
    ? error.cause.message
    : ToolFailure.fromUnknown(error).message

const download = Effect.fnUntraced(
  function*(
    title: string,
    place: string,
    allowPrivate: ReadonlyArray<string>
  ): Effect.fn.Return<string, Exit, Scope.Scope> {
    const url = URL.parse(place)
    if (url === null) return yield* usage(`${title} is not a URL`)
    const ports = [80, 443, ...(url.port === "" ? [] : [Number(url.port)])]
    const client = yield* Effect.mapError(
      Guard.make({ allowPrivate, ports, maxSize: largest }),
      () => usage("\"OPENAPI_ALLOW_PRIVATE\" is not a list of hosts")
    )
    return yield* Effect.gen(function*() {
      const response = yield* client.get(url.href)
      if (response.status !== 200) return yield* failed(`${title} cannot be read: status ${response.status}`)
      return yield* response.text
    }).pipe(
      Effect.timeout(timeout),
      Effect.mapError((error) => error._tag === "Exit" ? error : failed(`${title} cannot be read: ${lost(error)}`))
    )
  }
)

const readFile = Effect.fnUntraced(function*(title: string, place: string) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.mapError(
    fs.stat(place),
    ({ reason }) => usage(`${title} ${reason._tag === "NotFound" ? "does not exist" : "cannot be read"}`)
  )
  if (info.type !== "File") return yield* usage(`${title} is not a file`)
  if (Number(info.size) > largest) return yield* tooLarge(title)
  return yield* Effect.mapError(fs.readFileString(place), () => usage(`${title} cannot be read`))
})

const configured = Effect.fnUntraced(function*(name: string | undefined) {
  const server = yield* Config.option(Config.NonEmptyString(OpenApi.secretKey("server", name)))
  const hosts = yield* Config.option(Config.Array(Schema.String, "OPENAPI_ALLOW_PRIVATE"))
  return { server: Option.getOrUndefined(server), allowPrivate: Option.getOrElse(hosts, () => []) }
})

const load = Effect.fnUntraced(function*(
  { name, place }: Entry,
  include: ReadonlyArray<string>
): Effect.fn.Return<Source.Source, Exit, FileSystem.FileSystem | Scope.Scope> {
  const title = titleOf(place)
  const wrong = (error: OpenApi.ToolkitError): Exit => {
    const hint = error._tag === "IncludeUnusable" ? "; choose with --openapi-include" : ""
    return usage(`${title}: ${messageOf(error)}${hint}`)
  }
  const { allowPrivate, server } = yield* Effect.mapError(configured(name), (error) => usage(messageOf(error)))
  const document = Source.isUrl(place) ? yield* download(title, place, allowPrivate) : yield* readFile(title, place)
  const { tools, withheld } = yield* Effect.mapError(
    OpenApi.toolkit(document, {
      include,
      allowPrivate,
      ...(name === undefined ? {} : { name }),
      ...(Source.isUrl(place) ? { url: place } : {}),
      ...(server === undefined ? {} : { server })
    }),
    wrong
  )
  return {
    name: title,
    tools,
    layer: Layer.empty,
    isModule: false,
    withheld: withheld.map(({ operation, reason }) => ({ name: operation, reason }))
  }
})

/**
 * The tools of all documents that a command was told of, one source for each.
 *
 * @internal
 */
export const sources = Effect.fnUntraced(function*(
  { include, openapi }: Asked
): Effect.fn.Return<ReadonlyArray<Source.Source>, Exit, FileSystem.FileSystem | Scope.Scope> {
  if (openapi.length === 0 && include.length > 0) return yield* usage("--openapi-include needs --openapi")
  const documents = openapi.map(Source.parse)
  const names = documents.map(({ name }) => name)
  if (documents.length > 1 && (names.includes(undefined) || new Set(names).size < names.length)) {
    return yield* usage("Several OpenAPI documents need a name each: --openapi name=file-or-url")
  }
  const entries = include.map((text) => {
    const entry = Source.parse(text)
    return names.includes(entry.name) && entry.name !== undefined ? entry : { name: names[0], place: text }
  })
  const unclear = documents.length > 1 ? include.find((text) => !names.includes(Source.parse(text).name)) : undefined
  if (unclear !== undefined) {
    return yield* usage(`--openapi-include "${unclear}" needs the name of its document: name=entry`)
  }
  return yield* Effect.forEach(
    documents,
    (document) => load(document, entries.filter(({ name }) => name === document.name).map(({ place }) => place))
  )
})
