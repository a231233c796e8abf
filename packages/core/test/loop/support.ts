import { assert } from "@effect/vitest"
import { Agent, Check, ModelSettings, type Outcome, type RunEvent, RunState } from "@volley/core"
import { ModelScript, ScriptedModel, Validator } from "@volley/core/testing"
import { Cause, Effect, Exit, Layer, Result } from "effect"
import { LanguageModel, Model, type Prompt } from "effect/ai"
import * as Request from "../../src/anthropic/internal/request.ts"

export type Item = RunEvent.RunEvent | RunEvent.Delta

export const isEvent = (item: Item): item is RunEvent.RunEvent =>
  item._tag !== "TextDelta" && item._tag !== "ThinkingDelta" && item._tag !== "Progress"

export interface Watched<Output, E> {
  readonly exit: Exit.Exit<Outcome.Outcome<Output>, E>
  /** Events and deltas in the order in which they were published. */
  readonly items: ReadonlyArray<Item>
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly state: RunState.RunState
  readonly requests: ReadonlyArray<LanguageModel.ProviderOptions>
  /** Of each request, as a model reads them. */
  readonly settings: ReadonlyArray<ModelSettings.ModelSettings>
}

export type Script = ModelScript.Source<LanguageModel.ProviderOptions>

/** What the Messages API would refuse of a request that follows these replies, as the provider of Claude would send it. */
export const refusedByApi =
  (replies: ReadonlyArray<ModelScript.Reply>) => (options: LanguageModel.ProviderOptions): ReadonlyArray<string> => {
    const body = Request.make("claude-sonnet-4-6", {}, options)
    if (Result.isFailure(body)) return [`not even a request: ${body.failure.message}`]
    const issued = replies.map(({ content, stopReason = "end_turn" }) => ({
      content: content.filter((block) => block.type !== "tool_use"),
      stopReason
    }))
    return Validator.validate(JSON.parse(JSON.stringify(body.success)), { issued }).map(({ message }) => message)
  }

const stepOf = (script: Script, request: LanguageModel.ProviderOptions, n: number) => {
  const step = typeof script === "function" ? script(request, n) : script[n]
  return Effect.isEffect(step) ? step : Effect.succeed(step)
}

/**
 * Runs an agent on a script and records what it publishes, asks and ends with. Every journal is checked, and every request
 * is one that the Messages API accepts.
 */
export const watch = Effect.fnUntraced(function*<Tools, E, R, Output>(
  agent: Agent.Agent<Tools, E, R, Output>,
  script: Script,
  options: Agent.RunOptions & {
    readonly input?: Prompt.RawInput
    /** Whether the model follows an output format; default no. */
    readonly followsOutput?: boolean
    /** The model that is configured and the one that its replies name; both "scripted" by default. */
    readonly models?: { readonly configured: string | undefined; readonly reported: string }
  } = {}
): Effect.fn.Return<
  Watched<Output, Outcome.RunError | E>,
  never,
  Exclude<R, LanguageModel.LanguageModel>
> {
  const { followsOutput = false, input = "Go", models, onEvent, ...rest } = options
  const { configured, reported } = models ?? { configured: "scripted", reported: "scripted" }
  const items: Array<Item> = []
  const settings: Array<ModelSettings.ModelSettings> = []
  const replies: Array<ModelScript.Reply> = []
  const scripted = yield* ScriptedModel.make((request, n) =>
    Effect.flatMap(ModelSettings.current, (found) => {
      settings.push(found)
      return Effect.tap(stepOf(script, request, n), (step) =>
        Effect.sync(() => {
          if (step !== undefined && ModelScript.isReply(step)) replies.push(step)
        }))
    }), { modelName: reported })
  const model = followsOutput
    ? ModelSettings.declareOutput(scripted.model, Effect.succeed(true))
    : scripted.model
  const layer = Layer.merge(
    Layer.succeed(LanguageModel.LanguageModel, model),
    configured === undefined ? Layer.empty : Layer.succeed(Model.ModelName, configured)
  )
  const exit = yield* Agent.run(agent, input, {
    ...rest,
    onEvent: (item) => Effect.andThen(Effect.sync(() => items.push(item)), onEvent?.(item) ?? Effect.void)
  }).pipe(Effect.provide(layer), Effect.exit)
  const events = items.filter(isEvent)
  const asked = yield* scripted.requests
  assert.deepStrictEqual(Check.all(events), [])
  assert.deepStrictEqual(asked.flatMap(refusedByApi(replies)), [])
  return { exit, items, events, state: events.reduce(RunState.apply, RunState.initial), requests: asked, settings }
})

export const success = <A, E>(exit: Exit.Exit<A, E>): A => {
  if (Exit.isFailure(exit)) assert.fail(Cause.pretty(exit.cause))
  return exit.value
}

export const failure = <A, E>(exit: Exit.Exit<A, E>): E => {
  if (Exit.isSuccess(exit)) assert.fail(`the run succeeded: ${JSON.stringify(exit.value)}`)
  const [reason] = exit.cause.reasons
  if (reason?._tag !== "Fail") assert.fail(Cause.pretty(exit.cause))
  return reason.error
}

export const limited = <Output, E>(exit: Exit.Exit<Outcome.Outcome<Output>, E>): Outcome.Limited<Output> => {
  const outcome = success(exit)
  if (outcome._tag !== "Limited") assert.fail(`the run completed: ${outcome.text}`)
  return outcome
}

export const roles = (prompt: Prompt.Prompt): ReadonlyArray<string> => prompt.content.map(({ role }) => role)

/** The text of the last message of a request. */
export const lastText = (request: LanguageModel.ProviderOptions | undefined): string => {
  const message = request?.prompt.content.at(-1)
  if (message === undefined || message.role === "system") return message?.content ?? ""
  return message.content.map((part) => part.type === "text" ? part.text : "").join("")
}

/** When an event of the tag happened, in milliseconds from the beginning of the run. */
export const timesOf = (events: ReadonlyArray<RunEvent.RunEvent>, tag: RunEvent.RunEvent["_tag"]) => {
  const [first] = events
  const start = first !== undefined && "at" in first ? first.at : 0
  return events.flatMap((event) => event._tag === tag && "at" in event ? [event.at - start] : [])
}

/** The position of the first event that fits; fails where there is none. */
export const positionOf = (items: ReadonlyArray<Item>, fits: (item: Item) => boolean): number => {
  const position = items.findIndex(fits)
  assert.notStrictEqual(position, -1, "no such event")
  return position
}

/** A call that a model asks for again and again, each time with other arguments. */
export const asking = (
  tool: string,
  times: number,
  options?: ModelScript.ReplyOptions
): ReadonlyArray<ModelScript.Reply> =>
  Array.from({ length: times }, (_, i) => ModelScript.toolUse([{ name: tool, input: { text: `${i}` } }], options))
