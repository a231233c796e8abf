/**
 * The tools that a law is about, with handlers that meet their fates and write down what they did.
 *
 * @internal
 */
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as BoundTool from "../../../internal/boundTool.ts"
import { canonicalArguments } from "../../../internal/canonicalJson.ts"
import * as ToolCall from "../../../ToolCall.ts"
import * as ToolFailure from "../../../ToolFailure.ts"
import * as ToolPolicy from "../../../ToolPolicy.ts"
import * as Arguments from "../sim/arguments.ts"
import * as Fates from "./fates.ts"

/** A toolkit or a tool. @internal */
export type Member = Tool.Any | Toolkit.Any

/** @internal */
export const toolsOf = (members: ReadonlyArray<Member>): ReadonlyArray<Tool.Any> =>
  members.flatMap((member) => Predicate.hasProperty(member, "tools") ? Object.values(member.tools) : [member])

/** One execution of a handler, as it saw itself: the dispatcher has no part in this record. @internal */
export interface Execution {
  readonly tool: string
  readonly args: string
  readonly call: ToolCall.ToolCall
  readonly fate: Fates.Fate
  readonly start: number
  /** How many executions had begun or ended before it began, and before it ended. */
  readonly from: number
  to: number | undefined
  end: number | undefined
  /** What it failed with; `undefined` where it was done, or interrupted. */
  failed:
    | { readonly kind: ToolFailure.Kind | undefined; readonly executed: boolean; readonly retryAfter: number }
    | undefined
  done: boolean
}

/** What the handlers of a world write. @internal */
export interface Books {
  readonly executions: Array<Execution>
  readonly counts: Map<string, number>
  moment: number
}

type Handler = (params: never, context: Toolkit.HandlerContext<never>) => Effect.Effect<unknown, unknown>

/** Values to choose from. */
interface Samples {
  readonly successes: ReadonlyArray<unknown>
  readonly failures: ReadonlyArray<unknown>
}

const sampleCount = 4

const isNever = (schema: Schema.Constraint): boolean => (schema as Schema.Top).ast._tag === "Never"

const isOpen = (schema: Schema.Constraint): boolean => ["Unknown", "Any"].includes((schema as Schema.Top).ast._tag)

const drawn = (schema: Schema.Constraint, what: string, seed: number): Effect.Effect<ReadonlyArray<unknown>> => {
  if (isNever(schema)) return Effect.succeed([])
  if (isOpen(schema)) return Effect.succeed(["anything"])
  const decode = Schema.decodeUnknownResult(Schema.toCodecJson(schema as Schema.Codec<unknown, unknown>))
  return Effect.suspend(() =>
    Arbitrary.sampleEffect(Arbitrary.filterMap(Arguments.encoded(schema, what), decode), {
      count: sampleCount,
      size: 3,
      seed
    })
  ).pipe(Effect.orDie)
}

const samplesOf = Effect.fnUntraced(function*(
  tool: Tool.Any,
  seed: number
): Effect.fn.Return<Samples> {
  const failures = yield* drawn(tool.failureSchema, `Tool "${tool.name}"`, seed)
  return {
    successes: yield* drawn(tool.successSchema, `Tool "${tool.name}"`, seed),
    // what is fatal ends the run: that is no fate of a call
    failures: isOpen(tool.failureSchema) ? [] : failures.filter((failure) => !ToolFailure.isFatal(failure))
  }
})

/** What the tool's author said that a failure means; `undefined` where nobody did. */
const kindOf = (policy: ToolPolicy.Policy, failure: unknown): ToolFailure.Kind | undefined => {
  if (!Predicate.isObject(failure)) return undefined
  const { _tag: tag, [ToolFailure.kind]: stated } = failure as { _tag?: unknown; [ToolFailure.kind]?: ToolFailure.Kind }
  if (stated !== undefined) return stated
  return typeof tag === "string" && policy.failures !== undefined && Object.hasOwn(policy.failures, tag)
    ? policy.failures[tag]
    : undefined
}

const millisOf = (failure: unknown): number =>
  failure instanceof ToolFailure.Transient && failure.retryAfter !== undefined
    ? Duration.toMillis(failure.retryAfter)
    : 0

const down = (more: object = {}) => ToolFailure.transient({ reason: "Unavailable", message: "it is down", ...more })

/** Longer than any attempt may take. */
const long = "1 hour"

