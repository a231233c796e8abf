import { Agent, Check, type RunEvent, RunState, ToolCall, ToolFailure, ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Cause, Effect, Exit, Fiber, Option, References, Schedule, Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { CircuitBreaker } from "effect/persistence"
import { integer, oneOf } from "./arbitraries.ts"

/** What a handler does at one attempt. */
export const fates = [
  "ok",
  "slow",
  "transient",
  "refused",
  "throttled",
  "committed",
  "permanent",
  "unknown",
  "die",
  "throw",
  "hang",
  "deaf",
  "unencodable"
] as const

export type Fate = typeof fates[number]

/** The tool that stands in for another, of the same class. */
export interface Spare {
  readonly retries: number
  readonly concurrency: number | undefined
}

export interface Spec {
  readonly class: ToolPolicy.EffectClass
  readonly timeout: number
  readonly retries: number
  /** The waits before them: the default ones, or a schedule's. */
  readonly waits: "default" | "spaced"
  readonly concurrency: number | undefined
  /** One after another: all calls, or those of one item. */
  readonly serial: "all" | "item" | undefined
  /** Breaker and rate limit. */
  readonly guarded: boolean
  /** Whether its calls come after those of the tool before it, if there is one. */
  readonly after: boolean
  readonly fallback: Spare | undefined
  /** Of a read-only tool. */
  readonly cache: boolean
  /** Of a read-only tool. */
  readonly hedge: "fixed" | "p95" | undefined
  /** Of an effectful tool. */
  readonly reconcile: boolean
}

export interface Planned {
  readonly tool: number
  readonly item: number
  /** Whether it has the arguments of every other such call of its tool and item. */
  readonly equal: boolean
  /** By attempt, at least one; the last repeats. */
  readonly steps: ReadonlyArray<{ readonly fate: Fate; readonly millis: number }>
}

/** The calls of one turn, their tools and their bounds, as data. */
export interface Batch {
  readonly seed: number
  readonly tools: ReadonlyArray<Spec>
  readonly calls: ReadonlyArray<Planned>
  /** Milliseconds between the events of the reply that asks for the calls. */
  readonly interval: number
  readonly concurrency: number
  readonly retries: number
  readonly deadline: number
}

/** What is the same of all tools that have it. Durations are milliseconds. */
export const policies = {
  spacing: 30,
  hedge: 25,
  breaker: { failures: 4, openFor: 80 },
  rate: { limit: 3, window: 50 },
  cache: { timeToLive: 20, staleIfError: 1000, failures: 20 }
}

const sometimes = oneOf([false, false, true])

const spec: Arbitrary.Arbitrary<Spec> = Arbitrary.all({
  class: oneOf<ToolPolicy.EffectClass>(["readonly", "readonly", "idempotent", "effectful"]),
  timeout: oneOf([40, 100, 400]),
  retries: integer(0, 3),
  waits: oneOf<Spec["waits"]>(["default", "default", "spaced"]),
  concurrency: oneOf([undefined, 1, 2, 4]),
  serial: oneOf<Spec["serial"]>([undefined, undefined, undefined, undefined, "all", "item"]),
  guarded: sometimes,
  after: sometimes,
  fallback: oneOf<Spec["fallback"]>([
    undefined,
    undefined,
    { retries: 0, concurrency: 1 },
    { retries: 1, concurrency: undefined }
  ]),
  cache: oneOf([false, true, true]),
  hedge: oneOf<Spec["hedge"]>([undefined, "fixed", "p95"]),
  reconcile: oneOf([false, true])
})

/** A tool whose calls wait for nothing, and without any other policy. */
export const plain: Spec = {
  class: "readonly",
  timeout: 100,
  retries: 0,
  waits: "default",
  concurrency: undefined,
  serial: undefined,
  guarded: false,
  after: false,
  fallback: undefined,
  cache: false,
  hedge: undefined,
  reconcile: false
}

const unbounded = (spec: Spec): Spec => ({
  ...spec,
  concurrency: undefined,
  serial: undefined,
  guarded: false,
  after: false,
  fallback: spec.fallback === undefined ? undefined : { ...spec.fallback, concurrency: undefined }
})

/** The most calls of a batch, and the most of them that run at one time where there is no bound. */
const mostCalls = 64

/**
 * @param bounds.unbounded - no call waits for a place, a rate or another call
 */
export const batchOf = (
  allowed: readonly [Fate, ...Array<Fate>],
  bounds: {
    readonly calls?: number
    readonly deadline?: readonly [number, number]
    readonly unbounded?: boolean
  } = {}
): Arbitrary.Arbitrary<Batch> => {
  const [soonest, latest] = bounds.deadline ?? [800, 20_000]
  // what calls share shows where they are alike, and where some go well
  const tools = Arbitrary.flatMap(
    oneOf([1, 1, 2, 4]),
    (count) =>
      Arbitrary.array(bounds.unbounded === true ? Arbitrary.map(spec, unbounded) : spec, {
        minLength: count,
        maxLength: count
      })
  )
  const calm = allowed.includes("ok") ? allowed.flatMap(() => Array<Fate>(4).fill("ok")) : []
  const weather = oneOf<readonly [Fate, ...Array<Fate>]>([allowed, [...allowed, ...calm]])
  return Arbitrary.flatMap(Arbitrary.all([tools, weather]), ([tools, fates]) => {
    const step = Arbitrary.all({ fate: oneOf(fates), millis: oneOf([0, 10, 30, 50]) })
    const call = Arbitrary.all({
      tool: integer(0, tools.length - 1),
      item: integer(0, 1),
      equal: oneOf([false, true]),
      steps: Arbitrary.all([step, step, step, step])
    })
    return Arbitrary.all({
      seed: integer(1, 1_000_000),
      tools: Arbitrary.Constant(tools),
      calls: Arbitrary.array(call, { maxLength: bounds.calls ?? mostCalls }),
      interval: oneOf([0, 1, 3, 3]),
      concurrency: bounds.unbounded === true ? Arbitrary.Constant(mostCalls) : oneOf([1, 2, 4, 8, 16]),
      retries: integer(0, 20),
      deadline: integer(soonest, latest)
    })
  })
}

/** One execution of a handler. */
export interface Execution {
  readonly call: number
  readonly tool: number
  /** Whether it is one of the tool that stands in. */
  readonly spare: boolean
  readonly attempt: number
  readonly key: string
  readonly fate: Fate
  readonly start: number
  end: number | undefined
  /** Whether it ended by itself, not by interruption. */
  finished: boolean
  /** Whether its effect took place. */
  acted: boolean
}

export interface Seen {
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly exit: Exit.Exit<unknown, unknown>
  readonly executions: ReadonlyArray<Execution>
  /** When everything was at rest, in milliseconds. */
  readonly end: number
}

/** The arguments of a call. */
export const paramsOf = ({ calls }: Batch, call: number): { readonly item: number; readonly n: number } => {
  const { equal, item } = calls[call]!
  return { item, n: equal ? -1 : call }
}

const resultOf = ({ call, spare }: Execution): string => `${spare ? "spare " : ""}result ${call}`

/** The call whose execution gave a result, and whether that was of the tool that stands in. */
export const sourceOf = (result: unknown): { readonly call: number; readonly spare: boolean } | undefined => {
  const found = /^(spare )?result (\d+)$/m.exec(String(result))
  return found === null ? undefined : { call: Number(found[2]), spare: found[1] !== undefined }
}

const play = (
  execution: Execution,
  millis: number
): Effect.Effect<unknown, ToolFailure.ToolFailure> => {
  const down = (more: object) => ToolFailure.transient({ reason: "Unavailable", message: "down", ...more })
  const act = <A>(result: A): Effect.Effect<A> =>
    Effect.sync(() => {
      execution.acted = true
      return result
    })
  const done = act(resultOf(execution))
  switch (execution.fate) {
    case "ok":
      return done
    case "slow":
      return Effect.andThen(Effect.sleep(millis * 5), done)
    case "transient":
      return Effect.fail(down({}))
    case "refused":
      return Effect.fail(down({ executed: false }))
    case "throttled":
      return Effect.fail(
        ToolFailure.transient({ reason: "RateLimited", message: "slow down", retryAfter: 70, executed: false })
      )
    case "committed":
      return Effect.andThen(act(undefined), Effect.fail(down({})))
    case "permanent":
      return Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "none" }))
    case "unknown":
      return Effect.fail(new ToolFailure.Unknown({ message: "odd" }))
    case "die":
      return Effect.die(new Error("bug"))
    case "throw":
      throw new TypeError("bug")
    case "hang":
      return Effect.never
    case "deaf":
      return Effect.uninterruptible(Effect.andThen(Effect.sleep(600), done))
    case "unencodable":
      return act(10n)
  }
}

