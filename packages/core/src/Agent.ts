/**
 * An agent: a name, instructions, tools and limits; and its runs.
 *
 * **Details**
 *
 * `make` defines an agent, `run` executes it once for an input, `stream` does the same and shows what happens meanwhile,
 * `runPromise` is the door for programs that do not use Effect. A run asks the model, runs the tool calls it asked for in
 * parallel, gives it the answers, and so on until the model answers or a limit is reached.
 *
 * The error type of a run is a closed list: `AiError`, `Refused`, `JournalFailure`, the fatal failures of exactly this
 * agent's tools, and what the agent's own options add (`LimitReached`, `OutputInvalid`, `TooManyFailed`). Its requirements are
 * the language model and what the agent's tools need.
 *
 * `resume` goes on with a run whose process is gone, `replay` checks a journal against the present code without calling
 * anything, `fork` goes on from an earlier turn, and `asTool` makes an agent a tool of another.
 *
 * **Example** (An agent with one tool)
 *
 * ```ts
 * import { Agent } from "@volley/core"
 * import { Effect, Schema } from "effect"
 *
 * const weather = Agent.tool("get_weather", {
 *   description: "Current weather of a city",
 *   class: "readonly",
 *   parameters: { city: Schema.String },
 *   run: ({ city }) => `${city}: 7 °C`
 * })
 *
 * const program = Effect.map(
 *   Agent.run(Agent.make("hello", { tools: [weather] }), "Weather in Oslo and Bergen?"),
 *   (outcome) => outcome.text
 * )
 * ```
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "./Dispatcher.ts"
import { atEnd } from "./internal/atEnd.ts"
import * as Bound from "./internal/boundTool.ts"
import { isBug } from "./internal/classify.ts"
import type { Start } from "./internal/run/definition.ts"
import { type Internals, internals } from "./internal/run/internals.ts"
import { outcomeOf } from "./internal/run/outcome.ts"
import * as RunOutput from "./internal/run/output.ts"
import * as Replay from "./internal/run/replay.ts"
import * as Runner from "./internal/run/runner.ts"
import * as Journal from "./Journal.ts"
import * as Limits from "./Limits.ts"
import * as Outcome from "./Outcome.ts"
import * as PartialFailure from "./PartialFailure.ts"
import type * as PrepareTurn from "./PrepareTurn.ts"
import type * as RunEvent from "./RunEvent.ts"
import * as RunState from "./RunState.ts"
import * as Threads from "./Threads.ts"
import * as ToolCall from "./ToolCall.ts"
import * as ToolFailure from "./ToolFailure.ts"
import * as ToolPolicy from "./ToolPolicy.ts"

/**
 * A tool together with its handler: an ordinary `Tool`, which needs no layer.
 *
 * @category models
 * @since 0.1.0
 */
export interface BoundTool<
  Name extends string,
  Parameters extends Schema.Constraint,
  Success,
  Failure,
  R
> extends
  Tool.Tool<Name, {
    readonly parameters: Parameters
    readonly success: Schema.Codec<Success, unknown>
    readonly failure: Schema.Codec<Failure, unknown>
    readonly failureMode: "error"
  }>,
  Bound.Bound<R>
{}

/**
 * What a bound handler gets beside its parameters: a signal that is aborted when the attempt is interrupted, and the
 * context that every handler of `effect/ai` gets.
 *
 * @category models
 * @since 0.1.0
 */
export interface HandlerContext extends Toolkit.HandlerContext<Tool.Any> {
  readonly signal: AbortSignal
}

/** Makes a signal only for a handler that asks for it: few do, and it costs more than all the rest of a call. */
class Cancellable implements HandlerContext {
  readonly toolCallId: HandlerContext["toolCallId"]
  readonly preliminary: HandlerContext["preliminary"]
  #controller: AbortController | undefined

