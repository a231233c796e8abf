/**
 * Answers tool calls: each exactly once, in parallel within bounds, on time.
 *
 * **Details**
 *
 * A call goes through these stages, outermost first:
 *
 * `resolve the tool → decode the arguments → approval → join an equal call → cache → wait for the serial key → wait for the calls it
 * comes after → fallback (retry (reconcile (hedge (circuit breaker (rate limit (bulkhead (timeout (handler, encode)))))))) →
 * bound the size → answer`
 *
 * A stage that a tool's policy does not use is left out, and no place is held while a call waits. Every failure becomes an
 * answer that the model can read, except a fatal one.
 *
 * `call` sends one call through the same stages without a model: for tests, scripts and the command line.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Dependencies from "./Dependencies.ts"
import { atEnd } from "./internal/atEnd.ts"
import * as BoundTool from "./internal/boundTool.ts"
import { canonicalArguments } from "./internal/canonicalJson.ts"
import { isTooDeep } from "./internal/depth.ts"
import { after, makeSubmitted, type Other } from "./internal/dispatch/after.ts"
import * as Answers from "./internal/dispatch/answer.ts"
import { attempt } from "./internal/dispatch/attempt.ts"
import { makeRoom, maximumBytesOfTurn } from "./internal/dispatch/bound.ts"
import { breaker } from "./internal/dispatch/breaker.ts"
import { bulkhead } from "./internal/dispatch/bulkhead.ts"
import { cache } from "./internal/dispatch/cache.ts"
import { checkTools } from "./internal/dispatch/checkTools.ts"
import { runFor } from "./internal/dispatch/endOf.ts"
import { fallback } from "./internal/dispatch/fallback.ts"
import { type Gate, makeGate, makeGrants } from "./internal/dispatch/gate.ts"
import { hedge } from "./internal/dispatch/hedge.ts"
import { type Handler, makeDecode, makePlan } from "./internal/dispatch/plan.ts"
import { rateLimit } from "./internal/dispatch/rateLimit.ts"
import { reconcile } from "./internal/dispatch/reconcile.ts"
import { makeRetries, type OfRun } from "./internal/dispatch/retries.ts"
import { retry } from "./internal/dispatch/retry.ts"
import { serial } from "./internal/dispatch/serial.ts"
import { singleFlight } from "./internal/dispatch/singleFlight.ts"
import {
  type Asked,
  type Call,
  type Execute,
  type Failed,
  notExecuted,
  type Plan,
  type Result,
  type Shared,
  type Stage
} from "./internal/dispatch/stage.ts"
import { unknownTool } from "./internal/dispatch/texts.ts"
import { isMasked } from "./internal/masked.ts"
import * as Permits from "./internal/permits.ts"
import { sha256 } from "./internal/sha256.ts"
import * as Telemetry from "./internal/telemetry.ts"
import type { JournalFailure } from "./Journal.ts"
import * as Limits from "./Limits.ts"
import * as ResultStore from "./ResultStore.ts"
import type * as RunEvent from "./RunEvent.ts"
import * as ToolCache from "./ToolCache.ts"
import type * as ToolFailure from "./ToolFailure.ts"
import * as ToolPolicy from "./ToolPolicy.ts"

/** Around all attempts of a call, outermost first. */
const outer: ReadonlyArray<Stage> = [singleFlight, serial, cache, after]

/** Around an attempt, outermost first; a fallback has these of its own. */
const inner: ReadonlyArray<Stage> = [fallback, retry, reconcile, hedge, breaker, rateLimit, bulkhead]

const through = (stages: ReadonlyArray<Stage>, plan: Plan, innermost: Execute): Execute =>
  stages.reduceRight<Execute>((next, stage) => stage(plan)?.(next) ?? next, innermost)

interface Compiled {
  readonly effectClass: ToolPolicy.EffectClass
  readonly decode: (params: unknown) => Effect.Effect<unknown, string>
  readonly gate: Gate | undefined
  readonly plan: Plan
  /** The inner stages alone. */
  readonly attempts: Execute
  readonly execute: Execute
}

/**
 * The tools of a run, ready to answer calls.
 *
 * @internal
 */
