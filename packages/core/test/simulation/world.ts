import { Agent, type RunEvent, ToolCall, ToolFailure, ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Effect, Exit, Fiber, Option, References, Schema } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { type Fate, type Plan, type Planned, type PlannedRun, policies, type Step } from "./plan.ts"

/** One execution of a handler, as it saw itself: the dispatcher has no part in this record. */
export interface Execution {
  readonly tenant: string
  readonly tool: string
  readonly turn: number
  readonly call: number
  readonly item: number
  readonly attempt: number
  readonly key: string
  readonly fate: Fate
  readonly deadline: number
  /** Whether its attempt was in the journal when it began. */
  readonly journaled: boolean
  readonly start: number
  end: number | undefined
  /** Whether it ended by itself, not by interruption. */
  finished: boolean
  /** When the side effect took place. */
  committed: number | undefined
}

export interface SeenRun {
  readonly plan: PlannedRun
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly exit: Exit.Exit<unknown, unknown>
}

export interface Seen {
  readonly runs: ReadonlyArray<SeenRun>
  readonly executions: ReadonlyArray<Execution>
}

class Sealed extends Schema.TaggedError<Sealed>()("Sealed", {}) {
  readonly [ToolFailure.kind] = "fatal" as const
}

const now = Effect.clockWith((clock) => clock.currentTimeMillis)

/** What a result says of itself, so that the oracle knows whose it is. */
export const resultOf = (tenant: string, tool: string, item: number, n: number): string =>
  `${tenant}/${tool}/${item}/${n};`

interface Books {
  readonly executions: Array<Execution>
  readonly events: Map<string, Array<RunEvent.RunEvent>>
}

const act = (
  { fate, millis }: Step,
  commit: Effect.Effect<void>,
  result: string
): Effect.Effect<string, ToolFailure.ToolFailure | Sealed> => {
  const down = (more: object = {}) => ToolFailure.transient({ reason: "Unavailable", message: "down", ...more })
  const done = Effect.as(commit, result)
  const work = Effect.sleep(millis)
  switch (fate) {
    case "ok":
      return Effect.andThen(work, done)
    case "slow":
      return Effect.andThen(Effect.sleep(millis + 35), done)
    case "transient":
      return Effect.andThen(work, down())
    case "refused":
      return Effect.andThen(work, down({ executed: false }))
    case "throttled":
      return Effect.andThen(
        work,
        ToolFailure.transient({ reason: "RateLimited", message: "slow down", retryAfter: 45, executed: false })
      )
    case "committed":
      return Effect.andThen(work, Effect.andThen(commit, down()))
    case "permanent":
      return Effect.andThen(work, ToolFailure.permanent({ reason: "NotFound", message: "none" }))
    case "unknown":
      return Effect.andThen(work, new ToolFailure.Unknown({ message: "odd" }))
    case "die":
      return Effect.andThen(work, Effect.die(new Error("bug")))
    case "hang":
      return Effect.never
    case "deaf":
      return Effect.andThen(commit, Effect.as(Effect.uninterruptible(Effect.sleep(170)), result))
    case "fatal":
      return Effect.andThen(work, new Sealed())
  }
}

