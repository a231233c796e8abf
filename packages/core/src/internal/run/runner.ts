/**
 * The effectful part of a run: executes the commands of `RunState.next` through the language model and the dispatcher.
 *
 * @internal
 */
import type * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Dispatcher from "../../Dispatcher.ts"
import * as Journal from "../../Journal.ts"
import * as Limits from "../../Limits.ts"
import * as Outcome from "../../Outcome.ts"
import type * as RunEvent from "../../RunEvent.ts"
import * as RunState from "../../RunState.ts"
import * as ToolPolicy from "../../ToolPolicy.ts"
import * as Telemetry from "../telemetry.ts"
import * as ModelRequest from "./modelRequest.ts"
import * as RunLog from "./runLog.ts"
import { cancelled, withheld } from "./texts.ts"

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
  readonly thread: string | undefined
  readonly metadata: Readonly<Record<string, string>> | undefined
  readonly publish: RunLog.Publish
}

type Command<Tag extends RunState.Command["_tag"]> = Extract<RunState.Command, { readonly _tag: Tag }>

const keyOf = (command: RunState.Command): string =>
  command._tag === "StartCall" ? `call ${command.index}` : command._tag

const started =
  ({ instructions, limits, name, toolkit }: Definition, start: Start) => (at: number): RunEvent.RunEvent => ({
    _tag: "RunStarted",
    version: 1,
    at,
    runId: start.runId,
    agent: name,
    history: start.history,
    input: start.input,
    tools: Object.values(toolkit.tools).map((tool) => {
      const { concurrency } = ToolPolicy.get(tool)
      return {
        name: tool.name,
        class: ToolPolicy.effectClass(tool),
        ...(concurrency === undefined ? {} : { concurrency })
      }
    }),
    limits,
    ...(instructions === undefined ? {} : { instructions }),
    ...(start.tenant === undefined ? {} : { tenant: start.tenant }),
    ...(start.thread === undefined ? {} : { thread: start.thread }),
    ...(start.metadata === undefined ? {} : { metadata: start.metadata })
  })

/** A run's end that its journal records as `failed`. */
interface Failure {
  readonly error: unknown
}

