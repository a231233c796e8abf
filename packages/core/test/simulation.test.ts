import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, type RunEvent, RunState, ToolCall, ToolFailure, ToolPolicy } from "@volley/core"
import { Ledger, ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Cause, Effect, Exit, Fiber, References, Schema } from "effect"

/** What a handler does at one attempt: drawn as data, per call and attempt, never in order of execution. */
interface Step {
  readonly fate: number
  readonly millis: number
}

interface Plan {
  readonly calls: number
  readonly steps: ReadonlyArray<ReadonlyArray<Step>>
  readonly cutFirst: boolean
  readonly cancelAt: number | undefined
}

const calls = 8

const plan = (seed: number): Plan => {
  const random = Simulation.randomNumbers(seed)
  return {
    calls: 1 + Math.floor(random() * calls),
    steps: Array.from(
      { length: calls },
      () => Array.from({ length: 3 }, () => ({ fate: random(), millis: Math.floor(random() * 4) * 10 }))
    ),
    cutFirst: random() < 0.3,
    cancelAt: random() < 0.3 ? Math.floor(random() * 200) : undefined
  }
}

const classes = ["readonly", "idempotent", "effectful"] as const

interface Seen {
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly exit: Exit.Exit<unknown, unknown>
  readonly peak: number
  readonly running: number
  readonly executions: Readonly<Record<string, number>>
}

/** One run of an agent whose tools do what the plan says. */
const world = (plan: Plan): Effect.Effect<Seen> =>
  Effect.scoped(Effect.gen(function*() {
    const ledger = yield* Ledger.make
    const tools = classes.map((effectClass) =>
      ToolPolicy.set(
        Agent.tool(`${effectClass}_tool`, {
          description: "Does what the plan says",
          class: effectClass,
          failure: ToolFailure.ToolFailure,
          parameters: { call: Schema.Int },
          run: ({ call }) =>
            ledger.track(
              "handlers",
              Effect.gen(function*() {
                const attempt = (yield* ToolCall.current)?.attempt ?? 1
                yield* ledger.record(`${effectClass} ${call}`)
                const { fate, millis } = plan.steps[call]![Math.min(attempt, 3) - 1]!
                yield* Effect.sleep(millis)
                if (fate < 0.2) return yield* ToolFailure.transient({ reason: "Unavailable", message: "down" })
                if (fate < 0.3) {
                  return yield* ToolFailure.transient({ reason: "Unavailable", message: "refused", executed: false })
                }
                if (fate < 0.4) return yield* ToolFailure.permanent({ reason: "NotFound", message: "none" })
                if (fate < 0.45) return yield* Effect.die("bug")
                if (fate < 0.5) return yield* Effect.never
                if (fate < 0.55) yield* Effect.uninterruptible(Effect.sleep(300))
                return `result ${call}`
              })
            )
        }),
        { timeout: "100 millis", concurrency: 2, serial: effectClass === "effectful" }
      )
    )
    const reply = ModelScript.toolUse(
      Array.from({ length: plan.calls }, (_, call) => ({ name: `${classes[call % 3]}_tool`, input: { call } })),
      { interval: 5 }
    )
    const model = yield* ScriptedModel.make([
      ...(plan.cutFirst ? [ModelScript.cut(reply, { afterEvents: 4 })] : []),
      reply,
      ModelScript.text("done")
    ])
    const events: Array<RunEvent.RunEvent> = []
    const fiber = yield* Effect.forkChild(
      Agent.run(Agent.make("simulated", { tools, limits: { concurrency: 3, deadline: "5 seconds" } }), "go", {
        onEvent: (item) =>
          Effect.sync(() => {
            if (!("text" in item && item._tag !== "RunEnded") && item._tag !== "Progress") {
              events.push(item)
            }
          })
      }).pipe(Effect.provide(model.layer))
    )
    if (plan.cancelAt !== undefined) {
      yield* Effect.sleep(plan.cancelAt)
      yield* Fiber.interrupt(fiber)
    }
    const exit = yield* Fiber.await(fiber)
    yield* Effect.sleep(1000)
    const { current, peak } = yield* ledger.inFlight("handlers")
    return { events, exit, peak, running: current, executions: yield* ledger.counts }
  })).pipe(Effect.provideService(References.MinimumLogLevel, "None"))