const act = (
  { fate, millis, pick, retryAfter }: Fates.Step,
  { failures }: Samples,
  handle: Effect.Effect<unknown, unknown>
): Effect.Effect<unknown, unknown> => {
  const fails = (failure: unknown) => Effect.delay(Effect.fail(failure), millis)
  switch (fate) {
    case "ok":
      return handle
    case "slow":
      return Effect.delay(handle, millis + 1000)
    case "late":
      return Effect.delay(handle, long)
    case "transient":
      return fails(down())
    case "refused":
      return fails(down({ executed: false }))
    case "throttled":
      return fails(ToolFailure.transient({ reason: "RateLimited", message: "too many", retryAfter, executed: false }))
    case "permanent":
      return fails(ToolFailure.permanent({ reason: "NotFound", message: "there is none" }))
    case "unknown":
      return fails(new ToolFailure.Unknown({ message: "something went wrong" }))
    case "own":
      return failures.length === 0 ? handle : fails(failures[pick % failures.length])
    case "die":
      return Effect.delay(Effect.die(new Error("a bug")), millis)
    case "hang":
      return Effect.never
    case "committed":
      return Effect.andThen(handle, fails(down()))
  }
}

const now = Effect.clockWith((clock) => clock.currentTimeMillis)

/** The handler of a tool: its own where the law is about real ones, else one that gives a value of its success. */
const handlerOf = (tool: Tool.Any, services: Context.Context<never> | undefined, samples: Samples): Handler => {
  if (services === undefined) {
    return () =>
      Effect.flatMap(ToolCall.current, (call) =>
        samples.successes.length === 0
          ? Effect.die(new Error(`Tool "${tool.name}" can have no result`))
          : Effect.succeed(samples.successes[(call?.index ?? 0) % samples.successes.length]))
  }
  if (BoundTool.isBound(tool)) return tool[BoundTool.TypeId].handler as Handler
  const found = services.mapUnsafe.get(tool.id) as
    | { readonly handler: Handler; readonly context: Context.Context<never> }
    | undefined
  if (found === undefined) throw new Error(`Tool "${tool.name}" has no handler in the layer`)
  return (params, context) =>
    Effect.updateContext(
      found.handler(params, context),
      (caller: Context.Context<never>) => Context.merge(found.context, caller)
    )
}

/** A tool as it is, but for its handler. */
const withHandler = (tool: Tool.Any, handler: Handler): Tool.Any =>
  Object.assign(tool.annotate(ToolPolicy.Annotation, ToolPolicy.get(tool)), { [BoundTool.TypeId]: { handler } })

/**
 * The tools of a world, whose handlers meet fates.
 *
 * @param services - with the real handlers; without them the handlers are stand-ins
 * @internal
 */
export const subjects = Effect.fnUntraced(function*(
  tools: ReadonlyArray<Tool.Any>,
  options: {
    readonly seed: number
    readonly weather: Fates.Weather
    readonly books: Books
    readonly services: Context.Context<never> | undefined
  }
): Effect.fn.Return<ReadonlyArray<Tool.Any>> {
  const { books, seed, services, weather } = options

  const begin = (tool: string, params: unknown, call: ToolCall.ToolCall, start: number): [Execution, Fates.Step] => {
    const args = canonicalArguments(params)
    const counted = `${call.runId} ${tool} ${args}`
    const nth = books.counts.get(counted) ?? 0
    books.counts.set(counted, nth + 1)
    const step = Fates.stepOf(weather, `${seed} ${counted} ${nth}`)
    const execution: Execution = {
      tool,
      args,
      call,
      fate: step.fate,
      start,
      from: books.moment++,
      to: undefined,
      end: undefined,
      failed: undefined,
      done: false
    }
    books.executions.push(execution)
    return [execution, step]
  }

  const end = (
    policy: ToolPolicy.Policy,
    execution: Execution,
    exit: Exit.Exit<unknown, unknown>,
    at: number
  ): void => {
    execution.end = at
    execution.to = books.moment++
    execution.done = Exit.isSuccess(exit)
    const failure = Exit.findErrorOption(exit)
    if (failure._tag === "None") return
    execution.failed = {
      kind: kindOf(policy, failure.value),
      executed: !(Predicate.hasProperty(failure.value, "executed") && failure.value.executed === false),
      retryAfter: millisOf(failure.value)
    }
  }

  const subject = Effect.fnUntraced(function*(tool: Tool.Any): Effect.fn.Return<Tool.Any> {
    const samples = yield* samplesOf(tool, seed)
    const handle = handlerOf(tool, services, samples)
    const policy = ToolPolicy.get(tool)
    const handler: Handler = (params, context) =>
      Effect.flatMap(ToolCall.current, (call) =>
        call === undefined
          ? Effect.die(new Error("a handler outside of a run"))
          : Effect.acquireUseRelease(
            Effect.map(now, (at) => begin(tool.name, params, call, at)),
            ([, step]) => act(step, samples, Effect.suspend(() => handle(params, context))),
            ([execution], exit) => Effect.map(now, (at) => end(policy, execution, exit, at))
          ))
    const made = withHandler(tool, handler)
    if (policy.fallback === undefined) return made
    return made.annotate(ToolPolicy.Annotation, { ...policy, fallback: yield* subject(policy.fallback) }) as Tool.Any
  })
  return yield* Effect.forEach(tools, subject)
})