export interface Dispatcher {
  readonly tools: ReadonlyMap<string, Compiled>
  readonly dependencies: Dependencies.Dependencies
  readonly cache: ToolCache.ToolCache
  readonly results: ResultStore.ResultStore
  /** Whether the model can read what was left out of a result. */
  readonly readable: boolean
}

/**
 * One answer. `result` is what the model reads; `fatal` is the error that the run has to end with; `handle` names the whole
 * result in the `ResultStore` where it was cut.
 *
 * @internal
 */
export interface Answer extends Answers.Answer {}

/**
 * A call as the model asked for it, with its idempotency key.
 *
 * @internal
 */
export interface Request extends Asked {}

/**
 * The retries of a run: how many it may have and how many are left. Those of a run that another one started are taken from
 * both.
 *
 * @internal
 */
export interface Retries extends OfRun {}

/**
 * The calls of one turn.
 *
 * - `submit` decodes a call and takes its place among the others, so calls are submitted in call order; the effect that
 *   comes back runs the call, in a fiber of its own, and gives its answer. A call that wants approval and has none is not run.
 * - `approve` lets one call that wants approval run, once, until `expires` (milliseconds since the epoch, default for ever).
 * - `close` says that all calls of the turn are known: those submitted, and `others`, which are answered without being run or
 *   submitted later. Calls that come `after` others wait for it, and until then room is held back for the results of calls that
 *   may come.
 * - `withhold` says that a call announced as to be submitted later is not run.
 *
 * @internal
 */
export interface Dispatch {
  readonly submit: (request: Request, deadline: number) => Effect.Effect<Effect.Effect<Answer>>
  readonly approve: (key: string, expires?: number) => void
  readonly close: (others?: ReadonlyArray<Other>) => void
  readonly withhold: (name: string, index: number) => void
}

/**
 * The idempotency key of a call: the same for every attempt of it, in this process or a later one.
 *
 * @internal
 */
export const idempotencyKey = (runId: string, { index, name, params, turn }: Omit<Request, "key">): string =>
  sha256(`${JSON.stringify([runId, turn, index, name])}${isTooDeep(params) ? "" : canonicalArguments(params)}`)

/**
 * The effect class of the tool of that name; an unknown tool does nothing, so it is read-only.
 *
 * @internal
 */
export const effectClass = (dispatcher: Dispatcher, name: string): ToolPolicy.EffectClass =>
  dispatcher.tools.get(name)?.effectClass ?? "readonly"

/**
 * Whether calls of the tool of that name may want approval.
 *
 * @internal
 */
export const isGated = (dispatcher: Dispatcher, name: string): boolean => dispatcher.tools.get(name)?.gate !== undefined

/**
 * What is wrong with the policies of tools that are to run together: an option that the class of a tool does not allow
 * (`cache` and `hedge` are for read-only tools, `reconcile` for effectful ones), an `after` that names no tool or itself, a
 * `fallback` that does more than the tool, falls back to itself or has no handler, a raw JSON Schema that cannot be used. One
 * sentence each.
 *
 * @category combinators
 * @since 0.1.0
 */
export const check = (tools: Iterable<Tool.Any>): ReadonlyArray<string> =>
  checkTools(new Map(Array.from(tools, (tool) => [tool.name, tool])))

const handlerOf = (tool: Tool.Any, services: Context.Context<never>): Handler => {
  if (BoundTool.isBound(tool)) {
    return { handler: tool[BoundTool.TypeId].handler as Handler["handler"], context: Context.empty() }
  }
  const handler = services.mapUnsafe.get(tool.id) as Handler | undefined
  if (handler === undefined) throw new Error(`Tool "${tool.name}" has no handler in the context`)
  return handler
}

const compile = (services: Context.Context<never>) => {
  const compiled = new Map<Tool.Any, Compiled>()
  const make = (tool: Tool.Any): Compiled => {
    const known = compiled.get(tool)
    if (known !== undefined) return known
    const substitute = ToolPolicy.get(tool).fallback
    const standsIn = substitute === undefined
      ? undefined
      : { name: substitute.name, execute: make(substitute).attempts }
    const plan = makePlan(tool, handlerOf(tool, services), services, standsIn)
    const attempts = through(inner, plan, attempt(plan))
    const made: Compiled = {
      effectClass: plan.effectClass,
      decode: makeDecode(tool, services),
      gate: makeGate(tool, services),
      plan,
      attempts,
      execute: through(outer, plan, attempts)
    }
    compiled.set(tool, made)
    return made
  }
  return make
}

