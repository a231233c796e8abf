/**
 * What a run and the runs that its tools start may spend together.
 *
 * A run keeps to its own limits by its fold; here are those of the runs above it, which other runs below them draw on at the
 * same time.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Dispatcher from "../../Dispatcher.ts"
import type * as Limits from "../../Limits.ts"
import type * as RunEvent from "../../RunEvent.ts"
import type * as RunState from "../../RunState.ts"

/** Tokens and USD; a cost that is not known is infinite. @internal */
export interface Amount {
  readonly input: number
  readonly output: number
  readonly cost: number
}

/** @internal */
export interface Budget {
  readonly runId: string
  readonly limits: Limits.Resolved
  readonly depth: number
  readonly retries: Dispatcher.Retries
  readonly above: Budget | undefined
  /** How many runs the one above has started, this one included. */
  readonly place: number
  /** Tells the run of this budget that one below it has ended. */
  readonly ended: (runId: string, spent: RunState.Spent) => Effect.Effect<void>
  turns: number
  toolCalls: number
  subRuns: number
  spent: Amount
  /** Model requests in flight, and what they may come to at most. */
  requests: number
  reserved: Amount
  settled: Deferred.Deferred<void>
}

/** The budget of the run whose tool is at work. @internal */
export const current: Context.Reference<Budget | undefined> = Context.Reference<Budget | undefined>(
  "@volley/core/internal/Budget",
  { defaultValue: () => undefined }
)

/** @internal */
export const nothing: Amount = { input: 0, output: 0, cost: 0 }

const add = (left: Amount, right: Amount, sign = 1): Amount => ({
  input: left.input + sign * right.input,
  output: left.output + sign * right.output,
  cost: left.cost + sign * right.cost
})

const amountOf = (
  { cost, usage }: Pick<RunState.Spent, "usage"> & { readonly cost?: number | undefined }
): Amount => ({
  input: usage.inputTokens,
  output: usage.outputTokens,
  cost: cost ?? Number.POSITIVE_INFINITY
})

/** An amount whose cost, where it is not known, is left out. @internal */
export const known = (spent: { readonly usage: RunEvent.Usage; readonly cost?: number | undefined }): Amount => ({
  ...amountOf(spent),
  cost: spent.cost ?? 0
})

/** What was spent from one state to a later one. @internal */
export const between = (before: RunState.Spent, after: RunState.Spent): Amount => ({
  input: after.usage.inputTokens - before.usage.inputTokens,
  output: after.usage.outputTokens - before.usage.outputTokens,
  // what was not known before is infinite already
  cost: before.cost === undefined ? 0 : (after.cost ?? Number.POSITIVE_INFINITY) - before.cost
})

/** @internal */
export const make = (
  options: Pick<Budget, "runId" | "limits" | "above" | "ended">,
  { cost, retries, subRuns, toolCalls, turns, usage }: RunState.Spent
): Budget => {
  const { above, limits } = options
  return {
    ...options,
    depth: above === undefined ? 0 : above.depth + 1,
    place: above === undefined ? 0 : ++above.subRuns,
    retries: { allowed: limits.retries, left: limits.retries - retries, above: above?.retries },
    turns,
    toolCalls,
    subRuns,
    spent: amountOf({ usage, cost }),
    requests: 0,
    reserved: nothing,
    settled: Deferred.makeUnsafe()
  }
}

const chain = (budget: Budget | undefined): ReadonlyArray<Budget> =>
  budget === undefined ? [] : [budget, ...chain(budget.above)]

interface Metered {
  readonly name: Limits.Reached
  readonly limit: number | null
  readonly of: (amount: Amount) => number
}

const meters = ({ limits: { cost, tokens } }: Budget): ReadonlyArray<Metered> => [
  { name: "inputTokens", limit: tokens.input, of: ({ input }) => input },
  { name: "outputTokens", limit: tokens.output, of: ({ output }) => output },
  { name: "totalTokens", limit: tokens.total, of: ({ input, output }) => input + output },
  { name: "cost", limit: cost, of: (amount) => amount.cost }
]

/** The first limit of an amount that would be at or above its bound. */
const reached = (budget: Budget, amount: Amount): Limits.Reached | undefined =>
  meters(budget).find(({ limit, of }) => limit !== null && of(amount) >= limit)?.name

/** How deep below the outermost run, and how many beside it, a run may be. */
const refusal = (budget: Budget): Limits.Reached | undefined => {
  for (const above of chain(budget.above)) {
    if (budget.depth - above.depth > above.limits.depth) return "depth"
  }
  return budget.above !== undefined && budget.place > budget.above.limits.subRuns ? "subRuns" : undefined
}

/** What the runs above leave to the next request of a run, given what its last one came to. @internal */
export const bounds = (budget: Budget, last: Amount): RunState.Bounds => {
  const above = chain(budget.above)
  if (above.length === 0) return {}
  let over = refusal(budget)
  let tight: Limits.Reached | undefined
  let toolCalls = Number.POSITIVE_INFINITY
  for (const [i, one] of above.entries()) {
    // each run between keeps a turn for its own answer
    const turns = one.limits.turns - one.turns - i - 1
    over ??= turns <= 0 ? "turns" : reached(one, one.spent)
    tight ??= turns === 1 ? "turns" : reached(one, add(add(one.spent, last), last))
    if (one.limits.toolCalls !== null) toolCalls = Math.min(toolCalls, one.limits.toolCalls - one.toolCalls)
  }
  return { over, last: tight, toolCalls }
}

/** @internal */
export const takeTurn = (budget: Budget): void => {
  for (const one of chain(budget)) one.turns++
}

/** @internal */
export const takeCalls = (budget: Budget, calls: number): void => {
  for (const one of chain(budget)) one.toolCalls += calls
}

/** @internal */
export const spend = (budget: Budget, amount: Amount): void => {
  for (const one of chain(budget)) one.spent = add(one.spent, amount)
}

const fits = (budget: Budget, amount: Amount): boolean =>
  budget.requests === 0 || reached(budget, add(add(budget.spent, budget.reserved), amount)) === undefined

const reserve = (budget: Budget, amount: Amount, sign: 1 | -1): void => {
  for (const one of chain(budget)) {
    one.requests += sign
    one.reserved = add(one.reserved, amount, sign)
    if (sign === 1) continue
    const { settled } = one
    one.settled = Deferred.makeUnsafe()
    Deferred.doneUnsafe(settled, Effect.void)
  }
}

/**
 * Runs a model request once what it may come to fits beside those in flight, so that together they exceed no limit by more
 * than one response. A request that is alone always fits.
 *
 * @param most - what the request may come to at most; asked only where others are in flight
 * @internal
 */
export const reserving = <A, E, R>(
  budget: Budget,
  most: () => Amount,
  request: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const all = chain(budget)
    const amount = all.some(({ requests }) => requests > 0) || all.length > 1 ? most() : nothing
    const blocked = all.find((one) => !fits(one, amount))
    if (blocked !== undefined) {
      return Effect.andThen(Deferred.await(blocked.settled), reserving(budget, most, request))
    }
    reserve(budget, amount, 1)
    return Effect.ensuring(request, Effect.sync(() => reserve(budget, amount, -1)))
  })