/** @internal */
export const run = Effect.fnUntraced(function*(
  definition: Definition,
  start: Start
): Effect.fn.Return<Outcome.Outcome, unknown, LanguageModel.LanguageModel | Scope.Scope> {
  const { limits } = definition
  const dispatcher = yield* Dispatcher.make(Object.values(definition.toolkit.tools))
  const log = yield* RunLog.make(start.runId, start.publish)
  const inFlight = new Map<string, Fiber.Fiber<unknown>>()
  const wakeUps = yield* Queue.unbounded<void>()
  const wake = Queue.offer(wakeUps, undefined)
  let failure: Failure | undefined
  let modelError: AiError.AiError | undefined
  const retries = { allowed: limits.retries, left: limits.retries }
  let dispatch: Dispatcher.Dispatch | undefined

  const turnKey = () => ({ turn: log.state().turn, request: log.state().request })

  /** Runs a command in a fiber of its own; its failure ends the run. */
  const launch = <R>(command: RunState.Command, effect: Effect.Effect<void, unknown, R>) => {
    const key = keyOf(command)
    const ended = (exit: Exit.Exit<void, unknown>) =>
      Effect.suspend(() => {
        inFlight.delete(key)
        if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
          failure ??= { error: Option.getOrElse(Cause.findErrorOption(exit.cause), () => exit.cause) }
        }
        return wake
      })
    return Effect.onExit(effect, ended).pipe(
      Effect.ignore,
      Effect.forkChild,
      Effect.map((fiber) => {
        if (fiber.pollUnsafe() === undefined) inFlight.set(key, fiber)
      })
    )
  }

  const callModel = (command: Command<"CallModel">) => {
    const { request, turn } = command
    const sent = ModelRequest.send(command, definition.toolkit, log).pipe(
      Telemetry.modelRequest({ agent: definition.name, runId: start.runId, turn, request }),
      Effect.map((error) => {
        modelError = error
      })
    )
    return launch(command, sent)
  }

  // ---- the calls of a turn

  const toRequest = (index: number): Dispatcher.Request => {
    const { key, requested: { id, name, params } } = log.state().calls[index]!
    const request = { ...turnKey(), index, id, name, params }
    return { ...request, key: key ?? Dispatcher.idempotencyKey(start.runId, request) }
  }

  const effectClassOf = (call: RunState.Call) => Dispatcher.effectClass(dispatcher, call.requested.name)

  const intend = ({ indices }: Command<"IntendDispatch">) => {
    dispatch = Dispatcher.open(dispatcher, {
      runId: start.runId,
      tenant: start.tenant,
      concurrency: limits.concurrency,
      thread: start.thread,
      retries,
      withheld: log.state().calls.flatMap(({ answered, requested }) => answered === undefined ? [] : [requested.name]),
      emit: (event) => log.emit(() => event),
      publish: log.publish
    })
    const calls = indices.map(toRequest).map((request) => ({
      index: request.index,
      class: Dispatcher.effectClass(dispatcher, request.name),
      key: request.key
    }))
    return log.emit((at) => ({ _tag: "DispatchIntended", ...turnKey(), at, calls }))
  }

  const deadlineOf = (now: number): number =>
    Math.min(
      (log.state().started?.at ?? now) + Limits.toolsUntil(limits),
      now + (limits.toolTimeout ?? Number.POSITIVE_INFINITY)
    )

  const startCall = Effect.fnUntraced(function*(command: Command<"StartCall">) {
    if (dispatch === undefined) return
    const now = yield* Clock.currentTimeMillis
    const call = yield* dispatch.submit(toRequest(command.index), deadlineOf(now))
    const settle = (answer: Dispatcher.Answer): Effect.Effect<void, unknown> =>
      Effect.andThen(
        log.answer(command.index, answer),
        Option.isSome(answer.fatal) ? Effect.fail(answer.fatal.value) : Effect.void
      )
    yield* launch(command, Effect.flatMap(call, settle))
  })

  const answerCall = Effect.fnUntraced(function*({ index, why }: Command<"AnswerCall">) {
    const running = inFlight.get(`call ${index}`)
    if (running !== undefined) yield* Fiber.interrupt(running)
    const call = log.state().calls[index]!
    yield* log.answer(index, withheld(why, limits, call, effectClassOf(call)))
  })

  // ---- the end

  const interruptAll = Effect.suspend(() => Fiber.interruptAll(Array.from(inFlight.values())))

  const stop = Effect.fnUntraced(function*({ outcome, reason }: Command<"Stop">) {
    yield* interruptAll
    yield* log.emit((at) => ({
      _tag: "RunEnded",
      at,
      outcome,
      text: RunState.text(log.state()),
      ...(reason === undefined ? {} : { reason })
    }))
  })

  /** Ends a run early: what is in flight is interrupted, every open call of a kept reply is answered. */
  const closeDown = Effect.fnUntraced(function*(outcome: "failed" | "cancelled", reason: string) {
    log.close()
    yield* interruptAll
    const { calls, phase, response } = log.state()
    if (phase === "new" || phase === "ended") return
    const kept = phase === "dispatching" || (phase === "responded" && response?.finishReason !== "content-filter")
    if (kept) {
      for (const call of calls) {
        yield* log.answer(call.requested.index, cancelled(call, outcome, effectClassOf(call)))
      }
      yield* log.emit((at) => ({ _tag: "TurnClosed", ...turnKey(), at }))
    }
    yield* log.emit((at) => ({ _tag: "RunEnded", at, outcome, reason, text: "" }))
  }, (closing) => Effect.ignore(closing))

  const fail = Effect.fnUntraced(function*({ error }: Failure): Effect.fn.Return<never, unknown> {
    yield* closeDown("failed", Predicate.hasProperty(error, "_tag") ? String(error._tag) : "Defect")
    const { transcript, usage } = log.state()
    if (error instanceof Journal.JournalFailure) return yield* Journal.endedRun(error, transcript, usage)
    return yield* Cause.isCause(error) ? Effect.failCause(error) : Effect.fail(error)
  })

  // ---- the loop

  const perform = (
    command: RunState.Command
  ): Effect.Effect<void, Journal.JournalFailure, LanguageModel.LanguageModel> => {
    switch (command._tag) {
      case "CallModel":
        return callModel(command)
      case "IntendDispatch":
        return intend(command)
      case "StartCall":
        return startCall(command)
      case "AnswerCall":
        return answerCall(command)
      case "CloseTurn":
        return log.emit((at) => ({ _tag: "TurnClosed", ...turnKey(), at }))
      case "Stop":
        return stop(command)
    }
  }

  const loop: Effect.Effect<void, Failure, LanguageModel.LanguageModel> = Effect.gen(function*() {
    yield* log.emit(started(definition, start))
    if (limits.deadline !== null) yield* Effect.forkChild(Effect.andThen(Effect.sleep(limits.deadline), wake))
    while (log.state().phase !== "ended") {
      const now = yield* Clock.currentTimeMillis
      const commands = RunState.next(log.state(), now).filter((command) => !inFlight.has(keyOf(command)))
      for (const command of commands) yield* perform(command)
      if (commands.some(({ _tag }) => _tag === "StartCall")) dispatch?.close()
      if (commands.length === 0) yield* Queue.take(wakeUps)
      if (failure !== undefined) return yield* Effect.fail(failure)
    }
  }).pipe(Effect.mapError((error): Failure => "error" in error ? error : { error }))

  // a run that is ending is ended in order, whoever cancels it meanwhile
  yield* Effect.uninterruptibleMask((restore) =>
    restore(loop).pipe(
      Effect.onInterrupt(() => closeDown("cancelled", "interrupted")),
      Effect.catch(fail)
    )
  )

  const { ended, response, toolCalls, transcript, turn, usage } = log.state()
  const answered = {
    runId: start.runId,
    text: ended?.text ?? "",
    usage,
    turns: turn,
    toolCalls,
    stopReason: response?.stopReason ?? "",
    transcript
  }
  switch (ended?.outcome) {
    case "completed":
      return { _tag: "Completed", ...answered }
    case "limited":
      return { _tag: "Limited", limit: ended.reason as Limits.Reached, ...answered }
    case "refused": {
      const { category = "", explanation = "" } = response?.refusal ?? {}
      return yield* new Outcome.Refused({ runId: start.runId, category, explanation, transcript, usage })
    }
    default:
      return yield* Effect.fail(modelError)
  }
})