const violations = (plan: Plan, { events, executions, exit, peak, running }: Seen): ReadonlyArray<string> => {
  const found = Check.all(events).map(({ event, guarantee, message }) => `${guarantee} at ${event}: ${message}`)
  const state = events.reduce(RunState.apply, RunState.initial)
  const interrupted = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
  if (state.phase !== "ended") found.push("the run did not end in its journal")
  if (Exit.isFailure(exit) && !interrupted) found.push(`the run failed: ${Cause.pretty(exit.cause)}`)
  if (interrupted && plan.cancelAt === undefined) found.push("the run was interrupted by nobody")
  if (peak > 3) found.push(`G6: ${peak} handlers ran at the same time`)
  if (running !== 0) found.push(`G9: ${running} handlers are still running`)
  for (const [key, count] of Object.entries(executions)) {
    const [effectClass, call] = key.split(" ")
    if (effectClass !== "effectful") continue
    const steps = plan.steps[Number(call)]!
    const allowed = 1 + steps.slice(0, 2).filter(({ fate }) => fate >= 0.2 && fate < 0.3).length
    if (count > allowed) found.push(`G4: ${key} was executed ${count} times, allowed ${allowed}`)
  }
  return found
}

const seeds = process.env["VOLLEY_LONG"] === "1" ? 20_000 : 1500

describe("simulated runs", () => {
  it(`G1, G2, G4, G6, G9, G11 - hold in ${seeds} seeds of faults, interleavings and cancellations`, {
    timeout: 300_000
  }, () => {
    const endings = new Map<string, number>()
    for (let seed = 1; seed <= seeds; seed++) {
      const drawn = plan(seed)
      const { stop } = Simulation.simulate(world(drawn), { seed })
      if (stop._tag !== "Done") assert.fail(`seed ${seed}: ${stop._tag}`)
      if (Exit.isFailure(stop.exit)) assert.fail(`seed ${seed}: ${Cause.pretty(stop.exit.cause)}`)
      assert.deepStrictEqual(violations(drawn, stop.exit.value), [], `seed ${seed}`)
      const ended = stop.exit.value.events.at(-1)
      const ending = ended?._tag === "RunEnded" ? ended.outcome : "none"
      endings.set(ending, (endings.get(ending) ?? 0) + 1)
    }
    // the plans reach both ends that they can reach
    assert.isAbove(endings.get("completed") ?? 0, seeds / 3)
    assert.isAbove(endings.get("cancelled") ?? 0, seeds / 20)
  })

  it("the same seed gives the same events, another seed another order", () => {
    const trace = (seed: number): string => {
      const { stop } = Simulation.simulate(world({ ...plan(7), cancelAt: undefined }), { seed })
      return stop._tag === "Done" && Exit.isSuccess(stop.exit) ? JSON.stringify(stop.exit.value.events) : stop._tag
    }
    const traces = new Set<string>()
    for (let seed = 1; seed <= 50; seed++) {
      assert.strictEqual(trace(seed), trace(seed))
      traces.add(trace(seed))
    }
    assert.isAbove(traces.size, 25)
  })
})

describe("Simulation.simulate", () => {
  it("reports a deadlock and a step limit instead of hanging", () => {
    assert.strictEqual(Simulation.simulate(Effect.never, { seed: 1 }).stop._tag, "Deadlock")
    const endless = Effect.forever(Effect.yieldNow)
    assert.strictEqual(Simulation.simulate(endless, { seed: 1, maxSteps: 100 }).stop._tag, "StepLimit")
  })

  it("time moves only when nothing is ready", () => {
    const { now, stop } = Simulation.simulate(
      Effect.all([Effect.sleep(30), Effect.sleep(10), Effect.sleep(20)], { concurrency: "unbounded" }),
      { seed: 3, yieldProbability: 0.8 }
    )
    assert.strictEqual(stop._tag, "Done")
    assert.strictEqual(now, 30)
  })
})