  constructor({ preliminary, toolCallId }: Toolkit.HandlerContext<Tool.Any>) {
    this.toolCallId = toolCallId
    this.preliminary = preliminary
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  abort(): void {
    this.#controller?.abort()
  }
}

type SuccessOf<Return> = Return extends Effect.Effect<infer A, infer _E, infer _R> ? A : Awaited<Return>
/** A promise may be rejected with anything. */
type ErrorOf<Return> = Return extends Effect.Effect<infer _A, infer E, infer _R> ? E
  : Return extends PromiseLike<unknown> ? unknown
  : never
type ServicesOf<Return> = Return extends Effect.Effect<infer _A, infer _E, infer R> ? R : never

/** While the handler's type is not known yet (`unknown`), nothing is wrong with it. */
type Declared<Return, Success, Failure> = unknown extends Return ? unknown
  :
    & ([SuccessOf<Return>] extends [Success] ? unknown
      : { readonly success: ToolPolicy.Invalid<"the handler returns what the success schema does not have"> })
    & ([ToolFailure.Fatal<ErrorOf<Return>>] extends [never] ? unknown
      : [ToolFailure.Fatal<ErrorOf<Return>>] extends [Failure] ? { readonly failure: Schema.Codec<Failure, unknown> }
      : { readonly failure: ToolPolicy.Invalid<"a fatal failure must be in the failure schema"> })

/**
 * Makes a tool with its handler in one expression.
 *
 * **Details**
 *
 * The handler returns an effect, a promise or a value. Without `success` the result is encoded as JSON as it is;
 * `undefined` is answered "done". An error without a `failure` schema is classified by the table of
 * `ToolFailure.fromUnknown`, as is what a promise rejects with or the handler throws; errors of the language itself
 * (`TypeError`, …) that the table does not know are defects. A fatal error must bring its `failure` schema. For
 * timeout, retry and other policy apply `ToolPolicy.set`.
 *
 * @param name - 1 to 64 letters, digits, `_` or `-`
 * @param options.description - what the model reads of it: what it does, when to use it, what it returns
 * @param options.class - the effect class, default `"effectful"`
 * @param options.parameters - the arguments by name, a schema each; default none
 * @param options.success - the schema of the result; default JSON as it is
 * @param options.failure - the schema of the errors; default any, classified by the table
 * @param options.run - the handler; its second argument has the call's id, a signal that is aborted when the attempt is interrupted,
 * and `preliminary` for results on the way
 * @param options.needsApproval - whether calls want approval, or which do; default none. A rule that fails, or has not answered after
 * 5 seconds, counts as yes
 * @category constructors
 * @since 0.1.0
 */
export const tool = <
  const Name extends string,
  Return,
  const Fields extends Schema.Struct.Fields = {},
  Success = SuccessOf<NoInfer<Return>>,
  Failure = ErrorOf<NoInfer<Return>>
>(
  name: Name,
  options:
    & {
      readonly description: string
      readonly class?: ToolPolicy.EffectClass
      readonly parameters?: Fields
      readonly success?: Schema.Codec<Success, unknown>
      readonly failure?: Schema.Codec<Failure, unknown>
      readonly needsApproval?:
        | boolean
        | ((parameters: Schema.Struct<Fields>["Type"]) => boolean | Effect.Effect<boolean>)
      readonly run: (parameters: Schema.Struct<Fields>["Type"], context: HandlerContext) => Return
    }
    & Declared<NoInfer<Return>, NoInfer<Success>, NoInfer<Failure>>
): BoundTool<Name, Schema.Struct<Fields>, Success, Failure, ServicesOf<Return>> => {
  const made = Tool.make(name, {
    description: options.description,
    parameters: Schema.Struct(options.parameters ?? {}),
    success: options.success ?? Schema.Unknown,
    failure: options.failure ?? Schema.Unknown,
    ...(options.needsApproval === undefined ? {} : { needsApproval: options.needsApproval as never })
  })
  const classified = options.class === "readonly"
    ? made.annotate(Tool.Readonly, true).annotate(Tool.Idempotent, true).annotate(Tool.Destructive, false)
    : made.annotate(Tool.Idempotent, options.class === "idempotent")
  const handler = (parameters: Schema.Struct<Fields>["Type"], context: Toolkit.HandlerContext<Tool.Any>) =>
    Effect.suspend((): Effect.Effect<unknown, unknown, unknown> => {
      const cancellable = new Cancellable(context)
      const thrown = (error: unknown) => isBug(error) ? Effect.die(error) : Effect.fail(error)
      let returned: Return
      try {
        returned = options.run(parameters, cancellable)
      } catch (error) {
        return thrown(error)
      }
      if (Effect.isEffect(returned)) {
        return atEnd(returned, (exit) => {
          if (Exit.hasInterrupts(exit)) cancellable.abort()
        })
      }
      if (!Predicate.isPromiseLike(returned)) return Effect.succeed(returned)
      const promise = returned
      return Effect.callback((resume) => {
        promise.then((value) => resume(Effect.succeed(value)), (error: unknown) => resume(thrown(error)))
        return Effect.sync(() => cancellable.abort())
      })
    })
  return Object.assign(classified, { [Bound.TypeId]: { handler } }) as never
}

/**
 * Gives a tool its handler, so that it needs no layer: for what `tool` cannot make, such as a `Tool.dynamic` whose parameters are a raw
 * JSON Schema. Its arguments are checked by that schema before the handler gets them, as they came.
 *
 * **Example** (A tool that is known when the program runs)
 *
 * ```ts
 * import { Agent } from "@volley/core"
 * import { Effect, Schema } from "effect"
 * import { Tool } from "effect/ai"
 *
 * const definition = { name: "echo", schema: { type: "object", properties: { text: { type: "string" } } } }
 *
 * const echo = Agent.bind(
 *   Tool.dynamic(definition.name, { parameters: definition.schema, success: Schema.String }),
 *   (parameters) => Effect.succeed(JSON.stringify(parameters))
 * )
 * const agent = Agent.make("parrot", { tools: [echo] })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const bind = <T extends Tool.Any, R = never>(
  tool: T,
  handler: (
    parameters: Tool.Parameters<T>,
    context: Toolkit.HandlerContext<Tool.Any>
  ) => Effect.Effect<Tool.Success<T>, Tool.Failure<T>, R>
): T & Bound.Bound<R> =>
  Object.assign(Object.create(Object.getPrototypeOf(tool)) as T, tool, { [Bound.TypeId]: { handler } }) as never

/** A member of an agent's `tools`. */
type Member = Tool.Any | Toolkit.Any

type UnionToIntersection<U> = (U extends unknown ? (_: U) => void : never) extends (_: infer I) => void ? I : never

type RecordOf<M> = M extends Toolkit.Toolkit<infer Tools> ? Tools
  : M extends Tool.Any ? { readonly [_ in M["name"]]: M }
  : never

/**
 * The tools of a list of toolkits and tools, by name.
 *
 * @category models
 * @since 0.1.0
 */
export type ToolsOf<Members extends ReadonlyArray<Member>> = [Members[number]] extends [never] ? {}
  : UnionToIntersection<RecordOf<Members[number]>>

type ToolOf<M> = M extends Toolkit.Toolkit<infer Tools> ? Tools[keyof Tools] : M

type RequirementsOf<M> = ToolOf<M> extends infer T ? T extends unknown ? Bound.Requirements<T> : never : never

type FatalOf<M> = ToolOf<M> extends infer T ? T extends Tool.Any ? ToolFailure.Fatal<Tool.Failure<T>> : never : never

/**
 * Type identifier of agents.
 *
 * @category type IDs
 * @since 0.1.0
 */
export const TypeId = "~@volley/core/Agent"

/**
 * An agent. `E` is the union of its tools' fatal failures and of what its options add, `R` what its tools need, `Output` its
 * structured output.
 *
 * @category models
 * @since 0.1.0
 */
export interface Agent<out Tools, out E = never, out R = never, out Output = undefined> {
  readonly [TypeId]: {
    readonly _E: (_: never) => E
    readonly _R: (_: never) => R
    readonly _Output: (_: never) => Output
  }
  readonly name: string
  readonly instructions: string | undefined
  readonly tools: Tools
  readonly limits: Limits.Resolved
}

const namePattern = /^[a-zA-Z0-9_-]{1,64}$/

const isToolkit = (member: Member): member is Toolkit.Any => Predicate.hasProperty(member, "tools")

const collect = (agent: string, members: ReadonlyArray<Member>): Record<string, Tool.Any> => {
  const tools: Record<string, Tool.Any> = Object.create(null)
  for (const member of members) {
    for (const tool of isToolkit(member) ? Object.values(member.tools) : [member]) {
      if (!namePattern.test(tool.name)) {
        throw new Error(`Agent "${agent}": tool name "${tool.name}" is not 1 to 64 letters, digits, "_" or "-"`)
      }
      if (tool.name in tools) throw new Error(`Agent "${agent}": two tools are named "${tool.name}"`)
      tools[tool.name] = tool
    }
  }
  const problems = Dispatcher.check(Object.values(tools))
  if (problems.length > 0) throw new Error(`Agent "${agent}": ${problems.join("; ")}`)
  return tools
}

type LimitErrors<OnLimit> = OnLimit extends "fail" ? Outcome.LimitReached : never

type OutputErrors<Output> = [Output] extends [undefined] ? never : Outcome.OutputInvalid

type PartialErrors<Partial> = Partial extends { readonly failIf: number } | { readonly quorum: number }
  ? Outcome.TooManyFailed
  : never

/** The tool that gives the structured output, where the model is asked for it by a tool. */
const outputName = "final_answer"

/** How failures of tools are told, for the system prompt. */
const resilience =
  "Some tool calls fail. A transient failure has been retried already: go on with what you have, or try again "
  + "later. A permanent failure will not go away: correct the call, or do without it. When the outcome of a call is unknown, "
  + "verify it before you repeat the call. Say in your answer what could not be found out."

/**
 * Defines an agent.
 *
 * **Details**
 *
 * `tools` takes toolkits and tools, mixed. Handlers come from the context of the run, except those of bound tools and
 * those of `layer`, which is private to this agent: effect keys handlers by tool name, so two toolkits with a tool of the
 * same name would otherwise share one. Two tools of one agent may not have the same name.
 *
 * @param name - shown in journals, logs and spans
 * @param options.instructions - the system message of every request; default none
 * @param options.tools - toolkits and tools, mixed; default none
 * @param options.limits - see `Limits`; what is not named has its default
 * @param options.resilienceNote - whether the instructions say how failures of tools are told; default no
 * @param options.layer - handlers of this agent's own, built once per run
 * @param options.onLimit - whether a run that reaches a limit answers with what it has (the default) or fails with
 * `LimitReached`
 * @param options.output - the structured output: what the model answers is decoded by this schema into `outcome.output`. An
 * answer that does not fit is sent back once, then the run fails with `OutputInvalid`. A model that follows no schema of
 * its text (see `ModelSettings.followsOutput`) is asked to call a tool named `final_answer`
 * @param options.partialFailure - what a turn is to do when some of its calls failed; default `"continue"`
 * @param options.prepareTurn - what is asked of the model turn by turn
 * @throws `Error` when two tools have one name, a name is not allowed or the policies do not fit (`Dispatcher.check`),
 * `RangeError` for a limit out of range
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  const Members extends ReadonlyArray<Member> = [],
  Provided = never,
  Needed = never,
  Output = undefined,
  const OnLimit extends Limits.Resolved["onLimit"] = "answer",
  const Partial extends PartialFailure.PartialFailure = "continue"
>(
  name: string,
  options: {
    readonly instructions?: string
    readonly resilienceNote?: boolean
    readonly tools?: Members
    readonly layer?: Layer.Layer<Provided, never, Needed>
    readonly limits?: Limits.Limits
    readonly onLimit?: OnLimit
    readonly output?: Schema.Codec<Output, unknown>
    readonly partialFailure?: Partial
    readonly prepareTurn?: PrepareTurn.PrepareTurn
  } = {}
): Agent<
  ToolsOf<Members>,
  FatalOf<Members[number]> | LimitErrors<OnLimit> | OutputErrors<Output> | PartialErrors<Partial>,
  Exclude<RequirementsOf<Members[number]>, Provided | LanguageModel.LanguageModel> | Needed,
  Output
> => {
  const tools = collect(name, options.tools ?? [])
  if (options.output !== undefined && outputName in tools) {
    throw new Error(`Agent "${name}": an agent with an output may have no tool named "${outputName}"`)
  }
  const instructions = [options.instructions, options.resilienceNote === true ? resilience : undefined]
    .filter((text) => text !== undefined)
  const agent = {
    [TypeId]: {} as never,
    name,
    instructions: instructions.length === 0 ? undefined : instructions.join("\n\n"),
    tools: tools as ToolsOf<Members>,
    limits: Limits.resolve(options.limits, options.onLimit)
  }
  internals.set(agent, {
    definition: {
      name,
      instructions: agent.instructions,
      limits: agent.limits,
      // the model is shown the tools and can run none: calls go through the dispatcher alone
      toolkit: { tools, handle: () => Effect.die(new Error("Tool calls are answered by the dispatcher")) },
      output: options.output === undefined
        ? undefined
        : RunOutput.make(outputName, options.output),
      partialFailure: PartialFailure.make(options.partialFailure ?? "continue"),
      prepareTurn: options.prepareTurn
    },
    layer: (options.layer ?? Layer.empty) as Layer.Layer<never>
  })
  return agent
}

/**
 * What a single run may be given.
 *
 * - `runId`: default a random id.
 * - `tenant`: on whose behalf the run is; handlers read it from `ToolCall.current`.
 * - `thread`: the conversation that this run is part of. Its runs share a retry budget; where `Threads` keeps it, the run goes on
 *   from it and adds to it, however the run ends.
 * - `history`: the transcript of earlier runs, after that of the thread.
 * - `metadata`: kept in the journal.
 * - `onEvent`: called with every event and delta in order, before the next one; the run waits for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions {
  readonly runId?: string
  readonly tenant?: string
  readonly thread?: string
  readonly history?: Prompt.Prompt
  readonly metadata?: Readonly<Record<string, string>>
  readonly onEvent?: (item: RunEvent.RunEvent | RunEvent.Delta) => Effect.Effect<void>
}

/** Approvals in a prompt would make effect run the tool by itself; the journal keeps Volley's. */
const withoutApprovals = (prompt: Prompt.Prompt): Prompt.Prompt =>
  Prompt.fromMessages(prompt.content.flatMap((message): ReadonlyArray<Prompt.Message> => {
    if (message.role !== "assistant" && message.role !== "tool") return [message]
    const content = (message.content as ReadonlyArray<Prompt.Part>).filter((part) =>
      part.type !== "tool-approval-request" && part.type !== "tool-approval-response"
    )
    return content.length === 0
      ? []
      : [Prompt.makeMessage(message.role, { content, options: message.options })]
  }))

const randomId = Effect.map(
  Effect.all([Random.nextInt, Random.nextInt]),
  (parts) => `run_${parts.map((part) => Math.abs(part).toString(36).padStart(11, "0")).join("")}`
)

/** Builds the agent's own layer around a run of it. */
const inLayer = <A, R>(
  { layer }: Internals,
  running: Effect.Effect<A, unknown, R | Scope.Scope>
): Effect.Effect<never> => running.pipe(Effect.scoped, Effect.provide(layer)) as Effect.Effect<never>

const nothing = () => Effect.void

/** The thread of a run: its messages so far, and what adds those of the run. */
const threadOf = Effect.fnUntraced(function*(thread: string | undefined) {
  const threads = yield* Threads.current
  if (thread === undefined) return { history: Prompt.empty, keep: nothing }
  const history = yield* threads.read(thread)
  const { length } = history.content
  return {
    history,
    keep: (transcript: Prompt.Prompt) => threads.append(thread, length, transcript.content.slice(length))
  }
})

const begin = Effect.fnUntraced(function*(
  { definition }: Internals,
  input: Prompt.RawInput,
  options: RunOptions,
  forkedFrom?: Start["forkedFrom"]
) {
  const runId = options.runId ?? (yield* randomId)
  const { history, keep } = yield* threadOf(options.thread)
  const writer = yield* (yield* Journal.current).open(runId)
  const start: Start = {
    runId,
    input: Prompt.make(input),
    history: withoutApprovals(Prompt.concat(history, options.history ?? Prompt.empty)),
    tenant: options.tenant,
    thread: options.thread,
    metadata: options.metadata,
    forkedFrom
  }
  return yield* Runner.run(definition, start, { writer, publish: options.onEvent ?? nothing, keep })
})

/**
 * Executes an agent once for an input.
 *
 * **Details**
 *
 * When the effect is interrupted the run is cancelled: calls in flight are interrupted, every open call is answered, the
 * journal is closed.
 *
 * @param input - a text, or messages
 * @category combinators
 * @since 0.1.0
 */
export const run = <Tools, E, R, Output>(
  agent: Agent<Tools, E, R, Output>,
  input: Prompt.RawInput,
  options: RunOptions = {}
): Effect.Effect<Outcome.Outcome<Output>, Outcome.RunError | E, R | LanguageModel.LanguageModel> =>
  Effect.suspend(() => {
    const internal = internals.get(agent)!
    return inLayer(internal, begin(internal, input, options))
  })

const ends = (events: ReadonlyArray<RunEvent.RunEvent>): RunState.RunState =>
  events.reduce(RunState.apply, RunState.initial)

const unreadable = (runId: string, message: string) => new Journal.JournalFailure({ runId, operation: "read", message })

const goOn = Effect.fnUntraced(function*(
  { definition }: Internals,
  runId: string,
  onEvent: NonNullable<RunOptions["onEvent"]>
) {
  const { events, writer } = yield* (yield* Journal.current).reopen(runId)
  const state = ends(events)
  if (state.started === undefined) return yield* unreadable(runId, `Run "${runId}" has not begun`)
  if (state.started.agent !== definition.name) {
    return yield* unreadable(runId, `Run "${runId}" is of agent "${state.started.agent}", not of "${definition.name}"`)
  }
  if (state.ended?.outcome === "failed" || state.ended?.outcome === "cancelled") {
    return yield* unreadable(
      runId,
      `Run "${runId}" has ended (${state.ended.outcome}); begin a new run with its transcript as history, or fork it`
    )
  }
  if (state.ended !== undefined) return yield* outcomeOf(state, definition.output, undefined)
  const { history, keep } = yield* threadOf(state.started.thread)
  return yield* Runner.run(definition, state, {
    writer,
    publish: onEvent,
    // the thread had the messages of the run's history when the run began
    keep: history.content.length > state.started.history.content.length ? nothing : keep
  })
})

/**
 * Goes on with a run whose process is gone, from its journal; the time in between does not count.
 *
 * **Details**
 *
 * A reply that was being received is asked for again. A call that was begun and not answered is run again where its class allows
 * it, the class that the journal has and the present one; an effectful one is settled by its `reconcile`, or answered "outcome
 * unknown". What was decided about approvals holds. A run that has ended gives what it ended with; one that was cancelled or has
 * failed is not gone on with and fails with `JournalFailure`.
 *
 * **Example** (Going on after the process was killed)
 *
 * ```ts
 * import { NodeFileSystem } from "@effect/platform-node"
 * import { Agent, Journal } from "@volley/core"
 * import { Effect, Layer } from "effect"
 *
 * const journal = Layer.provide(Journal.layerDirectory("runs"), NodeFileSystem.layer)
 *
 * export const goOn = (agent: Agent.Agent<{}>, runId: string) => Agent.resume(agent, runId).pipe(Effect.provide(journal))
 * ```
 *
 * @param runId - of a run that the journal in use has
 * @category combinators
 * @since 0.1.0
 */
export const resume = <Tools, E, R, Output>(
  agent: Agent<Tools, E, R, Output>,
  runId: string,
  options: Pick<RunOptions, "onEvent"> = {}
): Effect.Effect<Outcome.Outcome<Output>, Outcome.RunError | E, R | LanguageModel.LanguageModel> =>
  Effect.suspend(() => {
    const internal = internals.get(agent)!
    return inLayer(internal, goOn(internal, runId, options.onEvent ?? nothing))
  })

/**
 * What a replay found: the events as the present code decides them, up to the first that it would not have written, and
 * which one that is (from 0), with the reason.
 *
 * @category models
 * @since 0.1.0
 */
export interface Replayed extends Replay.Replayed {}

/**
 * Goes through the events of a run and decides everything again with the present code, without calling a model or a tool: what
 * they said is taken from the journal. A process that has the same code gives the same events.
 *
 * **Example** (Whether the present code would decide as it did)
 *
 * ```ts
 * import { Agent, Journal } from "@volley/core"
 * import { Effect } from "effect"
 *
 * export const firstDifference = Effect.fnUntraced(function*(agent: Agent.Agent<{}>, path: string) {
 *   const replayed = yield* Agent.replay(agent, yield* Journal.readFile(path))
 *   return replayed.divergence?.message ?? "none"
 * })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const replay = <Tools, E, R, Output>(
  agent: Agent<Tools, E, R, Output>,
  events: ReadonlyArray<RunEvent.RunEvent>
): Effect.Effect<Replayed, never, R> => {
  const internal = internals.get(agent)!
  return inLayer(internal, Replay.replay(internal.definition, events))
}

/** The transcript before a turn of a run; after a reply without calls, with what the run itself said then. */
const before = (
  events: ReadonlyArray<RunEvent.RunEvent>,
  turn: number,
  hasInput: boolean
): Prompt.Prompt | undefined => {
  const position = events.findIndex((event) => event._tag === "ModelRequested" && event.turn === turn)
  if (position === -1) return undefined
  const { transcript } = ends(events.slice(0, position))
  return !hasInput && transcript.content.at(-1)?.role === "assistant"
    ? ends(events.slice(0, position + 1)).transcript
    : transcript
}

/** Thinking is bound to exactly what came before it, so that after a change there can be none. */
const unbound = (edited: Prompt.Prompt, original: Prompt.Prompt): Prompt.Prompt => {
  const same = edited.content.findIndex((message, i) => message !== original.content[i])
  if (same === -1) return edited
  return Prompt.fromMessages(edited.content.flatMap((message, i): ReadonlyArray<Prompt.Message> => {
    if (i < same || message.role !== "assistant") return [message]
    const content = message.content.filter((part) => part.type !== "reasoning")
    return content.length === 0 ? [] : [Prompt.assistantMessage({ content, options: message.options })]
  }))
}

/**
 * Begins a new run from what an earlier one knew before one of its turns.
 *
 * **Details**
 *
 * Fails with `JournalFailure` where the events have no such turn. The first message that `edit` changes ends the thinking of
 * the model that is kept: its signatures hold for exactly what came before.
 *
 * **Example** (Asking again from the second turn on, with a hint)
 *
 * ```ts
 * import { Agent, Journal } from "@volley/core"
 * import { Effect } from "effect"
 *
 * export const again = Effect.fnUntraced(function*(agent: Agent.Agent<{}>, path: string) {
 *   const events = yield* Journal.readFile(path)
 *   return yield* Agent.fork(agent, events, { turn: 2, input: "Look into the archive as well" })
 * })
 * ```
 *
 * @param events - of the earlier run
 * @param options.turn - from 1
 * @param options.edit - changes the transcript before that turn; default as it is
 * @param options.input - what is said then; default nothing
 * @category combinators
 * @since 0.1.0
 */
export const fork = <Tools, E, R, Output>(
  agent: Agent<Tools, E, R, Output>,
  events: ReadonlyArray<RunEvent.RunEvent>,
  options: Omit<RunOptions, "history" | "thread"> & {
    readonly turn: number
    readonly edit?: (transcript: Prompt.Prompt) => Prompt.Prompt
    readonly input?: Prompt.RawInput
  }
): Effect.Effect<Outcome.Outcome<Output>, Outcome.RunError | E, R | LanguageModel.LanguageModel> =>
  Effect.suspend(() => {
    const { edit = (transcript: Prompt.Prompt) => transcript, input, turn, ...rest } = options
    const { started } = ends(events)
    const original = before(events, turn, input !== undefined)
    if (started === undefined || original === undefined) {
      return Effect.fail(unreadable(started?.runId ?? "", `The run has no turn ${turn}`))
    }
    const internal = internals.get(agent)!
    const history = unbound(edit(original), original)
    return inLayer(
      internal,
      begin(internal, input ?? Prompt.empty, { ...rest, history }, { runId: started.runId, turn })
    )
  })

/** Of a sub-agent without a deadline of its own. */
const longest = Duration.days(1)

/** What a call of the class may do, least first. */
const classes: ReadonlyArray<ToolPolicy.EffectClass> = ["readonly", "idempotent", "effectful"]

const worstOf = (tools: Iterable<Tool.Any>): ToolPolicy.EffectClass =>
  classes[Math.max(0, ...Array.from(tools, (tool) => classes.indexOf(ToolPolicy.effectClass(tool))))]!

/**
 * Makes an agent a tool of another: its parameter is the task, its result the answer (or the structured output).
 *
 * **Details**
 *
 * The sub-agent's run draws on the limits of the run that calls it: turns, tool calls, retries, tokens, cost and deadline; `depth`
 * and `subRuns` bound how many there are. What it used counts for the run above. Its effect class is the worst of its tools. A
 * fatal failure of its tools ends the run above as well.
 *
 * **Example** (An agent that looks things up for another)
 *
 * ```ts
 * import { Agent } from "@volley/core"
 *
 * const scout = Agent.make("scout", { instructions: "You look one thing up and say where you found it." })
 *
 * export const editor = Agent.make("editor", {
 *   tools: [Agent.asTool(scout, { description: "Looks one thing up" })],
 *   limits: { turns: 20, subRuns: 5 }
 * })
 * ```
 *
 * @param options.name - default the agent's name
 * @category constructors
 * @since 0.1.0
 */
export const asTool = <Tools, E, R, Output>(
  agent: Agent<Tools, E, R, Output>,
  options: { readonly name?: string; readonly description: string }
): BoundTool<
  string,
  Schema.Struct<{ readonly task: typeof Schema.String }>,
  unknown,
  Outcome.RunError | E | ToolFailure.Permanent,
  R | LanguageModel.LanguageModel
> => {
  const { definition } = internals.get(agent)!
  const answer = (outcome: Outcome.Outcome<unknown>): Effect.Effect<unknown, ToolFailure.Permanent> => {
    if (outcome._tag === "Completed") return Effect.succeed(outcome.output ?? outcome.text)
    return outcome.text === ""
      ? Effect.fail(
        ToolFailure.permanent({ reason: "FailedPrecondition", message: `it reached its limit of ${outcome.limit}` })
      )
      : Effect.succeed(`${outcome.text}\n\n(it reached its limit of ${outcome.limit})`)
  }
  const refused = (error: Outcome.RunError | E) =>
    Effect.fail(
      error instanceof Outcome.Refused
        ? ToolFailure.permanent({ reason: "PermissionDenied", message: error.message })
        : error
    )
  const handle = ({ task }: { readonly task: string }) =>
    ToolCall.current.pipe(
      Effect.flatMap((call) =>
        run(
          agent,
          task,
          call === undefined ? {} : {
            runId: `${call.runId}.${call.turn}.${call.index}.${call.attempt}`,
            ...(call.tenant === undefined ? {} : { tenant: call.tenant })
          }
        )
      ),
      Effect.catch(refused),
      Effect.flatMap(answer)
    )
  const made = tool(options.name ?? agent.name, {
    description: options.description,
    class: worstOf(Object.values(definition.toolkit.tools)),
    parameters: { task: Schema.String.annotate({ description: "What is to be done, with all that has to be known" }) },
    failure: Schema.Unknown,
    run: handle
  } as never) as Tool.Any
  // its run has limits of its own, and those of the run above
  return ToolPolicy.set(made, { timeout: definition.limits.deadline ?? longest, retry: { times: 0 } }) as never
}

/** Events and deltas that a slow reader may lag behind before the run waits for it. */
const streamBuffer = 256

/**
 * Executes an agent once for an input and gives its events and deltas as they happen, in order. The run waits for a slow
 * reader and is cancelled when the stream is dropped. The stream fails as `run` does.
 *
 * **Example** (Writing the answer while it is made)
 *
 * ```ts
 * import { Agent } from "@volley/core"
 * import { Console, Effect, Stream } from "effect"
 *
 * export const write = (agent: Agent.Agent<{}>, question: string) =>
 *   Stream.runForEach(Agent.stream(agent, question), (item) =>
 *     item._tag === "TextDelta" ? Console.log(item.text) : Effect.void)
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const stream = <Tools, E, R, Output>(
  agent: Agent<Tools, E, R, Output>,
  input: Prompt.RawInput,
  options: Omit<RunOptions, "onEvent"> = {}
): Stream.Stream<
  RunEvent.RunEvent | RunEvent.Delta,
  Outcome.RunError | E,
  R | LanguageModel.LanguageModel
> =>
  Stream.callback<RunEvent.RunEvent | RunEvent.Delta, Outcome.RunError | E, R | LanguageModel.LanguageModel>(
    (queue) =>
      run(agent, input, { ...options, onEvent: (item) => Effect.asVoid(Queue.offer(queue, item)) }).pipe(
        Effect.onExit((exit) => exit._tag === "Success" ? Queue.end(queue) : Queue.failCause(queue, exit.cause)),
        Effect.onInterrupt(() => Queue.shutdown(queue)),
        Effect.ignore
      ),
    { bufferSize: streamBuffer }
  )

/**
 * Executes an agent once for an input, for programs that do not use Effect.
 *
 * @param options.model - the language model, such as `Anthropic.modelFromEnv("claude-sonnet-5-5")`
 * @param options.layer - what the agent's tools need; required only when they need anything
 * @param options.signal - cancels the run when it is aborted
 * @returns a promise of the outcome, rejected with the run's error
 * @category combinators
 * @since 0.1.0
 */
export const runPromise = <Tools, E, R, Output, ModelError = never, LayerError = never>(
  agent: Agent<Tools, E, R, Output>,
  input: Prompt.RawInput,
  options: RunOptions & {
    readonly model: Layer.Layer<LanguageModel.LanguageModel, ModelError>
    readonly signal?: AbortSignal
  } & ([R] extends [never] ? { readonly layer?: never } : { readonly layer: Layer.Layer<R, LayerError> })
): Promise<Outcome.Outcome<Output>> => {
  const layer = (options.layer ?? Layer.empty) as Layer.Layer<R, LayerError>
  return Effect.runPromise(
    Effect.provide(run(agent, input, options), Layer.merge(options.model, layer)),
    options.signal === undefined ? undefined : { signal: options.signal }
  )
}
