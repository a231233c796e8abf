/**
 * The only effectful part of a run: executes the commands of `RunState.next` through the language model and the
 * dispatcher, and appends what comes of them.
 *
 * @internal
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Dispatcher from "../../Dispatcher.ts"
import * as Journal from "../../Journal.ts"
import * as Limits from "../../Limits.ts"
import * as Outcome from "../../Outcome.ts"
import type * as RunEvent from "../../RunEvent.ts"
import * as RunState from "../../RunState.ts"
import * as ToolPolicy from "../../ToolPolicy.ts"
import * as Telemetry from "../telemetry.ts"
import * as Receive from "./receive.ts"
import { askForAnswer, cancelled, withheld } from "./texts.ts"

/** @internal */
export interface Definition {
  readonly name: string
  readonly instructions: string | undefined
  readonly toolkit: Toolkit.WithHandler<Record<string, Tool.Any>>
  readonly limits: Limits.Resolved
}

/** @internal */
export interface Start {
  readonly runId: string
  readonly input: Prompt.Prompt
  readonly history: Prompt.Prompt
  readonly tenant: string | undefined
  readonly metadata: Readonly<Record<string, string>> | undefined
  readonly publish: (item: RunEvent.RunEvent | RunEvent.Delta) => Effect.Effect<void>
}

/** A run's end that is not an outcome: the error it fails with. */
interface Failure {
  readonly error: unknown
}

/** Failures of a broken reply that may go away when it is asked for again. */
const restartable = new Set(["NetworkError", "InternalProviderError", "RateLimitError"])

/** Waits before a reply is asked for again, in milliseconds. */
const restartBase = 500
const longestRestartWait = 30_000

const providerFailure = (description: string) =>
  AiError.make({
    module: "Agent",
    method: "run",
    reason: new AiError.InternalProviderError({ description })
  })

const commandKey = (command: RunState.Command): string => {
  switch (command._tag) {
    case "CallModel":
      return `model ${command.turn}.${command.request}`
    case "StartCall":
      return `call ${command.index}`
    default:
      return command._tag
  }
}

