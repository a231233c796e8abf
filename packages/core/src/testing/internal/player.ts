/**
 * Hands out the steps of a script, one for each request.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type * as ModelScript from "../ModelScript.ts"

/** @internal */
export interface Turn {
  /** Number of the request, from 0. */
  readonly n: number
  /** `undefined` when the script has no answer for this request. */
  readonly step: ModelScript.Step | undefined
}

/** @internal */
export interface Player<Request> {
  readonly next: (request: Request) => Effect.Effect<Turn>
  readonly unconsumed: Effect.Effect<ReadonlyArray<ModelScript.Step>>
  readonly unexpected: Effect.Effect<ReadonlyArray<Request>>
}

/** @internal */
export const make = Effect.fnUntraced(function*<Request>(source: ModelScript.Source<Request>) {
  const asked = yield* Ref.make(0)
  const unexpected = yield* Ref.make<ReadonlyArray<Request>>([])

  const answer = (request: Request, n: number): Effect.Effect<ModelScript.Step | undefined> =>
    Effect.suspend(() => {
      const step = typeof source === "function" ? source(request, n) : source[n]
      return Effect.isEffect(step) ? step : Effect.succeed(step)
    })

  const player: Player<Request> = {
    next: Effect.fnUntraced(function*(request) {
      const n = yield* Ref.getAndUpdate(asked, (n) => n + 1)
      const step = yield* answer(request, n)
      if (step === undefined) yield* Ref.update(unexpected, (requests) => [...requests, request])
      return { n, step }
    }),
    unconsumed: Effect.map(Ref.get(asked), (n) => typeof source === "function" ? [] : source.slice(n)),
    unexpected: Ref.get(unexpected)
  }
  return player
})

/** What the client of a script that has no answer is told. @internal */
export const exhausted = (n: number): string => `The script has no step for request ${n + 1}: it expects ${n} or fewer`
