/**
 * The budgets that a retry is taken from: the run's, its thread's, and that of the dependency over all runs.
 *
 * @internal
 */
import type { Dependencies } from "../../Dependencies.ts"
import type { Retries } from "./stage.ts"

/** The retries of a run: one object for all its dispatches; a sub-agent's are taken from those of `above` as well. @internal */
export interface OfRun {
  readonly allowed: number
  left: number
  readonly above?: OfRun | undefined
}

const leftTo = ({ above, left }: OfRun): number => above === undefined ? left : Math.min(left, leftTo(above))

/** Whether half or more are left, to the run and to each above it. */
const isPlenty = ({ above, allowed, left }: OfRun): boolean =>
  left >= allowed / 2 && (above === undefined || isPlenty(above))

const takeFrom = (run: OfRun): void => {
  run.left--
  if (run.above !== undefined) takeFrom(run.above)
}

/** @internal */
export const makeRetries = (run: OfRun, dependencies: Dependencies, thread: string | undefined): Retries => {
  const ofThread = thread === undefined ? undefined : dependencies.threadBudget(thread)
  return {
    called: (dependency, now) => {
      ofThread?.call(now)
      dependencies.retryBudget(dependency).call(now)
    },
    take: (dependency, now) => {
      const ofDependency = dependencies.retryBudget(dependency)
      if (leftTo(run) <= 0) return "run"
      if (ofThread?.has(now) === false) return "thread"
      if (!ofDependency.has(now)) return "dependency"
      takeFrom(run)
      ofThread?.take(now)
      ofDependency.take(now)
      return undefined
    },
    left: () => leftTo(run),
    plenty: (dependency, now) =>
      isPlenty(run) && ofThread?.plenty(now) !== false && dependencies.retryBudget(dependency).plenty(now)
  }
}
