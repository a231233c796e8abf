/**
 * One request to the language model: its reply as events, or the failure that discards it.
 *
 * @internal
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { JournalFailure } from "../../Journal.ts"
import * as ModelSettings from "../../ModelSettings.ts"
import type * as PrepareTurn from "../../PrepareTurn.ts"
import type * as RunEvent from "../../RunEvent.ts"
import * as RunState from "../../RunState.ts"
import * as DirectReply from "../directReply.ts"
import { once } from "../once.ts"
import type { Amount } from "./budget.ts"
import type { Meter } from "./meter.ts"
import type { Output } from "./output.ts"
import * as Receive from "./receive.ts"
import type { RunLog } from "./runLog.ts"

/** Failures of a broken reply that may go away when it is asked for again. */
const restartable = new Set(["NetworkError", "InternalProviderError", "RateLimitError"])

/** Waits before a reply is asked for again, in milliseconds. */
const restartBase = 500
const longestWait = 30_000

const providerFailure = (description: string): AiError.AiError =>
  AiError.make({ module: "Agent", method: "run", reason: new AiError.InternalProviderError({ description }) })

type Command = Extract<RunState.Command, { readonly _tag: "CallModel" }>

/** What a run asks with. @internal */
export interface Asking {
  readonly toolkit: Toolkit.WithHandler<Record<string, Tool.Any>>
  readonly output: Output | undefined
  readonly prepareTurn: PrepareTurn.PrepareTurn | undefined
  readonly meter: Meter
  readonly log: RunLog
  /** Of all calls in the conversation. */
  readonly callIds: Set<string>
  /** Ends the calls that were started early, whose reply is not kept, and writes that. */
  readonly discard: <A, E>(then: Effect.Effect<A, E>) => Effect.Effect<A, E | JournalFailure>
}

/** A message of the run itself; none after a paused reply, which is sent back as it is. */
const noteOf = Effect.fnUntraced(function*({ note }: Command, log: RunLog, model: LanguageModel.LanguageModel) {
  if (note === undefined || log.state().pauses > 0) return {}
  const system = yield* model.supportsSystemMessagesInHistory ?? Effect.succeed(false)
  return { note: { role: system ? "system" : "user", text: note } satisfies RunEvent.Note }
})

const withOutput = (
  settings: RunEvent.TurnSettings,
  { demand, limit }: Command,
  name: string,
  mode: "format" | "tool"
): RunEvent.TurnSettings =>
  mode === "tool" && (demand || settings.toolChoice === "none")
    ? { ...settings, output: mode, toolChoice: { tool: name } }
    : { ...settings, output: mode, ...(limit === undefined ? {} : { toolChoice: "none" }) }

/** The settings of a turn; a restarted turn keeps those it had. */
const settingsOf = Effect.fnUntraced(function*(
  command: Command,
  { log, output, prepareTurn }: Asking,
  model: LanguageModel.LanguageModel
): Effect.fn.Return<RunEvent.TurnSettings> {
  const state = log.state()
  if (command.request > 1) return state.settings
  const prepared = prepareTurn?.(state) ?? {}
  const settings = command.maxTokens === undefined ? prepared : { ...prepared, maxTokens: command.maxTokens }
  if (output === undefined) return command.limit === undefined ? settings : { ...settings, toolChoice: "none" }
  const follows = yield* Effect.provideService(
    ModelSettings.followsOutput(model),
    ModelSettings.current,
    toModelSettings(settings, undefined)
  )
  return withOutput(settings, command, output.name, follows ? "format" : "tool")
})

const toModelSettings = (
  { effort, maxTokens, model, output: mode, parallelToolCalls }: RunEvent.TurnSettings,
  output: Output | undefined
): ModelSettings.ModelSettings => ({
  ...(model === undefined ? {} : { model }),
  ...(effort === undefined ? {} : { effort }),
  ...(maxTokens === undefined ? {} : { maxTokens }),
  ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
  ...(mode !== "format" || output === undefined ? {} : { output: { name: output.name, schema: output.schema } })
})

/** The tools that the model is shown. */
const shown = (
  { output, toolkit }: Asking,
  { activeTools, output: mode }: RunEvent.TurnSettings
): Toolkit.WithHandler<Record<string, Tool.Any>> => {
  if (activeTools === undefined && mode !== "tool") return toolkit
  const tools = activeTools === undefined
    ? toolkit.tools
    : Object.fromEntries(Object.entries(toolkit.tools).filter(([name]) => activeTools.includes(name)))
  return {
    ...toolkit,
    tools: mode !== "tool" || output === undefined ? tools : { ...tools, [output.name]: output.tool }
  }
}

