/**
 * The effectful part of a run: executes the commands of `RunState.next` through the language model and the dispatcher.
 *
 * @internal
 */
import type * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Approval from "../../Approval.ts"
import * as Dispatcher from "../../Dispatcher.ts"
import * as Journal from "../../Journal.ts"
import type * as Limits from "../../Limits.ts"
import type * as Outcome from "../../Outcome.ts"
import * as RunState from "../../RunState.ts"
import * as ToolCall from "../../ToolCall.ts"
import * as Telemetry from "../telemetry.ts"
import * as Budget from "./budget.ts"
import { type Definition, type Start, started } from "./definition.ts"
import * as InFlight from "./inFlight.ts"
import * as Meter from "./meter.ts"
import * as ModelRequest from "./modelRequest.ts"
import * as Observer from "./observer.ts"
import { outcomeOf } from "./outcome.ts"
import * as Receive from "./receive.ts"
import * as RunLog from "./runLog.ts"
import { cancelled } from "./texts.ts"
import * as Turn from "./turn.ts"

type Command<Tag extends RunState.Command["_tag"]> = Extract<RunState.Command, { readonly _tag: Tag }>

const keyOf = (command: RunState.Command): string => {
  switch (command._tag) {
    case "StartCall":
      return Turn.callKey(command.index)
    case "AwaitApproval":
      return Turn.approvalKey(command.index)
    default:
      return command._tag
  }
}

/** How long a run that is cancelled waits for its observer, in milliseconds. */
const farewell = 1000

/** Share of its call's time that a sub-agent has, so that its answer comes in time. */
const shareOfCall = 0.95

/** A sub-agent has no more time than the call that runs it. */
const within = (limits: Limits.Resolved, now: number, call: ToolCall.ToolCall | undefined): Limits.Resolved => {
  if (call === undefined || call.deadline === Number.POSITIVE_INFINITY) return limits
  const left = Math.max(1, (call.deadline - now) * shareOfCall)
  return { ...limits, deadline: limits.deadline === null ? left : Math.min(limits.deadline, left) }
}

/**
 * Where a run writes its events, who sees them, and what keeps the transcript that it ends with.
 *
 * @internal
 */
export interface Ports {
  readonly writer: Journal.Writer
  readonly publish: Observer.Publish
  readonly keep: (transcript: Prompt.Prompt) => Effect.Effect<void, Journal.JournalFailure>
}

/**
 * Runs an agent from its beginning, or on from the state that its journal ends in.
 *
 * @internal
 */
