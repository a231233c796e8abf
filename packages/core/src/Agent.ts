/**
 * An agent: a name, instructions, tools and limits; and its runs.
 *
 * **Details**
 *
 * `make` defines an agent, `run` executes it once for an input, `stream` does the same and shows what happens meanwhile,
 * `runPromise` is the door for programs that do not use Effect. A run asks the model, runs the tool calls it asked for in
 * parallel, gives it the answers, and so on until the model answers or a limit is reached.
 *
 * The error type of a run is a closed list: `AiError`, `Refused`, `JournalFailure` and the fatal failures of exactly this
 * agent's tools. Its requirements are the language model and what the agent's tools need.
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
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "./Dispatcher.ts"
import { atEnd } from "./internal/atEnd.ts"
import * as Bound from "./internal/boundTool.ts"
import { isBug } from "./internal/classify.ts"
import * as Runner from "./internal/run/runner.ts"
import * as Limits from "./Limits.ts"
import type * as Outcome from "./Outcome.ts"
import type * as RunEvent from "./RunEvent.ts"
import type * as ToolFailure from "./ToolFailure.ts"
import type * as ToolPolicy from "./ToolPolicy.ts"

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
type ErrorOf<Return> = Return extends Effect.Effect<infer _A, infer E, infer _R> ? E : never
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
 * @param options.class - the effect class, default `"effectful"`
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
      readonly run: (parameters: Schema.Struct<Fields>["Type"], context: HandlerContext) => Return
    }
    & Declared<NoInfer<Return>, NoInfer<Success>, NoInfer<Failure>>
): BoundTool<Name, Schema.Struct<Fields>, Success, Failure, ServicesOf<Return>> => {
  const made = Tool.make(name, {
    description: options.description,
    parameters: Schema.Struct(options.parameters ?? {}),
    success: options.success ?? Schema.Unknown,
    failure: options.failure ?? Schema.Unknown
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
 * An agent. `E` is the union of its tools' fatal failures, `R` what its tools need.
 *
 * @category models
 * @since 0.1.0
 */
export interface Agent<out Tools, out E = never, out R = never> {
  readonly [TypeId]: { readonly _E: (_: never) => E; readonly _R: (_: never) => R }
  readonly name: string
  readonly instructions: string | undefined
  readonly tools: Tools
  readonly limits: Limits.Resolved
}

interface Internals {
  readonly toolkit: Toolkit.WithHandler<Record<string, Tool.Any>>
  readonly layer: Layer.Layer<never>
}

const internals = new WeakMap<object, Internals>()

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
 * @param options.layer - handlers of this agent's own, built once per run
 * @throws `Error` when two tools have one name, a name is not allowed or the policies do not fit (`Dispatcher.check`),
 * `RangeError` for a limit out of range
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Members extends ReadonlyArray<Member> = [], Provided = never, Needed = never>(
  name: string,
  options: {
    readonly instructions?: string
    readonly tools?: Members
    readonly layer?: Layer.Layer<Provided, never, Needed>
    readonly limits?: Limits.Limits
  } = {}
): Agent<ToolsOf<Members>, FatalOf<Members[number]>, Exclude<RequirementsOf<Members[number]>, Provided> | Needed> => {
  const tools = collect(name, options.tools ?? [])
  const agent = {
    [TypeId]: {} as never,
    name,
    instructions: options.instructions,
    tools: tools as ToolsOf<Members>,
    limits: Limits.resolve(options.limits)
  }
  internals.set(agent, {
    // the model is shown the tools and can run none: calls go through the dispatcher alone
    toolkit: { tools, handle: () => Effect.die(new Error("Tool calls are answered by the dispatcher")) },
    layer: (options.layer ?? Layer.empty) as Layer.Layer<never>
  })
  return agent
}

/**
 * What a single run may be given.
 *
 * - `runId`: default a random id.
 * - `tenant`: on whose behalf the run is; handlers read it from `ToolCall.current`.
 * - `thread`: the conversation that this run is part of; its runs share a retry budget.
 * - `history`: the transcript of earlier runs.
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
export const run: <Tools, E, R>(
  agent: Agent<Tools, E, R>,
  input: Prompt.RawInput,
  options?: RunOptions
) => Effect.Effect<Outcome.Outcome, Outcome.RunError | E, R | LanguageModel.LanguageModel> = Effect.fnUntraced(
  function*(agent, input, options = {}) {
    const { layer, toolkit } = internals.get(agent)!
    const start: Runner.Start = {
      runId: options.runId ?? (yield* randomId),
      input: Prompt.make(input),
      history: withoutApprovals(options.history ?? Prompt.empty),
      tenant: options.tenant,
      thread: options.thread,
      metadata: options.metadata,
      publish: options.onEvent ?? (() => Effect.void)
    }
    const running = Runner.run({ ...agent, toolkit }, start)
    return yield* running.pipe(Effect.scoped, Effect.provide(layer)) as Effect.Effect<Outcome.Outcome>
  }
)

/** Events and deltas that a slow reader may lag behind before the run waits for it. */
const streamBuffer = 256

/**
 * Executes an agent once for an input and gives its events and deltas as they happen, in order. The run waits for a slow
 * reader and is cancelled when the stream is dropped. The stream fails as `run` does.
 *
 * @category combinators
 * @since 0.1.0
 */
export const stream = <Tools, E, R>(
  agent: Agent<Tools, E, R>,
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
export const runPromise = <Tools, E, R, ModelError = never, LayerError = never>(
  agent: Agent<Tools, E, R>,
  input: Prompt.RawInput,
  options: RunOptions & {
    readonly model: Layer.Layer<LanguageModel.LanguageModel, ModelError>
    readonly signal?: AbortSignal
  } & ([R] extends [never] ? { readonly layer?: never } : { readonly layer: Layer.Layer<R, LayerError> })
): Promise<Outcome.Outcome> => {
  const layer = (options.layer ?? Layer.empty) as Layer.Layer<R, LayerError>
  return Effect.runPromise(
    Effect.provide(run(agent, input, options), Layer.merge(options.model, layer)),
    options.signal === undefined ? undefined : { signal: options.signal }
  )
}
