/**
 * The events of a run as they happen: appended to the journal, applied to the state, published; nothing comes between.
 *
 * @internal
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Dispatcher from "../../Dispatcher.ts"
import type * as Journal from "../../Journal.ts"
import type * as RunEvent from "../../RunEvent.ts"
import * as RunState from "../../RunState.ts"
import * as Mutex from "../mutex.ts"
import type { Restore } from "../permits.ts"
import type { Observer, Publish } from "./observer.ts"

/** @internal */
export type Answer = Pick<Dispatcher.Answer, "ok" | "result" | "attempts" | "failure"> & {
  readonly handle?: string | undefined
}

/** @internal */
export interface RunLog {
  readonly state: () => RunState.RunState
  readonly publish: Publish
  /** Appends an event; `when` is asked inside of the mutex whether it still holds. */
  readonly emit: (
    event: (at: number) => RunEvent.RunEvent,
    when?: () => boolean
  ) => Effect.Effect<void, Journal.JournalFailure>
  /** Appends the answer of a call of the present turn, unless it has one. */
  readonly answer: (index: number, answer: Answer) => Effect.Effect<void, Journal.JournalFailure>
  /**
   * From here on a journal that fails does not stop the events: a run that ends keeps its transcript valid. What announces
   * an act is still refused, so that nothing is done that is not in the journal.
   */
  readonly close: () => void
}

const always = (): boolean => true

const announcesAct = ({ _tag }: RunEvent.RunEvent): boolean => _tag === "AttemptStarted" || _tag === "ModelRequested"

/** @internal */
export const make = (
  writer: Journal.Writer,
  before: RunState.RunState,
  tell: Observer["tell"],
  clock: Clock.Clock
): RunLog => {
  const inOrder = Mutex.make()
  let state = before
  let closing = false

  const add = (event: RunEvent.RunEvent, restore: Restore): Effect.Effect<void, Journal.JournalFailure> => {
    const append = writer.append(event)
    const written = closing && !announcesAct(event) ? Effect.ignore(append) : append
    const applied = () => {
      state = RunState.apply(state, event)
      return tell(event, restore)
    }
    return Exit.isExit(written) && Exit.isSuccess(written) ? applied() : Effect.flatMap(written, applied)
  }

  const emit: RunLog["emit"] = (event, when = always) =>
    inOrder((restore) => when() ? add(event(clock.currentTimeMillisUnsafe()), restore) : Effect.void)

  const answer: RunLog["answer"] = (index, { attempts, failure, handle, ok, result }) =>
    emit((at) => ({
      _tag: "ToolCallAnswered",
      turn: state.turn,
      request: state.request,
      index,
      at,
      ok,
      result,
      attempts,
      ...(failure === undefined ? {} : { failure }),
      ...(handle === undefined ? {} : { handle })
    }), () => state.calls[index]?.answered === undefined)

  return {
    state: () => state,
    publish: (item) => tell(item),
    emit,
    answer,
    close: () => {
      closing = true
    }
  }
}