/** @internal */
export const run = Effect.fnUntraced(function*(
  definition: Definition,
  start: Start
): Effect.fn.Return<Outcome.Outcome, unknown, LanguageModel.LanguageModel | Scope.Scope> {
  const { limits } = definition
  const model = yield* LanguageModel.LanguageModel
  const dispatcher = yield* Dispatcher.make(Object.values(definition.toolkit.tools))
  const writer = yield* (yield* Journal.current).open(start.runId)

  let state = RunState.initial
  let failure: Failure | undefined
  let closing = false
  let modelError: AiError.AiError | undefined
  let retries = limits.retries
  let dispatch: Dispatcher.Dispatch | undefined
  const inFlight = new Map<string, Fiber.Fiber<unknown>>()
  const wakeUps = yield* Queue.unbounded<void>()
  const wake = Queue.offer(wakeUps, undefined)
  const mutex = yield* Semaphore.make(1)

  /** Append, apply, publish: nothing comes between. `when` decides inside of the mutex whether the event still holds. */
  const emit = (
    event: (at: number) => RunEvent.RunEvent,
    when: () => boolean = () => true
  ): Effect.Effect<void, Journal.JournalFailure> =>
    mutex.withPermit(Effect.uninterruptible(Effect.flatMap(Clock.currentTimeMillis, (at) => {
      if (!when()) return Effect.void
      const made = event(at)
      const apply = Effect.sync(() => {
        state = RunState.apply(state, made)
      })
      const append = writer.append(made)
      // a run that is being ended keeps its transcript valid even when the journal is lost
      return (closing ? Effect.ignore(append) : append).pipe(
        Effect.andThen(apply),
        Effect.andThen(start.publish(made))
      )
    })))

  const failWith = (error: unknown) =>
    Effect.suspend(() => {
      failure ??= { error }
      return wake
    })

  /** Runs a command in a fiber of its own; its failure ends the run. */
  const launch = (command: RunState.Command, effect: Effect.Effect<void, unknown>) => {
    const key = commandKey(command)
    return effect.pipe(
      Effect.onExit((exit) => {
        inFlight.delete(key)
        return Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)
          ? failWith(Option.getOrElse(Cause.findErrorOption(exit.cause), () => exit.cause))
          : wake
      }),
      Effect.ignore,
      Effect.forkChild,
      Effect.tap((fiber) =>
        Effect.sync(() => {
          if (fiber.pollUnsafe() === undefined) inFlight.set(key, fiber)
        })
      )
    )
  }

  const effectClassOf = (call: RunState.Call) => Dispatcher.effectClass(dispatcher, call.requested.name)

  const isAnswered = (index: number): boolean => state.calls[index]?.answered !== undefined

  const emitAnswer = (
    { index, request, turn }: { readonly turn: number; readonly request: number; readonly index: number },
    answer: Pick<Dispatcher.Answer, "ok" | "result" | "attempts" | "failure">
  ) =>
    emit((at) => ({
      _tag: "ToolCallAnswered",
      turn,
      request,
      index,
      at,
      ok: answer.ok,
      result: answer.result,
      attempts: answer.attempts,
      ...(answer.failure === undefined ? {} : { failure: answer.failure })
    }), () => !isAnswered(index))

  // ---- the model

  const receive = Effect.fnUntraced(function*(turn: number, request: number, limit: Limits.Reached | undefined) {
    const reply = Receive.make({ turn, request })
    let emitted = false
    const take = (part: Receive.Part): Effect.Effect<void, Journal.JournalFailure | AiError.AiError> => {
      if (part.type === "error") return Effect.fail(providerFailure("the model's stream reported an error"))
      emitted = true
      const { deltas, events } = reply.take(part)
      return Effect.andThen(
        Effect.forEach(deltas, start.publish, { discard: true }),
        Effect.forEach(events, (event) => emit(event), { discard: true })
      )
    }
    const stream = model.streamText({
      prompt: RunState.prompt(state),
      toolkit: definition.toolkit,
      toolChoice: limit === undefined ? "auto" : "none",
      disableToolCallResolution: true,
      toolCallValidation: "deferred"
    }) as Stream.Stream<Receive.Part, AiError.AiError>
    const whole = Effect.suspend((): Effect.Effect<void, Journal.JournalFailure | AiError.AiError> => {
      const complete = reply.complete()
      return complete === undefined
        ? Effect.fail(providerFailure("the model's stream ended before its reply was complete"))
        : emit(complete)
    })
    yield* Stream.runForEach(stream, take).pipe(
      Effect.andThen(whole),
      Effect.catchTag("AiError", (error) =>
        Effect.gen(function*() {
          modelError = error
          const share = yield* Random.next
          const backoff = restartBase * 2 ** request * (0.5 + share / 2)
          const asked = error.retryAfter === undefined ? 0 : Duration.toMillis(error.retryAfter)
          yield* emit((at) => ({
            _tag: "ModelFailed",
            turn,
            request,
            at,
            reason: error.reason._tag,
            message: error.message,
            restartable: emitted && restartable.has(error.reason._tag),
            wait: Math.min(longestRestartWait, Math.max(asked, Math.round(backoff)))
          }))
        }))
    )
  })

  const callModel = ({ limit, request, turn, wait }: Extract<RunState.Command, { readonly _tag: "CallModel" }>) => {
    const afterPause = state.transcript.content.at(-1)?.role === "assistant"
    const requested = {
      _tag: "ModelRequested",
      turn,
      request,
      ...(limit === undefined ? {} : { limit }),
      ...(limit === undefined || afterPause ? {} : { note: askForAnswer(limit) })
    } as const
    return (wait > 0 ? Effect.sleep(wait) : Effect.void).pipe(
      Effect.andThen(emit((at) => ({ ...requested, at }))),
      Effect.andThen(Effect.suspend(() => receive(turn, request, limit))),
      Telemetry.modelRequest({ agent: definition.name, runId: start.runId, turn, request })
    )
  }

  // ---- the tools

  const toRequest = (index: number): Dispatcher.Request => {
    const { id, name, params, request, turn } = state.calls[index]!.requested
    return { turn, request, index, id, name, params }
  }

  const intend = (indices: ReadonlyArray<number>) => {
    dispatch = Dispatcher.open(dispatcher, {
      runId: start.runId,
      tenant: start.tenant,
      concurrency: limits.concurrency,
      takeRetry: () => retries-- > 0,
      emit: (event) =>
        Effect.mapError(emit(() => event), (error) => ({
          kind: "fatal",
          reason: "JournalFailure",
          message: error.message,
          executed: false,
          error
        })),
      publish: start.publish
    })
    const calls = indices.map(toRequest).map((request) => ({
      index: request.index,
      class: Dispatcher.effectClass(dispatcher, request.name),
      key: Dispatcher.idempotencyKey(start.runId, request)
    }))
    return emit((at) => ({ _tag: "DispatchIntended", turn: state.turn, request: state.request, at, calls }))
  }

  const settle = (request: Dispatcher.Request, answer: Dispatcher.Answer): Effect.Effect<void, unknown> =>
    Effect.andThen(
      emitAnswer(request, answer),
      Option.isSome(answer.fatal) ? Effect.fail(answer.fatal.value) : Effect.void
    )

  const startCall = (command: Extract<RunState.Command, { readonly _tag: "StartCall" }>): Effect.Effect<void> =>
    Effect.uninterruptible(Effect.gen(function*() {
      if (dispatch === undefined) return
      const now = yield* Clock.currentTimeMillis
      const deadline = Math.min(
        (state.started?.at ?? now) + Limits.toolsUntil(limits),
        now + (limits.toolTimeout ?? Number.POSITIVE_INFINITY)
      )
      const request = toRequest(command.index)
      const fiber = yield* dispatch.submit(request, deadline)
      const watch = Fiber.join(fiber).pipe(
        Effect.onInterrupt(() => Fiber.interrupt(fiber)),
        Effect.flatMap((answer) => settle(request, answer))
      )
      yield* launch(command, watch)
    }))

  const answerCall = ({ index, why }: Extract<RunState.Command, { readonly _tag: "AnswerCall" }>) => {
    const running = inFlight.get(`call ${index}`)
    const answer = Effect.suspend(() =>
      emitAnswer(toRequest(index), withheld(why, limits, state.calls[index]!, effectClassOf(state.calls[index]!)))
    )
    return running === undefined ? answer : Effect.andThen(Fiber.interrupt(running), answer)
  }

  // ---- the loop

  const interruptAll = Effect.suspend(() => Fiber.interruptAll(Array.from(inFlight.values())))

  const stop = ({ outcome, reason }: Extract<RunState.Command, { readonly _tag: "Stop" }>) =>
    Effect.andThen(
      interruptAll,
      emit((at) => ({
        _tag: "RunEnded",
        at,
        outcome,
        text: RunState.text(state),
        ...(reason === undefined ? {} : { reason })
      }))
    )

  const perform = (command: RunState.Command): Effect.Effect<unknown, Journal.JournalFailure> => {
    switch (command._tag) {
      case "CallModel":
        return launch(command, callModel(command))
      case "StartCall":
        return startCall(command)
      case "IntendDispatch":
        return intend(command.indices)
      case "AnswerCall":
        return answerCall(command)
      case "CloseTurn":
        return emit((at) => ({ _tag: "TurnClosed", turn: state.turn, request: state.request, at }))
      case "Stop":
        return stop(command)
    }
  }

  /** Ends a run early: what is in flight is interrupted, every open call of a kept reply is answered. */
  const closeDown = Effect.fnUntraced(function*(outcome: "failed" | "cancelled", reason: string) {
    closing = true
    yield* interruptAll
    if (state.phase === "responded" || state.phase === "dispatching") {
      for (const call of state.calls) yield* emitAnswer(call.requested, cancelled(call, outcome, effectClassOf(call)))
      yield* emit((at) => ({ _tag: "TurnClosed", turn: state.turn, request: state.request, at }))
    }
    if (state.phase === "new" || state.phase === "ended") return
    yield* emit((at) => ({ _tag: "RunEnded", at, outcome, reason, text: "" }))
  })

  const enrich = (error: unknown): unknown =>
    error instanceof Journal.JournalFailure
      ? Journal.endedRun(error, state.transcript, state.usage)
      : error

  const fail = Effect.fnUntraced(function*({ error }: Failure): Effect.fn.Return<never, unknown> {
    const tag = typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Defect"
    yield* Effect.ignore(closeDown("failed", tag))
    return yield* Cause.isCause(error) ? Effect.failCause(error) : Effect.fail(enrich(error))
  })

  const loop: Effect.Effect<void, unknown, LanguageModel.LanguageModel> = Effect.gen(function*() {
    yield* emit((at) => ({
      _tag: "RunStarted",
      version: 1,
      at,
      runId: start.runId,
      agent: definition.name,
      history: start.history,
      input: start.input,
      tools: Object.values(definition.toolkit.tools).map((tool) => {
        const { concurrency } = ToolPolicy.get(tool)
        return {
          name: tool.name,
          class: ToolPolicy.effectClass(tool),
          ...(concurrency === undefined ? {} : { concurrency })
        }
      }),
      limits,
      ...(definition.instructions === undefined ? {} : { instructions: definition.instructions }),
      ...(start.tenant === undefined ? {} : { tenant: start.tenant }),
      ...(start.metadata === undefined ? {} : { metadata: start.metadata })
    }))
    if (limits.deadline !== null) yield* Effect.forkChild(Effect.andThen(Effect.sleep(limits.deadline), wake))
    while (state.phase !== "ended") {
      if (failure !== undefined) return yield* fail(failure)
      const now = yield* Clock.currentTimeMillis
      const commands = RunState.next(state, now).filter((command) => !inFlight.has(commandKey(command)))
      for (const command of commands) yield* perform(command)
      if (commands.length === 0) yield* Queue.take(wakeUps)
    }
  })

  yield* loop.pipe(
    Effect.catchIf((error) => error instanceof Journal.JournalFailure && !closing, (error) => fail({ error })),
    Effect.onInterrupt(() => Effect.ignore(closeDown("cancelled", "interrupted")))
  )

  const answered = {
    runId: start.runId,
    text: state.ended?.text ?? "",
    usage: state.usage,
    turns: state.turn,
    toolCalls: state.toolCalls,
    stopReason: state.response?.stopReason ?? "",
    transcript: state.transcript
  }
  switch (state.ended?.outcome) {
    case "completed":
      return { _tag: "Completed", ...answered }
    case "limited":
      return { _tag: "Limited", limit: state.ended.reason as Limits.Reached, ...answered }
    case "refused":
      return yield* new Outcome.Refused({
        runId: start.runId,
        category: state.response?.refusal?.category ?? "",
        explanation: state.response?.refusal?.explanation ?? "",
        transcript: state.transcript,
        usage: state.usage
      })
    default:
      return yield* Effect.fail(modelError)
  }
})
