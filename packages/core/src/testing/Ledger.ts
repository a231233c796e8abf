/**
 * A ledger of side effects, for tests that count them.
 *
 * **Details**
 *
 * It lives in memory, keeps every entry, and takes its times from the `Clock`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"

/**
 * One recorded side effect: its key, what the test noted about it, and when it happened (milliseconds of the `Clock`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly key: string
  readonly detail: unknown
  readonly at: number
}

/**
 * How many executions are in flight now, and how many there were at most.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gauge {
  readonly current: number
  readonly peak: number
}

/**
 * Records side effects and says afterwards what happened, how often, and how much of it at once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ledger {
  /** Records one side effect. */
  readonly record: (key: string, detail?: unknown) => Effect.Effect<void>
  /** Records the start of an effect and keeps it in flight until it ends, in whatever way. */
  readonly track: <A, E, R>(key: string, effect: Effect.Effect<A, E, R>, detail?: unknown) => Effect.Effect<A, E, R>
  /** All entries in the order they were recorded. */
  readonly entries: Effect.Effect<ReadonlyArray<Entry>>
  /** Number of entries of a key. */
  readonly count: (key: string) => Effect.Effect<number>
  /** Number of entries of each key. */
  readonly counts: Effect.Effect<Readonly<Record<string, number>>>
  /** Tracked executions of a key, of all keys together without one. */
  readonly inFlight: (key?: string) => Effect.Effect<Gauge>
}

interface State {
  readonly entries: ReadonlyArray<Entry>
  readonly gauges: ReadonlyMap<string | undefined, Gauge>
}

const idle: Gauge = { current: 0, peak: 0 }

const move = (state: State, key: string, by: 1 | -1): State => {
  const gauges = new Map(state.gauges)
  for (const name of [key, undefined]) {
    const gauge = gauges.get(name) ?? idle
    const current = gauge.current + by
    gauges.set(name, { current, peak: Math.max(gauge.peak, current) })
  }
  return { ...state, gauges }
}

const countByKey = (entries: ReadonlyArray<Entry>): Readonly<Record<string, number>> => {
  const counts = new Map<string, number>()
  for (const { key } of entries) counts.set(key, (counts.get(key) ?? 0) + 1)
  return Object.fromEntries(counts)
}

/**
 * Creates an empty ledger.
 *
 * **Example** (Counting what a handler did)
 *
 * ```ts
 * import { Ledger } from "@volley/core/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const ledger = yield* Ledger.make
 *   yield* Effect.all([1, 2, 3].map((id) => ledger.track("send", Effect.sleep("10 millis"), id)), { concurrency: 2 })
 *   return yield* ledger.inFlight("send")
 * })
 * console.log(await Effect.runPromise(program))
 * ```
 *
 * ```text
 * { current: 0, peak: 2 }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Ledger> = Effect.gen(function*() {
  const state = yield* Ref.make<State>({ entries: [], gauges: new Map() })
  const entries = Effect.map(Ref.get(state), ({ entries }) => entries)
  const counts = Effect.map(entries, countByKey)

  const record: Ledger["record"] = (key, detail) =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (at) => Ref.update(state, (state) => ({ ...state, entries: [...state.entries, { key, detail, at }] }))
    )

  return {
    record,
    track: (key, effect, detail) =>
      Effect.acquireUseRelease(
        Effect.andThen(record(key, detail), Ref.update(state, (state) => move(state, key, 1))),
        () => effect,
        () => Ref.update(state, (state) => move(state, key, -1))
      ),
    entries,
    count: (key) => Effect.map(counts, (counts) => Object.hasOwn(counts, key) ? counts[key]! : 0),
    counts,
    inFlight: (key) => Effect.map(Ref.get(state), ({ gauges }) => gauges.get(key) ?? idle)
  }
})