/**
 * Compiles tools with the handlers found in the context: once per run.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(tools: Iterable<Tool.Any>): Effect.fn.Return<Dispatcher> {
  const compiled = compile(yield* Effect.context())
  // what the provider runs itself is never dispatched
  const all = Array.from(tools).filter((tool) => !Tool.isProviderDefined(tool) || tool.requiresHandler)
  return {
    tools: new Map(all.map((tool) => [tool.name, compiled(tool)])),
    readable: all.some(ResultStore.isReadResult),
    dependencies: yield* Dependencies.current,
    cache: yield* ToolCache.current,
    results: yield* ResultStore.current
  }
})

/** What an effect comes to before the deadline, milliseconds since the epoch; `undefined` where it is late. */
const until = <A, E>(effect: Effect.Effect<A, E>, deadline: number): Effect.Effect<Exit.Exit<A, E> | undefined> =>
  Exit.isExit(effect)
    ? Effect.succeed(effect as Exit.Exit<A, E>)
    : Effect.clockWith((clock) => runFor(effect, Math.max(0, deadline - clock.currentTimeMillisUnsafe())))

/** How long the calls of a turn wait for one of them to say whether it wants approval, in milliseconds. */
const longestGate = 5000

/**
 * Whether a call wants approval before it is run. One that does not say so within 5 seconds, nor before the deadline, wants it; one
 * whose arguments are not valid is not run anyway.
 *
 * @param messages - the conversation that led to the call
 * @param deadline - in milliseconds since the epoch; default none
 * @internal
 */
export const wantsApproval = (
  dispatcher: Dispatcher,
  request: Request,
  messages: ReadonlyArray<Prompt.Message>,
  deadline: number = Number.POSITIVE_INFINITY
): Effect.Effect<boolean> => {
  const tool = dispatcher.tools.get(request.name)
  const gate = tool?.gate
  if (tool === undefined || gate === undefined) return Effect.succeed(false)
  return Effect.clockWith((clock) => {
    const end = Math.min(deadline, clock.currentTimeMillisUnsafe() + longestGate)
    return Effect.flatMap(
      until(tool.decode(request.params), end),
      (decoded) =>
        decoded === undefined || Exit.isFailure(decoded)
          ? Effect.succeed(false)
          : Effect.map(
            until(gate(request, decoded.value, messages), end),
            (wanted) => wanted === undefined || Exit.isFailure(wanted) || wanted.value
          )
    )
  })
}

const invalid = (reason: ToolFailure.PermanentReason, message: string): Failed =>
  notExecuted("permanent", reason, message)

const unchecked = Exit.fail(
  notExecuted("transient", "Timeout", "the deadline passed before its arguments were checked")
)

const nothing: Result = { value: undefined }

const journalLost = (error: JournalFailure): Failed => ({
  kind: "fatal",
  reason: "JournalFailure",
  message: error.message,
  executed: false,
  error
})

/**
 * Opens the dispatch of one turn.
 *
 * @param options.concurrency - handlers that run at the same time, at least 1
 * @param options.retries - of the run; the same object for every dispatch of it
 * @param options.thread - of which the run is one
 * @param options.messages - the conversation so far, for tools that decide by it whether a call wants approval
 * @param options.emit - appends an event, made of its time; when it fails the call in question is answered with a fatal failure
 * @internal
 */