const now = Effect.clockWith((clock) => clock.currentTimeMillis)

/** Does what is planned for the attempt, and writes it down, whenever it is interrupted. */
const execute = ({ calls }: Batch, executions: Array<Execution>, tool: number, spare: boolean) =>
  Effect.gen(function*() {
    const { attempt = 1, idempotencyKey: key = "", index: call = 0 } = (yield* ToolCall.current) ?? {}
    const { steps } = calls[call]!
    const { fate, millis } = steps[Math.min(attempt, steps.length) - 1]!
    const begin = Effect.map(now, (start): Execution => {
      const begun = { call, tool, spare, attempt, key, fate, start, end: undefined, finished: false, acted: false }
      executions.push(begun)
      return begun
    })
    return yield* Effect.acquireUseRelease(
      begin,
      (execution) => Effect.andThen(Effect.sleep(millis), Effect.suspend(() => play(execution, millis))),
      (execution, exit) =>
        Effect.map(now, (at) => {
          execution.end = at
          execution.finished = !Exit.hasInterrupts(exit)
        })
    )
  })

const retryOf = (waits: Spec["waits"], times: number): ToolPolicy.Retry =>
  waits === "default" ? { times } : Schedule.upTo(Schedule.spaced(policies.spacing), { times })

const toolsOf = (batch: Batch, executions: Array<Execution>) => {
  const made = (name: string, tool: number, spare: boolean) =>
    Agent.tool(name, {
      description: "Does what the plan says",
      class: batch.tools[tool]!.class,
      parameters: { item: Schema.Int, n: Schema.Int },
      failure: ToolFailure.ToolFailure,
      run: () => execute(batch, executions, tool, spare)
    })
  type Parameters = ReturnType<typeof paramsOf>

  /** Looks into what was written down, which is sometimes not to be had. */
  const reconcile = (_: Parameters, { idempotencyKey, index }: ToolCall.ToolCall) =>
    Effect.andThen(
      Effect.sleep(5),
      Effect.suspend(() => {
        if (index % 4 === 3) return Effect.fail("no answer")
        const found = executions.find(({ acted, key }) => acted && key === idempotencyKey)
        return Effect.succeed(Option.map(Option.fromUndefinedOr(found), resultOf))
      })
    )

  const spareOf = ({ concurrency, retries, timeout }: Spec & Spare, tool: number) =>
    ToolPolicy.set(made(`spare_${tool}`, tool, true), {
      timeout,
      retry: { times: retries },
      ...(concurrency === undefined ? {} : { concurrency })
    })

  return batch.tools.map((spec, tool) => {
    const { breaker, cache, hedge, rate } = policies
    const common = {
      timeout: spec.timeout,
      retry: retryOf(spec.waits, spec.retries),
      ...(spec.concurrency === undefined ? {} : { concurrency: spec.concurrency }),
      ...(spec.serial === undefined
        ? {}
        : { serial: spec.serial === "all" ? true : ({ item }: Parameters) => `${item}` }),
      ...(spec.guarded
        ? {
          breaker: { tripPolicy: CircuitBreaker.consecutive(breaker.failures), openDuration: breaker.openFor },
          rateLimit: rate
        }
        : {}),
      ...(spec.after && tool > 0 ? { after: [`tool_${tool - 1}`] } : {}),
      ...(spec.fallback === undefined ? {} : { fallback: spareOf({ ...spec, ...spec.fallback }, tool) })
    }
    const own = made(`tool_${tool}`, tool, false)
    switch (spec.class) {
      case "readonly":
        return ToolPolicy.readonly(own, {
          ...common,
          ...(spec.cache ? { cache } : {}),
          ...(spec.hedge === undefined ? {} : { hedge: { after: spec.hedge === "fixed" ? hedge : "p95" as const } })
        })
      case "idempotent":
        return ToolPolicy.idempotent(own, common)
      case "effectful":
        return ToolPolicy.effectful(own, { ...common, ...(spec.reconcile ? { reconcile } : {}) })
    }
  })
}

