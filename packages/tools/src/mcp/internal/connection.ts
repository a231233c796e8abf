/**
 * A connection to a server: opened with the newest protocol version that the server speaks, opened again by the next call after it
 * was lost, with the definitions of the tools as they are now.
 *
 * @internal
 */
import * as ToolFailure from "@volley/core/ToolFailure"
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { ConnectionFailed, type McpError, Unauthorized, VersionUnsupported } from "../McpError.ts"
import type { Call } from "./call.ts"
import { type Listing, readListing } from "./definition.ts"
import { failureOf, isProtocolError, sessionLost, statusOf } from "./failure.ts"
import { harmless, make as makeSaid, type Said } from "./said.ts"
import { type Client, load, type Package, type Transport, versions } from "./sdk.ts"
import type { Wire } from "./wire.ts"

/** The way to a server, once it is open; `bye` is said at its end. @internal */
export interface Channel {
  readonly transport: Transport
  readonly wire: Wire
  readonly bye: Effect.Effect<void>
}

/** How a server is reached. @internal */
export type Open<R> = (sdk: Package, said: Said) => Effect.Effect<Channel, McpError, R | Scope.Scope>

/** @internal */
export interface Connection {
  readonly protocolVersion: string
  readonly instructions: string | undefined
  readonly listing: Listing
  /** The tools as the server lists them now. */
  readonly refresh: Effect.Effect<Listing, ToolFailure.ToolFailure>
  readonly call: Call
}

interface Live {
  readonly client: Client
  readonly channel: Channel
  readonly scope: Scope.Closeable
  readonly listing: Listing
  isLost: boolean
}

/** Of a probe for the newest version that a server leaves without an answer, in milliseconds. */
const longestProbe = 5000

/** The official client has a time limit of its own; here the dispatcher has it. */
const noTimeout = 2 ** 31 - 1

const mostPages = 100

const longestDetail = 300

/** In the milliseconds of a farewell that a server does not answer. */
const farewell = "1 second"

/** From the newest: what is tried when the server refuses the one before, or ends at the sight of it. */
const attempts = versions.map((_, i) => ({
  versions: versions.slice(i),
  mode: i === 0 ? "auto" as const : "legacy" as const
}))

class Refused {
  readonly _tag = "Refused"
  readonly error: McpError
  /** Whether an older version may be what the server wants. */
  readonly older: boolean
  constructor(error: McpError, older: boolean) {
    this.error = error
    this.older = older
  }
}

const unanswered = "it is not asked here: there is no person and no model behind this client for it"

const changed = (name: string) =>
  ToolFailure.permanent({
    reason: "PermissionDenied",
    message:
      `the server changed the definition of its tool "${name}" since it was given; the changed one wants approval`
  })

const gone = (name: string) =>
  ToolFailure.permanent({ reason: "NotFound", message: `the server has no tool "${name}" any more` })

/** What the official client throws. */
class Thrown extends Data.TaggedError("Thrown")<{ readonly cause: unknown }> {}

const noListing = new TypeError("the server does not list its tools")

/** @param routed - see `readListing` */
const list = Effect.fnUntraced(function*(
  client: Client,
  wire: Wire,
  routed: boolean
): Effect.fn.Return<Listing, Thrown> {
  wire.isStale = false
  if (client.getServerCapabilities()?.tools === undefined) return { definitions: [], withheld: [] }
  const tools: Array<unknown> = []
  const cursors = new Set<string>()
  let cursor: string | undefined
  do {
    const from = cursor
    const { nextCursor } = yield* Effect.tryPromise({
      try: (signal) =>
        client.request({ method: "tools/list", params: from === undefined ? {} : { cursor: from } }, {
          signal,
          timeout: noTimeout
        }),
      catch: (cause) => new Thrown({ cause })
    })
    if (!Array.isArray(wire.listing)) return yield* new Thrown({ cause: noListing })
    tools.push(...wire.listing)
    cursor = nextCursor
    if (cursor !== undefined && cursors.has(cursor)) break
    cursors.add(cursor ?? "")
  } while (cursor !== undefined && cursors.size < mostPages && tools.length <= mostTools)
  return readListing(tools, routed)
})

/** More than these are withheld anyway. */
const mostTools = 1024

/**
 * @param options.timeout - for the server to be open and its tools listed
 * @internal
 */
