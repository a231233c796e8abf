/**
 * Stage: waits for the calls of other tools in the same turn; where one of them failed, the call is not run.
 *
 * @internal
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { type Call, keyOf, notExecuted, type Stage } from "./stage.ts"

interface Awaited {
  readonly name: string
  readonly index: number
  readonly ok: Deferred.Deferred<boolean>
}

/** A call of the turn that has not been submitted; `ok` where it is answered without being run. @internal */
export interface Other {
  readonly name: string
  readonly index: number
  readonly ok?: boolean | undefined
}

/**
 * The calls of a turn, as far as they are known. No call waits for others before all are known: what it comes after may
 * be asked for later.
 *
 * @internal
 */
export interface Submitted {
  /** A call that will be answered; the function says how. */
  readonly add: (name: string, index: number) => (ok: boolean) => void
  /** All calls are known, those included that are submitted later or never. */
  readonly close: (others: ReadonlyArray<Other>) => void
  /** The calls of the named tools other than that of the index, once all calls are known. */
  readonly of: (names: ReadonlySet<string>, index: number) => Effect.Effect<ReadonlyArray<Awaited>>
}

/** @internal */
export const makeSubmitted = (): Submitted => {
  const calls: Array<Awaited> = []
  const complete = Deferred.makeUnsafe<void>()
  const pending = new Map<number, Awaited>()
  const announce = (name: string, index: number): Awaited => {
    const call = { name, index, ok: Deferred.makeUnsafe<boolean>() }
    calls.push(call)
    return call
  }
  const settle = ({ ok }: Awaited) => (value: boolean): void => {
    Deferred.doneUnsafe(ok, Effect.succeed(value))
  }
  return {
    add: (name, index) => settle(pending.get(index) ?? announce(name, index)),
    close: (others) => {
      for (const { index, name, ok } of others) {
        const call = announce(name, index)
        if (ok === undefined) pending.set(index, call)
        else settle(call)(ok)
      }
      Deferred.doneUnsafe(complete, Effect.void)
    },
    of: (names, index) =>
      Effect.map(
        Deferred.await(complete),
        () => calls.filter((call) => names.has(call.name) && call.index !== index)
      )
  }
}

const dependencyFailed = (failed: ReadonlyArray<Awaited>) =>
  notExecuted(
    "permanent",
    "DependencyFailed",
    `it comes after ${
      Array.from(new Set(failed.map(({ name }) => name)), (name) => `"${name}"`).join(" and ")
    }, which did not succeed`
  )

const failuresOf = Effect.fnUntraced(function*(call: Call, names: ReadonlySet<string>) {
  const calls = yield* call.shared.submitted.of(names, call.index)
  if (calls.length === 0) return []
  yield* call.shared.emit((at) => ({ _tag: "CallQueued", ...keyOf(call), at, behind: "dependency" }))
  return yield* Effect.filter(calls, ({ ok }) => Effect.map(Deferred.await(ok), (succeeded) => !succeeded))
})

/** @internal */
export const after: Stage = ({ policy }) => {
  const names = new Set(policy.after)
  if (names.size === 0) return undefined
  return (next) => (call) =>
    Effect.flatMap(
      failuresOf(call, names),
      (failed) => failed.length > 0 ? Effect.fail(dependencyFailed(failed)) : next(call)
    )
}
