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
 * import { Anthropic } from "@volley/core/anthropic"
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
 * console.log(await Effect.runPromise(Effect.provide(program, Anthropic.modelFromEnv("claude-sonnet-5-5"))))
 * ```
 *
 * ```text
 * Both Oslo and Bergen have 7 °C.
 * ```
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "./Dispatcher.ts"
import { begin, forked, goOn, type RunOptions } from "./internal/run/begin.ts"
import type { Definition } from "./internal/run/definition.ts"
import { internals } from "./internal/run/internals.ts"
import * as RunOutput from "./internal/run/output.ts"
import * as Replay from "./internal/run/replay.ts"
import { type BoundTool, tool } from "./internal/tool.ts"
import * as Limits from "./Limits.ts"
import * as Outcome from "./Outcome.ts"
import * as PartialFailure from "./PartialFailure.ts"
import type * as PrepareTurn from "./PrepareTurn.ts"
import type * as RunEvent from "./RunEvent.ts"
import * as ToolCall from "./ToolCall.ts"
import * as ToolFailure from "./ToolFailure.ts"
import * as ToolPolicy from "./ToolPolicy.ts"

export type { Bound } from "./internal/boundTool.ts"
export type { RunOptions } from "./internal/run/begin.ts"
export { bind, type BoundTool, type HandlerContext, tool } from "./internal/tool.ts"

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

type RequirementsOf<M> = ToolOf<M> extends infer T ? T extends unknown ? Dispatcher.Requirements<T> : never : never

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
      output: options.output === undefined ? undefined : RunOutput.make(outputName, options.output),
      partialFailure: PartialFailure.make(options.partialFailure ?? "continue"),
      prepareTurn: options.prepareTurn
    },
    layer: (options.layer ?? Layer.empty) as Layer.Layer<never>
  })
  return agent
}

/** What is done by an agent's definition, with the agent's own layer built around it. */
const inLayer = <A, R>(
  agent: object,
  running: (definition: Definition) => Effect.Effect<A, unknown, R | Scope.Scope>
): Effect.Effect<never> =>
  Effect.suspend(() => {
    const { definition, layer } = internals.get(agent)!
    return running(definition).pipe(Effect.scoped, Effect.provide(layer))
  }) as Effect.Effect<never>

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
  inLayer(agent, (definition) => begin(definition, input, options))

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
 * import { ModelScript, ScriptedModel } from "@volley/core/testing"
 * import { Effect, Layer } from "effect"
 * import * as fs from "node:fs"
 * import * as os from "node:os"
 * import * as path from "node:path"
 *
 * const agent = Agent.make("greeter")
 * const folder = fs.mkdtempSync(path.join(os.tmpdir(), "runs-"))
 * const services = Layer.merge(
 *   Layer.provide(Journal.layerDirectory(folder), NodeFileSystem.layer),
 *   ScriptedModel.layer([ModelScript.text("Hello!")])
 * )
 * await Effect.runPromise(Effect.provide(Agent.run(agent, "Hi", { runId: "greeting" }), services))
 *
 * // what a process that was killed before the reply came would have left
 * const [started] = fs.readFileSync(`${folder}/greeting.ndjson`, "utf8").split("\n")
 * fs.writeFileSync(`${folder}/greeting.ndjson`, `${started}\n`)
 *
 * const { text } = await Effect.runPromise(Effect.provide(Agent.resume(agent, "greeting"), services))
 * console.log(text)
 * ```
 *
 * ```text
 * Hello!
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
  inLayer(agent, (definition) => goOn(definition, runId, options.onEvent))

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
 * import { ModelScript, ScriptedModel } from "@volley/core/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   yield* Agent.run(Agent.make("greeter"), "Hi", { runId: "greeting" })
 *   const events = yield* (yield* Journal.current).read("greeting")
 *   const changed = Agent.make("greeter", { instructions: "Greet in one word." })
 *   const { divergence } = yield* Agent.replay(changed, events)
 *   return divergence?.message
 * }).pipe(Effect.provide([Journal.layerMemory, ScriptedModel.layer([ModelScript.text("Hello!")])]))
 * console.log(await Effect.runPromise(program))
 * ```
 *
 * ```text
 * RunStarted: instructions was null and would be "Greet in one word."
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const replay = <Tools, E, R, Output>(
  agent: Agent<Tools, E, R, Output>,
  events: ReadonlyArray<RunEvent.RunEvent>
): Effect.Effect<Replayed, never, R> => inLayer(agent, (definition) => Replay.replay(definition, events))

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
 * import { ModelScript, ScriptedModel } from "@volley/core/testing"
 * import { Effect } from "effect"
 *
 * const look = Agent.tool("look", { description: "Looks into the cupboard", class: "readonly", run: () => "It is empty" })
 * const agent = Agent.make("finder", { tools: [look] })
 *
 * const model = ScriptedModel.layer([
 *   ModelScript.toolUse([{ name: "look" }]),
 *   ModelScript.text("There is none."),
 *   ModelScript.text("It is in the archive.")
 * ])
 *
 * const program = Effect.gen(function*() {
 *   const { runId, text } = yield* Agent.run(agent, "Where is the book?")
 *   const events = yield* (yield* Journal.current).read(runId)
 *   const again = yield* Agent.fork(agent, events, { turn: 2, input: "Look into the archive as well" })
 *   return [text, again.text]
 * }).pipe(Effect.provide([Journal.layerMemory, model]))
 * console.log(await Effect.runPromise(program))
 * ```
 *
 * ```text
 * [ 'There is none.', 'It is in the archive.' ]
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
  Effect.flatMap(
    forked(events, options),
    ({ forkedFrom, history }) =>
      inLayer(agent, (definition) =>
        begin(definition, options.input ?? Prompt.empty, { ...options, history }, forkedFrom))
  )

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
 * import { ModelScript, ScriptedModel } from "@volley/core/testing"
 *
 * const scout = Agent.make("scout", { instructions: "You look one thing up and say where you found it." })
 *
 * const editor = Agent.make("editor", {
 *   tools: [Agent.asTool(scout, { description: "Looks one thing up" })],
 *   limits: { turns: 20, subRuns: 5 }
 * })
 *
 * // the second is the scout's
 * const model = ScriptedModel.layer([
 *   ModelScript.toolUse([{ name: "scout", input: { task: "The height of Glittertind" } }]),
 *   ModelScript.text("2,452 m, on the map."),
 *   ModelScript.text("Glittertind is 2,452 m high.")
 * ])
 * const { text } = await Agent.runPromise(editor, "How high is Glittertind?", { model })
 * console.log(text)
 * ```
 *
 * ```text
 * Glittertind is 2,452 m high.
 * ```
 *
 * @param options.name - default the agent's name
 * @category constructors
 * @since 0.1.0
 */