/** Runs an agent whose model asks for the calls of the batch in one turn, in simulated time. */
export const runBatch = (batch: Batch, options: { readonly cancelAt?: number } = {}): Seen => {
  const program = Effect.gen(function*() {
    const executions: Array<Execution> = []
    const events: Array<RunEvent.RunEvent> = []
    const calls = batch.calls.map(({ tool }, call) => ({ name: `tool_${tool}`, input: paramsOf(batch, call) }))
    const pace = { chunkSize: 100, ...(batch.interval === 0 ? {} : { interval: batch.interval }) }
    const script = calls.length === 0
      ? [ModelScript.text("done")]
      : [ModelScript.toolUse(calls, pace), ModelScript.text("done")]
    const model = yield* ScriptedModel.make(script)
    const agent = Agent.make("batch", {
      tools: toolsOf(batch, executions),
      limits: {
        concurrency: batch.concurrency,
        retries: batch.retries,
        deadline: batch.deadline,
        toolCallsPerTurn: mostCalls
      }
    })
    const fiber = yield* Effect.forkChild(
      Effect.provide(
        Agent.run(agent, "go", {
          onEvent: (item) =>
            Effect.sync(() => {
              if (item._tag !== "TextDelta" && item._tag !== "ThinkingDelta" && item._tag !== "Progress") {
                events.push(item)
              }
            })
        }),
        model.layer
      )
    )
    if (options.cancelAt !== undefined) {
      yield* Effect.sleep(options.cancelAt)
      yield* Fiber.interrupt(fiber)
    }
    const exit = yield* Fiber.await(fiber)
    const end = yield* now
    yield* Effect.sleep(2000)
    return { events, exit, executions, end }
  }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
  const { stop } = Simulation.simulate(program, { seed: batch.seed, maxSteps: 2_000_000 })
  if (stop._tag !== "Done") throw new Error(`the simulation ended: ${stop._tag}`)
  if (Exit.isFailure(stop.exit)) throw new Error(Cause.pretty(stop.exit.cause))
  return stop.exit.value
}

/** What the checker says of a run, for one guarantee. */
export const violations = ({ events }: Seen, guarantee: Check.Violation["guarantee"]): ReadonlyArray<string> =>
  Check.all(events).filter((violation) => violation.guarantee === guarantee).map(({ message }) => message)

export const finalState = ({ events }: Seen): RunState.RunState => events.reduce(RunState.apply, RunState.initial)
