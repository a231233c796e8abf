import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, type RunEvent, ToolFailure, ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Effect, Exit, References, Schema } from "effect"
import type { LanguageModel } from "effect/ai"

const retries = 2
const turns = 5
const callsOfTurn = 4

/** What a call is drawn to do: so many transient failures before it succeeds, or a permanent one. */
type Drawn = number | "permanent"

const draw = (seed: number, n: number, rate: number): Drawn => {
  const numbers = Simulation.randomNumbers(seed * 1009 + n)
  numbers()
  if (numbers() >= rate) return 0
  return numbers() < 0.25 ? "permanent" : 1 + Math.floor(numbers() * retries)
}

interface Row {
  rate: number
  calls: number
  transient: number
  recovered: number
  permanent: number
  toldAtOnce: number
  extraTurns: number
}

/** Asks for all calls, turn by turn; repeats at once what failed for now, so that a failure told costs a turn. */
const perfect = (request: LanguageModel.ProviderOptions): ModelScript.Step => {
  const { content } = request.prompt
  const asked = content.filter(({ role }) => role === "assistant").length
  const failed = content.at(-1)?.role === "tool" && JSON.stringify(content.at(-1)).includes("Transient failure")
  if (failed) return ModelScript.toolUse([{ name: "work", input: { n: 1000 + asked } }])
  return asked >= turns
    ? ModelScript.text("done")
    : ModelScript.toolUse(
      Array.from({ length: callsOfTurn }, (_, i) => ({ name: "work", input: { n: asked * callsOfTurn + i } }))
    )
}

const run = (seed: number, rate: number): ReadonlyArray<RunEvent.RunEvent> => {
  const failures = new Map<number, number>()
  const work = ToolPolicy.set(
    Agent.tool("work", {
      description: "Works",
      class: "idempotent",
      parameters: { n: Schema.Int },
      failure: ToolFailure.ToolFailure,
      run: ({ n }): Effect.Effect<string, ToolFailure.ToolFailure> => {
        const drawn = draw(seed, n, rate)
        if (drawn === "permanent") return Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "none" }))
        const before = failures.get(n) ?? 0
        failures.set(n, before + 1)
        return before < drawn
          ? Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "down" }))
          : Effect.as(Effect.sleep(5), `did ${n}`)
      }
    }),
    { retry: { times: retries } }
  )
  const agent = Agent.make("perfect", {
    tools: [work],
    limits: { retries: 100, turns: 2 * turns, deadline: "30 minutes" }
  })
  const events: Array<RunEvent.RunEvent> = []
  const { stop } = Simulation.simulate(
    Effect.gen(function*() {
      const { layer } = yield* ScriptedModel.make(perfect)
      const onEvent = (item: RunEvent.RunEvent | RunEvent.Delta) =>
        Effect.sync(() => {
          if (item._tag !== "TextDelta" && item._tag !== "ThinkingDelta" && item._tag !== "Progress") events.push(item)
        })
      return yield* Effect.provide(Agent.run(agent, "Go", { onEvent }), layer)
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None")),
    { seed, yieldProbability: 0.1 }
  )
  if (stop._tag !== "Done" || Exit.isFailure(stop.exit)) assert.fail(`seed ${seed}: the run did not complete`)
  assert.strictEqual(stop.exit.value._tag, "Completed")
  return events
}

const add = (row: Row, seed: number, events: ReadonlyArray<RunEvent.RunEvent>): void => {
  assert.deepStrictEqual(Check.all(events), [])
  const params = new Map<string, number>()
  for (const event of events) {
    if (!("index" in event)) continue
    const key = `${event.turn}.${event.index}`
    if (event._tag === "ToolCallRequested") params.set(key, (event.params as { readonly n: number }).n)
    if (event._tag !== "ToolCallAnswered") continue
    const drawn = draw(seed, params.get(key)!, row.rate)
    row.calls++
    if (drawn === "permanent") {
      row.permanent++
      if (!event.ok && event.attempts === 1) row.toldAtOnce++
    } else if (drawn > 0) {
      row.transient++
      if (event.ok && event.attempts === drawn + 1) row.recovered++
    }
  }
  row.extraTurns += events.filter(({ _tag }) => _tag === "ModelRequested").length - turns - 1
}

describe("faults at a rate", () => {
  it("transient ones are recovered without a turn more, permanent ones are told after one attempt", () => {
    const rows = [0, 0.1, 0.2, 0.3].map((rate): Row => {
      const row: Row = { rate, calls: 0, transient: 0, recovered: 0, permanent: 0, toldAtOnce: 0, extraTurns: 0 }
      for (let seed = 1; seed <= 50; seed++) add(row, seed, run(seed, rate))
      return row
    })
    // oxlint-disable-next-line no-console -- the numbers of the test
    console.table(rows)
    for (const { calls, extraTurns, permanent, rate, recovered, toldAtOnce, transient } of rows) {
      assert.strictEqual(calls, 50 * turns * callsOfTurn)
      assert.strictEqual(recovered, transient)
      assert.strictEqual(toldAtOnce, permanent)
      assert.strictEqual(extraTurns, 0)
      assert.approximately((transient + permanent) / calls, rate, 0.05)
    }
  })
})
