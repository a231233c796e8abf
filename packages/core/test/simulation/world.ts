import { Agent, Journal, ResultStore, type RunEvent } from "@volley/core"
import { ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Effect, Exit, Fiber, References } from "effect"
import { journalOf } from "../support/journalOf.ts"
import type { Plan, Planned, PlannedRun } from "./plan.ts"
import { type Books, books, type Execution, tools } from "./tools.ts"

export interface SeenRun {
  readonly plan: PlannedRun
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly exit: Exit.Exit<unknown, unknown>
  /** The whole results that were kept, by handle. */
  readonly kept: ReadonlyMap<string, string | undefined>
}

export interface Seen {
  readonly runs: ReadonlyArray<SeenRun>
  readonly executions: ReadonlyArray<Execution>
}

const ask = ({ broken, item, n, sameId, tool }: Planned): ModelScript.Call => ({
  name: tool,
  ...(sameId ? { id: "toolu_same" } : {}),
  ...(broken === "cut" ? { partialJson: `{"item":${item}` } : { input: { item: broken === undefined ? item : "x", n } })
})

const isEvent = (item: RunEvent.RunEvent | RunEvent.Delta): item is RunEvent.RunEvent =>
  item._tag !== "TextDelta" && item._tag !== "ThinkingDelta" && item._tag !== "Progress"

const keptBy = Effect.fnUntraced(function*(tenant: string, events: ReadonlyArray<RunEvent.RunEvent>) {
  const results = yield* ResultStore.current
  const kept = new Map<string, string | undefined>()
  for (const event of events) {
    if (event._tag !== "ToolCallAnswered" || event.handle === undefined) continue
    kept.set(event.handle, yield* Effect.orDie(results.read(ResultStore.key(tenant, event.handle))))
  }
  return kept
})

const oneRun = Effect.fnUntraced(function*(plan: PlannedRun, events: Array<RunEvent.RunEvent>) {
  const replies = plan.turns.map((calls) =>
    ModelScript.toolUse(calls.map(ask), {
      chunkSize: 100,
      ...(plan.interval === 0 ? {} : { interval: plan.interval })
    })
  )
  const model = yield* ScriptedModel.make([
    ...(plan.cutAfter !== undefined && replies[0] !== undefined
      ? [ModelScript.cut(replies[0], { afterEvents: plan.cutAfter })]
      : []),
    ...replies,
    ModelScript.text("done")
  ])
  yield* Effect.sleep(plan.startAt)
  const running = Agent.run(Agent.make("simulated", { tools, limits: plan.limits }), "go", {
    runId: `run-${plan.tenant}`,
    tenant: plan.tenant,
    onEvent: (item) =>
      Effect.sync(() => {
        if (isEvent(item)) events.push(item)
      })
  })
  const fiber = yield* Effect.forkChild(Effect.provide(running, model.layer))
  if (plan.cancelAt !== undefined) {
    yield* Effect.sleep(plan.cancelAt)
    yield* Fiber.interrupt(fiber)
  }
  const exit = yield* Fiber.await(fiber)
  return { plan, events, exit, kept: yield* keptBy(plan.tenant, events) } satisfies SeenRun
})

/** The runs of a plan, in one world: they share caches, circuits and rates. */
const world = (plan: Plan): Effect.Effect<Seen> => {
  const events = new Map(plan.runs.map(({ tenant }) => [tenant, new Array<RunEvent.RunEvent>()]))
  const written: Books = {
    plan,
    executions: [],
    counts: new Map(),
    eventsOf: (tenant) => events.get(tenant)?.length ?? 0
  }
  return Effect.forEach(plan.runs, (run) => oneRun(run, events.get(run.tenant) ?? []), { concurrency: "unbounded" })
    .pipe(
      // deaf handlers end by themselves
      Effect.tap(Effect.sleep(1000)),
      Effect.map((runs): Seen => ({ runs, executions: written.executions })),
      Effect.provideService(books, written),
      Effect.provideService(Journal.current, journalOf(plan.seed)),
      Effect.provideService(References.MinimumLogLevel, "None")
    )
}

/** Runs the world of a plan: what was seen, or why it never came to an end. */
export const simulate = (plan: Plan): Seen | string => {
  const { stop } = Simulation.simulate(world(plan), { seed: plan.seed })
  if (stop._tag !== "Done") return stop._tag
  return Exit.isSuccess(stop.exit) ? stop.exit.value : String(stop.exit.cause)
}
