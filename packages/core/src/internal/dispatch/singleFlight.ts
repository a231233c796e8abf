/**
 * Stage: equal calls of a read-only tool within one dispatch share one execution.
 *
 * The first of them leads; one that is interrupted hands over to another that still waits.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { canonicalJson } from "../canonicalJson.ts"
import { emit } from "./emit.ts"
import { type Call, type Execute, type Failed, keyOf, type Result, type Stage } from "./stage.ts"

/** What a joiner is told: how the execution ended, or (`undefined`) that it is to lead now. */
type Landing = Exit.Exit<Result, Failed> | undefined

/** An execution that several calls wait for. @internal */
export interface Flight {
  readonly key: string
  /** Nobody leads a flight whose leader was interrupted while nobody waited. */
  leader: Call | undefined
  landed: Exit.Exit<Result, Failed> | undefined
  readonly waiting: Map<Call, (landing: Landing) => void>
}

const late: Failed = {
  kind: "transient",
  reason: "Timeout",
  message: "no result before the deadline",
  executed: true
}

/** The next of those that wait leads. */
const handOver = (flight: Flight, flights: Map<string, Flight>): void => {
  for (const [call, tell] of flight.waiting) {
    flight.waiting.delete(call)
    flight.leader = call
    return tell(undefined)
  }
  flight.leader = undefined
  flights.delete(flight.key)
}

const land = (flight: Flight, leader: Call, exit: Exit.Exit<Result, Failed>): void => {
  const { flights } = leader.shared
  if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return handOver(flight, flights)
  flight.landed = exit
  flights.delete(flight.key)
  for (const tell of flight.waiting.values()) tell(exit)
}

const lead = (flight: Flight, call: Call, execution: ReturnType<Execute>): ReturnType<Execute> =>
  Effect.onExit(execution, (exit) => Effect.sync(() => land(flight, call, exit)))

/** Waits for the landing; leads at once where nobody does. */
const wait = (flight: Flight, call: Call): Effect.Effect<Landing> =>
  Effect.callback((resume) => {
    if (flight.landed !== undefined) return resume(Effect.succeed(flight.landed))
    if (flight.leader === undefined) {
      flight.leader = call
      call.shared.flights.set(flight.key, flight)
      return resume(Effect.undefined)
    }
    flight.waiting.set(call, (landing) => resume(Effect.succeed(landing)))
    return Effect.sync(() => void flight.waiting.delete(call))
  })

/** A call that no longer waits: what it may have been told in the same moment goes to the next. */
const leave = (flight: Flight, call: Call): void => {
  flight.waiting.delete(call)
  if (flight.leader === call) handOver(flight, call.shared.flights)
}

const join = (flight: Flight, call: Call, next: Execute): ReturnType<Execute> =>
  Effect.uninterruptibleMask((restore) => {
    const left = Effect.sync(() => leave(flight, call))
    const settle = (landing: Landing): ReturnType<Execute> => {
      if (landing === undefined) return lead(flight, call, restore(Effect.suspend(() => next(call))))
      // the joiner's answer tells what was tried for it
      call.history.attempts = flight.leader?.history.attempts ?? 0
      return landing
    }
    const landing = Effect.clockWith((clock) =>
      Effect.timeoutOption(wait(flight, call), call.deadline - clock.currentTimeMillisUnsafe())
    )
    const leader = flight.leader?.index ?? call.index
    return emit(call, (at) => ({ _tag: "CallJoined", ...keyOf(call), at, leader })).pipe(
      Effect.andThen(Effect.onInterrupt(restore(landing), () => left)),
      Effect.flatMap(Option.match({ onNone: () => Effect.andThen(left, Effect.fail(late)), onSome: settle }))
    )
  })

/** @internal */
export const singleFlight: Stage = ({ effectClass, name }) => {
  if (effectClass !== "readonly") return undefined
  return (next) => (call) => {
    const { flights } = call.shared
    const key = `${name}\n${canonicalJson(call.params)}`
    const joined = flights.get(key)
    if (joined !== undefined) return join(joined, call, next)
    const flight: Flight = { key, leader: call, landed: undefined, waiting: new Map() }
    flights.set(key, flight)
    return lead(flight, call, next(call))
  }
}
