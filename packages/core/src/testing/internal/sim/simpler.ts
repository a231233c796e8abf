/**
 * Plans that are simpler than a plan, the simplest first.
 *
 * @internal
 */
import type { Call, Fate, Plan, Run, Strike, Turn } from "./plan.ts"

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

const without = <A extends object>(value: A, ...keys: ReadonlyArray<keyof A>): ReadonlyArray<A> =>
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

const simplerStrike: Simpler<Strike> = (strike) => strike.nth > 1 ? [{ ...strike, nth: strike.nth - 1 }] : []

const ofRuns = (simpler: Simpler<Run>): Simpler<Plan> => (plan) =>
  eachOf(plan.runs, simpler).map((runs) => ({ ...plan, runs }))

const ofTurns = (simpler: Simpler<Turn>): Simpler<Plan> =>
  ofRuns((run) => eachOf(run.turns, simpler).map((turns) => ({ ...run, turns })))

const ofCalls = (simpler: Simpler<Call>): Simpler<Plan> =>
  ofTurns((turn) => eachOf(turn.calls, simpler).map((calls) => ({ ...turn, calls })))

const fewerRuns: Simpler<Plan> = (plan) =>
  fewer(plan.runs).filter((runs) => runs.length > 0).map((runs) => ({ ...plan, runs }))

/** From what leaves out most to what changes least. */
const passes: ReadonlyArray<Simpler<Plan>> = [
  fewerRuns,
  ofRuns((run) => fewer(run.turns).map((turns) => ({ ...run, turns }))),
  ofTurns((turn) => fewer(turn.calls).map((calls) => ({ ...turn, calls }))),
  (plan) => fewer(plan.strikes).map((strikes) => ({ ...plan, strikes })),
  ofRuns((run) => without(run, "cancelAt")),
  ofTurns((turn) => fewer(turn.faults).map((faults) => ({ ...turn, faults }))),
  ofCalls((call) => call.fates.length === 0 ? [] : [{ ...call, fates: [] }]),
  ofCalls((call) => fewer(call.fates).map((fates) => ({ ...call, fates }))),
  (plan) => plan.slowJournal ? [{ ...plan, slowJournal: false }] : [],
  ofCalls((call) => without(call, "id", "approval", "reconcile")),
  ofTurns((turn) => without(turn, "text")),
  ofCalls((call) => eachOf(call.fates, simplerFate).map((fates) => ({ ...call, fates }))),
  (plan) => eachOf(plan.strikes, simplerStrike).map((strikes) => ({ ...plan, strikes })),
  ofRuns((run) => [
    ...lower(run.startAt).map((startAt) => ({ ...run, startAt })),
    ...lower(run.interval).map((interval) => ({ ...run, interval }))
  ])
]

/** @internal */
export const simpler: Simpler<Plan> = (plan) => passes.flatMap((pass) => pass(plan))

/**
 * The smallest plan that was found which still shows what is looked for.
 *
 * @param shows - looks at a plan, which is what it costs
 * @param most - plans to look at, at the most
 * @internal
 */
export const shrink = (plan: Plan, shows: (plan: Plan) => boolean, most: number): Plan => {
  let least = plan
  let left = most
  /** Goes on where something could be left out: what came before it could not. */
  const reduced = (pass: Simpler<Plan>): boolean => {
    const before = least
    let candidates = pass(least)
    for (let i = 0; i < candidates.length && left > 0; left--) {
      const candidate = candidates[i]!
      if (shows(candidate)) {
        least = candidate
        candidates = pass(least)
      } else i++
    }
    return least !== before
  }
  while (passes.map(reduced).includes(true));
  return least
}