export const asTool = <Tools, E, R, Output, const Name extends string = string>(
  agent: Agent<Tools, E, R, Output>,
  options: { readonly name?: Name; readonly description: string }
): BoundTool<
  Name,
  Schema.Struct<{ readonly task: typeof Schema.String }>,
  unknown,
  Outcome.RunError | E | ToolFailure.Permanent,
  R | LanguageModel.LanguageModel
> => {
  const { definition } = internals.get(agent)!
  const refused = (error: Outcome.RunError | E) =>
    Effect.fail(
      error instanceof Outcome.Refused
        ? ToolFailure.permanent({ reason: "PermissionDenied", message: error.message })
        : error
    )
  const handle = Effect.fnUntraced(function*({ task }: { readonly task: string }) {
    const call = yield* ToolCall.current
    const place = call === undefined ? {} : {
      runId: `${call.runId}.${call.turn}.${call.index}.${call.attempt}`,
      ...(call.tenant === undefined ? {} : { tenant: call.tenant })
    }
    const outcome = yield* Effect.catch(run(agent, task, place), refused)
    if (outcome._tag === "Completed") return outcome.output ?? outcome.text
    const limited = `it reached its limit of ${outcome.limit}`
    if (outcome.text !== "") return `${outcome.text}\n\n(${limited})`
    return yield* ToolFailure.permanent({ reason: "FailedPrecondition", message: limited })
  })
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
 * import { ModelScript, ScriptedModel } from "@volley/core/testing"
 * import { Console, Effect, Stream } from "effect"
 *
 * const write = Stream.runForEach(Agent.stream(Agent.make("greeter"), "Hi"), (item) =>
 *   item._tag === "TextDelta" ? Console.log(item.text) : Effect.void)
 *
 * const model = ScriptedModel.layer([ModelScript.text("Hello, how are you today?")])
 * await Effect.runPromise(Effect.provide(write, model))
 * ```
 *
 * ```text
 * Hello, how are you t
 * oday?
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const stream = <Tools, E, R, Output>(
  agent: Agent<Tools, E, R, Output>,
  input: Prompt.RawInput,
  options: Omit<RunOptions, "onEvent"> = {}
): Stream.Stream<RunEvent.RunEvent | RunEvent.Delta, Outcome.RunError | E, R | LanguageModel.LanguageModel> =>
  Stream.unwrap(Effect.gen(function*() {
    const queue = yield* Queue.bounded<RunEvent.RunEvent | RunEvent.Delta, Outcome.RunError | E | Cause.Done>(
      streamBuffer
    )
    const onEvent: RunOptions["onEvent"] = (item) => Effect.asVoid(Queue.offer(queue, item))
    yield* run(agent, input, { ...options, onEvent }).pipe(
      Effect.onExit((exit) => exit._tag === "Success" ? Queue.end(queue) : Queue.failCause(queue, exit.cause)),
      Effect.ignore,
      Effect.forkScoped
    )
    // when the stream is dropped, before the run is interrupted: that must not wait for a reader
    yield* Effect.addFinalizer(() => Queue.shutdown(queue))
    return Stream.fromQueue(queue)
  }))

/**
 * Executes an agent once for an input, for programs that do not use Effect.
 *
 * @param options.model - the language model, such as `Anthropic.modelFromEnv("claude-sonnet-5-5")`
 * @param options.layer - what the agent's tools need, and its stores; required only when they need anything
 * @param options.signal - cancels the run when it is aborted
 * @returns a promise of the outcome, rejected with the run's error
 * @category combinators
 * @since 0.1.0
 */
export const runPromise = <Tools, E, R, Output, ModelError = never, LayerError = never>(
  agent: Agent<Tools, E, R, Output>,
  input: Prompt.RawInput,
  options:
    & RunOptions
    & {
      readonly model: Layer.Layer<LanguageModel.LanguageModel, ModelError>
      readonly signal?: AbortSignal
    }
    & ([R] extends [never] ? { readonly layer?: Layer.Layer<R, LayerError> }
      : { readonly layer: Layer.Layer<R, LayerError> })
): Promise<Outcome.Outcome<Output>> => {
  const layer = (options.layer ?? Layer.empty) as Layer.Layer<R, LayerError>
  return Effect.runPromise(
    Effect.provide(run(agent, input, options), Layer.merge(options.model, layer)),
    options.signal === undefined ? undefined : { signal: options.signal }
  )
}