const toolsOf = (plan: Plan, { events, executions }: Books) => {
  const counts = new Map<string, number>()

  /** Writes an execution into the books and does what the plan says. */
  const execute = (tool: string) =>
    Effect.fnUntraced(function*({ item, n }: { readonly item: number; readonly n: number }) {
      const call = yield* ToolCall.current
      if (call === undefined) return yield* Effect.die(new Error("a handler without a call"))
      const { attempt, deadline, idempotencyKey, index, turn } = call
      const tenant = call.tenant ?? ""
      const counted = `${tenant} ${tool} ${item} ${n}`
      const nth = counts.get(counted) ?? 0
      counts.set(counted, nth + 1)
      const step = plan.step(tenant, tool, item * 100 + n, nth)
      const execution: Execution = {
        tenant,
        tool,
        turn,
        call: index,
        item,
        attempt,
        key: idempotencyKey,
        fate: step.fate,
        deadline,
        journaled: events.get(tenant)?.some((event) =>
          event._tag === "AttemptStarted" && event.turn === turn && event.index === index && event.attempt === attempt
        ) ?? false,
        start: yield* now,
        end: undefined,
        finished: false,
        committed: undefined
      }
      const commit = Effect.map(now, (at) => {
        execution.committed = at
      })
      // the books are complete whenever the handler is interrupted
      return yield* Effect.acquireUseRelease(
        Effect.sync(() =>
          executions.push(execution)
        ),
        () => act(step, commit, resultOf(tenant, tool, item, n)),
        (_, exit) =>
          Effect.map(now, (at) => {
            execution.end = at
            execution.finished = !Exit.hasInterrupts(exit)
          })
      )
    })

  const made = (name: string, effectClass: ToolPolicy.EffectClass) =>
    Agent.tool(name, {
      description: name,
      class: effectClass,
      parameters: { item: Schema.Int, n: Schema.Int },
      success: Schema.String,
      failure: ToolFailure.ToolFailure,
      run: (parameters) => execute(name)(parameters) as Effect.Effect<string, ToolFailure.ToolFailure>
    })
  const common = { timeout: policies.timeout, retry: { times: policies.retries } }
  const byItem = ({ item }: { readonly item: number }) => `${item}`
  return [
    ToolPolicy.readonly(made("read", "readonly"), {
      ...common,
      concurrency: policies.read.concurrency,
      cache: policies.read
    }),
    ToolPolicy.set(made("put", "idempotent"), { ...common, serial: byItem }),
    ToolPolicy.effectful(made("pay", "effectful"), {
      ...common,
      serial: byItem,
      // asks the books, which sometimes do not answer
      reconcile: ({ item, n }, { idempotencyKey, tenant = "" }) =>
        Effect.suspend(() => {
          if ((item + n) % 3 === 0) return Effect.fail("no answer")
          const taken = executions.some(({ committed, key }) => key === idempotencyKey && committed !== undefined)
          return Effect.succeed(taken ? Option.some(resultOf(tenant, "pay", item, n)) : Option.none())
        })
    }),
    ToolPolicy.readonly(made("slow", "readonly"), { ...common, hedge: policies.slow }),
    ToolPolicy.set(made("limited", "readonly"), { ...common, rateLimit: policies.limited }),
    ToolPolicy.readonly(made("fragile", "readonly"), {
      ...common,
      retry: { times: policies.fragile.retries },
      breaker: {
        tripPolicy: CircuitBreaker.consecutive(policies.fragile.failures),
        openDuration: policies.fragile.openFor
      },
      fallback: ToolPolicy.set(made("spare", "readonly"), { ...common, retry: { times: 0 } })
    }),
    ToolPolicy.set(made("later", "readonly"), { ...common, after: ["pay"] }),
    ToolPolicy.set(
      Agent.tool("big", {
        description: "Writes a lot",
        class: "readonly",
        parameters: { item: Schema.Int, n: Schema.Int },
        success: Schema.String,
        failure: ToolFailure.ToolFailure,
        run: (parameters) =>
          Effect.map(
            execute("big")(parameters) as Effect.Effect<string, ToolFailure.ToolFailure>,
            (text) => text + "x".repeat(parameters.item === 0 ? 100 : 3000)
          )
      }),
      { ...common, maxResultSize: policies.big.maxResultSize }
    ),
    ToolPolicy.set(
      Agent.tool("vault", {
        description: "May be sealed",
        class: "readonly",
        parameters: { item: Schema.Int, n: Schema.Int },
        success: Schema.String,
        failure: Schema.Union([ToolFailure.Transient, ToolFailure.Permanent, ToolFailure.Unknown, Sealed]),
        run: execute("vault")
      }),
      common
    )
  ]
}

const ask = ({ item, n, tool }: Planned) => ({ name: tool, input: { item, n } })

const oneRun = Effect.fnUntraced(function*(plan: PlannedRun, tools: ReturnType<typeof toolsOf>, books: Books) {
  const events: Array<RunEvent.RunEvent> = []
  books.events.set(plan.tenant, events)
  const replies = plan.turns.map((calls) => ModelScript.toolUse(calls.map(ask), { interval: 1 }))
  const model = yield* ScriptedModel.make([
    ...(plan.cutFirst && replies[0] !== undefined ? [ModelScript.cut(replies[0], { afterEvents: 4 })] : []),
    ...replies,
    ModelScript.text("done")
  ])
  yield* Effect.sleep(plan.startAt)
  const agent = Agent.make("simulated", { tools, limits: plan.limits })
  const fiber = yield* Effect.forkChild(
    Agent.run(agent, "go", {
      runId: `run-${plan.tenant}`,
      tenant: plan.tenant,
      onEvent: (item) =>
        Effect.sync(() => {
          if (item._tag !== "TextDelta" && item._tag !== "ThinkingDelta" && item._tag !== "Progress") events.push(item)
        })
    }).pipe(Effect.provide(model.layer))
  )
  if (plan.cancelAt !== undefined) {
    yield* Effect.sleep(plan.cancelAt)
    yield* Fiber.interrupt(fiber)
  }
  return { plan, events, exit: yield* Fiber.await(fiber) } satisfies SeenRun
})

/** The runs of a plan, in one world: they share caches, circuits and rates. */
export const world = (plan: Plan): Effect.Effect<Seen> =>
  Effect.gen(function*() {
    const books: Books = { executions: [], events: new Map() }
    const tools = toolsOf(plan, books)
    const runs = yield* Effect.forEach(plan.runs, (run) => oneRun(run, tools, books), { concurrency: "unbounded" })
    // deaf handlers end by themselves
    yield* Effect.sleep(1000)
    return { runs, executions: books.executions }
  }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))

/** Runs the world of a plan: what was seen, or why it never came to an end. */
export const simulate = (plan: Plan): Seen | string => {
  const { stop } = Simulation.simulate(world(plan), { seed: plan.seed })
  if (stop._tag !== "Done") return stop._tag
  return Exit.isSuccess(stop.exit) ? stop.exit.value : String(stop.exit.cause)
}