export const open = (
  dispatcher: Dispatcher,
  options: Pick<Shared, "runId" | "tenant" | "publish"> & {
    readonly concurrency: number
    readonly retries: Retries
    readonly thread: string | undefined
    readonly messages?: () => ReadonlyArray<Prompt.Message>
    readonly emit: (event: (at: number) => RunEvent.RunEvent) => Effect.Effect<void, JournalFailure>
  }
): Dispatch => {
  const { cache, dependencies, readable, results } = dispatcher
  const room = makeRoom(maximumBytesOfTurn)
  const submitted = makeSubmitted()
  const grants = makeGrants()
  const shared: Shared = {
    runId: options.runId,
    tenant: options.tenant,
    permits: Permits.make(options.concurrency),
    lanes: new Map(),
    flights: new Map(),
    submitted,
    dependencies,
    cache,
    retries: makeRetries(options.retries, dependencies, options.thread),
    emit: (event) => Effect.mapError(options.emit(event), journalLost),
    publish: options.publish
  }

  /** Decodes the arguments; a failure is what the model is told. */
  const decode = ({ name, params }: Request, tool: Compiled | undefined): Effect.Effect<unknown, Failed> => {
    if (tool === undefined) {
      return Exit.fail(invalid("NotFound", unknownTool(name, Array.from(dispatcher.tools.keys()))))
    }
    const decoded = tool.decode(params)
    return Exit.isExit(decoded) && Exit.isSuccess(decoded) ?
      Effect.succeed(decoded.value) :
      Effect.catchCause(decoded, (cause) =>
        Effect.fail(
          invalid(
            "InvalidArguments",
            Option.getOrElse(Cause.findErrorOption(cause), () => "the arguments could not be decoded")
          )
        ))
  }

  const messages = options.messages ?? (() => [])

  /** A call that wants approval and has none is refused here, whoever asks. */
  const authorize = (request: Request, gate: Gate, decoded: unknown): Effect.Effect<unknown, Failed> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      grants.take(idempotencyKey(options.runId, request), now)
        ? Effect.succeed(decoded)
        : Effect.flatMap(gate(request, decoded, messages()), (wanted) =>
          wanted
            ? Effect.fail(invalid("PermissionDenied", "the call wants approval and was not approved"))
            : Effect.succeed(decoded)))

  const admit = (request: Request, deadline: number): Effect.Effect<Exit.Exit<unknown, Failed>> => {
    const tool = dispatcher.tools.get(request.name)
    const decoded = decode(request, tool)
    const gate = tool?.gate
    const admitted = gate === undefined ? decoded : Effect.flatMap(decoded, (value) => authorize(request, gate, value))
    return Effect.mapEager(until(admitted, deadline), (exit) => exit ?? unchecked)
  }

  /** Runs a call that is admitted to its answer, or the failure to admit it. */
  const toAnswer = (request: Request, deadline: number, decoded: Exit.Exit<unknown, Failed>) => {
    const tool = dispatcher.tools.get(request.name)
    const answered = submitted.add(request.name, request.index)
    const place = room.add()
    const call: Call = {
      ...request,
      decoded: Exit.isSuccess(decoded) ? decoded.value : undefined,
      deadline,
      shared,
      history: { attempts: request.before?.attempts ?? 0, handlers: [], acted: request.before?.acted ?? false },
      hedge: false,
      handler: undefined
    }
    // called here, in call order: see `Execute`
    const run = resumed(tool, call, Exit.isSuccess(decoded)) ??
      (tool === undefined || Exit.isFailure(decoded) ? Exit.map(decoded, () => nothing) : tool.execute(call))
    const answer = (exit: Exit.Exit<Result, Failed>) =>
      Answers.answer({ place, results, readable }, call, tool?.plan, exit)
    // what an attempt before did stays done
    const open = (failed: Failed): Failed => call.history.acted === true ? { ...failed, executed: true } : failed
    const answering = Effect.matchCauseEffect(run, {
      onFailure: (cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.interrupt : answer(Exit.failCause(Cause.map(cause, open))),
      onSuccess: (result) => answer(Exit.succeed(result))
    })
    const settled = atEnd(answering, (exit) => {
      if (Exit.isFailure(exit)) place.leave()
      answered(Exit.isSuccess(exit) && exit.value.ok)
    })
    return Telemetry.toolCall(call)(settled)
  }

  const submit: Dispatch["submit"] = (request, deadline) =>
    Effect.mapEager(admit(request, deadline), (admitted) => toAnswer(request, deadline, admitted))

  const close: Dispatch["close"] = (others = []) => {
    submitted.close(others)
    room.close(others.filter(({ ok }) => ok === undefined).length)
  }

  const withhold: Dispatch["withhold"] = (name, index) => {
    submitted.add(name, index)(false)
    room.add().leave()
  }

  return { submit, approve: grants.add, close, withhold }
}

const lost: Failed = {
  kind: "unknown",
  reason: "Unknown",
  message: "the process ended while this call was running",
  executed: true
}