export const run = Effect.fnUntraced(function*(
  definition: Definition,
  begin: Start | RunState.RunState,
  { keep, publish, writer }: Ports
): Effect.fn.Return<Outcome.Outcome<unknown>, unknown, LanguageModel.LanguageModel | Scope.Scope> {
  const { name, output, prepareTurn, toolkit } = definition
  const resumed = "phase" in begin
  const { runId, tenant, thread } = resumed ? begin.started! : begin
  const clock = yield* Clock.Clock
  const startedAt = clock.currentTimeMillisUnsafe()
  const above = yield* Budget.current
  const call = yield* ToolCall.current
  const limits = resumed
    ? begin.started!.limits
    : within(definition.limits, startedAt, above !== undefined && above.runId === call?.runId ? call : undefined)
  const tools = Object.values(toolkit.tools)
  const dispatcher = yield* Dispatcher.make(output === undefined ? tools : [...tools, output.tool])
  const meter = yield* Meter.make
  const scope = yield* Effect.scope
  const inFlight = yield* InFlight.make
  let broken: InFlight.Failure | undefined
  const observer = Observer.make(publish, yield* Effect.context(), (cause) => {
    broken = { error: cause }
    inFlight.wake()
  })
  yield* Effect.addFinalizer(() => Effect.sync(observer.leave))
  // a finished tool call may start before its reply is complete
  const log = RunLog.make(
    writer,
    resumed ? begin : RunState.initial,
    (item, restore) => {
      if (item._tag === "ToolCallRequested") inFlight.wake()
      return observer.tell(item, restore)
    },
    clock
  )

  /** What a run that a handler executed has used counts for this run too. */
  const childEnded: Budget.Budget["ended"] = Effect.fnUntraced(function*(childId, { cost, toolCalls, turns, usage }) {
    const { index = 0, turn = 0 } = (yield* ToolCall.current) ?? {}
    const spent = { runId: childId, turns, toolCalls, usage, ...(cost === undefined ? {} : { cost }) }
    const { phase, request } = log.state()
    yield* log.emit(
      (at) => ({ _tag: "SubRunEnded", turn, request, index, at, ...spent }),
      () => phase !== "ended" && turn === log.state().turn
    )
  }, (telling) => Effect.ignore(telling))

  const budget = Budget.make({ runId, limits, above, ended: childEnded }, log.state().spent)
  const turn = Turn.make({
    runId,
    agent: name,
    tenant,
    thread,
    limits,
    dispatcher,
    approver: yield* Approval.current,
    budget,
    log,
    inFlight,
    clock
  })

  // ---- the model

  const leftAbove = (): RunState.Bounds => {
    const { response } = log.state()
    return Budget.bounds(budget, response === undefined ? Budget.nothing : Budget.known(response))
  }

  /** What the runs above leave; a request that is on its way has its turn already. */
  const bounds = (): RunState.Bounds => {
    const { toolCalls = Number.POSITIVE_INFINITY, ...more } = leftAbove()
    return inFlight.has("CallModel") ? { toolCalls } : { ...more, toolCalls }
  }

  const callIds = resumed
    ? Receive.callIds(begin.transcript, begin.calls.map(({ requested }) => requested.id))
    : Receive.callIds(begin.history)
  const asking: ModelRequest.Asking = { toolkit, output, prepareTurn, meter, log, callIds, discard: turn.discard }
  let modelError: AiError.AiError | undefined

  const callModel = (command: Command<"CallModel">) => {
    turn.begin()
    const sent = Effect.gen(function*() {
      // another run may have spent what was left while this one waited
      const { last, over } = leftAbove()
      if (over !== undefined || (last !== undefined && command.limit === undefined)) return
      if (command.request === 1) Budget.takeTurn(budget)
      const before = log.state().spent
      modelError = yield* Telemetry.modelRequest({ ...command, agent: name, runId })(ModelRequest.send(command, asking))
      Budget.spend(budget, Budget.between(before, log.state().spent))
    })
    const paced = command.wait > 0 ? Effect.andThen(Effect.sleep(command.wait), sent) : sent
    const most = () => ModelRequest.most(log.state(), meter)
    return inFlight.launch(keyOf(command), Budget.reserving(budget, most, paced))
  }

  // ---- the end

  const turnKey = () => ({ turn: log.state().turn, request: log.state().request })

  const interruptAll = inFlight.interrupt(() => true)

  const checkOutput = Effect.gen(function*() {
    const checked = yield* Effect.result(output === undefined ? Effect.void : output.parse(RunState.text(log.state())))
    const found = checked._tag === "Success" ? { ok: true } : { ok: false, message: checked.failure }
    yield* log.emit((at) => ({ _tag: "OutputChecked", ...turnKey(), at, ...found }))
  })

  const end = Effect.fnUntraced(function*({ outcome, reason }: Command<"Stop">, phase: RunState.Phase) {
    yield* interruptAll
    // the reply may have become complete meanwhile
    if (log.state().phase !== phase) return
    const text = RunState.text(log.state())
    const because = reason === undefined ? {} : { reason }
    yield* turn.discard(log.emit((at) => ({ _tag: "RunEnded", at, outcome, text, ...because })))
  })

  /** Ends a run early: what is in flight is interrupted, every open call of a kept reply is answered. */
  const closeDown = Effect.fnUntraced(function*(outcome: "failed" | "cancelled", reason: string) {
    log.close()
    yield* interruptAll
    const { calls, phase, response } = log.state()
    if (phase === "new" || phase === "ended") return
    if (phase === "dispatching" || (phase === "responded" && response?.finishReason !== "content-filter")) {
      for (const open of calls) {
        yield* log.answer(open.requested.index, cancelled(open, outcome, turn.classOf(open)))
      }
      yield* log.emit((at) => ({ _tag: "TurnClosed", ...turnKey(), at }))
    } else {
      yield* turn.discard(Effect.void)
    }
    yield* log.emit((at) => ({ _tag: "RunEnded", at, outcome, reason, text: "" }))
  }, (closing) => Effect.ignore(closing))

  const fail = Effect.fnUntraced(function*({ error }: InFlight.Failure): Effect.fn.Return<never, unknown> {
    yield* closeDown("failed", Predicate.hasProperty(error, "_tag") ? String(error._tag) : "Defect")
    const { spent, transcript } = log.state()
    if (error instanceof Journal.JournalFailure) return yield* Journal.endedRun(error, transcript, spent.usage)
    return yield* Cause.isCause(error) ? Effect.failCause(error) : Effect.fail(error)
  })

  const kept = Effect.suspend(() => {
    const { spent, transcript } = log.state()
    return Effect.mapError(keep(transcript), (error) => Journal.endedRun(error, transcript, spent.usage))
  })
  const keptAnyway = Effect.ignore(kept, { log: "Warn" })

  const cancel = Effect.gen(function*() {
    yield* Effect.forkIn(Effect.andThen(Effect.sleep(farewell), Effect.sync(observer.leave)), scope)
    yield* closeDown("cancelled", "interrupted")
    yield* keptAnyway
  })

  // ---- the loop

  /** Wakes the loop at the deadline, which a run that waits for approval alone has not. */
  const watchDeadline = Effect.suspend(() => {
    const state = log.state()
    if (limits.deadline === null || state.suspendedAt !== undefined) return Effect.void
    const left = Math.max(0, limits.deadline - RunState.elapsed(state, state.lastAt))
    return Effect.asVoid(Effect.forkIn(Effect.andThen(Effect.sleep(left), Effect.sync(inFlight.wake)), scope))
  })

  const perform = (
    command: RunState.Command,
    state: RunState.RunState
  ): Effect.Effect<void, Journal.JournalFailure, LanguageModel.LanguageModel> => {
    switch (command._tag) {
      case "CallModel":
        return callModel(command)
      case "IntendDispatch":
        return turn.during(state, () => turn.intend(command, state.phase))
      case "AwaitApproval":
        return turn.awaitApproval(command)
      case "StartCall":
        return turn.during(state, () => turn.startCall(command))
      case "AnswerCall":
        return turn.answerCall(command)
      case "CloseTurn":
        return log.emit((at) => ({ _tag: "TurnClosed", ...turnKey(), at }))
      case "CheckOutput":
        return checkOutput
      case "Stop":
        return end(command, state.phase)
    }
  }

  const announce = resumed
    ? log.emit((at) => ({ _tag: "RunResumed", at }))
    : log.emit((at) => {
      const parent = above === undefined ? undefined : { runId: above.runId, depth: budget.depth }
      return started(definition, dispatcher, begin, parent, limits, at)
    })

  const loop: Effect.Effect<void, InFlight.Failure, LanguageModel.LanguageModel> = Effect.gen(function*() {
    yield* announce
    if (limits.cost !== null && !meter.isKnown(startedAt)) return yield* Effect.fail(Meter.unknownPrice)
    let watched: number | undefined
    while (log.state().phase !== "ended") {
      const now = clock.currentTimeMillisUnsafe()
      if (watched !== log.state().paused) {
        watched = log.state().paused
        yield* watchDeadline
      }
      const state = log.state()
      const commands = RunState.next(state, now, bounds()).filter((command) => !inFlight.has(keyOf(command)))
      for (const command of commands) yield* perform(command, state)
      turn.close()
      if (commands.length === 0) yield* inFlight.sleep
      const failure = inFlight.failure() ?? broken
      if (failure !== undefined) return yield* Effect.fail(failure)
    }
    if (broken !== undefined) return yield* Effect.fail(broken)
  }).pipe(Effect.mapError((error): InFlight.Failure => "error" in error ? error : { error }))

  // a run that is ending is ended in order, whoever cancels it meanwhile
  yield* Effect.uninterruptibleMask((restore) =>
    restore(loop).pipe(
      Effect.provideService(Budget.current, budget),
      Effect.onInterrupt(() => cancel),
      Effect.matchEffect({
        onFailure: (failure) => Effect.ensuring(fail(failure), keptAnyway),
        onSuccess: () => kept
      }),
      Effect.ensuring(Effect.suspend(() => above === undefined ? Effect.void : above.ended(runId, log.state().spent)))
    )
  )
  return yield* outcomeOf(log.state(), output, modelError)
})
