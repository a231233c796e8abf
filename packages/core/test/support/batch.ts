import { Agent, Check, type RunEvent, RunState, ToolCall, ToolFailure, ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Cause, Effect, Exit, Fiber, References, Schema } from "effect"
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
  "permanent",
  "unknown",
  "die",
  "throw",
  "hang",
  "deaf",
  "unencodable"
] as const

export type Fate = typeof fates[number]

export interface Spec {
  readonly class: ToolPolicy.EffectClass
  readonly timeout: number
  readonly retries: number
  readonly concurrency: number | undefined
  readonly serial: boolean
  /** Breaker, rate limit and, for a read-only tool, hedging. */
  readonly guarded: boolean
}

export interface Planned {
  readonly tool: number
  /** By attempt; the last one repeats. */
  readonly steps: ReadonlyArray<{ readonly fate: Fate; readonly millis: number }>
}

/** The calls of one turn, their tools and their bounds, as data. */
export interface Batch {
  readonly seed: number
  readonly tools: ReadonlyArray<Spec>
  readonly calls: ReadonlyArray<Planned>
  readonly concurrency: number
  readonly retries: number
  readonly deadline: number
}

const spec: Arbitrary.Arbitrary<Spec> = Arbitrary.all({
  class: oneOf<ToolPolicy.EffectClass>(["readonly", "idempotent", "effectful"]),
  timeout: oneOf([20, 100, 400]),
  retries: integer(0, 3),
  concurrency: oneOf([undefined, 1, 2, 4]),
  serial: oneOf([false, false, true]),
  guarded: oneOf([false, true])
})

export const batchOf = (
  allowed: readonly [Fate, ...Array<Fate>],
  bounds: { readonly calls?: number; readonly deadline?: readonly [number, number] } = {}
): Arbitrary.Arbitrary<Batch> => {
  const step = Arbitrary.all({ fate: oneOf(allowed), millis: oneOf([0, 10, 30, 50]) })
  const steps = Arbitrary.map(Arbitrary.all([step, step, step, step]), (all) => all)
  const [soonest, latest] = bounds.deadline ?? [300, 20_000]
  return Arbitrary.flatMap(Arbitrary.array(spec, { minLength: 1, maxLength: 4 }), (tools) =>
    Arbitrary.all({
      seed: integer(1, 1_000_000),
      tools: Arbitrary.Constant(tools),
      calls: Arbitrary.array(Arbitrary.all({ tool: integer(0, tools.length - 1), steps }), {
        maxLength: bounds.calls ?? 64
      }),
      concurrency: integer(1, 8),
      retries: integer(0, 20),
      deadline: integer(soonest, latest)
    }))
}

/** One execution of a handler. */
export interface Execution {
  readonly call: number
  readonly tool: number
  readonly attempt: number
  readonly key: string
  readonly fate: Fate
  readonly start: number
  end: number | undefined
}

export interface Seen {
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly exit: Exit.Exit<unknown, unknown>
  readonly executions: ReadonlyArray<Execution>
  /** When everything was at rest, in milliseconds. */
  readonly end: number
}

const play = (fate: Fate, millis: number, call: number): Effect.Effect<unknown, ToolFailure.ToolFailure> => {
  const down = (more: object) => ToolFailure.transient({ reason: "Unavailable", message: "down", ...more })
  switch (fate) {
    case "ok":
      return Effect.succeed(`result ${call}`)
    case "slow":
      return Effect.as(Effect.sleep(millis * 5), `result ${call}`)
    case "transient":
      return Effect.fail(down({}))
    case "refused":
      return Effect.fail(down({ executed: false }))
    case "throttled":
      return Effect.fail(
        ToolFailure.transient({ reason: "RateLimited", message: "slow down", retryAfter: 70, executed: false })
      )
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
      return Effect.as(Effect.uninterruptible(Effect.sleep(600)), `result ${call}`)
    case "unencodable":
      return Effect.succeed(10n)
  }
}

const toolsOf = ({ calls, tools }: Batch, executions: Array<Execution>) =>
  tools.map((spec, tool) => {
    const made = Agent.tool(`tool_${tool}`, {
      description: "Does what the plan says",
      class: spec.class,
      parameters: { call: Schema.Int },
      failure: ToolFailure.ToolFailure,
      run: ({ call }) =>
        Effect.gen(function*() {
          const { attempt = 1, idempotencyKey = "" } = (yield* ToolCall.current) ?? {}
          const { fate, millis } = calls[call]!.steps[Math.min(attempt, 4) - 1]!
          const start = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
          const execution: Execution = { call, tool, attempt, key: idempotencyKey, fate, start, end: undefined }
          executions.push(execution)
          const ended = Effect.clockWith((clock) => {
            execution.end = clock.currentTimeMillisUnsafe()
            return Effect.void
          })
          return yield* Effect.ensuring(
            Effect.andThen(Effect.sleep(millis), Effect.suspend(() => play(fate, millis, call))),
            ended
          )
        })
    })
    const common = {
      timeout: spec.timeout,
      retry: { times: spec.retries },
      serial: spec.serial,
      ...(spec.concurrency === undefined ? {} : { concurrency: spec.concurrency }),
      ...(spec.guarded
        ? {
          breaker: { tripPolicy: CircuitBreaker.consecutive(4), openDuration: 80 },
          rateLimit: { limit: 3, window: 50 }
        }
        : {})
    }
    return spec.class === "readonly"
      ? ToolPolicy.readonly(made, spec.guarded ? { ...common, hedge: { after: 25 } } : common)
      : ToolPolicy.set(made, common)
  })

/** Runs an agent whose model asks for the calls of the batch in one turn, in simulated time. */
export const runBatch = (batch: Batch, options: { readonly cancelAt?: number } = {}): Seen => {
  const program = Effect.gen(function*() {
    const executions: Array<Execution> = []
    const events: Array<RunEvent.RunEvent> = []
    const calls = batch.calls.map(({ tool }, call) => ({ name: `tool_${tool}`, input: { call } }))
    const script = calls.length === 0
      ? [ModelScript.text("done")]
      : [ModelScript.toolUse(calls), ModelScript.text("done")]
    const model = yield* ScriptedModel.make(script)
    const agent = Agent.make("batch", {
      tools: toolsOf(batch, executions),
      limits: {
        concurrency: batch.concurrency,
        retries: batch.retries,
        deadline: batch.deadline,
        toolCallsPerTurn: 64
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
    const end = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
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