const masked = invalid(
  "FailedPrecondition",
  "its arguments held a secret, which the journal does not keep; ask for it again"
)

/**
 * What a call that was begun before comes to without being run again; `undefined` where it may be run. It may where both its
 * class then and its class now allow it, or where the tool can find out what came of it.
 */
const resumed = (tool: Compiled | undefined, call: Call, admitted: boolean): Exit.Exit<never, Failed> | undefined => {
  const { before, params } = call
  if (before === undefined) return undefined
  const { failure } = before
  if (failure?.kind === "permanent" || failure?.kind === "defect") return Exit.fail(failure)
  const held = isMasked(params)
  const isHarmless = before.class !== "effectful" && tool?.effectClass !== "effectful"
  if (!before.acted || isHarmless) return held ? Exit.fail(masked) : undefined
  if (held || !admitted || tool?.plan.reconcile === undefined) return Exit.fail(lost)
  call.history.lost = lost
  return undefined
}

/**
 * What became of a single call: its answer and the events on the way.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallReport extends Omit<Answer, "fatal"> {
  readonly events: ReadonlyArray<RunEvent.RunEvent>
}

/**
 * What running a tool needs: its handler, unless the tool carries one, and the services of both.
 *
 * @category models
 * @since 0.1.0
 */
export type Requirements<T> = T extends BoundTool.Bound<infer R> ? R | Tool.SchemaServices<T>
  : T extends Tool.Any ? Tool.HandlersFor<{ readonly [_ in T["name"]]: T }> | Tool.HandlerServices<T>
  : never

/**
 * Runs one call through the stages of its tool, without a model. It fails only with a fatal failure of the tool.
 *
 * **Example** (Counting attempts)
 *
 * ```ts
 * import { Agent, Dispatcher, ToolFailure } from "@volley/core"
 * import { Effect, Schema } from "effect"
 *
 * let calls = 0
 * const flaky = Agent.tool("flaky", {
 *   description: "Fails once",
 *   class: "readonly",
 *   parameters: { id: Schema.String },
 *   run: ({ id }) =>
 *     ++calls === 1
 *       ? Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "busy" }))
 *       : Effect.succeed(id)
 * })
 *
 * const { attempts, result } = await Effect.runPromise(Dispatcher.call(flaky, { id: "a" }))
 * console.log(attempts, result)
 * ```
 *
 * ```text
 * 2 a
 * ```
 *
 * @param args - the arguments as the model would give them (encoded)
 * @param options.limits - `concurrency`, `retries`, `deadline` and `toolTimeout` apply
 * @category combinators
 * @since 0.1.0
 */
export const call = Effect.fnUntraced(function*<T extends Tool.Any>(
  tool: T,
  args: Tool.ParametersEncoded<T>,
  options: { readonly limits?: Limits.Limits; readonly runId?: string; readonly tenant?: string } = {}
): Effect.fn.Return<CallReport, ToolFailure.Fatal<Tool.Failure<T>>, Requirements<T>> {
  const limits = Limits.resolve(options.limits)
  const events: Array<RunEvent.RunEvent> = []
  const runId = options.runId ?? "call"
  const dispatch = open(yield* make([tool]), {
    runId,
    tenant: options.tenant,
    thread: undefined,
    concurrency: limits.concurrency,
    retries: { allowed: limits.retries, left: limits.retries },
    emit: (event) =>
      Effect.clockWith((clock) => Effect.succeed(void events.push(event(clock.currentTimeMillisUnsafe())))),
    publish: () => Effect.void
  })
  const now = yield* Clock.currentTimeMillis
  const deadline = now +
    Math.min(limits.deadline ?? Number.POSITIVE_INFINITY, limits.toolTimeout ?? Number.POSITIVE_INFINITY)
  const asked = { turn: 1, request: 1, index: 0, id: "call", name: tool.name, params: args }
  const request: Request = { ...asked, key: idempotencyKey(runId, asked) }
  // whoever calls a tool by name has approved the call
  dispatch.approve(request.key)
  const run = yield* dispatch.submit(request, deadline)
  dispatch.close()
  const { fatal, ...answer } = yield* run
  if (Option.isSome(fatal)) return yield* Effect.fail(fatal.value as ToolFailure.Fatal<Tool.Failure<T>>)
  return { ...answer, events }
})
