/**
 * Answers tool calls: each exactly once, in parallel within bounds, on time.
 *
 * **Details**
 *
 * A call goes through these stages: resolve the tool, decode the arguments, wait for its serial key, then retry (bulkhead
 * (timeout (handler, encode))), then bound the size of the result. A stage that a tool's policy does not use is left out.
 * Every failure becomes an answer that the model can read, except a fatal one.
 *
 * `call` sends one call through the same stages without a model: for tests, scripts and the command line.
 *
 * @since 0.1.0
 */
import type * as Tool from "effect/ai/Tool"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as BoundTool from "./internal/boundTool.ts"
import { canonicalJson } from "./internal/canonicalJson.ts"
import { isTooDeep } from "./internal/depth.ts"
import { failureText, unknownTool } from "./internal/dispatch/answer.ts"
import { attempt } from "./internal/dispatch/attempt.ts"
import { boundResult, boundText } from "./internal/dispatch/bound.ts"
import { bulkhead } from "./internal/dispatch/bulkhead.ts"
import * as Permits from "./internal/dispatch/permits.ts"
import * as Plan from "./internal/dispatch/plan.ts"
import { retry } from "./internal/dispatch/retry.ts"
import { serial } from "./internal/dispatch/serial.ts"
import {
  type Asked,
  type Call,
  type Execute,
  type Failed,
  recorded,
  type Shared,
  type Stage
} from "./internal/dispatch/stage.ts"
import { sha256 } from "./internal/sha256.ts"
import * as Telemetry from "./internal/telemetry.ts"
import type { JournalFailure } from "./Journal.ts"
import * as Limits from "./Limits.ts"
import * as Redactor from "./Redactor.ts"
import type * as RunEvent from "./RunEvent.ts"
import type * as ToolFailure from "./ToolFailure.ts"
import type * as ToolPolicy from "./ToolPolicy.ts"

/** Outermost first. */
const stages: ReadonlyArray<Stage> = [serial, retry, bulkhead]

interface Compiled {
  readonly effectClass: ToolPolicy.EffectClass
  readonly decode: (params: unknown) => Effect.Effect<unknown, string>
  readonly execute: Execute
}

/**
 * The tools of a run, ready to answer calls.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dispatcher {
  readonly tools: ReadonlyMap<string, Compiled>
}

/**
 * One answer. `result` is what the model reads; `fatal` is the error that the run has to end with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly ok: boolean
  readonly result: unknown
  readonly attempts: number
  readonly failure: RunEvent.Failure | undefined
  readonly fatal: Option.Option<unknown>
}

/**
 * A call as the model asked for it, with its idempotency key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request extends Asked {}

/**
 * The calls of one turn. `submit` decodes a call and takes its place among the others, so calls are submitted in call
 * order; the effect that comes back runs the call, in a fiber of its own, and gives its answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dispatch {
  readonly submit: (request: Request, deadline: number) => Effect.Effect<Effect.Effect<Answer>>
}

/**
 * The idempotency key of a call: the same for every attempt of it, in this process or a later one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const idempotencyKey = (runId: string, { index, name, params, turn }: Omit<Request, "key">): string =>
  sha256(canonicalJson([runId, turn, index, name, isTooDeep(params) ? null : params]))

/**
 * The effect class of the tool of that name; an unknown tool does nothing, so it is read-only.
 *
 * @category combinators
 * @since 0.1.0
 */
export const effectClass = (dispatcher: Dispatcher, name: string): ToolPolicy.EffectClass =>
  dispatcher.tools.get(name)?.effectClass ?? "readonly"

const handlerOf = (tool: Tool.Any, services: Context.Context<never>): Plan.Handler => {
  if (BoundTool.isBound(tool)) {
    return { handler: tool[BoundTool.TypeId].handler as Plan.Handler["handler"], context: Context.empty() }
  }
  const handler = services.mapUnsafe.get(tool.id) as Plan.Handler | undefined
  if (handler === undefined) throw new Error(`Tool "${tool.name}" has no handler in the context`)
  return handler
}