export const make = Effect.fnUntraced(function*<R>(
  server: string,
  open: Open<R>,
  options: { readonly version: string; readonly timeout: Duration.Duration; readonly routed: boolean }
): Effect.fn.Return<Connection, McpError, R | Scope.Scope> {
  const outer = yield* Effect.scope
  const context = yield* Effect.context<R>()
  const sdk = yield* load
  const said = yield* makeSaid(server)
  const lock = Semaphore.makeUnsafe(1)
  const milliseconds = Duration.toMillis(options.timeout)
  /** Of the attempts, the first that may succeed. */
  let first = 0

  const notOpened = (detail: string) => {
    const words = said.last()
    return new ConnectionFailed({ server, detail: words === "" ? detail : `${detail}; it said: ${words}` })
  }

  const errorOf = (error: unknown, { wire }: Channel): McpError => {
    const status = statusOf(error)
    if (status === 401 || status === 403) return new Unauthorized({ server, status })
    const { offered } = wire
    if (typeof offered === "string" && !versions.includes(offered)) {
      return new VersionUnsupported({ server, offered: harmless(offered, 64), supported: versions })
    }
    return notOpened(harmless(failureOf(error).message, longestDetail))
  }

  const isOlder = (error: unknown, index: number): boolean =>
    isProtocolError(error) ||
    (index === 0 && Predicate.hasProperty(error, "code") && error.code === "ERA_NEGOTIATION_FAILED")

  const attempt = Effect.fnUntraced(function*(
    index: number,
    scope: Scope.Closeable
  ): Effect.fn.Return<Live, Refused, Scope.Scope> {
    const channel = yield* open(sdk, said).pipe(
      Effect.provideContext(context),
      Effect.mapError((error) => new Refused(error, false))
    ) as Effect.Effect<Channel, Refused, Scope.Scope>
    const { mode, versions } = attempts[index] ?? { mode: "legacy", versions: [] }
    const client = new sdk.Client({ name: "volley", version: options.version }, {
      supportedProtocolVersions: [...versions],
      versionNegotiation: { mode, probe: { timeoutMs: Math.min(longestProbe, milliseconds / 3) } },
      // makes a server of 2026-07-28 announce changes; the wire notes them
      listChanged: { tools: { autoRefresh: false, onChanged: () => undefined } },
      // results are checked by the tools themselves, without making code of what a server sends
      jsonSchemaValidator: {
        getValidator: () => (input) => ({ valid: true, data: input as never, errorMessage: undefined })
      }
    })
    client.fallbackRequestHandler = ({ method }) =>
      Promise.reject(new sdk.ProtocolError(-32_601, `"${method.slice(0, 64)}" is not supported: ${unanswered}`))
    const heard = yield* Queue.sliding<string, Cause.Done>(16)
    Object.assign(client, { onerror: ({ message }: Error) => Queue.offerUnsafe(heard, message) })
    yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(heard), (text) => said.log(text, "client"))))
    const failed = (error: unknown) => new Refused(errorOf(error, channel), isOlder(error, index))
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Effect.timeoutOption(channel.bye, farewell),
        Effect.ignore(Effect.tryPromise(() => client.close()))
      )
    )
    yield* Effect.tryPromise({
      try: (signal) => client.connect(channel.transport, { signal, timeout: milliseconds }),
      catch: failed
    })
    const listing = yield* Effect.mapError(list(client, channel.wire, options.routed), ({ cause }) => failed(cause))
    const live: Live = { client, channel, scope, listing, isLost: false }
    Object.assign(client, { onclose: () => (live.isLost = true) })
    return live
  })

  /** In a scope of its own, which ends with the connection. */
  const inScope = (index: number): Effect.Effect<Live, Refused> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        Scope.fork(outer),
        (scope) =>
          restore(Effect.provideService(attempt(index, scope), Scope.Scope, scope)).pipe(
            Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)
          )
      )
    )

  const from = (index: number): Effect.Effect<Live, McpError> =>
    Effect.catch(
      Effect.tap(inScope(index), () => Effect.sync(() => void (first = index))),
      ({ error, older }) => older && index + 1 < attempts.length ? from(index + 1) : Effect.fail(error)
    )

  const connect = Effect.suspend(() => from(first)).pipe(
    Effect.timeoutOrElse({
      duration: options.timeout,
      orElse: () => Effect.fail(notOpened(`it did not answer within ${Duration.format(options.timeout)}`))
    })
  )

  let live = yield* connect
  let listing = live.listing
  let hashes = hashesOf(listing)

  const took = (found: Listing): Listing => {
    listing = found
    hashes = hashesOf(found)
    return found
  }

  /** Opens the connection again where it was lost, and lists the tools again where they changed. */
  const current = lock.withPermit(Effect.gen(function*() {
    if (live.isLost) {
      yield* Scope.close(live.scope, Exit.void)
      live = yield* Effect.mapError(connect, reconnectFailure)
      took(live.listing)
      yield* Effect.logInfo(`MCP server "${server}" is connected again`)
    }
    if (live.channel.wire.isStale) {
      took(
        yield* Effect.mapError(list(live.client, live.channel.wire, options.routed), ({ cause }) => failureOf(cause))
          .pipe(
            // whatever was announced is not known yet
            Effect.onError(() => Effect.sync(() => void (live.channel.wire.isStale = true)))
          )
      )
    }
    return live
  }))

  const call: Call = Effect.fnUntraced(function*(definition, parameters, progressed) {
    const { hash, inputSchema, name } = definition
    const used = yield* current
    const known = hashes.get(name)
    if (known !== hash) return yield* known === undefined ? gone(name) : changed(name)
    const { content, isError, structuredContent } = yield* Effect.tryPromise({
      try: (signal) =>
        used.client.callTool({ name, arguments: { ...parameters } }, {
          signal,
          timeout: noTimeout,
          onprogress: progressed,
          toolDefinition: { name, inputSchema: { ...inputSchema, type: "object" } }
        }),
      catch: (error) => {
        if (statusOf(error) !== 404 || used.channel.transport.sessionId === undefined) return failureOf(error)
        used.isLost = true
        return sessionLost
      }
    })
    return { content, structured: structuredContent, isError: isError === true }
  })

  return {
    protocolVersion: live.client.getNegotiatedProtocolVersion() ?? "",
    instructions: live.client.getInstructions(),
    listing,
    refresh: Effect.map(current, () => listing),
    call
  }
})

const hashesOf = ({ definitions }: Listing): ReadonlyMap<string, string> =>
  new Map(definitions.map(({ hash, name }) => [name, hash]))

const reconnectFailure = (error: McpError): ToolFailure.ToolFailure =>
  error._tag === "Unauthorized"
    ? ToolFailure.permanent({ reason: "Unauthenticated", message: error.message })
    : ToolFailure.transient({ reason: "Unavailable", message: error.message, executed: false })