const failed = Effect.fnUntraced(function*(error: AiError.AiError, request: number, emitted: boolean) {
  const share = yield* Random.next
  const backoff = Math.round(restartBase * 2 ** request * (0.5 + share / 2))
  const asked = error.retryAfter === undefined ? 0 : Duration.toMillis(error.retryAfter)
  return {
    reason: error.reason._tag,
    message: error.message,
    restartable: emitted && restartable.has(error.reason._tag),
    wait: Math.min(longestWait, Math.max(asked, backoff))
  }
})

/** The most that a reply may have, in tokens, where the settings of its request do not say. */
const defaultMaxTokens = 16_000

/** No token is shorter than a character, but for rare scripts. */
const sizeOf = once((message: Prompt.Message) => JSON.stringify(message).length)

/** What the next request of a run may come to at most. @internal */
export const most = (state: RunState.RunState, meter: Meter): Amount => {
  const inputTokens = RunState.prompt(state).content.reduce((sum, message) => sum + sizeOf(message), 0)
  const outputTokens = state.settings.maxTokens ?? defaultMaxTokens
  return {
    input: inputTokens,
    output: outputTokens,
    cost: meter.most(state.settings, { inputTokens, outputTokens }, state.lastAt)
  }
}

/**
 * Sends the request of a command. A failure of the model becomes an event and is what comes back; it is worth another
 * request only where something had been received, since before that the provider retries by itself.
 *
 * @internal
 */
export const send = Effect.fnUntraced(function*(
  command: Command,
  asking: Asking
): Effect.fn.Return<AiError.AiError | undefined, JournalFailure, LanguageModel.LanguageModel> {
  const { limit, request, turn } = command
  const { log, meter } = asking
  const model = yield* LanguageModel.LanguageModel
  const settings = yield* settingsOf(command, asking, model)
  const { responseId: previousResponse = null } = log.state()
  const note = request > 1 ? {} : yield* noteOf(command, log, model)
  yield* log.emit((at) => ({
    _tag: "ModelRequested",
    turn,
    request,
    at,
    ...(limit === undefined ? {} : { limit }),
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
    ...note
  }))

  const reply = Receive.make({ turn, request }, asking.callIds)
  let emitted = false

  const take = (part: DirectReply.Part): Effect.Effect<void, JournalFailure | AiError.AiError> => {
    if (part.type === "error") return Effect.fail(providerFailure("the model's stream reported an error"))
    emitted = true
    const { deltas, events } = reply.take(part)
    const telling = [...deltas.map((delta) => log.publish(delta)), ...events.map((event) => log.emit(event))]
    // most parts say nothing new, nearly all others one thing
    return telling.length > 1 ? Effect.all(telling, { discard: true }) : telling[0] ?? Effect.void
  }

  const priced = <A extends Receive.Counted>(reply: A, at: number): A & { readonly cost?: number } => {
    const cost = meter.cost(settings, reply, at)
    return cost === undefined ? reply : { ...reply, cost }
  }

  const whole = Effect.suspend((): Effect.Effect<void, JournalFailure | AiError.AiError> => {
    const complete = reply.complete()
    if (complete === undefined) {
      return Effect.fail(providerFailure("the model's stream ended before its reply was complete"))
    }
    return log.emit((at) => {
      const window = meter.window(settings, complete, at)
      return { ...priced(complete, at), at, ...(window === undefined ? {} : { window }) }
    })
  })

  const { toolChoice = "auto" } = settings
  const stream = DirectReply.streamText(model, {
    prompt: RunState.prompt(log.state()),
    toolkit: shown(asking, settings),
    toolChoice
  })

  const broke = Effect.fnUntraced(function*(error: AiError.AiError) {
    const fields = yield* failed(error, request, emitted)
    const usage = reply.usage()
    const told = log.emit((at) => ({
      _tag: "ModelFailed",
      turn,
      request,
      at,
      ...fields,
      ...(usage === undefined ? {} : priced({ usage }, at))
    }))
    yield* asking.discard(told)
    return error
  })

  return yield* Stream.runForEach(stream, take).pipe(
    Effect.andThen(whole),
    Effect.as(undefined),
    Effect.catchTag("AiError", broke),
    Effect.provideService(ModelSettings.current, {
      ...toModelSettings(settings, asking.output),
      previousResponse
    }),
    Effect.provideService(ModelSettings.argumentDeltas, false)
  )
})
