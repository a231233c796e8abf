/**
 * Plans that are simpler than a plan, the simplest first.
 *
 * @internal
 */
import type { Call, Fate, Plan, Run, Turn } from "./plan.ts"

type Simpler<A> = (value: A) => ReadonlyArray<A>

/** A list without half of its items, then without each one. */
const fewer = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  const half = Math.ceil(items.length / 2)
  const without = items.map((_, i) => items.filter((__, j) => j !== i))
  return items.length < 3 ? without : [items.slice(0, half), items.slice(half), ...without]
}

/** A list with one item made simpler. */
const eachOf = <A>(items: ReadonlyArray<A>, simpler: Simpler<A>): ReadonlyArray<ReadonlyArray<A>> =>
  items.flatMap((item, i) => simpler(item).map((less) => items.with(i, less)))

const without = <A extends object, K extends keyof A>(value: A, ...keys: ReadonlyArray<K>): ReadonlyArray<A> =>
  keys.flatMap((key) => {
    if (value[key] === undefined) return []
    const { [key]: _, ...rest } = value
    return [rest as A]
  })

const lower = (value: number): ReadonlyArray<number> => value === 0 ? [] : value > 3 ? [0, Math.floor(value / 2)] : [0]

const simplerFate: Simpler<Fate> = (fate) => [
  ...(fate.does === "ok" ? [] : [{ does: "ok", millis: fate.millis } as const]),
  ...without(fate, "acts"),
  ...lower(fate.millis).map((millis) => ({ ...fate, millis }))
]

const simplerCall: Simpler<Call> = (call) => [
  ...fewer(call.fates).map((fates) => ({ ...call, fates })),
  ...eachOf(call.fates, simplerFate).map((fates) => ({ ...call, fates })),
  ...without(call, "id", "approval", "reconcile")
]

const simplerTurn: Simpler<Turn> = (turn) => [
  ...fewer(turn.calls).map((calls) => ({ ...turn, calls })),
  ...fewer(turn.faults).map((faults) => ({ ...turn, faults })),
  ...without(turn, "text"),
  ...eachOf(turn.calls, simplerCall).map((calls) => ({ ...turn, calls }))
]

const simplerRun: Simpler<Run> = (run) => [
  ...fewer(run.turns).map((turns) => ({ ...run, turns })),
  ...without(run, "cancelAt"),
  ...eachOf(run.turns, simplerTurn).map((turns) => ({ ...run, turns })),
  ...lower(run.startAt).map((startAt) => ({ ...run, startAt })),
  ...lower(run.interval).map((interval) => ({ ...run, interval }))
]

/** @internal */
export const simpler: Simpler<Plan> = (plan) => [
  ...(plan.runs.length > 1 ? fewer(plan.runs).filter((runs) => runs.length > 0) : []).map((runs) => ({ ...plan, runs })),
  ...fewer(plan.strikes).map((strikes) => ({ ...plan, strikes })),
  ...(plan.slowJournal ? [{ ...plan, slowJournal: false }] : []),
  ...eachOf(plan.runs, simplerRun).map((runs) => ({ ...plan, runs })),
  ...eachOf(plan.strikes, (strike) => strike.nth > 1 ? [{ ...strike, nth: strike.nth - 1 }] : []).map((strikes) => ({
    ...plan,
    strikes
  }))
]
