import { Agent, ToolFailure, ToolPolicy } from "@volley/core"
import { Simulation } from "@volley/core/testing"
import { Effect, Schema } from "effect"

export const title =
  "Simulated runs of 3 turns × 8 calls, with all laws checked (per second of one core, best of 20 rounds of 40 seeds)"

const rounds = 20
const seeds = 40
const turns = 3
const calls = 8

const tool = (name: string, effectClass: ToolPolicy.EffectClass) =>
  ToolPolicy.set(
    Agent.tool(name, {
      description: name,
      class: effectClass,
      parameters: { item: Schema.Int },
      success: Schema.String,
      failure: ToolFailure.ToolFailure,
      run: () => Effect.succeed("done")
    }),
    { timeout: "1 second", retry: { times: 2 } }
  )

const tools = [tool("look", "readonly"), tool("put", "idempotent"), tool("pay", "effectful")] as const

const agent = Agent.make("bench", { tools })

const down = { _tag: "Transient", reason: "Unavailable", message: "down", executed: false }

/** Every twentieth attempt fails and is repeated, or none does. */
const planOf = (seed: number, faults: boolean): Simulation.Plan => ({
  seed,
  slowJournal: false,
  strikes: [],
  runs: [{
    tenant: "a",
    startAt: 0,
    interval: 0,
    turns: Array.from({ length: turns }, (_, turn) => ({
      faults: [],
      calls: Array.from({ length: calls }, (_, i) => ({
        tool: tools[i % tools.length]!.name,
        input: { item: turn * calls + i },
        result: "done",
        fates: faults && (seed + turn * calls + i) % 20 === 0
          ? [{ does: "fail" as const, millis: 5, failure: down }, { does: "ok" as const, millis: 5 }]
          : [{ does: "ok" as const, millis: (seed + i) % 4 * 5 }]
      }))
    }))
  }]
})

const perSecond = (act: (seed: number) => Simulation.Report): number => {
  let best = 0
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage()
    for (let seed = 1; seed <= seeds; seed++) {
      const { violations } = act(seed)
      if (violations.length > 0) throw new Error(`seed ${seed}: ${violations[0]!.message}`)
    }
    const { system, user } = process.cpuUsage(before)
    best = Math.max(best, seeds / ((user + system) / 1e6))
  }
  return Math.round(best)
}

export const run = () =>
  [
    { plans: "calm", "target per second": "≥ 300", plan: (seed: number) => planOf(seed, false) },
    { plans: "one attempt of 20 fails", "target per second": "≥ 300", plan: (seed: number) => planOf(seed, true) },
    {
      plans: "as drawn (crashes, cancellations, all faults)",
      "target per second": "",
      plan: (seed: number) => Simulation.draw(agent, seed)
    }
  ].map(({ plan, ...row }) => {
    const found = perSecond((seed) => Simulation.run(agent, plan(seed)))
    return { ...row, "runs per second": found, "100,000 seeds in minutes": Math.round(100_000 / found / 6) / 10 }
  })
