/**
 * The tool calls of a turn: intended, approved, started, answered.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Approval from "../../Approval.ts"
import * as Dispatcher from "../../Dispatcher.ts"
import type * as Journal from "../../Journal.ts"
import * as Limits from "../../Limits.ts"
import type * as RunState from "../../RunState.ts"
import * as Mutex from "../mutex.ts"
import * as Budget from "./budget.ts"
import type { InFlight } from "./inFlight.ts"
import type { RunLog } from "./runLog.ts"
import { withheld } from "./texts.ts"

type Command<Tag extends RunState.Command["_tag"]> = Extract<RunState.Command, { readonly _tag: Tag }>

/** What the calls of a run have in common. @internal */
export interface Context {
  readonly runId: string
  readonly agent: string
  readonly tenant: string | undefined
  readonly thread: string | undefined
  readonly limits: Limits.Resolved
  readonly dispatcher: Dispatcher.Dispatcher
  readonly approver: Approval.Approver
  readonly budget: Budget.Budget
  readonly log: RunLog
  readonly inFlight: InFlight
  readonly clock: Clock.Clock
}

/** Which calls are meant: those of a model request. */
type Request = Pick<RunState.RunState, "turn" | "request">

/** @internal */
export const callKey = (index: number): string => `call ${index}`

/** @internal */
export const approvalKey = (index: number): string => `approval ${index}`

