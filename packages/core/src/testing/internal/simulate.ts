/**
 * The engine of simulations: synchronous and discrete-event.
 *
 * All fibers share one queue of ready tasks, from which the seed picks; a fiber yields with a probability, so that operations of
 * several fibers interleave; time moves only when nothing is ready, and sleepers of one instant wake in any order.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Dependencies from "../../Dependencies.ts"
import * as ResultStore from "../../ResultStore.ts"
import * as ToolCache from "../../ToolCache.ts"

/**
 * How a simulation ended: with the effect's exit, with nothing left that could ever happen, or at the step limit.
 *
 * @category models
 * @since 0.1.0
 */
export type Stop<A, E> =
  | { readonly _tag: "Done"; readonly exit: Exit.Exit<A, E> }
  | { readonly _tag: "Deadlock" }
  | { readonly _tag: "StepLimit" }

/**
 * What the simulation of an effect came to: `steps` tasks were run, the clock stood at `now` milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Simulated<A, E> {
  readonly stop: Stop<A, E>
  readonly steps: number
  readonly now: number
}

/**
 * A stream of pseudo-random numbers in [0, 1), the same for the same seed (mulberry32).
 *
 * @category constructors
 * @since 0.1.0
 */
export const randomNumbers = (seed: number): () => number => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What a process remembers, empty. */
const memory = Layer.mergeAll(Dependencies.layerMemory, ToolCache.layerMemory(), ResultStore.layerMemory())

/** Removes one item without keeping the order. */
const takeAt = <T>(items: Array<T>, index: number): T => {
  const item = items[index]!
  const last = items.pop()!
  if (index < items.length) items[index] = last
  return item
}

/**
 * A resumed fiber's first operations are the resumption itself: yielding there makes no progress, and at a probability of
 * one half and above it never ends.
 */
const operationsOfResumption = 3
const operationsBeforeYield = 2048

/** Some races are won by a fiber that goes on for long, others by one that stops at once: seeds take turns. */
const yieldProbabilities = [0.01, 0.1, 0.3, 0.6] as const

/**
 * Runs an effect to its end in a simulated world: the seed decides the order of fibers and the passing of time. The same seed gives
 * the same execution.
 *
 * **Details**
 *
 * Real promises, timers and sockets are outside of the simulation: what the effect talks to must be an Effect service. It is not for
 * tests of exact delays: those are simpler with `TestClock`. What the process remembers (`Dependencies`, `ToolCache`, `ResultStore`)
 * is not seen: each simulation starts with a memory of its own.
 *
 * @param options.seed - decides everything
 * @param options.yieldProbability - of a fiber at each operation, 0 to 0.9; default one of 0.01, 0.1, 0.3, 0.6 by the seed
 * @param options.maxSteps - tasks to run at the most, default 100,000
 * @category combinators
 * @since 0.1.0
 */
export const simulate = <A, E>(
  effect: Effect.Effect<A, E>,
  options: { readonly seed: number; readonly yieldProbability?: number; readonly maxSteps?: number }
): Simulated<A, E> => {
  const random = randomNumbers(options.seed)
  const probability = options.yieldProbability ?? yieldProbabilities[Math.abs(options.seed) % 4]!
  const maxSteps = options.maxSteps ?? 100_000
  const ready: Array<() => void> = []
  const sleepers: Array<{ readonly at: number; readonly wake: () => void }> = []
  let now = 0
  let steps = 0

  const pick = (length: number): number => length === 1 ? 0 : Math.floor(random() * length)

  const dispatcher: Scheduler.SchedulerDispatcher = {
    scheduleTask: (task) => void ready.push(task),
    flush: () => {
      while (ready.length > 0) takeAt(ready, ready.length - 1)()
    }
  }
  const scheduler: Scheduler.Scheduler = {
    executionMode: "async",
    shouldYield: (fiber) =>
      fiber.currentOpCount >= operationsOfResumption
      && (fiber.currentOpCount >= operationsBeforeYield || random() < probability),
    makeDispatcher: () => dispatcher
  }
  const nanos = (): bigint => BigInt(Math.round(now * 1e6))
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => now,
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.callback<void>((resume) => {
        const sleeper = { at: now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
        if (Number.isFinite(sleeper.at)) sleepers.push(sleeper)
        return Effect.sync(() => {
          const index = sleepers.indexOf(sleeper)
          if (index >= 0) takeAt(sleepers, index)
        })
      })
  }

  const services = Context.make(Scheduler.Scheduler, scheduler).pipe(Context.add(Clock.Clock, clock))
  const fiber = Effect.runForkWith(services)(
    Effect.provide(Random.withSeed(effect, String(options.seed)), memory)
  )

  const wakeNext = (): void => {
    now = sleepers.reduce((least, { at }) => Math.min(least, at), Number.POSITIVE_INFINITY)
    const due = sleepers.flatMap(({ at }, index) => at === now ? [index] : [])
    takeAt(sleepers, due[pick(due.length)]!).wake()
  }

  const toEnd = (): Stop<A, E> => {
    while (steps++ < maxSteps) {
      if (ready.length > 0) {
        takeAt(ready, pick(ready.length))()
        continue
      }
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return { _tag: "Done", exit }
      if (sleepers.length === 0) return { _tag: "Deadlock" }
      wakeNext()
    }
    return { _tag: "StepLimit" }
  }

  const stop = toEnd()
  return { stop, steps, now }
}
