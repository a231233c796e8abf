/**
 * The budgets that a retry is taken from: the run's, its thread's, and that of the dependency over all runs.
 *
 * @internal
 */
import type { Dependencies } from "../../Dependencies.ts"
import type { Retries } from "./stage.ts"

/** The retries of a run: one object for all its dispatches. @internal */
export interface OfRun {
  readonly allowed: number
  left: number
}

/** @internal */
export const make = (run: OfRun, dependencies: Dependencies, thread: string | undefined): Retries => {
  const ofThread = thread === undefined ? undefined : dependencies.threadBudget(thread)
  return {
    called: (dependency, now) => {
      ofThread?.call(now)
      dependencies.retryBudget(dependency).call(now)
    },
    take: (dependency, now) => {
      const ofDependency = dependencies.retryBudget(dependency)
      if (run.left <= 0) return "run"
      if (ofThread?.has(now) === false) return "thread"
      if (!ofDependency.has(now)) return "dependency"
      run.left--
      ofThread?.take(now)
      ofDependency.take(now)
      return undefined
    },
    left: () => run.left,
    plenty: (dependency, now) => run.left >= run.allowed / 2 && dependencies.retryBudget(dependency).plenty(now)
  }
}