/** @internal */
export const make = (
  { agent, approver, budget, clock, dispatcher, inFlight, limits, log, runId, tenant, thread }: Context
) => {
  let dispatch: Dispatcher.Dispatch | undefined
  let closed = false
  const submitted = new Set<number>()

  const turnKey = () => ({ turn: log.state().turn, request: log.state().request })

  const toRequest = (index: number): Dispatcher.Request => {
    const { acted, attempts, class: effectClass, failure, key, requested, resumed } = log.state().calls[index]!
    const { id, name, params } = requested
    const request = { ...turnKey(), index, id, name, params }
    return {
      ...request,
      key: key ?? Dispatcher.idempotencyKey(runId, request),
      ...(resumed ? { before: { class: effectClass ?? "readonly", attempts, acted: acted > 0, failure } } : {})
    }
  }

  /** The class that the call was intended with. */
  const classOf = ({ class: effectClass, requested }: RunState.Call) =>
    effectClass ?? Dispatcher.effectClass(dispatcher, requested.name)

  const openDispatch = (): Dispatcher.Dispatch =>
    Dispatcher.open(dispatcher, {
      runId,
      tenant,
      concurrency: limits.concurrency,
      thread,
      retries: budget.retries,
      messages: () => log.state().transcript.content,
      emit: log.emit,
      publish: log.publish
    })

  /** Of the calls that begin now. */
  const deadline = (): number => {
    const now = clock.currentTimeMillisUnsafe()
    const state = log.state()
    return Math.min(
      (state.started?.at ?? now) + state.paused + Limits.toolsUntil(limits),
      now + (limits.toolTimeout ?? Number.POSITIVE_INFINITY)
    )
  }

  const wantApproval = (requests: ReadonlyArray<Dispatcher.Request>): Effect.Effect<ReadonlyArray<boolean>> => {
    if (!requests.some(({ name }) => Dispatcher.isGated(dispatcher, name))) return Effect.succeed([])
    const end = deadline()
    const { content } = log.state().transcript
    const asking = (request: Dispatcher.Request) => Dispatcher.wantsApproval(dispatcher, request, content, end)
    return Effect.forEach(requests, asking, { concurrency: "unbounded" })
  }

  /** Not if the reply has become complete meanwhile, which may not be one whose calls are run. */
  const intend = ({ indices }: Command<"IntendDispatch">, phase: RunState.Phase) => {
    const requests = indices.map(toRequest)
    return Effect.flatMapEager(wantApproval(requests), (wanted) => {
      const calls = requests.map(({ index, key, name }, n) => ({
        index,
        class: Dispatcher.effectClass(dispatcher, name),
        key,
        ...(wanted[n] === true ? { approval: true } : {})
      }))
      return log.emit((at) => {
        Budget.takeCalls(budget, calls.length)
        return { _tag: "DispatchIntended", ...turnKey(), at, calls }
      }, () => log.state().phase === phase)
    })
  }

  const startCall = ({ index }: Command<"StartCall">) => {
    dispatch ??= openDispatch()
    submitted.add(index)
    const { approval } = log.state().calls[index]!
    const request = toRequest(index)
    if (typeof approval === "object" && approval.approved) dispatch.approve(request.key, approval.expires)
    const settle = (answer: Dispatcher.Answer): Effect.Effect<void, unknown> =>
      Option.isNone(answer.fatal)
        ? log.answer(index, answer)
        : Effect.andThen(log.answer(index, answer), Effect.fail(answer.fatal.value))
    return Effect.flatMapEager(
      dispatch.submit(request, deadline()),
      (call) => inFlight.launch(callKey(index), Effect.flatMap(call, settle))
    )
  }

  /** The calls of a complete reply are known, those included that still wait for approval. */
  const close = (): void => {
    const { calls, phase } = log.state()
    const isSettled = phase === "responded" &&
      calls.every(({ answered, key }) => key !== undefined || answered !== undefined)
    if (dispatch === undefined || closed || (phase !== "dispatching" && !isSettled)) return
    closed = true
    dispatch.close(
      calls.flatMap(({ answered, requested: { index, name } }) =>
        submitted.has(index) ? [] : [{ index, name, ok: answered?.ok }]
      )
    )
  }

  const answerCall = Effect.fnUntraced(function*({ index, why }: Command<"AnswerCall">) {
    yield* inFlight.interrupt((key) => key === callKey(index) || key === approvalKey(index))
    const call = log.state().calls[index]!
    if (closed && !submitted.has(index)) dispatch?.withhold(call.requested.name, index)
    yield* log.answer(index, withheld(why, limits, call, classOf(call)))
  })

  const awaitApproval = Effect.fnUntraced(function*(command: Command<"AwaitApproval">) {
    const { index } = command
    const { key = "", requested: { id, name, params } } = log.state().calls[index]!
    const { request, turn } = turnKey()
    const asked = { runId, agent, tenant, callId: id, turn, index, tool: name, params, key }
    yield* log.emit((at) => ({ _tag: "ApprovalRequested", turn, request, index, at }))
    const refusal = (cause: Cause.Cause<never>): Effect.Effect<Approval.Decision> =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.failCause(cause)
        : Effect.as(Effect.logError(`The approval of "${name}" failed`, cause), {
          approved: false,
          reason: "it could not be decided"
        })
    const decided = Effect.flatMap(
      Effect.catchCause(Effect.suspend(() => approver(asked)), refusal),
      ({ approved, by, expires, reason }) =>
        log.emit((at) => ({
          _tag: "ApprovalDecided",
          turn,
          request,
          index,
          at,
          approved,
          ...(by === undefined ? {} : { by }),
          ...(reason === undefined ? {} : { reason }),
          ...(expires === undefined ? {} : { expires })
        }))
    )
    yield* inFlight.launch(approvalKey(index), decided)
  })

  // a reply may break off while its first calls are being started
  const inOrder = Mutex.make()

  /** Acts on the calls of a request, if it is still the present one. */
  const during = <E, R>({ request, turn }: Request, act: () => Effect.Effect<void, E, R>): Effect.Effect<void, E, R> =>
    inOrder((restore) => {
      const { phase, ...now } = log.state()
      return now.turn === turn && now.request === request && phase !== "ready" ? restore(act()) : Effect.void
    })

  const endBegun = Effect.suspend(() => {
    const { calls, phase } = log.state()
    const isOpen = phase === "requested" || phase === "responded"
    const begun = isOpen ? calls.filter(({ key }) => key !== undefined) : []
    if (begun.length === 0) return Effect.void
    return Effect.andThen(
      inFlight.interrupt((key) => begun.some(({ requested }) => key === callKey(requested.index))),
      Effect.forEach(
        begun,
        ({ requested: { index } }) => log.emit((at) => ({ _tag: "CallDiscarded", ...turnKey(), index, at })),
        { discard: true }
      )
    )
  })

  /** Ends the calls that were started before their reply was complete, which is not kept; nothing starts before `then`. */
  const discard = <A, E>(then: Effect.Effect<A, E>): Effect.Effect<A, E | Journal.JournalFailure> =>
    inOrder((restore) => restore(Effect.andThen(endBegun, then)))

  /** The calls of the next reply are others. */
  const begin = (): void => {
    dispatch = undefined
    closed = false
    submitted.clear()
  }

  return { begin, intend, startCall, awaitApproval, answerCall, classOf, close, discard, during }
}
