/**
 * Tools made of the operations of an API, from its OpenAPI document (3.0 or 3.1).
 *
 * **Details**
 *
 * Each operation that is included becomes a tool that carries its handler:
 *
 * - Its name is the operation's id, else method and path; its parameters are those of the operation, by name, and `body`.
 * - GET and HEAD are read-only, PUT and DELETE idempotent, POST and PATCH effectful; one of these that has a header
 *   `Idempotency-Key` is idempotent, and is sent the key of the call.
 * - It asks one server, through `Guard`: no other host, no private address that is not allowed, no redirect to elsewhere.
 * - Its secrets come from the configuration and are in no argument, result, failure, event or span.
 * - A status from 400 on is a failure by the table of `ToolFailure.fromUnknown`; 401 is fatal where a secret was sent.
 *
 * What cannot be a tool is withheld, with the reason, and the rest stands. The word of the document is not trusted: no argument
 * changes the path, the host, another parameter or a header of a request.
 *
 * It does not follow references to other documents, send files, or refresh tokens.
 *
 * **Example** (Two operations of an API)
 *
 * ```ts
 * import { OpenApi } from "@volley/tools/openapi"
 * import { Effect } from "effect"
 *
 * const document = `
 * openapi: 3.1.0
 * servers: [{ url: https://issues.example.com/api }]
 * paths:
 *   /issues:
 *     get: { operationId: listIssues, summary: List the open issues }
 *     post: { operationId: createIssue, summary: Create an issue }
 *   /issues/{id}:
 *     get: { summary: Read an issue, parameters: [{ name: id, in: path, required: true, schema: { type: integer } }] }
 * `
 *
 * const program = OpenApi.toolkit(document, { include: ["listIssues", "GET /issues/*"] }).pipe(
 *   Effect.map(({ tools }) => tools.map(({ name }) => name)), // for an agent: `tools: [...api.tools]`
 *   Effect.scoped
 * )
 * console.log(await Effect.runPromise(program))
 * ```
 *
 * ```text
 * [ 'listIssues', 'get_issues_id' ]
 * ```
 *
 * @since 0.1.0
 */
import * as Redactor from "@volley/core/Redactor"
import type * as ToolPolicy from "@volley/core/ToolPolicy"
import type * as Tool from "effect/ai/Tool"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Guard from "../http/Guard.ts"
import * as rules from "../http/internal/rules.ts"
import { plainUrl } from "../internal/webUrl.ts"
import { fitting, parse } from "./internal/document.ts"
import * as Names from "./internal/names.ts"
import * as Operations from "./internal/operations.ts"
import * as Schemas from "./internal/schemas.ts"
import * as Security from "./internal/security.ts"
import * as Make from "./internal/tool.ts"
import { type DocumentUnusable, type IncludeUnknown, type IncludeUnusable, OptionUnusable } from "./OpenApiError.ts"

export * from "./OpenApiError.ts"

/**
 * Which operations become tools, and how.
 *
 * - `include`: the operations by id (`"listIssues"`), by tag (`"tag:issues"`), or by method and path, where `*` stands for any
 *   method or for what is between two slashes, and `**` for any path (`"GET /issues/*"`). At most 128 operations. A deprecated
 *   operation has to be named by its id or its whole method and path.
 * - `name`: of the API; stands in front of the names of tools and in the keys of secrets. Default none.
 * - `url`: where the document is, for servers that it gives relative to that; default none.
 * - `server`: an http or https URL without a query, in the place of the document's servers; default the first server of the
 *   operation, else of its path, else of the document, with variables at their defaults.
 * - `allowPrivate`: servers that may have an address that is not public, as in `Guard.Options`; default none.
 * - `policy`: timeout, retry, concurrency and more, for each of the tools.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  readonly include: ReadonlyArray<string>
  readonly name?: string
  readonly url?: string
  readonly server?: string
  readonly allowPrivate?: ReadonlyArray<string>
  readonly policy?: Omit<ToolPolicy.Options<Tool.Any, {}>, "failures">
}

/**
 * A tool made of an operation. It carries its handler.
 *
 * @category models
 * @since 0.1.0
 */
export type ApiTool = Make.ApiTool

/**
 * An included operation that is no tool, such as `GET /pets/{id}`, and why.
 *
 * @category models
 * @since 0.1.0
 */
export interface Withheld {
  readonly operation: string
  readonly reason: string
}

/**
 * The tools of an API, in the order of its document, and what is withheld.
 *
 * @category models
 * @since 0.1.0
 */
export interface Api {
  readonly tools: ReadonlyArray<ApiTool>
  readonly withheld: ReadonlyArray<Withheld>
}

/**
 * Why there are no tools.
 *
 * @category errors
 * @since 0.1.0
 */
export type ToolkitError =
  | DocumentUnusable
  | IncludeUnknown
  | IncludeUnusable
  | OptionUnusable
  | Config.ConfigError

