/**
 * One request to the language model: its reply as events, or the failure that discards it.
 *
 * @internal
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { JournalFailure } from "../../Journal.ts"
import type * as RunEvent from "../../RunEvent.ts"
import * as RunState from "../../RunState.ts"
import * as Receive from "./receive.ts"
import type { RunLog } from "./runLog.ts"
import { askForAnswer } from "./texts.ts"

/** Failures of a broken reply that may go away when it is asked for again. */
const restartable = new Set(["NetworkError", "InternalProviderError", "RateLimitError"])

/** Waits before a reply is asked for again, in milliseconds. */
const restartBase = 500
const longestWait = 30_000

const providerFailure = (description: string): AiError.AiError =>
  AiError.make({ module: "Agent", method: "run", reason: new AiError.InternalProviderError({ description }) })

type Command = Extract<RunState.Command, { readonly _tag: "CallModel" }>

/** The message that asks for the answer on the last turn; none after a paused reply, which is sent back as it is. */
const noteFor = Effect.fnUntraced(function*({ limit }: Command, log: RunLog) {
  if (limit === undefined || log.state().transcript.content.at(-1)?.role === "assistant") return {}
  const model = yield* LanguageModel.LanguageModel
  const system = yield* model.supportsSystemMessagesInHistory ?? Effect.succeed(false)
  const note: RunEvent.Note = { role: system ? "system" : "user", text: askForAnswer(limit) }
  return { limit, note }
})

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

/**
 * Sends the request of a command. A failure of the model becomes an event and is what comes back; it is worth another
 * request only where something had been received, since before that the provider retries by itself.
 *
 * @internal
 */
export const send = Effect.fnUntraced(function*(
  command: Command,
  toolkit: Toolkit.WithHandler<Record<string, Tool.Any>>,
  log: RunLog
): Effect.fn.Return<AiError.AiError | undefined, JournalFailure, LanguageModel.LanguageModel> {
  const { limit, request, turn, wait } = command
  if (wait > 0) yield* Effect.sleep(wait)
  const note = yield* noteFor(command, log)
  yield* log.emit((at) => ({
    _tag: "ModelRequested",
    turn,
    request,
    at,
    ...(limit === undefined ? {} : { limit }),
    ...note
  }))

  const model = yield* LanguageModel.LanguageModel
  const reply = Receive.make({ turn, request }, log.state().transcript)
  let emitted = false

  const take = (part: Receive.Part): Effect.Effect<void, JournalFailure | AiError.AiError> => {
    if (part.type === "error") return Effect.fail(providerFailure("the model's stream reported an error"))
    emitted = true
    const { deltas, events } = reply.take(part)
    return Effect.andThen(
      Effect.forEach(deltas, log.publish, { discard: true }),
      Effect.forEach(events, (event) => log.emit(event), { discard: true })
    )
  }

  const whole = Effect.suspend((): Effect.Effect<void, JournalFailure | AiError.AiError> => {
    const complete = reply.complete()
    return complete === undefined
      ? Effect.fail(providerFailure("the model's stream ended before its reply was complete"))
      : log.emit(complete)
  })

  const stream = model.streamText({
    prompt: RunState.prompt(log.state()),
    toolkit,
    toolChoice: limit === undefined ? "auto" : "none",
    disableToolCallResolution: true,
    toolCallValidation: "deferred"
  }) as Stream.Stream<Receive.Part, AiError.AiError>

  return yield* Stream.runForEach(stream, take).pipe(
    Effect.andThen(whole),
    Effect.as(undefined),
    Effect.catchTag(
      "AiError",
      (error) =>
        Effect.flatMap(
          failed(error, request, emitted),
          (fields) => Effect.as(log.emit((at) => ({ _tag: "ModelFailed", turn, request, at, ...fields })), error)
        )
    )
  )
})
