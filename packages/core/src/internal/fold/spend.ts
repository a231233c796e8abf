/**
 * What a run has used, added up.
 *
 * @internal
 */
import type * as RunEvent from "../../RunEvent.ts"
import type { Spent } from "../../RunState.ts"

const addUsage = (left: RunEvent.Usage, right: RunEvent.Usage): RunEvent.Usage => {
  const long = (left.cacheWriteLongTokens ?? 0) + (right.cacheWriteLongTokens ?? 0)
  return {
    inputTokens: left.inputTokens + right.inputTokens,
    outputTokens: left.outputTokens + right.outputTokens,
    cacheReadTokens: left.cacheReadTokens + right.cacheReadTokens,
    cacheWriteTokens: left.cacheWriteTokens + right.cacheWriteTokens,
    ...(long === 0 ? {} : { cacheWriteLongTokens: long })
  }
}

/** What is not known stays so. */
const addCost = (left: number | undefined, right: number | undefined): number | undefined =>
  left === undefined || right === undefined ? undefined : left + right

/** @internal */
export const spend = (
  spent: Spent,
  { cost, usage, ...more }: { readonly usage: RunEvent.Usage; readonly cost?: number; readonly turns?: number } & {
    readonly toolCalls?: number
    readonly subRuns?: number
  }
): Spent => ({
  ...spent,
  turns: spent.turns + (more.turns ?? 0),
  toolCalls: spent.toolCalls + (more.toolCalls ?? 0),
  subRuns: spent.subRuns + (more.subRuns ?? 0),
  usage: addUsage(spent.usage, usage),
  cost: addCost(spent.cost, cost)
})