/**
 * The key in the configuration of the secret of a security scheme: `OPENAPI_`, the name of the API if it has one, and that of
 * the scheme, in capitals.
 *
 * @param scheme - its name in the document, such as `bearerAuth`
 * @param name - `Options.name`
 * @category combinators
 * @since 0.1.0
 */
export const secretKey = (scheme: string, name?: string): string => Security.keyOf(name, scheme)

const isServed = (hosts: ReadonlyArray<rules.Host>, server: URL): boolean =>
  rules.refusal({ allowed: hosts, privates: [], ports: new Set([rules.portOf(server)]) }, server) === undefined

/** The host and the port of a server, as lists have them. */
const pinned = (server: URL): string => `${server.hostname}:${rules.portOf(server)}`

const optionsOf = Effect.fnUntraced(function*({ allowPrivate = [], name, server, url }: Options) {
  const privates = allowPrivate.map((text) => rules.parseHost(text.trim()))
  if (privates.includes(undefined)) {
    return yield* new OptionUnusable({
      name: "allowPrivate",
      expected: "a list of hosts such as \"example.com\" or \"localhost:8080\""
    })
  }
  if (name !== undefined && !/^[A-Za-z][\w-]{0,31}$/.test(name)) {
    return yield* new OptionUnusable({ name: "name", expected: "a name of up to 32 letters, digits, \"_\" and \"-\"" })
  }
  if (url !== undefined && !URL.canParse(url)) {
    return yield* new OptionUnusable({ name: "url", expected: "a whole URL" })
  }
  const given = server === undefined ? undefined : plainUrl(server)
  if (server !== undefined && given === undefined) {
    return yield* new OptionUnusable({ name: "server", expected: "a plain http or https URL" })
  }
  return { privates: privates.filter((host) => host !== undefined), server: given, url }
})

/** One client for each server, which asks no other one. */
const clientsOf = Effect.fnUntraced(function*(servers: ReadonlyArray<URL>, privates: ReadonlyArray<rules.Host>) {
  const byOrigin = new Map(servers.map((server) => [server.origin, server]))
  const all = yield* Effect.forEach(byOrigin.values(), (server) => {
    const hosts = [pinned(server)]
    const client = Guard.make({ allowHosts: hosts, allowPrivate: isServed(privates, server) ? hosts : [] })
    return Effect.map(Effect.orDie(client), (made) => [server.origin, HttpClient.withScope(made)] as const)
  })
  return new Map(all)
})

/**
 * Makes tools of the operations of a document. Connections are closed when the scope ends.
 *
 * **Details**
 *
 * The secret of a security scheme is read from the configuration: its key is `OPENAPI_`, the `name` of the API if it has one,
 * and the name of the scheme, in capitals (`OPENAPI_GITHUB_BEARER_AUTH`). Of HTTP basic it is user name and password with a
 * colon between them.
 *
 * Fails where the document cannot be read (more than 16 MiB, another version than 3.0 or 3.1, neither JSON nor YAML), where an
 * entry of `include` means no operation or all together mean none or too many, and where an option or the configuration
 * cannot be used.
 *
 * @param document - its text, JSON or YAML, or its value
 * @category constructors
 * @since 0.1.0
 */
export const toolkit: (
  document: string | object,
  options: Options
) => Effect.Effect<Api, ToolkitError, Scope.Scope> = Effect.fnUntraced(function*(input, options) {
  const { privates, server, url } = yield* optionsOf(options)
  const document = yield* Effect.fromResult(parse(input))
  const all = Operations.operationsOf(document)
  const included = yield* Effect.fromResult(Operations.included(all, options.include))
  const schemes = yield* Security.schemesOf(document, options.name)
  const common: Make.Common = {
    document,
    url,
    server,
    schemes,
    schemas: [Schemas.make(document, true), Schemas.make(document, false)],
    isPrivate: (one) => isServed(privates, one)
  }
  const withheld: Array<Withheld> = []
  const planned = included.flatMap(({ byName, operation }) => {
    const plan = operation.fields["deprecated"] === true && !byName
      ? Result.fail("it is deprecated: include it by its name to have it")
      : fitting(() => Make.planOf(common, operation))
    if (Result.isSuccess(plan)) return [{ operation, ...plan.success }]
    withheld.push({ operation: operation.key, reason: plan.failure })
    return []
  })
  const clients = yield* clientsOf(planned.map(({ plan }) => plan.server), privates)
  const secrets = planned.flatMap(({ plan }) => plan.credentials.flatMap(Security.revealing))
  const redactor = yield* Redactor.current
  secrets.forEach(redactor.add)
  const names = Names.namesOf(all, options.name)
  const tools = planned.flatMap(({ operation, ...one }) => {
    const { host, origin } = one.plan.server
    const api = { client: clients.get(origin)!, redactor, host }
    const made = fitting(() => Make.make(names.get(operation)!, one, api, options.policy ?? {}))
    if (Result.isSuccess(made)) return [made.success]
    withheld.push({ operation: operation.key, reason: made.failure })
    return []
  })
  return { tools, withheld }
})
