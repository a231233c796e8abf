/**
 * The world of a plan: what survives a process, and the points at which a process may be struck.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as RunEvent from "../../../RunEvent.ts"
import type * as ToolCache from "../../../ToolCache.ts"
import type { Cast, Stated } from "./cast.ts"
import type * as Plan from "./plan.ts"

/** One execution of a handler, as it saw itself: the dispatcher has no part in this record. @internal */
export interface Execution {
  readonly id: number
  readonly process: number
  readonly run: number
  /** That of the handler; another than the call's where it stands in. */
  readonly tool: string
  readonly turn: number
  /** The model request of the turn: each has places of its own. */
  readonly request: number
  readonly index: number
  readonly attempt: number
  readonly key: string
  readonly params: unknown
  readonly fate: Plan.Fate
  readonly deadline: number
  readonly start: number
  /** How many events its run had when it began. */
  readonly from: number
  end: number | undefined
  /** How many events its run had when it ended. */
  to: number | undefined
  /** Whether it ended by itself, not by interruption. */
  finished: boolean
  failure: Stated | undefined
  /** When it acted. */
  acted: number | undefined
}

/** A side effect that took place. @internal */
export interface Effected {
  readonly execution: Execution
  readonly what: string
  readonly at: number
}

/** @internal */
export interface WorldRun {
  readonly runId: string
  readonly plan: Plan.Run
  readonly events: Array<RunEvent.RunEvent>
  /** How often the model was asked for each turn. */
  readonly asked: Map<number, number>
  /** Events that were shown before they were in the journal. */
  unkept: number
  /** The number of events at each time that a process went on with it. */
  readonly resumed: Array<number>
  opened: boolean
  writer: number
  lost: boolean
  exit: Exit.Exit<unknown, unknown> | undefined
  /** How many events it had when it was cancelled. */
  cancelled: number | undefined
}

/** @internal */
export interface Process {
  readonly index: number
  readonly strike: Plan.Strike | undefined
  /** How often it came to where it is to be struck. */
  count: number
  /** The run and its number of events when the strike met it. */
  struck: { readonly run: WorldRun | undefined; readonly events: number } | undefined
  alive: boolean
  die: () => void
}

/** @internal */
export interface World {
  readonly plan: Plan.Plan
  readonly cast: Cast
  /** Whether the handlers are the agent's own. */
  readonly own: boolean
  readonly runs: ReadonlyArray<WorldRun>
  readonly executions: Array<Execution>
  readonly effects: Array<Effected>
  /** The idempotency keys that the systems behind the tools were given. */
  readonly keys: Set<string>
  readonly cache: Map<string, ToolCache.Entry>
  readonly results: Map<string, string>
  readonly processes: Array<Process>
  now: number
  steps: number
}

/** @internal */
export const make = (plan: Plan.Plan, cast: Cast, own: boolean): World => ({
  plan,
  cast,
  own,
  runs: plan.runs.map((run, i): WorldRun => ({
    runId: `run-${i}`,
    plan: run,
    events: [],
    asked: new Map(),
    unkept: 0,
    resumed: [],
    opened: false,
    writer: 0,
    lost: false,
    exit: undefined,
    cancelled: undefined
  })),
  executions: [],
  effects: [],
  keys: new Set(),
  cache: new Map(),
  results: new Map(),
  processes: [],
  now: 0,
  steps: 0
})

/** Where a fiber is: in which process of which world, and which handler it runs. @internal */
export interface Here {
  readonly world: World
  readonly process: Process
  readonly execution: Execution | undefined
}

/** @internal */
export const here = Context.Reference<Here | undefined>("@volley/core/testing/Simulation/here", {
  defaultValue: () => undefined
})

/** @internal */
export const runOf = (world: World, runId: string): WorldRun | undefined =>
  world.runs.find((run) => run.runId === runId)

/** A point: whether the call is to fail there. */
const point = (
  process: Process,
  at: Plan.Strike["at"],
  side: Plan.Strike["side"],
  run: WorldRun | undefined,
  event: string | undefined
): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    if (!process.alive) return Effect.never
    const { strike } = process
    if (strike === undefined || strike.at !== at || strike.side !== side) return Effect.succeed(false)
    if (strike.event !== undefined && strike.event !== event) return Effect.succeed(false)
    if (++process.count !== strike.nth) return Effect.succeed(false)
    process.struck = { run, events: run?.events.length ?? 0 }
    if (strike.does === "fail") return Effect.succeed(true)
    process.alive = false
    process.die()
    return Effect.never
  })

/** A call to the outside, which may fail, and its process may die, before and after it acts. @internal */
export const outside = <A, E, R>(
  process: Process,
  at: Plan.Strike["at"],
  act: () => A,
  fail: (side: Plan.Strike["side"]) => Effect.Effect<A, E, R>,
  run?: WorldRun,
  event?: string
): Effect.Effect<A, E, R> => {
  if (process.strike?.at !== at) return Effect.suspend(() => process.alive ? Effect.succeed(act()) : Effect.never)
  return Effect.flatMap(
    point(process, at, "before", run, event),
    (fails) =>
      fails ? fail("before") : Effect.suspend(() => {
        const value = act()
        return Effect.flatMap(
          point(process, at, "after", run, event),
          (fails) => fails ? fail("after") : Effect.succeed(value)
        )
      })
  )
}