/**
 * Compiles tools with the handlers found in the context: once per run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (tools: Iterable<Tool.Any>): Effect.Effect<Dispatcher> =>
  Effect.map(Effect.context(), (services) => {
    const compiled = new Map<string, Compiled>()
    for (const tool of tools) {
      const plan = Plan.makePlan(tool, handlerOf(tool, services), services)
      compiled.set(tool.name, {
        effectClass: plan.effectClass,
        decode: Plan.makeDecode(tool, services),
        execute: stages.reduceRight<Execute>((next, stage) => stage(plan)?.(next) ?? next, attempt(plan))
      })
    }
    return { tools: compiled }
  })

const invalid = (reason: ToolFailure.PermanentReason, message: string): Failed => ({
  kind: "permanent",
  reason,
  message,
  executed: false
})

const journalLost = (error: JournalFailure): Failed => ({
  kind: "fatal",
  reason: "JournalFailure",
  message: error.message,
  executed: false,
  error
})

const failedOf = (cause: Cause.Cause<Failed>): Failed =>
  Cause.hasDies(cause)
    ? { kind: "defect", reason: "Defect", message: "the dispatcher failed", executed: true, error: cause }
    : Option.getOrElse(Cause.findErrorOption(cause), () => invalid("Cancelled", "the call was interrupted"))

/**
 * Opens the dispatch of one turn.
 *
 * @param options.concurrency - handlers that run at the same time, at least 1
 * @param options.emit - appends an event; when it fails the call in question is answered with a fatal failure
 * @param options.takeRetry - takes one of the run's retries, `false` when none is left
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  dispatcher: Dispatcher,
  options: Pick<Shared, "runId" | "tenant" | "takeRetry" | "publish"> & {
    readonly concurrency: number
    readonly emit: (event: RunEvent.RunEvent) => Effect.Effect<void, JournalFailure>
  }
): Dispatch => {
  const shared: Shared = {
    runId: options.runId,
    tenant: options.tenant,
    permits: Permits.make(options.concurrency),
    lanes: new Map(),
    takeRetry: options.takeRetry,
    emit: (event) => Effect.mapError(options.emit(event), journalLost),
    publish: options.publish
  }

  /** Decodes the arguments; a failure is what the model is told. */
  const decode = ({ name, params }: Request, tool: Compiled | undefined): Effect.Effect<unknown, Failed> =>
    tool === undefined
      ? Effect.fail(invalid("NotFound", unknownTool(name, Array.from(dispatcher.tools.keys()))))
      : Effect.catchCause(tool.decode(params), (cause) =>
        Effect.fail(
          invalid(
            "InvalidArguments",
            Option.getOrElse(Cause.findErrorOption(cause), () => "the arguments could not be decoded")
          )
        ))

  const answer = (call: Call, exit: Exit.Exit<unknown, Failed>, tool: Compiled | undefined) =>
    Effect.map(Redactor.current, (redactor): Answer => {
      if (Exit.isSuccess(exit)) {
        const result = boundResult(exit.value)
        return { ok: true, result, attempts: call.attempt, failure: undefined, fatal: Option.none() }
      }
      const failed = failedOf(exit.cause)
      return {
        ok: false,
        result: boundText(redactor.redact(failureText(failed, call.attempt, tool?.effectClass ?? "readonly"))),
        attempts: call.attempt,
        failure: recorded(failed),
        fatal: failed.kind === "fatal" ? Option.some(failed.error) : Option.none()
      }
    })

  const submit: Dispatch["submit"] = Effect.fnUntraced(function*(request, deadline) {
    const tool = dispatcher.tools.get(request.name)
    const decoded = yield* Effect.exit(decode(request, tool))
    const call: Call = {
      ...request,
      params: Exit.isSuccess(decoded) ? decoded.value : request.params,
      deadline,
      shared,
      attempt: 0,
      handler: undefined
    }
    // called here, in call order: see `Execute`
    const run = tool === undefined || Exit.isFailure(decoded) ? decoded : tool.execute(call)
    return Effect.exit(run).pipe(
      Effect.flatMap((exit) =>
        Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? Effect.interrupt : answer(call, exit, tool)
      ),
      Telemetry.toolCall(call)
    )
  })

  return { submit }
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
export type Requirements<T> = BoundTool.Requirements<T>

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
 * const program = Effect.map(Dispatcher.call(flaky, { id: "a" }), (report) => report.attempts)
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
  let retries = limits.retries
  const runId = options.runId ?? "call"
  const dispatch = open(yield* make([tool]), {
    runId,
    tenant: options.tenant,
    concurrency: limits.concurrency,
    takeRetry: () => retries-- > 0,
    emit: (event) => Effect.sync(() => void events.push(event)),
    publish: () => Effect.void
  })
  const now = yield* Clock.currentTimeMillis
  const deadline = now +
    Math.min(limits.deadline ?? Number.POSITIVE_INFINITY, limits.toolTimeout ?? Number.POSITIVE_INFINITY)
  const asked = { turn: 1, request: 1, index: 0, id: "call", name: tool.name, params: args }
  const request: Request = { ...asked, key: idempotencyKey(runId, asked) }
  const { attempts, failure, fatal, ok, result } = yield* Effect.flatten(dispatch.submit(request, deadline))
  if (Option.isSome(fatal)) return yield* Effect.fail(fatal.value as ToolFailure.Fatal<Tool.Failure<T>>)
  return { ok, result, attempts, failure, events }
})
