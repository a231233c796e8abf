/**
 * Stage: equal calls of a read-only tool within one dispatch share one execution.
 *
 * The first of them leads; one that is interrupted hands over to another that still waits.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { atEnd } from "../atEnd.ts"
import { canonicalArguments } from "../canonicalJson.ts"
import type { Restore } from "../permits.ts"
import { type Call, type Execute, type Failed, keyOf, type Result, type Stage } from "./stage.ts"

/** What a joiner is told: how the execution ended, or (`undefined`) that it is to lead now. */
type Landing = Exit.Exit<Result, Failed> | undefined

/** An execution that equal calls may join; `Shared.flights` has it for as long as somebody leads it. @internal */
export interface Flight {
  readonly key: string
  leader: Call
  landed: Exit.Exit<Result, Failed> | undefined
  readonly waiting: Map<Call, Deferred.Deferred<Landing>>
}

const begin = (key: string, leader: Call): Flight => {
  const flight: Flight = { key, leader, landed: undefined, waiting: new Map() }
  leader.shared.flights.set(key, flight)
  return flight
}

const end = ({ key, leader }: Flight): void => void leader.shared.flights.delete(key)

/** The first that waits leads; where nobody waits the flight is over. */
const handOver = (flight: Flight): void => {
  const [next] = flight.waiting
  if (next === undefined) return end(flight)
  const [call, told] = next
  flight.waiting.delete(call)
  flight.leader = call
  Deferred.doneUnsafe(told, Effect.undefined)
}

const land = (flight: Flight, exit: Exit.Exit<Result, Failed>): void => {
  if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return handOver(flight)
  flight.landed = exit
  end(flight)
  for (const told of flight.waiting.values()) Deferred.doneUnsafe(told, Effect.succeed(exit))
}

const lead = (flight: Flight, execution: ReturnType<Execute>): ReturnType<Execute> =>
  atEnd(execution, (exit) => land(flight, exit))

/** A call that waits no longer; what it may have been told in the same moment goes to the next. */
const leave = (flight: Flight, call: Call): void => {
  flight.waiting.delete(call)
  if (flight.leader === call) handOver(flight)
}

const late = (executed: boolean): Failed => ({
  kind: "transient",
  reason: "Timeout",
  message: "no result before the deadline",
  executed
})

/** Waits for the landing until the call's deadline. Must be run uninterruptibly. */
const join = (flight: Flight, call: Call, next: Execute, restore: Restore): ReturnType<Execute> => {
  const told = Deferred.makeUnsafe<Landing>()
  if (flight.landed === undefined) flight.waiting.set(call, told)
  else Deferred.doneUnsafe(told, Effect.succeed(flight.landed))
  const landing = Effect.clockWith((clock) =>
    Effect.timeoutOption(Deferred.await(told), call.deadline - clock.currentTimeMillisUnsafe())
  )
  /** The answer tells what was tried for the call. */
  const share = (exit: Exit.Exit<Result, Failed>): ReturnType<Execute> => {
    call.history.attempts = flight.leader.history.attempts
    return exit
  }
  const settle = (told: Option.Option<Landing>): ReturnType<Execute> => {
    if (Option.isNone(told)) {
      const exit = share(Exit.fail(late(flight.leader.history.attempts > 0)))
      leave(flight, call)
      return exit
    }
    return told.value === undefined ? lead(flight, restore(Effect.suspend(() => next(call)))) : share(told.value)
  }
  return call.shared.emit((at) => ({ _tag: "CallJoined", ...keyOf(call), at, leader: flight.leader.index })).pipe(
    Effect.andThen(restore(landing)),
    Effect.onError(() => Effect.sync(() => leave(flight, call))),
    Effect.flatMap(settle)
  )
}

/** @internal */
export const singleFlight: Stage = ({ effectClass, name }) => {
  if (effectClass !== "readonly") return undefined
  return (next) => (call) => {
    const { flights } = call.shared
    const key = `${name}\n${canonicalArguments(call.params)}`
    const joined = flights.get(key)
    if (joined === undefined) return lead(begin(key, call), next(call))
    return Effect.uninterruptibleMask((restore) => {
      // until this call runs, all that it was equal to may have been interrupted
      const flight = joined.landed === undefined ? flights.get(key) : joined
      return flight === undefined
        ? lead(begin(key, call), restore(Effect.suspend(() => next(call))))
        : join(flight, call, next, restore)
    })
  }
}
