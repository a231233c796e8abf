import { assert, describe, it } from "@effect/vitest"
import { Simulation } from "@volley/core/testing"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { mutants, mutate } from "./simulation/mutants.ts"
import { cells, reached, violations } from "./simulation/oracle.ts"
import { plan } from "./simulation/plan.ts"
import { simulate } from "./simulation/world.ts"

const seeds = process.env["VOLLEY_LONG"] === "1" ? 20_000 : 2000

describe("simulated runs", () => {
  it(`G1-G9, G11 - hold in ${seeds} worlds of faults, interleavings and cancellations, and every fault is met`, {
    timeout: 600_000
  }, () => {
    const met = new Set<string>()
    for (let seed = 1; seed <= seeds; seed++) {
      const seen = simulate(plan(seed))
      if (typeof seen === "string") assert.fail(`${seen}; replay: npm run sim -- --seed ${seed}`)
      assert.deepStrictEqual(violations(seen), [], `replay: npm run sim -- --seed ${seed}`)
      for (const cell of reached(seen)) met.add(cell)
    }
    assert.deepStrictEqual(cells.filter((cell) => !met.has(cell)), [])
  })

  it("the same seed gives the same world, another order of fibers another", () => {
    const trace = (seed: number): string => JSON.stringify(simulate({ ...plan(11), seed }))
    const traces = new Set<string>()
    for (let seed = 1; seed <= 50; seed++) {
      const seen = trace(seed)
      assert.strictEqual(trace(seed), seen)
      traces.add(seen)
    }
    assert.isAbove(traces.size, 25)
  })

  it("the text of every mutant stands in the source, once", () => {
    const source = path.resolve(import.meta.dirname, "../src")
    for (const mutant of mutants) {
      const text = fs.readFileSync(path.join(source, mutant.file), "utf8")
      assert.notStrictEqual(mutate(text, mutant), text)
    }
    assert.strictEqual(new Set(mutants.map(({ name }) => name)).size, mutants.length)
    assert.isAtLeast(mutants.length, 20)
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
