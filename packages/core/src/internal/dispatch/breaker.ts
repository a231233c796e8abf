/**
 * Stage: stops calling a system that fails, until it is worth a try again.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import { type Asking, asking } from "../dependency/transitions.ts"
import { computedKey } from "./computedKey.ts"
import { orLate } from "./inTime.ts"
import { type Call, type Execute, type Failed, keyOf, notExecuted, type Result, type Stage } from "./stage.ts"

/** What an attempt says of the system's health; what came of no attempt says nothing. */
const outcomeOf = (call: Call) => (exit: Exit.Exit<Result, Failed>): CircuitBreaker.Outcome => {
  if (call.handler === undefined) return CircuitBreaker.ignored
  if (Exit.isSuccess(exit)) return CircuitBreaker.success
  const failed = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (failed === undefined || failed.kind === "fatal" || failed.reason === "Cancelled") return CircuitBreaker.ignored
  return failed.kind === "permanent"
    ? CircuitBreaker.success
    : CircuitBreaker.failure({ retryAfter: failed.retryAfter })
}

const seconds = (millis: number): string => `${Math.ceil(millis / 100) / 10} s`

const refused = (key: string, { reason }: CircuitBreaker.CircuitBreakerError): Failed => {
  switch (reason._tag) {
    case "CircuitOpen": {
      const retryAfter = Math.ceil(Duration.toMillis(reason.retryAfter))
      const message = `too many calls of "${key}" failed, so it is not called for another ${seconds(retryAfter)}`
      return notExecuted("transient", "CircuitOpen", message, { retryAfter })
    }
    case "CircuitHalfOpen":
      return notExecuted("transient", "CircuitOpen", `"${key}" is being tried by another call after it failed`)
    case "CircuitBreakerStoreError":
      return notExecuted("transient", "Unavailable", "the store of the circuit breaker failed", { error: reason })
  }
}

const late = (message: string): CircuitBreaker.CircuitBreakerError =>
  new CircuitBreaker.CircuitBreakerError({ reason: new CircuitBreaker.CircuitBreakerStoreError({ message }) })

const inTime = (call: Call): Asking["inTime"] => (access, least) => orLate(call, access, late, least)

/** @internal */
export const breaker: Stage = ({ name, policy }) => {
  const { breaker: options } = policy
  if (options === undefined) return undefined
  return (next): Execute => (call) =>
    Effect.suspend(() => {
      const key = computedKey(options.key ?? (() => name), call, "circuit")
      if (typeof key !== "string") return Effect.fail(key)
      let opened: number | undefined
      const onTransition = (transition: CircuitBreaker.Transition): void => {
        if (transition.to === "Open") opened = Duration.toMillis(transition.retryAfter)
      }
      const tell = Effect.suspend(() => {
        const openFor = opened
        return openFor === undefined
          ? Effect.void
          : call.shared.emit((at) => ({ _tag: "CircuitOpened", ...keyOf(call), at, key, openFor }))
      })
      const guarded = Effect.flatMap(
        call.shared.dependencies.circuit(options),
        (circuit) => circuit.execute(next(call), { key, classify: outcomeOf(call) })
      ).pipe(
        Effect.provideService(asking, { inTime: inTime(call), onTransition }),
        Effect.catch((error) =>
          Effect.fail(error instanceof CircuitBreaker.CircuitBreakerError ? refused(key, error) : error)
        )
      )
      return Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(Effect.exit(restore(guarded)), (exit) => Effect.andThen(tell, exit))
      )
    })
}
